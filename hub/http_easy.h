// SPDX-License-Identifier: Apache-2.0
// The one function that sets up curl handles for requests: every option that makes a request
// safe stands there and nowhere else.
#pragma once

#include "hub/call.h"

// A handle for the next attempt of the call's request, with request->headers set.
// NULL = no memory.
CURL *http_easy_new(struct call *call, size_t (*on_body)(const char *data, size_t size,
                                                         size_t n, void *ctx));
