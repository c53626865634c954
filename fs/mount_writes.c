// SPDX-License-Identifier: Apache-2.0
// What people ask a mount that writes: what waits, commit it, give it up, what the next commit is
// to say. The overlay and the committer answer; here their words become people's.
#include "fs/committer.h"
#include "fs/mount_parts.h"
#include "fs/overlay.h"

static enum err require_writable(const struct mount *mount, struct why *why)
{
    if (mount->overlay != NULL) {
        return ERR_NONE;
    }
    return mount->read_only_reason[0] != '\0'
               ? why_set(why, ERR_READ_ONLY, "the mount is read-only: %s",
                         mount->read_only_reason)
               : why_set(why, ERR_READ_ONLY,
                         "the mount is read-only: -o rw makes one that writes");
}

// A path of the mount as one of the repository: malloc'd.
static char *repository_path(const struct mount *mount, const char *path)
{
    const char *subdir = mount->options->address.subdir;
    char *joined = NULL;
    if (subdir[0] == '\0' || path[0] == '\0') {
        return strdup(subdir[0] == '\0' ? path : subdir);
    }
    return asprintf(&joined, "%s/%s", subdir, path) < 0 ? NULL : joined;
}

// -------------------------------------------------------------------------------- changes

struct collecting {
    const char *path;
    struct mount_changes *out;
    enum err err;
};

static bool is_at_or_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return len == 0 ||
           (strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/'));
}

const char *mount_state_word(enum journal_state state, bool stays_here)
{
    if (stays_here) {
        return "stays here";
    }
    switch (state) {
    case JOURNAL_DIRTY:
        return "open";
    case JOURNAL_UPLOADING:
    case JOURNAL_UPLOADED:
    case JOURNAL_COMMITTING:
        return "on its way";
    case JOURNAL_CONFLICT:
        return "conflict";
    case JOURNAL_FAILED:
        return "refused";
    case JOURNAL_CLEAN:
    case JOURNAL_SEALED:
    case JOURNAL_COMMITTED:
        break;
    }
    return "waits";
}

// Under the overlay's lock.
static void collect(void *ctx, const struct overlay_change_info *info)
{
    enum { STEP = 64 };
    struct collecting *collecting = ctx;
    struct mount_changes *out = collecting->out;
    if (collecting->err != ERR_NONE || !is_at_or_below(info->path, collecting->path)) {
        return;
    }
    if (out->n % STEP == 0) {
        struct mount_change *grown =
            reallocarray(out->changes, out->n + STEP, sizeof(*grown));
        if (grown == NULL) {
            collecting->err = ERR_NO_MEMORY;
            return;
        }
        out->changes = grown;
    }
    struct mount_change change = {.path = strdup(info->path),
                                  .what = info->what,
                                  .state =
                                      mount_state_word(info->state, info->stays_here),
                                  .size = info->size,
                                  .base_size = info->base_size,
                                  .sentence = strdup(info->sentence)};
    out->changes[out->n++] =
        change; // also when a string is missing: it is to be released
    if (change.path == NULL || change.sentence == NULL) {
        collecting->err = ERR_NO_MEMORY;
    }
}

static int by_path(const void *a, const void *b)
{
    const struct mount_change *one = a;
    const struct mount_change *other = b;
    return strcmp(one->path, other->path);
}

enum err mount_get_changes(struct mount *mount, const char *path, struct why *why,
                           struct mount_changes *out)
{
    *out = (struct mount_changes){.n = 0};
    enum err err = require_writable(mount, why);
    if (err) {
        return err;
    }
    AUTO_FREE char *folder = repository_path(mount, path);
    if (folder == NULL) {
        return ERR_NO_MEMORY;
    }
    struct collecting collecting = {.path = folder, .out = out};
    overlay_changes(mount->overlay, collect, &collecting);
    if (collecting.err == ERR_NONE && out->n > 0) {
        qsort(out->changes, out->n, sizeof(out->changes[0]), by_path);
    }
    return collecting.err;
}

// Frees what is ours, though told as constant.
static void free_text(const char *text)
{
    char *ours = NULL;
    memcpy(&ours, &text, sizeof(ours));
    free(ours);
}

void mount_changes_release(struct mount_changes *changes)
{
    for (size_t i = 0; i < changes->n; i++) {
        free_text(changes->changes[i].path);
        free_text(changes->changes[i].sentence);
    }
    free(changes->changes);
    *changes = (struct mount_changes){.n = 0};
}

struct forgetting {
    struct mount *mount;
    uint64_t *inos;
    size_t n;
};

static void forget_pages(void *ctx, bool may_tell)
{
    struct forgetting *forgetting = ctx;
    for (size_t i = 0; may_tell && i < forgetting->n; i++) {
        session_forget_listing(forgetting->mount->session, forgetting->inos[i]);
    }
    free(forgetting->inos);
    free(forgetting);
}

// On the thread that may be made to wait by the kernel.
static void forget_later(struct mount *mount, uint64_t *inos, size_t n)
{
    struct forgetting *forgetting = n > 0 ? calloc(1, sizeof(*forgetting)) : NULL;
    if (forgetting == NULL) {
        free(inos);
        return;
    }
    *forgetting = (struct forgetting){mount, inos, n};
    if (refresher_run(mount->refresher, forget_pages, forgetting) != ERR_NONE) {
        free(inos);
        free(forgetting);
    }
}

enum err mount_discard(struct mount *mount, const char *path, struct why *why,
                       uint64_t *out_n)
{
    enum err err = require_writable(mount, why);
    if (err) {
        return err;
    }
    AUTO_FREE char *folder = repository_path(mount, path);
    if (folder == NULL) {
        return ERR_NO_MEMORY;
    }
    uint64_t *inos = NULL;
    size_t n_inos = 0;
    err = overlay_discard(mount->overlay, folder, out_n, &inos, &n_inos);
    forget_later(mount, inos, n_inos);
    return err == ERR_NOT_FOUND
               ? why_set(why, err, "nothing that could be given up was changed there")
               : err;
}

// -------------------------------------------------------------------------------- commits

void mount_commit(struct mount *mount, const char *message, mount_done_fn done, void *ctx)
{
    struct why why = {""};
    enum err err = require_writable(mount, &why);
    if (err) {
        done(ctx, err, &why);
        return;
    }
    overlay_retry(mount->overlay); // who asks has seen what was refused
    committer_commit_now(mount->committer, message, done, ctx);
}

enum err mount_get_message(struct mount *mount, struct buffer *out)
{
    enum err err = require_writable(mount, NULL);
    if (err) {
        return err;
    }
    AUTO_FREE char *message = committer_message(mount->committer);
    return message != NULL ? buffer_append_text(out, message) : ERR_NO_MEMORY;
}

struct message_wait {
    mount_done_fn done;
    void *ctx;
};

static void on_stored(void *ctx, const struct journal_result *result)
{
    struct message_wait wait = *(struct message_wait *)ctx;
    struct why why = {""};
    free(ctx);
    snprintf(why.text, sizeof(why.text), "%s", result->sentence);
    wait.done(wait.ctx, result->err, &why);
}

static enum err check_message(const char *text, size_t len, struct why *why)
{
    if (len > MOUNT_MESSAGE_MAX) {
        return why_set(why, ERR_TOO_LARGE, "the message is longer than %d bytes",
                       MOUNT_MESSAGE_MAX);
    }
    if (!utf8_is_valid(text, len) || memchr(text, '\0', len) != NULL) {
        return why_set(why, ERR_USAGE, "the message is not text in UTF-8");
    }
    return ERR_NONE;
}

void mount_set_message(struct mount *mount, const char *text, size_t len,
                       mount_done_fn done, void *ctx)
{
    struct why why = {""};
    struct message_wait *wait = malloc(sizeof(*wait));
    AUTO_FREE char *copy = strndup(text, len);
    enum err err = require_writable(mount, &why);
    err = err ? err : check_message(text, len, &why);
    if (err == ERR_NONE && (wait == NULL || copy == NULL)) {
        err = ERR_NO_MEMORY;
    }
    err = err ? err : committer_set_message(mount->committer, copy);
    if (err) {
        free(wait);
        done(ctx, err, &why);
        return;
    }
    *wait = (struct message_wait){done, ctx};
    journal_flush(mount->journal, on_stored, wait);
}

// --------------------------------------------------------------------------------- status

static void get_waiting(struct mount *mount, struct mount_writes *out)
{
    struct overlay_waiting waiting;
    overlay_waiting(mount->overlay, &waiting);
    out->waiting = waiting.n_waiting;
    out->on_their_way = waiting.n_on_their_way;
    out->conflicts = waiting.n_conflicts;
    out->failed = waiting.n_failed;
    out->local = waiting.n_local;
    out->dirty = waiting.n_dirty;
    out->bytes_waiting = waiting.bytes_waiting;
}

static void get_committing(struct mount *mount, struct mount_writes *out)
{
    struct committer_status status;
    committer_status(mount->committer, &status);
    if (status.doing != COMMIT_IDLE) {
        committer_sentence(&status, out->doing, sizeof(out->doing));
    } else if (mount->options->commit_mode == COMMIT_MANUAL && out->waiting > 0) {
        snprintf(out->doing, sizeof(out->doing), "'hugfs commit' commits it");
    }
    if (status.doing == COMMIT_UPLOADING) {
        out->sent_bytes = status.done;
        out->sending_bytes = status.total;
        snprintf(out->sending_path, sizeof(out->sending_path), "%s", status.path);
    }
    snprintf(out->trouble, sizeof(out->trouble), "%s", status.trouble.text);
    out->commits = status.commits;
    snprintf(out->branch, sizeof(out->branch), "%s",
             status.revision[0] != '\0' ? status.revision : mount_target_branch(mount));
    snprintf(out->pull_url, sizeof(out->pull_url), "%s", status.pull_url);
}

void mount_get_writes(struct mount *mount, struct mount_writes *out)
{
    *out = (struct mount_writes){.is_writable = mount->overlay != NULL};
    snprintf(out->read_only_reason, sizeof(out->read_only_reason), "%s",
             mount->read_only_reason);
    if (mount->overlay != NULL) {
        get_waiting(mount, out);
    }
    if (mount->overlay != NULL && mount->committer != NULL) {
        get_committing(mount, out);
    }
}
