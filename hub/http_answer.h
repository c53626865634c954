// SPDX-License-Identifier: Apache-2.0
// What one HTTP answer said about itself: status and the headers that mean something to us,
// read once the headers are complete.
#pragma once

#include "hub/http_headers.h"
#include "hub/limits.h"

#include <curl/curl.h>

enum { ERROR_CODE_SIZE = 40, REQUEST_ID_SIZE = 100 };

struct http_answer {
    int status;                           // 0 = none came
    char error_code[ERROR_CODE_SIZE];     // X-Error-Code: "RepoNotFound" ...
    char error_message[SERVER_TEXT_SIZE]; // X-Error-Message, fit for people
    char request_id[REQUEST_ID_SIZE];     // X-Request-Id or what stands for it
    bool has_content_range;
    struct content_range content_range;
    bool is_encoded; // the body is compressed
    bool has_rate_limit;
    struct rate_limit rate_limit;
    int64_t
        server_wait_ms; // Retry-After, or the window's end when it is used up; -1 = none
    bool has_date;
    int64_t clock_offset_s; // the server's clock minus ours
    char *location;         // malloc'd; NULL = none
    char *next_link;        // malloc'd; NULL = none
    bool has_bad_link;      // a Link that may have been it can't be read
};

// ERR_NO_MEMORY only: headers that make no sense count as absent.
NODISCARD enum err http_answer_read(CURL *easy, struct http_answer *out);
void http_answer_release(struct http_answer *answer);

// Makes a server's text fit for a sentence: one line, printable, without secrets, cut.
void server_text_clean(const char *text, char *out, size_t size);
