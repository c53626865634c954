// SPDX-License-Identifier: Apache-2.0
// Names that nothing else has, by which a commit or pull request is found again whose reply was
// lost: random UUIDs.
#pragma once

#include "base/base.h"

enum { COMMIT_ID_SIZE = 37 };
void commit_id_new(char out[COMMIT_ID_SIZE]);
// "Hugfs-Commit: UUID", the last line of a description.
enum { COMMIT_TRAILER_SIZE = COMMIT_ID_SIZE + 16 };
void commit_trailer(const char *id, char out[COMMIT_TRAILER_SIZE]);
