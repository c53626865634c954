// SPDX-License-Identifier: Apache-2.0
// READ: the bytes are in the chunk store, or the request is parked until xet says that they
// are. A buffer is held only while an answer is made and sent. An answer is never shorter
// than asked for before the end of the file: the kernel would take it for the end.
#include "fs/footer.h"
#include "fs/header.h"
#include "fs/ops.h"
#include "fs/read_ahead.h"

#include <errno.h>
#include <fcntl.h>

enum { PAGE_BYTES = 4096 };

struct read_wait {
    struct mount *mount;
    struct content *content; // referenced
    struct op_reader reader;
    parked_id id;
    int64_t deadline_ms;
    uint64_t offset;
    size_t size;
    struct xet_pattern pattern;
    bool is_interruptible;
};

static void on_ready(void *ctx, enum err err, const struct why *why);

// The file is there, for somebody has it open: when the Hub knows nothing of it any more (the
// repository was deleted, or closed to us), what is not here is out of reach and not missing.
// Another commit that is known may have it: the next read looks for one.
static enum err stale_if_not_found(struct mount *mount, struct content *content,
                                   enum err err)
{
    if (err != ERR_NOT_FOUND) {
        return err;
    }
    content_gone(mount->contents, content);
    return ERR_STALE;
}

// The kernel's request is gone: a reader that was killed, or its deadline. What is fetched is
// kept for the next reader, but nobody waits for it any more.
static void let_go(void *ctx, uint64_t ticket, bool is_early)
{
    struct content *content = ctx;
    if (is_early) {
        xet_file_abandon(content->file, ticket);
    }
    content_put(content);
}

// ERR_PARKED: on_ready() comes, or has come already and `wait` is gone. So what xet is given
// lives in this frame. Takes care that an interrupt reaches xet too; other requests can only
// end early by their deadline, which is xet's own.
static enum err read_or_park(struct read_wait *wait, struct chunk_answer *answer,
                             struct why *why)
{
    struct read_wait own = *wait;
    struct content *content = content_ref(own.content);
    xet_wait ticket = 0;
    enum err err =
        xet_file_read(content->file, &content->source, &own.pattern, own.offset, own.size,
                      own.deadline_ms, answer, on_ready, wait, &ticket, why);
    err = stale_if_not_found(own.mount, content, err);
    if (err == ERR_PARKED) {
        small_files_note(own.mount, content);
    }
    if (err == ERR_PARKED && own.is_interruptible) {
        struct parked_hold hold = {let_go, content, ticket};
        parked_set_hold(own.mount->parked, own.id, &hold);
    } else {
        content_put(content);
    }
    return err;
}

// It has been sent, or never will be.
static void end_answer(struct mount *mount, struct chunk_answer *answer)
{
    chunk_store_give_back(mount->chunks, answer);
    reply_buffers_put(mount->buffers, answer->own);
}

static void over(const struct op_reader *reader)
{
    if (reader->over != NULL) {
        reader->over(reader->ctx);
    }
}

static void complain(struct mount *mount, struct content *content, enum err err,
                     const struct why *why)
{
    if (content_may_complain(content) && mount_is_news(mount, err)) {
        log_warn("fs", "reading \"%s\" failed: %s", content->path, why_text(why, err));
    }
}

// The end of a read; `req` is NULL when the kernel has its answer already (deadline,
// interrupt).
static void finish(struct read_wait *wait, fuse_req_t req, enum err err,
                   const struct why *why, const struct chunk_answer *answer)
{
    struct mount *mount = wait->mount;
    struct content *content = wait->content;
    if (err != ERR_NONE && err != ERR_CANCELLED && err != ERR_INTERRUPTED) {
        complain(mount, content, err, why);
    }
    if (req != NULL) {
        if (err == ERR_NONE) {
            wait->reader.reply(req, wait->reader.ctx, content, answer);
        } else {
            op_reply_error(req, err);
        }
        parked_replied(mount->parked);
    }
    content_put(content);
    over(&wait->reader);
    free(wait);
}

// What was waited for has come, or can't be had. It may be gone again (evicted, damaged):
// then it is asked for once more, as long as the deadline allows.
static void on_ready(void *ctx, enum err err, const struct why *why)
{
    struct read_wait *wait = ctx;
    struct mount *mount = wait->mount;
    struct chunk_answer answer = chunk_answer_init(NULL, wait->reader.takes_parts);
    struct why own = {""};
    err = stale_if_not_found(mount, wait->content, err);
    if (err == ERR_NONE) {
        answer.own = reply_buffers_take(mount->buffers);
        err = answer.own == NULL ? ERR_NO_MEMORY : read_or_park(wait, &answer, &own);
        why = &own;
    }
    if (err != ERR_PARKED) {
        finish(wait, parked_take(mount->parked, wait->id, err), err, why, &answer);
    }
    end_answer(mount, &answer);
}

// Too many reads are parked. Read-ahead may be refused: the kernel then asks page by page,
// with requests that it does not count. What is here is answered all the same.
static void answer_now(struct mount *mount, fuse_req_t req, struct content *content,
                       uint64_t offset, size_t size, const struct op_reader *reader)
{
    struct chunk_answer answer =
        chunk_answer_init(reply_buffers_take(mount->buffers), reader->takes_parts);
    if (answer.own != NULL &&
        xet_file_read_now(content->file, offset, size, &answer, NULL) == ERR_NONE) {
        reader->reply(req, reader->ctx, content, &answer);
    } else {
        op_reply_error(req, ERR_BUSY);
    }
    end_answer(mount, &answer);
    content_put(content);
    over(reader);
}

static bool must_answer_now(struct mount *mount, unsigned flags, size_t size)
{
    uint32_t n_parked;
    uint32_t n_reads;
    if ((flags & PARKED_CAN_INTERRUPT) != 0 || size <= PAGE_BYTES) {
        return false; // somebody waits for exactly this, and it is no background request
    }
    parked_count(mount->parked, &n_parked, &n_reads);
    return n_reads >= atomic_load(&mount->parked_reads_max);
}

// What is known of a read beyond its range. A file that would take more than half of the cache is not
// fetched as a whole.
static struct xet_pattern pattern_of(const struct mount_options *options,
                                     struct content *content, uint64_t offset,
                                     size_t size, bool is_direct)
{
    static const enum xet_completion completions[] = {
        [PREFETCH_AUTO] = XET_COMPLETE_WORN,
        [PREFETCH_OFF] = XET_COMPLETE_NEVER,
        [PREFETCH_WHOLE] = XET_COMPLETE_TOUCHED,
    };
    struct xet_pattern pattern = content_note_read(content, offset, size);
    if (content->size <= options->cache_size / 2) {
        pattern.completion = completions[options->prefetch];
    }
    if (options->prefetch == PREFETCH_OFF) {
        pattern.follows = 0;
    } else {
        if (!is_direct && size >= READ_AHEAD_KB << 10 && pattern.follows < size) {
            pattern.follows = size; // the kernel's read-ahead goes on when this has come
        }
        uint64_t header = header_guess(content->path, offset, size);
        pattern.follows = header > pattern.follows ? header : pattern.follows;
        pattern.tail = footer_guess(content->path, content->size, offset, size);
    }
    return pattern;
}

void op_read_content(fuse_req_t req, const char *operation, struct content *content,
                     uint64_t offset, size_t size, unsigned flags,
                     const struct op_reader *reader)
{
    struct mount *mount = fuse_req_userdata(req);
    if (must_answer_now(mount, flags, size)) {
        answer_now(mount, req, content, offset, size, reader);
        return;
    }
    struct read_wait *wait = calloc(1, sizeof(*wait));
    if (wait == NULL) {
        op_reply_error(req, ERR_NO_MEMORY);
        content_put(content);
        over(reader);
        return;
    }
    wait->mount = mount;
    wait->content = content;
    wait->reader = *reader;
    wait->deadline_ms = mount_deadline_ms(mount);
    wait->offset = offset;
    wait->size = size;
    wait->is_interruptible = (flags & PARKED_CAN_INTERRUPT) != 0;
    wait->pattern =
        pattern_of(mount->options, content, offset, size, wait->is_interruptible);
    wait->id = parked_add(mount->parked, req, operation, content->ino, flags);
    if (wait->id == 0) {
        content_put(content);
        over(reader);
        free(wait);
        return;
    }
    struct why why = {""};
    struct chunk_answer answer =
        chunk_answer_init(reply_buffers_take(mount->buffers), reader->takes_parts);
    enum err err = answer.own == NULL ? ERR_NO_MEMORY : read_or_park(wait, &answer, &why);
    if (err != ERR_PARKED) {
        finish(wait, parked_withdraw(mount->parked, wait->id), err, &why, &answer);
    }
    end_answer(mount, &answer);
}

static void reply_parts(fuse_req_t req, void *ctx, struct content *content,
                        const struct chunk_answer *answer)
{
    (void)ctx;
    (void)content;
    fuse_reply_iov(req, answer->parts, (int)answer->n);
}

// Takes the reference over.
static void refuse_masked(fuse_req_t req, struct content *content)
{
    struct mount *mount = fuse_req_userdata(req);
    struct why why = {""};
    enum err err = content_refuse(content, &why);
    complain(mount, content, err, &why);
    op_reply_error(req, err);
    content_put(content);
}

// The bytes of a rendered file.
static void read_virtual(struct mount *mount, fuse_req_t req, uint64_t ino, size_t size,
                         uint64_t offset)
{
    struct vnode *node = vnodes_get(mount->vnodes, ino);
    if (node == NULL) {
        op_reply_error(req, ERR_STALE);
        return;
    }
    if (S_ISDIR(node->type->mode)) {
        op_reply_error(req, ERR_IS_DIRECTORY);
    } else {
        uint64_t left = offset < node->size ? node->size - offset : 0;
        fuse_reply_buf(req, left > 0 ? node->text + offset : NULL,
                       left < size ? (size_t)left : size);
    }
    vnodes_put(mount->vnodes, node);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
             struct fuse_file_info *file_info)
{
    struct mount *mount = fuse_req_userdata(req);
    struct content *content = NULL;
    if (mount_is_virtual(mount, ino)) {
        read_virtual(mount, req, ino, size, (uint64_t)offset);
        return;
    }
    // Only direct reads are ever interrupted by the kernel (op_init.c).
    bool is_direct = (file_info->flags & O_DIRECT) != 0;
    unsigned flags = PARKED_IS_READ | (is_direct ? PARKED_CAN_INTERRUPT : 0);
    struct local_file *local = NULL;
    enum err err =
        overlay_owns(mount, ino) ? overlay_reader(mount->overlay, ino, &local) : ERR_NONE;
    if (local != NULL) {
        op_read_local(req, local, (uint64_t)offset, size, flags);
        return;
    }
    if (err == ERR_NONE) {
        err = content_get(mount->contents, mount_stored_ino(mount, ino), &content);
    }
    if (err != ERR_NONE) {
        op_reply_error(req, err);
        return;
    }
    uint64_t first = (uint64_t)offset;
    if (content->file == NULL) {
        refuse_masked(req, content);
        return;
    }
    if (first >= content->size || size == 0) {
        fuse_reply_buf(req, NULL, 0);
        content_put(content);
        return;
    }
    uint64_t left = content->size - first;
    size = size > REPLY_BUFFER_BYTES ? REPLY_BUFFER_BYTES : size;
    static const struct op_reader reader = {.reply = reply_parts, .takes_parts = true};
    op_read_content(req, "read", content, first, left < size ? (size_t)left : size, flags,
                    &reader);
}
