// SPDX-License-Identifier: Apache-2.0
// Verbs about owners: whom the token speaks for, and what an owner has.
#include "hub/hub_state.h"
#include "hub/next_page.h"
#include "hub/owner_answers.h"

#include <string.h>

struct whoami_call {
    struct call call;
    bool is_anonymous; // nobody to ask about
    struct whoami_answer answer;
    hub_whoami_fn done;
    void *ctx;
};

struct repos_call {
    struct call call;
    enum repo_kind kind;
    char *owner; // "" = no owner can have the name asked for
    char *page;  // NULL = the first
    struct repos_answer answer;
    char *next;
    hub_list_repos_fn done;
    void *ctx;
};

static struct repos_call *repos_of(struct call *call)
{
    return (void *)call;
}

// ------------------------------------------------------------------------------- whoami

static bool is_anonymous(struct hub *hub)
{
    // Somebody may have logged in since the last request.
    if (credential_check(&hub->credential, clock_now_ms())) {
        hub_token_changed(hub);
    }
    AUTO_FREE char *token = credential_token(&hub->credential);
    return token == NULL;
}

static void whoami_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    struct whoami_call *whoami = (void *)call;
    if (is_anonymous(call->hub)) {
        whoami->is_anonymous = true;
        call_finish(call, ERR_NONE, NULL);
        return;
    }
    enum err err = buffer_printf(&url, "%s/api/whoami-v2", call->hub->endpoint);
    if (err != ERR_NONE) {
        call_finish(call, err, NULL);
        return;
    }
    call_send_api(call, &url, QUOTA_API, LISTING_BODY_MAX);
}

static enum err whoami_read(struct call *call, struct why *why)
{
    struct whoami_call *whoami = (void *)call;
    return whoami->is_anonymous
               ? ERR_NONE
               : whoami_parse(call->request.body.bytes, call->request.body.len, why,
                              &whoami->answer);
}

static void whoami_deliver(struct call *call)
{
    struct whoami_call *whoami = (void *)call;
    whoami->done(whoami->ctx, call->err, &call->why, whoami->answer.names,
                 whoami->answer.count);
}

static void whoami_release(struct call *call)
{
    whoami_answer_release(&((struct whoami_call *)(void *)call)->answer);
}

static const struct call_type whoami_type = {
    .what = "whoami",
    .begin = whoami_begin,
    .ended = call_finish_with_request,
    .parse = whoami_read,
    .deliver = whoami_deliver,
    .release = whoami_release,
};

hub_ticket hub_whoami(struct hub *hub, const struct hub_call *call, hub_whoami_fn done,
                      void *ctx)
{
    struct whoami_call *whoami = call_new(hub, &whoami_type, sizeof(*whoami), call, NULL);
    if (whoami == NULL) {
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, NULL, 0);
        return 0;
    }
    whoami->done = done;
    whoami->ctx = ctx;
    return call_submit(&whoami->call);
}

// ------------------------------------------------------------------------- repositories

static enum err write_repos_url(struct call *call, struct buffer *url, struct why *why)
{
    struct repos_call *repos = repos_of(call);
    if (repos->owner[0] == '\0') {
        return why_set(why, ERR_NOT_FOUND, "no owner can have that name");
    }
    if (repos->page != NULL) {
        return next_page_append(call->hub, repos->page, why, url);
    }
    enum err err = buffer_printf(url, "%s/api/%s?author=", call->hub->endpoint,
                                 repo_kind_plural(repos->kind));
    if (err == ERR_NONE) {
        err = url_append_segment(url, repos->owner);
    }
    if (err == ERR_NONE) {
        err = buffer_append_text(url, "&limit=1000&expand=sha&expand=lastModified"
                                      "&expand=private&expand=disabled");
    }
    bool can_be_gated = repos->kind != REPO_SPACE; // spaces refuse the key
    return err == ERR_NONE && can_be_gated ? buffer_append_text(url, "&expand=gated")
                                           : err;
}

static void repos_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    struct why why = {0};
    enum err err = write_repos_url(call, &url, &why);
    if (err != ERR_NONE) {
        call_finish(call, err, &why);
        return;
    }
    call_send_api(call, &url, QUOTA_API, LISTING_BODY_MAX);
}

static enum err repos_parse(struct call *call, struct why *why)
{
    struct repos_call *repos = repos_of(call);
    enum err err = repos_answer_parse(call->request.body.bytes, call->request.body.len,
                                      repos->kind, repos->owner, why, &repos->answer);
    if (err == ERR_NONE && repos->answer.refused > 0) {
        log_warn("hub", "%zu of the %s listed for %s are not %s's and are left out",
                 repos->answer.refused, repo_kind_plural(repos->kind), repos->owner,
                 repos->owner);
    }
    return err == ERR_NONE ? next_page_take(call, why, &repos->next) : err;
}

static void repos_deliver(struct call *call)
{
    struct repos_call *repos = repos_of(call);
    bool is_fine = call->err == ERR_NONE;
    repos->done(repos->ctx, call->err, &call->why, is_fine ? repos->answer.repos : NULL,
                is_fine ? repos->answer.count : 0, is_fine ? repos->next : NULL,
                is_fine ? repos->answer.refused : 0);
}

static void repos_release(struct call *call)
{
    free(repos_of(call)->owner);
    free(repos_of(call)->page);
    free(repos_of(call)->next);
    repos_answer_release(&repos_of(call)->answer);
}

static const struct call_type repos_type = {
    .what = "list_repos",
    .begin = repos_begin,
    .ended = call_finish_with_request,
    .parse = repos_parse,
    .deliver = repos_deliver,
    .release = repos_release,
};

hub_ticket hub_list_repos(struct hub *hub, const struct hub_call *call,
                          enum repo_kind kind, const char *owner, const char *page,
                          hub_list_repos_fn done, void *ctx)
{
    struct repo_id subject = {.kind = kind}; // sentences name the owner
    bool is_legal = repo_name_part_is_legal(owner, strlen(owner));
    if (is_legal) {
        snprintf(subject.name, sizeof(subject.name), "%s", owner);
    }
    struct repos_call *repos = call_new(hub, &repos_type, sizeof(*repos), call, &subject);
    if (repos == NULL || (repos->owner = strdup(is_legal ? owner : "")) == NULL ||
        (page != NULL && (repos->page = strdup(page)) == NULL)) {
        call_discard(repos != NULL ? &repos->call : NULL);
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, NULL, 0, NULL, 0);
        return 0;
    }
    repos->kind = kind;
    repos->done = done;
    repos->ctx = ctx;
    return call_submit(&repos->call);
}
