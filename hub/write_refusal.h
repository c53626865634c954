// SPDX-License-Identifier: Apache-2.0
// HTTP errors of requests that change something: the `refused` of their call types. What they
// share with reading (403, 404, 429, 5xx) stays with answer_error.c.
#pragma once

#include "hub/call.h"

// 409 and 412 are ERR_CONFLICT, 400 and 422 ERR_USAGE with the server's sentence, 413 is
// ERR_TOO_LARGE, 401 without a token ERR_ACCESS, and so are 402 and 507 (storage that has to be
// paid for).
enum err write_refusal(const struct call *call, const char *message, struct why *why);
