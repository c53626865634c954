// SPDX-License-Identifier: Apache-2.0
// The refs of a repository: one memo, a line a ref. A busy repository has thousands of pull
// requests; where they don't fit the oldest are left out.
#include "fs/mount_parts.h"
#include "fs/repo_facts.h"

#include <inttypes.h>

enum { KEY_SIZE = 64 };

static const char kind_letters[] = {
    [HUB_REF_BRANCH] = 'b',
    [HUB_REF_TAG] = 't',
    [HUB_REF_CONVERT] = 'c',
    [HUB_REF_PULL] = 'p',
};
enum { N_KINDS = sizeof(kind_letters) };

static const char pull_prefix[] = "refs/pr/";

bool repo_ref_revision(const struct repo_ref *ref, char out[REVISION_SIZE])
{
    int n = snprintf(out, REVISION_SIZE, "%s%s",
                     ref->kind == HUB_REF_CONVERT ? "refs/convert/" : "", ref->name);
    return n >= 0 && n < REVISION_SIZE;
}

// ------------------------------------------------------------------------------ the memo

static unsigned long long pull_number(const struct repo_ref *ref)
{
    size_t len = strlen(pull_prefix);
    return strncmp(ref->name, pull_prefix, len) == 0 ? strtoull(ref->name + len, NULL, 10)
                                                     : 0;
}

static int compare(const void *a, const void *b)
{
    const struct repo_ref *left = a;
    const struct repo_ref *right = b;
    if (left->kind != right->kind) {
        return left->kind < right->kind ? -1 : 1;
    }
    if (left->kind == HUB_REF_PULL && pull_number(left) != pull_number(right)) {
        return pull_number(left) > pull_number(right) ? -1 : 1;
    }
    return strcmp(left->name, right->name);
}

enum err repo_refs_pack(struct repo_ref *refs, size_t n, struct buffer *out,
                        size_t *out_left_out)
{
    enum err err = ERR_NONE;
    size_t packed = 0;
    if (n > 0) {
        qsort(refs, n, sizeof(*refs), compare);
    }
    for (; err == ERR_NONE && packed < n; packed += err == ERR_NONE) {
        char hex[OID_HEX_SIZE];
        oid_to_hex(&refs[packed].sha, hex);
        err = buffer_printf(out, "%c\t%s\t%s\n", kind_letters[refs[packed].kind], hex,
                            refs[packed].name);
    }
    *out_left_out = n - packed;
    return err == ERR_TOO_LARGE ? ERR_NONE : err;
}

static enum err take_ref(char **text, struct repo_ref *out)
{
    char *line = *text;
    char *end = strchr(line, '\n');
    const char *kind = *line != '\0' ? memchr(kind_letters, *line, N_KINDS) : NULL;
    size_t name_at = 2 + OID_HEX_SIZE; // behind kind, tab, id, tab
    if (end == NULL || kind == NULL || (size_t)(end - line) < name_at ||
        line[1] != '\t' || line[name_at - 1] != '\t') {
        return ERR_MALFORMED;
    }
    *end = '\0';
    *text = end + 1;
    out->kind = (enum hub_ref_kind)(kind - kind_letters);
    out->name = line + name_at;
    return revision_is_legal(out->name)
               ? oid_from_hex(line + 2, OID_HEX_SIZE - 1, &out->sha)
               : ERR_MALFORMED;
}

enum err repo_refs_unpack(char *text, repo_refs_fn visit, void *ctx)
{
    bool goes_on = true;
    while (goes_on && *text != '\0') {
        struct repo_ref ref;
        enum err err = take_ref(&text, &ref);
        if (err != ERR_NONE) {
            return err;
        }
        goes_on = visit(ctx, &ref);
    }
    return ERR_NONE;
}

// ------------------------------------------------------------------------------- looking

static enum err get_memo(struct mount *mount, int64_t row, struct buffer *out,
                         int64_t *out_at_s)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof(key), "refs %" PRId64, row);
    return tree_store_get_memo(mount->tree, key, out, out_at_s);
}

static bool is_young(struct mount *mount, int64_t at_s)
{
    int64_t age_s = clock_wall_s() - at_s;
    int64_t poll_ms = mount->options->poll_ms;
    return poll_ms <= 0 || (age_s >= 0 && age_s * 1000 < poll_ms) ||
           hub_is_offline(mount->hub);
}

enum err repo_refs_visit(struct mount *mount, int64_t row, bool any_age,
                         repo_refs_fn visit, void *ctx)
{
    AUTO(buffer) struct buffer memo = buffer_init(TREE_MEMO_MAX);
    int64_t at_s = 0;
    enum err err = get_memo(mount, row, &memo, &at_s);
    if (err != ERR_NONE) {
        return err;
    }
    if (!any_age && !is_young(mount, at_s)) {
        return ERR_ABSENT;
    }
    if (memo.len == 0) {
        return ERR_NONE; // a repository without any commit
    }
    (void)buffer_text(&memo); // ends it with a NUL
    err = repo_refs_unpack((char *)memo.bytes, visit, ctx);
    return err == ERR_MALFORMED ? ERR_ABSENT : err; // of a damaged file: ask again
}

enum err repo_refs_told_s(struct mount *mount, int64_t row, int64_t *out)
{
    AUTO(buffer) struct buffer memo = buffer_init(TREE_MEMO_MAX);
    return get_memo(mount, row, &memo, out);
}

// -------------------------------------------------------------------------------- asking

struct refs_ask {
    struct mount *mount;
    int64_t row;
    waiter_fn done;
    void *ctx;
};

static enum err keep(struct refs_ask *ask, const struct hub_ref *told, size_t n)
{
    AUTO(buffer) struct buffer memo = buffer_init(TREE_MEMO_MAX);
    AUTO_FREE struct repo_ref *refs = calloc(n > 0 ? n : 1, sizeof(*refs));
    char key[KEY_SIZE];
    size_t left_out = 0;
    if (refs == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        refs[i] = (struct repo_ref){told[i].kind, told[i].name, told[i].sha};
    }
    enum err err = repo_refs_pack(refs, n, &memo, &left_out);
    if (left_out > 0) {
        log_info("fs", "a repository has more revisions than are shown: left out=%zu",
                 left_out);
    }
    snprintf(key, sizeof(key), "refs %" PRId64, ask->row);
    return err == ERR_NONE ? tree_store_put_memo(ask->mount->tree, key, memo.bytes,
                                                 memo.len, clock_wall_s())
                           : err;
}

static void on_refs(void *ctx, enum err err, const struct why *why,
                    const struct hub_ref *refs, size_t n)
{
    struct refs_ask *ask = ctx;
    if (err == ERR_NONE) {
        err = keep(ask, refs, n);
        why = NULL;
    }
    ask->done(ask->ctx, err, why);
    free(ask);
}

void repo_refs_ask(struct mount *mount, const struct repo_id *repo, int64_t row,
                   const struct hub_call *call, waiter_fn done, void *ctx)
{
    struct refs_ask *ask = calloc(1, sizeof(*ask));
    if (ask == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    *ask = (struct refs_ask){mount, row, done, ctx};
    (void)hub_refs(mount->hub, call, repo, true, on_refs, ask);
}
