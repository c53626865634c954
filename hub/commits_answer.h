// SPDX-License-Identifier: Apache-2.0
// Parses a list of commits that came in pages.
#pragma once

#include "hub/hub.h"

struct commits_answer {
    struct hub_commit *commits;
    size_t count;
    struct buffer texts; // where titles and authors live
};

// The first `limit` commits of all pages, each once: while the pages were fetched, a new commit
// may have pushed one from the end of a page to the start of the next.
NODISCARD enum err commits_answer_parse(const struct buffer *pages, size_t n_pages,
                                        size_t limit, struct why *why,
                                        struct commits_answer *out);
void commits_answer_release(struct commits_answer *answer);

// How many commits a page seems to hold, found without parsing it: enough to decide whether
// another page is needed. Right for every page that commits_answer_parse() accepts.
size_t commits_count_roughly(const void *body, size_t len);
