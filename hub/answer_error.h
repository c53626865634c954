// SPDX-License-Identifier: Apache-2.0
// What an HTTP error means to a person: the classification of the Hub's errors
// (hub-api.md §2.1) into an enum err and one sentence.
#pragma once

#include "hub/call.h"

// Completes the sentence of a call that failed with `err`: explains an HTTP error, and names
// what was asked for and the server's request id. Runs where the call is delivered (it may
// parse a JSON body). Returns the error, which for HTTP errors is found out here.
enum err answer_explain(const struct call *call, enum err err, struct why *why);

// What an HTTP status means when nothing else is known.
enum err answer_err_of_status(int status);

// The text of a JSON error body ({"error": ...}, {"errors":[{"message"}]} ...) fit for a
// sentence; "" when there is none.
void answer_error_text(const void *body, size_t len, char *out, size_t size);
