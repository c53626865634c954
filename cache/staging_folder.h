// SPDX-License-Identifier: Apache-2.0
// The staging folder as the journal sees it: opened, synced, tidied.
#pragma once

#include "cache/staging.h"

// Opens or makes DIR/staging.
NODISCARD enum err staging_open_folder(const char *dir, struct why *why,
                                       struct staging **out);
void staging_close_folder(struct staging *staging); // NULL is fine

// Deletes a file; one that is not there is fine.
void staging_remove(struct staging *staging, uint64_t id, uint32_t number);
// Makes the names of new files safe if any were made since the last time. *out_flushes grows
// by the flushes that took.
NODISCARD enum err staging_sync_folder(struct staging *staging, uint64_t *out_flushes);

// Calls `visit` for each data file, until it returns an error.
typedef enum err (*staging_visit_fn)(void *ctx, uint64_t id, uint32_t number);
NODISCARD enum err staging_each(struct staging *staging, staging_visit_fn visit,
                                void *ctx);
// How many data files there are and what they occupy.
void staging_usage(struct staging *staging, uint64_t *out_files, uint64_t *out_bytes);

// The ballast: made when there is room for it; given up to finish a transaction.
void staging_make_ballast(struct staging *staging);
void staging_drop_ballast(struct staging *staging);

// NAMES.txt. _begin starts a new one, _end puts it in place; until then _append collects.
void staging_names_begin(struct staging *staging);
void staging_names_end(struct staging *staging);
void staging_names_append(struct staging *staging, const void *lines, size_t len);
bool staging_names_are_long(const struct staging *staging); // time for a new one
