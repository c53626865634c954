// SPDX-License-Identifier: Apache-2.0
// The Xet files that were uploaded last, by this process or one before it: what they consist of is not
// sent again, also after a restart. The committer's thread.
#pragma once

#include "fs/commit_work.h"

#define COMMIT_META_UPLOADS "uploads" // the hashes, the newest last

// Takes the journal's memory; other keys are ignored.
void commit_uploads_load(struct commit_work *work, const char *key, const void *value,
                         size_t len);
// What has been uploaded before. ERR_NO_MEMORY, or with a sentence.
NODISCARD enum err commit_uploads_open(struct commit_work *work, struct why *why);
// One more was uploaded, and the Hub was told of it.
void commit_uploads_note(struct commit_work *work, const struct digest *xet_hash);
// After some of them: so that the next process knows.
void commit_uploads_store(struct commit_work *work);
