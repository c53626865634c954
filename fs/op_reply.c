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

void op_fill_entry(struct mount *mount, const struct tree_node *node,
                   struct fuse_entry_param *out)
{
    *out = (struct fuse_entry_param){
        .ino = node->ino,
        .attr_timeout = OP_FOREVER_S,
        .entry_timeout = OP_FOREVER_S,
    };
    attributes_fill(&mount->attributes, node, node->ino, &out->attr);
}
