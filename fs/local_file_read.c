// SPDX-License-Identifier: Apache-2.0
// Reading through the layers (local_file.c says how they lie).
#include "fs/content_read.h"
#include "fs/local_file_inside.h"

#include <errno.h>

enum source { FROM_TOP, FROM_FLIGHT, FROM_BASE, FROM_NOTHING };

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static enum source base_at(const struct local_file *file, uint64_t offset, uint64_t *end)
{
    uint64_t size = file->has_base ? file->base.size : 0;
    if (offset >= size) {
        return FROM_NOTHING;
    }
    *end = least(*end, size);
    return FROM_BASE;
}

static enum source flight_at(const struct local_file *file, uint64_t offset,
                             uint64_t *end)
{
    const struct layer *layer = &file->flight;
    if (!has_layer(layer)) {
        return base_at(file, offset, end);
    }
    uint64_t changes = 0;
    bool is_in = range_set_next(&layer->ranges, offset, &changes);
    *end = least(*end, changes);
    if (is_in) {
        return FROM_FLIGHT;
    }
    if (offset >= layer->below_valid) {
        return FROM_NOTHING;
    }
    *end = least(*end, layer->below_valid);
    return base_at(file, offset, end);
}

// Where the byte at `offset` comes from, and until where the next ones do.
static enum source top_at(const struct local_file *file, uint64_t offset, uint64_t *end)
{
    const struct layer *layer = &file->top;
    if (!has_layer(layer)) {
        return flight_at(file, offset, end);
    }
    uint64_t changes = 0;
    bool is_in = range_set_next(&layer->ranges, offset, &changes);
    *end = least(*end, changes);
    if (is_in) {
        return FROM_TOP;
    }
    if (offset >= layer->below_valid) {
        return FROM_NOTHING;
    }
    *end = least(*end, layer->below_valid);
    return flight_at(file, offset, end);
}

void local_file_needs(struct local_file *file, uint64_t offset, size_t len,
                      uint64_t *out_offset, size_t *out_len)
{
    uint64_t first = UINT64_MAX;
    uint64_t last = 0;
    lock_acquire(&file->lock);
    uint64_t stop = offset < file->size ? least(offset + len, file->size) : offset;
    for (uint64_t at = offset; at < stop;) {
        uint64_t end = stop;
        if (top_at(file, at, &end) == FROM_BASE) {
            first = least(first, at);
            last = end;
        }
        at = end;
    }
    lock_release(&file->lock);
    *out_offset = first == UINT64_MAX ? offset : first;
    *out_len = first == UINT64_MAX ? 0 : (size_t)(last - first);
}

// What the base gives.
struct given {
    uint64_t offset;
    const uint8_t *bytes;
    size_t len;
};

static enum err copy_piece(const struct local_file *file, enum source source,
                           const struct given *given, uint64_t at, size_t len,
                           uint8_t *to)
{
    switch (source) {
    case FROM_TOP:
        return file_pread(file->top.fd, to, len, at);
    case FROM_FLIGHT:
        return file_pread(file->flight.fd, to, len, at);
    case FROM_NOTHING:
        memset(to, 0, len);
        return ERR_NONE;
    case FROM_BASE:
        break;
    }
    if (at < given->offset || at + len > given->offset + given->len) {
        return ERR_ABSENT;
    }
    memcpy(to, given->bytes + (at - given->offset), len);
    return ERR_NONE;
}

enum err local_file_read(struct local_file *file, uint64_t offset, size_t len,
                         uint64_t base_offset, const void *base_bytes, size_t base_len,
                         void *to, size_t *out_len)
{
    struct given given = {base_offset, base_bytes, base_len};
    enum err err = ERR_NONE;
    lock_acquire(&file->lock);
    uint64_t stop = offset < file->size ? least(offset + len, file->size) : offset;
    for (uint64_t at = offset; at < stop && err == ERR_NONE;) {
        uint64_t end = stop;
        enum source source = top_at(file, at, &end);
        err = copy_piece(file, source, &given, at, (size_t)(end - at),
                         (uint8_t *)to + (at - offset));
        at = end;
    }
    lock_release(&file->lock);
    if (err == ERR_NONE) {
        *out_len = (size_t)(stop - offset);
    }
    return err;
}

enum err local_file_seek(struct local_file *file, uint64_t offset, bool hole,
                         uint64_t *out)
{
    enum err err = ERR_PAST_END;
    lock_acquire(&file->lock);
    for (uint64_t at = offset; at < file->size;) {
        uint64_t end = file->size;
        bool is_hole = top_at(file, at, &end) == FROM_NOTHING;
        if (is_hole == hole) {
            *out = at;
            err = ERR_NONE;
            break;
        }
        at = end;
    }
    if (err != ERR_NONE && hole && offset < file->size) {
        *out = file->size; // there is a hole behind every file
        err = ERR_NONE;
    }
    lock_release(&file->lock);
    return err;
}

// ------------------------------------------------------------------------------- the base

static enum err content(struct local_file *file, struct content **out)
    REQUIRES(file->lock)
{
    if (!file->has_base) {
        return ERR_ABSENT;
    }
    if (file->content == NULL) {
        enum err err = content_of_version(file->parts.contents, file->parts.repo,
                                          file->id, &file->base, &file->content);
        if (err != ERR_NONE) {
            return err;
        }
    }
    *out = content_ref(file->content);
    return ERR_NONE;
}

enum err local_file_content(struct local_file *file, struct content **out)
{
    lock_acquire(&file->lock);
    enum err err = content(file, out);
    lock_release(&file->lock);
    return err;
}

// ----------------------------------------------------------------------------- the flight

uint64_t local_file_flight_size(struct local_file *file)
{
    lock_acquire(&file->lock);
    uint64_t size = has_layer(&file->flight) ? file->flight.size
                    : file->has_base         ? file->base.size
                                             : 0;
    lock_release(&file->lock);
    return size;
}

typedef enum source (*at_fn)(const struct local_file *file, uint64_t offset,
                             uint64_t *end);

static enum err read_piece(struct local_file *file, at_fn where, struct wait_owner *owner,
                           uint64_t at, uint64_t *end, uint8_t *to, struct why *why)
{
    struct content *from = NULL;
    struct given nothing = {0, NULL, 0};
    lock_acquire(&file->lock);
    enum source source = where(file, at, end);
    enum err err = source == FROM_BASE
                       ? content(file, &from)
                       : copy_piece(file, source, &nothing, at, (size_t)(*end - at), to);
    lock_release(&file->lock);
    if (from != NULL) {
        err = content_read(from, owner, at, to, (size_t)(*end - at), why);
        content_put(from);
    } else if (err != ERR_NONE) {
        (void)why_set(why, err, "a staging file cannot be read: %s", strerror(errno));
    }
    return err;
}

static enum err read_through(struct local_file *file, at_fn where,
                             struct wait_owner *owner, uint64_t offset, void *to,
                             size_t len, struct why *why)
{
    uint64_t stop = offset + len;
    for (uint64_t at = offset; at < stop;) {
        uint64_t end = stop;
        enum err err =
            read_piece(file, where, owner, at, &end, (uint8_t *)to + (at - offset), why);
        if (err != ERR_NONE) {
            return err;
        }
        at = end;
    }
    return ERR_NONE;
}

enum err local_file_read_flight(struct local_file *file, struct wait_owner *owner,
                                uint64_t offset, void *to, size_t len, struct why *why)
{
    return read_through(file, flight_at, owner, offset, to, len, why);
}

enum err local_file_read_whole(struct local_file *file, struct wait_owner *owner,
                               void *to, size_t len, struct why *why)
{
    return read_through(file, top_at, owner, 0, to, len, why);
}
