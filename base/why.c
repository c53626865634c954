// SPDX-License-Identifier: Apache-2.0
// A sentence may hold anything that came from outside (a path, a server's message), and goes
// to terminals and logs: line ends and control characters become '?', and so do bytes that
// are not UTF-8.

#include "base/why.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

// Cleans text[0..len) in place. A character that was cut by the end of the text is dropped,
// not replaced: nobody sent it broken.
static void make_presentable(char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t step = utf8_character_len(text + at, len - at);
        if (step == 0 && len == WHY_MAX - 1 && len - at < 4) {
            text[at] = '\0';
            return;
        }
        if (step == 0 || is_control(text[at])) {
            text[at] = '?';
            step = 1;
        }
        at += step;
    }
}

// Formats into a copy first: an argument may be the old sentence itself.
static void set_text(struct why *why, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void set_text(struct why *why, const char *format, va_list args)
{
    char text[WHY_MAX] = "";
    vsnprintf(text, sizeof(text), format, args);
    size_t len = strlen(text);
    make_presentable(text, len);
    memcpy(why->text, text, len + 1);
}

enum err why_set(struct why *why, enum err err, const char *format, ...)
{
    if (why != NULL) {
        va_list args;
        va_start(args, format);
        set_text(why, format, args);
        va_end(args);
    }
    return err;
}

enum err why_prefix(struct why *why, enum err err, const char *format, ...)
{
    if (why != NULL) {
        struct why prefix;
        va_list args;
        va_start(args, format);
        set_text(&prefix, format, args);
        va_end(args);
        return why_set(why, err, "%s: %s", prefix.text, why_text(why, err));
    }
    return err;
}

const char *why_text(const struct why *why, enum err err)
{
    return why == NULL || why->text[0] == '\0' ? err_sentence(err) : why->text;
}
