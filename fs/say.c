// SPDX-License-Identifier: Apache-2.0
// Sentences for people. Everything printed here goes through log_redact() and
// make_printable(): names come from strangers' repositories, and a mistyped option may hold a
// token.
#include "fs/say.h"

void make_printable(char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        // C1 controls (0x80-0x9f) are commands to some terminals too, when they stand alone and
        // not behind the 0xc2..0xf4 that begins a UTF-8 sequence.
        bool c1 =
            byte >= 0x80 && byte <= 0x9f &&
            (at == text || (unsigned char)at[-1] < 0x80 || (unsigned char)at[-1] == 0xc2);
        if (byte < 0x20 || byte == 0x7f || c1) {
            *at = '?';
        }
    }
}

void say(const char *format, ...)
{
    char text[2 * WHY_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_redact(text);
    make_printable(text);
    fprintf(stderr, "hugfs: %s\n", text);
}

int say_error(enum err err, const struct why *why)
{
    say("%s", why_text(why, err));
    return err_exit_status(err);
}

int say_usage(const struct why *why, const char *verb)
{
    say("%s", why_text(why, ERR_USAGE));
    fprintf(stderr, "Try 'hugfs %s%s--help'.\n", verb != NULL ? verb : "",
            verb != NULL ? " " : "");
    return err_exit_status(ERR_USAGE);
}
