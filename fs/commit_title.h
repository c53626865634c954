// SPDX-License-Identifier: Apache-2.0
// What a commit is called when nobody said: "Update README.md", "Add 3 files", "Rename a to b".
#pragma once

#include "fs/overlay.h"

enum { COMMIT_TITLE_MAX = 200, COMMIT_MESSAGE_MAX = 65536 };

// A title for these items (1 or more), by their own words alone.
void commit_title_of(const struct overlay_item *const *items, size_t n,
                     char out[COMMIT_TITLE_MAX]);

// A message as a person writes it: its first line that is not empty is the title, what follows the
// description, which lies in `message`. `out_title` is "" when there is none.
void commit_message_split(const char *message, char out_title[COMMIT_TITLE_MAX],
                          const char **out_description, size_t *out_len);
