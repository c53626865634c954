// SPDX-License-Identifier: Apache-2.0
// Pull requests and branches: where commits go that don't go to an existing branch.
#include "hub/hub_state.h"
#include "hub/pull_answers.h"
#include "hub/write_refusal.h"

#include <stdlib.h>
#include <string.h>

enum { QUESTION_BYTES_MAX = 256 << 10 };

struct pull_call {
    struct call call;
    char *title; // or what to look for in titles
    char *description;
    struct oid start; // of a branch
    unsigned page;
    uint64_t number;
    hub_pull_fn done;
    hub_done_fn branch_done;
    void *ctx;
};

static struct pull_call *pull_of(struct call *call)
{
    return (void *)call;
}

static void pull_release(struct call *call)
{
    free(pull_of(call)->title);
    free(pull_of(call)->description);
}

static void pull_deliver(struct call *call)
{
    struct pull_call *pull = pull_of(call);
    pull->done(pull->ctx, call->err, &call->why,
               call->err == ERR_NONE ? pull->number : 0);
}

static void send_once(struct call *call, const struct buffer *url)
{
    call->request.post_type = "application/json";
    call->request.retry = RETRY_NEVER;
    call_send_api(call, url, QUOTA_API, JSON_BODY_MAX);
}

// --------------------------------------------------------------------------------- opening

static enum err write_pull(const struct pull_call *pull, struct buffer *out)
{
    *out = buffer_init(QUESTION_BYTES_MAX);
    struct json_writer json = json_writer_init(out);
    json_open_object(&json, NULL);
    json_string(&json, "title", pull->title);
    json_string(&json, "description", pull->description);
    json_bool(&json, "pullRequest", true);
    json_close_object(&json);
    return json_writer_end(&json);
}

static void open_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    enum err err = call_begin_api_url(call, &url);
    if (err == ERR_NONE) {
        err = buffer_append_text(&url, "/discussions");
    }
    if (err == ERR_NONE) {
        err = write_pull(pull_of(call), &call->request.post);
    }
    if (err != ERR_NONE) {
        call_finish(call, err, NULL);
        return;
    }
    send_once(call, &url);
}

static enum err open_parse(struct call *call, struct why *why)
{
    return pull_opened_parse(call->request.body.bytes, call->request.body.len, why,
                             &pull_of(call)->number);
}

static const struct call_type open_type = {
    .what = "open_pull",
    .begin = open_begin,
    .ended = call_finish_with_request,
    .refused = write_refusal,
    .parse = open_parse,
    .deliver = pull_deliver,
    .release = pull_release,
};

hub_ticket hub_open_pull(struct hub *hub, const struct hub_call *call,
                         const struct repo_id *repo, const char *title,
                         const char *description, hub_pull_fn done, void *ctx)
{
    struct pull_call *pull = call_new(hub, &open_type, sizeof(*pull), call, repo);
    if (pull == NULL || (pull->title = strdup(title)) == NULL ||
        (pull->description = strdup(description)) == NULL) {
        call_discard(pull != NULL ? &pull->call : NULL);
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, 0);
        return 0;
    }
    pull->done = done;
    pull->ctx = ctx;
    return call_submit(&pull->call);
}

// --------------------------------------------------------------------------------- finding

// All of them are asked for: whether "open" includes drafts, which is what the API makes, is
// not documented.
static void ask_for_page(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    enum err err = call_begin_api_url(call, &url);
    if (err == ERR_NONE) {
        err = buffer_printf(&url, "/discussions?type=pull_request&status=all&p=%u",
                            pull_of(call)->page);
    }
    if (err != ERR_NONE) {
        call_finish(call, err, NULL);
        return;
    }
    call_send_api(call, &url, QUOTA_API, JSON_BODY_MAX);
}

// Parsed here on the network thread, since the next page depends on it: after a lost reply,
// which is rare, and a page is short.
static void find_ended(struct call *call)
{
    struct pull_call *pull = pull_of(call);
    struct http_request *request = &call->request;
    struct why why = {0};
    bool goes_on = false;
    if (request->err != ERR_NONE) {
        call_finish_with_request(call);
        return;
    }
    enum err err = pulls_page_parse(request->body.bytes, request->body.len, pull->title,
                                    &why, &pull->number, &goes_on);
    if (err == ERR_NONE && pull->number == 0 && goes_on &&
        pull->page + 1 < PULL_PAGES_MAX) {
        pull->page++;
        request_reset(request);
        ask_for_page(call);
        return;
    }
    call_finish(call, err, &why);
}

static const struct call_type find_type = {
    .what = "find_pull",
    .begin = ask_for_page,
    .ended = find_ended,
    .deliver = pull_deliver,
    .release = pull_release,
};

hub_ticket hub_find_pull(struct hub *hub, const struct hub_call *call,
                         const struct repo_id *repo, const char *needle, hub_pull_fn done,
                         void *ctx)
{
    struct pull_call *pull = call_new(hub, &find_type, sizeof(*pull), call, repo);
    if (pull == NULL || (pull->title = strdup(needle)) == NULL) {
        call_discard(pull != NULL ? &pull->call : NULL);
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, 0);
        return 0;
    }
    pull->done = done;
    pull->ctx = ctx;
    return call_submit(&pull->call);
}

// -------------------------------------------------------------------------------- branches

static enum err write_branch(const struct oid *start, struct buffer *out)
{
    char hex[OID_HEX_SIZE];
    *out = buffer_init(QUESTION_BYTES_MAX);
    struct json_writer json = json_writer_init(out);
    oid_to_hex(start, hex);
    json_open_object(&json, NULL);
    json_string(&json, "startingPoint", hex);
    json_close_object(&json);
    return json_writer_end(&json);
}

static void branch_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    enum err err = call_begin_revision_url(call, "branch", &url);
    if (err == ERR_NONE) {
        err = write_branch(&pull_of(call)->start, &call->request.post);
    }
    if (err != ERR_NONE) {
        call_finish(call, err, NULL);
        return;
    }
    send_once(call, &url);
}

static enum err branch_refused(const struct call *call, const char *message,
                               struct why *why)
{
    const struct http_answer *answer = &call->request.answer;
    char hex[OID_HEX_SIZE];
    if (answer->status != 404 || strcmp(answer->error_code, "RevisionNotFound") != 0) {
        return write_refusal(call, message, why);
    }
    oid_to_hex(&((const struct pull_call *)(const void *)call)->start, hex);
    return why_set(why, ERR_NOT_FOUND, "there is no commit %s to begin the branch %s at",
                   hex, call->subject.revision);
}

static void branch_deliver(struct call *call)
{
    struct pull_call *pull = pull_of(call);
    pull->branch_done(pull->ctx, call->err, &call->why);
}

static const struct call_type branch_type = {
    .what = "create_branch",
    .begin = branch_begin,
    .ended = call_finish_with_request,
    .refused = branch_refused,
    .deliver = branch_deliver,
    .release = pull_release,
};

hub_ticket hub_create_branch(struct hub *hub, const struct hub_call *call,
                             const struct repo_id *repo, const char *branch,
                             const struct oid *start, hub_done_fn done, void *ctx)
{
    struct pull_call *pull = call_new(hub, &branch_type, sizeof(*pull), call, repo);
    if (pull == NULL || call_set_subject(&pull->call, branch, NULL) != ERR_NONE) {
        call_discard(pull != NULL ? &pull->call : NULL);
        done(ctx, ERR_NO_MEMORY, &(struct why){0});
        return 0;
    }
    pull->start = *start;
    pull->branch_done = done;
    pull->ctx = ctx;
    return call_submit(&pull->call);
}
