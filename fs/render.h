// SPDX-License-Identifier: Apache-2.0
// What a mount tells, written for its reader: text for people, JSON and Prometheus metrics for
// programs. Pure functions from structs to bytes; names from outside are made printable in text
// and escaped in JSON.
//
// JSON is one line. Keys are only ever added; a figure that is not known is null.
#pragma once

#include "fs/control_protocol.h"
#include "fs/mount.h"

// `hugfs status`. RENDER_METRICS gives samples only; render_metrics.h adds what belongs around
// the samples of all mounts.
NODISCARD enum err render_status(const struct mount_status *status,
                                 const struct mount_options *options,
                                 enum render_format format, struct buffer *out);
// `hugfs info`; also .hub/info/PATH, with RENDER_JSON.
NODISCARD enum err render_info(const struct mount_path_info *info,
                               enum render_format format, struct buffer *out);

// `hugfs trace`: one line, without its end.
NODISCARD enum err render_trace(const struct mount_trace *trace,
                                enum render_format format, struct buffer *out);

// `hugfs cache status`.
NODISCARD enum err render_cache(const struct chunk_store_stats *stats, const char *dir,
                                enum render_format format, struct buffer *out);
// The same figures as an object in a larger document.
void render_cache_object(struct json_writer *json, const char *key_or_null,
                         const char *dir, const struct chunk_store_stats *stats);

// Appends "label      text\n", the label padded to a column, the text made printable.
NODISCARD enum err render_row(struct buffer *out, const char *label, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));
