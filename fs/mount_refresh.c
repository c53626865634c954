// SPDX-License-Identifier: Apache-2.0
// Asking for news, and going offline and online. A mount of one repository has a refresher. One of
// the whole Hub asks when a repository is used: what it knows is declared too old, and where a path
// is named its revision is asked for at once. The kernel remembers names above a root, and those of
// a writable mount, for a moment longer, so the answer is told when that is over.
#include "fs/mount_parts.h"

#include <utlist.h>

// The kernel counts from when it reads an answer, in ticks that it rounds up.
enum { KERNEL_SLACK_MS = 250 };

struct refresh {
    struct mount *mount;
    mount_done_fn done;
    void *ctx;
    struct loop_timer *timer;
    enum err err; // what is told in the end, with `why`
    struct why why;
    struct refresh *next, *prev; // the mount's list
};

static void end(struct refresh *refresh, enum err err, const struct why *why)
{
    struct mount *mount = refresh->mount;
    lock_acquire(&mount->lock);
    DL_DELETE(mount->refreshes, refresh);
    lock_release(&mount->lock);
    loop_timer_free(refresh->timer);
    refresh->done(refresh->ctx, err, why);
    free(refresh);
}

static void on_moment_over(void *ctx)
{
    struct refresh *refresh = ctx;
    struct why why = refresh->why;
    end(refresh, refresh->err, &why);
}

static void start_moment(void *ctx)
{
    struct refresh *refresh = ctx;
    refresh->timer = loop_timer_new(refresh->mount->loop, on_moment_over, refresh);
    if (refresh->timer == NULL) {
        end(refresh, ERR_NO_MEMORY, NULL);
        return;
    }
    loop_timer_set(refresh->timer,
                   clock_now_ms() + (int64_t)(ENTRY_MOMENT_S * 1000) + KERNEL_SLACK_MS);
}

static void on_asked(void *ctx, enum err err, const struct why *why)
{
    struct refresh *refresh = ctx;
    if (err != ERR_NONE && err != ERR_NOT_FOUND) {
        end(refresh, err, why);
        return;
    }
    refresh->err = err; // a name that is gone is news too
    if (err != ERR_NONE) {
        (void)why_set(&refresh->why, err, "%s", why_text(why, err));
    }
    event_loop_post(refresh->mount->loop, start_moment, refresh);
}

static void on_located(void *ctx, enum err err, const struct why *why,
                       const struct located *located)
{
    struct refresh *refresh = ctx;
    struct mount *mount = refresh->mount;
    struct head head;
    if (err != ERR_NONE) {
        // ERR_USAGE: a folder above the repositories, or the link that a former name is.
        on_asked(refresh, err == ERR_USAGE ? ERR_NONE : err, why);
        return;
    }
    err = heads_peek(mount->heads, &located->source.repo, located->revision, HEADS_POLLED,
                     &head);
    if (err == ERR_NONE && !hub_is_offline(mount->hub)) {
        on_asked(refresh, ERR_NONE, NULL); // it was asked on the way to the path
        return;
    }
    struct hub_call call = mount_demand(mount, "refresh");
    heads_ask(mount->heads, &located->source.repo, located->revision, &call, on_asked,
              refresh);
}

static void refresh_hub(struct mount *mount, const char *path, mount_done_fn done,
                        void *ctx)
{
    if (done == NULL) {
        return;
    }
    struct refresh *refresh = calloc(1, sizeof(*refresh));
    if (refresh == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    *refresh = (struct refresh){.mount = mount, .done = done, .ctx = ctx};
    lock_acquire(&mount->lock);
    DL_APPEND(mount->refreshes, refresh);
    lock_release(&mount->lock);
    if (path[0] == '\0') {
        event_loop_post(mount->loop, start_moment, refresh);
        return;
    }
    struct hub_call call = mount_demand(mount, "refresh");
    mount_locate(mount, path, &call, on_located, refresh);
}

// The kernel still has names of a writable mount that somebody else has changed.
static void on_moved(void *ctx, enum err err, const struct why *why)
{
    struct refresh *refresh = ctx;
    int64_t moment_ms = (int64_t)(ENTRY_MOMENT_S * 1000) + KERNEL_SLACK_MS;
    if (err != ERR_NONE ||
        clock_now_ms() - overlay_moved_ms(refresh->mount->overlay) > moment_ms) {
        end(refresh, err, why);
    } else {
        event_loop_post(refresh->mount->loop, start_moment, refresh);
    }
}

static void refresh_writable(struct mount *mount, mount_done_fn done, void *ctx)
{
    struct refresh *refresh = done != NULL ? calloc(1, sizeof(*refresh)) : NULL;
    if (refresh == NULL) {
        refresher_kick(mount->refresher, done, ctx);
        return;
    }
    *refresh = (struct refresh){.mount = mount, .done = done, .ctx = ctx};
    lock_acquire(&mount->lock);
    DL_APPEND(mount->refreshes, refresh);
    lock_release(&mount->lock);
    refresher_kick(mount->refresher, on_moved, refresh);
}

void mount_refresh(struct mount *mount, const char *path, mount_done_fn done, void *ctx)
{
    heads_expire(mount->heads);
    if (mount->is_hub) {
        refresh_hub(mount, path, done, ctx);
    } else if (mount->overlay != NULL) {
        refresh_writable(mount, done, ctx);
    } else {
        refresher_kick(mount->refresher, done, ctx);
    }
}

void mount_refresh_cancel_all(struct mount *mount)
{
    for (;;) {
        lock_acquire(&mount->lock);
        struct refresh *refresh = mount->refreshes;
        lock_release(&mount->lock);
        if (refresh == NULL) {
            return;
        }
        end(refresh, ERR_CANCELLED, NULL);
    }
}

void mount_set_offline(struct mount *mount, bool offline)
{
    hub_set_offline(mount->hub, offline);
    if (!offline) {
        mount_refresh(mount, "", NULL, NULL);
    }
}
