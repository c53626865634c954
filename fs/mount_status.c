// SPDX-License-Identifier: Apache-2.0
// What a mount tells about itself: gathered from its parts, each of which locks for itself,
// so the figures of different parts may be microseconds apart.
#include "fs/mount_parts.h"

static void get_repository(struct mount *mount, struct mount_status *out)
{
    struct snapshot_view view;
    snapshot_current(mount->snapshot, &view);
    out->commit = view.commit;
    out->commit_date_s = view.date_s;
    refresher_status(mount->refresher, &out->head_checked_s, &out->refresh_error,
                     &out->repo);
    if (tree_store_totals(mount->tree, mount->repo_row, &out->entries_known,
                          &out->bytes_known) != ERR_NONE) {
        log_debug("fs", "the tree store does not tell its totals");
    }
}

void mount_get_status(struct mount *mount, struct mount_status *out)
{
    uint32_t n_reads;
    *out = (struct mount_status){
        .repo = mount->repo,
        .is_hub = mount->is_hub,
        .follows_branch = !mount->is_commit && mount->options->poll_ms > 0,
        .started_s = mount->started_s,
    };
    parked_count(mount->parked, &out->parked, &n_reads);
    hub_token_source(mount->hub, out->token_source, sizeof(out->token_source));
    hub_stats(mount->hub, &out->hub);
    xet_stats(mount->xet, &out->xet);
    chunk_store_stats(mount->chunks, &out->cache);
    if (!mount->is_hub) {
        mount_get_writes(mount, &out->writes);
        get_repository(mount, out);
    }
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
