// SPDX-License-Identifier: Apache-2.0
// What a mount tells about itself: gathered from its parts, each of which locks for itself,
// so the figures of different parts may be microseconds apart.
#include "fs/mount_parts.h"

void mount_get_status(struct mount *mount, struct mount_status *out)
{
    struct snapshot_view view;
    uint32_t n_reads;
    *out = (struct mount_status){
        .repo = mount->repo,
        .follows_branch = !mount->is_commit && mount->options->poll_ms > 0,
        .started_s = mount->started_s,
    };
    snapshot_current(mount->snapshot, &view);
    out->commit = view.commit;
    out->commit_date_s = view.date_s;
    refresher_status(mount->refresher, &out->head_checked_s, &out->refresh_error);
    parked_count(mount->parked, &out->parked, &n_reads);
    if (tree_store_totals(mount->tree, mount->repo_row, &out->entries_known,
                          &out->bytes_known) != ERR_NONE) {
        log_debug("fs", "the tree store does not tell its totals");
    }
    hub_token_source(mount->hub, out->token_source, sizeof(out->token_source));
    hub_stats(mount->hub, &out->hub);
    xet_stats(mount->xet, &out->xet);
    chunk_store_stats(mount->chunks, &out->cache);
}

void mount_set_offline(struct mount *mount, bool offline)
{
    hub_set_offline(mount->hub, offline);
    if (!offline) {
        mount_refresh(mount, NULL, NULL);
    }
}

void mount_refresh(struct mount *mount, mount_done_fn done, void *ctx)
{
    refresher_kick(mount->refresher, done, ctx);
}

struct event_loop *mount_loop(struct mount *mount)
{
    return mount->loop;
}

const struct mount_options *mount_options_of(const struct mount *mount)
{
    return mount->options;
}

struct chunk_store *mount_chunk_store(struct mount *mount)
{
    return mount->chunks;
}
