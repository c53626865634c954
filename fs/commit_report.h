// SPDX-License-Identifier: Apache-2.0
// What the committer tells about itself while it works. Any thread.
#pragma once

#include "base/base.h"

enum commit_doing {
    COMMIT_IDLE,
    COMMIT_WAITING,   // until `until_ms`, for more to come
    COMMIT_PREPARING, // asks how files are to be sent, reads them
    COMMIT_UPLOADING, // `done` of `total` bytes; `path` is what it is at
    COMMIT_SENDING,   // the commit is under way, or what became of it is being looked for
    COMMIT_PAUSED,    // until `until_ms`: `trouble` says why
};

struct commit_report {
    struct lock lock;
    enum commit_doing doing GUARDED_BY(lock);
    int64_t until_ms GUARDED_BY(lock); // monotonic
    uint64_t done GUARDED_BY(lock);
    uint64_t total GUARDED_BY(lock);
    char path[PATH_BYTES_MAX + 1] GUARDED_BY(lock);
    // Of the last failure; "" when all went well since.
    struct why trouble GUARDED_BY(lock);
    uint64_t commits GUARDED_BY(lock);             // made by this mount
    uint64_t pull GUARDED_BY(lock);                // 0 = none
    char revision[REVISION_SIZE] GUARDED_BY(lock); // where commits go
};

void commit_report_init(struct commit_report *report);
void commit_report_release(struct commit_report *report);

void commit_report_doing(struct commit_report *report, enum commit_doing doing,
                         int64_t until_ms);
// An upload of so many bytes begins; the file that it is at; how far it has come.
void commit_report_upload(struct commit_report *report, uint64_t total);
void commit_report_file(struct commit_report *report, const char *path);
void commit_report_bytes(struct commit_report *report, uint64_t done);
// Logs it too, once as long as it stays the same. ERR_NONE: all is well.
void commit_report_trouble(struct commit_report *report, enum err err,
                           const struct why *why);
void commit_report_commit(struct commit_report *report);
void commit_report_target(struct commit_report *report, const char *revision,
                          uint64_t pull);
