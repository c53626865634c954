// SPDX-License-Identifier: Apache-2.0
// What the operations and the parts ask of the mount as a whole.
#include "fs/mount_parts.h"

int64_t mount_deadline_ms(const struct mount *mount)
{
    return clock_now_ms() + mount->options->timeout_ms;
}

struct hub_call mount_demand(const struct mount *mount, const char *reason)
{
    return (struct hub_call){
        .class = HUB_DEMAND, .deadline_ms = mount_deadline_ms(mount), .reason = reason};
}

bool mount_is_news(struct mount *mount, enum err err)
{
    enum { OFFLINE_NEWS_MS = 60000 };
    int64_t now_ms = clock_now_ms();
    if (err != ERR_OFFLINE) {
        return true;
    }
    long long told_ms = atomic_load(&mount->offline_told_ms);
    return (told_ms == 0 || now_ms - told_ms >= OFFLINE_NEWS_MS) &&
           atomic_compare_exchange_strong(&mount->offline_told_ms, &told_ms, now_ms);
}

bool mount_is_virtual(const struct mount *mount, uint64_t ino)
{
    return !ino_is_stored(ino) && (ino != INO_ROOT || mount->is_hub);
}

uint64_t mount_stored_ino(struct mount *mount, uint64_t ino)
{
    if (overlay_owns(mount, ino)) {
        return overlay_stored(mount->overlay, ino);
    }
    if (ino != INO_ROOT) {
        return ino_node(ino);
    }
    struct snapshot_view view;
    snapshot_current(mount->snapshot, &view);
    return view.root;
}

enum err mount_node(struct mount *mount, uint64_t ino, struct tree_node *out)
{
    return tree_store_node(mount->tree, mount_stored_ino(mount, ino), out);
}

bool mount_is_serving(struct mount *mount)
{
    lock_acquire(&mount->lock);
    bool is_serving = mount->is_serving;
    lock_release(&mount->lock);
    return is_serving;
}

void mount_stop(struct mount *mount)
{
    lock_acquire(&mount->lock);
    mount->stop_wanted = true;
    bool is_serving = mount->is_serving;
    lock_release(&mount->lock);
    wait_owner_cancel(&mount->startup);
    if (is_serving) {
        session_stop(mount->session);
    }
}
