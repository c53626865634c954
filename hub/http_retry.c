// SPDX-License-Identifier: Apache-2.0
// Retries of reads: exponential from 0.2 s, full jitter, at most 5 s, until the deadline. Of
// writes: from 1 s, at most 60 s, until the deadline; without one some minutes.
//
// Full jitter, because a server that has just failed for everybody should not meet everybody
// again at the same moment. A wait that the server asked for replaces ours and gets no
// jitter below it: coming back early would only be refused again.
#include "hub/http_retry.h"

#include "hub/limits.h"

bool http_status_is_retriable(int status)
{
    switch (status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

static bool is_worth_it(enum err err, int status)
{
    if (status >= 400) {
        return http_status_is_retriable(status);
    }
    // Without an HTTP error it is the transport that failed. Everything else (TLS, an answer
    // that makes no sense) would fail the same way again.
    return err == ERR_OFFLINE || err == ERR_TIMEOUT || err == ERR_TRUNCATED;
}

// `room_ms` is what is left until the deadline: at most half of it is slept away.
static int64_t backoff_ms(const struct retry_question *question, int64_t room_ms)
{
    bool is_write = question->policy == RETRY_WRITE;
    int64_t limit = is_write ? WRITE_RETRY_BASE_MS : RETRY_BASE_MS;
    int64_t cap = is_write ? WRITE_RETRY_CAP_MS : RETRY_CAP_MS;
    for (unsigned i = 0; i < question->attempt && limit < cap; i++) {
        limit *= 2;
    }
    limit = limit < cap ? limit : cap;
    limit = limit < room_ms / 2 ? limit : room_ms / 2;
    return (int64_t)random_below((uint64_t)limit + 1);
}

int64_t http_retry_delay_ms(const struct retry_question *question)
{
    if (question->policy == RETRY_NEVER ||
        !is_worth_it(question->err, question->status)) {
        return -1;
    }
    if (question->policy == RETRY_WRITE && question->deadline_ms == DEADLINE_NONE &&
        question->attempt + 1 >= WRITE_ATTEMPTS_MAX) {
        return -1;
    }
    int64_t room = question->deadline_ms == DEADLINE_NONE
                       ? INT64_MAX
                       : question->deadline_ms - question->now_ms;
    if (room < RETRY_BASE_MS) {
        return -1;
    }
    int64_t delay = backoff_ms(question, room);
    if (question->server_wait_ms >= 0) {
        int64_t asked = question->server_wait_ms < SERVER_WAIT_CAP_MS
                            ? question->server_wait_ms
                            : SERVER_WAIT_CAP_MS;
        delay = asked > delay ? asked : delay;
    }
    return delay < room ? delay : -1;
}
