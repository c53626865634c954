// SPDX-License-Identifier: Apache-2.0
// Attributes of nodes. A node is immutable, so what is computed here is handed to the kernel
// with an infinite timeout. A directory has two links and no size of its own: counting its
// subdirectories would mean listing it.
#include "fs/attributes.h"

enum { BLOCK_BYTES = 512, IO_BYTES = 128 << 10 };

static mode_t mode_of(const struct tree_node *node)
{
    switch (node->kind) {
    case ENTRY_DIRECTORY:
        return S_IFDIR | 0555;
    case ENTRY_SYMLINK:
        return S_IFLNK | 0777;
    case ENTRY_FILE:
        break;
    }
    return S_IFREG | (node->executable ? 0555 : 0444);
}

void attributes_fill_virtual(const struct attributes *attributes, mode_t mode,
                             uint64_t size, int64_t changed_s, uint64_t ino,
                             struct stat *out)
{
    if (!S_ISLNK(mode)) { // a symlink's bits mean nothing and are always 0777
        mode &= ~(mode_t)(attributes->umask & 0777);
    }
    *out = (struct stat){
        .st_ino = ino,
        .st_mode = mode,
        .st_nlink = S_ISDIR(mode) ? 2 : 1,
        .st_uid = attributes->uid,
        .st_gid = attributes->gid,
        .st_size = (off_t)size,
        .st_blksize = IO_BYTES,
        .st_blocks = (blkcnt_t)(size / BLOCK_BYTES + (size % BLOCK_BYTES != 0)),
    };
    out->st_mtim.tv_sec = changed_s >= 0 ? changed_s : 0;
    out->st_ctim = out->st_mtim;
    out->st_atim = out->st_mtim;
}

void attributes_fill(const struct attributes *attributes, const struct tree_node *node,
                     uint64_t ino, struct stat *out)
{
    int64_t changed_s = node->mtime_s >= 0 ? node->mtime_s : attributes->fallback_s;
    attributes_fill_virtual(attributes, mode_of(node), node->size, changed_s, ino, out);
}
