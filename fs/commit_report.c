// SPDX-License-Identifier: Apache-2.0
// A sentence that is told again and again is logged once.
#include "fs/commit_report.h"

void commit_report_init(struct commit_report *report)
{
    *report = (struct commit_report){.doing = COMMIT_IDLE};
    lock_init(&report->lock);
}

void commit_report_release(struct commit_report *report)
{
    lock_destroy(&report->lock);
}

void commit_report_doing(struct commit_report *report, enum commit_doing doing,
                         int64_t until_ms)
{
    lock_acquire(&report->lock);
    report->doing = doing;
    report->until_ms = until_ms;
    lock_release(&report->lock);
}

void commit_report_upload(struct commit_report *report, uint64_t total)
{
    lock_acquire(&report->lock);
    report->doing = COMMIT_UPLOADING;
    report->done = 0;
    report->total = total;
    report->path[0] = '\0';
    lock_release(&report->lock);
}

void commit_report_file(struct commit_report *report, const char *path)
{
    lock_acquire(&report->lock);
    snprintf(report->path, sizeof(report->path), "%s", path);
    lock_release(&report->lock);
}

void commit_report_bytes(struct commit_report *report, uint64_t done)
{
    lock_acquire(&report->lock);
    report->done = done;
    lock_release(&report->lock);
}

// Each answer of the Hub has another id at the end of its sentence.
static size_t said_len(const char *text)
{
    const char *id = strstr(text, " (request ");
    return id != NULL ? (size_t)(id - text) : strlen(text);
}

static bool says_the_same(const char *a, const char *b)
{
    size_t len = said_len(a);
    return len == said_len(b) && memcmp(a, b, len) == 0;
}

void commit_report_trouble(struct commit_report *report, enum err err,
                           const struct why *why)
{
    const char *text = err == ERR_NONE ? "" : why_text(why, err);
    lock_acquire(&report->lock);
    bool is_news = !says_the_same(report->trouble.text, text);
    snprintf(report->trouble.text, sizeof(report->trouble.text), "%s", text);
    lock_release(&report->lock);
    if (is_news && err != ERR_NONE) {
        log_warn("fs", "what was saved waits for its commit: %s", text);
    } else if (is_news) {
        log_info("fs", "commits are made again");
    }
}

void commit_report_commit(struct commit_report *report)
{
    lock_acquire(&report->lock);
    report->commits++;
    lock_release(&report->lock);
}

void commit_report_target(struct commit_report *report, const char *revision,
                          uint64_t pull)
{
    lock_acquire(&report->lock);
    snprintf(report->revision, sizeof(report->revision), "%s", revision);
    report->pull = pull;
    lock_release(&report->lock);
}
