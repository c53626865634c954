// SPDX-License-Identifier: Apache-2.0
// All xet_file objects of the engine by content. One that nobody holds stays on a bounded
// list, so that what is known about it survives the next open.
#pragma once

#include "xet/errands.h"

// Gives up a reference; under the lock, what has to be freed goes to the errands.
void file_unref(struct xet_file *file, struct errands *errands) REQUIRES(engine_role);
// The same without the lock.
void file_put(struct xet_file *file) EXCLUDES(engine_role);
// A file that is in no table any more.
void file_free(struct xet_file *file);
// At the engine's end: every file that is left.
void file_table_release(struct xet *xet);
