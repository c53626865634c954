// SPDX-License-Identifier: Apache-2.0
// What a mount tells, written for its reader: text for people, JSON and Prometheus metrics for
// programs. Pure functions from structs to bytes; names from outside are made printable in text
// and escaped in JSON.
//
// JSON is one line, with a further one for each entry of a list that may be long. Keys are only
// ever added; a figure that is not known is null.
#pragma once

#include "fs/control_protocol.h"
#include "fs/mount.h"

struct commit_diff;
struct repo_log;
struct repo_refs;
struct repo_status;

// `hugfs status`. RENDER_METRICS gives samples only; render_metrics.h adds what belongs around
// the samples of all mounts.
NODISCARD enum err render_status(const struct mount_status *status,
                                 const struct mount_options *options,
                                 enum render_format format, struct buffer *out);
// Of `hugfs status PATH`: the lines after those of the mount, and the value of "here".
NODISCARD enum err render_share_text(const struct mount_share *share, struct buffer *out);
void render_share_object(struct json_writer *json, const struct mount_share *share);
// Its part about writing; nothing in text where nobody wanted to write. The list of changes of
// `hugfs status PATH`, cut where it is long; and the whole of it: `hugfs diff PATH`. render_writes.c
NODISCARD enum err render_writes_text(const struct mount_writes *writes,
                                      struct buffer *out);
void render_writes_object(struct json_writer *json, const struct mount_writes *writes);
NODISCARD enum err render_changes_text(const struct mount_changes *changes,
                                       struct buffer *out);
void render_changes_array(struct json_writer *json, const struct mount_changes *changes);
NODISCARD enum err render_changes(const struct mount_changes *changes,
                                  enum render_format format, struct buffer *out);
// `hugfs info`; also .hub/info/PATH, with RENDER_JSON.
NODISCARD enum err render_info(const struct mount_path_info *info,
                               enum render_format format, struct buffer *out);

// .hub/status. repo_facts.h
NODISCARD enum err render_repo_status(const struct repo_status *status,
                                      enum render_format format, struct buffer *out);
// `hugfs log`, .hub/log. As text: the newest commits that `out` has room for.
NODISCARD enum err render_repo_log(const struct repo_log *log, enum render_format format,
                                   struct buffer *out);
// `hugfs revisions`.
NODISCARD enum err render_repo_refs(const struct repo_refs *refs,
                                    enum render_format format, struct buffer *out);
// `hugfs diff`. commit_diff.h
NODISCARD enum err render_diff(const struct commit_diff *diff, enum render_format format,
                               struct buffer *out);

// `hugfs trace`: one line, without its end.
NODISCARD enum err render_trace(const struct mount_trace *trace,
                                enum render_format format, struct buffer *out);

// `hugfs cache status`.
NODISCARD enum err render_cache(const struct chunk_store_stats *stats, const char *dir,
                                enum render_format format, struct buffer *out);
// The same figures as an object in a larger document.
void render_cache_object(struct json_writer *json, const char *key_or_null,
                         const char *dir, const struct chunk_store_stats *stats);

// The next entry of an array begins a line.
void render_json_line(struct json_writer *json);
// Appends "label      text\n", the label padded to a column, the text made printable.
NODISCARD enum err render_row(struct buffer *out, const char *label, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));
