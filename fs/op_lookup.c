// SPDX-License-Identifier: Apache-2.0
// LOOKUP: from the store, else parked until the namespace has asked the Hub. A name that
// does not exist is an answer too, and remembered by the kernel as long as its directory is.
#include "fs/ops.h"

struct lookup_wait {
    struct mount *mount;
    parked_id id;
};

static void reply(struct mount *mount, fuse_req_t req, enum err err,
                  const struct tree_node *node)
{
    struct fuse_entry_param entry = {.entry_timeout = OP_FOREVER_S}; // no such name
    if (err == ERR_NONE) {
        op_fill_entry(mount, node, &entry);
    } else if (err != ERR_NOT_FOUND) {
        op_reply_error(req, err);
        return;
    }
    fuse_reply_entry(req, &entry);
}

static void on_found(void *ctx, enum err err, const struct why *why,
                     const struct tree_node *node)
{
    struct lookup_wait *wait = ctx;
    struct mount *mount = wait->mount;
    fuse_req_t req = parked_take(mount->parked, wait->id, err);
    if (req != NULL) {
        reply(mount, req, err, node);
        parked_replied(mount->parked);
    }
    if (err != ERR_NONE && err != ERR_NOT_FOUND && err != ERR_CANCELLED) {
        log_warn("fs", "a name could not be looked up: %s", why_text(why, err));
    }
    free(wait);
}

static void park(struct mount *mount, fuse_req_t req, uint64_t dir_ino, const char *name,
                 size_t len)
{
    struct lookup_wait *wait = calloc(1, sizeof(*wait));
    if (wait == NULL) {
        op_reply_error(req, ERR_NO_MEMORY);
        return;
    }
    // `name` lies in the request's own buffer, which may go with the request: copy first.
    char copy[NAME_BYTES_MAX + 1];
    memcpy(copy, name, len + 1);
    wait->mount = mount;
    wait->id = parked_add(mount->parked, req, "lookup", dir_ino, PARKED_CAN_INTERRUPT);
    if (wait->id == 0) {
        free(wait);
        return;
    }
    struct hub_call call = mount_demand(mount, "lookup");
    namespace_find(mount->namespace, dir_ino, copy, len, &call, on_found, wait);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct mount *mount = fuse_req_userdata(req);
    size_t len = strlen(name);
    if (len > NAME_BYTES_MAX) {
        op_reply_error(req, ERR_NAME_TOO_LONG);
        return;
    }
    uint64_t dir_ino = mount_stored_ino(mount, parent);
    struct tree_node node;
    enum err err = namespace_peek(mount->namespace, dir_ino, name, len, &node);
    if (err == ERR_ABSENT) {
        park(mount, req, dir_ino, name, len);
    } else {
        reply(mount, req, err, &node);
    }
}
