// SPDX-License-Identifier: Apache-2.0
// A hash table of contents by inode with a list by last use, at most CONTENTS_MAX of them
// plus those in use, which are never dropped.
//
// A content remembers the commit it was first read at: a node is immutable. When the Hub has that
// commit no more, another content takes its place, and who reads the old one still keeps it.
//
// Lock: `lock` guards table and list, and a reference count that grows from 0; it is not held while the store or
// xet is asked. Two readers may thus make the same content: the second one drops its own.
#include "fs/content.h"

#include "fs/file_version.h"
#include "fs/small_files.h"

#include <utlist.h>

enum { CONTENTS_MAX = 4096, COMPLAINT_MS = 5000 };

struct content_cache {
    struct xet *xet;
    struct tree_store *tree;
    struct locator *locator;
    struct lock lock;
    struct content *by_ino GUARDED_BY(lock);
    struct content *by_use GUARDED_BY(lock); // least recently used first
    struct content *gone GUARDED_BY(lock);   // in neither: until nobody reads them
};

enum err content_cache_new(struct xet *xet, struct tree_store *tree,
                           struct locator *locator, struct content_cache **out)
{
    struct content_cache *cache = calloc(1, sizeof(*cache));
    if (cache == NULL) {
        return ERR_NO_MEMORY;
    }
    cache->xet = xet;
    cache->tree = tree;
    cache->locator = locator;
    lock_init(&cache->lock);
    *out = cache;
    return ERR_NONE;
}

static void content_free(struct xet *xet, struct content *content)
{
    if (content->file != NULL) {
        xet_file_put(xet, content->file);
    }
    lock_destroy(&content->lock);
    free(content->path);
    free(content);
}

void content_cache_free(struct content_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    lock_acquire(&cache->lock);
    HASH_CLEAR(hh, cache->by_ino);
    struct content *content;
    struct content *next;
    DL_FOREACH_SAFE(cache->by_use, content, next)
    {
        content_free(cache->xet, content);
    }
    DL_FOREACH_SAFE(cache->gone, content, next)
    {
        content_free(cache->xet, content);
    }
    lock_release(&cache->lock);
    lock_destroy(&cache->lock);
    free(cache);
}

// -------------------------------------------------------------------------------- making

// Where the content comes from, by the store alone.
static enum err describe(struct content_cache *cache, struct content *content,
                         struct tree_node *out_node)
{
    struct location at;
    enum err err = locator_find(cache->locator, content->ino, &at);
    if (err != ERR_NONE) {
        return err;
    }
    if (at.node.kind == ENTRY_DIRECTORY) {
        location_release(&at);
        return ERR_IS_DIRECTORY;
    }
    *out_node = at.node;
    content->size = out_node->size;
    content->kind = out_node->kind;
    content->masked = out_node->masked;
    content->row = at.row;
    content->repo_root = at.repo_root;
    content->is_small = small_file_is(out_node);
    content->source = (struct xet_source){at.source, at.path};
    content->path = at.path;
    return ERR_NONE;
}

static enum err content_new(struct content_cache *cache, uint64_t ino,
                            struct content **out)
{
    struct content *content = calloc(1, sizeof(*content));
    if (content == NULL) {
        return ERR_NO_MEMORY;
    }
    lock_init(&content->lock);
    content->ino = ino;
    atomic_init(&content->references, 1);
    struct tree_node node;
    enum err err = describe(cache, content, &node);
    if (err == ERR_NONE && !node.masked) {
        struct xet_content name = {
            .has_xet = node.has_xet,
            .has_sha256 = node.has_sha256,
            .xet_hash = node.xet_hash,
            .sha256 = node.sha256,
            .oid = node.oid,
            .size = node.size,
        };
        content->file = xet_file_get(cache->xet, &name);
        err = content->file == NULL ? ERR_NO_MEMORY : ERR_NONE;
    }
    if (err != ERR_NONE) {
        content_free(cache->xet, content);
        return err;
    }
    *out = content;
    return ERR_NONE;
}

enum err content_of_version(struct content_cache *cache, const struct repo_id *repo,
                            uint64_t ino, const struct file_version *version,
                            struct content **out)
{
    struct content *content = calloc(1, sizeof(*content));
    if (content == NULL) {
        return ERR_NO_MEMORY;
    }
    struct xet_content name = file_version_content(version);
    lock_init(&content->lock);
    atomic_init(&content->references, 1);
    content->ino = ino;
    content->size = version->size;
    content->kind = ENTRY_FILE;
    content->path = strdup(version->path);
    content->file = xet_file_get(cache->xet, &name);
    content->source = (struct xet_source){{*repo, version->commit}, content->path};
    if (content->path == NULL || content->file == NULL) {
        content_free(cache->xet, content);
        return ERR_NO_MEMORY;
    }
    *out = content;
    return ERR_NONE;
}

void content_discard(struct content_cache *cache, struct content *content)
{
    lock_acquire(&cache->lock);
    DL_APPEND(cache->gone, content);
    lock_release(&cache->lock);
    content_put(content);
}

// ------------------------------------------------------------------------- the table

static struct content *find_used(struct content_cache *cache, uint64_t ino)
    REQUIRES(cache->lock)
{
    struct content *content = NULL;
    HASH_FIND(hh, cache->by_ino, &ino, sizeof(ino), content);
    if (content != NULL) {
        atomic_fetch_add(&content->references, 1);
        DL_DELETE(cache->by_use, content);
        DL_APPEND(cache->by_use, content);
    }
    return content;
}

// Takes the content out if it is gone. The kernel sends a failed read once more, which may come while
// the first is not over. Gives back one that nobody reads any more, or NULL.
static struct content *take_gone(struct content_cache *cache, uint64_t ino)
    REQUIRES(cache->lock)
{
    struct content *content = NULL;
    HASH_FIND(hh, cache->by_ino, &ino, sizeof(ino), content);
    if (content != NULL && atomic_load(&content->is_gone)) {
        HASH_DEL(cache->by_ino, content);
        DL_DELETE(cache->by_use, content);
        DL_APPEND(cache->gone, content);
    }
    DL_FOREACH (cache->gone, content) {
        if (atomic_load(&content->references) == 0) {
            DL_DELETE(cache->gone, content);
            return content;
        }
    }
    return NULL;
}

// Takes the oldest idle content out when there are too many; NULL when there are not.
static struct content *make_room(struct content_cache *cache) REQUIRES(cache->lock)
{
    if (HASH_COUNT(cache->by_ino) <= CONTENTS_MAX) {
        return NULL;
    }
    struct content *content;
    DL_FOREACH (cache->by_use, content) {
        if (atomic_load(&content->references) == 0) {
            HASH_DEL(cache->by_ino, content);
            DL_DELETE(cache->by_use, content);
            return content;
        }
    }
    return NULL;
}

enum err content_get(struct content_cache *cache, uint64_t ino, struct content **out)
{
    lock_acquire(&cache->lock);
    struct content *gone = take_gone(cache, ino);
    struct content *content = find_used(cache, ino);
    lock_release(&cache->lock);
    if (gone != NULL) {
        content_free(cache->xet, gone);
    }
    if (content != NULL) {
        *out = content;
        return ERR_NONE;
    }
    struct content *made = NULL;
    enum err err = content_new(cache, ino, &made);
    if (err != ERR_NONE) {
        return err;
    }
    lock_acquire(&cache->lock);
    content = find_used(cache, ino);
    struct content *dropped = made;
    if (content == NULL) {
        content = made;
        HASH_ADD(hh, cache->by_ino, ino, sizeof(ino), content);
        DL_APPEND(cache->by_use, content);
        dropped = make_room(cache);
    }
    lock_release(&cache->lock);
    if (dropped != NULL) {
        content_free(cache->xet, dropped);
    }
    *out = content;
    return ERR_NONE;
}

struct content *content_ref(struct content *content)
{
    atomic_fetch_add(&content->references, 1);
    return content;
}

void content_put(struct content *content)
{
    atomic_fetch_sub(&content->references, 1);
}

// --------------------------------------------------------------------------- one content

void content_gone(struct content_cache *cache, struct content *content)
{
    locator_distrust(cache->locator, content->row, &content->source.hub.sha);
    atomic_store(&content->is_gone, true);
}

enum err content_refuse(const struct content *content, struct why *why)
{
    char repo[REPO_NAME_SIZE + 16];
    repo_id_format(&content->source.hub.repo, repo, sizeof(repo));
    return why_set(
        why, ERR_ACCESS,
        "%s/%s: %s is gated: accept the terms on its page and use a token that "
        "was granted access",
        repo, content->path, repo);
}

struct digest content_id(const struct tree_node *node)
{
    if (node->has_xet) {
        return node->xet_hash;
    }
    if (node->has_sha256) {
        return node->sha256;
    }
    struct digest id = {{0}};
    memcpy(id.bytes, node->oid.bytes, sizeof(node->oid.bytes));
    return id;
}

struct xet_pattern content_note_read(struct content *content, uint64_t offset, size_t len)
{
    lock_acquire(&content->lock);
    struct xet_pattern pattern = stream_note(&content->streams, offset, len);
    lock_release(&content->lock);
    return pattern;
}

bool content_may_complain(struct content *content)
{
    int64_t now_ms = clock_now_ms();
    lock_acquire(&content->lock);
    bool may =
        content->complained_ms == 0 || now_ms - content->complained_ms >= COMPLAINT_MS;
    if (may) {
        content->complained_ms = now_ms;
    }
    lock_release(&content->lock);
    return may;
}
