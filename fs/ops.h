// SPDX-License-Identifier: Apache-2.0
// The FUSE operations; op_NAME.c has one each. They run on the
// session's worker threads, answer from this machine when they can, and park otherwise.
// Operations that are missing are answered ENOSYS by libfuse, after which the kernel does not
// ask again: FLUSH (nothing to flush), xattrs (a round trip per file for `ls -l`), ACCESS (the
// kernel checks by default_permissions).
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "fs/mount_parts.h"

// Buffered reads are background requests, and parked ones keep their places: with the
// default of 12, a dozen stalled downloads would hold up every cached read on the mount.
// Mounts of ordinary users are capped by the kernel: session.c reads back what was granted.
enum { OP_BACKGROUND_MAX = 4096 };

void op_init(void *userdata, struct fuse_conn_info *conn);
void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info);
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
             struct fuse_file_info *file_info);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *file_info);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *file_info);
void op_statfs(fuse_req_t req, fuse_ino_t ino);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n_lookups);
void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets);

// ---- of a writable mount alone

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *file_info);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
              dev_t rdev);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned flags);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *wanted, int what,
                struct fuse_file_info *file_info);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size,
              off_t offset, struct fuse_file_info *file_info);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only,
              struct fuse_file_info *file_info);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int data_only,
                 struct fuse_file_info *file_info);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                  struct fuse_file_info *file_info);
void op_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset,
                        struct fuse_file_info *from_info, fuse_ino_t to, off_t to_offset,
                        struct fuse_file_info *to_info, size_t len, int flags);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
              struct fuse_file_info *file_info);

// Reading a file that was changed here, and listing a folder. op_read_local.c, op_readdir_local.c
void op_read_local(fuse_req_t req, struct local_file *file, uint64_t offset, size_t size,
                   unsigned flags);
void op_readdir_local(fuse_req_t req, fuse_ino_t ino, size_t size, uint64_t offset,
                      struct overlay_listing *listed);

// Answers a taken request with an error (ENOENT ...) and a request that was never parked.
void op_reply_error(struct fuse_req *req, enum err err);
// Arranges for parked_interrupt().
void op_arm_interrupt(struct fuse_req *req, uint64_t id);

// Reads [offset, offset + size) of a content, which lies inside it, and hands the answer to
// `reply`, now or later, or answers with an error. Who does not take parts finds all of it in
// answer->own. Consumes the reference. `flags` are parked_add()'s; `operation` is a static string.
// op_read.c
struct op_reader {
    void (*reply)(fuse_req_t req, void *ctx, struct content *content,
                  const struct chunk_answer *answer);
    void (*over)(void *ctx); // once, when nothing more is called; may be NULL
    void *ctx;
    bool takes_parts;
};
void op_read_content(fuse_req_t req, const char *operation, struct content *content,
                     uint64_t offset, size_t size, unsigned flags,
                     const struct op_reader *reader);

// An entry as libfuse takes it.
struct fuse_entry_param op_entry(const struct entry *entry);
