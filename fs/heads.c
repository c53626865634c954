// SPDX-License-Identifier: Apache-2.0
// One question to the Hub per repository and revision at a time. The answer comes on a pool
// thread, is stored there, and only then are the waiters called: they look at the store again.
//
// It is stored under the id that was asked for, with the canonical id in it, so that an old or
// differently spelled name costs nothing the next time; and under the canonical id, so that
// following the symlink to it costs nothing either. A name that the Hub does not know is not
// stored: the kernel remembers it for a while.
//
// With a stored answer at hand nobody waits a minute for a Hub that does not answer: such a
// question has ten seconds.
//
// heads_expire() draws a line: what is checked before it is too old, and so is the answer to a
// question that was asked before it. Checks are known to the second, so an answer to a later
// question that comes in the same second is stored as one of the next.
//
// Lock: `lock` guards the table and the waiters; no hub verb, store or waiter is called under it.
#include "fs/heads.h"

#include <stdatomic.h>
#include <utlist.h>

enum {
    IMPATIENT_MS = 10000,
    AHEAD_S_MAX = 60,         // how far such answers may be ahead of the clock
    QUOTA_WINDOW_MS = 300000, // of the Hub: after as long it surely answers again
};

struct question {
    struct repo_id repo;
    char revision[REVISION_SIZE];
};

struct ask {
    struct heads *heads;
    struct question question; // zeroed beyond its texts: the key
    struct waiter *waiters;
    hub_ticket ticket; // 0 until known
    uint64_t turn;     // tells this question from a later one of the same words
    unsigned era;      // how often heads had been expired when it was asked
    UT_hash_handle hh;
};

struct heads {
    struct hub *hub;
    struct tree_store *tree;
    struct locator *locator;
    int64_t poll_ms;
    atomic_uint era;        // how often they have been expired
    atomic_llong expired_s; // what was checked until then is too old
    atomic_llong latest_s;  // the latest check
    // How often in a row the Hub's rate limit has refused the question, and until when what is known is
    // good enough for that. Not every 429 says for how long.
    atomic_uint n_refused;
    atomic_llong refused_until_ms;
    struct lock lock;
    struct ask *asks GUARDED_BY(lock);
    uint64_t turn GUARDED_BY(lock);
};

enum err heads_new(struct hub *hub, struct tree_store *tree, struct locator *locator,
                   int64_t poll_ms, struct heads **out)
{
    struct heads *heads = calloc(1, sizeof(*heads));
    if (heads == NULL) {
        return ERR_NO_MEMORY;
    }
    heads->hub = hub;
    heads->tree = tree;
    heads->locator = locator;
    heads->poll_ms = poll_ms;
    atomic_init(&heads->era, 0);
    atomic_init(&heads->expired_s, -1);
    atomic_init(&heads->latest_s, -1);
    atomic_init(&heads->n_refused, 0);
    atomic_init(&heads->refused_until_ms, 0);
    lock_init(&heads->lock);
    *out = heads;
    return ERR_NONE;
}

void heads_free(struct heads *heads)
{
    if (heads != NULL) {
        lock_destroy(&heads->lock);
        free(heads);
    }
}

bool revision_is_commit(const char *revision)
{
    struct oid ignored;
    return strlen(revision) == OID_HEX_SIZE - 1 &&
           oid_from_hex(revision, OID_HEX_SIZE - 1, &ignored) == ERR_NONE;
}

void heads_expire(struct heads *heads)
{
    int64_t now_s = clock_wall_s();
    int64_t latest_s = atomic_load(&heads->latest_s);
    bool is_ahead = latest_s > now_s && latest_s - now_s <= AHEAD_S_MAX;
    atomic_store(&heads->expired_s, is_ahead ? latest_s : now_s);
    atomic_fetch_add(&heads->era, 1);
}

// When the answer to a question that was asked in this era was checked.
static int64_t check_time_s(struct heads *heads, unsigned era)
{
    int64_t now_s = clock_wall_s();
    int64_t expired_s = atomic_load(&heads->expired_s);
    bool is_near = expired_s >= now_s && expired_s - now_s < AHEAD_S_MAX;
    if (era != atomic_load(&heads->era)) {
        return expired_s < now_s ? expired_s : now_s;
    }
    int64_t checked_s = is_near ? expired_s + 1 : now_s;
    atomic_store(&heads->latest_s, checked_s);
    return checked_s;
}

// ------------------------------------------------------------------------------ the store

bool heads_still_count(const struct heads *heads, int64_t checked_at_s)
{
    return checked_at_s > atomic_load(&heads->expired_s);
}

static bool is_young(const struct heads *heads, const char *revision,
                     const struct tree_ref *ref)
{
    if (revision_is_commit(revision) || hub_is_offline(heads->hub)) {
        return true;
    }
    int64_t age_s = clock_wall_s() - ref->checked_at_s;
    bool is_past = heads_still_count(heads, ref->checked_at_s) && age_s >= -AHEAD_S_MAX;
    return is_past && (heads->poll_ms <= 0 || age_s * 1000 < heads->poll_ms ||
                       clock_now_ms() < atomic_load(&heads->refused_until_ms));
}

// What is stored of a revision. The default branch has two names, and what came in by one of them
// is all there is without the Hub.
static enum err recall(struct heads *heads, int64_t row, const char *revision,
                       struct tree_ref *out)
{
    enum err err = tree_store_get_ref(heads->tree, row, revision, out);
    bool is_main = strcmp(revision, DEFAULT_BRANCH) == 0;
    if (err == ERR_ABSENT && (is_main || revision[0] == '\0') &&
        hub_is_offline(heads->hub)) {
        err = tree_store_get_ref(heads->tree, row, is_main ? "" : DEFAULT_BRANCH, out);
    }
    return err;
}

enum err heads_peek(struct heads *heads, const struct repo_id *repo, const char *revision,
                    enum heads_age age, struct head *out)
{
    int64_t row = 0;
    struct tree_ref ref;
    enum err err = locator_find_row(heads->locator, repo, &row);
    if (err == ERR_NONE) {
        err = recall(heads, row, revision, &ref);
    }
    if (err != ERR_NONE) {
        return err;
    }
    if ((age == HEADS_POLLED && !is_young(heads, revision, &ref)) ||
        (age == HEADS_NOW && !hub_is_offline(heads->hub))) {
        return ERR_ABSENT;
    }
    int64_t now_s = clock_wall_s();
    *out = (struct head){.repo = *repo, .ref = ref};
    out->ref.checked_at_s = ref.checked_at_s < now_s ? ref.checked_at_s : now_s;
    if (ref.canonical[0] != '\0') {
        memcpy(out->repo.name, ref.canonical, sizeof(out->repo.name));
    }
    return ERR_NONE;
}

static enum err store_under(struct heads *heads, const struct repo_id *repo,
                            const char *revision, const struct tree_ref *ref)
{
    int64_t row = 0;
    enum err err = locator_row(heads->locator, repo, &row);
    return err == ERR_NONE ? tree_store_put_ref(heads->tree, row, revision, ref) : err;
}

enum err heads_note(struct heads *heads, const char *revision, const struct head *head)
{
    return store_under(heads, &head->repo, revision, &head->ref);
}

enum err heads_root(struct heads *heads, const struct head *head, struct head_root *out)
{
    struct head_root root;
    enum err err = locator_row(heads->locator, &head->repo, &root.row);
    if (err == ERR_NONE) {
        err = tree_store_root(heads->tree, root.row, &head->ref.sha, head->ref.date_s,
                              &root.ino);
    }
    if (err == ERR_NONE) {
        *out = root;
    }
    return err;
}

// ----------------------------------------------------------------------------- answering

static enum err store(struct ask *ask, const struct hub_repo_info *info, struct why *why)
{
    struct heads *heads = ask->heads;
    const struct question *question = &ask->question;
    if (info->disabled) {
        return why_set(why, ERR_ACCESS, "%s has been disabled on the Hub",
                       info->repo.name);
    }
    struct tree_ref ref = {
        .sha = info->sha,
        .checked_at_s = check_time_s(heads, ask->era),
        .date_s = info->modified_s,
        .gated = info->gate != HUB_GATE_NONE,
    };
    memcpy(ref.canonical, info->repo.name, sizeof(ref.canonical));
    enum err err = store_under(heads, &question->repo, question->revision, &ref);
    if (err == ERR_NONE && !repo_id_equal(&info->repo, &question->repo)) {
        err = store_under(heads, &info->repo, question->revision, &ref);
    }
    return err == ERR_NOT_FOUND ? ERR_SYSTEM : err; // of the store: not about the name
}

static void forget(struct ask *ask)
{
    int64_t row = 0;
    enum err err = locator_find_row(ask->heads->locator, &ask->question.repo, &row);
    if (err == ERR_NONE) {
        err = tree_store_drop_ref(ask->heads->tree, row, ask->question.revision);
    }
    if (err != ERR_NONE && err != ERR_ABSENT) {
        log_debug("fs", "a revision that is gone stays known: %s", err_name(err));
    }
}

static void finish(struct ask *ask, enum err err, const struct why *why)
{
    struct heads *heads = ask->heads;
    lock_acquire(&heads->lock);
    struct waiter *waiters = ask->waiters;
    HASH_DEL(heads->asks, ask);
    lock_release(&heads->lock);
    waiters_call(waiters, err, why);
    free(ask);
}

int64_t heads_backoff_ms(int64_t poll_ms, unsigned n_refused)
{
    for (unsigned i = 0; i < n_refused && poll_ms > 0 && poll_ms < QUOTA_WINDOW_MS; i++) {
        poll_ms *= 2;
    }
    return poll_ms;
}

static void note_quota(struct heads *heads, enum err err)
{
    if (err != ERR_QUOTA) {
        atomic_store(&heads->n_refused, 0);
        atomic_store(&heads->refused_until_ms, 0);
        return;
    }
    unsigned n = atomic_fetch_add(&heads->n_refused, 1) + 1;
    int64_t pause_ms = heads_backoff_ms(heads->poll_ms, n);
    atomic_store(&heads->refused_until_ms, clock_now_ms() + pause_ms);
}

static void on_info(void *ctx, enum err err, const struct why *why,
                    const struct hub_repo_info *info)
{
    struct ask *ask = ctx;
    struct why own = {""};
    note_quota(ask->heads, err);
    if (err == ERR_NONE) {
        err = store(ask, info, &own);
        why = &own;
    } else if (err == ERR_NOT_FOUND) {
        forget(ask);
    }
    finish(ask, err, why);
}

// -------------------------------------------------------------------------------- asking

static void send_question(struct ask *ask, const struct hub_call *call)
{
    struct heads *heads = ask->heads;
    struct question question = ask->question;
    uint64_t turn = ask->turn;
    struct hub_call how = *call;
    struct head known;
    bool is_known = heads_peek(heads, &question.repo, question.revision, HEADS_ANY,
                               &known) == ERR_NONE;
    int64_t impatient_ms = clock_now_ms() + IMPATIENT_MS;
    if (is_known && how.class == HUB_DEMAND &&
        (how.deadline_ms == 0 || how.deadline_ms > impatient_ms)) {
        how.deadline_ms = impatient_ms;
    }
    hub_ticket ticket =
        hub_repo_info(heads->hub, &how, &question.repo, question.revision, on_info, ask);
    lock_acquire(&heads->lock); // the answer may have come already: look again
    HASH_FIND(hh, heads->asks, &question, sizeof(question), ask);
    if (ask != NULL && ask->turn == turn) {
        ask->ticket = ticket;
    }
    lock_release(&heads->lock);
}

static struct ask *add(struct heads *heads, const struct question *question)
    REQUIRES(heads->lock)
{
    struct ask *ask = calloc(1, sizeof(*ask));
    if (ask != NULL) {
        ask->heads = heads;
        ask->question = *question;
        ask->turn = ++heads->turn;
        ask->era = atomic_load(&heads->era);
        HASH_ADD(hh, heads->asks, question, sizeof(*question), ask);
    }
    return ask;
}

void heads_ask(struct heads *heads, const struct repo_id *repo, const char *revision,
               const struct hub_call *call, waiter_fn done, void *ctx)
{
    struct waiter *waiter = waiter_new(done, ctx, NULL, 0);
    if (waiter == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    struct question question;
    memset(&question, 0, sizeof(question));
    question.repo.kind = repo->kind;
    snprintf(question.repo.name, sizeof(question.repo.name), "%s", repo->name);
    snprintf(question.revision, sizeof(question.revision), "%s", revision);
    struct hub_call how =
        *call; // it may be the waiter's, who may be called and gone soon
    struct ask *ask = NULL;
    struct ask *added = NULL;
    hub_ticket promoted = 0;
    lock_acquire(&heads->lock);
    HASH_FIND(hh, heads->asks, &question, sizeof(question), ask);
    if (ask == NULL) {
        ask = added = add(heads, &question);
    }
    if (ask != NULL) {
        promoted = ask->ticket;
        LL_APPEND(ask->waiters, waiter);
    }
    lock_release(&heads->lock);
    if (ask == NULL) {
        waiters_call(waiter, ERR_NO_MEMORY, NULL);
    } else if (added != NULL) {
        send_question(added, &how);
    } else if (promoted != 0 && how.class == HUB_DEMAND) {
        hub_promote(heads->hub, promoted, HUB_DEMAND);
    }
}
