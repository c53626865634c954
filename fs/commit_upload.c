// SPDX-License-Identifier: Apache-2.0
// A session ends with the first error, so what is wrong with one file costs the others another
// session; what has arrived is not sent again. Which file a refused shard is about only trying
// them one by one can tell.
#include "fs/commit_upload.h"

#include "fs/commit_check.h"
#include "fs/commit_uploads.h"
#include "fs/local_scan.h"

#include <inttypes.h>

struct uploading {
    struct commit_work *work;
    struct commit_item **items;
    struct commit_reading *readings;
    struct xet_uploaded *uploaded;
    size_t n;
    bool has_scans; // contents were seen while they were written
    bool wants_no_scans;
    struct why *why;
};

enum err commit_pointer_oid(const struct digest *sha256, uint64_t size, struct oid *out)
{
    char hex[DIGEST_HEX_SIZE];
    char text[160];
    digest_to_hex(sha256, hex);
    int len = snprintf(text, sizeof(text),
                       "version https://git-lfs.github.com/spec/v1\noid sha256:%s\n"
                       "size %" PRIu64 "\n",
                       hex, size);
    return sha_of_git_object("blob", text, (size_t)len, out);
}

// ------------------------------------------------------------------------------ one session

static bool is_cancelled(void *ctx)
{
    return commit_is_stopping(ctx);
}

static void on_progress(void *ctx, const struct xet_upload_progress *progress)
{
    struct commit_work *work = ctx;
    commit_report_bytes(work->report, progress->read);
}

static enum err begin(struct commit_work *work, struct why *why, struct xet_upload **out)
{
    struct mount *mount = work->mount;
    enum err err = commit_uploads_open(work, why);
    if (err != ERR_NONE) {
        return err;
    }
    const struct xet_upload_config config = {
        .hub = mount->hub,
        .pool = mount->pool,
        .store = mount->chunks,
        .uploads = work->uploads,
        .target = commit_target(work),
        .is_cancelled = is_cancelled,
        .on_progress = on_progress,
        .ctx = work,
    };
    return xet_upload_new(&config, why, out);
}

// The version that an item is the next one of: many programs save into a new file and rename it.
static enum err find_base(struct commit_work *work, const struct commit_item *item,
                          struct file_version *out)
{
    struct snapshot_view view;
    struct commit_there there;
    if (local_file_base(item->reader, out) == ERR_NONE) {
        return ERR_NONE;
    }
    snapshot_current(work->mount->snapshot, &view);
    if (!commit_look_up(work, &view, item->item->path, &there)) {
        return ERR_ABSENT;
    }
    enum err err = there.exists && there.kind == ENTRY_FILE
                       ? file_version_copy(&there.version, out)
                       : ERR_ABSENT;
    commit_there_release(&there, 1);
    return err;
}

static bool base_of(struct commit_work *work, const struct commit_item *item,
                    struct digest *out)
{
    struct file_version base;
    if (find_base(work, item, &base) != ERR_NONE) {
        return false;
    }
    bool has_xet = base.has_xet;
    *out = base.xet_hash;
    file_version_release(&base);
    return has_xet;
}

static enum err give(struct uploading *uploading, size_t i, struct xet_upload *upload)
{
    struct commit_item *item = uploading->items[i];
    struct digest base;
    bool has_base = base_of(uploading->work, item, &base);
    struct local_scan *scan =
        uploading->wants_no_scans ? NULL : local_file_flight_scan(item->reader);
    struct xet_scan *seen =
        scan != NULL ? local_scan_finish(scan, item->size, is_cancelled, uploading->work)
                     : NULL;
    uploading->has_scans = uploading->has_scans || seen != NULL;
    uploading->readings[i] =
        (struct commit_reading){.work = uploading->work, .item = item};
    commit_report_file(uploading->work->report, item->item->path);
    enum err err =
        xet_upload_file(upload, item->size, commit_read, &uploading->readings[i], seen,
                        has_base ? &base : NULL, uploading->why, &uploading->uploaded[i]);
    local_scan_put(scan);
    return err;
}

static enum err note_uploaded(struct commit_item *item,
                              const struct xet_uploaded *uploaded)
{
    enum err err = commit_pointer_oid(&uploaded->sha256, item->size, &item->oid);
    if (err == ERR_NONE) {
        item->sha256 = uploaded->sha256;
        item->xet_hash = uploaded->xet_hash;
        item->has_xet = true;
        item->has_ours = true;
    }
    return err;
}

// Of items [first, first + n).
static enum err run_once(struct uploading *uploading, size_t first, size_t n)
{
    struct commit_work *work = uploading->work;
    struct xet_upload *upload = NULL;
    uint64_t total = 0;
    for (size_t i = first; i < first + n; i++) {
        total += uploading->items[i]->size;
        uploading->readings[i] = (struct commit_reading){.err = ERR_NONE};
    }
    commit_report_upload(work->report, total);
    enum err err = begin(work, uploading->why, &upload);
    if (err != ERR_NONE) {
        return err;
    }
    for (size_t i = first; err == ERR_NONE && i < first + n; i++) {
        err = give(uploading, i, upload);
    }
    if (err == ERR_NONE) {
        err = xet_upload_finish(upload, uploading->why);
    }
    xet_upload_free(upload);
    for (size_t i = first; err == ERR_NONE && i < first + n; i++) {
        err = note_uploaded(uploading->items[i], &uploading->uploaded[i]);
        commit_uploads_note(work, &uploading->uploaded[i].xet_hash);
    }
    if (err == ERR_NONE) {
        commit_uploads_store(work);
    }
    return err;
}

// A disk that has not kept what was written is told by the hashes.
static enum err run(struct uploading *uploading, size_t first, size_t n)
{
    enum err err = run_once(uploading, first, n);
    if (err == ERR_STALE && uploading->has_scans && !uploading->wants_no_scans) {
        log_warn("fs", "%s: it is read once more", why_text(uploading->why, err));
        uploading->wants_no_scans = true;
        err = run_once(uploading, first, n);
    }
    return err;
}

// -------------------------------------------------------------------------------- all of them

// Settles items that could not be read, which is their own affair. False: there was none.
static bool settle_unread(struct uploading *uploading)
{
    bool has_settled = false;
    size_t kept = 0;
    for (size_t i = 0; i < uploading->n; i++) {
        enum err err = uploading->readings[i].err;
        if (err != ERR_NONE && err != ERR_CANCELLED && err != ERR_NO_MEMORY &&
            !err_is_retriable(err)) {
            commit_settle_returned(uploading->work, uploading->items[i], err,
                                   uploading->why, 0);
            has_settled = true;
        } else {
            uploading->items[kept++] = uploading->items[i];
        }
    }
    uploading->n = kept;
    return has_settled;
}

static bool is_about_files(enum err err)
{
    return err == ERR_USAGE || err == ERR_UNSUPPORTED || err == ERR_TOO_LARGE ||
           err == ERR_FILE_TOO_LARGE;
}

static enum err run_one_by_one(struct uploading *uploading)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < uploading->n; i++) {
        err = run(uploading, i, 1);
        if (is_about_files(err)) {
            commit_settle_returned(uploading->work, uploading->items[i], err,
                                   uploading->why, 0);
            err = ERR_NONE;
        }
    }
    return err;
}

static enum err run_all(struct uploading *uploading)
{
    while (uploading->n > 0) {
        enum err err = run(uploading, 0, uploading->n);
        if (err == ERR_NONE) {
            return ERR_NONE;
        }
        if (!settle_unread(uploading)) {
            return is_about_files(err) ? run_one_by_one(uploading) : err;
        }
    }
    return ERR_NONE;
}

static bool is_wanted(const struct commit_item *item, bool again)
{
    return item->fate == COMMIT_FATE_OPEN && item->item->op == OVERLAY_PUT &&
           item->is_lfs && item->size > 0 && (again || !item->has_ours);
}

enum err commit_upload(struct commit_work *work, struct commit_batch *batch, bool again,
                       struct why *why)
{
    struct uploading uploading = {
        .work = work,
        .items = calloc(batch->n, sizeof(struct commit_item *)),
        .readings = calloc(batch->n, sizeof(struct commit_reading)),
        .uploaded = calloc(batch->n, sizeof(struct xet_uploaded)),
        .why = why,
    };
    enum err err = ERR_NO_MEMORY;
    if (uploading.items != NULL && uploading.readings != NULL &&
        uploading.uploaded != NULL) {
        for (size_t i = 0; i < batch->n; i++) {
            if (is_wanted(&batch->items[i], again)) {
                uploading.items[uploading.n++] = &batch->items[i];
            }
        }
        if (again) {
            xet_uploads_free(work->uploads);
            work->uploads = NULL;
        }
        err = run_all(&uploading);
    }
    free(uploading.items);
    free(uploading.readings);
    free(uploading.uploaded);
    return err;
}
