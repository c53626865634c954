// SPDX-License-Identifier: Apache-2.0
// STATFS: the repository that the path lies in as far as it has been listed, and full; in a mount that
// writes, with as much free as the state folder has. A file system of zero blocks would vanish from `df`.
#include "fs/ops.h"

#include <sys/statvfs.h>

enum { STATFS_BLOCK_BYTES = 4096 };

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    struct mount *mount = fuse_req_userdata(req);
    uint64_t files = 0;
    uint64_t bytes = 0;
    struct tree_node node;
    enum err err = ERR_NONE;
    if (!mount_is_virtual(mount, ino)) {
        // What was made here has no node; the repository's root has.
        err = mount_node(mount, overlay_owns(mount, ino) ? INO_ROOT : ino, &node);
        if (err == ERR_NONE) {
            err = tree_store_totals(mount->tree, node.repo, &files, &bytes);
        }
    }
    if (err != ERR_NONE) {
        op_reply_error(req, err);
        return;
    }
    uint64_t n_free = 0;
    if (mount->overlay != NULL) {
        n_free = staging_free_bytes(journal_staging(mount->journal)) / STATFS_BLOCK_BYTES;
    }
    struct statvfs answer = {
        .f_bsize = STATFS_BLOCK_BYTES,
        .f_frsize = STATFS_BLOCK_BYTES,
        .f_blocks = bytes / STATFS_BLOCK_BYTES + 1 + n_free,
        .f_bfree = n_free,
        .f_bavail = n_free,
        .f_files = files + n_free,
        .f_ffree = n_free,
        .f_favail = n_free,
        .f_namemax = NAME_BYTES_MAX,
        .f_flag = (mount->overlay == NULL ? ST_RDONLY : 0UL) | ST_NOSUID | ST_NODEV,
    };
    fuse_reply_statfs(req, &answer);
}
