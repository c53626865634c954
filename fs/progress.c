// SPDX-License-Identifier: Apache-2.0
// The progress line. Pure: time comes in, text goes out; cmd_prefetch.c owns the terminal.
#include "fs/progress.h"

#include "fs/figures.h"

#include <inttypes.h>

enum {
    SAMPLE_MS = 250,  // samples closer together tell more about the clock than the rate
    MEMORY_MS = 3000, // how far back the mean looks
    BAR_MIN = 10,
    BAR_MAX = 40,
};

void progress_meter_init(struct progress_meter *meter, int64_t now_ms)
{
    *meter = (struct progress_meter){.started_ms = now_ms, .last_ms = now_ms, .rate = -1};
}

void progress_meter_update(struct progress_meter *meter, int64_t now_ms,
                           uint64_t bytes_done)
{
    int64_t passed_ms = now_ms - meter->last_ms;
    if (passed_ms < SAMPLE_MS || bytes_done < meter->last_bytes) {
        return;
    }
    double rate = (double)(bytes_done - meter->last_bytes) * 1000 / (double)passed_ms;
    double weight = (double)passed_ms / (double)(passed_ms + MEMORY_MS);
    meter->rate = meter->rate < 0 ? rate : meter->rate + weight * (rate - meter->rate);
    meter->last_ms = now_ms;
    meter->last_bytes = bytes_done;
}

static double share_done(const struct mount_progress *progress)
{
    if (progress->bytes_total == 0) {
        return progress->files_total > 0
                   ? (double)progress->files_done / (double)progress->files_total
                   : 0;
    }
    double share = (double)progress->bytes_done / (double)progress->bytes_total;
    return share < 1 ? share : 1;
}

// Everything behind the bar.
static enum err append_figures(const struct progress_meter *meter,
                               const struct mount_progress *progress, struct buffer *out)
{
    char done[FIGURE_SIZE];
    char total[FIGURE_SIZE];
    char figure[FIGURE_SIZE];
    figure_bytes(progress->bytes_done, done);
    figure_bytes(progress->bytes_total, total);
    enum err err = progress->listing
                       ? buffer_printf(out, "%s of more than %s", done, total)
                       : buffer_printf(out, "%3d %%  %s of %s",
                                       (int)(100 * share_done(progress)), done, total);
    if (err == ERR_NONE && progress->files_total > 1) {
        err = buffer_printf(out, "  %" PRIu64 "/%" PRIu64 " files", progress->files_done,
                            progress->files_total);
    }
    if (err == ERR_NONE && meter->rate >= 1) {
        figure_bytes((uint64_t)meter->rate, figure);
        err = buffer_printf(out, "  %s/s", figure);
        if (err == ERR_NONE && !progress->listing &&
            progress->bytes_total > progress->bytes_done) {
            uint64_t left = progress->bytes_total - progress->bytes_done;
            figure_time((int64_t)((double)left * 1000 / meter->rate), figure);
            err = buffer_printf(out, "  %s left", figure);
        }
    }
    if (err == ERR_NONE && progress->files_failed > 0) {
        err = buffer_printf(out, "  %" PRIu64 " failed", progress->files_failed);
    }
    return err;
}

static enum err append_bar(double share, size_t width, struct buffer *out)
{
    size_t full = (size_t)(share * (double)width);
    enum err err = buffer_append_text(out, "[");
    for (size_t i = 0; err == ERR_NONE && i < width; i++) {
        err = buffer_append_text(out, i < full ? "=" : i == full ? ">" : " ");
    }
    return err ? err : buffer_append_text(out, "]  ");
}

enum err progress_line(const struct progress_meter *meter,
                       const struct mount_progress *progress, unsigned columns,
                       struct buffer *out)
{
    AUTO(buffer) struct buffer figures = buffer_init(512);
    enum err err = append_figures(meter, progress, &figures);
    size_t width = columns > figures.len + 5 ? columns - figures.len - 5 : 0;
    if (err == ERR_NONE && width >= BAR_MIN) {
        err = append_bar(share_done(progress), width < BAR_MAX ? width : BAR_MAX, out);
    }
    if (err) {
        return err;
    }
    size_t shown = columns > 0 && figures.len >= columns ? columns - 1 : figures.len;
    return buffer_append(out, buffer_text(&figures), shown);
}

enum err progress_summary(const struct progress_meter *meter,
                          const struct mount_progress *progress, int64_t now_ms,
                          struct buffer *out)
{
    char bytes[FIGURE_SIZE];
    char time[FIGURE_SIZE];
    char rate[FIGURE_SIZE];
    int64_t passed_ms = now_ms > meter->started_ms ? now_ms - meter->started_ms : 1;
    figure_bytes(progress->bytes_done, bytes);
    figure_time(passed_ms, time);
    figure_bytes((uint64_t)((double)progress->bytes_done * 1000 / (double)passed_ms),
                 rate);
    return buffer_printf(out, "%s in %" PRIu64 " %s, %s, %s/s", bytes,
                         progress->files_done,
                         progress->files_done == 1 ? "file" : "files", time, rate);
}
