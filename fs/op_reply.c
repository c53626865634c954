// SPDX-License-Identifier: Apache-2.0
// What several operations answer with.
#include "fs/ops.h"

void op_reply_error(struct fuse_req *req, enum err err)
{
    fuse_reply_err(req, err_errno(err));
}

// libfuse holds the request's own mutex here, and the request may have been answered already:
// only its session is looked at.
static void on_interrupt(fuse_req_t req, void *data)
{
    struct mount *mount = fuse_req_userdata(req);
    parked_interrupt(mount->parked, (uintptr_t)data);
}

void op_arm_interrupt(struct fuse_req *req, uint64_t id)
{
    _Static_assert(sizeof(uintptr_t) >= sizeof(id), "an id travels as a pointer");
    fuse_req_interrupt_func(req, on_interrupt, (void *)(uintptr_t)id);
}

struct fuse_entry_param op_entry(const struct entry *entry)
{
    return (struct fuse_entry_param){
        .ino = entry->ino,
        .attr = entry->stat,
        .attr_timeout = entry->stat_s,
        .entry_timeout = entry->name_s,
    };
}
