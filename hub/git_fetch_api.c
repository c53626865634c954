// SPDX-License-Identifier: Apache-2.0
// One git protocol v2 fetch (gitprotocol-v2(5)) of one commit, shallow, with its trees and the blobs
// below a size: which entries are executable or symlinks, and the small files themselves. The
// request's body is short and never compressed, because the Hub refuses compressed ones. A
// server that does not understand it is not asked again as long as this process runs.
#include "hub/git_tree.h"
#include "hub/hub_state.h"
#include "hub/pkt_line.h"

#include <string.h>

enum { QUESTION_MAX = 1024 };

struct fetch_call {
    struct call call;
    struct oid sha;
    struct hub_git_blobs blobs;
    struct git_modes modes;
    hub_paths_fn done;
    void *ctx;
};

static enum err write_question(struct buffer *body, const struct fetch_call *fetch)
{
    char want[OID_HEX_SIZE + 8];
    char filter[40];
    snprintf(want, sizeof(want), "want %s\n", fetch->call.subject.revision);
    snprintf(filter, sizeof(filter),
             fetch->blobs.limit > 0 ? "filter blob:limit=%u" : "filter blob:none",
             fetch->blobs.limit);
    const char *const before[] = {"command=fetch", "agent=hugfs", "object-format=sha1"};
    const char *const after[] = {"no-progress", "ofs-delta", "deepen 1",
                                 filter,        want,        "done"};
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < sizeof(before) / sizeof(before[0]); i++) {
        err = pkt_append(body, before[i]);
    }
    if (err == ERR_NONE) {
        err = buffer_append_text(body, "0001");
    }
    for (size_t i = 0; err == ERR_NONE && i < sizeof(after) / sizeof(after[0]); i++) {
        err = pkt_append(body, after[i]);
    }
    return err == ERR_NONE ? buffer_append_text(body, "0000") : err;
}

static void fetch_begin(struct call *call)
{
    const struct fetch_call *fetch = (const void *)call;
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    struct http_request *request = &call->request;
    const struct repo_id *repo = &call->subject.repo;
    if (atomic_load(&call->hub->git_is_unsupported)) {
        struct why why;
        why_set(&why, ERR_UNSUPPORTED, "the server's git does not know filters");
        call_finish(call, ERR_UNSUPPORTED, &why);
        return;
    }
    buffer_release(&request->post);
    request->post = buffer_init(QUESTION_MAX);
    if (buffer_printf(&url, "%s/%s", call->hub->endpoint, repo_kind_prefix(repo->kind)) !=
            ERR_NONE ||
        url_append_path(&url, repo->name) != ERR_NONE ||
        buffer_append_text(&url, ".git/git-upload-pack") != ERR_NONE ||
        write_question(&request->post, fetch) != ERR_NONE) {
        call_finish(call, ERR_NO_MEMORY, NULL);
        return;
    }
    request->auth = AUTH_BASIC;
    request->post_type = "application/x-git-upload-pack-request";
    request->accept = "application/x-git-upload-pack-result";
    request->git_version = "version=2";
    call_send_api(call, &url, QUOTA_NONE,
                  fetch->blobs.limit > 0 ? GIT_FILES_BODY_MAX : GIT_BODY_MAX);
}

static enum err fetch_parse(struct call *call, struct why *why)
{
    struct fetch_call *fetch = (void *)call;
    struct buffer *body = &call->request.body;
    struct git_pack *pack = NULL;
    enum err err = git_fetch_take_pack(body, why);
    if (err == ERR_UNSUPPORTED) {
        atomic_store(&call->hub->git_is_unsupported, true);
    }
    if (err == ERR_NONE) {
        err = git_pack_parse(body->bytes, body->len, why, &pack);
    }
    buffer_release(body);
    if (err == ERR_NONE && fetch->blobs.each != NULL) {
        git_pack_each_blob(pack, fetch->blobs.each, fetch->blobs.ctx);
    }
    if (err == ERR_NONE) {
        err = git_modes_collect(pack, &fetch->sha, why, &fetch->modes);
    }
    git_pack_free(pack);
    return err;
}

static void fetch_deliver(struct call *call)
{
    struct fetch_call *fetch = (void *)call;
    fetch->done(fetch->ctx, call->err, &call->why, fetch->modes.entries,
                fetch->modes.count);
}

static void fetch_release(struct call *call)
{
    git_modes_release(&((struct fetch_call *)(void *)call)->modes);
}

static const struct call_type fetch_type = {
    .what = "git_fetch",
    .begin = fetch_begin,
    .ended = call_finish_with_request,
    .parse = fetch_parse,
    .deliver = fetch_deliver,
    .release = fetch_release,
};

hub_ticket hub_git_fetch(struct hub *hub, const struct hub_call *call,
                         const struct hub_source *source,
                         const struct hub_git_blobs *blobs, hub_paths_fn done, void *ctx)
{
    char hex[OID_HEX_SIZE];
    oid_to_hex(&source->sha, hex);
    struct fetch_call *fetch =
        call_new(hub, &fetch_type, sizeof(*fetch), call, &source->repo);
    if (fetch == NULL || call_set_subject(&fetch->call, hex, NULL) != ERR_NONE) {
        call_discard(fetch != NULL ? &fetch->call : NULL);
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, NULL, 0);
        return 0;
    }
    fetch->sha = source->sha;
    if (blobs != NULL) {
        fetch->blobs = *blobs;
    }
    fetch->done = done;
    fetch->ctx = ctx;
    return call_submit(&fetch->call);
}
