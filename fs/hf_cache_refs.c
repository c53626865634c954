// SPDX-License-Identifier: Apache-2.0
// refs/ of the client's cache view. refs/REV is asked of the Hub at each lookup: the client has just
// been told by the Hub where the branch stands, and finding something else here it would try to
// write. The kernel keeps the name for as long as it takes the client to stat it and then read it,
// which is less than it takes anybody to be told something newer by the Hub.
//
// A revision with slashes in it lies in folders. Those of the Hub's special refs are always
// there; others when a known revision begins so.
#include "fs/hf_cache.h"

#include "fs/mount_parts.h"

#define REF_MOMENT_S 0.01
enum { REFS_NOTED_MAX = 1000 };

static const char *const always[] = {"refs", "refs/pr", "refs/convert", "refs/tags",
                                     "refs/heads"};

struct prefix_search {
    const char *prefix; // with its slash
    bool is_found;
};

static bool match_prefix(void *ctx, const char *revision, const struct tree_ref *ref)
{
    struct prefix_search *search = ctx;
    (void)ref;
    search->is_found |= strncmp(revision, search->prefix, strlen(search->prefix)) == 0;
    return !search->is_found;
}

static bool is_folder(struct mount *mount, const struct repo_id *repo,
                      const char *revision)
{
    char prefix[REVISION_SIZE + 1];
    int64_t row = 0;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        if (strcmp(revision, always[i]) == 0) {
            return true;
        }
    }
    snprintf(prefix, sizeof(prefix), "%s/", revision);
    struct prefix_search search = {.prefix = prefix};
    return locator_find_row(mount->locator, repo, &row) == ERR_NONE &&
           tree_store_refs(mount->tree, row, match_prefix, &search) == ERR_NONE &&
           search.is_found;
}

// The revision that a name in the folder stands for. False: none can be meant. A commit id is no
// ref, and what ends in ".tmp" is a client's attempt to write one.
static bool revision_of(const struct vnode *dir, const char *name, size_t len,
                        char out[REVISION_SIZE])
{
    struct oid ignored;
    int n = snprintf(out, REVISION_SIZE, "%s%.*s", dir->subject.text, (int)len, name);
    return n > 0 && n < REVISION_SIZE && revision_is_legal(out) &&
           !hf_cache_commit_name(name, len, "", &ignored) &&
           !(len > 4 && memcmp(name + len - 4, ".tmp", 4) == 0);
}

static enum err refs_peek(struct mount *mount, struct vnode *dir, const char *name,
                          size_t len, enum peek_mode mode, struct entry *out)
{
    struct vnode_subject subject = dir->subject;
    struct head head;
    char hex[OID_HEX_SIZE];
    char revision[REVISION_SIZE];
    if (!revision_of(dir, name, len, revision)) {
        return ERR_NOT_FOUND;
    }
    if (is_folder(mount, &dir->subject.repo, revision)) {
        int n = snprintf(subject.text, sizeof(subject.text), "%.*s/", REVISION_SIZE - 2,
                         revision);
        (void)n;
        return entry_of_folder(mount, dir->ino, name, len, &hf_cache_refs, &subject, out);
    }
    enum heads_age age = mode == PEEK_ASKED ? HEADS_ANY : HEADS_NOW;
    enum err err = heads_peek(mount->heads, &dir->subject.repo, revision, age, &head);
    if (err != ERR_NONE) {
        return err;
    }
    oid_to_hex(&head.ref.sha, hex);
    return entry_of_text(mount, dir, name, len, &vnode_file, hex, REF_MOMENT_S, out);
}

struct refs_ask {
    struct mount *mount;
    struct repo_id repo;
    struct hub_call call;
    waiter_fn done;
    void *ctx;
};

// Stores the refs that lie in folders, so that those folders are known. What is known of one already
// stays: nobody has asked for news of it.
static void on_refs(void *ctx, enum err err, const struct why *why,
                    const struct hub_ref *refs, size_t n)
{
    struct refs_ask *ask = ctx;
    size_t n_noted = 0;
    for (size_t i = 0; err == ERR_NONE && i < n && n_noted < REFS_NOTED_MAX; i++) {
        struct head head = {.repo = ask->repo, .ref = {.sha = refs[i].sha, .date_s = -1}};
        struct head known;
        if (refs[i].kind == HUB_REF_BRANCH && strchr(refs[i].name, '/') != NULL &&
            heads_peek(ask->mount->heads, &ask->repo, refs[i].name, HEADS_ANY, &known) ==
                ERR_ABSENT) {
            err = heads_note(ask->mount->heads, refs[i].name, &head);
            n_noted++;
        }
    }
    // The name itself was not there; as a folder it may be now.
    ask->done(ask->ctx, err, why);
    free(ask);
}

static void on_ref(void *ctx, enum err err, const struct why *why)
{
    struct refs_ask *ask = ctx;
    if (err != ERR_NOT_FOUND) {
        ask->done(ask->ctx, err, why);
        free(ask);
        return;
    }
    (void)hub_refs(ask->mount->hub, &ask->call, &ask->repo, false, on_refs, ask);
}

static void refs_ask(struct mount *mount, struct vnode *dir, const char *name, size_t len,
                     const struct hub_call *call, waiter_fn done, void *ctx)
{
    char revision[REVISION_SIZE];
    struct refs_ask *ask = calloc(1, sizeof(*ask));
    if (ask == NULL || !revision_of(dir, name, len, revision)) {
        done(ctx, ask == NULL ? ERR_NO_MEMORY : ERR_NOT_FOUND, NULL);
        free(ask);
        return;
    }
    *ask = (struct refs_ask){mount, dir->subject.repo, *call, done, ctx};
    heads_ask(mount->heads, &ask->repo, revision, call, on_ref, ask);
}

struct ref_list {
    const char *prefix;
    char (*names)[REVISION_SIZE]; // first components, each once
    bool *are_folders;
    size_t n;
};

static bool note_name(void *ctx, const char *revision, const struct oid *commit)
{
    struct ref_list *list = ctx;
    size_t prefix_len = strlen(list->prefix);
    struct oid ignored;
    (void)commit;
    if (strncmp(revision, list->prefix, prefix_len) != 0 ||
        hf_cache_commit_name(revision, strlen(revision), "", &ignored)) {
        return true;
    }
    const char *rest = revision + prefix_len;
    size_t len = strcspn(rest, "/");
    for (size_t i = 0; i < list->n; i++) {
        if (strlen(list->names[i]) == len && memcmp(list->names[i], rest, len) == 0) {
            return true;
        }
    }
    void *names = reallocarray(list->names, list->n + 1, sizeof(list->names[0]));
    if (names != NULL) {
        list->names = names;
    }
    bool *are_folders = reallocarray(list->are_folders, list->n + 1, sizeof(bool));
    if (are_folders != NULL) {
        list->are_folders = are_folders;
    }
    if (names == NULL || are_folders == NULL) {
        return false;
    }
    memcpy(list->names[list->n], rest, len);
    list->names[list->n][len] = '\0';
    list->are_folders[list->n++] = rest[len] == '/';
    return true;
}

static enum err refs_list(struct mount *mount, struct vnode *dir, uint64_t after,
                          vnode_visit_fn visit, void *ctx, bool *out_goes_on)
{
    struct ref_list list = {.prefix = dir->subject.text};
    *out_goes_on = false;
    enum err err = hf_cache_commits(mount, &dir->subject.repo, note_name, &list);
    bool goes_on = err == ERR_NONE;
    for (uint64_t i = after; goes_on && i < list.n; i++) {
        goes_on =
            visit(ctx, i + 1, list.names[i], list.are_folders[i] ? S_IFDIR : S_IFREG);
    }
    free(list.names);
    free(list.are_folders);
    return err;
}

const struct vnode_type hf_cache_refs = {
    .name = "refs",
    .mode = S_IFDIR | 0555,
    .peek = refs_peek,
    .ask = refs_ask,
    .list = refs_list,
    .changed_s = vnode_changed_now,
};
