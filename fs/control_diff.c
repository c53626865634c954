// SPDX-License-Identifier: Apache-2.0
// A diff belongs to its client from the request until the client is gone, for only then its thread
// is joined. The thread is started by whichever thread finds out where the path lies; before that,
// and when it blocks, it can be cancelled.
//
// Lock: the diff's own; nothing that waits is called under it.
#include "fs/control_diff.h"

#include "fs/commit_diff.h"
#include "fs/render.h"

// As much as a peer's output holds, with what the protocol adds to each line.
enum { DIFFS_MAX = 4, ANSWER_MAX = 960 << 10 };

struct running_diff {
    struct mount *mount;
    struct control_peer *peer; // referenced
    struct control_request request;
    struct wait_owner owner;
    struct repo_id repo;
    char *path; // in the repository; malloc'd
    pthread_t thread;
    struct lock lock;
    unsigned references GUARDED_BY(lock); // of the client, and of who finds the path
    bool is_cancelled GUARDED_BY(lock);
    bool has_thread GUARDED_BY(lock);
};

static void unref(struct running_diff *diff)
{
    lock_acquire(&diff->lock);
    bool is_last = --diff->references == 0;
    lock_release(&diff->lock);
    if (is_last) {
        atomic_fetch_sub(&diff->mount->n_diffs, 1);
        lock_destroy(&diff->lock);
        wait_owner_release(&diff->owner);
        control_peer_unref(diff->peer);
        free(diff->path);
        free(diff);
    }
}

static void tell(struct running_diff *diff, const struct commit_diff *found)
{
    AUTO(buffer) struct buffer text = buffer_init(ANSWER_MAX);
    struct why why = {""};
    enum err err = render_diff(found, diff->request.format, &text);
    if (err == ERR_TOO_LARGE) {
        err =
            why_set(&why, ERR_USAGE,
                    "the list of %zu files is too long: name a folder of the repository",
                    found->n);
    }
    if (err == ERR_NONE) {
        control_peer_output(diff->peer, buffer_text(&text), text.len);
    }
    control_peer_end(diff->peer, err, &why);
}

static void *work(void *ctx)
{
    struct running_diff *diff = ctx;
    struct why why = {""};
    AUTO(commit_diff) struct commit_diff found = {.n = 0};
    const struct diff_question question = {.repo = diff->repo,
                                           .path = diff->path,
                                           .from = diff->request.from,
                                           .to = diff->request.to};
    enum err err = commit_diff_run(diff->mount, &diff->owner, &question, &why, &found);
    if (err == ERR_NONE) {
        tell(diff, &found);
    } else {
        control_peer_end(diff->peer, err, &why);
    }
    return NULL;
}

// ERR_CANCELLED: the client has gone meanwhile.
static enum err start_thread(struct running_diff *diff)
{
    enum err err = ERR_CANCELLED;
    lock_acquire(&diff->lock);
    if (!diff->is_cancelled) {
        int failed = pthread_create(&diff->thread, NULL, work, diff);
        diff->has_thread = failed == 0;
        err = failed == 0 ? ERR_NONE : err_from_errno(failed);
    }
    lock_release(&diff->lock);
    return err;
}

static void on_located(void *ctx, enum err err, const struct why *why,
                       const struct located *located)
{
    struct running_diff *diff = ctx;
    if (err == ERR_NONE) {
        why = NULL;
        diff->repo = located->source.repo;
        err = tree_store_path(diff->mount->tree, located->node.ino, &diff->path);
    }
    if (err == ERR_NONE) {
        err = start_thread(diff);
    }
    if (err != ERR_NONE) {
        control_peer_end(diff->peer, err, why);
    }
    unref(diff);
}

static struct running_diff *new_diff(struct mount *mount, struct control_peer *peer,
                                     const struct control_request *request)
{
    struct running_diff *diff = calloc(1, sizeof(*diff));
    if (diff == NULL) {
        return NULL;
    }
    diff->mount = mount;
    diff->peer = control_peer_ref(peer);
    diff->request = *request;
    wait_owner_init(&diff->owner);
    lock_init(&diff->lock);
    lock_acquire(&diff->lock);
    diff->references = 2;
    lock_release(&diff->lock);
    return diff;
}

void control_diff_run(struct mount *mount, struct control_peer *peer,
                      const struct control_request *request)
{
    struct why why = {""};
    struct running_diff *diff = NULL;
    enum err err = ERR_NONE;
    if (atomic_fetch_add(&mount->n_diffs, 1) >= DIFFS_MAX) {
        err = why_set(&why, ERR_BUSY, "%d diffs are at work on this mount already",
                      DIFFS_MAX);
    } else if ((diff = new_diff(mount, peer, request)) == NULL) {
        err = ERR_NO_MEMORY;
    }
    if (err != ERR_NONE) {
        atomic_fetch_sub(&mount->n_diffs, 1);
        control_peer_end(peer, err, &why);
        return;
    }
    control_peer_work(peer)->diff = diff;
    struct hub_call call = mount_demand(mount, "diff");
    mount_locate(mount, request->path, &call, on_located, diff);
}

void control_diff_cancel(struct control_peer *peer)
{
    struct running_diff *diff = control_peer_work(peer)->diff;
    if (diff == NULL) {
        return;
    }
    control_peer_work(peer)->diff = NULL;
    lock_acquire(&diff->lock);
    diff->is_cancelled = true;
    bool has_thread = diff->has_thread;
    lock_release(&diff->lock);
    if (has_thread) {
        wait_owner_cancel(&diff->owner);
        pthread_join(diff->thread, NULL);
    }
    unref(diff);
}
