// SPDX-License-Identifier: Apache-2.0
// One libcurl multi handle on the event loop: sockets are watches, curl's clock is a timer.
// Knows nothing of scheduling, origins or the Hub. Network thread only.
#pragma once

#include "base/base.h"

#include <curl/curl.h>

struct http_multi;

// One transfer; embedded by its owner. `easy` has CURLOPT_PRIVATE set to this struct.
struct http_transfer {
    CURL *easy;
    // The transfer has ended and is no longer in the multi; `easy` is the owner's to clean up.
    void (*on_done)(struct http_transfer *transfer, CURLcode code);
};

NODISCARD enum err http_multi_new(struct event_loop *loop, struct http_multi **out);
// No transfer may be left.
void http_multi_free(struct http_multi *multi);

NODISCARD enum err http_multi_add(struct http_multi *multi,
                                  struct http_transfer *transfer);
// Aborts a transfer: no on_done follows.
void http_multi_remove(struct http_multi *multi, struct http_transfer *transfer);
// Goes on with a paused transfer.
void http_multi_unpause(struct http_multi *multi, struct http_transfer *transfer);
