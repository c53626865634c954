// SPDX-License-Identifier: Apache-2.0
// The Hub says which files are kept as LFS; what it says of a .gitignore is no business of a
// folder in which somebody has saved a file. A path that it refuses must not take the others
// along: it is found by halves.
#include "fs/commit_prepare.h"

#include "fs/commit_ask.h"
#include "fs/commit_content.h"
#include "fs/commit_upload.h"

enum { ATTRIBUTES_MAX = 1 << 20 };

// ------------------------------------------------------------------------- how it is sent

struct asking {
    struct commit_work *work;
    char *attributes; // the new text of .gitattributes, NULL = it stays
    struct commit_item *items[HUB_PREUPLOAD_MAX];
    struct hub_preupload_file files[HUB_PREUPLOAD_MAX];
    struct hub_upload_mode modes[HUB_PREUPLOAD_MAX];
    uint8_t samples[HUB_PREUPLOAD_MAX][HUB_SAMPLE_MAX];
    size_t n;
    struct why why;
};

static void note_mode(struct commit_item *item, const struct hub_upload_mode *mode)
{
    bool is_lfs = mode->is_lfs || item->size > COMMIT_REGULAR_FILE_MAX;
    item->has_ours = item->has_ours && item->is_lfs == is_lfs;
    item->is_lfs = is_lfs;
}

// Of files [first, first + n).
static enum err ask_modes(struct asking *asking, size_t first, size_t n)
{
    enum err err =
        commit_ask_modes(asking->work, asking->files + first, n, asking->attributes,
                         &asking->why, asking->modes + first);
    if (err == ERR_USAGE && n > 1) {
        err = ask_modes(asking, first, n / 2);
        return err != ERR_NONE ? err : ask_modes(asking, first + n / 2, n - n / 2);
    }
    if (err == ERR_USAGE) {
        commit_settle_returned(asking->work, asking->items[first], err, &asking->why, 0);
        return ERR_NONE;
    }
    for (size_t i = first; err == ERR_NONE && i < first + n; i++) {
        note_mode(asking->items[i], &asking->modes[i]);
    }
    return err;
}

static enum err ask_page(struct asking *asking)
{
    size_t n = asking->n;
    asking->n = 0;
    return n > 0 ? ask_modes(asking, 0, n) : ERR_NONE;
}

// A failure to read is the file's own, unless nobody could read anything now.
static enum err settle_unread(struct commit_work *work, struct commit_item *item,
                              enum err err, const struct why *why)
{
    if (err == ERR_CANCELLED || err_is_retriable(err) || err == ERR_NO_MEMORY) {
        return err;
    }
    commit_settle_returned(work, item, err, why, 0);
    return ERR_NONE;
}

static enum err add_file(struct asking *asking, struct commit_item *item)
{
    size_t at = asking->n;
    size_t len = item->size < HUB_SAMPLE_MAX ? (size_t)item->size : HUB_SAMPLE_MAX;
    struct commit_reading reading = {.work = asking->work, .item = item};
    enum err err = commit_read(&reading, 0, asking->samples[at], len, &asking->why);
    if (err != ERR_NONE) {
        return settle_unread(asking->work, item, err, &asking->why);
    }
    asking->items[at] = item;
    asking->files[at] = (struct hub_preupload_file){item->item->path, item->size,
                                                    asking->samples[at], len};
    asking->n++;
    return asking->n == HUB_PREUPLOAD_MAX ? ask_page(asking) : ERR_NONE;
}

static bool is_open_put(const struct commit_item *item)
{
    return item->fate == COMMIT_FATE_OPEN && item->item->op == OVERLAY_PUT;
}

// Large files that only moved are known to the Hub, and an empty one is always sent as it is.
static bool has_to_be_asked(const struct commit_item *item)
{
    return is_open_put(item) && item->size > 0 && !(item->has_ours && item->is_lfs);
}

static enum err read_attributes(struct asking *asking, struct commit_item *item)
{
    struct commit_reading reading = {.work = asking->work, .item = item};
    if (!is_open_put(item) || strcmp(item->item->path, COMMIT_ATTRIBUTES_PATH) != 0 ||
        item->size > ATTRIBUTES_MAX) {
        return ERR_NONE;
    }
    asking->attributes = calloc(1, (size_t)item->size + 1);
    return asking->attributes == NULL ? ERR_NO_MEMORY
                                      : commit_read(&reading, 0, asking->attributes,
                                                    (size_t)item->size, &asking->why);
}

static enum err ask_all(struct asking *asking, struct commit_batch *batch)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < batch->n; i++) {
        err = read_attributes(asking, &batch->items[i]);
    }
    for (size_t i = 0; err == ERR_NONE && i < batch->n; i++) {
        if (has_to_be_asked(&batch->items[i])) {
            err = add_file(asking, &batch->items[i]);
        }
    }
    return err == ERR_NONE ? ask_page(asking) : err;
}

// ----------------------------------------------------------------------- what git calls it

static enum err hash_all(struct commit_work *work, struct commit_batch *batch,
                         struct why *why)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < batch->n; i++) {
        struct commit_item *item = &batch->items[i];
        if (is_open_put(item) && !item->is_lfs && !item->has_ours) {
            err = commit_content_name(work, item, why);
            if (err != ERR_NONE) {
                err = settle_unread(work, item, err, why);
            }
        }
    }
    return err;
}

static enum err prepare(struct commit_work *work, struct commit_batch *batch,
                        struct why *why)
{
    struct asking *asking = calloc(1, sizeof(*asking));
    if (asking == NULL) {
        return ERR_NO_MEMORY;
    }
    asking->work = work;
    CRASH_POINT("commit.preupload");
    enum err err = ask_all(asking, batch);
    CRASH_POINT("commit.preupload_done");
    *why = asking->why;
    free(asking->attributes);
    free(asking);
    return err == ERR_NONE ? hash_all(work, batch, why) : err;
}

enum commit_end commit_prepare(struct commit_work *work, struct commit_batch *batch)
{
    struct why why = {""};
    commit_report_doing(work->report, COMMIT_PREPARING, 0);
    enum err err = prepare(work, batch, &why);
    if (err == ERR_NONE) {
        CRASH_POINT("commit.upload");
        err = commit_upload(work, batch, false, &why);
        CRASH_POINT("commit.upload_done");
    }
    if (err == ERR_NONE) {
        return COMMIT_END_DONE;
    }
    return commit_pause(work, err, &why);
}
