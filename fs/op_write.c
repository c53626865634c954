// SPDX-License-Identifier: Apache-2.0
// WRITE, SETATTR, FALLOCATE, LSEEK, COPY_FILE_RANGE of a writable mount: into the page cache of a
// staging file, never to the network.
#include "fs/op_handle.h"
#include "fs/op_message.h"
#include "fs/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>

static void complain(struct mount *mount, uint64_t ino, enum err err,
                     const struct why *why)
{
    if (err == ERR_NO_SPACE || err == ERR_SYSTEM) {
        struct entry entry;
        bool is_known = overlay_stat(mount->overlay, ino, &entry) == ERR_NONE;
        log_warn("fs", "a file could not be written: %s size=%lld", why_text(why, err),
                 is_known ? (long long)entry.stat.st_size : -1LL);
    }
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size,
              off_t offset, struct fuse_file_info *file_info)
{
    struct mount *mount = fuse_req_userdata(req);
    struct op_handle *handle = op_handle_of(file_info);
    struct why why = {""};
    if (handle == NULL) {
        fuse_reply_err(req, EBADF);
        return;
    }
    if (handle->is_message) {
        op_message_write(req, handle, bytes, size, (uint64_t)offset);
        return;
    }
    enum err err = local_file_write(handle->file, bytes, size, (uint64_t)offset, &why);
    if (err != ERR_NONE) {
        complain(mount, ino, err, &why);
        op_reply_error(req, err);
        return;
    }
    overlay_touched(mount->overlay, ino);
    fuse_reply_write(req, size);
}

// ---------------------------------------------------------------------------------- setattr

static enum err set_size(struct mount *mount, uint64_t ino, uint64_t size,
                         struct fuse_file_info *file_info)
{
    struct op_handle *handle = op_handle_of(file_info);
    struct local_file *file = NULL;
    struct why why = {""};
    enum err err = ERR_NONE;
    if (handle != NULL) {
        file = local_file_ref(handle->file);
    } else {
        err = overlay_writer(mount->overlay, ino, &file);
    }
    if (err == ERR_NONE) {
        err = local_file_truncate(file, size, &why);
    }
    if (err == ERR_NONE) {
        overlay_touched(mount->overlay, ino);
        if (handle == NULL) { // no close follows
            (void)overlay_seal(mount->overlay, ino, false, NULL, NULL);
        }
    }
    if (handle == NULL && file != NULL) {
        overlay_closed(mount->overlay, ino);
    }
    complain(mount, ino, err, &why);
    local_file_put(file);
    return err;
}

// The commit API can't say executable. Other bits are the mount's (umask=), and nobody is told a
// lie by leaving them.
static enum err set_mode(const struct stat *is, mode_t mode)
{
    bool gains = (mode & 0111 & ~is->st_mode) != 0;
    return gains && S_ISREG(is->st_mode) ? ERR_UNSUPPORTED : ERR_NONE;
}

static enum err set_owner(const struct stat *is, const struct stat *wanted, int what)
{
    bool is_other = ((what & FUSE_SET_ATTR_UID) != 0 && wanted->st_uid != is->st_uid) ||
                    ((what & FUSE_SET_ATTR_GID) != 0 && wanted->st_gid != is->st_gid);
    return is_other ? ERR_NOT_PERMITTED : ERR_NONE;
}

static enum err set_time(struct mount *mount, uint64_t ino, const struct stat *wanted,
                         int what)
{
    struct timespec at = wanted->st_mtim;
    if ((what & FUSE_SET_ATTR_MTIME) == 0) {
        return ERR_NONE; // access times are not kept
    }
    if ((what & FUSE_SET_ATTR_MTIME_NOW) != 0) {
        clock_gettime(CLOCK_REALTIME, &at);
    }
    return overlay_set_time(mount->overlay, ino, &at);
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *wanted, int what,
                struct fuse_file_info *file_info)
{
    struct mount *mount = fuse_req_userdata(req);
    struct op_handle *handle = op_handle_of(file_info);
    struct entry entry;
    bool is_message = handle != NULL ? handle->is_message : op_message_is(mount, ino);
    enum err err = overlay_owns(mount, ino) || is_message
                       ? directory_stat(mount, ino, &entry)
                       : ERR_READ_ONLY;
    if (err == ERR_NONE && is_message) {
        if (handle != NULL && (what & FUSE_SET_ATTR_SIZE) != 0) {
            op_message_truncate(handle, (uint64_t)wanted->st_size);
        }
        fuse_reply_attr(req, &entry.stat, 0);
        return;
    }
    if (err == ERR_NONE && (what & FUSE_SET_ATTR_MODE) != 0) {
        err = set_mode(&entry.stat, wanted->st_mode);
    }
    if (err == ERR_NONE) {
        err = set_owner(&entry.stat, wanted, what);
    }
    if (err == ERR_NONE && (what & FUSE_SET_ATTR_SIZE) != 0) {
        err = set_size(mount, ino, (uint64_t)wanted->st_size, file_info);
    }
    if (err == ERR_NONE) {
        err = set_time(mount, ino, wanted, what);
    }
    if (err == ERR_NONE) {
        err = overlay_stat(mount->overlay, ino, &entry);
    }
    if (err == ERR_NONE) {
        fuse_reply_attr(req, &entry.stat, entry.stat_s);
    } else {
        op_reply_error(req, err);
    }
}

// ------------------------------------------------------------------------------------ space

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                  struct fuse_file_info *file_info)
{
    struct mount *mount = fuse_req_userdata(req);
    struct op_handle *handle = op_handle_of(file_info);
    struct why why = {""};
    bool keep_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
    bool zeroes = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0;
    if (handle == NULL || handle->is_message ||
        (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) !=
            0) {
        fuse_reply_err(req, handle == NULL ? EBADF : EOPNOTSUPP);
        return;
    }
    enum err err = local_file_allocate(handle->file, (uint64_t)offset, (uint64_t)length,
                                       zeroes, keep_size, &why);
    if (err == ERR_NONE) {
        overlay_touched(mount->overlay, ino);
        fuse_reply_err(req, 0);
    } else {
        complain(mount, ino, err, &why);
        op_reply_error(req, err);
    }
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
              struct fuse_file_info *file_info)
{
    (void)file_info;
    struct mount *mount = fuse_req_userdata(req);
    struct local_file *file = NULL;
    struct entry entry;
    uint64_t found = 0;
    enum err err =
        overlay_owns(mount, ino) ? overlay_reader(mount->overlay, ino, &file) : ERR_NONE;
    if (err == ERR_NONE && file == NULL) {
        err = directory_stat(mount, ino, &entry);
        uint64_t size = err == ERR_NONE ? (uint64_t)entry.stat.st_size : 0;
        found = whence == SEEK_HOLE ? size : (uint64_t)offset;
        err = err == ERR_NONE && (uint64_t)offset >= size ? ERR_PAST_END : err;
    } else if (err == ERR_NONE) {
        err = local_file_seek(file, (uint64_t)offset, whence == SEEK_HOLE, &found);
    }
    local_file_put(file);
    if (err == ERR_NONE) {
        fuse_reply_lseek(req, (off_t)found);
    } else {
        op_reply_error(req, err);
    }
}

// The version that all of a file is, if it is one.
static enum err version_of(struct mount *mount, uint64_t ino, struct file_version *out)
{
    struct local_file *file = NULL;
    struct local_file_info info;
    enum err err = overlay_reader(mount->overlay, ino, &file);
    if (err == ERR_NONE && file == NULL) {
        // One that nobody has changed: with a node of its own it tells.
        err = overlay_writer(mount->overlay, ino, &file);
        if (err == ERR_NONE) {
            overlay_closed(mount->overlay, ino);
        }
    }
    if (err == ERR_NONE) {
        local_file_info(file, &info);
        err = info.is_base ? local_file_base(file, out) : ERR_UNSUPPORTED;
    }
    local_file_put(file);
    return err;
}

// A copy inside the mount moves no bytes as far as it is a version of the repository from its
// beginning. For anything else the kernel is told to copy by itself.
void op_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset,
                        struct fuse_file_info *from_info, fuse_ino_t to, off_t to_offset,
                        struct fuse_file_info *to_info, size_t len, int flags)
{
    (void)from_info;
    (void)flags;
    struct mount *mount = fuse_req_userdata(req);
    struct op_handle *handle = op_handle_of(to_info);
    struct file_version version = {.path = NULL};
    enum err err = handle != NULL && !handle->is_message && overlay_owns(mount, from) &&
                           from != to && from_offset == to_offset
                       ? version_of(mount, from, &version)
                       : ERR_UNSUPPORTED;
    uint64_t at = (uint64_t)from_offset;
    if (err == ERR_NONE && at >= version.size) {
        len = 0;
    } else if (err == ERR_NONE) {
        len = version.size - at < len ? (size_t)(version.size - at) : len;
        err = local_file_adopt(handle->file, &version, at, len);
    }
    file_version_release(&version);
    if (err != ERR_NONE) {
        fuse_reply_err(req, EOPNOTSUPP);
        return;
    }
    if (len > 0) {
        overlay_touched(mount->overlay, to);
    }
    fuse_reply_write(req, len);
}
