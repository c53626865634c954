// SPDX-License-Identifier: Apache-2.0
// `hugfs trace`: HTTP requests come from the hub on the network thread; parked kernel
// requests end on any thread, and their events are carried over to the network thread.
#include "fs/mount_parts.h"

struct parked_event {
    struct mount *mount;
    struct mount_trace trace;
};

static void emit(struct mount *mount, const struct mount_trace *trace)
{
    lock_acquire(&mount->lock);
    mount_trace_fn fn = mount->trace;
    void *ctx = mount->trace_ctx;
    lock_release(&mount->lock);
    if (fn != NULL) {
        fn(ctx, trace);
    }
}

static void on_http(void *ctx, const struct hub_trace *http)
{
    struct mount_trace trace = {.http = http};
    emit(ctx, &trace);
}

static void emit_parked(void *ctx)
{
    struct parked_event *event = ctx;
    emit(event->mount, &event->trace);
    free(event);
}

void mount_trace_parked(void *ctx, const char *operation, uint64_t ino, int64_t waited_ms,
                        enum err err)
{
    struct mount *mount = ctx;
    lock_acquire(&mount->lock);
    bool is_wanted = mount->trace != NULL;
    lock_release(&mount->lock);
    struct parked_event *event = is_wanted ? calloc(1, sizeof(*event)) : NULL;
    if (event == NULL) {
        return;
    }
    event->mount = mount;
    event->trace = (struct mount_trace){
        .operation = operation, .ino = ino, .waited_ms = waited_ms, .err = err};
    event_loop_post(mount->loop, emit_parked, event);
}

void mount_set_trace(struct mount *mount, mount_trace_fn trace, void *ctx)
{
    lock_acquire(&mount->lock);
    mount->trace = trace;
    mount->trace_ctx = ctx;
    lock_release(&mount->lock);
    hub_set_trace(mount->hub, trace != NULL ? on_http : NULL, mount);
}
