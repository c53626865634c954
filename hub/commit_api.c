// SPDX-License-Identifier: Apache-2.0
// The commit: one request, sent once. Whether it was done when no answer comes is the
// caller's to find out (hub_find_commit).
#include "hub/commit_body.h"
#include "hub/commit_reply.h"
#include "hub/hub_state.h"
#include "hub/write_refusal.h"

#include <unistd.h>

struct commit_call {
    struct call call;
    int fd; // of the body; ours
    uint64_t size;
    struct commit_reply reply;
    hub_commit_fn done;
    void *ctx;
};

static struct commit_call *commit_of(struct call *call)
{
    return (void *)call;
}

static void commit_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    struct http_request *request = &call->request;
    enum err err = call_begin_revision_url(call, "commit", &url);
    if (err != ERR_NONE) {
        call_finish(call, err, NULL);
        return;
    }
    request->upload.fd = commit_of(call)->fd;
    request->upload.len = commit_of(call)->size;
    request->post_type = "application/x-ndjson";
    request->retry = RETRY_NEVER;
    request->silence_s = COMMIT_SILENCE_S;
    call_send_api(call, &url, QUOTA_API, JSON_BODY_MAX);
}

static enum err commit_parse(struct call *call, struct why *why)
{
    return commit_reply_parse(call->request.body.bytes, call->request.body.len, why,
                              &commit_of(call)->reply);
}

static void commit_deliver(struct call *call)
{
    struct commit_call *commit = commit_of(call);
    const struct http_request *request = &call->request;
    bool is_known = commit->reply.url != NULL;
    struct hub_committed committed = {
        .oid = commit->reply.oid,
        .url = is_known ? commit->reply.url : "",
        .pull_url = is_known ? commit->reply.pull_url : "",
        .was_sent = request->upload.was_begun,
        .lfs_is_missing =
            call->err == ERR_USAGE && commit_refusal_is_missing_lfs(call->why.text),
        .status = request->has_answer ? request->answer.status : 0,
        .wait_ms = request->has_answer ? request->answer.server_wait_ms : -1,
    };
    commit->done(commit->ctx, call->err, &call->why, &committed);
}

static void commit_release(struct call *call)
{
    struct commit_call *commit = commit_of(call);
    commit_reply_release(&commit->reply);
    if (commit->fd >= 0) {
        close(commit->fd);
    }
}

static const struct call_type commit_type = {
    .what = "commit",
    .begin = commit_begin,
    .ended = call_finish_with_request,
    .refused = write_refusal,
    .parse = commit_parse,
    .deliver = commit_deliver,
    .release = commit_release,
};

hub_ticket hub_commit(struct hub *hub, const struct hub_call *call,
                      const struct hub_target *target, const struct hub_commit_body *body,
                      hub_commit_fn done, void *ctx)
{
    struct hub_committed nothing = {.url = "", .pull_url = "", .wait_ms = -1};
    enum err err = ERR_NO_MEMORY;
    struct commit_call *commit =
        call_new(hub, &commit_type, sizeof(*commit), call, &target->repo);
    if (commit != NULL) {
        commit->fd = -1;
        err = call_set_subject(&commit->call, target->revision, NULL);
    }
    if (err == ERR_NONE) {
        err = commit_body_dup(body, &commit->fd, &commit->size);
    }
    if (err != ERR_NONE) {
        call_discard(commit != NULL ? &commit->call : NULL);
        done(ctx, err, &(struct why){0}, &nothing);
        return 0;
    }
    call_take_its_time(&commit->call, call);
    commit->done = done;
    commit->ctx = ctx;
    return call_submit(&commit->call);
}
