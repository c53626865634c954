// SPDX-License-Identifier: Apache-2.0
// LOOKUP: from this machine, else parked until the folder has asked the Hub. A name that does not
// exist is an answer too, and remembered by the kernel.
#include "fs/large_names.h"
#include "fs/ops.h"

struct lookup_wait {
    struct mount *mount;
    parked_id id;
};

// Hands the entry, and the lookup that it counts, to the kernel.
static void reply(struct mount *mount, fuse_req_t req, enum err err,
                  const struct entry *entry)
{
    if (err != ERR_NONE && err != ERR_NOT_FOUND) {
        op_reply_error(req, err);
        return;
    }
    struct fuse_entry_param param = op_entry(entry);
    if (err == ERR_NOT_FOUND) {
        param = (struct fuse_entry_param){.entry_timeout = entry->name_s};
    }
    if (fuse_reply_entry(req, &param) != 0 && err == ERR_NONE) {
        entry_drop(mount,
                   entry); // the kernel has given the request up and counts nothing
    }
}

static void on_found(void *ctx, enum err err, const struct why *why,
                     const struct entry *entry)
{
    struct lookup_wait *wait = ctx;
    struct mount *mount = wait->mount;
    fuse_req_t req = parked_take(mount->parked, wait->id, err);
    if (req != NULL) {
        reply(mount, req, err, entry);
        parked_replied(mount->parked);
    } else if (err == ERR_NONE) {
        entry_drop(mount, entry);
    }
    if (err != ERR_NONE && err != ERR_NOT_FOUND && err != ERR_CANCELLED &&
        mount_is_news(mount, err)) {
        log_warn("fs", "a name could not be looked up: %s", why_text(why, err));
    } else if (err == ERR_NOT_FOUND && why != NULL && why->text[0] != '\0') {
        log_info("fs", "a name was looked up in vain: %s", why->text);
    }
    free(wait);
}

// Who looks up a large file in a folder that is not known yet reads it next, most likely: the token for
// that is fetched beside the folder's listing, not after it.
static void expect_read(struct mount *mount, uint64_t dir, const char *name,
                        const struct hub_call *call)
{
    struct location at;
    struct hub_call ahead = *call; // those who come to wait for it promote it
    ahead.class = HUB_AHEAD;
    if (large_name_is_usual(name) && !mount_is_virtual(mount, dir) &&
        !overlay_owns(mount, dir) &&
        locator_find(mount->locator, mount_stored_ino(mount, dir), &at) == ERR_NONE) {
        cas_expect(mount->hub, &ahead, &at.source);
        location_release(&at);
    }
}

static void park(struct mount *mount, fuse_req_t req, uint64_t dir, const char *name,
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
    wait->id = parked_add(mount->parked, req, "lookup", dir, PARKED_CAN_INTERRUPT);
    if (wait->id == 0) {
        free(wait);
        return;
    }
    struct hub_call call = mount_demand(mount, "lookup");
    expect_read(mount, dir, copy, &call);
    directory_find(mount, dir, copy, len, &call, on_found, wait);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct mount *mount = fuse_req_userdata(req);
    size_t len = strlen(name);
    if (len > NAME_BYTES_MAX) {
        op_reply_error(req, ERR_NAME_TOO_LONG);
        return;
    }
    struct entry entry = {.ino = 0};
    enum err err = directory_peek(mount, parent, name, len, &entry);
    if (err == ERR_ABSENT) {
        park(mount, req, parent, name, len);
    } else {
        reply(mount, req, err, &entry);
    }
}
