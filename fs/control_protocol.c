// SPDX-License-Identifier: Apache-2.0
// Lines of the control socket, written and taken apart. The peer is another process of the same
// user, perhaps of another version of hugfs: nothing that arrives is trusted to be well formed.
#include "fs/control_protocol.h"

#include "fs/option_value.h"

#include <ctype.h>
#include <inttypes.h>

enum {
    TAKES_FORMAT = 1,
    TAKES_METRICS = 2,
    TAKES_PATH = 4,
    TAKES_BYTES = 8,
    TAKES_REVISIONS = 16,
    MAY_TAKE_PATH = 32,    // as the last word
    MAY_TAKE_MESSAGE = 64, // too
};

static const struct {
    const char *name;
    unsigned takes;
} verbs[] = {
    [CONTROL_HELLO] = {"hello", 0},
    [CONTROL_STATUS] = {"status", TAKES_FORMAT | TAKES_METRICS | MAY_TAKE_PATH},
    [CONTROL_INFO] = {"info", TAKES_FORMAT | TAKES_PATH},
    [CONTROL_LOG] = {"log", TAKES_FORMAT | TAKES_PATH},
    [CONTROL_REVISIONS] = {"revisions", TAKES_FORMAT | TAKES_PATH},
    [CONTROL_DIFF] = {"diff", TAKES_FORMAT | TAKES_PATH | TAKES_REVISIONS},
    [CONTROL_CHANGES] = {"changes", TAKES_FORMAT | TAKES_PATH},
    [CONTROL_COMMIT] = {"commit", MAY_TAKE_MESSAGE},
    [CONTROL_DISCARD] = {"discard", TAKES_PATH},
    [CONTROL_PREFETCH] = {"prefetch", TAKES_PATH},
    [CONTROL_PIN] = {"pin", TAKES_PATH},
    [CONTROL_UNPIN] = {"unpin", TAKES_PATH},
    [CONTROL_REFRESH] = {"refresh", TAKES_PATH},
    [CONTROL_OFFLINE] = {"offline", 0},
    [CONTROL_ONLINE] = {"online", 0},
    [CONTROL_TRACE] = {"trace", TAKES_FORMAT},
    [CONTROL_CACHE_STATUS] = {"cache-status", TAKES_FORMAT},
    [CONTROL_CACHE_VERIFY] = {"cache-verify", 0},
    [CONTROL_CACHE_TRIM] = {"cache-trim", TAKES_BYTES},
    [CONTROL_CACHE_CLEAR] = {"cache-clear", 0},
};
static const char *const formats[] = {
    [RENDER_TEXT] = "text", [RENDER_JSON] = "json", [RENDER_METRICS] = "metrics"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

// Upper case only, as control_append_word() writes it.
static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

enum err control_append_word(struct buffer *to, const char *text)
{
    if (*text == '\0') {
        return buffer_append_text(to, ".");
    }
    enum err err = ERR_NONE;
    for (; err == ERR_NONE && *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x80 && (isalnum(byte) || strchr("-_./~", byte) != NULL)) {
            err = buffer_append(to, text, 1);
        } else {
            err = buffer_printf(to, "%%%02X", byte);
        }
    }
    return err;
}

// Decodes one byte of a word at *text. A percent sign is always followed by two hex digits.
static enum err take_byte(const char **text, const char *end, char *out)
{
    const char *at = *text;
    if (*at != '%') {
        *out = *at;
        *text = at + 1;
        return *out != '\0' ? ERR_NONE : ERR_MALFORMED;
    }
    if (end - at < 3 || hex_value(at[1]) < 0 || hex_value(at[2]) < 0) {
        return ERR_MALFORMED;
    }
    *out = (char)(hex_value(at[1]) * 16 + hex_value(at[2]));
    *text = at + 3;
    return *out != '\0' ? ERR_NONE : ERR_MALFORMED;
}

enum err control_take_word(const char **text, const char *end, char *out, size_t size)
{
    const char *at = *text;
    while (at < end && *at == ' ') {
        at++;
    }
    size_t n = 0;
    while (at < end && *at != ' ') {
        if (n + 1 >= size || take_byte(&at, end, &out[n]) != ERR_NONE) {
            return ERR_MALFORMED;
        }
        n++;
    }
    if (n == 0) {
        return ERR_MALFORMED;
    }
    out[n] = '\0';
    if (strcmp(out, ".") == 0) {
        out[0] = '\0';
    }
    *text = at;
    return ERR_NONE;
}

static enum err parse_format(const char *word, unsigned takes, enum render_format *out)
{
    for (size_t i = 0; i < COUNT(formats); i++) {
        if (strcmp(word, formats[i]) == 0 &&
            (i != RENDER_METRICS || (takes & TAKES_METRICS))) {
            *out = (enum render_format)i;
            return ERR_NONE;
        }
    }
    return ERR_MALFORMED;
}

static enum err take_revision(const char **text, const char *end, char *out)
{
    enum err err = control_take_word(text, end, out, REVISION_SIZE);
    return err == ERR_NONE && !revision_is_legal(out) ? ERR_MALFORMED : err;
}

static enum err parse_words(const char *at, const char *end, unsigned takes,
                            struct control_request *out)
{
    char word[32];
    if (takes & TAKES_FORMAT) {
        if (control_take_word(&at, end, word, sizeof word) != ERR_NONE ||
            parse_format(word, takes, &out->format) != ERR_NONE) {
            return ERR_MALFORMED;
        }
    }
    out->has_path = (takes & MAY_TAKE_PATH) && at < end;
    if ((takes & TAKES_PATH) || out->has_path) {
        if (control_take_word(&at, end, out->path, sizeof out->path) != ERR_NONE ||
            (out->path[0] != '\0' && !path_is_legal(out->path, strlen(out->path)))) {
            return ERR_MALFORMED;
        }
    }
    if (takes & TAKES_BYTES) {
        if (control_take_word(&at, end, word, sizeof word) != ERR_NONE ||
            option_parse_number(word, 10, INT64_MAX, NULL, &out->bytes) != ERR_NONE) {
            return ERR_MALFORMED;
        }
    }
    if (takes & TAKES_REVISIONS) {
        if (take_revision(&at, end, out->from) != ERR_NONE ||
            take_revision(&at, end, out->to) != ERR_NONE) {
            return ERR_MALFORMED;
        }
    }
    out->has_message = (takes & MAY_TAKE_MESSAGE) && at < end;
    if (out->has_message &&
        control_take_word(&at, end, out->message, sizeof out->message) != ERR_NONE) {
        return ERR_MALFORMED;
    }
    return at == end ? ERR_NONE : ERR_MALFORMED;
}

enum err control_request_parse(const char *line, size_t len, struct why *why,
                               struct control_request *out)
{
    const char *end = line + len;
    char word[32];
    enum err err = control_take_word(&line, end, word, sizeof word);
    for (size_t i = 0; err == ERR_NONE && i < COUNT(verbs); i++) {
        if (strcmp(word, verbs[i].name) != 0) {
            continue;
        }
        struct control_request request = {.verb = (enum control_verb)i};
        err = parse_words(line, end, verbs[i].takes, &request);
        if (err) {
            break;
        }
        *out = request;
        return ERR_NONE;
    }
    return why_set(
        why, ERR_MALFORMED,
        "the running mount does not understand this request: it may be of another "
        "version of hugfs");
}

// Appends a blank and a word.
static enum err append_next_word(struct buffer *out, const char *text)
{
    enum err err = buffer_append_text(out, " ");
    return err ? err : control_append_word(out, text);
}

enum err control_request_format(const struct control_request *request, struct buffer *out)
{
    unsigned takes = verbs[request->verb].takes;
    enum err err = buffer_append_text(out, verbs[request->verb].name);
    if (err == ERR_NONE && (takes & TAKES_FORMAT)) {
        err = buffer_printf(out, " %s", formats[request->format]);
    }
    bool has_path = (takes & MAY_TAKE_PATH) && request->has_path;
    if (err == ERR_NONE && ((takes & TAKES_PATH) || has_path)) {
        err = append_next_word(out, request->path);
    }
    if (err == ERR_NONE && (takes & TAKES_BYTES)) {
        err = buffer_printf(out, " %" PRIu64, request->bytes);
    }
    if (err == ERR_NONE && (takes & TAKES_REVISIONS)) {
        err = append_next_word(out, request->from);
        err = err ? err : append_next_word(out, request->to);
    }
    if (err == ERR_NONE && (takes & MAY_TAKE_MESSAGE) && request->has_message) {
        err = append_next_word(out, request->message);
    }
    return err ? err : buffer_append_text(out, "\n");
}

// Takes the next decimal number.
static enum err take_number(const char **text, const char *end, uint64_t max,
                            uint64_t *out)
{
    char word[24];
    enum err err = control_take_word(text, end, word, sizeof word);
    if (err == ERR_NONE && option_parse_number(word, 10, max, NULL, out) != ERR_NONE) {
        err = ERR_MALFORMED;
    }
    return err;
}

static enum err parse_progress(const char *at, const char *end,
                               struct mount_progress *out)
{
    uint64_t listing;
    if (take_number(&at, end, UINT64_MAX, &out->bytes_done) != ERR_NONE ||
        take_number(&at, end, UINT64_MAX, &out->bytes_total) != ERR_NONE ||
        take_number(&at, end, UINT64_MAX, &out->files_done) != ERR_NONE ||
        take_number(&at, end, UINT64_MAX, &out->files_total) != ERR_NONE ||
        take_number(&at, end, UINT64_MAX, &out->files_failed) != ERR_NONE ||
        take_number(&at, end, 1, &listing) != ERR_NONE || at != end) {
        return ERR_MALFORMED;
    }
    out->listing = listing != 0;
    return ERR_NONE;
}

static enum err parse_end(const char *at, const char *end, struct control_answer *out)
{
    uint64_t status;
    if (take_number(&at, end, 255, &status) != ERR_NONE) {
        return ERR_MALFORMED;
    }
    at += at < end; // the blank
    out->status = (int)status;
    out->text = at;
    out->text_len = (size_t)(end - at);
    return ERR_NONE;
}

enum err control_answer_parse(const char *line, size_t len, struct control_answer *out)
{
    struct control_answer answer = {.kind = CONTROL_OUTPUT};
    if (len < 2 || line[1] != ' ') {
        return ERR_MALFORMED;
    }
    const char *rest = line + 2;
    const char *end = line + len;
    enum err err = ERR_NONE;
    if (line[0] == '=') {
        answer.text = rest;
        answer.text_len = len - 2;
    } else if (line[0] == '%') {
        answer.kind = CONTROL_PROGRESS;
        err = parse_progress(rest, end, &answer.progress);
    } else if (line[0] == '.') {
        answer.kind = CONTROL_END;
        err = parse_end(rest, end, &answer);
    } else {
        err = ERR_MALFORMED;
    }
    if (err == ERR_NONE) {
        *out = answer;
    }
    return err;
}

// Appends "K text\n" whole or not at all.
static enum err append_line(struct buffer *to, char kind, const char *text, size_t len)
{
    size_t before = to->len;
    char prefix[2] = {kind, ' '};
    enum err err = buffer_append(to, prefix, sizeof prefix);
    if (err == ERR_NONE) {
        err = buffer_append(to, text, len);
    }
    if (err == ERR_NONE) {
        err = buffer_append(to, "\n", 1);
    }
    if (err && to->bytes != NULL) {
        to->len = before;
        to->bytes[before] = '\0';
    }
    return err;
}

enum err control_append_output(struct buffer *to, const char *text, size_t len)
{
    return append_line(to, '=', text, len);
}

enum err control_append_progress(struct buffer *to, const struct mount_progress *progress)
{
    char text[160];
    int n = snprintf(text, sizeof text,
                     "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d",
                     progress->bytes_done, progress->bytes_total, progress->files_done,
                     progress->files_total, progress->files_failed, progress->listing);
    return append_line(to, '%', text, (size_t)n);
}

enum err control_append_end(struct buffer *to, int status, const char *sentence)
{
    char text[WHY_MAX + 16];
    int n = snprintf(text, sizeof text, "%d %s", status, sentence);
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '\n' ? ' ' : *at;
    }
    return append_line(to, '.', text,
                       (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}
