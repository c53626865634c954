// SPDX-License-Identifier: Apache-2.0
// Growth by doubling up to the owner's maximum. A failed call changes nothing, so that the
// caller may go on with what is there (a body that was cut, a line that did not fit).

#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

struct buffer buffer_init(size_t max)
{
    // One byte of every allocation belongs to the NUL, and that must not overflow.
    return (struct buffer){.max = max < SIZE_MAX ? max : SIZE_MAX - 1};
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = buffer_init(buffer->max);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
}

enum err buffer_reserve(struct buffer *buffer, size_t extra, uint8_t **out_space)
{
    if (extra > buffer->max - buffer->len) {
        return ERR_TOO_LARGE;
    }
    size_t needed = buffer->len + extra + 1;
    if (needed > buffer->capacity) {
        size_t capacity =
            buffer->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : buffer->capacity;
        while (capacity < needed) {
            capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
        }
        if (capacity > buffer->max + 1) {
            capacity = buffer->max + 1;
        }
        uint8_t *bytes = realloc(buffer->bytes, capacity);
        if (bytes == NULL) {
            return ERR_NO_MEMORY;
        }
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    *out_space = buffer->bytes + buffer->len;
    return ERR_NONE;
}

enum err buffer_append(struct buffer *buffer, const void *bytes, size_t len)
{
    if (len == 0) {
        return ERR_NONE; // memcpy() from NULL is undefined even for nothing
    }
    uint8_t *space = NULL;
    enum err err = buffer_reserve(buffer, len, &space);
    if (err != ERR_NONE) {
        return err;
    }
    memcpy(space, bytes, len);
    buffer->len += len;
    return ERR_NONE;
}

enum err buffer_append_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, text, strlen(text));
}

enum err buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);

    uint8_t *space = NULL;
    enum err err = len < 0 ? ERR_SYSTEM : buffer_reserve(buffer, (size_t)len, &space);
    if (err == ERR_NONE) {
        // The byte kept for the NUL is what vsnprintf() ends its text with.
        vsnprintf((char *)space, (size_t)len + 1, format, again);
        buffer->len += (size_t)len;
    }
    va_end(again);
    return err;
}

const char *buffer_text(const struct buffer *buffer)
{
    if (buffer->bytes == NULL) {
        return "";
    }
    buffer->bytes[buffer->len] = '\0';
    return (const char *)buffer->bytes;
}
