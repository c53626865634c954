// SPDX-License-Identifier: Apache-2.0
// A growable byte buffer that has a maximum from birth (curl's dynbuf is the model): bytes
// from outside can't make it grow past what its owner allowed.
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *bytes; // NULL until something was stored
    size_t len;
    size_t capacity; // allocated, one byte more than may be stored: buffer_text()'s NUL
    size_t max;      // len never exceeds it
};

// A buffer that may hold up to `max` bytes. Allocates nothing.
struct buffer buffer_init(size_t max);

// Frees the bytes; the buffer is empty and usable again.
void buffer_release(struct buffer *buffer);

// Forgets the content, keeps the memory.
void buffer_clear(struct buffer *buffer);

// Appends; ERR_TOO_LARGE past the maximum, ERR_NO_MEMORY. The content is unchanged on error.
NODISCARD enum err buffer_append(struct buffer *buffer, const void *bytes, size_t len);
NODISCARD enum err buffer_append_text(struct buffer *buffer, const char *text);
NODISCARD enum err buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Makes room for `extra` more bytes and returns where they go; the caller adds to len what
// it wrote.
NODISCARD enum err buffer_reserve(struct buffer *buffer, size_t extra,
                                  uint8_t **out_space);

// The content as a C string ("" when empty); valid until the next change.
const char *buffer_text(const struct buffer *buffer);
