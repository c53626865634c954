// SPDX-License-Identifier: Apache-2.0
// The lines of the control socket as bytes: control.h has the grammar. Both sides use this
// file, and neither does any input or output in it.
#pragma once

#include "base/base.h"
#include "fs/mount.h"

enum {
    CONTROL_LINE_MAX = 64 << 10, // a path of 4,095 bytes, encoded, with room to spare
    CONTROL_WORDS_MAX = 5,
    CONTROL_MESSAGE_MAX = 16 << 10, // of `commit`; a longer one goes through .hub/message
};

enum control_verb {
    CONTROL_HELLO,
    CONTROL_STATUS,
    CONTROL_INFO,
    CONTROL_LOG,
    CONTROL_REVISIONS,
    CONTROL_DIFF,
    CONTROL_CHANGES,
    CONTROL_COMMIT,
    CONTROL_DISCARD,
    CONTROL_PREFETCH,
    CONTROL_PIN,
    CONTROL_UNPIN,
    CONTROL_REFRESH,
    CONTROL_OFFLINE,
    CONTROL_ONLINE,
    CONTROL_TRACE,
    CONTROL_CACHE_STATUS,
    CONTROL_CACHE_VERIFY,
    CONTROL_CACHE_TRIM,
    CONTROL_CACHE_CLEAR,
};

// How an answer is written.
enum render_format { RENDER_TEXT, RENDER_JSON, RENDER_METRICS };

struct control_request {
    enum control_verb verb;
    enum render_format format;     // of verbs that have one
    bool has_path;                 // of status, which may have one
    char path[PATH_BYTES_MAX + 1]; // of verbs that have one; "" = the root
    uint64_t bytes;                // of cache-trim
    char from[REVISION_SIZE];      // of diff
    char to[REVISION_SIZE];
    bool has_message; // of commit, which may have one
    char message[CONTROL_MESSAGE_MAX + 1];
};

// Parses a request line without its line end. ERR_MALFORMED with a sentence: an unknown verb
// (a client of another version), a wrong number of words, an illegal path.
NODISCARD enum err control_request_parse(const char *line, size_t len, struct why *why,
                                         struct control_request *out);
// The opposite, with the line end.
NODISCARD enum err control_request_format(const struct control_request *request,
                                          struct buffer *out);

enum control_answer_kind { CONTROL_OUTPUT, CONTROL_PROGRESS, CONTROL_END };

struct control_answer {
    enum control_answer_kind kind;
    const char
        *text; // OUTPUT: the line; END: the sentence. Into the line that was parsed
    size_t text_len;
    struct mount_progress progress;
    int status; // of END
};

// Parses a line of an answer without its line end; `out` points into it.
NODISCARD enum err control_answer_parse(const char *line, size_t len,
                                        struct control_answer *out);

NODISCARD enum err control_append_output(struct buffer *to, const char *text, size_t len);
NODISCARD enum err control_append_progress(struct buffer *to,
                                           const struct mount_progress *progress);
NODISCARD enum err control_append_end(struct buffer *to, int status,
                                      const char *sentence);

// A word: bytes other than letters, digits and "-_./~" become %XX; the empty word is ".".
NODISCARD enum err control_append_word(struct buffer *to, const char *text);
// Takes the next word off *text (which ends at `end`) and decodes it into `out`. ERR_MALFORMED:
// there is none, it is too long, or holds a NUL.
NODISCARD enum err control_take_word(const char **text, const char *end, char *out,
                                     size_t size);
