// SPDX-License-Identifier: Apache-2.0
// pkt-line: four hex digits of length (themselves included), then the bytes.
//
//   0000 flush   0001 delimiter   0002 response end   0004..fff0 data
//
// A fetch answer is a row of sections, each a line with its name, its lines, and a delimiter;
// the last is "packfile", whose packets begin with a band: 1 pack, 2 progress, 3 error.
#include "hub/pkt_line.h"

#include "hub/http_answer.h"

#include <string.h>

enum { PKT_HEADER = 4, PKT_MAX = 65520 };
enum { BAND_PACK = 1, BAND_PROGRESS = 2, BAND_ERROR = 3 };

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    uint8_t lower = digit | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

enum err pkt_take(struct cursor *cursor, struct pkt *out)
{
    struct cursor probe = *cursor;
    const uint8_t *header = NULL;
    size_t len = 0;
    if (cursor_take_bytes(&probe, PKT_HEADER, &header) != ERR_NONE) {
        return ERR_MALFORMED;
    }
    for (int i = 0; i < PKT_HEADER; i++) {
        int value = hex_value(header[i]);
        if (value < 0) {
            return ERR_MALFORMED;
        }
        len = len * 16 + (size_t)value;
    }
    struct pkt pkt = {.kind = PKT_DATA};
    if (len < PKT_HEADER) {
        if (len > 2) {
            return ERR_MALFORMED;
        }
        pkt.kind = len == 0 ? PKT_FLUSH : len == 1 ? PKT_DELIMITER : PKT_RESPONSE_END;
    } else {
        pkt.len = len - PKT_HEADER;
        if (len > PKT_MAX || cursor_take_bytes(&probe, pkt.len, &pkt.bytes) != ERR_NONE) {
            return ERR_MALFORMED;
        }
    }
    *cursor = probe;
    *out = pkt;
    return ERR_NONE;
}

enum err pkt_append(struct buffer *buffer, const char *text)
{
    return buffer_printf(buffer, "%04zx%s", strlen(text) + PKT_HEADER, text);
}

static bool starts_with(const struct pkt *pkt, const char *text)
{
    size_t len = strlen(text);
    return pkt->kind == PKT_DATA && pkt->len >= len && memcmp(pkt->bytes, text, len) == 0;
}

// A server's sentence about what went wrong. The words tell whether it knows the request.
static enum err explain_error(const uint8_t *text, size_t len, struct why *why)
{
    char raw[SERVER_TEXT_SIZE] = "";
    char said[SERVER_TEXT_SIZE];
    memcpy(raw, text, len < sizeof(raw) ? len : sizeof(raw) - 1);
    server_text_clean(raw, said, sizeof(said));
    if (strstr(said, "not our ref") != NULL) {
        return why_set(why, ERR_NOT_FOUND, "the git server knows no such commit");
    }
    bool is_unknown = strstr(said, "filter") != NULL ||
                      strstr(said, "unexpected line") != NULL ||
                      strstr(said, "protocol") != NULL || strstr(said, "command") != NULL;
    return why_set(why, is_unknown ? ERR_UNSUPPORTED : ERR_BAD_ANSWER,
                   "the git server says: %s", said);
}

// The pack grows over what has been read of the body: it is always behind the cursor.
static enum err take_bands(struct cursor *cursor, struct why *why, struct buffer *body)
{
    struct pkt pkt;
    size_t len = 0;
    while (pkt_take(cursor, &pkt) == ERR_NONE && pkt.kind == PKT_DATA) {
        if (pkt.len == 0) {
            break;
        }
        switch (pkt.bytes[0]) {
        case BAND_PACK:
            memmove(body->bytes + len, pkt.bytes + 1, pkt.len - 1);
            len += pkt.len - 1;
            break;
        case BAND_PROGRESS:
            break;
        case BAND_ERROR:
            return explain_error(pkt.bytes + 1, pkt.len - 1, why);
        default:
            return why_set(why, ERR_BAD_ANSWER,
                           "the git server's answer has an unknown band");
        }
    }
    body->len = len;
    // That it is whole is told by the pack's own trailer.
    return len > 0 ? ERR_NONE
                   : why_set(why, ERR_BAD_ANSWER, "the git server sent no pack");
}

enum err git_fetch_take_pack(struct buffer *body, struct why *why)
{
    struct cursor cursor = cursor_init(body->bytes, body->len);
    struct pkt pkt;
    while (pkt_take(&cursor, &pkt) == ERR_NONE) {
        if (starts_with(&pkt, "packfile")) {
            return take_bands(&cursor, why, body);
        }
        if (starts_with(&pkt, "ERR ")) {
            return explain_error(pkt.bytes + 4, pkt.len - 4, why);
        }
    }
    // A page is no git server's answer: another one may come.
    return cursor_left(&cursor) > 0
               ? why_set(why, ERR_BAD_ANSWER, "the answer is not a git server's")
               : why_set(why, ERR_UNSUPPORTED,
                         "the git server did not understand a protocol v2 fetch");
}
