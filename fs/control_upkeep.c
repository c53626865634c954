// SPDX-License-Identifier: Apache-2.0
// The thread for cache maintenance. It exists while a command is at work, and is joined before
// the next one starts or when the server closes: the store must not be closed under it.
//
// `store`, `thread` and `was_started` belong to the loop's thread. While `is_busy` is set the
// upkeep thread owns `peer` and `request`; it clears the flag as its last act.
#include "fs/control_upkeep.h"

#include "fs/cache_upkeep.h"

#include <stdatomic.h>

enum { TEXT_MAX = 4096 };

struct control_upkeep {
    struct chunk_store *store;
    pthread_t thread;
    bool was_started; // and not joined yet
    atomic_bool is_busy;
    struct control_peer *peer;
    struct control_request request;
};

struct control_upkeep *control_upkeep_new(struct chunk_store *store)
{
    struct control_upkeep *upkeep = calloc(1, sizeof *upkeep);
    if (upkeep != NULL) {
        upkeep->store = store;
        atomic_init(&upkeep->is_busy, false);
    }
    return upkeep;
}

static void join(struct control_upkeep *upkeep)
{
    if (upkeep->was_started) {
        pthread_join(upkeep->thread, NULL);
        upkeep->was_started = false;
    }
}

void control_upkeep_free(struct control_upkeep *upkeep)
{
    if (upkeep != NULL) {
        join(upkeep);
        free(upkeep);
    }
}

static void *work(void *ctx)
{
    struct control_upkeep *upkeep = ctx;
    AUTO(buffer) struct buffer text = buffer_init(TEXT_MAX);
    struct why why = {""};
    int status = cache_upkeep_run(upkeep->store, &upkeep->request, &text, &why);
    control_peer_output(upkeep->peer, buffer_text(&text), text.len);
    control_peer_end_status(upkeep->peer, status, why.text);
    control_peer_unref(upkeep->peer);
    upkeep->peer = NULL;
    atomic_store(&upkeep->is_busy, false);
    return NULL;
}

enum err control_upkeep_start(struct control_upkeep *upkeep, struct control_peer *peer,
                              const struct control_request *request, struct why *why)
{
    if (atomic_load(&upkeep->is_busy)) {
        return why_set(why, ERR_BUSY, "another cache command is at work on this mount");
    }
    join(upkeep);
    upkeep->request = *request;
    upkeep->peer = control_peer_ref(peer);
    atomic_store(&upkeep->is_busy, true);
    int failed = pthread_create(&upkeep->thread, NULL, work, upkeep);
    if (failed) {
        atomic_store(&upkeep->is_busy, false);
        control_peer_unref(peer);
        return why_set(why, err_from_errno(failed), "no thread for the cache command: %s",
                       strerror(failed));
    }
    upkeep->was_started = true;
    return ERR_NONE;
}
