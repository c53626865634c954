// SPDX-License-Identifier: Apache-2.0
// READ of a file that was changed here: what lies over its base is on this machine; what of the base
// is wanted is read as any other file is, and the layers are laid over it.
#include "fs/ops.h"

struct layered {
    struct local_file *file; // referenced
    uint64_t offset;
    size_t size;
    unsigned flags;
    uint64_t base_offset;
};

static void start(fuse_req_t req, struct layered *layered);

static void over(void *ctx)
{
    struct layered *layered = ctx;
    local_file_put(layered->file);
    free(layered);
}

static enum err lay(fuse_req_t req, const struct layered *layered, const void *base,
                    size_t base_len)
{
    AUTO_FREE char *bytes = malloc(layered->size > 0 ? layered->size : 1);
    size_t len = 0;
    enum err err = bytes == NULL ? ERR_NO_MEMORY
                                 : local_file_read(layered->file, layered->offset,
                                                   layered->size, layered->base_offset,
                                                   base, base_len, bytes, &len);
    if (err == ERR_NONE) {
        fuse_reply_buf(req, bytes, len);
    }
    return err;
}

static void on_base(fuse_req_t req, void *ctx, struct content *content,
                    const struct chunk_answer *answer)
{
    struct layered *layered = ctx;
    (void)content;
    enum err err = lay(req, layered, answer->own, answer->len);
    if (err == ERR_ABSENT) { // it was changed meanwhile
        struct layered *again = calloc(1, sizeof(*again));
        if (again != NULL) {
            *again = *layered;
            (void)local_file_ref(again->file);
            start(req, again);
            return;
        }
        err = ERR_NO_MEMORY;
    }
    if (err != ERR_NONE) {
        op_reply_error(req, err);
    }
}

// Answers, or reads the base first. Consumes `layered`.
static void start(fuse_req_t req, struct layered *layered)
{
    size_t base_len = 0;
    struct content *content = NULL;
    local_file_needs(layered->file, layered->offset, layered->size, &layered->base_offset,
                     &base_len);
    enum err err = ERR_NONE;
    if (base_len > 0) {
        err = local_file_content(layered->file, &content);
    }
    if (content != NULL) {
        struct op_reader reader = {.reply = on_base, .over = over, .ctx = layered};
        op_read_content(req, "read", content, layered->base_offset, base_len,
                        layered->flags, &reader);
        return;
    }
    err = err == ERR_NONE ? lay(req, layered, NULL, 0) : err;
    if (err != ERR_NONE) {
        op_reply_error(req, err == ERR_ABSENT ? ERR_STALE : err);
    }
    over(layered);
}

void op_read_local(fuse_req_t req, struct local_file *file, uint64_t offset, size_t size,
                   unsigned flags)
{
    struct layered *layered = calloc(1, sizeof(*layered));
    if (layered == NULL) {
        op_reply_error(req, ERR_NO_MEMORY);
        local_file_put(file);
        return;
    }
    *layered =
        (struct layered){.file = file,
                         .offset = offset,
                         .size = size < REPLY_BUFFER_BYTES ? size : REPLY_BUFFER_BYTES,
                         .flags = flags};
    start(req, layered);
}
