// SPDX-License-Identifier: Apache-2.0
// Writing to .hub/message: the text of the next commit. It is gathered while the file is open and
// noted when it is closed.
#include "fs/op_message.h"
#include "fs/op_handle.h"
#include "fs/ops.h"

#include <errno.h>
#include <fcntl.h>

bool op_message_is(struct mount *mount, uint64_t ino)
{
    if (!mount_is_virtual(mount, ino)) {
        return false;
    }
    struct vnode *node = vnodes_get(mount->vnodes, ino);
    bool is_it = node != NULL && node->type == &vnode_message;
    if (node != NULL) {
        vnodes_put(mount->vnodes, node);
    }
    return is_it;
}

void op_message_open(fuse_req_t req, struct fuse_file_info *file_info)
{
    struct mount *mount = fuse_req_userdata(req);
    struct op_handle *handle = calloc(1, sizeof(*handle));
    if (handle == NULL) {
        op_reply_error(req, ERR_NO_MEMORY);
        return;
    }
    handle->message = buffer_init(MOUNT_MESSAGE_MAX);
    handle->is_message = true;
    enum err err = (file_info->flags & O_TRUNC) != 0
                       ? ERR_NONE
                       : mount_get_message(mount, &handle->message);
    file_info->fh = (uintptr_t)handle;
    file_info->direct_io = 1; // its size is what is written now
    if (err != ERR_NONE) {
        op_handle_free(file_info);
        op_reply_error(req, err);
    } else if (fuse_reply_open(req, file_info) != 0) {
        op_handle_free(file_info);
    }
}

void op_message_write(fuse_req_t req, struct op_handle *handle, const char *bytes,
                      size_t size, uint64_t offset)
{
    struct buffer *text = &handle->message;
    uint8_t *space = NULL;
    uint64_t end = offset + size;
    enum err err = end > MOUNT_MESSAGE_MAX ? ERR_FILE_TOO_LARGE : ERR_NONE;
    if (err == ERR_NONE && end > text->len) {
        err = buffer_reserve(text, (size_t)end - text->len, &space);
        if (err == ERR_NONE) {
            memset(space, ' ', (size_t)end - text->len);
            text->len = (size_t)end;
        }
    }
    if (err != ERR_NONE) {
        op_reply_error(req, err);
        return;
    }
    memcpy(text->bytes + offset, bytes, size);
    handle->has_changed = true;
    fuse_reply_write(req, size);
}

void op_message_truncate(struct op_handle *handle, uint64_t size)
{
    if (size < handle->message.len) {
        handle->message.len = (size_t)size;
    }
    handle->has_changed = true;
}

struct message_wait {
    struct mount *mount;
    parked_id id;
};

static void on_noted(void *ctx, enum err err, const struct why *why)
{
    struct message_wait *wait = ctx;
    struct mount *mount = wait->mount;
    if (err != ERR_NONE && err != ERR_CANCELLED) {
        log_warn("fs", "the message of the next commit is not noted: %s",
                 why_text(why, err));
    }
    fuse_req_t req = parked_take(mount->parked, wait->id, err);
    if (req != NULL) {
        fuse_reply_err(req, err_errno(err));
        parked_replied(mount->parked);
    }
    free(wait);
}

void op_message_flush(fuse_req_t req, struct op_handle *handle)
{
    struct mount *mount = fuse_req_userdata(req);
    if (!handle->has_changed) {
        fuse_reply_err(req, 0);
        return;
    }
    struct message_wait *wait = calloc(1, sizeof(*wait));
    if (wait == NULL) {
        op_reply_error(req, ERR_NO_MEMORY);
        return;
    }
    handle->has_changed = false;
    wait->mount = mount;
    wait->id = parked_add(mount->parked, req, "flush", 0, PARKED_CAN_INTERRUPT);
    if (wait->id == 0) {
        free(wait);
        return;
    }
    mount_set_message(mount, buffer_text(&handle->message), handle->message.len, on_noted,
                      wait);
}
