// SPDX-License-Identifier: Apache-2.0
// Verbs about folders: one page of a listing, and what some paths are.
#include "hub/hub_state.h"
#include "hub/next_page.h"
#include "hub/tree_answer.h"

#include <string.h>

struct tree_call {
    struct call call;
    enum tree_scope scope; // TREE_FOLDER or TREE_BELOW
    char *page;            // NULL = the first
    struct hub_tree_page answer;
    hub_tree_fn done;
    void *ctx;
};

struct paths_call {
    struct call call;
    struct buffer body;
    struct hub_tree_page answer;
    hub_paths_fn done;
    void *ctx;
};

static struct tree_call *tree_of(struct call *call)
{
    return (void *)call;
}

// ---------------------------------------------------------------------------- tree pages

static enum err write_tree_url(struct call *call, struct buffer *url, struct why *why)
{
    struct tree_call *tree = tree_of(call);
    if (tree->page != NULL) {
        return next_page_append(call->hub, tree->page, why, url);
    }
    enum err err = call_begin_api_url(call, url);
    if (err == ERR_NONE) {
        err = buffer_printf(url, "/tree/%s", call->subject.revision);
    }
    if (err == ERR_NONE && call->subject.path[0] != '\0') {
        err = buffer_append(url, "/", 1);
    }
    if (err == ERR_NONE) {
        err = url_append_path(url, call->subject.path);
    }
    bool is_recursive = err == ERR_NONE && tree->scope == TREE_BELOW;
    return is_recursive ? buffer_append_text(url, "?recursive=true") : err;
}

static void tree_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    struct why why = {0};
    enum err err = write_tree_url(call, &url, &why);
    if (err != ERR_NONE) {
        call_finish(call, err, &why);
        return;
    }
    call_send_api(call, &url, QUOTA_API, LISTING_BODY_MAX);
}

static enum err tree_parse(struct call *call, struct why *why)
{
    struct tree_call *tree = tree_of(call);
    enum err err = tree_answer_parse(call->request.body.bytes, call->request.body.len,
                                     tree->scope, call->subject.path, why, &tree->answer);
    if (err == ERR_NONE && tree->answer.refused > 0) {
        log_warn(
            "hub",
            "%s: %zu entries in the listing of \"%s\" can't be names and are left out",
            call->subject.repo.name, tree->answer.refused, call->subject.path);
    }
    return err == ERR_NONE ? next_page_take(call, why, &tree->answer.next) : err;
}

static void tree_deliver(struct call *call)
{
    struct tree_call *tree = tree_of(call);
    if (call->err != ERR_NONE) {
        hub_tree_page_release(&tree->answer);
    }
    tree->done(tree->ctx, call->err, &call->why, &tree->answer);
}

static void tree_release(struct call *call)
{
    free(tree_of(call)->page);
    hub_tree_page_release(&tree_of(call)->answer);
}

static const struct call_type tree_type = {
    .what = "tree",
    .begin = tree_begin,
    .ended = call_finish_with_request,
    .parse = tree_parse,
    .deliver = tree_deliver,
    .release = tree_release,
};

static const struct call_type recursive_type = {
    .what = "tree_recursive",
    .begin = tree_begin,
    .ended = call_finish_with_request,
    .parse = tree_parse,
    .deliver = tree_deliver,
    .release = tree_release,
};

struct tree_wish {
    const struct repo_id *repo;
    const struct oid *sha;
    const char *path;
    const char *page;
};

static hub_ticket ask_for_tree(struct hub *hub, const struct hub_call *call,
                               enum tree_scope scope, const struct tree_wish *wish,
                               hub_tree_fn done, void *ctx)
{
    const struct call_type *type = scope == TREE_BELOW ? &recursive_type : &tree_type;
    char hex[OID_HEX_SIZE];
    oid_to_hex(wish->sha, hex);
    struct tree_call *tree = call_new(hub, type, sizeof(*tree), call, wish->repo);
    enum err err = tree != NULL ? call_set_subject(&tree->call, hex,
                                                   wish->path != NULL ? wish->path : "")
                                : ERR_NO_MEMORY;
    if (err == ERR_NONE && wish->page != NULL &&
        (tree->page = strdup(wish->page)) == NULL) {
        err = ERR_NO_MEMORY;
    }
    if (err != ERR_NONE) {
        call_discard(tree != NULL ? &tree->call : NULL);
        done(ctx, err, &(struct why){0}, &(struct hub_tree_page){0});
        return 0;
    }
    tree->scope = scope;
    tree->done = done;
    tree->ctx = ctx;
    return call_submit(&tree->call);
}

hub_ticket hub_tree(struct hub *hub, const struct hub_call *call,
                    const struct repo_id *repo, const struct oid *sha, const char *path,
                    const char *page, hub_tree_fn done, void *ctx)
{
    struct tree_wish wish = {repo, sha, path, page};
    return ask_for_tree(hub, call, TREE_FOLDER, &wish, done, ctx);
}

hub_ticket hub_tree_recursive(struct hub *hub, const struct hub_call *call,
                              const struct repo_id *repo, const struct oid *sha,
                              const char *path, const char *page, hub_tree_fn done,
                              void *ctx)
{
    struct tree_wish wish = {repo, sha, path, page};
    return ask_for_tree(hub, call, TREE_BELOW, &wish, done, ctx);
}

// ---------------------------------------------------------------------------- paths-info

static void paths_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    struct paths_call *paths = (void *)call;
    enum err err = call_begin_api_url(call, &url);
    if (err == ERR_NONE) {
        err = buffer_printf(&url, "/paths-info/%s", call->subject.revision);
    }
    if (err != ERR_NONE) {
        call_finish(call, err, NULL);
        return;
    }
    buffer_release(&call->request.post);
    call->request.post = paths->body;
    paths->body = (struct buffer){0};
    call->request.post_type = "application/json";
    call_send_api(call, &url, QUOTA_API, LISTING_BODY_MAX);
}

static enum err paths_parse(struct call *call, struct why *why)
{
    struct paths_call *paths = (void *)call;
    return tree_answer_parse(call->request.body.bytes, call->request.body.len, TREE_ANY,
                             NULL, why, &paths->answer);
}

static void paths_deliver(struct call *call)
{
    struct paths_call *paths = (void *)call;
    paths->done(paths->ctx, call->err, &call->why, paths->answer.entries,
                paths->answer.count);
}

static void paths_release(struct call *call)
{
    struct paths_call *paths = (void *)call;
    buffer_release(&paths->body);
    hub_tree_page_release(&paths->answer);
}

static const struct call_type paths_type = {
    .what = "paths_info",
    .begin = paths_begin,
    .ended = call_finish_with_request,
    .parse = paths_parse,
    .deliver = paths_deliver,
    .release = paths_release,
};

static enum err write_paths(struct buffer *body, const char *const *paths, size_t n)
{
    struct json_writer json = json_writer_init(body);
    json_open_object(&json, NULL);
    json_open_array(&json, "paths");
    for (size_t i = 0; i < n; i++) {
        json_string(&json, NULL, paths[i]);
    }
    json_close_array(&json);
    json_bool(&json, "expand", false);
    json_close_object(&json);
    return json_writer_end(&json);
}

hub_ticket hub_paths_info(struct hub *hub, const struct hub_call *call,
                          const struct repo_id *repo, const struct oid *sha,
                          const char *const *paths, size_t n, hub_paths_fn done,
                          void *ctx)
{
    char hex[OID_HEX_SIZE];
    oid_to_hex(sha, hex);
    struct paths_call *asked = call_new(hub, &paths_type, sizeof(*asked), call, repo);
    enum err err = asked != NULL
                       ? call_set_subject(&asked->call, hex, n > 0 ? paths[0] : NULL)
                       : ERR_NO_MEMORY;
    if (err == ERR_NONE) {
        asked->body = buffer_init(LISTING_BODY_MAX);
        err = write_paths(&asked->body, paths, n);
    }
    if (err != ERR_NONE) {
        call_discard(asked != NULL ? &asked->call : NULL);
        done(ctx, err, &(struct why){0}, NULL, 0);
        return 0;
    }
    asked->done = done;
    asked->ctx = ctx;
    return call_submit(&asked->call);
}
