// SPDX-License-Identifier: Apache-2.0
// The content of a file that travels in the body of a commit.
#pragma once

#include "fs/commit_batch.h"

// What git calls it: item->oid, has_ours. An error is one of reading it.
NODISCARD enum err commit_content_name(struct commit_work *work, struct commit_item *item,
                                       struct why *why);
// Puts into the chunk store what `version`, which a commit of ours brought, has for content: nobody
// has to download it. What fails is downloaded when somebody reads it.
void commit_content_keep(struct commit_work *work, struct commit_item *item,
                         const struct file_version *version);
