// SPDX-License-Identifier: Apache-2.0
// Configuration files: lines `key = value` with the keys of -o, and sections for repositories.
//
//   # for every mount
//   cache_size = 100G
//   [myorg/*]
//   token_file = ~/.config/myorg.token
//
// A section applies to the repositories whose id, as people write it ("OWNER/NAME",
// "datasets/OWNER/NAME"), matches its shell pattern, in any case; lines before the first section
// apply to all. Later lines win.
#pragma once

#include "base/base.h"

// One setting that applies: "key=value", or "key" where the line has no '='.
typedef enum err (*config_setting_fn)(void *ctx, const char *setting, struct why *why);

// Parses the text of a file and hands over the settings that apply to `repo` (NULL: only those
// outside sections). Stops at the first error; the sentence then names line and `path`.
NODISCARD enum err config_parse(const char *text, size_t len, const char *path,
                                const struct repo_id *repo, struct why *why,
                                config_setting_fn apply, void *ctx);

// Reads a file and parses it; a file that does not exist has no settings.
NODISCARD enum err config_read(const char *path, const struct repo_id *repo,
                               struct why *why, config_setting_fn apply, void *ctx);
