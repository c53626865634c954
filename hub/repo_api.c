// SPDX-License-Identifier: Apache-2.0
// Verbs about a repository as a whole: its info, its refs, the date of a commit. Each is one
// JSON request.
#include "hub/hub_state.h"
#include "hub/repo_answers.h"

#include <string.h>
#include <strings.h>

struct info_call {
    struct call call;
    struct hub_repo_info info;
    hub_repo_info_fn done;
    void *ctx;
};

struct refs_call {
    struct call call;
    bool with_pulls;
    struct refs_answer answer;
    hub_refs_fn done;
    void *ctx;
};

struct date_call {
    struct call call;
    int64_t date_s;
    hub_date_fn done;
    void *ctx;
};

// Sends the request when its address could be written.
static void send_or_fail(struct call *call, enum err err, struct buffer *url)
{
    if (err != ERR_NONE) {
        call_finish(call, err, NULL);
        return;
    }
    call_send_api(call, url, QUOTA_API, JSON_BODY_MAX);
}

// ------------------------------------------------------------------------ repository info

static void info_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    enum err err = call_begin_api_url(call, &url);
    if (err == ERR_NONE && call->subject.revision != NULL) {
        err = buffer_append_text(&url, "/revision/");
        if (err == ERR_NONE) {
            err = url_append_segment(&url, call->subject.revision);
        }
    }
    // Only what we use: in full the answer lists every file of the repository.
    if (err == ERR_NONE) {
        err = buffer_append_text(
            &url, "?expand=sha&expand=lastModified&expand=private&expand=disabled");
    }
    if (err == ERR_NONE && call->subject.repo.kind != REPO_SPACE) { // spaces refuse it
        err = buffer_append_text(&url, "&expand=gated");
    }
    send_or_fail(call, err, &url);
}

// A former name is redirected to, another spelling may be answered at once, an id without owner
// too. Whatever else has another id is an answer to somebody else's question; believed, it would
// make one name of the mount lead to another repository.
static enum err info_check(const struct call *call, const struct hub_repo_info *info,
                           struct why *why)
{
    const char *asked = call->subject.repo.name;
    struct oid commit;
    if (!call->request.was_redirected && strchr(asked, '/') != NULL &&
        strcasecmp(asked, info->repo.name) != 0) {
        return why_set(why, ERR_BAD_ANSWER, "asked about %s, the Hub answered about %s",
                       asked, info->repo.name);
    }
    const char *revision = call->subject.revision;
    if (revision != NULL && strlen(revision) == OID_HEX_SIZE - 1 &&
        oid_from_hex(revision, OID_HEX_SIZE - 1, &commit) == ERR_NONE &&
        !oid_equal(&commit, &info->sha)) {
        return why_set(why, ERR_BAD_ANSWER,
                       "asked about commit %s of %s, the Hub answered about another",
                       revision, asked);
    }
    return ERR_NONE;
}

static enum err info_parse(struct call *call, struct why *why)
{
    struct info_call *info = (void *)call;
    enum err err = repo_info_parse(call->request.body.bytes, call->request.body.len,
                                   call->subject.repo.kind, why, &info->info);
    return err == ERR_NONE ? info_check(call, &info->info, why) : err;
}

static void info_deliver(struct call *call)
{
    struct info_call *info = (void *)call;
    info->done(info->ctx, call->err, &call->why,
               call->err == ERR_NONE ? &info->info : NULL);
}

static const struct call_type info_type = {
    .what = "repo_info",
    .begin = info_begin,
    .ended = call_finish_with_request,
    .parse = info_parse,
    .deliver = info_deliver,
};

hub_ticket hub_repo_info(struct hub *hub, const struct hub_call *call,
                         const struct repo_id *repo, const char *revision,
                         hub_repo_info_fn done, void *ctx)
{
    struct info_call *info = call_new(hub, &info_type, sizeof(*info), call, repo);
    bool has_revision = revision != NULL && *revision != '\0';
    if (info == NULL ||
        call_set_subject(&info->call, has_revision ? revision : NULL, NULL) != ERR_NONE) {
        call_discard(info != NULL ? &info->call : NULL);
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, NULL);
        return 0;
    }
    info->done = done;
    info->ctx = ctx;
    return call_submit(&info->call);
}

// --------------------------------------------------------------------------------- refs

static void refs_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    const struct refs_call *refs = (void *)call;
    enum err err = call_begin_api_url(call, &url);
    if (err == ERR_NONE) {
        err =
            buffer_append_text(&url, refs->with_pulls ? "/refs?include_prs=1" : "/refs");
    }
    send_or_fail(call, err, &url);
}

static enum err refs_read(struct call *call, struct why *why)
{
    struct refs_call *refs = (void *)call;
    return refs_parse(call->request.body.bytes, call->request.body.len, why,
                      &refs->answer);
}

static void refs_deliver(struct call *call)
{
    struct refs_call *refs = (void *)call;
    refs->done(refs->ctx, call->err, &call->why, refs->answer.refs, refs->answer.count);
}

static void refs_release(struct call *call)
{
    refs_answer_release(&((struct refs_call *)(void *)call)->answer);
}

static const struct call_type refs_type = {
    .what = "refs",
    .begin = refs_begin,
    .ended = call_finish_with_request,
    .parse = refs_read,
    .deliver = refs_deliver,
    .release = refs_release,
};

hub_ticket hub_refs(struct hub *hub, const struct hub_call *call,
                    const struct repo_id *repo, bool with_pulls, hub_refs_fn done,
                    void *ctx)
{
    struct refs_call *refs = call_new(hub, &refs_type, sizeof(*refs), call, repo);
    if (refs == NULL) {
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, NULL, 0);
        return 0;
    }
    refs->with_pulls = with_pulls;
    refs->done = done;
    refs->ctx = ctx;
    return call_submit(&refs->call);
}

// ------------------------------------------------------------------------------- commits

static void date_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    enum err err = call_begin_api_url(call, &url);
    if (err == ERR_NONE) {
        err = buffer_printf(&url, "/commits/%s?limit=1", call->subject.revision);
    }
    send_or_fail(call, err, &url);
}

static enum err date_parse(struct call *call, struct why *why)
{
    struct date_call *date = (void *)call;
    return commit_date_parse(call->request.body.bytes, call->request.body.len, why,
                             &date->date_s);
}

static void date_deliver(struct call *call)
{
    struct date_call *date = (void *)call;
    date->done(date->ctx, call->err, &call->why,
               call->err == ERR_NONE ? date->date_s : -1);
}

static const struct call_type date_type = {
    .what = "commit_date",
    .begin = date_begin,
    .ended = call_finish_with_request,
    .parse = date_parse,
    .deliver = date_deliver,
};

hub_ticket hub_commit_date(struct hub *hub, const struct hub_call *call,
                           const struct repo_id *repo, const struct oid *sha,
                           hub_date_fn done, void *ctx)
{
    char hex[OID_HEX_SIZE];
    oid_to_hex(sha, hex);
    struct date_call *date = call_new(hub, &date_type, sizeof(*date), call, repo);
    if (date == NULL || call_set_subject(&date->call, hex, NULL) != ERR_NONE) {
        call_discard(date != NULL ? &date->call : NULL);
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, -1);
        return 0;
    }
    date->done = done;
    date->ctx = ctx;
    return call_submit(&date->call);
}
