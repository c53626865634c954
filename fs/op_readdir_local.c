// SPDX-License-Identifier: Apache-2.0
// READDIR of a folder of a writable mount: names and numbers of the base and of what was changed
// here. The folder is listed to its end first. The cookie is the overlay's position plus two.
#include "fs/ops.h"

enum { DOT_COOKIES = 2 };

struct local_listing {
    struct mount *mount;
    parked_id id;
    uint64_t ino;
    struct overlay_listing *listing; // of the open folder
    uint64_t cookie;
    size_t size;
    struct hub_call call;
};

struct local_filler {
    fuse_req_t req;
    char *bytes;
    size_t size;
    size_t used;
};

static bool add(struct local_filler *filler, const char *name, uint64_t cookie,
                uint64_t ino, mode_t type)
{
    struct stat status = {.st_ino = ino, .st_mode = type};
    size_t left = filler->size - filler->used;
    size_t len = fuse_add_direntry(filler->req, filler->bytes + filler->used, left, name,
                                   &status, (off_t)cookie);
    if (len > left) {
        return false;
    }
    filler->used += len;
    return true;
}

static bool add_entry(void *ctx, uint64_t position, const char *name, uint64_t ino,
                      mode_t type)
{
    return add(ctx, name, position + DOT_COOKIES, ino, type);
}

static void answer(struct local_listing *listing, fuse_req_t req);

static void on_listed(void *ctx, enum err err, const struct why *why)
{
    struct local_listing *listing = ctx;
    struct mount *mount = listing->mount;
    if (err != ERR_NONE && err != ERR_CANCELLED && mount_is_news(mount, err)) {
        log_warn("fs", "a folder could not be listed: %s", why_text(why, err));
    }
    fuse_req_t req = parked_take(mount->parked, listing->id, err);
    if (req == NULL) {
        free(listing);
        return;
    }
    if (err == ERR_NONE) {
        answer(listing, req);
    } else {
        // The C library takes ENOENT for the end of a folder.
        op_reply_error(req, err == ERR_NOT_FOUND ? ERR_BAD_ANSWER : err);
        free(listing);
    }
    parked_replied(mount->parked);
}

// Consumes `listing`.
static void answer(struct local_listing *listing, fuse_req_t req)
{
    struct mount *mount = listing->mount;
    struct local_filler filler = {.req = req, .size = listing->size};
    uint64_t after = listing->cookie > DOT_COOKIES ? listing->cookie - DOT_COOKIES : 0;
    filler.bytes = reply_buffers_take(mount->buffers);
    enum err err = filler.bytes == NULL ? ERR_NO_MEMORY : ERR_NONE;
    bool fits = err == ERR_NONE;
    if (fits && listing->cookie < 1) {
        fits = add(&filler, ".", 1, listing->ino, S_IFDIR);
    }
    if (fits && listing->cookie < 2) {
        fits = add(&filler, "..", 2, listing->ino, S_IFDIR);
    }
    if (fits) {
        err = overlay_list(mount->overlay, listing->ino, listing->listing, after,
                           add_entry, &filler);
    }
    if (err == ERR_ABSENT) {
        reply_buffers_put(mount->buffers, filler.bytes);
        listing->id =
            parked_add(mount->parked, req, "readdir", listing->ino, PARKED_CAN_INTERRUPT);
        if (listing->id == 0) {
            free(listing);
            return;
        }
        overlay_prepare(mount->overlay, listing->ino, NULL, 0, &listing->call, on_listed,
                        listing);
        return;
    }
    if (err == ERR_NONE) {
        fuse_reply_buf(req, filler.bytes, filler.used);
    } else {
        op_reply_error(req, err);
    }
    reply_buffers_put(mount->buffers, filler.bytes);
    free(listing);
}

void op_readdir_local(fuse_req_t req, fuse_ino_t ino, size_t size, uint64_t offset,
                      struct overlay_listing *listed)
{
    struct mount *mount = fuse_req_userdata(req);
    struct local_listing *listing = calloc(1, sizeof(*listing));
    if (listing == NULL) {
        op_reply_error(req, ERR_NO_MEMORY);
        return;
    }
    *listing = (struct local_listing){
        .mount = mount,
        .ino = ino,
        .listing = listed,
        .cookie = offset,
        .size = size < REPLY_BUFFER_BYTES ? size : REPLY_BUFFER_BYTES,
        .call = mount_demand(mount, "readdir"),
    };
    answer(listing, req);
}
