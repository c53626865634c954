// SPDX-License-Identifier: Apache-2.0
// Metrics. Each mount gives its samples; the format wants all samples of a metric together
// under one HELP and one TYPE, so the client that has asked every mount sorts them by the same
// table.
#include "fs/render_metrics.h"

#include <inttypes.h>

enum metric {
    METRIC_STARTED,
    METRIC_OFFLINE,
    METRIC_WAITING,
    METRIC_REQUESTS,
    METRIC_FAILURES,
    METRIC_RECEIVED,
    METRIC_READ,
    METRIC_FROM_CACHE,
    METRIC_AHEAD_UNUSED,
    METRIC_CACHE_USED,
    METRIC_CACHE_BUDGET,
    METRIC_DAMAGED,
    METRIC_WRITABLE,
    METRIC_CHANGES_WAITING,
    METRIC_CHANGES_ON_THEIR_WAY,
    METRIC_CONFLICTS,
    METRIC_REFUSED,
    METRIC_BYTES_WAITING,
    METRIC_COMMITS,
    METRIC_COUNT,
};

static const struct {
    const char *name;
    const char *type;
    const char *help;
} metrics[METRIC_COUNT] = {
    [METRIC_STARTED] = {"hugfs_start_time_seconds", "gauge",
                        "When the mount began, Unix time."},
    [METRIC_OFFLINE] = {"hugfs_offline", "gauge", "1 while the Hub is not asked."},
    [METRIC_WAITING] = {"hugfs_requests_waiting", "gauge",
                        "Kernel requests that wait for the network."},
    [METRIC_REQUESTS] = {"hugfs_http_requests_total", "counter", "HTTP requests ended."},
    [METRIC_FAILURES] = {"hugfs_http_failures_total", "counter",
                         "HTTP requests that ended in an error."},
    [METRIC_RECEIVED] = {"hugfs_received_bytes_total", "counter",
                         "Bytes of HTTP bodies."},
    [METRIC_READ] = {"hugfs_read_bytes_total", "counter", "Bytes handed to readers."},
    [METRIC_FROM_CACHE] = {"hugfs_read_cached_bytes_total", "counter",
                           "Bytes handed to readers without waiting."},
    [METRIC_AHEAD_UNUSED] = {"hugfs_ahead_unused_bytes", "gauge",
                             "Bytes fetched ahead and not read so far."},
    [METRIC_CACHE_USED] = {"hugfs_cache_used_bytes", "gauge", "Bytes on disk."},
    [METRIC_CACHE_BUDGET] = {"hugfs_cache_budget_bytes", "gauge",
                             "Bytes allowed on disk."},
    [METRIC_DAMAGED] = {"hugfs_cache_damaged_chunks_total", "counter",
                        "Chunks dropped because their checksum was wrong."},
    [METRIC_WRITABLE] = {"hugfs_writable", "gauge", "1 when files can be changed."},
    [METRIC_CHANGES_WAITING] = {"hugfs_changes_waiting", "gauge",
                                "Files and names that wait for a commit."},
    [METRIC_CHANGES_ON_THEIR_WAY] = {"hugfs_changes_on_their_way", "gauge",
                                     "Those of the commit that is being made."},
    [METRIC_CONFLICTS] = {"hugfs_conflicts", "gauge",
                          "Files that somebody else has changed too."},
    [METRIC_REFUSED] = {"hugfs_changes_refused", "gauge",
                        "Files that the Hub does not take."},
    [METRIC_BYTES_WAITING] = {"hugfs_waiting_bytes", "gauge",
                              "Bytes that were written and are not on the Hub."},
    [METRIC_COMMITS] = {"hugfs_commits_total", "counter", "Commits made."},
};

// A label's value: backslash, quote and line end are escaped.
static enum err append_label(struct buffer *out, const char *name, const char *value)
{
    enum err err = buffer_printf(out, "%s=\"", name);
    for (; err == ERR_NONE && *value != '\0'; value++) {
        if (*value == '\n') {
            err = buffer_append_text(out, "\\n");
        } else if (*value == '\\' || *value == '"') {
            err = buffer_printf(out, "\\%c", *value);
        } else {
            err = buffer_append(out, value, 1);
        }
    }
    return err ? err : buffer_append_text(out, "\"");
}

static void collect(const struct mount_status *status, uint64_t values[METRIC_COUNT])
{
    const struct hub_stats *hub = &status->hub;
    values[METRIC_STARTED] = status->started_s > 0 ? (uint64_t)status->started_s : 0;
    values[METRIC_OFFLINE] = hub->offline;
    values[METRIC_WAITING] = status->parked;
    values[METRIC_REQUESTS] = hub->requests[HUB_DEMAND] + hub->requests[HUB_AHEAD] +
                              hub->requests[HUB_PREFETCH];
    values[METRIC_FAILURES] = hub->failures;
    values[METRIC_RECEIVED] = hub->bytes_received;
    values[METRIC_READ] = status->xet.bytes_read;
    values[METRIC_FROM_CACHE] = status->xet.bytes_from_store;
    values[METRIC_AHEAD_UNUSED] = status->xet.ahead_unused;
    values[METRIC_CACHE_USED] = status->cache.used;
    values[METRIC_CACHE_BUDGET] = status->cache.budget;
    values[METRIC_DAMAGED] = status->cache.damaged_chunks;
    values[METRIC_WRITABLE] = status->writes.is_writable;
    values[METRIC_CHANGES_WAITING] = status->writes.waiting;
    values[METRIC_CHANGES_ON_THEIR_WAY] = status->writes.on_their_way;
    values[METRIC_CONFLICTS] = status->writes.conflicts;
    values[METRIC_REFUSED] = status->writes.failed;
    values[METRIC_BYTES_WAITING] = status->writes.bytes_waiting;
    values[METRIC_COMMITS] = status->writes.commits;
}

enum err metrics_append(const struct mount_status *status, const char *mount_point,
                        const char *source, struct buffer *out)
{
    uint64_t values[METRIC_COUNT];
    collect(status, values);
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < METRIC_COUNT; i++) {
        err = buffer_printf(out, "%s{", metrics[i].name);
        err = err ? err : append_label(out, "mount", mount_point);
        err = err ? err : buffer_append_text(out, ",");
        err = err ? err : append_label(out, "source", source);
        err = err ? err : buffer_printf(out, "} %" PRIu64 "\n", values[i]);
    }
    return err;
}

static void print_samples(const struct buffer *samples, const char *name)
{
    size_t len = strlen(name);
    const char *line = buffer_text(samples);
    while (*line != '\0') {
        size_t line_len = strcspn(line, "\n");
        if (line_len > len && line[len] == '{' && memcmp(line, name, len) == 0) {
            printf("%.*s\n", (int)line_len, line);
        }
        line += line_len + (line[line_len] == '\n');
    }
}

void metrics_print(const struct buffer *samples)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        printf("# HELP %s %s\n# TYPE %s %s\n", metrics[i].name, metrics[i].help,
               metrics[i].name, metrics[i].type);
        print_samples(samples, metrics[i].name);
    }
}
