// SPDX-License-Identifier: Apache-2.0
// A scripted Hub with its storage service, a second server where upload grants lead, and a
// file to upload.
#pragma once

#include "tests/unit/hub/verb_bench.h"

#include <fcntl.h>

static const struct hub_target target = {{REPO_MODEL, "acme/old"}, "main"};

enum { BODY_BYTES = 300000 };

static struct {
    uint16_t storage; // port of the grants' addresses
    int token_status;
    const char *token_code;
    int refuse_tokens; // so many CAS requests get a 401
    int grant_status;
    const char *grant_headers;
    int late_puts; // so many PUTs get a 403
    int put_status;
    int late_commits; // so many commits get a 404
    int shard_v2_status;
    const char *shard_events[3]; // one answer after the other
    unsigned n_shards;
    char put_head[2000];
    char got[200]; // the last small body
} script;

static inline void answer_token(const struct scripted_server *server, struct buffer *out)
{
    char body[300];
    snprintf(body, sizeof(body),
             "{\"accessToken\":\"xet_secret\",\"exp\":99999999999,"
             "\"casUrl\":\"http://127.0.0.1:%u/cas/\"}",
             server->port);
    reply(out, script.token_status, script.token_code,
          script.token_status == 200 ? body : "{\"error\":\"no\"}");
}

static inline void answer_grant(struct buffer *out)
{
    char body[600];
    snprintf(body, sizeof(body),
             "{\"id\":\"g1\",\"method\":\"PUT\","
             "\"url\":\"http://127.0.0.1:%u/bucket/x?sig=1\",\"headers\":{%s}}",
             script.storage, script.grant_headers);
    reply(out, script.grant_status, "", body);
}

static inline void answer_shard_v2(struct buffer *out)
{
    if (script.shard_v2_status != 200) {
        reply(out, script.shard_v2_status, "", "{\"error\":\"Invalid shard: bad hash\"}");
        return;
    }
    const char *events = script.shard_events[script.n_shards];
    script.n_shards += script.n_shards < 2;
    reply(out, 200, "", events);
}

// The Hub and the storage service.
static inline void answer_cas(const struct scripted_server *server, const char *asked,
                              struct buffer *out)
{
    snprintf(script.got, sizeof(script.got), "%.150s", buffer_text(&server->body));
    if (strstr(asked, "/xet-write-token/") != NULL) {
        answer_token(server, out);
    } else if (script.refuse_tokens > 0) {
        script.refuse_tokens--;
        reply(out, 401, "", "{}");
    } else if (strstr(asked, "/v1/xorb-grants/") != NULL) {
        answer_grant(out);
    } else if (strstr(asked, "/v1/xorb-commits/") != NULL) {
        reply(out, script.late_commits > 0 ? 404 : 200, "", "{\"was_inserted\":true}");
        script.late_commits -= script.late_commits > 0;
    } else if (strstr(asked, "/v2/shards") != NULL) {
        answer_shard_v2(out);
    } else if (strstr(asked, "/v1/chunks/default/0") != NULL) {
        reply(out, 404, "", "{}");
    } else {
        reply(out, 200, "", "{\"result\":1}");
    }
}

// Where the grants lead.
static inline void answer_storage(const struct scripted_server *server, const char *asked,
                                  struct buffer *out)
{
    (void)asked;
    snprintf(script.put_head, sizeof(script.put_head), "%s", buffer_text(&server->head));
    reply(out, script.late_puts > 0 ? 403 : script.put_status, "", "");
    script.late_puts -= script.late_puts > 0;
}

struct uploads {
    struct bench bench;
    struct scripted_server storage;
    struct digest hash;
    int fd;
};

static inline void start_uploads(struct uploads *uploads)
{
    static const char bytes[BODY_BYTES];
    memset(&script, 0, sizeof(script));
    *uploads = (struct uploads){.storage.answer = answer_storage, .hash.bytes = {7}};
    scripted_server_start(&uploads->storage);
    script.storage = uploads->storage.port;
    script.token_status = script.put_status = script.shard_v2_status = 200;
    script.token_code = "";
    script.grant_status = 201;
    script.grant_headers = "\"x-amz-checksum-crc64nvme\":\"42\",\"Host\":\"evil\"";
    start(&uploads->bench, "hf_good", answer_cas);
    uploads->fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(uploads->fd >= 0);
    assert_ok(file_pwrite(uploads->fd, bytes, sizeof(bytes), 10));
}

static inline void stop_uploads(struct uploads *uploads)
{
    stop(&uploads->bench);
    scripted_server_stop(&uploads->storage);
    close(uploads->fd);
}

static inline void on_done(void *ctx, enum err err, const struct why *why)
{
    begin(ctx, err, why, 0);
    finish(ctx);
}

static inline struct outcome *upload_xorb(struct uploads *uploads)
{
    cas_upload_xorb(uploads->bench.hub, &demand, &target, &uploads->hash, uploads->fd, 10,
                    BODY_BYTES, 18446744073709551615u, on_done, &uploads->bench.outcome);
    return wait_for(&uploads->bench);
}

static inline struct outcome *upload_shard(struct uploads *uploads)
{
    cas_upload_shard(uploads->bench.hub, &demand, &target, uploads->fd, 10, BODY_BYTES,
                     on_done, &uploads->bench.outcome);
    return wait_for(&uploads->bench);
}

// How often a path with this in it was asked for.
static inline size_t count_asked(const struct scripted_server *server, const char *part)
{
    size_t count = 0;
    for (size_t i = 0; i < server->n_asked; i++) {
        count += strstr(server->asked[i], part) != NULL;
    }
    return count;
}
