// SPDX-License-Identifier: Apache-2.0
// The Hub's own grammar for what can be mounted, as people type it:
//
//   [hf://][models/|datasets/|spaces/]OWNER/NAME[@REV][/SUBDIR]     a repository
//   hf://                                                           the whole Hub
#pragma once

#include "base/base.h"
#include "fs/mount_options.h"

// Parses an address. ERR_USAGE with a sentence when it is none; ERR_UNSUPPORTED for what the
// Hub has and hugfs does not mount (buckets, kernels).
NODISCARD enum err address_parse(const char *text, struct why *why, struct address *out);

// Checks and decodes a revision as addresses and `rev=` spell it: %XX stands for a byte, so
// that "refs%2Fpr%2F1" and "refs/pr/1" are the same. `text` has `len` bytes.
NODISCARD enum err address_parse_revision(const char *text, size_t len, struct why *why,
                                          char out[REVISION_SIZE]);

// Checks a subfolder; slashes at its ends are dropped.
NODISCARD enum err address_parse_subdir(const char *text, struct why *why,
                                        char out[PATH_BYTES_MAX + 1]);

// The shortest address that parses to the same: "datasets/rajpurkar/squad@refs/pr/3".
NODISCARD enum err address_format(const struct address *address, struct buffer *out);
