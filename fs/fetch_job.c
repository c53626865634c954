// SPDX-License-Identifier: Apache-2.0
// `hugfs prefetch`, `pin` and `unpin`: a walk over everything at or below a path.
//
// The work itself is fetch_work.c; here is a job's life and what is told of it. When all files
// are here, the modes of the names that were listed are asked for (git_modes.c).
//
// Life: a job has one reference per piece of work under way and one for the mount's list,
// which goes when the end has been told. Cancelling stops new work only; what is under way
// runs out, and `done` comes then.
//
// Lock: the job's own; no other part and no callback is called under it. `telling` keeps
// callbacks from overlapping, and the end from overtaking them.
#include "fs/fetch_job.h"

#include "fs/git_modes.h"

#include <utlist.h>

enum { PROGRESS_MS = 250 };

struct fetch_job *fetch_job_ref(struct fetch_job *job)
{
    lock_acquire(&job->lock);
    job->references++;
    lock_release(&job->lock);
    return job;
}

static void free_items(struct item *items)
{
    struct item *item;
    struct item *next;
    LL_FOREACH_SAFE(items, item, next)
    {
        free(item);
    }
}

void fetch_job_unref(struct fetch_job *job)
{
    lock_acquire(&job->lock);
    bool is_last = --job->references == 0;
    lock_release(&job->lock);
    if (!is_last) {
        return;
    }
    lock_acquire(&job->lock); // nobody else has it: this is for the annotations
    free_items(job->folders);
    free_items(job->files);
    struct open_file *file;
    struct open_file *next;
    DL_FOREACH_SAFE(job->open_files, file, next)
    { // of a cancelled job
        content_put(file->content);
        free(file);
    }
    lock_release(&job->lock);
    lock_destroy(&job->lock);
    free(job);
}

void fetch_job_note(struct fetch_job *job, enum err err, const struct why *why)
{
    if (err != ERR_NONE && job->err == ERR_NONE) {
        job->err = err;
        job->why = why != NULL ? *why : (struct why){""};
    }
}

// ------------------------------------------------------------------------------- telling

static bool is_idle(const struct fetch_job *job) REQUIRES(job->lock)
{
    bool has_work = job->folders != NULL || job->files != NULL || job->open_files != NULL;
    return job->n_listing == 0 && job->n_fetching == 0 &&
           (!has_work || job->is_cancelled);
}

static void end(void *ctx, enum err unused, const struct why *unused_why)
{
    struct fetch_job *job = ctx;
    struct mount *mount = job->mount;
    (void)unused;
    (void)unused_why;
    lock_acquire(&job->lock);
    enum err err = job->is_cancelled ? ERR_CANCELLED : job->err;
    struct why why = job->why;
    lock_release(&job->lock);
    lock_acquire(&mount->lock);
    DL_DELETE(mount->fetch_jobs, job);
    lock_release(&mount->lock);
    job->done(job->ctx, err, &why);
    fetch_job_unref(job); // the list's
}

void fetch_job_tell(struct fetch_job *job)
{
    bool is_over = false;
    bool may_tell = true;
    while (may_tell && !is_over) {
        int64_t now_ms = clock_now_ms();
        lock_acquire(&job->lock);
        is_over = is_idle(job);
        may_tell = !job->is_telling && (is_over || now_ms - job->told_ms >= PROGRESS_MS);
        struct mount_progress progress = job->progress;
        if (may_tell) {
            job->is_telling = true; // for good when it is over
            job->told_ms = now_ms;
            progress.listing = job->n_listing > 0 || job->folders != NULL;
        }
        lock_release(&job->lock);
        if (!may_tell) {
            return;
        }
        job->progress_fn(job->ctx, &progress);
        if (!is_over) {
            lock_acquire(&job->lock);
            job->is_telling = false;
            lock_release(&job->lock);
        }
    }
    lock_acquire(&job->lock);
    bool wants_modes = !job->is_cancelled && job->has_listed && job->what != MOUNT_UNPIN;
    lock_release(&job->lock);
    if (wants_modes) {
        git_modes_learn(job->mount, job->row, &job->source, job->repo_root, end, job);
    } else {
        end(job, ERR_NONE, NULL);
    }
}

// ------------------------------------------------------------------- beginning, cancelling

static void on_start(void *ctx, enum err err, const struct why *why,
                     const struct located *located)
{
    struct fetch_job *job = ctx;
    if (err == ERR_NONE) {
        job->row = located->node.repo;
        job->source = located->source;
        job->repo_root = located->repo_root;
    }
    lock_acquire(&job->lock);
    job->n_listing--;
    if (err == ERR_NONE) {
        err = fetch_work_add(job, &located->node);
    }
    fetch_job_note(job, err, why);
    lock_release(&job->lock);
    fetch_work_step(job);
    fetch_job_unref(job);
}

uint64_t mount_fetch(struct mount *mount, const char *path, enum mount_fetch what,
                     mount_progress_fn progress, mount_done_fn done, void *ctx)
{
    struct fetch_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return 0;
    }
    job->mount = mount;
    job->what = what;
    job->progress_fn = progress;
    job->done = done;
    job->ctx = ctx;
    lock_init(&job->lock);
    lock_acquire(&job->lock);
    job->references = 2; // the list's and on_start()'s
    job->n_listing = 1;
    lock_release(&job->lock);
    lock_acquire(&mount->lock);
    uint64_t ticket = job->ticket = ++mount->next_ticket;
    DL_APPEND(mount->fetch_jobs, job);
    lock_release(&mount->lock);
    struct hub_call call = mount_demand(mount, "prefetch");
    mount_locate(mount, path, &call, on_start, job);
    return ticket;
}

void mount_fetch_cancel(struct mount *mount, uint64_t ticket)
{
    struct fetch_job *job;
    lock_acquire(&mount->lock);
    DL_FOREACH (mount->fetch_jobs, job) {
        if (ticket == job->ticket || ticket == FETCH_JOBS_ALL) {
            lock_acquire(&job->lock);
            job->is_cancelled = true;
            lock_release(&job->lock);
        }
    }
    lock_release(&mount->lock);
}
