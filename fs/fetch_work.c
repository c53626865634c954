// SPDX-License-Identifier: Apache-2.0
// The work of a fetch job: list folders, open files, fetch ranges. Some of each are under
// way; each that ends makes the job step again, on whatever thread it ended. Folders go
// first, so that the total is known early. Big files are fetched in ranges, so that progress
// moves and a cancelled job leaves little behind.
//
// A piece of work holds a reference to the job from its start to its end.
#include "fs/fetch_job.h"

#include <utlist.h>

enum { FOLDERS_AT_ONCE = 4, RANGES_AT_ONCE = 8 };
static const uint64_t range_bytes = UINT64_C(16) << 20;

// -------------------------------------------------------------------------------- ranges

// One range, or a file that could not even be opened (len 0), is over.
static void finish_range(struct fetch_job *job, struct open_file *file, uint64_t len,
                         enum err err, const struct why *why)
{
    struct content *content = NULL;
    lock_acquire(&job->lock);
    job->n_fetching--;
    file->n_ranges--;
    fetch_job_note(job, err, why);
    if (err == ERR_NONE) {
        job->progress.bytes_done += len;
    } else {
        file->has_failed = true;
        file->next_offset = file->content->size; // the rest would fail too
    }
    if (file->n_ranges == 0 && file->next_offset >= file->content->size) {
        content = file->content;
        *(file->has_failed ? &job->progress.files_failed : &job->progress.files_done) +=
            1;
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
    fetch_work_step(job);
    fetch_job_unref(job);
}

static void fetch_range(struct range taken)
{
    struct fetch_job *job = taken.job;
    struct range *range = malloc(sizeof(*range));
    enum err err = ERR_NO_MEMORY;
    if (range != NULL) {
        *range = taken;
        (void)fetch_job_ref(job);
        struct content *content =
            content_ref(taken.file->content); // the file may end meanwhile
        bool is_missing = small_file_is_missing(content);
        err = xet_file_prefetch(content->file, &content->source, taken.offset, taken.len,
                                HUB_PREFETCH, on_range, range);
        if (err == ERR_PARKED && is_missing) {
            small_files_note(job->mount, content);
        }
        content_put(content);
    }
    if (err == ERR_PARKED) {
        return;
    }
    finish_range(job, taken.file, taken.len, err, NULL);
    if (range != NULL) {
        free(range);
        fetch_job_unref(job);
    }
}

// --------------------------------------------------------------------------------- files

static enum err change_pin(struct fetch_job *job, const struct tree_node *node,
                           struct why *why)
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
        err = content->file != NULL ? ERR_NO_MEMORY : content_refuse(content, why);
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
        fetch_job_note(job, err, &why);
    }
    lock_release(&job->lock);
}

// ------------------------------------------------------------------------------- folders

enum err fetch_work_add(struct fetch_job *job, const struct tree_node *node)
{
    struct item *item = calloc(1, sizeof(*item));
    if (item == NULL) {
        return ERR_NO_MEMORY;
    }
    item->ino = node->ino;
    if (node->kind == ENTRY_DIRECTORY) {
        LL_PREPEND(job->folders, item);
    } else {
        LL_PREPEND(job->files, item);
        job->progress.files_total++;
        job->progress.bytes_total += job->what == MOUNT_UNPIN ? 0 : node->size;
    }
    return ERR_NONE;
}

static bool add_entry(void *ctx, uint64_t position, const char *name,
                      const struct tree_node *node)
{
    struct fetch_job *job = ctx;
    (void)position;
    (void)name;
    lock_acquire(&job->lock);
    enum err err = fetch_work_add(job, node);
    fetch_job_note(job, err, NULL);
    lock_release(&job->lock);
    return err == ERR_NONE;
}

struct folder {
    struct fetch_job *job;
    uint64_t ino;
};

static void note_listed(struct fetch_job *job, uint64_t ino, enum err err,
                        const struct why *why)
{
    if (err == ERR_NONE) {
        err = tree_store_list(job->mount->tree, ino, 0, add_entry, job);
    }
    lock_acquire(&job->lock);
    job->n_listing--;
    job->has_listed = true;
    fetch_job_note(job, err, why);
    lock_release(&job->lock);
}

static void on_listed(void *ctx, enum err err, const struct why *why)
{
    struct folder *folder = ctx;
    struct fetch_job *job = folder->job;
    note_listed(job, folder->ino, err, why);
    free(folder);
    fetch_work_step(job);
    fetch_job_unref(job);
}

// One that is known is not waited for: its answer would take the next step within this one, as deep
// as there are folders.
static void list_folder(struct fetch_job *job, uint64_t ino)
{
    struct tree_dir dir = {.complete = false};
    if (tree_store_dir(job->mount->tree, ino, &dir) == ERR_NONE && dir.complete) {
        note_listed(job, ino, ERR_NONE, NULL);
        return;
    }
    struct folder *folder = calloc(1, sizeof(*folder));
    if (folder == NULL) {
        note_listed(job, ino, ERR_NO_MEMORY, NULL);
        return;
    }
    *folder = (struct folder){fetch_job_ref(job), ino};
    struct hub_call call = {.class = HUB_PREFETCH,
                            .reason = "prefetch"}; // each page its deadline
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

void fetch_work_step(struct fetch_job *job)
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
    fetch_job_tell(job);
}
