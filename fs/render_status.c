// SPDX-License-Identifier: Apache-2.0
// `hugfs status`: one mount as text and as JSON; metrics are render_metrics.c's.
#include "fs/render.h"

#include "fs/address.h"
#include "fs/figures.h"
#include "fs/render_metrics.h"

#include <inttypes.h>

enum { ADDRESS_MAX = 8192 };

static void write_repository(struct json_writer *json, const struct mount_status *status)
{
    char repo[REPO_NAME_SIZE + 16];
    char commit[OID_HEX_SIZE];
    repo_id_format(&status->repo, repo, sizeof repo);
    oid_to_hex(&status->commit, commit);
    json_string(json, "repo", repo);
    json_string(json, "commit", commit);
    if (status->commit_date_s >= 0) {
        json_i64(json, "commit_date", status->commit_date_s);
    } else {
        json_null(json, "commit_date");
    }
    json_bool(json, "follows_branch", status->follows_branch);
    if (status->head_checked_s >= 0) {
        json_i64(json, "head_checked", status->head_checked_s);
    } else {
        json_null(json, "head_checked");
    }
    if (status->refresh_error.text[0] != '\0') {
        json_string(json, "refresh_error", status->refresh_error.text);
    } else {
        json_null(json, "refresh_error");
    }
    json_u64(json, "entries_known", status->entries_known);
    json_u64(json, "bytes_known", status->bytes_known);
}

static void write_hub(struct json_writer *json, const struct hub_stats *hub)
{
    json_open_object(json, "network");
    json_bool(json, "offline", hub->offline);
    json_u64(json, "requests_demand", hub->requests[HUB_DEMAND]);
    json_u64(json, "requests_ahead", hub->requests[HUB_AHEAD]);
    json_u64(json, "requests_prefetch", hub->requests[HUB_PREFETCH]);
    json_u64(json, "failures", hub->failures);
    json_u64(json, "retries", hub->retries);
    json_u64(json, "bytes_received", hub->bytes_received);
    json_u64(json, "queued_demand", hub->queued[HUB_DEMAND]);
    json_u64(json, "queued_ahead", hub->queued[HUB_AHEAD]);
    json_u64(json, "queued_prefetch", hub->queued[HUB_PREFETCH]);
    json_u64(json, "active_api", hub->active_api);
    json_u64(json, "active_data", hub->active_data);
    json_u64(json, "data_slots", hub->data_slots);
    if (hub->quota_left >= 0) {
        json_i64(json, "quota_left", hub->quota_left);
        json_i64(json, "quota_reset_s", hub->quota_reset_s);
    } else {
        json_null(json, "quota_left");
        json_null(json, "quota_reset_s");
    }
    json_close_object(json);
}

static void write_reads(struct json_writer *json, const struct mount_status *status)
{
    json_open_object(json, "reads");
    json_u64(json, "waiting", status->parked);
    json_u64(json, "bytes_read", status->xet.bytes_read);
    json_u64(json, "bytes_fetched", status->xet.bytes_fetched);
    json_u64(json, "bytes_from_cache", status->xet.bytes_from_store);
    json_u64(json, "ahead_unused", status->xet.ahead_unused);
    json_u64(json, "units_queued", status->xet.units_queued);
    json_u64(json, "files", status->xet.files);
    json_close_object(json);
}

static enum err render_json(const struct mount_status *status,
                            const struct mount_options *options, const char *source,
                            struct buffer *out)
{
    struct json_writer json = json_writer_init(out);
    json_open_object(&json, NULL);
    json_string(&json, "mount_point", options->mount_point);
    json_string(&json, "source", source);
    json_string(&json, "state", status->hub.offline ? "offline" : "online");
    json_string(&json, "version", HUGFS_VERSION);
    json_i64(&json, "pid", getpid());
    json_i64(&json, "started", status->started_s);
    json_string(&json, "endpoint", options->endpoint);
    json_string(&json, "token_source", status->token_source);
    if (!status->is_hub) {
        write_repository(&json, status);
    }
    write_hub(&json, &status->hub);
    write_reads(&json, status);
    render_cache_object(&json, "cache", options->cache_dir, &status->cache);
    if (!status->is_hub) {
        render_writes_object(&json, &status->writes);
    }
    if (status->has_path) {
        render_share_object(&json, status->here);
    }
    if (status->changes != NULL) {
        render_changes_array(&json, status->changes);
    }
    json_close_object(&json);
    return json_writer_end(&json);
}

// "607a30d783df, 2024-02-19 10:57 UTC, checked 12 s ago"
static enum err append_commit(const struct mount_status *status, struct buffer *out)
{
    char commit[OID_HEX_SIZE];
    char date[FIGURE_SIZE];
    char age[FIGURE_SIZE];
    oid_to_hex(&status->commit, commit);
    figure_date(status->commit_date_s, date);
    figure_time((clock_wall_s() - status->head_checked_s) * 1000, age);
    const char *known = status->commit_date_s >= 0 ? date : "date not known";
    if (!status->follows_branch) {
        return render_row(out, "commit", "%.12s, %s, fixed", commit, known);
    }
    if (status->head_checked_s < 0) {
        return render_row(out, "commit", "%.12s, %s, never compared with the Hub", commit,
                          known);
    }
    return render_row(out, "commit", "%.12s, %s, checked %s ago", commit, known, age);
}

static enum err append_state(const struct mount_status *status, struct buffer *out)
{
    const struct hub_stats *hub = &status->hub;
    const char *state = hub->offline ? "offline" : "online";
    enum err err = render_row(out, "state", "%s, %u %s waiting", state, status->parked,
                              status->parked == 1 ? "request" : "requests");
    if (err == ERR_NONE && status->refresh_error.text[0] != '\0') {
        err = render_row(out, "", "the branch cannot be asked for news: %s",
                         status->refresh_error.text);
    }
    if (err == ERR_NONE && hub->quota_left >= 0 && hub->quota_left < 50) {
        err = render_row(out, "quota", "%" PRId64 " requests left for %" PRId64 " s",
                         hub->quota_left, hub->quota_reset_s);
    }
    return err;
}

static enum err append_traffic(const struct mount_status *status, struct buffer *out)
{
    const struct hub_stats *hub = &status->hub;
    char received[FIGURE_SIZE];
    char read[FIGURE_SIZE];
    figure_bytes(hub->bytes_received, received);
    figure_bytes(status->xet.bytes_read, read);
    uint64_t requests = hub->requests[HUB_DEMAND] + hub->requests[HUB_AHEAD] +
                        hub->requests[HUB_PREFETCH];
    enum err err = render_row(
        out, "received", "%s in %" PRIu64 " requests, %" PRIu64 " failed, %u running",
        received, requests, hub->failures, hub->active_api + hub->active_data);
    return err ? err : render_row(out, "read", "%s", read);
}

static enum err append_cache(const struct mount_status *status,
                             const struct mount_options *options, struct buffer *out)
{
    char used[FIGURE_SIZE];
    char budget[FIGURE_SIZE];
    figure_bytes(status->cache.used, used);
    figure_bytes(status->cache.budget, budget);
    return render_row(out, "cache", "%s of %s in %s%s", used, budget, options->cache_dir,
                      status->cache.degraded ? "; the disk refuses writes" : "");
}

static enum err render_text(const struct mount_status *status,
                            const struct mount_options *options, const char *source,
                            struct buffer *out)
{
    char age[FIGURE_SIZE];
    figure_time((clock_wall_s() - status->started_s) * 1000, age);
    enum err err = render_row(out, "mount", "%s", options->mount_point);
    err = err ? err : render_row(out, "source", "%s", source);
    err = err || status->is_hub ? err : append_commit(status, out);
    err = err ? err : append_state(status, out);
    err = err ? err : append_traffic(status, out);
    err = err ? err : append_cache(status, options, out);
    err = err ? err : render_writes_text(&status->writes, out);
    err = err ? err : render_row(out, "token", "%s", status->token_source);
    err = err ? err
              : render_row(out, "daemon", "process %ld, hugfs %s, up %s", (long)getpid(),
                           HUGFS_VERSION, age);
    if (err == ERR_NONE && status->changes != NULL) {
        err = render_changes_text(status->changes, out);
    }
    if (err == ERR_NONE && status->here != NULL) {
        err = render_share_text(status->here, out);
    }
    return err;
}

enum err render_status(const struct mount_status *status,
                       const struct mount_options *options, enum render_format format,
                       struct buffer *out)
{
    AUTO(buffer) struct buffer source = buffer_init(ADDRESS_MAX);
    enum err err = address_format(&options->address, &source);
    if (err) {
        return err;
    }
    switch (format) {
    case RENDER_TEXT:
        return render_text(status, options, buffer_text(&source), out);
    case RENDER_JSON:
        return render_json(status, options, buffer_text(&source), out);
    case RENDER_METRICS:
        return metrics_append(status, options->mount_point, buffer_text(&source), out);
    }
    return ERR_USAGE;
}
