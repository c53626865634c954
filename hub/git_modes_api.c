// SPDX-License-Identifier: Apache-2.0
// Which entries of a commit are executable or symlinks: one git protocol v2 fetch, shallow
// and without blobs (git-snapshot.md). The request's body is short and never compressed,
// because the Hub refuses compressed ones. A server that does not understand it is not asked
// again as long as this process runs.
#include "hub/git_tree.h"
#include "hub/hub_state.h"
#include "hub/pkt_line.h"

#include <string.h>

enum { QUESTION_MAX = 1024 };

struct modes_call {
    struct call call;
    struct oid sha;
    struct git_modes modes;
    hub_paths_fn done;
    void *ctx;
};

static enum err write_question(struct buffer *body, const char *sha)
{
    char want[OID_HEX_SIZE + 8];
    snprintf(want, sizeof(want), "want %s\n", sha);
    const char *const before[] = {"command=fetch", "agent=hugfs", "object-format=sha1"};
    const char *const after[] = {"no-progress",      "ofs-delta", "deepen 1",
                                 "filter blob:none", want,        "done"};
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

static void modes_begin(struct call *call)
{
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
        write_question(&request->post, call->subject.revision) != ERR_NONE) {
        call_finish(call, ERR_NO_MEMORY, NULL);
        return;
    }
    request->auth = AUTH_BASIC;
    request->post_type = "application/x-git-upload-pack-request";
    request->accept = "application/x-git-upload-pack-result";
    request->git_version = "version=2";
    call_send_api(call, &url, QUOTA_NONE, GIT_BODY_MAX);
}

static enum err modes_parse(struct call *call, struct why *why)
{
    struct modes_call *modes = (void *)call;
    AUTO(buffer) struct buffer bytes = buffer_init(GIT_BODY_MAX);
    struct git_pack *pack = NULL;
    enum err err = git_fetch_take_pack(call->request.body.bytes, call->request.body.len,
                                       why, &bytes);
    if (err == ERR_UNSUPPORTED) {
        atomic_store(&call->hub->git_is_unsupported, true);
    }
    if (err == ERR_NONE) {
        err = git_pack_parse(bytes.bytes, bytes.len, why, &pack);
    }
    if (err == ERR_NONE) {
        err = git_modes_collect(pack, &modes->sha, why, &modes->modes);
    }
    git_pack_free(pack);
    return err;
}

static void modes_deliver(struct call *call)
{
    struct modes_call *modes = (void *)call;
    modes->done(modes->ctx, call->err, &call->why, modes->modes.entries,
                modes->modes.count);
}

static void modes_release(struct call *call)
{
    git_modes_release(&((struct modes_call *)(void *)call)->modes);
}

static const struct call_type modes_type = {
    .what = "git_modes",
    .begin = modes_begin,
    .ended = call_finish_with_request,
    .parse = modes_parse,
    .deliver = modes_deliver,
    .release = modes_release,
};

hub_ticket hub_git_modes(struct hub *hub, const struct hub_call *call,
                         const struct repo_id *repo, const struct oid *sha,
                         hub_paths_fn done, void *ctx)
{
    char hex[OID_HEX_SIZE];
    oid_to_hex(sha, hex);
    struct modes_call *modes = call_new(hub, &modes_type, sizeof(*modes), call, repo);
    if (modes == NULL || call_set_subject(&modes->call, hex, NULL) != ERR_NONE) {
        call_discard(modes != NULL ? &modes->call : NULL);
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, NULL, 0);
        return 0;
    }
    modes->sha = *sha;
    modes->done = done;
    modes->ctx = ctx;
    return call_submit(&modes->call);
}
