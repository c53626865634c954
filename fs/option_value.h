// SPDX-License-Identifier: Apache-2.0
// Values of options as people write them. Each parser takes the whole text or refuses it with
// ERR_USAGE; the caller adds which option it was.
#pragma once

#include "base/base.h"

// Bytes: "4096", "512K", "10G", "1.5T", "10GiB"; factors of 1024.
NODISCARD enum err option_parse_size(const char *text, struct why *why, uint64_t *out);

// Milliseconds: "60" and "60s" are seconds; "250ms", "5m", "2h", "1d".
NODISCARD enum err option_parse_time(const char *text, struct why *why, int64_t *out);

// A decimal or (base 8) octal number of at most `max`.
NODISCARD enum err option_parse_number(const char *text, int base, uint64_t max,
                                       struct why *why, uint64_t *out);

// "yes", "on", "true", "1" and their opposites, in any case.
NODISCARD enum err option_parse_bool(const char *text, struct why *why, bool *out);

// An endpoint: http:// or https://, a host, perhaps a port and a path; no user, query or
// fragment. The result is malloc'd, without a slash at its end.
NODISCARD enum err option_parse_endpoint(const char *text, struct why *why, char **out);
