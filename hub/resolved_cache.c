// SPDX-License-Identifier: Apache-2.0
// The redirects that are remembered. uthash keeps the order of insertion, so the first entry
// is always the oldest, and the time to live being the same for all, the first to expire.
#include "hub/resolved_cache.h"

#include <stdio.h>
#include <string.h>

struct resolved {
    char *key;
    char *url;
    enum http_origin origin;
    int64_t until_ms;
    UT_hash_handle hh;
};

struct resolved_cache {
    struct resolved *entries;
};

static char *make_key(const struct hub_source *source, const char *path)
{
    char repo[REPO_NAME_SIZE + 16];
    char sha[OID_HEX_SIZE];
    char *key = NULL;
    repo_id_format(&source->repo, repo, sizeof(repo));
    oid_to_hex(&source->sha, sha);
    return asprintf(&key, "%s@%s/%s", repo, sha, path) >= 0 ? key : NULL;
}

static void drop(struct resolved_cache *cache, struct resolved *entry)
{
    HASH_DEL(cache->entries, entry);
    free(entry->key);
    free(entry->url);
    free(entry);
}

static struct resolved *find(struct resolved_cache *cache, const char *key)
{
    struct resolved *entry = NULL;
    HASH_FIND_STR(cache->entries, key, entry);
    return entry;
}

enum err resolved_cache_new(struct resolved_cache **out)
{
    struct resolved_cache *cache = calloc(1, sizeof(*cache));
    if (cache == NULL) {
        return ERR_NO_MEMORY;
    }
    *out = cache;
    return ERR_NONE;
}

void resolved_cache_free(struct resolved_cache *cache)
{
    while (cache != NULL && cache->entries != NULL) {
        drop(cache, cache->entries);
    }
    free(cache);
}

const char *resolved_cache_get(struct resolved_cache *cache,
                               const struct hub_source *source, const char *path,
                               int64_t now_ms, enum http_origin *out_origin)
{
    AUTO_FREE char *key = make_key(source, path);
    struct resolved *entry = key != NULL ? find(cache, key) : NULL;
    if (entry == NULL) {
        return NULL;
    }
    if (now_ms >= entry->until_ms) {
        drop(cache, entry);
        return NULL;
    }
    *out_origin = entry->origin;
    return entry->url;
}

void resolved_cache_forget(struct resolved_cache *cache, const struct hub_source *source,
                           const char *path)
{
    AUTO_FREE char *key = make_key(source, path);
    struct resolved *entry = key != NULL ? find(cache, key) : NULL;
    if (entry != NULL) {
        drop(cache, entry);
    }
}

void resolved_cache_put(struct resolved_cache *cache, const struct hub_source *source,
                        const char *path, const char *url, enum http_origin origin,
                        int64_t now_ms)
{
    resolved_cache_forget(cache, source, path);
    struct resolved *entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return;
    }
    entry->key = make_key(source, path);
    entry->url = strdup(url);
    entry->origin = origin;
    entry->until_ms = now_ms + RESOLVED_LIFE_MS;
    if (entry->key == NULL || entry->url == NULL) {
        free(entry->key);
        free(entry->url);
        free(entry);
        return;
    }
    if (HASH_COUNT(cache->entries) >= RESOLVED_MAX) {
        drop(cache, cache->entries);
    }
    HASH_ADD_KEYPTR(hh, cache->entries, entry->key, strlen(entry->key), entry);
}
