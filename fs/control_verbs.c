// SPDX-License-Identifier: Apache-2.0
// The verbs of the control socket. Those that wait (info, prefetch, refresh) hand the mount a
// counted reference to the peer as their context; the mount calls back exactly once, on any
// thread, and that callback drops the reference.
#include "fs/control_verbs.h"

#include "fs/control_diff.h"
#include "fs/control_history.h"
#include "fs/control_writes.h"
#include "fs/render.h"

enum { ANSWER_MAX = 256 << 10, STATUS_MAX = 1 << 20 };

static void end_ok(struct control_peer *peer)
{
    control_peer_end(peer, ERR_NONE, NULL);
}

// Sends what a render function has written, and ends.
static void send_rendered(struct control_peer *peer, enum err err,
                          const struct buffer *text)
{
    if (err == ERR_NONE) {
        control_peer_output(peer, buffer_text(text), text->len);
    }
    control_peer_end(peer, err, NULL);
}

static void run_hello(const struct control_context *context, struct control_peer *peer)
{
    const struct mount_options *options = mount_options_of(context->mount);
    AUTO(buffer) struct buffer text = buffer_init(ANSWER_MAX);
    enum err err = buffer_printf(&text, "%s %ld ", HUGFS_VERSION, (long)getpid());
    if (err == ERR_NONE) {
        err = control_append_word(&text, options->mount_point);
    }
    if (err == ERR_NONE) {
        err = buffer_append_text(&text, " ");
    }
    if (err == ERR_NONE) {
        err = control_append_word(&text, options->cache_dir);
    }
    send_rendered(peer, err, &text);
}

struct status_call {
    struct mount *mount;
    struct control_peer *peer;
    enum render_format format;
    char path[PATH_BYTES_MAX + 1]; // of a status with a path
};

// What is wrong with the path is said after what the mount tells about itself.
static void send_status(const struct status_call *call, bool has_path, enum err path_err,
                        const struct why *why, const struct mount_share *here)
{
    struct mount_status status;
    mount_get_status(call->mount, &status);
    status.has_path = has_path;
    status.here = here;
    AUTO(mount_changes) struct mount_changes changes = {.n = 0};
    if (has_path &&
        mount_get_changes(call->mount, call->path, NULL, &changes) == ERR_NONE) {
        status.changes = &changes;
    }
    AUTO(buffer) struct buffer text = buffer_init(STATUS_MAX);
    enum err err =
        render_status(&status, mount_options_of(call->mount), call->format, &text);
    if (err == ERR_NONE) {
        control_peer_output(call->peer, buffer_text(&text), text.len);
    }
    control_peer_end(call->peer, err != ERR_NONE ? err : path_err,
                     err != ERR_NONE ? NULL : why);
}

static void on_share(void *ctx, enum err err, const struct why *why,
                     const struct mount_share *share)
{
    struct status_call *call = ctx;
    bool is_above = err == ERR_USAGE; // the repositories: there is nothing to tell
    send_status(call, !is_above, is_above ? ERR_NONE : err, is_above ? NULL : why, share);
    control_peer_unref(call->peer);
    free(call);
}

static void run_status(const struct control_context *context, struct control_peer *peer,
                       const struct control_request *request)
{
    struct status_call now = {context->mount, peer, request->format, ""};
    memcpy(now.path, request->path, sizeof(now.path));
    if (!request->has_path) {
        send_status(&now, false, ERR_NONE, NULL, NULL);
        return;
    }
    struct status_call *call = malloc(sizeof *call);
    if (call == NULL) {
        control_peer_end(peer, ERR_NO_MEMORY, NULL);
        return;
    }
    *call = now;
    call->peer = control_peer_ref(peer);
    mount_get_share(context->mount, request->path, on_share, call);
}

static void run_cache_status(const struct control_context *context,
                             struct control_peer *peer, enum render_format format)
{
    struct chunk_store_stats stats;
    chunk_store_stats(mount_chunk_store(context->mount), &stats);
    AUTO(buffer) struct buffer text = buffer_init(ANSWER_MAX);
    enum err err =
        render_cache(&stats, mount_options_of(context->mount)->cache_dir, format, &text);
    send_rendered(peer, err, &text);
}

static void on_done(void *ctx, enum err err, const struct why *why)
{
    control_peer_end(ctx, err, why);
    control_peer_unref(ctx);
}

struct info_call {
    struct control_peer *peer;
    enum render_format format;
};

static void on_info(void *ctx, enum err err, const struct why *why,
                    const struct mount_path_info *info)
{
    struct info_call *call = ctx;
    if (err) {
        control_peer_end(call->peer, err, why);
    } else {
        AUTO(buffer) struct buffer text = buffer_init(ANSWER_MAX);
        err = render_info(info, call->format, &text);
        send_rendered(call->peer, err, &text);
    }
    control_peer_unref(call->peer);
    free(call);
}

static void run_info(const struct control_context *context, struct control_peer *peer,
                     const struct control_request *request)
{
    struct info_call *call = malloc(sizeof *call);
    if (call == NULL) {
        control_peer_end(peer, ERR_NO_MEMORY, NULL);
        return;
    }
    *call = (struct info_call){.peer = control_peer_ref(peer), .format = request->format};
    mount_info(context->mount, request->path, on_info, call);
}

static void on_progress(void *ctx, const struct mount_progress *progress)
{
    control_peer_progress(ctx, progress);
}

static void run_fetch(const struct control_context *context, struct control_peer *peer,
                      const struct control_request *request)
{
    enum mount_fetch what = request->verb == CONTROL_PIN     ? MOUNT_PIN
                            : request->verb == CONTROL_UNPIN ? MOUNT_UNPIN
                                                             : MOUNT_PREFETCH;
    control_peer_work(peer)->fetch_ticket =
        mount_fetch(context->mount, request->path, what, on_progress, on_done,
                    control_peer_ref(peer));
}

static void run_upkeep(const struct control_context *context, struct control_peer *peer,
                       const struct control_request *request)
{
    struct why why = {""};
    enum err err = control_upkeep_start(context->upkeep, peer, request, &why);
    if (err) {
        control_peer_end(peer, err, &why);
    }
}

static void run_history(const struct control_context *context, struct control_peer *peer,
                        const struct control_request *request)
{
    if (request->verb == CONTROL_DIFF) {
        control_diff_run(context->mount, peer, request);
    } else {
        control_history_run(context->mount, peer, request);
    }
}

void control_verb_run(const struct control_context *context, struct control_peer *peer,
                      const struct control_request *request)
{
    switch (request->verb) {
    case CONTROL_HELLO:
        run_hello(context, peer);
        return;
    case CONTROL_STATUS:
        run_status(context, peer, request);
        return;
    case CONTROL_INFO:
        run_info(context, peer, request);
        return;
    case CONTROL_LOG:
    case CONTROL_REVISIONS:
    case CONTROL_DIFF:
        run_history(context, peer, request);
        return;
    case CONTROL_CHANGES:
    case CONTROL_COMMIT:
    case CONTROL_DISCARD:
        control_writes_run(context->mount, peer, request);
        return;
    case CONTROL_PREFETCH:
    case CONTROL_PIN:
    case CONTROL_UNPIN:
        run_fetch(context, peer, request);
        return;
    case CONTROL_REFRESH:
        mount_refresh(context->mount, request->path, on_done, control_peer_ref(peer));
        return;
    case CONTROL_OFFLINE:
    case CONTROL_ONLINE:
        mount_set_offline(context->mount, request->verb == CONTROL_OFFLINE);
        end_ok(peer);
        return;
    case CONTROL_TRACE:
        *control_peer_work(peer) =
            (struct control_work){.is_tracing = true, .format = request->format};
        return;
    case CONTROL_CACHE_STATUS:
        run_cache_status(context, peer, request->format);
        return;
    case CONTROL_CACHE_VERIFY:
    case CONTROL_CACHE_TRIM:
    case CONTROL_CACHE_CLEAR:
        run_upkeep(context, peer, request);
        return;
    }
}

void control_verb_cancel(const struct control_context *context, struct control_peer *peer)
{
    uint64_t ticket = control_peer_work(peer)->fetch_ticket;
    if (ticket != 0) {
        mount_fetch_cancel(context->mount, ticket);
    }
    control_diff_cancel(peer);
}
