// SPDX-License-Identifier: Apache-2.0
// preupload: the Hub looks at names, sizes and first bytes and says which files it wants as
// LFS files. The whole question is written before the call begins: it belongs to the caller.
#include "hub/base64.h"
#include "hub/hub_state.h"
#include "hub/preupload_answer.h"
#include "hub/write_refusal.h"

#include <stdlib.h>
#include <string.h>

struct preupload_call {
    struct call call;
    struct buffer question;
    char **paths;
    size_t n;
    struct why refusal; // of the question itself
    enum err err;
    struct hub_upload_mode *modes;
    hub_preupload_fn done;
    void *ctx;
};

static struct preupload_call *preupload_of(struct call *call)
{
    return (void *)call;
}

static void write_file(struct json_writer *json, const struct hub_preupload_file *file)
{
    char sample[(HUB_SAMPLE_MAX + 2) / 3 * 4];
    size_t len = file->sample_len < HUB_SAMPLE_MAX ? file->sample_len : HUB_SAMPLE_MAX;
    base64_encode(file->sample, len, sample);
    json_open_object(json, NULL);
    json_string(json, "path", file->path);
    json_u64(json, "size", file->size);
    json_string_n(json, "sample", sample, base64_length(len));
    json_close_object(json);
}

static enum err write_question(const struct hub_preupload_file *files, size_t n,
                               const char *git_attributes, struct buffer *out)
{
    struct json_writer json = json_writer_init(out);
    json_open_object(&json, NULL);
    json_open_array(&json, "files");
    for (size_t i = 0; i < n; i++) {
        write_file(&json, &files[i]);
    }
    json_close_array(&json);
    if (git_attributes != NULL) {
        json_string(&json, "gitAttributes", git_attributes);
    }
    json_close_object(&json);
    return json_writer_end(&json);
}

static enum err keep_paths(struct preupload_call *preupload,
                           const struct hub_preupload_file *files, size_t n)
{
    preupload->paths = calloc(n + 1, sizeof(*preupload->paths));
    if (preupload->paths == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        if ((preupload->paths[i] = strdup(files[i].path)) == NULL) {
            return ERR_NO_MEMORY;
        }
        preupload->n++;
        if (!utf8_is_valid(files[i].path, strlen(files[i].path))) {
            return why_set(&preupload->refusal, ERR_USAGE,
                           "a name that is not UTF-8 can't be sent to the Hub");
        }
    }
    return ERR_NONE;
}

static void preupload_begin(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    struct preupload_call *preupload = preupload_of(call);
    enum err err = preupload->err;
    if (err == ERR_NONE) {
        err = call_begin_revision_url(call, "preupload", &url);
    }
    if (err != ERR_NONE) {
        call_finish(call, err, &preupload->refusal);
        return;
    }
    call->request.post = preupload->question;
    preupload->question = (struct buffer){0};
    call->request.post_type = "application/json";
    call_send_api(call, &url, QUOTA_API, JSON_BODY_MAX);
}

static enum err preupload_parse(struct call *call, struct why *why)
{
    struct preupload_call *preupload = preupload_of(call);
    return preupload_answer_parse(call->request.body.bytes, call->request.body.len,
                                  (const char *const *)preupload->paths, preupload->n,
                                  why, &preupload->modes);
}

static void preupload_deliver(struct call *call)
{
    struct preupload_call *preupload = preupload_of(call);
    bool is_fine = call->err == ERR_NONE;
    preupload->done(preupload->ctx, call->err, &call->why, preupload->modes,
                    is_fine ? preupload->n : 0);
}

static void preupload_release(struct call *call)
{
    struct preupload_call *preupload = preupload_of(call);
    for (size_t i = 0; i < preupload->n; i++) {
        free(preupload->paths[i]);
    }
    free(preupload->paths);
    free(preupload->modes);
    buffer_release(&preupload->question);
}

static const struct call_type preupload_type = {
    .what = "preupload",
    .begin = preupload_begin,
    .ended = call_finish_with_request,
    .refused = write_refusal,
    .parse = preupload_parse,
    .deliver = preupload_deliver,
    .release = preupload_release,
};

hub_ticket hub_preupload(struct hub *hub, const struct hub_call *call,
                         const struct hub_target *target,
                         const struct hub_preupload_file *files, size_t n,
                         const char *git_attributes, hub_preupload_fn done, void *ctx)
{
    struct preupload_call *preupload =
        call_new(hub, &preupload_type, sizeof(*preupload), call, &target->repo);
    if (preupload == NULL ||
        call_set_subject(&preupload->call, target->revision, NULL) != ERR_NONE) {
        call_discard(preupload != NULL ? &preupload->call : NULL);
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, NULL, 0);
        return 0;
    }
    preupload->question = buffer_init(PREUPLOAD_BODY_MAX);
    preupload->done = done;
    preupload->ctx = ctx;
    preupload->err = n >= 1 && n <= HUB_PREUPLOAD_MAX
                         ? keep_paths(preupload, files, n)
                         : why_set(&preupload->refusal, ERR_USAGE,
                                   "1 to %d files can be asked about", HUB_PREUPLOAD_MAX);
    if (preupload->err == ERR_NONE) {
        preupload->err = write_question(files, n, git_attributes, &preupload->question);
    }
    return call_submit(&preupload->call);
}
