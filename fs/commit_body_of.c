// SPDX-License-Identifier: Apache-2.0
// Deletions come first: of a folder, before something new is put there.
#include "fs/commit_body_of.h"

static enum err name_it(struct commit_attempt *attempt)
{
    const char *message = attempt->work->message != NULL ? attempt->work->message : "";
    const char *rest = "";
    size_t rest_len = 0;
    char trailer[COMMIT_TRAILER_SIZE];
    commit_trailer(attempt->id, trailer);
    commit_message_split(message, attempt->title, &rest, &rest_len);
    free(attempt->description);
    attempt->description = malloc(rest_len + sizeof(trailer) + 2);
    const struct overlay_item **open = calloc(attempt->n, sizeof(*open));
    if (attempt->description == NULL || open == NULL) {
        free((void *)open);
        return ERR_NO_MEMORY;
    }
    snprintf(attempt->description, rest_len + sizeof(trailer) + 2, "%.*s%s%s",
             (int)rest_len, rest, rest_len > 0 ? "\n\n" : "", trailer);
    size_t n = 0;
    for (size_t i = 0; i < attempt->n; i++) {
        if (attempt->items[i]->fate == COMMIT_FATE_OPEN) {
            open[n++] = attempt->items[i]->item;
        }
    }
    if (attempt->title[0] == '\0' && n > 0) {
        commit_title_of(open, n, attempt->title);
    }
    free((void *)open);
    return ERR_NONE;
}

static enum err add_deletion(struct commit_attempt *attempt, struct commit_item *item)
{
    const char *path = item->item->path;
    return item->item->op == OVERLAY_DELETE_FOLDER
               ? hub_commit_body_delete_folder(attempt->body, path, &attempt->why)
               : hub_commit_body_delete_file(attempt->body, path, &attempt->why);
}

static enum err add_put(struct commit_attempt *attempt, struct commit_item *item)
{
    const char *path = item->item->path;
    if (item->is_lfs) {
        return hub_commit_body_add_lfs(attempt->body, path, &item->sha256, item->size,
                                       &attempt->why);
    }
    struct commit_reading reading = {.work = attempt->work, .item = item};
    enum err err = hub_commit_body_add_file(attempt->body, path, item->size, commit_read,
                                            &reading, &attempt->why);
    if (reading.err == ERR_NONE || reading.err == ERR_CANCELLED ||
        err_is_retriable(reading.err)) {
        return err;
    }
    commit_settle_returned(attempt->work, item, reading.err, &attempt->why, 0);
    return ERR_NONE;
}

static enum err add_all(struct commit_attempt *attempt, bool deletions)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < attempt->n; i++) {
        struct commit_item *item = attempt->items[i];
        bool is_deletion = item->item->op != OVERLAY_PUT;
        if (item->fate == COMMIT_FATE_OPEN && is_deletion == deletions) {
            err = is_deletion ? add_deletion(attempt, item) : add_put(attempt, item);
        }
    }
    return err;
}

enum err commit_body_of(struct commit_attempt *attempt)
{
    hub_commit_body_free(attempt->body);
    attempt->body = NULL;
    enum err err = name_it(attempt);
    if (err == ERR_NONE) {
        err = hub_commit_body_new(attempt->work->mount->options->state_dir,
                                  attempt->title, attempt->description, &attempt->parent,
                                  &attempt->why, &attempt->body);
    }
    if (err == ERR_NONE) {
        err = add_all(attempt, true);
    }
    return err == ERR_NONE ? add_all(attempt, false) : err;
}
