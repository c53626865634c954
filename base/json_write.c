// SPDX-License-Identifier: Apache-2.0
// One token after the other into the buffer. The only state is whether the next value of the
// open object or array needs a comma before it: after any value it does, after an opening
// bracket it does not. Numbers are printed by printf(), whose decimal point is '.' because
// hugfs never calls setlocale().

#include "base/json_write.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_writer json_writer_init(struct buffer *to)
{
    return (struct json_writer){.to = to};
}

static void put(struct json_writer *json, const char *text, size_t len)
{
    if (json->err == ERR_NONE) {
        json->err = buffer_append(json->to, text, len);
    }
}

static void put_text(struct json_writer *json, const char *text)
{
    put(json, text, strlen(text));
}

// What JSON wants instead of this byte; `space` is for the \u form. NULL = the byte itself.
static const char *escape_of(char c, char space[8])
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        if ((unsigned char)c >= 0x20) {
            return NULL;
        }
        snprintf(space, 8, "\\u%04x", (unsigned)c & 0x1f);
        return space;
    }
}

static void put_quoted(struct json_writer *json, const char *text, size_t len)
{
    char space[8];
    size_t from = 0; // everything before it is out
    put(json, "\"", 1);
    for (size_t at = 0; at < len;) {
        size_t step = utf8_character_len(text + at, len - at);
        const char *instead = step == 0 ? "\xef\xbf\xbd" : escape_of(text[at], space);
        step = step == 0 ? 1 : step;
        if (instead != NULL) {
            put(json, text + from, at - from);
            put_text(json, instead);
            from = at + step;
        }
        at += step;
    }
    put(json, text + from, len - from);
    put(json, "\"", 1);
}

static void begin_value(struct json_writer *json, const char *key)
{
    if (json->needs_comma) {
        put(json, ",", 1);
    }
    if (key != NULL) {
        put_quoted(json, key, strlen(key));
        put(json, ":", 1);
    }
    json->needs_comma = true;
}

static void open_with(struct json_writer *json, const char *key, const char *bracket)
{
    begin_value(json, key);
    put_text(json, bracket);
    json->needs_comma = false;
}

static void close_with(struct json_writer *json, const char *bracket)
{
    put_text(json, bracket);
    json->needs_comma = true;
}

static void bare_value(struct json_writer *json, const char *key, const char *text)
{
    begin_value(json, key);
    put_text(json, text);
}

void json_open_object(struct json_writer *json, const char *key_or_null)
{
    open_with(json, key_or_null, "{");
}

void json_close_object(struct json_writer *json)
{
    close_with(json, "}");
}

void json_open_array(struct json_writer *json, const char *key_or_null)
{
    open_with(json, key_or_null, "[");
}

void json_close_array(struct json_writer *json)
{
    close_with(json, "]");
}

void json_string(struct json_writer *json, const char *key, const char *value)
{
    json_string_n(json, key, value, strlen(value));
}

void json_string_n(struct json_writer *json, const char *key, const char *value,
                   size_t len)
{
    begin_value(json, key);
    put_quoted(json, value, len);
}

void json_u64(struct json_writer *json, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    bare_value(json, key, text);
}

void json_i64(struct json_writer *json, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    bare_value(json, key, text);
}

// The shorter form where it says the same number ("0.1", not "0.10000000000000001").
void json_double(struct json_writer *json, const char *key, double value)
{
    char text[32];
    if (!isfinite(value)) {
        json_null(json, key); // JSON has no word for it
        return;
    }
    snprintf(text, sizeof(text), "%.15g", value);
    if (strtod(text, NULL) != value) {
        snprintf(text, sizeof(text), "%.17g", value);
    }
    bare_value(json, key, text);
}

void json_bool(struct json_writer *json, const char *key, bool value)
{
    bare_value(json, key, value ? "true" : "false");
}

void json_null(struct json_writer *json, const char *key)
{
    bare_value(json, key, "null");
}

enum err json_writer_end(struct json_writer *json)
{
    return json->err;
}
