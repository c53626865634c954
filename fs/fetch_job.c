// SPDX-License-Identifier: Apache-2.0
// `hugfs prefetch`, `pin` and `unpin`: a walk over everything at or below a path.
//
// A job holds folders to list and files to fetch. Some listings and some ranges are under
// way; each that ends makes the job step again, on whatever thread it ended. Folders go
// first, so that the total is known early. Big files are fetched in ranges, so that progress
// moves and a cancelled job leaves little behind.
//
// Life: a job has one reference per piece of work under way and one for the mount's list,
// which goes when the end has been told. Cancelling stops new work only; what is under way
// runs out, and `done` comes then.
//
// Lock: the job's own; no other part and no callback is called under it. `telling` keeps
// callbacks from overlapping, and the end from overtaking them.
#include "fs/mount_parts.h"

#include <utlist.h>

enum { FOLDERS_AT_ONCE = 4, RANGES_AT_ONCE = 8, PROGRESS_MS = 250 };
static const uint64_t range_bytes = UINT64_C(16) << 20;

struct item { // a folder or a file that waits for its turn
    uint64_t ino;
    struct item *next;
};

struct open_file { // a file of which ranges are asked for
    struct content *content;
    uint64_t next_offset;
    unsigned n_ranges; // under way
    bool has_failed;
    struct open_file *next, *prev;
};

struct fetch_job {
    struct mount *mount;
    enum mount_fetch what;
    mount_progress_fn progress_fn;
    mount_done_fn done;
    void *ctx;
    uint64_t ticket;
    struct fetch_job *next, *prev; // the mount's list

    struct lock lock;
    unsigned references GUARDED_BY(lock);
    struct item *folders GUARDED_BY(lock);
    struct item *files GUARDED_BY(lock);
    struct open_file *open_files GUARDED_BY(lock);
    unsigned n_listing GUARDED_BY(lock);
    unsigned n_fetching GUARDED_BY(lock); // ranges, and files being opened
    bool is_cancelled GUARDED_BY(lock);
    bool is_telling GUARDED_BY(lock);
    int64_t told_ms GUARDED_BY(lock);
    struct mount_progress progress GUARDED_BY(lock);
    enum err err GUARDED_BY(lock); // the first failure
    struct why why GUARDED_BY(lock);
};

static void step(struct fetch_job *job);

static struct fetch_job *job_ref(struct fetch_job *job)
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
    LL_FOREACH_SAFE (items, item, next) {
        free(item);
    }
}

static void job_unref(struct fetch_job *job)
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
    DL_FOREACH_SAFE (job->open_files, file, next) { // of a cancelled job
        content_put(file->content);
        free(file);
    }
    lock_release(&job->lock);
    lock_destroy(&job->lock);
    free(job);
}

static void note_failure(struct fetch_job *job, enum err err, const struct why *why)
    REQUIRES(job->lock)
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
    return job->n_listing == 0 && job->n_fetching == 0 && (!has_work || job->is_cancelled);
}

static void end(struct fetch_job *job)
{
    struct mount *mount = job->mount;
    lock_acquire(&job->lock);
    enum err err = job->is_cancelled ? ERR_CANCELLED : job->err;
    struct why why = job->why;
    lock_release(&job->lock);
    lock_acquire(&mount->lock);
    DL_DELETE(mount->fetch_jobs, job);
    lock_release(&mount->lock);
    job->done(job->ctx, err, &why);
    job_unref(job); // the list's
}

// Tells the progress if it is time, and the end if it is the end.
static void tell(struct fetch_job *job)
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
    end(job);
}

// -------------------------------------------------------------------------------- ranges

// One range, or a file that could not even be opened (len 0), is over.
static void finish_range(struct fetch_job *job, struct open_file *file, uint64_t len, enum err err,
                         const struct why *why)
{
    struct content *content = NULL;
    lock_acquire(&job->lock);
    job->n_fetching--;
    file->n_ranges--;
    note_failure(job, err, why);
    if (err == ERR_NONE) {
        job->progress.bytes_done += len;
    } else {
        file->has_failed = true;
        file->next_offset = file->content->size; // the rest would fail too
    }
    if (file->n_ranges == 0 && file->next_offset >= file->content->size) {
        content = file->content;
        *(file->has_failed ? &job->progress.files_failed : &job->progress.files_done) += 1;
        DL_DELETE(job->open_files, file);
        free(file);
    }
    lock_release(&job->lock);
    if (content != NULL) {
        content_put(content);
    }
}

struct range {
    struct fetch_job *job;
    struct open_file *file;
    uint64_t offset;
    uint64_t len;
};

static void on_range(void *ctx, enum err err, const struct why *why)
{
    struct range *range = ctx;
    struct fetch_job *job = range->job;
    finish_range(job, range->file, range->len, err, why);
    free(range);
    step(job);
    job_unref(job);
}

static void fetch_range(struct range taken)
{
    struct fetch_job *job = taken.job;
    struct range *range = malloc(sizeof(*range));
    enum err err = ERR_NO_MEMORY;
    if (range != NULL) {
        *range = taken;
        (void)job_ref(job);
        struct content *content = content_ref(taken.file->content); // the file may end meanwhile
        err = xet_file_prefetch(content->file, &content->source, taken.offset, taken.len,
                                HUB_PREFETCH, on_range, range);
        content_put(content);
    }
    if (err == ERR_PARKED) {
        return;
    }
    finish_range(job, taken.file, taken.len, err, NULL);
    if (range != NULL) {
        free(range);
        job_unref(job);
    }
}

// --------------------------------------------------------------------------------- files

static enum err change_pin(struct fetch_job *job, const struct tree_node *node, struct why *why)
{
    struct digest id = content_id(node);
    struct chunk_store *chunks = job->mount->chunks;
    switch (job->what) {
    case MOUNT_PREFETCH:
        return ERR_NONE;
    case MOUNT_PIN:
        return chunk_store_pin(chunks, &id, node->has_xet, node->size, why);
    case MOUNT_UNPIN:
        return chunk_store_unpin(chunks, &id);
    }
    return ERR_NONE;
}

// Gets a file ready for its ranges; one that needs none is over at once.
static enum err open_file(struct fetch_job *job, uint64_t ino, struct why *why)
{
    struct mount *mount = job->mount;
    struct tree_node node;
    struct content *content = NULL;
    enum err err = tree_store_node(mount->tree, ino, &node);
    if (err == ERR_NONE) {
        err = change_pin(job, &node, why);
    }
    if (err == ERR_NONE && job->what != MOUNT_UNPIN && node.size > 0) {
        err = content_get(mount->contents, ino, &content);
    }
    if (content == NULL) {
        return err;
    }
    struct open_file *file = content->file != NULL ? calloc(1, sizeof(*file)) : NULL;
    if (file == NULL) {
        err = content->file != NULL ? ERR_NO_MEMORY
                                    : why_set(why, ERR_ACCESS, "\"%s\" is gated", content->path);
        content_put(content);
        return err;
    }
    file->content = content;
    lock_acquire(&job->lock);
    DL_APPEND(job->open_files, file);
    lock_release(&job->lock);
    return ERR_PARKED;
}

static void start_file(struct fetch_job *job, uint64_t ino)
{
    struct why why = {""};
    enum err err = open_file(job, ino, &why);
    lock_acquire(&job->lock);
    job->n_fetching--;
    if (err == ERR_NONE) {
        job->progress.files_done++;
    } else if (err != ERR_PARKED) {
        job->progress.files_failed++;
        note_failure(job, err, &why);
    }
    lock_release(&job->lock);
}

// ------------------------------------------------------------------------------- folders

static bool add_item(struct fetch_job *job, const struct tree_node *node) REQUIRES(job->lock)
{
    struct item *item = calloc(1, sizeof(*item));
    if (item == NULL) {
        note_failure(job, ERR_NO_MEMORY, NULL);
        return false;
    }
    item->ino = node->ino;
    if (node->kind == ENTRY_DIRECTORY) {
        LL_PREPEND(job->folders, item);
    } else {
        LL_PREPEND(job->files, item);
        job->progress.files_total++;
        job->progress.bytes_total += job->what == MOUNT_UNPIN ? 0 : node->size;
    }
    return true;
}

static bool add_entry(void *ctx, uint64_t position, const char *name, const struct tree_node *node)
{
    struct fetch_job *job = ctx;
    (void)position;
    (void)name;
    lock_acquire(&job->lock);
    bool is_added = add_item(job, node);
    lock_release(&job->lock);
    return is_added;
}

struct folder {
    struct fetch_job *job;
    uint64_t ino;
};

static void on_listed(void *ctx, enum err err, const struct why *why)
{
    struct folder *folder = ctx;
    struct fetch_job *job = folder->job;
    if (err == ERR_NONE) {
        err = tree_store_list(job->mount->tree, folder->ino, 0, add_entry, job);
    }
    lock_acquire(&job->lock);
    job->n_listing--;
    note_failure(job, err, why);
    lock_release(&job->lock);
    free(folder);
    step(job);
    job_unref(job);
}

static void list_folder(struct fetch_job *job, uint64_t ino)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    if (folder == NULL) {
        lock_acquire(&job->lock);
        job->n_listing--;
        note_failure(job, ERR_NO_MEMORY, NULL);
        lock_release(&job->lock);
        return;
    }
    *folder = (struct folder){job_ref(job), ino};
    struct hub_call call = {.class = HUB_PREFETCH, .reason = "prefetch"}; // each page its deadline
    namespace_complete(job->mount->namespace, ino, &call, on_listed, folder);
}

// -------------------------------------------------------------------------------- steps

enum work_kind { WORK_NONE, WORK_FOLDER, WORK_FILE, WORK_RANGE };

struct work {
    enum work_kind kind;
    uint64_t ino;
    struct range range;
};

static uint64_t pop(struct item **items)
{
    struct item *item = *items;
    uint64_t ino = item->ino;
    LL_DELETE(*items, item);
    free(item);
    return ino;
}

static struct work take_range(struct fetch_job *job) REQUIRES(job->lock)
{
    struct open_file *file;
    DL_FOREACH (job->open_files, file) {
        uint64_t left = file->content->size - file->next_offset;
        if (left > 0) {
            uint64_t len = left < range_bytes ? left : range_bytes;
            struct range range = {job, file, file->next_offset, len};
            file->next_offset += len;
            file->n_ranges++;
            job->n_fetching++;
            return (struct work){.kind = WORK_RANGE, .range = range};
        }
    }
    return (struct work){.kind = WORK_NONE};
}

static struct work take_work(struct fetch_job *job)
{
    struct work work = {.kind = WORK_NONE};
    lock_acquire(&job->lock);
    if (job->is_cancelled) {
        // nothing new
    } else if (job->folders != NULL && job->n_listing < FOLDERS_AT_ONCE) {
        work = (struct work){.kind = WORK_FOLDER, .ino = pop(&job->folders)};
        job->n_listing++;
    } else if (job->n_fetching < RANGES_AT_ONCE) {
        work = take_range(job);
        if (work.kind == WORK_NONE && job->files != NULL) {
            work = (struct work){.kind = WORK_FILE, .ino = pop(&job->files)};
            job->n_fetching++;
        }
    }
    lock_release(&job->lock);
    return work;
}

// Starts what can be started. The caller holds a reference.
static void step(struct fetch_job *job)
{
    struct work work;
    while ((work = take_work(job)).kind != WORK_NONE) {
        switch (work.kind) {
        case WORK_FOLDER:
            list_folder(job, work.ino);
            break;
        case WORK_FILE:
            start_file(job, work.ino);
            break;
        case WORK_RANGE:
            fetch_range(work.range);
            break;
        case WORK_NONE:
            break;
        }
    }
    tell(job);
}

static void on_start(void *ctx, enum err err, const struct why *why, const struct tree_node *node)
{
    struct fetch_job *job = ctx;
    lock_acquire(&job->lock);
    job->n_listing--;
    note_failure(job, err, why);
    if (err == ERR_NONE) {
        (void)add_item(job, node);
    }
    lock_release(&job->lock);
    step(job);
    job_unref(job);
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
    struct snapshot_view view;
    snapshot_current(mount->snapshot, &view);
    struct hub_call call = mount_demand(mount, "prefetch");
    namespace_walk(mount->namespace, view.root, path, &call, on_start, job);
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
