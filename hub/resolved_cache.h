// SPDX-License-Identifier: Apache-2.0
// Where resolve has redirected to, remembered for ten minutes: a file that is read in many
// ranges costs one resolve request and not one per range. The addresses are secrets and live
// in memory only. Network thread only.
#pragma once

#include "hub/hub.h"
#include "hub/redirect.h"

struct resolved_cache;

NODISCARD enum err resolved_cache_new(struct resolved_cache **out);
void resolved_cache_free(struct resolved_cache *cache);

// The address that the file was found at, valid until the next call of any of these; NULL =
// not known or too old.
const char *resolved_cache_get(struct resolved_cache *cache,
                               const struct hub_source *source, const char *path,
                               int64_t now_ms, enum http_origin *out_origin);
// Remembers it; forgets the oldest when there are too many. Out of memory nothing is kept.
void resolved_cache_put(struct resolved_cache *cache, const struct hub_source *source,
                        const char *path, const char *url, enum http_origin origin,
                        int64_t now_ms);
void resolved_cache_forget(struct resolved_cache *cache, const struct hub_source *source,
                           const char *path);
