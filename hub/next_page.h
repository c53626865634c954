// SPDX-License-Identifier: Apache-2.0
// Lists that come in pages: the next page's address comes from the server (Link: rel="next").
// It is handed out only when it lies on the endpoint, and it is checked again when it comes
// back: what the caller has kept meanwhile decides where the Hub token goes.
#pragma once

#include "hub/call.h"

// The address of the page after the one that `call` has got, malloc'd; NULL on the last one.
// ERR_BAD_ANSWER: it lies elsewhere, or is the page itself.
NODISCARD enum err next_page_take(const struct call *call, struct why *why,
                                  char **out_next);
// Appends the address of a page that was handed out once; ERR_BAD_ANSWER: it lies elsewhere.
NODISCARD enum err next_page_append(const struct hub *hub, const char *page,
                                    struct why *why, struct buffer *url);
