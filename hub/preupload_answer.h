// SPDX-License-Identifier: Apache-2.0
// The answer to preupload, brought into the order of the question.
#pragma once

#include "hub/hub.h"

// Each of the `n` paths must be answered, once; what was not asked about is ignored. On
// success *out_modes is malloc'd and has n elements.
NODISCARD enum err preupload_answer_parse(const void *body, size_t len,
                                          const char *const *paths, size_t n,
                                          struct why *why,
                                          struct hub_upload_mode **out_modes);
