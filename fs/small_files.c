// SPDX-License-Identifier: Apache-2.0
// One git fetch brings all small files of the commit, and the modes with them. Where that does not
// work (no such git server, more than is sensible, too slow), the next files of the folder are
// fetched ahead of the reader.
#include "fs/small_files.h"

#include "fs/git_modes.h"
#include "fs/mount_parts.h"

enum { SMALL_FILE_MAX = 64 << 10 }; // smaller ones are small

bool small_file_is(const struct tree_node *node)
{
    return node->kind == ENTRY_FILE && !node->masked && !node->has_xet &&
           !node->has_sha256 && node->size < SMALL_FILE_MAX;
}

struct together {
    struct mount *mount;
    int64_t row;
    struct oid commit;
    struct git_modes_learning *modes;
};

static void on_fetched(void *ctx, enum err err, const struct why *why,
                       const struct tree_entry *entries, size_t n)
{
    struct together *together = ctx;
    struct mount *mount = together->mount;
    if (err != ERR_NONE && err != ERR_CANCELLED) {
        lock_acquire(&mount->lock);
        small_watch_failed(&mount->small_watch, together->row, &together->commit);
        lock_release(&mount->lock);
        log_info("fs", "small files are fetched one by one: %s", why_text(why, err));
    }
    git_modes_told(together->modes, err, why, entries, n);
    free(together);
}

static void fetch_together(struct mount *mount, const struct content *content)
{
    const struct hub_source *source = &content->source.hub;
    struct together *together = malloc(sizeof(*together));
    struct git_modes_learning *modes =
        git_modes_expect(mount, content->row, source, content->repo_root);
    if (together == NULL || modes == NULL) {
        free(together);
        git_modes_forget(modes);
        return;
    }
    *together = (struct together){mount, content->row, source->sha, modes};
    xet_fetch_small(mount->xet, source, SMALL_FILE_MAX, on_fetched, together);
}

void small_files_note(struct mount *mount, const struct content *content)
{
    if (!content->is_in_git || content->size >= SMALL_FILE_MAX || content->row == 0) {
        return;
    }
    lock_acquire(&mount->lock);
    enum small_advice advice =
        small_watch_note(&mount->small_watch, content->row, &content->source.hub.sha,
                         content->ino, clock_now_ms());
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
