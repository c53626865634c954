// SPDX-License-Identifier: Apache-2.0
// The newest commits of a revision. The server decides how long a page is, so one call is a
// chain of requests; their bodies wait here and are parsed together, on the pool, in the end.
//
// What bounds it: COMMIT_PAGES_MAX requests, LISTING_BODY_MAX bytes of all bodies together, and
// the call's deadline.
#include "hub/commit_search.h"
#include "hub/commits_answer.h"
#include "hub/hub_state.h"
#include "hub/next_page.h"

#include <stdlib.h>
#include <string.h>

enum { COMMITS_PER_PAGE = 100 }; // asked for; nobody promises more

struct commits_call {
    struct call call;
    size_t limit;
    struct buffer pages[COMMIT_PAGES_MAX];
    size_t n_pages;
    size_t listed; // commits in the pages, roughly
    size_t bytes;  // in the pages
    struct commits_answer answer;
    hub_commits_fn done;
    void *ctx;
    // hub_find_commit() only:
    struct oid stop_at; // zero = none
    char *needle;
    struct hub_found_commit found;
    hub_find_commit_fn found_done;
};

static struct commits_call *commits_of(struct call *call)
{
    return (void *)call;
}

static void commits_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    size_t limit = commits_of(call)->limit;
    enum err err = call_begin_api_url(call, &url);
    if (err == ERR_NONE) {
        err = buffer_append_text(&url, "/commits/");
    }
    if (err == ERR_NONE) {
        err = url_append_segment(&url, call->subject.revision);
    }
    if (err == ERR_NONE) {
        err = buffer_printf(&url, "?limit=%zu",
                            limit < COMMITS_PER_PAGE ? limit : COMMITS_PER_PAGE);
    }
    if (err != ERR_NONE) {
        call_finish(call, err, NULL);
        return;
    }
    call_send_api(call, &url, QUOTA_API, LISTING_BODY_MAX);
}

// Keeps the page that has come; *out_count is how many commits it seems to hold.
static void keep_page(struct commits_call *commits, size_t *out_count)
{
    struct buffer *body = &commits->call.request.body;
    *out_count = commits_count_roughly(body->bytes, body->len);
    commits->listed += *out_count;
    commits->bytes += body->len;
    commits->pages[commits->n_pages++] = *body;
    *body = (struct buffer){0};
}

static void ask_for_page(struct call *call, const char *next)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    struct commits_call *commits = commits_of(call);
    struct why why = {0};
    enum err err = ERR_NONE;
    if (commits->n_pages == COMMIT_PAGES_MAX || commits->bytes >= LISTING_BODY_MAX) {
        err = why_set(&why, ERR_TOO_LARGE, "the list of commits comes in too many pages");
    }
    if (err == ERR_NONE) {
        err = buffer_append_text(&url, next);
    }
    if (err != ERR_NONE) {
        call_finish(call, err, &why);
        return;
    }
    request_reset(&call->request);
    call_send_api(call, &url, QUOTA_API, LISTING_BODY_MAX - commits->bytes);
}

static void commits_ended(struct call *call)
{
    struct commits_call *commits = commits_of(call);
    AUTO_FREE char *next = NULL;
    struct why why = {0};
    size_t count = 0;
    if (call->request.err != ERR_NONE) {
        call_finish_with_request(call);
        return;
    }
    keep_page(commits, &count);
    enum err err = next_page_take(call, &why, &next);
    if (err != ERR_NONE) {
        call_finish(call, err, &why);
    } else if (next == NULL || count == 0 || commits->listed >= commits->limit) {
        call_finish_with_request(call);
    } else {
        ask_for_page(call, next);
    }
}

static enum err commits_parse(struct call *call, struct why *why)
{
    struct commits_call *commits = commits_of(call);
    return commits_answer_parse(commits->pages, commits->n_pages, commits->limit, why,
                                &commits->answer);
}

static void commits_deliver(struct call *call)
{
    struct commits_call *commits = commits_of(call);
    commits->done(commits->ctx, call->err, &call->why, commits->answer.commits,
                  commits->answer.count);
}

static void commits_release(struct call *call)
{
    struct commits_call *commits = commits_of(call);
    for (size_t i = 0; i < commits->n_pages; i++) {
        buffer_release(&commits->pages[i]);
    }
    commits_answer_release(&commits->answer);
    free(commits->needle);
}

static const struct call_type commits_type = {
    .what = "commits",
    .begin = commits_begin,
    .ended = commits_ended,
    .parse = commits_parse,
    .deliver = commits_deliver,
    .release = commits_release,
};

hub_ticket hub_commits(struct hub *hub, const struct hub_call *call,
                       const struct repo_id *repo, const char *revision, size_t limit,
                       hub_commits_fn done, void *ctx)
{
    bool has_revision = revision != NULL && *revision != '\0';
    struct commits_call *commits =
        call_new(hub, &commits_type, sizeof(*commits), call, repo);
    if (commits == NULL ||
        call_set_subject(&commits->call, has_revision ? revision : "main", NULL) !=
            ERR_NONE) {
        call_discard(commits != NULL ? &commits->call : NULL);
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, NULL, 0);
        return 0;
    }
    commits->limit = limit < 1 ? 1 : limit > HUB_COMMITS_MAX ? HUB_COMMITS_MAX : limit;
    commits->done = done;
    commits->ctx = ctx;
    return call_submit(&commits->call);
}

// ---- looking for one of them

static enum err find_parse(struct call *call, struct why *why)
{
    struct commits_call *commits = commits_of(call);
    bool has_stop = !oid_is_zero(&commits->stop_at);
    return commit_search(commits->pages, commits->n_pages,
                         has_stop ? &commits->stop_at : NULL, commits->needle, why,
                         &commits->found);
}

static void find_deliver(struct call *call)
{
    struct commits_call *commits = commits_of(call);
    commits->found_done(commits->ctx, call->err, &call->why,
                        call->err == ERR_NONE ? &commits->found : NULL);
}

static const struct call_type find_type = {
    .what = "find_commit",
    .begin = commits_begin,
    .ended = commits_ended,
    .parse = find_parse,
    .deliver = find_deliver,
    .release = commits_release,
};

hub_ticket hub_find_commit(struct hub *hub, const struct hub_call *call,
                           const struct repo_id *repo, const char *revision,
                           const struct oid *stop_at, const char *needle,
                           hub_find_commit_fn done, void *ctx)
{
    struct commits_call *commits =
        call_new(hub, &find_type, sizeof(*commits), call, repo);
    if (commits == NULL || call_set_subject(&commits->call, revision, NULL) != ERR_NONE ||
        (commits->needle = strdup(needle)) == NULL) {
        call_discard(commits != NULL ? &commits->call : NULL);
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, NULL);
        return 0;
    }
    if (stop_at != NULL) {
        commits->stop_at = *stop_at;
    }
    commits->limit = HUB_FIND_COMMIT_MAX;
    commits->found_done = done;
    commits->ctx = ctx;
    return call_submit(&commits->call);
}
