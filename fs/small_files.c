// SPDX-License-Identifier: Apache-2.0
// One git fetch brings all small files of the commit. Where that does not work (no such git server,
// more than is sensible, too slow) or is not wanted (a small cache, a limited rate), the next files of
// the folder are fetched ahead of the reader.
//
// The fetch tells executables and symlinks too, but that is not used: a name that turns into another
// kind of file while somebody walks through the folder breaks that walk. `hugfs prefetch` learns them.
#include "fs/small_files.h"

#include "fs/mount_parts.h"

enum {
    SMALL_FILE_MAX = 64 << 10, // smaller ones are small
    PATIENCE_MS = 5000,
};

// So much of the cache would be needed at worst.
#define CACHE_LEAST (UINT64_C(256) << 20)

bool small_file_is(const struct tree_node *node)
{
    return node->kind == ENTRY_FILE && !node->masked && !node->has_xet &&
           !node->has_sha256 && node->size < SMALL_FILE_MAX;
}

bool small_file_is_missing(const struct content *content)
{
    struct xet_file_info info;
    if (!content->is_small) {
        return false;
    }
    xet_file_info(content->file, &info);
    return info.cached_bytes < content->size;
}

struct together {
    struct mount *mount;
    int64_t row;
    struct oid commit;
};

// What has nothing to do with this commit may be better another time.
static enum small_end end_of(enum err err)
{
    switch (err) {
    case ERR_NONE:
        return SMALL_BROUGHT;
    case ERR_CANCELLED:
    case ERR_OFFLINE:
    case ERR_QUOTA:
        return SMALL_LATER;
    default:
        return SMALL_FAILED;
    }
}

static void over(struct mount *mount, int64_t row, const struct oid *commit,
                 enum small_end end)
{
    lock_acquire(&mount->lock);
    small_watch_over(&mount->small_watch, row, commit, end);
    lock_release(&mount->lock);
}

static void on_fetched(void *ctx, enum err err, const struct why *why)
{
    struct together *together = ctx;
    enum small_end end = end_of(err);
    over(together->mount, together->row, &together->commit, end);
    if (end == SMALL_FAILED) {
        log_info("fs", "small files are fetched one by one: %s", why_text(why, err));
    }
    free(together);
}

static void fetch_together(struct mount *mount, const struct content *content)
{
    const struct hub_source *source = &content->source.hub;
    struct together *together = malloc(sizeof(*together));
    int64_t patience_ms = mount->options->timeout_ms / 4; // readers have as much as that
    if (together == NULL) {
        over(mount, content->row, &source->sha, SMALL_LATER);
        return;
    }
    *together = (struct together){mount, content->row, source->sha};
    xet_fetch_small(mount->xet, source, SMALL_FILE_MAX,
                    patience_ms < PATIENCE_MS ? patience_ms : PATIENCE_MS, on_fetched,
                    together);
}

void small_files_note(struct mount *mount, const struct content *content)
{
    const struct mount_options *options = mount->options;
    if (!content->is_small || options->prefetch == PREFETCH_OFF) {
        return;
    }
    lock_acquire(&mount->lock);
    enum small_advice advice =
        small_watch_note(&mount->small_watch, content->row, &content->source.hub.sha,
                         content->ino, clock_now_ms());
    if (advice == SMALL_TOGETHER &&
        (options->cache_size < CACHE_LEAST || options->max_rate > 0)) {
        small_watch_over(&mount->small_watch, content->row, &content->source.hub.sha,
                         SMALL_FAILED);
        advice = SMALL_SIBLINGS;
    }
    lock_release(&mount->lock);
    switch (advice) {
    case SMALL_ALONE:
        break;
    case SMALL_TOGETHER:
        fetch_together(mount, content);
        break;
    case SMALL_SIBLINGS:
        small_siblings_fetch(mount, content);
        break;
    }
}
