// SPDX-License-Identifier: Apache-2.0
// Which commit the overlay lies over. A verb of the overlay looks at the base more than once, so the
// base moves with the lock held.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

enum overlay_shown overlay_show(struct overlay *overlay, const struct oid *from,
                                const struct snapshot_view *view)
{
    struct snapshot_view now;
    lock_acquire(&overlay->lock);
    snapshot_current(overlay->mount->snapshot, &now);
    enum overlay_shown shown = overlay->is_held                ? OVERLAY_SHOWN_LATER
                               : !oid_equal(&now.commit, from) ? OVERLAY_IS_ELSEWHERE
                                                               : OVERLAY_SHOWN;
    if (shown == OVERLAY_SHOWN_LATER) {
        overlay->has_put_off = true;
        if (overlay->wake != NULL) {
            overlay->wake(overlay->wake_ctx);
        }
    }
    if (shown == OVERLAY_SHOWN) {
        overlay->moved_ms = clock_now_ms();
        snapshot_publish(overlay->mount->snapshot, view);
    }
    lock_release(&overlay->lock);
    return shown;
}

void overlay_show_own(struct overlay *overlay, const struct snapshot_view *view)
{
    lock_acquire(&overlay->lock);
    overlay->moved_ms = clock_now_ms();
    snapshot_publish(overlay->mount->snapshot, view);
    lock_release(&overlay->lock);
}

void overlay_hold(struct overlay *overlay)
{
    lock_acquire(&overlay->lock);
    overlay->is_held = true;
    lock_release(&overlay->lock);
}

bool overlay_let_go(struct overlay *overlay)
{
    lock_acquire(&overlay->lock);
    bool has_put_off = overlay->has_put_off;
    overlay->is_held = overlay->has_put_off = false;
    lock_release(&overlay->lock);
    return has_put_off;
}

bool overlay_is_put_off(struct overlay *overlay)
{
    lock_acquire(&overlay->lock);
    bool is_put_off = overlay->has_put_off;
    lock_release(&overlay->lock);
    return is_put_off;
}

int64_t overlay_moved_ms(struct overlay *overlay)
{
    lock_acquire(&overlay->lock);
    int64_t moved_ms = overlay->moved_ms;
    lock_release(&overlay->lock);
    return moved_ms;
}
