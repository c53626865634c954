// SPDX-License-Identifier: Apache-2.0
// Which repository: kind and "OWNER/NAME" (or a legacy id without owner, "gpt2").
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum repo_kind { REPO_MODEL, REPO_DATASET, REPO_SPACE };

enum { REPO_NAME_SIZE = 200, REVISION_SIZE = 256 };

struct repo_id {
    enum repo_kind kind;
    char name[REPO_NAME_SIZE]; // "OWNER/NAME" or "NAME"
};

// "models", "datasets", "spaces": the API's and the namespace's plural.
const char *repo_kind_plural(enum repo_kind kind);
// "", "datasets/", "spaces/": what precedes the name in resolve and git addresses.
const char *repo_kind_prefix(enum repo_kind kind);

// The client libraries' rule for one of the two parts: [A-Za-z0-9_.-], 1-96 characters, no
// "--" or "..", no leading or trailing '-' or '.', not ending in ".git". A part that fails
// it can't exist on the Hub and costs no request.
bool repo_name_part_is_legal(const char *part, size_t len);
// One or two legal parts.
bool repo_name_is_legal(const char *name);

bool repo_id_equal(const struct repo_id *a, const struct repo_id *b);
// The id as people write it: "OWNER/NAME", "datasets/OWNER/NAME". Needs REPO_NAME_SIZE + 16.
void repo_id_format(const struct repo_id *repo, char *out, size_t size);

// A branch, tag, ref or commit: 1..255 bytes, no control characters, space, "..", "~^:?*[\\"
// (git check-ref-format's rule as far as it matters here).
bool revision_is_legal(const char *revision);
