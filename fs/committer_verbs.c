// SPDX-License-Identifier: Apache-2.0
// What others ask of the committer: they leave a note and wake its thread up.
#include "fs/committer_inside.h"

#include "fs/commit_place.h"

#include <inttypes.h>

void committer_stop(struct committer *committer)
{
    if (committer == NULL) {
        return;
    }
    lock_acquire(&committer->lock);
    committer->stop_wanted = true;
    condition_broadcast(&committer->changed);
    lock_release(&committer->lock);
    commit_work_stop(&committer->work);
    pthread_join(committer->thread, NULL);
}

void committer_free(struct committer *committer)
{
    if (committer == NULL) {
        return;
    }
    xet_uploads_free(committer->work.uploads);
    commit_work_release(&committer->work);
    commit_report_release(&committer->report);
    free(committer->new_branch);
    free(committer->message);
    free(committer->spoken);
    condition_destroy(&committer->changed);
    lock_destroy(&committer->lock);
    free(committer);
}

// ------------------------------------------------------------------------------- waiting

static void add_wait(struct committer *committer, uint64_t id, uint64_t generation,
                     bool is_for_file, const char *message, overlay_done_fn done,
                     void *ctx)
{
    char *spoken = message != NULL ? strdup(message) : NULL;
    lock_acquire(&committer->lock);
    enum err err =
        committer->is_over || committer->stop_wanted ? ERR_CANCELLED
        : message != NULL && spoken == NULL
            ? ERR_NO_MEMORY
            : commit_waits_add(&committer->waits, id, generation, is_for_file, done, ctx);
    if (err == ERR_NONE && spoken != NULL) {
        free(committer->spoken);
        committer->spoken = STEAL_POINTER(spoken);
    }
    condition_broadcast(&committer->changed);
    committer->is_kicked = true;
    lock_release(&committer->lock);
    free(spoken);
    if (err != ERR_NONE) {
        done(ctx, err, NULL);
    }
}

void committer_commit_now(struct committer *committer, const char *message,
                          overlay_done_fn done, void *ctx)
{
    add_wait(committer, 0, 0, false, message, done, ctx);
}

void committer_wait_for(struct committer *committer, uint64_t id, uint64_t generation,
                        overlay_done_fn done, void *ctx)
{
    add_wait(committer, id, generation, true, NULL, done, ctx);
}

struct draining {
    atomic_uint references;
    struct condition changed;
    struct lock lock;
    bool is_over GUARDED_BY(lock);
};

static void draining_unref(struct draining *draining)
{
    if (atomic_fetch_sub(&draining->references, 1) == 1) {
        condition_destroy(&draining->changed);
        lock_destroy(&draining->lock);
        free(draining);
    }
}

static void on_drained(void *ctx, enum err err, const struct why *why)
{
    struct draining *draining = ctx;
    (void)err; // what stays is told by the mount's last line
    (void)why;
    lock_acquire(&draining->lock);
    draining->is_over = true;
    condition_broadcast(&draining->changed);
    lock_release(&draining->lock);
    draining_unref(draining);
}

void committer_drain(struct committer *committer, int64_t deadline_ms)
{
    if (committer == NULL || committer->policy.mode == COMMIT_MANUAL) {
        return;
    }
    struct draining *draining = calloc(1, sizeof(*draining));
    if (draining == NULL) {
        return;
    }
    lock_init(&draining->lock);
    condition_init(&draining->changed);
    atomic_init(&draining->references, 2);
    lock_acquire(&committer->lock);
    committer->is_draining = true;
    lock_release(&committer->lock);
    committer_commit_now(committer, NULL, on_drained, draining);
    lock_acquire(&draining->lock);
    while (!draining->is_over &&
           condition_wait_until(&draining->changed, &draining->lock, deadline_ms)) {
    }
    lock_release(&draining->lock);
    draining_unref(draining);
}

// ------------------------------------------------------------------------------ the message

enum err committer_set_message(struct committer *committer, const char *message)
{
    size_t len = strlen(message);
    if (len > COMMITTER_MESSAGE_MAX) {
        return ERR_TOO_LARGE;
    }
    char *copy = len > 0 ? strdup(message) : NULL;
    if (len > 0 && copy == NULL) {
        return ERR_NO_MEMORY;
    }
    lock_acquire(&committer->lock);
    free(committer->message);
    committer->message = copy;
    lock_release(&committer->lock);
    struct journal_change *change = journal_change_new();
    if (len > 0) {
        journal_change_put_meta(change, COMMIT_META_MESSAGE, message, len);
    } else {
        journal_change_drop_meta(change, COMMIT_META_MESSAGE);
    }
    journal_submit(committer->work.journal, change, true, NULL, NULL);
    return ERR_NONE;
}

char *committer_message(struct committer *committer)
{
    lock_acquire(&committer->lock);
    char *copy = strdup(committer->message != NULL ? committer->message : "");
    lock_release(&committer->lock);
    return copy;
}

// ------------------------------------------------------------------------------- the status

void committer_revision(struct committer *committer, char out[REVISION_SIZE])
{
    lock_acquire(&committer->report.lock);
    memcpy(out, committer->report.revision, REVISION_SIZE);
    lock_release(&committer->report.lock);
}

void committer_status(struct committer *committer, struct committer_status *out)
{
    struct commit_report *report = &committer->report;
    const struct mount *mount = committer->work.mount;
    lock_acquire(&report->lock);
    *out = (struct committer_status){
        .doing = report->doing,
        .until_ms = report->until_ms,
        .done = report->done,
        .total = report->total,
        .trouble = report->trouble,
        .commits = report->commits,
        .pull = report->pull,
    };
    snprintf(out->path, sizeof(out->path), "%s", report->path);
    snprintf(out->revision, sizeof(out->revision), "%s", report->revision);
    lock_release(&report->lock);
    if (out->pull > 0) {
        snprintf(out->pull_url, sizeof(out->pull_url), "%s/%s%s/discussions/%" PRIu64,
                 mount->options->endpoint, repo_kind_prefix(mount->repo.kind),
                 mount->repo.name, out->pull);
    }
}

static int64_t seconds_until(int64_t at_ms)
{
    int64_t left_ms = at_ms - clock_now_ms();
    return left_ms > 0 ? (left_ms + 999) / 1000 : 0;
}

void committer_sentence(const struct committer_status *status, char *out, size_t size)
{
    switch (status->doing) {
    case COMMIT_IDLE:
        snprintf(out, size, "nothing to commit");
        break;
    case COMMIT_WAITING:
        snprintf(out, size, "commits in %" PRId64 " s", seconds_until(status->until_ms));
        break;
    case COMMIT_PREPARING:
        snprintf(out, size, "prepares a commit");
        break;
    case COMMIT_UPLOADING:
        snprintf(out, size, "uploads \"%s\": %" PRIu64 " of %" PRIu64 " bytes",
                 status->path, status->done, status->total);
        break;
    case COMMIT_SENDING:
        snprintf(out, size, "sends a commit");
        break;
    case COMMIT_PAUSED:
        snprintf(out, size, "tries again in %" PRId64 " s: %s",
                 seconds_until(status->until_ms), status->trouble.text);
        break;
    }
}
