// SPDX-License-Identifier: Apache-2.0
// The client's cache layout: its root, and the folder of a repository. (huggingface_hub
// file_download.py: repo_folder_name, and the Hub's documentation of the cache.)
//
// Plain files in snapshots/ instead of symlinks into blobs/: the client takes them for what it does
// itself where symlinks can't be made, tests nothing but that they exist, and counts them right when
// it scans. A folder of a repository is there under any legal name, without a question to the Hub:
// what matters is below it. Listed are repositories with something in snapshots/ only, because the
// client takes an empty one for damage.
#include "fs/hf_cache.h"

#include "fs/mount_parts.h"

static const struct vnode_type hf_cache_locks;

const struct vnode_type hf_cache_empty = {.name = "empty", .mode = S_IFDIR | 0555};

// ---------------------------------------------------------------------- names of folders

// "models--OWNER--NAME" or "models--NAME". An id has no "--" in it, so this is unambiguous.
static bool parse_folder(const char *name, size_t len, struct repo_id *out)
{
    for (enum repo_kind kind = REPO_MODEL; kind <= REPO_SPACE; kind++) {
        const char *plural = repo_kind_plural(kind);
        size_t plural_len = strlen(plural);
        if (len < plural_len + 3 || memcmp(name, plural, plural_len) != 0 ||
            memcmp(name + plural_len, "--", 2) != 0) {
            continue;
        }
        const char *id = name + plural_len + 2;
        size_t id_len = len - plural_len - 2;
        const char *dashes = memmem(id, id_len, "--", 2);
        size_t owner_len = dashes != NULL ? (size_t)(dashes - id) : 0;
        struct repo_id repo = {.kind = kind};
        int n = dashes != NULL
                    ? snprintf(repo.name, sizeof(repo.name), "%.*s/%.*s", (int)owner_len,
                               id, (int)(id_len - owner_len - 2), dashes + 2)
                    : snprintf(repo.name, sizeof(repo.name), "%.*s", (int)id_len, id);
        if (n < 0 || (size_t)n >= sizeof(repo.name) || !repo_name_is_legal(repo.name)) {
            return false;
        }
        *out = repo;
        return true;
    }
    return false;
}

static void format_folder(const struct repo_id *repo, char out[NAME_BYTES_MAX + 1])
{
    const char *slash = strchr(repo->name, '/');
    if (slash == NULL) {
        snprintf(out, NAME_BYTES_MAX + 1, "%s--%s", repo_kind_plural(repo->kind),
                 repo->name);
    } else {
        snprintf(out, NAME_BYTES_MAX + 1, "%s--%.*s--%s", repo_kind_plural(repo->kind),
                 (int)(slash - repo->name), repo->name, slash + 1);
    }
}

bool hf_cache_commit_name(const char *name, size_t len, const char *ending,
                          struct oid *out)
{
    size_t hex_len = OID_HEX_SIZE - 1;
    return len == hex_len + strlen(ending) &&
           memcmp(name + hex_len, ending, strlen(ending)) == 0 &&
           oid_from_hex(name, hex_len, out) == ERR_NONE;
}

// -------------------------------------------------------------------------------- the root

static const char cachedir_tag[] =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is shown by hugfs, a file system: nothing is stored in it.\n";

static enum err root_peek(struct mount *mount, struct vnode *dir, const char *name,
                          size_t len, enum peek_mode mode, struct entry *out)
{
    struct vnode_subject subject = {.number = 0};
    (void)mode;
    if (vnode_is_named(name, len, "CACHEDIR.TAG")) {
        return entry_of_text(mount, dir, name, len, &vnode_file, cachedir_tag,
                             ENTRY_FOREVER_S, out);
    }
    if (vnode_is_named(name, len, ".locks")) {
        return entry_of_folder(mount, dir->ino, name, len, &hf_cache_locks, NULL, out);
    }
    if (!parse_folder(name, len, &subject.repo)) {
        return ERR_NOT_FOUND;
    }
    return entry_of_folder(mount, dir->ino, name, len, &hf_cache_repo, &subject, out);
}

struct root_list {
    struct mount *mount;
    struct repo_id *repos;
    size_t n;
    enum err err;
};

static bool note_repo(void *ctx, int64_t row, const struct repo_id *repo)
{
    struct root_list *list = ctx;
    (void)row;
    struct repo_id *grown = reallocarray(list->repos, list->n + 1, sizeof(*grown));
    if (grown == NULL) {
        list->err = ERR_NO_MEMORY;
        return false;
    }
    list->repos = grown;
    list->repos[list->n++] = *repo;
    return true;
}

static bool stop_at_first(void *ctx, const char *revision, const struct oid *commit)
{
    (void)revision;
    (void)commit;
    *(bool *)ctx = true;
    return false;
}

static enum err note_repos(struct mount *mount, struct root_list *list)
{
    char fingerprint[TREE_FINGERPRINT_SIZE];
    hub_token_fingerprint(mount->hub, fingerprint, sizeof(fingerprint));
    enum err err = ERR_NONE;
    for (enum repo_kind kind = REPO_MODEL; err == ERR_NONE && kind <= REPO_SPACE;
         kind++) {
        err = tree_store_repos(mount->tree, mount->options->endpoint, fingerprint, kind,
                               note_repo, list);
        err = err != ERR_NONE ? err : list->err;
    }
    return err;
}

static enum err root_list(struct mount *mount, struct vnode *dir, uint64_t after,
                          vnode_visit_fn visit, void *ctx, bool *out_goes_on)
{
    struct root_list list = {.mount = mount};
    uint64_t position = 1;
    (void)dir;
    *out_goes_on = false;
    bool goes_on = after >= 1 || visit(ctx, 1, "CACHEDIR.TAG", S_IFREG);
    enum err err = note_repos(mount, &list);
    for (size_t i = 0; err == ERR_NONE && goes_on && i < list.n; i++) {
        char name[NAME_BYTES_MAX + 1];
        bool has_some = false;
        if (++position <= after) {
            continue;
        }
        err = hf_cache_commits(mount, &list.repos[i], stop_at_first, &has_some);
        if (err == ERR_NONE && has_some) {
            format_folder(&list.repos[i], name);
            goes_on = visit(ctx, position, name, S_IFDIR);
        }
    }
    free(list.repos);
    return err;
}

const struct vnode_type hf_cache_root = {
    .name = "hf-cache",
    .mode = S_IFDIR | 0555,
    .peek = root_peek,
    .list = root_list,
    .changed_s = vnode_changed_now,
};

// A client makes a lock file's folder before the file: the folder is there, the file is refused.
static enum err locks_peek(struct mount *mount, struct vnode *dir, const char *name,
                           size_t len, enum peek_mode mode, struct entry *out)
{
    struct repo_id ignored;
    (void)mode;
    if (!parse_folder(name, len, &ignored)) {
        return ERR_NOT_FOUND;
    }
    return entry_of_folder(mount, dir->ino, name, len, &hf_cache_empty, NULL, out);
}

static const struct vnode_type hf_cache_locks = {
    .name = "locks",
    .mode = S_IFDIR | 0555,
    .peek = locks_peek,
};

// ------------------------------------------------------------------- a repository's folder

static const struct part {
    const char *name;
    const struct vnode_type *type;
} parts[] = {
    {"refs", &hf_cache_refs},   {"snapshots", &hf_cache_snapshots},
    {"trees", &hf_cache_trees}, {".no_exist", &hf_cache_no_exist},
    {"blobs", &hf_cache_empty},
};
enum { N_PARTS = sizeof(parts) / sizeof(parts[0]) };

static enum err repo_peek(struct mount *mount, struct vnode *dir, const char *name,
                          size_t len, enum peek_mode mode, struct entry *out)
{
    (void)mode;
    for (size_t i = 0; i < N_PARTS; i++) {
        if (vnode_is_named(name, len, parts[i].name)) {
            return entry_of_folder(mount, dir->ino, name, len, parts[i].type,
                                   &dir->subject, out);
        }
    }
    return ERR_NOT_FOUND;
}

static enum err repo_list(struct mount *mount, struct vnode *dir, uint64_t after,
                          vnode_visit_fn visit, void *ctx, bool *out_goes_on)
{
    bool goes_on = true;
    (void)mount;
    (void)dir;
    *out_goes_on = false;
    for (uint64_t i = after; goes_on && i < N_PARTS; i++) {
        goes_on = visit(ctx, i + 1, parts[i].name, S_IFDIR);
    }
    return ERR_NONE;
}

const struct vnode_type hf_cache_repo = {
    .name = "cached repository",
    .mode = S_IFDIR | 0555,
    .peek = repo_peek,
    .list = repo_list,
};
