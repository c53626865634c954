// SPDX-License-Identifier: Apache-2.0
// Failures of the transport: an attempt that has brought no complete answer.
#pragma once

#include "hub/call.h"

// Nobody was reached: no name, no connection, or a proxy that refused.
bool transport_is_connect_failure(CURL *easy, CURLcode code);
// A connection that was there and ended without a word.
bool transport_is_break_off(CURLcode code);
// The connection broke while a body was being sent, because the answer had come already: an
// error that did not wait for the rest.
bool transport_was_refused_early(CURL *easy, CURLcode code,
                                 const struct http_request *request);

enum err transport_err(CURLcode code, const struct http_request *request);
void transport_explain(const struct call *call, CURLcode code, enum err err,
                       struct why *why);
