// SPDX-License-Identifier: Apache-2.0
// The scan that goes before cJSON. cJSON takes 40 bytes of memory per byte of "[0,0,0...",
// accepts invalid UTF-8, and turns "a\u0000b" into "a", so that two remote names become one:
// each is refused here, before anything is allocated.
//
// Values are counted by their separators: every value but the first of a container follows a
// comma, so items <= commas + containers + 1.
#include "hub/json_scan.h"

#include "hub/limits.h"

#include <string.h>

struct scan {
    struct cursor text;
    struct why *why;
    unsigned depth;
    unsigned items;
};

static enum err refuse(const struct scan *scan, const char *what)
{
    return why_set(scan->why, ERR_BAD_ANSWER, "the server's JSON %s", what);
}

// The rest of a string, after its opening quote.
static enum err scan_string(struct scan *scan)
{
    struct cursor *text = &scan->text;
    while (text->at < text->end) {
        uint8_t byte = *text->at;
        if (byte == '"') {
            text->at++;
            return ERR_NONE;
        }
        if (byte < 0x20) {
            return refuse(scan, "has a control character in a string");
        }
        if (byte == '\\') {
            if (cursor_left(text) >= 6 && memcmp(text->at, "\\u0000", 6) == 0) {
                return refuse(scan, "has a NUL in a string");
            }
            if (cursor_left(text) < 2 || text->at[1] >= 0x80) {
                break;
            }
            text->at += 2;
            continue;
        }
        size_t len = utf8_character_len((const char *)text->at, cursor_left(text));
        if (len == 0) {
            return refuse(scan, "is not UTF-8");
        }
        text->at += len;
    }
    return refuse(scan, "ends inside a string");
}

static enum err count_item(struct scan *scan)
{
    if (++scan->items > JSON_ITEMS_MAX) {
        return why_set(scan->why, ERR_TOO_LARGE,
                       "the server's JSON holds too many values");
    }
    return ERR_NONE;
}

static enum err scan_byte(struct scan *scan, uint8_t byte)
{
    switch (byte) {
    case '"':
        return scan_string(scan);
    case '[':
    case '{':
        if (++scan->depth > JSON_DEPTH_MAX) {
            return refuse(scan, "is nested too deeply");
        }
        return count_item(scan);
    case ']':
    case '}':
        if (scan->depth-- == 0) {
            return refuse(scan, "closes what it has not opened");
        }
        return ERR_NONE;
    case ',':
        return count_item(scan);
    default:
        // Outside strings JSON is ASCII, and cJSON would take a NUL for the end.
        return byte == 0 || byte >= 0x80
                   ? refuse(scan, "has a byte that JSON does not allow")
                   : ERR_NONE;
    }
}

enum err json_scan(const uint8_t *bytes, size_t len, struct why *why)
{
    struct scan scan = {.text = cursor_init(bytes, len), .why = why};
    while (scan.text.at < scan.text.end) {
        enum err err = scan_byte(&scan, *scan.text.at++);
        if (err != ERR_NONE) {
            return err;
        }
    }
    return scan.depth == 0 ? ERR_NONE : refuse(&scan, "ends early");
}
