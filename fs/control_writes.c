// SPDX-License-Identifier: Apache-2.0
// A commit that a client has asked for goes on when the client has gone: what is under way cannot
// be taken back, and a second one would only wait for it.
#include "fs/control_writes.h"

#include "fs/render.h"

#include <inttypes.h>

// As much as a peer's output holds, with what the protocol adds to each line.
enum { ANSWER_MAX = 960 << 10 };

static void run_changes(struct mount *mount, struct control_peer *peer,
                        const struct control_request *request)
{
    struct why why = {""};
    AUTO(buffer) struct buffer text = buffer_init(ANSWER_MAX);
    AUTO(mount_changes) struct mount_changes changes = {.n = 0};
    enum err err = mount_get_changes(mount, request->path, &why, &changes);
    if (err == ERR_NONE) {
        err = render_changes(&changes, request->format, &text);
        if (err == ERR_TOO_LARGE) {
            err =
                why_set(&why, ERR_USAGE,
                        "the list of %zu changes is too long: name a folder", changes.n);
        }
    }
    if (err == ERR_NONE) {
        control_peer_output(peer, buffer_text(&text), text.len);
    }
    control_peer_end(peer, err, &why);
}

static void run_discard(struct mount *mount, struct control_peer *peer,
                        const struct control_request *request)
{
    struct why why = {""};
    uint64_t n = 0;
    enum err err = mount_discard(mount, request->path, &why, &n);
    if (err == ERR_NONE) {
        char text[64];
        int len = snprintf(text, sizeof(text), "%" PRIu64 " %s given up", n,
                           n == 1 ? "change was" : "changes were");
        control_peer_output(peer, text, (size_t)len);
    }
    control_peer_end(peer, err, &why);
}

struct commit_call {
    struct mount *mount;
    struct control_peer *peer; // referenced
};

static void tell_commit(const struct commit_call *call)
{
    struct mount_status status;
    char hex[OID_HEX_SIZE];
    AUTO(buffer) struct buffer text = buffer_init(4096);
    mount_get_status(call->mount, &status);
    oid_to_hex(&status.commit, hex);
    if (buffer_printf(&text, "%s stands at %.12s%s%s", status.writes.branch, hex,
                      status.writes.pull_url[0] != '\0' ? ", " : "",
                      status.writes.pull_url) == ERR_NONE) {
        control_peer_output(call->peer, buffer_text(&text), text.len);
    }
}

static void on_committed(void *ctx, enum err err, const struct why *why)
{
    struct commit_call *call = ctx;
    if (err == ERR_NONE) {
        tell_commit(call);
    }
    control_peer_end(call->peer, err, why);
    control_peer_unref(call->peer);
    free(call);
}

static void run_commit(struct mount *mount, struct control_peer *peer,
                       const struct control_request *request)
{
    struct commit_call *call = malloc(sizeof(*call));
    if (call == NULL) {
        control_peer_end(peer, ERR_NO_MEMORY, NULL);
        return;
    }
    *call = (struct commit_call){mount, control_peer_ref(peer)};
    mount_commit(mount, request->has_message ? request->message : NULL, on_committed,
                 call);
}

void control_writes_run(struct mount *mount, struct control_peer *peer,
                        const struct control_request *request)
{
    if (request->verb == CONTROL_CHANGES) {
        run_changes(mount, peer, request);
    } else if (request->verb == CONTROL_DISCARD) {
        run_discard(mount, peer, request);
    } else {
        run_commit(mount, peer, request);
    }
}
