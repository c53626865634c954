// SPDX-License-Identifier: Apache-2.0
// Writes JSON text into a buffer. Commas and quoting are its business; nesting is the
// caller's (it must open and close what it opens). After an error everything is a no-op and
// json_writer_end() reports it.
#pragma once

#include "base/buffer.h"

#include <stdint.h>

struct json_writer {
    struct buffer *to;
    enum err err;
    bool needs_comma;
};

struct json_writer json_writer_init(struct buffer *to);
void json_open_object(struct json_writer *json, const char *key_or_null);
void json_close_object(struct json_writer *json);
void json_open_array(struct json_writer *json, const char *key_or_null);
void json_close_array(struct json_writer *json);
// key NULL inside arrays. Bytes that are not UTF-8 become U+FFFD.
void json_string(struct json_writer *json, const char *key, const char *value);
void json_string_n(struct json_writer *json, const char *key, const char *value,
                   size_t len);
void json_u64(struct json_writer *json, const char *key, uint64_t value);
void json_i64(struct json_writer *json, const char *key, int64_t value);
void json_double(struct json_writer *json, const char *key, double value);
void json_bool(struct json_writer *json, const char *key, bool value);
void json_null(struct json_writer *json, const char *key);
NODISCARD enum err json_writer_end(struct json_writer *json);
