// SPDX-License-Identifier: Apache-2.0
// Uploads the large files of a batch: one session for all of them.
#pragma once

#include "fs/commit_batch.h"

// Of all open items that are LFS and not known to the Hub; their names are known afterwards.
// `again`: also those that were known, the Hub says that it lacks something; earlier uploads are
// not believed. Items that can't be uploaded are settled; an error is about all of them.
NODISCARD enum err commit_upload(struct commit_work *work, struct commit_batch *batch,
                                 bool again, struct why *why);
// git's id of an LFS file: of the text that stands for it.
NODISCARD enum err commit_pointer_oid(const struct digest *sha256, uint64_t size,
                                      struct oid *out);
