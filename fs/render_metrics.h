// SPDX-License-Identifier: Apache-2.0
// `hugfs status --metrics`: Prometheus text, ready for node_exporter's textfile collector.
#pragma once

#include "base/base.h"
#include "fs/mount.h"

// Appends one sample a line: NAME{mount="...",source="..."} VALUE.
NODISCARD enum err metrics_append(const struct mount_status *status,
                                  const char *mount_point, const char *source,
                                  struct buffer *out);

// Prints HELP and TYPE and the matching samples of all mounts, metric by metric, as the format
// demands. `samples` holds what metrics_append() wrote.
void metrics_print(const struct buffer *samples);
