// SPDX-License-Identifier: Apache-2.0
// Small contents that travel in the journal.
#pragma once

#include "cache/journal_db.h"
#include "cache/staging_folder.h"

// Puts the bytes of small layers into their staging files, where a power cut may have taken them
// or which were in memory only. Right after opening, and for people at the end.
NODISCARD enum err journal_restore_small(struct journal_db *db, struct staging *staging,
                                         struct why *why);
