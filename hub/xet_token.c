// SPDX-License-Identifier: Apache-2.0
// The table of Xet tokens.
//
// An entry is WANTED (a call of ours fetches it, other calls wait in its list) or HELD (it
// has a token). The fetch is a call like any other, except that nobody outside knows its
// ticket: its answer is parsed on the pool and comes back as a note. Its deadline is its own;
// each waiting call keeps to the deadline it has.
//
// (1) A waiting call is in exactly one list, and call->waits_for names it.
// (2) An entry with waiters has a fetch under way.
// (3) When a token ends is counted on the monotonic clock from the moment it came, corrected
//     by the server's Date: a wrong or jumping wall clock here changes nothing.
#include "hub/xet_token.h"

#include "hub/hub_state.h"
#include "hub/write_refusal.h"

#include <stdio.h>
#include <string.h>

enum { LIFE_MAX_S = 24 * 3600 };

struct xet_token {
    char *key;   // "datasets/OWNER/NAME@SHA"; write tokens: "+OWNER/NAME@REVISION"
    char *token; // NULL = not held
    char *cas_url;
    int64_t renew_ms; // monotonic: not handed out any more from here on
    hub_ticket fetch; // 0 = none under way
    struct call *waiters;
    UT_hash_handle hh;
};

struct xet_tokens {
    struct xet_token *entries; // in order: least recently used first
};

struct token_note { // what a fetch has brought, on its way back to the network thread
    struct note note;
    char *key;
    enum err err;
    struct why why;
    struct xet_token_answer answer;
    int64_t clock_offset_s;
};

struct token_call {
    struct call call;
    struct token_note *news; // made beforehand: the way back must not fail
    bool can_write;
};

// -------------------------------------------------------------------------------- table

// What a token is for.
struct scope {
    const struct repo_id *repo;
    const char *revision;
    bool can_write;
};

static struct scope read_scope(const struct hub_source *source, char sha[OID_HEX_SIZE])
{
    oid_to_hex(&source->sha, sha);
    return (struct scope){.repo = &source->repo, .revision = sha};
}

static struct scope write_scope(const struct call *call)
{
    return (struct scope){&call->subject.repo, call->subject.revision, true};
}

static bool is_write_token(const struct xet_token *entry)
{
    return entry->key[0] == '+'; // no repository's name begins so
}

static char *make_key(const struct scope *scope)
{
    char repo[REPO_NAME_SIZE + 16];
    char *key = NULL;
    const char *mark = scope->can_write ? "+" : "";
    repo_id_format(scope->repo, repo, sizeof(repo));
    return asprintf(&key, "%s%s@%s", mark, repo, scope->revision) >= 0 ? key : NULL;
}

static void clear_token(struct xet_token *entry)
{
    if (entry->token != NULL) {
        explicit_bzero(entry->token, strlen(entry->token));
    }
    free(entry->token);
    free(entry->cas_url);
    entry->token = NULL;
    entry->cas_url = NULL;
}

static void drop(struct xet_tokens *tokens, struct xet_token *entry)
{
    HASH_DEL(tokens->entries, entry);
    clear_token(entry);
    free(entry->key);
    free(entry);
}

static struct xet_token *find(struct xet_tokens *tokens, const char *key)
{
    struct xet_token *entry = NULL;
    HASH_FIND_STR(tokens->entries, key, entry);
    return entry;
}

static void drop_oldest(struct xet_tokens *tokens)
{
    struct xet_token *entry = NULL;
    struct xet_token *next = NULL;
    HASH_ITER (hh, tokens->entries, entry, next) {
        if (entry->fetch == 0 && entry->waiters == NULL) {
            drop(tokens, entry);
            return;
        }
    }
}

static struct xet_token *find_or_add(struct xet_tokens *tokens, const struct scope *scope)
{
    char *key = make_key(scope);
    struct xet_token *entry = key != NULL ? find(tokens, key) : NULL;
    if (entry != NULL) { // last in the order: most recently used
        HASH_DEL(tokens->entries, entry);
        HASH_ADD_KEYPTR(hh, tokens->entries, entry->key, strlen(entry->key), entry);
        free(key);
        return entry;
    }
    entry = key != NULL ? calloc(1, sizeof(*entry)) : NULL;
    if (entry == NULL) {
        free(key);
        return NULL;
    }
    if (HASH_COUNT(tokens->entries) >= XET_TOKENS_MAX) {
        drop_oldest(tokens);
    }
    entry->key = key;
    HASH_ADD_KEYPTR(hh, tokens->entries, entry->key, strlen(entry->key), entry);
    return entry;
}

enum err xet_tokens_new(struct xet_tokens **out)
{
    struct xet_tokens *tokens = calloc(1, sizeof(*tokens));
    if (tokens == NULL) {
        return ERR_NO_MEMORY;
    }
    *out = tokens;
    return ERR_NONE;
}

void xet_tokens_free(struct xet_tokens *tokens)
{
    while (tokens != NULL && tokens->entries != NULL) {
        drop(tokens, tokens->entries);
    }
    free(tokens);
}

// ------------------------------------------------------------------------------ waiters

static void wake_waiters(struct xet_token *entry, enum err err, const struct why *why)
{
    // Taken off first: a woken call may ask again, or end others. Where the first one finds that the
    // Hub token has changed, all who want one wait for the next.
    while (entry->waiters != NULL && entry->fetch == 0) {
        struct call *call = entry->waiters;
        entry->waiters = call->next_waiter;
        call->next_waiter = NULL;
        call->waits_for = NULL;
        call->request.state = REQUEST_IDLE;
        call->type->resumed(call, err, why);
    }
    for (struct call *left = entry->waiters; left != NULL; left = left->next_waiter) {
        xet_tokens_promote_for(left, left->class);
    }
}

void xet_tokens_forget_waiter(struct call *call)
{
    if (call->waits_for == NULL) {
        return;
    }
    struct call **link = &call->waits_for->waiters;
    while (*link != call) {
        link = &(*link)->next_waiter;
    }
    *link = call->next_waiter;
    call->next_waiter = NULL;
    call->waits_for = NULL;
}

void xet_tokens_promote_for(struct call *call, enum hub_class class)
{
    if (call->waits_for == NULL) {
        return;
    }
    struct call *fetch = call_find(call->hub, call->waits_for->fetch);
    if (fetch != NULL) {
        request_promote(fetch, class);
    }
}

static void forget(struct xet_tokens *tokens, const struct scope *scope)
{
    AUTO_FREE char *key = make_key(scope);
    struct xet_token *entry = key != NULL ? find(tokens, key) : NULL;
    if (entry != NULL) {
        clear_token(entry);
    }
}

void xet_tokens_forget(struct xet_tokens *tokens, const struct hub_source *source)
{
    char sha[OID_HEX_SIZE];
    struct scope scope = read_scope(source, sha);
    forget(tokens, &scope);
}

void xet_tokens_forget_write(struct call *call)
{
    struct scope scope = write_scope(call);
    forget(call->hub->xet_tokens, &scope);
}

void xet_tokens_forget_all(struct xet_tokens *tokens, bool writes_only)
{
    for (struct xet_token *entry = tokens->entries; entry != NULL;
         entry = entry->hh.next) {
        if (!writes_only || is_write_token(entry)) {
            clear_token(entry);
        }
    }
}

// -------------------------------------------------------------------------------- fetch

static void run_token_note(struct hub *hub, struct note *note)
{
    struct token_note *news = (void *)note;
    struct xet_token *entry = find(hub->xet_tokens, news->key);
    if (entry != NULL) {
        entry->fetch = 0;
        if (news->err == ERR_NONE) {
            int64_t now_s = clock_wall_s() + news->clock_offset_s;
            int64_t life_s = (int64_t)news->answer.expires_s - now_s;
            life_s = life_s < LIFE_MAX_S ? life_s : LIFE_MAX_S;
            clear_token(entry);
            entry->token = STEAL_POINTER(news->answer.token);
            entry->cas_url = STEAL_POINTER(news->answer.cas_url);
            // Those who wait get it even if it is to be renewed at once.
            entry->renew_ms = DEADLINE_NONE;
            wake_waiters(entry, ERR_NONE, NULL);
            entry->renew_ms = clock_now_ms() + (life_s - XET_TOKEN_MARGIN_S) * 1000;
        } else {
            wake_waiters(entry, news->err, &news->why);
        }
    }
    xet_token_answer_release(&news->answer);
    free(news->key);
    free(news);
}

static void begin_token(struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    bool can_write = ((struct token_call *)(void *)call)->can_write;
    if (call_begin_api_url(call, &url) != ERR_NONE ||
        buffer_printf(&url, "/xet-%s-token/", can_write ? "write" : "read") != ERR_NONE ||
        url_append_segment(&url, call->subject.revision) != ERR_NONE) {
        call_finish(call, ERR_NO_MEMORY, NULL);
        return;
    }
    call_send_api(call, &url, QUOTA_API, JSON_BODY_MAX);
}

static enum err parse_token(struct call *call, struct why *why)
{
    struct token_call *fetch = (void *)call;
    return xet_token_parse(call->request.body.bytes, call->request.body.len,
                           &call->hub->policy, why, &fetch->news->answer);
}

static void deliver_token(struct call *call)
{
    struct token_note *news = STEAL_POINTER(((struct token_call *)(void *)call)->news);
    news->note.run = run_token_note;
    news->err = call->err;
    news->why = call->why;
    news->clock_offset_s = call->request.answer.clock_offset_s;
    hub_post_note(call->hub, &news->note);
}

static void release_token(struct call *call)
{
    struct token_call *fetch = (void *)call;
    if (fetch->news != NULL) {
        free(fetch->news->key);
        free(fetch->news);
    }
}

// A 404 that does not say what is missing: it is the route.
static enum err explain_token_refusal(const struct call *call, const char *message,
                                      struct why *why)
{
    const struct http_answer *answer = &call->request.answer;
    if (!((const struct token_call *)(const void *)call)->can_write) {
        return ERR_NONE;
    }
    if (answer->status != 404 || answer->error_code[0] != '\0') {
        return write_refusal(call, message, why);
    }
    return why_set(why, ERR_UNSUPPORTED,
                   "the Hub gives no Xet write tokens: files can't be uploaded to it");
}

static const struct call_type token_type = {
    .what = "xet_token",
    .begin = begin_token,
    .ended = call_finish_with_request,
    .refused = explain_token_refusal,
    .parse = parse_token,
    .deliver = deliver_token,
    .release = release_token,
};

static enum err start_fetch(struct call *waiter, struct xet_token *entry,
                            const struct scope *scope)
{
    struct hub *hub = waiter->hub;
    struct hub_call options = {.class = waiter->class, .reason = waiter->reason};
    struct token_call *fetch =
        call_new(hub, &token_type, sizeof(*fetch), &options, scope->repo);
    if (fetch == NULL) {
        return ERR_NO_MEMORY;
    }
    fetch->news = calloc(1, sizeof(*fetch->news));
    if (fetch->news == NULL || (fetch->news->key = strdup(entry->key)) == NULL ||
        call_set_subject(&fetch->call, scope->revision, NULL) != ERR_NONE) {
        call_discard(&fetch->call);
        return ERR_NO_MEMORY;
    }
    fetch->can_write = scope->can_write;
    // Its failure comes by a note, never before this function has returned.
    fetch->call.ticket = atomic_fetch_add(&hub->next_ticket, 1);
    entry->fetch = fetch->call.ticket;
    call_start(&fetch->call);
    return ERR_NONE;
}

static enum err want(struct call *call, const struct scope *scope, char **out_token,
                     char **out_cas_url)
{
    struct xet_token *entry = find_or_add(call->hub->xet_tokens, scope);
    if (entry == NULL) {
        return ERR_NO_MEMORY;
    }
    if (entry->token != NULL && clock_now_ms() < entry->renew_ms) {
        char *token = strdup(entry->token);
        char *cas_url = strdup(entry->cas_url);
        if (token == NULL || cas_url == NULL) {
            free(token);
            free(cas_url);
            return ERR_NO_MEMORY;
        }
        *out_token = token;
        *out_cas_url = cas_url;
        return ERR_NONE;
    }
    call->waits_for = entry;
    call->next_waiter = entry->waiters;
    entry->waiters = call;
    if (entry->fetch != 0) {
        xet_tokens_promote_for(call, call->class);
    } else if (start_fetch(call, entry, scope) != ERR_NONE) {
        xet_tokens_forget_waiter(call);
        return ERR_NO_MEMORY;
    }
    request_park(call);
    return ERR_PARKED;
}

enum err xet_tokens_want(struct call *call, const struct hub_source *source,
                         char **out_token, char **out_cas_url)
{
    char sha[OID_HEX_SIZE];
    struct scope scope = read_scope(source, sha);
    return want(call, &scope, out_token, out_cas_url);
}

enum err xet_tokens_want_write(struct call *call, char **out_token, char **out_cas_url)
{
    struct scope scope = write_scope(call);
    return want(call, &scope, out_token, out_cas_url);
}
