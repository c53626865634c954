// SPDX-License-Identifier: Apache-2.0
// Status and history of a repository. A history is asked for by the commit's id, so what the Hub
// answers can be kept for ever: a line a commit, its fields with tabs between them. Refs are
// repo_refs.c's.
#include "fs/repo_facts.h"

#include "fs/mount_parts.h"
#include "fs/render.h"

#include <inttypes.h>

enum {
    KEY_SIZE = 96,
    LOG_BYTES_MAX =
        54 << 10, // so that the text, with its longer dates, has 64 KiB at most
    TITLE_BYTES_MAX = 160,
    AUTHOR_BYTES_MAX = 48,
};

// ------------------------------------------------------------------------------- status

// Of the root of a mount of one repository.
static void get_mounted(struct mount *mount, struct repo_status *out)
{
    struct snapshot_view view;
    snapshot_current(mount->snapshot, &view);
    snprintf(out->revision, sizeof(out->revision), "%s",
             mount->options->address.revision);
    out->commit = view.commit;
    out->commit_date_s = view.date_s;
    out->follows_branch = !mount->is_commit;
    if (mount_is_serving(mount)) {
        refresher_status(mount->refresher, &out->head_checked_s, &out->refresh_error,
                         &out->repo);
        return;
    }
    // Requests come before there is a refresher.
    struct head head;
    if (heads_peek(mount->heads, &out->repo, out->revision, HEADS_ANY, &head) ==
        ERR_NONE) {
        out->head_checked_s = head.ref.checked_at_s;
    }
}

// Of a root that hangs in a virtual folder.
static enum err get_placed(struct mount *mount, uint64_t dir,
                           const struct tree_node *node, struct repo_status *out)
{
    struct place place;
    struct head head;
    if (!places_get(mount->places, dir, &place)) {
        return ERR_STALE;
    }
    memcpy(out->revision, place.revision, sizeof(out->revision));
    out->commit = node->oid; // a root's
    out->follows_branch = !revision_is_commit(place.revision);
    if (heads_peek(mount->heads, &out->repo, place.revision, HEADS_ANY, &head) ==
        ERR_NONE) {
        out->head_checked_s = head.ref.checked_at_s;
        out->commit_date_s =
            oid_equal(&head.ref.sha, &out->commit) ? head.ref.date_s : -1;
    }
    return ERR_NONE;
}

enum err repo_status_get(struct mount *mount, uint64_t dir, struct repo_status *out)
{
    struct tree_node node;
    struct repo_status status = {.commit_date_s = -1, .head_checked_s = -1};
    enum err err = mount_node(mount, dir, &node);
    if (err == ERR_NONE) {
        err = locator_repo(mount->locator, node.repo, &status.repo);
    }
    if (err != ERR_NONE) {
        return err;
    }
    if (dir == INO_ROOT) {
        get_mounted(mount, &status);
    } else {
        err = get_placed(mount, dir, &node, &status);
    }
    status.offline = hub_is_offline(mount->hub);
    if (err == ERR_NONE) {
        err = tree_store_totals(mount->tree, node.repo, &status.entries_known,
                                &status.bytes_known);
    }
    if (err == ERR_NONE) {
        *out = status;
    }
    return err;
}

// ------------------------------------------------------------------------------ the memo

// Appends a field that is one: no line end, no tab, not too long.
static enum err append_field(struct buffer *out, const char *text, size_t max)
{
    size_t len = strlen(text);
    size_t kept = 0;
    while (kept < len) {
        size_t step = utf8_character_len(text + kept, len - kept);
        step = step > 0 ? step : 1;
        if (kept + step > max) {
            break;
        }
        kept += step;
    }
    size_t before = out->len;
    enum err err = buffer_append(out, text, kept);
    for (size_t i = before; i < out->len; i++) {
        out->bytes[i] = out->bytes[i] < 0x20 ? ' ' : out->bytes[i];
    }
    return err == ERR_NONE && kept < len ? buffer_append_text(out, "...") : err;
}

static enum err append_commit(struct buffer *out, const struct repo_commit *commit)
{
    char hex[OID_HEX_SIZE];
    oid_to_hex(&commit->id, hex);
    enum err err = buffer_printf(out, "%s\t%" PRId64 "\t", hex, commit->date_s);
    err = err ? err : append_field(out, commit->author, AUTHOR_BYTES_MAX);
    err = err ? err : buffer_append_text(out, "\t");
    err = err ? err : append_field(out, commit->title, TITLE_BYTES_MAX);
    return err ? err : buffer_append_text(out, "\n");
}

enum err repo_log_pack(const struct repo_commit *commits, size_t n, struct buffer *out)
{
    n = n < REPO_LOG_COMMITS_MAX ? n : REPO_LOG_COMMITS_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t before = out->len;
        enum err err = append_commit(out, &commits[i]);
        if (err != ERR_NONE) {
            out->len = before; // of a line that was begun
            return err == ERR_TOO_LARGE ? ERR_NONE : err;
        }
    }
    return ERR_NONE;
}

// Cuts what ends with `end` off *text; NULL: there is no such end.
static char *take_field(char **text, char end)
{
    char *field = *text;
    char *at = strchr(field, end);
    if (at != NULL) {
        *at = '\0';
        *text = at + 1;
    }
    return at != NULL ? field : NULL;
}

static enum err take_commit(char **text, struct repo_commit *out)
{
    const char *id = take_field(text, '\t');
    const char *date = id != NULL ? take_field(text, '\t') : NULL;
    out->author = date != NULL ? take_field(text, '\t') : NULL;
    out->title = out->author != NULL ? take_field(text, '\n') : NULL;
    if (out->title == NULL) {
        return ERR_MALFORMED;
    }
    char *end = NULL;
    out->date_s = strtoll(date, &end, 10);
    return *date == '\0' || *end != '\0' ? ERR_MALFORMED
                                         : oid_from_hex(id, strlen(id), &out->id);
}

enum err repo_log_unpack(char *text, struct repo_commit **out_commits, size_t *out_n)
{
    AUTO_FREE struct repo_commit *commits =
        calloc(REPO_LOG_COMMITS_MAX, sizeof(*commits));
    size_t n = 0;
    enum err err = commits != NULL ? ERR_NONE : ERR_NO_MEMORY;
    while (err == ERR_NONE && *text != '\0') {
        err =
            n < REPO_LOG_COMMITS_MAX ? take_commit(&text, &commits[n++]) : ERR_MALFORMED;
    }
    if (err == ERR_NONE) {
        *out_commits = STEAL_POINTER(commits);
        *out_n = n;
    }
    return err;
}

// ------------------------------------------------------------------------------- history

static void log_key(int64_t row, const struct oid *commit, char out[KEY_SIZE])
{
    char hex[OID_HEX_SIZE];
    oid_to_hex(commit, hex);
    snprintf(out, KEY_SIZE, "log %" PRId64 " %s", row, hex);
}

enum err repo_log_peek(struct mount *mount, const struct hidden_about *about,
                       enum render_format format, struct buffer *out)
{
    AUTO(buffer) struct buffer memo = buffer_init(TREE_MEMO_MAX);
    AUTO_FREE struct repo_commit *commits = NULL;
    struct repo_log log = {.repo = about->repo, .commit = about->commit};
    char key[KEY_SIZE];
    int64_t at_s = 0;
    log_key(about->row, &about->commit, key);
    enum err err = tree_store_get_memo(mount->tree, key, &memo, &at_s);
    if (err == ERR_NONE && memo.len == 0) {
        return ERR_ABSENT; // a commit has at least itself
    }
    if (err == ERR_NONE) {
        (void)buffer_text(&memo); // ends it with a NUL
        err = repo_log_unpack((char *)memo.bytes, &commits, &log.n);
        err = err == ERR_MALFORMED ? ERR_ABSENT : err; // of a damaged file: ask again
    }
    log.commits = commits;
    return err == ERR_NONE ? render_repo_log(&log, format, out) : err;
}

struct log_ask {
    struct mount *mount;
    struct hidden_about about;
    waiter_fn done;
    void *ctx;
};

static enum err keep_log(struct log_ask *ask, const struct hub_commit *told, size_t n)
{
    AUTO(buffer) struct buffer memo = buffer_init(LOG_BYTES_MAX);
    AUTO_FREE struct repo_commit *commits = calloc(n > 0 ? n : 1, sizeof(*commits));
    char key[KEY_SIZE];
    if (commits == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        commits[i] = (struct repo_commit){told[i].sha, told[i].date_s, told[i].author,
                                          told[i].title};
    }
    log_key(ask->about.row, &ask->about.commit, key);
    enum err err = repo_log_pack(commits, n, &memo);
    return err == ERR_NONE ? tree_store_put_memo(ask->mount->tree, key, memo.bytes,
                                                 memo.len, clock_wall_s())
                           : err;
}

static void on_commits(void *ctx, enum err err, const struct why *why,
                       const struct hub_commit *commits, size_t n)
{
    struct log_ask *ask = ctx;
    struct why own = {""};
    if (err == ERR_NONE && n == 0) {
        err = why_set(&own, ERR_BAD_ANSWER, "the Hub tells no history of this commit");
        why = &own;
    }
    if (err == ERR_NONE) {
        err = keep_log(ask, commits, n);
        why = NULL;
    }
    ask->done(ask->ctx, err, why);
    free(ask);
}

void repo_log_ask(struct mount *mount, const struct hidden_about *about,
                  const struct hub_call *call, waiter_fn done, void *ctx)
{
    char hex[OID_HEX_SIZE];
    struct log_ask *ask = calloc(1, sizeof(*ask));
    if (ask == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    *ask = (struct log_ask){mount, *about, done, ctx};
    oid_to_hex(&about->commit, hex);
    (void)hub_commits(mount->hub, call, &about->repo, hex, REPO_LOG_COMMITS_MAX,
                      on_commits, ask);
}
