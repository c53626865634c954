// SPDX-License-Identifier: Apache-2.0
// What makes a mount writable: the journal of its branch, the overlay over its commit, the
// committer. A mount that was asked to write and can't is read-only, and says why: what can be read
// stays readable.
#include "fs/commit_place.h"
#include "fs/committer.h"
#include "fs/figures.h"
#include "fs/head.h"
#include "fs/mount_parts.h"
#include "fs/say.h"
#include "fs/state_folder.h"

const char *mount_target_branch(const struct mount *mount)
{
    const struct mount_options *options = mount->options;
    if (options->branch != NULL) {
        return options->branch;
    }
    return options->address.revision[0] != '\0' ? options->address.revision
                                                : DEFAULT_BRANCH;
}

static void refuse(struct mount *mount, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void refuse(struct mount *mount, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(mount->read_only_reason, sizeof(mount->read_only_reason), format,
              arguments);
    va_end(arguments);
    log_warn("fs", "the mount is read-only: %s", mount->read_only_reason);
    if (!mount->options->foreground) { // the terminal is still there
        say("the mount is read-only: %s", mount->read_only_reason);
    }
}

struct refs_wait {
    struct wait *wait;
    const char *revision;
    bool is_branch;
    bool is_tag;
};

static void on_refs(void *ctx, enum err err, const struct why *why,
                    const struct hub_ref *refs, size_t n)
{
    struct refs_wait *refs_wait = ctx;
    for (size_t i = 0; i < n; i++) {
        bool is_it = strcmp(refs[i].name, refs_wait->revision) == 0;
        refs_wait->is_branch |= is_it && refs[i].kind == HUB_REF_BRANCH;
        refs_wait->is_tag |= is_it && refs[i].kind == HUB_REF_TAG;
    }
    wait_done(refs_wait->wait, err, why);
}

// A name may be a tag's: those never move. A branch of the same name is meant first.
static enum err is_tag(struct mount *mount, const char *revision, struct why *why,
                       bool *out)
{
    struct hub_call call = mount_demand(mount, "mount");
    struct wait *wait = wait_new(); // without an owner: `refs` must outlive the answer
    struct refs_wait refs = {.wait = wait, .revision = revision};
    if (wait == NULL) {
        return ERR_NO_MEMORY;
    }
    (void)wait_ref(wait);
    (void)hub_refs(mount->hub, &call, &mount->repo, false, on_refs, &refs);
    enum err err = wait_end(NULL, wait, why);
    wait_unref(wait);
    *out = refs.is_tag && !refs.is_branch;
    return err;
}

static enum err ask_access(struct mount *mount, struct why *why)
{
    struct hub_call call = mount_demand(mount, "mount");
    struct hub_target target = {mount->repo, mount_target_branch(mount)};
    struct wait *wait = NULL;
    if (mount->options->branch != NULL) { // it may not be there yet
        target.revision = mount->options->address.revision[0] != '\0'
                              ? mount->options->address.revision
                              : DEFAULT_BRANCH;
    }
    enum err err = wait_begin(&mount->startup, &wait);
    if (err == ERR_NONE) {
        (void)hub_write_access(mount->hub, &call, &target, wait_done, wait_ref(wait));
        err = wait_end(&mount->startup, wait, why);
        wait_unref(wait);
    }
    hub_forget_write_tokens(mount->hub); // each commit asks for its own
    return err;
}

// ERR_READ_ONLY: it can't be written, and why has been said. Without the Hub that is not known:
// what is saved waits until it is.
static enum err may_write(struct mount *mount)
{
    const struct mount_options *options = mount->options;
    const char *revision = options->address.revision;
    struct why why = {""};
    bool tag = false;
    char name[REPO_NAME_SIZE + 16];
    char source[256];
    repo_id_format(&mount->repo, name, sizeof(name));
    hub_token_source(mount->hub, source, sizeof(source));
    if (mount->is_commit && options->branch == NULL) {
        refuse(mount, "%s@%s is a commit, and commits never change: mount a branch", name,
               revision);
        return ERR_READ_ONLY;
    }
    if (options->as_pull && revision[0] != '\0' &&
        strcmp(revision, DEFAULT_BRANCH) != 0 && strncmp(revision, "refs/pr/", 8) != 0) {
        refuse(mount,
               "a pull request is one against %s: mount %s without @%s, or write to that "
               "branch",
               DEFAULT_BRANCH, name, revision);
        return ERR_READ_ONLY;
    }
    if (hub_is_offline(mount->hub)) {
        return ERR_NONE;
    }
    enum err err = revision[0] != '\0' && strncmp(revision, "refs/", 5) != 0 &&
                           options->branch == NULL
                       ? is_tag(mount, revision, &why, &tag)
                       : ERR_NONE;
    if (err == ERR_NONE && tag) {
        refuse(mount, "%s@%s is a tag, and tags don't move: mount a branch", name,
               revision);
        return ERR_READ_ONLY;
    }
    if (err == ERR_NONE && !options->as_pull) {
        err = ask_access(mount, &why);
    }
    switch (err) {
    case ERR_ACCESS:
        refuse(mount,
               "the token (%s) may not write to %s: use one that may, or mount with -o "
               "pr to open a pull request",
               source, name);
        return ERR_READ_ONLY;
    case ERR_UNSUPPORTED:
    case ERR_NOT_FOUND:
        refuse(mount, "%s cannot be written: %s", name, why_text(&why, err));
        return ERR_READ_ONLY;
    case ERR_NO_MEMORY:
        return err;
    default: // the Hub can't be asked just now
        return ERR_NONE;
    }
}

static enum err note_pull(void *ctx, const char *key, const void *value, size_t len)
{
    struct mount *mount = ctx;
    if (strcmp(key, COMMIT_META_PULL) == 0 && len > 0 && len < 20) {
        snprintf(mount->followed, sizeof(mount->followed), "refs/pr/%.*s", (int)len,
                 (const char *)value);
    }
    return ERR_NONE;
}

// A mount that has committed to a pull request or a branch of its own shows that from the start.
static enum err show_followed(struct mount *mount, struct why *why)
{
    const struct journal_visitor metas = {.meta = note_pull, .ctx = mount};
    struct hub_call call = mount_demand(mount, "mount");
    struct head head;
    struct snapshot_view view;
    enum err err = ERR_NONE;
    if (mount->options->as_pull) {
        err = journal_load(mount->journal, &metas, why);
    } else if (mount->options->branch != NULL) {
        snprintf(mount->followed, sizeof(mount->followed), "%s", mount->options->branch);
    }
    if (err != ERR_NONE || mount->followed[0] == '\0') {
        return err;
    }
    err = head_ask(mount, &mount->startup, &call, why, &head);
    if (err == ERR_NOT_FOUND || err_is_retriable(err)) {
        mount->followed[0] = '\0'; // it is not there yet, or the Hub is not
        return ERR_NONE;
    }
    if (err == ERR_NONE) {
        err = head_view(mount, &mount->startup, &call, &head, why, &view);
    }
    if (err == ERR_NONE) {
        snapshot_publish(mount->snapshot, &view);
    }
    return err;
}

enum err mount_open_writing(struct mount *mount, struct why *why)
{
    const struct mount_options *options = mount->options;
    if (!options->writable) {
        return ERR_NONE;
    }
    enum err err = may_write(mount);
    if (err != ERR_NONE) {
        return err == ERR_READ_ONLY ? ERR_NONE : err;
    }
    const char *branch = mount_target_branch(mount);
    AUTO_FREE char *folder = state_folder_path(options, &mount->repo, branch);
    if (folder == NULL) {
        return ERR_NO_MEMORY;
    }
    err = state_folder_make(folder, options, &mount->repo, branch, why);
    if (err != ERR_NONE) {
        return err;
    }
    struct journal_config config = {
        .dir = folder, .mountpoint = options->mount_point, .first_id = OVERLAY_IDS_FROM};
    err = journal_open(&config, why, &mount->journal);
    if (err == ERR_BUSY) {
        return why_prefix(why, ERR_MOUNT, "%s is mounted for writing already", branch);
    }
    if (err == ERR_NONE) {
        err = show_followed(mount, why);
    }
    if (err == ERR_NONE) {
        err = local_scanner_open(&mount->scanner);
    }
    return err == ERR_NONE ? overlay_open(mount, mount->journal, why, &mount->overlay)
                           : err;
}

enum err mount_start_committer(struct mount *mount, struct why *why)
{
    const struct mount_options *options = mount->options;
    if (mount->overlay == NULL) {
        return ERR_NONE;
    }
    struct committer_config config = {
        .quiet_ms = options->quiet_ms,
        .max_delay_ms = options->max_delay_ms,
        .mode = options->commit_mode,
        .as_pull = options->as_pull,
        .branch = options->branch,
    };
    return committer_open(mount, mount->overlay, mount->journal, &config, why,
                          &mount->committer);
}

void mount_wait_committed(struct mount *mount, uint64_t ino, mount_done_fn done,
                          void *ctx)
{
    uint64_t id = 0;
    uint64_t generation = 0;
    enum err err = ERR_NONE;
    struct why why = {""};
    if (overlay_is_waiting(mount->overlay, ino, &id, &generation, &err, &why)) {
        if (err != ERR_NONE) {
            done(ctx, err, &why);
            return;
        }
        committer_wait_for(mount->committer, id, generation, done, ctx);
    } else {
        done(ctx, ERR_NONE, NULL);
    }
}

void mount_drain_writing(struct mount *mount)
{
    if (mount->committer != NULL) {
        (void)overlay_seal(mount->overlay, 0, true, NULL, NULL);
        if (mount->refresher != NULL) { // else it never served
            committer_drain(mount->committer, clock_now_ms() + MOUNT_DRAIN_MS);
        }
        committer_stop(mount->committer);
    }
}

void mount_close_writing(struct mount *mount)
{
    journal_stop(
        mount->journal); // what it calls back is in the committer and the overlay
    committer_free(mount->committer);
    if (mount->journal != NULL) {
        struct overlay_waiting waiting = {0};
        if (mount->overlay != NULL) {
            overlay_waiting(mount->overlay, &waiting);
        }
        uint64_t n = waiting.n_waiting + waiting.n_on_their_way + waiting.n_conflicts +
                     waiting.n_failed;
        if (n > 0) {
            char bytes[FIGURE_SIZE];
            figure_bytes(waiting.bytes_waiting, bytes);
            log_warn("fs",
                     "%llu file%s (%s) wait%s in %s; they will be committed at the next "
                     "mount",
                     (unsigned long long)n, n == 1 ? "" : "s", bytes, n == 1 ? "s" : "",
                     mount->options->state_dir);
        }
    }
}

void mount_free_writing(struct mount *mount)
{
    overlay_free(mount->overlay);
    if (mount->journal != NULL) {
        enum err err = journal_close(mount->journal);
        if (err != ERR_NONE) {
            log_error("fs", "the journal could not be closed: %s", err_sentence(err));
        }
    }
}
