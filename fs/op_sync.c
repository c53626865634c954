// SPDX-License-Identifier: Apache-2.0
// FLUSH, FSYNC, FSYNCDIR, RELEASE of a writable mount. close() and fsync() return when what was
// written is safe on this machine; they wait parked, while the journal's thread flushes for all who
// wait at the same time. With commit=close they return when the Hub has it.
//
// Bytes may be stored through a map after close(): then RELEASE seals, which nobody waits for.
#include "fs/op_handle.h"
#include "fs/op_message.h"
#include "fs/ops.h"

#include <errno.h>

struct sync_wait {
    struct mount *mount;
    parked_id id;
    uint64_t ino;
    bool may_commit;
};

static void finish(struct sync_wait *wait, enum err err, const struct why *why)
{
    struct mount *mount = wait->mount;
    if (err != ERR_NONE && err != ERR_CANCELLED) {
        log_error("fs", "what was written is not safe: %s", why_text(why, err));
    }
    fuse_req_t req = parked_take(mount->parked, wait->id, err);
    if (req != NULL) {
        fuse_reply_err(req, err_errno(err));
        parked_replied(mount->parked);
    }
    free(wait);
}

static void on_committed(void *ctx, enum err err, const struct why *why)
{
    finish(ctx, err, why);
}

static void on_safe(void *ctx, enum err err, const struct why *why)
{
    struct sync_wait *wait = ctx;
    struct mount *mount = wait->mount;
    if (err == ERR_NONE && wait->may_commit &&
        mount->options->commit_mode == COMMIT_CLOSE) {
        mount_wait_committed(mount, wait->ino, on_committed, wait);
        return;
    }
    finish(wait, err, why);
}

static void on_flushed(void *ctx, const struct journal_result *result)
{
    struct why why = {""};
    snprintf(why.text, sizeof(why.text), "%s", result->sentence);
    on_safe(ctx, result->err, &why);
}

// Parks until all that was written is safe. `ino` 0: names only.
static void make_safe(fuse_req_t req, const char *operation, uint64_t ino, uint64_t where)
{
    struct mount *mount = fuse_req_userdata(req);
    struct sync_wait *wait = calloc(1, sizeof(*wait));
    if (wait == NULL) {
        op_reply_error(req, ERR_NO_MEMORY);
        return;
    }
    *wait = (struct sync_wait){.mount = mount, .ino = ino, .may_commit = ino != 0};
    wait->id = parked_add(mount->parked, req, operation, where, PARKED_CAN_INTERRUPT);
    if (wait->id == 0) {
        free(wait);
        return;
    }
    if (ino == 0 || !overlay_seal(mount->overlay, ino, true, on_safe, wait)) {
        journal_flush(mount->journal, on_flushed, wait);
    }
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info)
{
    struct op_handle *handle = op_handle_of(file_info);
    struct local_file_info info;
    if (handle == NULL) {
        fuse_reply_err(req, 0);
        return;
    }
    if (handle->is_message) {
        op_message_flush(req, handle);
        return;
    }
    local_file_info(handle->file, &info);
    if (info.is_clean) {
        fuse_reply_err(req, 0); // nothing but what the Hub has
        return;
    }
    make_safe(req, "flush", ino, ino);
}

// What the Hub refuses for good is told once for each handle; a new save is tried anew.
static enum err untold_refusal(struct op_handle *handle)
{
    struct local_file_info info;
    struct why why = {""};
    local_file_info(handle->file, &info);
    if (atomic_load(&handle->was_told) || info.is_dirty) {
        return ERR_NONE;
    }
    enum err err = overlay_refusal(handle->overlay, handle->ino, &why);
    if (err == ERR_NONE || atomic_exchange(&handle->was_told, true)) {
        return ERR_NONE;
    }
    log_warn("fs", "fsync tells what the Hub refuses: %s", why_text(&why, err));
    return err;
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only,
              struct fuse_file_info *file_info)
{
    (void)data_only;
    struct op_handle *handle = op_handle_of(file_info);
    if (handle == NULL && !overlay_owns(fuse_req_userdata(req), ino)) {
        fuse_reply_err(req, 0);
    } else if (handle == NULL) {
        make_safe(req, "fsync", ino, ino); // the file, whoever wrote to it
    } else if (handle->is_message) {
        op_message_flush(req, handle);
    } else {
        enum err refusal = untold_refusal(handle);
        if (refusal != ERR_NONE) {
            op_reply_error(req, refusal);
            return;
        }
        make_safe(req, "fsync", ino, ino);
    }
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int data_only,
                 struct fuse_file_info *file_info)
{
    (void)data_only;
    (void)file_info;
    if (!overlay_owns(fuse_req_userdata(req), ino)) {
        fuse_reply_err(req, 0);
        return;
    }
    make_safe(req, "fsync", 0, ino);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info)
{
    struct mount *mount = fuse_req_userdata(req);
    struct op_handle *handle = op_handle_of(file_info);
    if (handle != NULL && !handle->is_message) {
        (void)overlay_seal(mount->overlay, ino, false, NULL, NULL);
    }
    op_handle_free(file_info);
    fuse_reply_err(req, 0);
}
