// SPDX-License-Identifier: Apache-2.0
// Makes commits of a batch that is prepared: one, or several in stable order where it is too much
// for one or something in it is refused. Each is made once, whatever becomes of its reply.
#pragma once

#include "fs/commit_batch.h"

// COMMIT_END_DONE: every item is settled.
enum commit_end commit_send(struct commit_work *work, struct commit_batch *batch);
