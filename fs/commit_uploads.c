// SPDX-License-Identifier: Apache-2.0
#include "fs/commit_uploads.h"

void commit_uploads_load(struct commit_work *work, const char *key, const void *value,
                         size_t len)
{
    size_t n = len / sizeof(work->sent[0]);
    if (strcmp(key, COMMIT_META_UPLOADS) == 0 && n <= COMMIT_UPLOADS_MAX) {
        memcpy(work->sent, value, n * sizeof(work->sent[0]));
        work->n_sent = n;
    }
}

enum err commit_uploads_open(struct commit_work *work, struct why *why)
{
    const struct mount *mount = work->mount;
    const char *dir = mount->options->state_dir != NULL ? mount->options->state_dir
                                                        : mount->options->cache_dir;
    if (work->uploads != NULL) {
        return ERR_NONE;
    }
    enum err err = xet_uploads_new(dir, why, &work->uploads);
    if (err == ERR_NONE) {
        xet_uploads_recall(work->uploads, mount->chunks, work->sent, work->n_sent);
    }
    return err;
}

void commit_uploads_note(struct commit_work *work, const struct digest *xet_hash)
{
    if (work->n_sent == COMMIT_UPLOADS_MAX) {
        work->n_sent--;
        memmove(work->sent, work->sent + 1, work->n_sent * sizeof(work->sent[0]));
    }
    work->sent[work->n_sent++] = *xet_hash;
}

void commit_uploads_store(struct commit_work *work)
{
    struct journal_change *change = journal_change_new();
    journal_change_put_meta(change, COMMIT_META_UPLOADS, work->sent,
                            work->n_sent * sizeof(work->sent[0]));
    journal_submit(work->journal, change, false, NULL, NULL);
}
