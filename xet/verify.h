// SPDX-License-Identifier: Apache-2.0
// Whether a file that has been seen whole is the one that the Hub lists. No published hash
// covers a part of a file, so this is the only moment at which content can be compared: the
// hash tree over all its chunks (a blob: SHA-256, or git's object id, over all its bytes).
#pragma once

#include "xet/engine.h"

// Something of the file has come: looks whether all of it is here now, and if so verifies it
// on the pool. Cheap when it isn't. Any thread.
void verify_look(struct xet_file *file) EXCLUDES(engine_role);
