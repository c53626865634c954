// SPDX-License-Identifier: Apache-2.0
// Two lists: `open` takes what comes, `committing` is what a batch is writing. A reader lays
// the index, `committing` and `open` over each other, in this order. A batch that failed
// stays in `committing` and is tried again first.
//
// While the disk refuses the index, plans pile up; past PIECES_MAX the oldest list is
// forgotten, which costs a request later.
//
// Lock: `lock`, a leaf. `committing` changes only at begin and committed, on the thread that
// holds the store's writer lock, so that thread reads it without `lock`.
#include "cache/pending_files.h"

enum { PIECES_MAX = 131072 };

struct pending_files {
    struct lock lock;
    struct pending_file *open GUARDED_BY(lock);
    struct pending_file *committing GUARDED_BY(lock);
    size_t open_pieces GUARDED_BY(lock);
};

enum err pending_files_new(struct pending_files **out)
{
    struct pending_files *files = calloc(1, sizeof(*files));
    if (!files) {
        return ERR_NO_MEMORY;
    }
    lock_init(&files->lock);
    *out = files;
    return ERR_NONE;
}

static void free_list(struct pending_file *file)
{
    while (file) {
        struct pending_file *next = file->next;
        piece_list_release(&file->pieces);
        free(file);
        file = next;
    }
}

void pending_files_clear(struct pending_files *files)
{
    lock_acquire(&files->lock);
    free_list(files->open);
    free_list(files->committing);
    files->open = NULL;
    files->committing = NULL;
    files->open_pieces = 0;
    lock_release(&files->lock);
}

void pending_files_free(struct pending_files *files)
{
    if (files) {
        pending_files_clear(files);
        lock_destroy(&files->lock);
        free(files);
    }
}

static struct pending_file *find(struct pending_file *file, const struct digest *content)
{
    while (file && !digest_equal(&file->content, content)) {
        file = file->next;
    }
    return file;
}

static struct pending_file *find_or_add(struct pending_files *files,
                                        const struct digest *content)
    REQUIRES(files->lock)
{
    struct pending_file *file = find(files->open, content);
    if (!file && (file = calloc(1, sizeof(*file)))) {
        file->content = *content;
        file->next = files->open;
        files->open = file;
    }
    return file;
}

enum err pending_files_put(struct pending_files *files, const struct digest *content,
                           uint64_t size, const struct piece *pieces, size_t n)
{
    lock_acquire(&files->lock);
    if (files->open_pieces + n > PIECES_MAX) {
        free_list(files->open);
        files->open = NULL;
        files->open_pieces = 0;
    }
    struct pending_file *file = find_or_add(files, content);
    enum err err = file ? ERR_NONE : ERR_NO_MEMORY;
    if (file) {
        file->has_verdict = file->has_verdict && file->size == size;
        file->size = size;
    }
    for (size_t i = 0; i < n && !err; i++) {
        err = piece_list_replace(&file->pieces, &pieces[i]);
        files->open_pieces++;
    }
    lock_release(&files->lock);
    return err;
}

enum err pending_files_set_verdict(struct pending_files *files,
                                   const struct digest *content, uint64_t size,
                                   enum verified_state verdict)
{
    lock_acquire(&files->lock);
    struct pending_file *file = find_or_add(files, content);
    if (file) {
        file->size = size;
        file->has_verdict = true;
        file->verdict = verdict;
    }
    lock_release(&files->lock);
    return file ? ERR_NONE : ERR_NO_MEMORY;
}

static bool overlay(const struct pending_file *file, uint64_t offset, uint64_t end,
                    struct piece_list *list)
{
    bool done = true;
    for (size_t i = 0; file && done && i < file->pieces.n; i++) {
        if (piece_overlaps(&file->pieces.pieces[i], offset, end)) {
            done = piece_list_replace(list, &file->pieces.pieces[i]) == ERR_NONE;
        }
    }
    return done;
}

bool pending_files_overlay(struct pending_files *files, const struct digest *content,
                           uint64_t offset, uint64_t end, struct piece_list *list)
{
    lock_acquire(&files->lock);
    bool done = overlay(find(files->committing, content), offset, end, list) &&
                overlay(find(files->open, content), offset, end, list);
    lock_release(&files->lock);
    return done;
}

bool pending_files_verdict(struct pending_files *files, const struct digest *content,
                           uint64_t *out_size, enum verified_state *out)
{
    lock_acquire(&files->lock);
    const struct pending_file *file = find(files->open, content);
    if (!file || !file->has_verdict) {
        file = find(files->committing, content);
    }
    bool has = file && file->has_verdict;
    if (has) {
        *out_size = file->size;
        *out = file->verdict;
    }
    lock_release(&files->lock);
    return has;
}

bool pending_files_begin(struct pending_files *files, struct pending_batch *out)
{
    lock_acquire(&files->lock);
    if (!files->committing) {
        files->committing = files->open;
        files->open = NULL;
        files->open_pieces = 0;
    }
    out->files = files->committing;
    lock_release(&files->lock);
    return out->files != NULL;
}

void pending_files_committed(struct pending_files *files)
{
    lock_acquire(&files->lock);
    free_list(files->committing);
    files->committing = NULL;
    lock_release(&files->lock);
}

bool pending_files_any(struct pending_files *files)
{
    lock_acquire(&files->lock);
    bool any = files->open || files->committing;
    lock_release(&files->lock);
    return any;
}
