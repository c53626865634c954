// SPDX-License-Identifier: Apache-2.0
// Answers about discussions, which are what pull requests are to the API.
#pragma once

#include "hub/hub.h"

// {"num": N} of one that was opened.
NODISCARD enum err pull_opened_parse(const void *body, size_t len, struct why *why,
                                     uint64_t *out_number);

// One page of the list: the first pull request in it that is open (or a draft) and has
// `needle` in its title; 0 = none. *out_goes_on: there is another page.
NODISCARD enum err pulls_page_parse(const void *body, size_t len, const char *needle,
                                    struct why *why, uint64_t *out_number,
                                    bool *out_goes_on);
