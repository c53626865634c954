// SPDX-License-Identifier: Apache-2.0
// An answer belongs to who asked and to who answers: the mount may end before the answer comes,
// and then the second one finds that nobody reads it.
#include "fs/commit_ask.h"

enum { PATHS_MAX = 500 }; // of one question

struct answer {
    atomic_uint references;
    struct wait *wait; // a reference
    hub_ticket ticket;
    // What the callback brought; read after the wait has ended by it.
    struct hub_upload_mode *modes;
    struct commit_there *there;
    char **paths; // asked about
    size_t n;
    struct oid commit;
    struct hub_committed reply;
    bool has_reply;
    struct hub_found_commit found;
    uint64_t number;
};

static void answer_unref(struct answer *answer)
{
    if (atomic_fetch_sub(&answer->references, 1) != 1) {
        return;
    }
    if (answer->there != NULL) {
        commit_there_release(answer->there, answer->n);
    }
    for (size_t i = 0; answer->paths != NULL && i < answer->n; i++) {
        free(answer->paths[i]);
    }
    free(answer->paths);
    free(answer->there);
    free(answer->modes);
    wait_unref(answer->wait);
    free(answer);
}

// With two references: the caller's and the callback's.
static enum err begin(struct commit_work *work, struct answer **out)
{
    struct answer *answer = calloc(1, sizeof(*answer));
    if (answer == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = wait_begin(&work->owner, &answer->wait);
    if (err != ERR_NONE) {
        free(answer);
        return err;
    }
    atomic_init(&answer->references, 2);
    *out = answer;
    return ERR_NONE;
}

// Who asked and got nothing to ask with.
static void never_asked(struct answer *answer)
{
    (void)wait_ref(answer->wait);
    wait_done(answer->wait, ERR_NO_MEMORY, NULL);
    answer_unref(answer);
}

// The end of a callback.
static void answered(struct answer *answer, enum err err, const struct why *why)
{
    wait_done(wait_ref(answer->wait), err, why);
    answer_unref(answer);
}

static enum err await(struct commit_work *work, struct answer *answer, struct why *why)
{
    enum err err = wait_end(&work->owner, answer->wait, why);
    if (err == ERR_CANCELLED) {
        hub_cancel(work->mount->hub, answer->ticket);
    }
    return err;
}

static const struct repo_id *repo_of(const struct commit_work *work)
{
    return &work->mount->repo;
}

// -------------------------------------------------------------------------------- files

static void on_modes(void *ctx, enum err err, const struct why *why,
                     const struct hub_upload_mode *modes, size_t n)
{
    struct answer *answer = ctx;
    if (err == ERR_NONE && n != answer->n) {
        err = ERR_BAD_ANSWER;
    }
    if (err == ERR_NONE) {
        memcpy(answer->modes, modes, n * sizeof(*modes));
    }
    answered(answer, err, why);
}

enum err commit_ask_modes(struct commit_work *work,
                          const struct hub_preupload_file *files, size_t n,
                          const char *git_attributes, struct why *why,
                          struct hub_upload_mode *out)
{
    struct answer *answer = NULL;
    enum err err = begin(work, &answer);
    if (err != ERR_NONE) {
        return err;
    }
    struct hub_call call = commit_call();
    struct hub_target target = commit_target(work);
    answer->n = n;
    answer->modes = calloc(n, sizeof(*answer->modes));
    if (answer->modes == NULL) {
        never_asked(answer);
    } else {
        answer->ticket = hub_preupload(work->mount->hub, &call, &target, files, n,
                                       git_attributes, on_modes, answer);
    }
    err = await(work, answer, why);
    if (err == ERR_NONE) {
        memcpy(out, answer->modes, n * sizeof(*out));
    }
    answer_unref(answer);
    return err;
}

void commit_there_release(struct commit_there *there, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        file_version_release(&there[i].version);
        there[i] = (struct commit_there){.exists = false};
    }
}

static enum err note_there(struct answer *answer, const struct tree_entry *entry)
{
    for (size_t i = 0; i < answer->n; i++) {
        struct commit_there *there = &answer->there[i];
        if (there->exists || strcmp(answer->paths[i], entry->path) != 0) {
            continue;
        }
        char *path = strdup(entry->path);
        if (path == NULL) {
            return ERR_NO_MEMORY;
        }
        *there = (struct commit_there){
            .exists = true,
            .kind = entry->kind,
            .version = {.executable = entry->executable,
                        .has_sha256 = entry->has_sha256,
                        .has_xet = entry->has_xet,
                        .size = entry->size,
                        .oid = entry->oid,
                        .sha256 = entry->sha256,
                        .xet_hash = entry->xet_hash,
                        .commit = answer->commit,
                        .path = path},
        };
    }
    return ERR_NONE;
}

static void on_paths(void *ctx, enum err err, const struct why *why,
                     const struct tree_entry *entries, size_t n)
{
    struct answer *answer = ctx;
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        err = note_there(answer, &entries[i]);
    }
    answered(answer, err, why);
}

static enum err keep_paths(struct answer *answer, const char *const *paths, size_t n)
{
    answer->n = n;
    answer->there = calloc(n, sizeof(*answer->there));
    answer->paths = calloc(n, sizeof(*answer->paths));
    for (size_t i = 0; answer->paths != NULL && i < n; i++) {
        answer->paths[i] = strdup(paths[i]);
        if (answer->paths[i] == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    return answer->there == NULL || answer->paths == NULL ? ERR_NO_MEMORY : ERR_NONE;
}

static enum err ask_some_paths(struct commit_work *work, const struct oid *commit,
                               const char *const *paths, size_t n, struct why *why,
                               struct commit_there *out)
{
    struct answer *answer = NULL;
    enum err err = begin(work, &answer);
    if (err != ERR_NONE) {
        return err;
    }
    struct hub_call call = commit_call();
    answer->commit = *commit;
    if (keep_paths(answer, paths, n) != ERR_NONE) {
        never_asked(answer);
    } else {
        answer->ticket = hub_paths_info(work->mount->hub, &call, repo_of(work), commit,
                                        paths, n, on_paths, answer);
    }
    err = await(work, answer, why);
    if (err == ERR_NONE) {
        memcpy(out, answer->there, n * sizeof(*out));
        free(answer->there);
        answer->there = NULL;
    }
    answer_unref(answer);
    return err;
}

enum err commit_ask_paths(struct commit_work *work, const struct oid *commit,
                          const char *const *paths, size_t n, struct why *why,
                          struct commit_there *out)
{
    for (size_t i = 0; i < n; i += PATHS_MAX) {
        size_t some = n - i < PATHS_MAX ? n - i : PATHS_MAX;
        enum err err = ask_some_paths(work, commit, paths + i, some, why, out + i);
        if (err != ERR_NONE) {
            return err;
        }
    }
    return ERR_NONE;
}

// ------------------------------------------------------------------------------- commits

static void on_commit(void *ctx, enum err err, const struct why *why,
                      const struct hub_committed *reply)
{
    struct answer *answer = ctx;
    answer->reply = *reply;
    answer->reply.url = answer->reply.pull_url = "";
    answered(answer, err, why);
}

enum err commit_ask_commit(struct commit_work *work, const struct hub_commit_body *body,
                           struct why *why, struct hub_committed *out_reply)
{
    struct answer *answer = NULL;
    *out_reply = (struct hub_committed){.url = "", .pull_url = "", .wait_ms = -1};
    enum err err = begin(work, &answer);
    if (err != ERR_NONE) {
        return err;
    }
    struct hub_call call = commit_call();
    struct hub_target target = commit_target(work);
    answer->ticket =
        hub_commit(work->mount->hub, &call, &target, body, on_commit, answer);
    CRASH_POINT("commit.post_begun");
    err = await(work, answer, why);
    if (err != ERR_CANCELLED) {
        *out_reply = answer->reply;
    } else {
        out_reply->was_sent = true; // for all that is known
    }
    CRASH_POINT("commit.reply_received");
    answer_unref(answer);
    work->told_ms = err == ERR_QUOTA ? out_reply->wait_ms : -1;
    return err;
}

static void on_found(void *ctx, enum err err, const struct why *why,
                     const struct hub_found_commit *result)
{
    struct answer *answer = ctx;
    if (err == ERR_NONE) {
        answer->found = *result;
    }
    answered(answer, err, why);
}

enum err commit_ask_found(struct commit_work *work, const struct oid *stop_at,
                          const char *needle, struct why *why,
                          struct hub_found_commit *out)
{
    struct answer *answer = NULL;
    enum err err = begin(work, &answer);
    if (err != ERR_NONE) {
        return err;
    }
    struct hub_call call = commit_call();
    struct hub_target target = commit_target(work);
    answer->ticket = hub_find_commit(work->mount->hub, &call, &target.repo,
                                     target.revision, stop_at, needle, on_found, answer);
    err = await(work, answer, why);
    if (err == ERR_NONE) {
        *out = answer->found;
    }
    answer_unref(answer);
    return err;
}

// -------------------------------------------------------------------------- pull requests

static void on_pull(void *ctx, enum err err, const struct why *why, uint64_t number)
{
    struct answer *answer = ctx;
    answer->number = number;
    answered(answer, err, why);
}

static enum err await_number(struct commit_work *work, struct answer *answer,
                             struct why *why, uint64_t *out_number)
{
    enum err err = await(work, answer, why);
    if (err == ERR_NONE) {
        *out_number = answer->number;
    }
    answer_unref(answer);
    return err;
}

enum err commit_ask_pull(struct commit_work *work, const char *title,
                         const char *description, struct why *why, uint64_t *out_number)
{
    struct answer *answer = NULL;
    enum err err = begin(work, &answer);
    if (err != ERR_NONE) {
        return err;
    }
    struct hub_call call = commit_call();
    answer->ticket = hub_open_pull(work->mount->hub, &call, repo_of(work), title,
                                   description, on_pull, answer);
    return await_number(work, answer, why, out_number);
}

enum err commit_ask_found_pull(struct commit_work *work, const char *needle,
                               struct why *why, uint64_t *out_number)
{
    struct answer *answer = NULL;
    enum err err = begin(work, &answer);
    if (err != ERR_NONE) {
        return err;
    }
    struct hub_call call = commit_call();
    answer->ticket =
        hub_find_pull(work->mount->hub, &call, repo_of(work), needle, on_pull, answer);
    return await_number(work, answer, why, out_number);
}
