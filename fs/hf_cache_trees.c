// SPDX-License-Identifier: Apache-2.0
// trees/ and .no_exist/ of the client's cache view: what it keeps about a commit beside its files.
// (huggingface_hub _tree_cache.py, file_download.py.)
//
//   trees/SHA.json        {"format_version": 1, "files": {PATH: {"size", "blob_id", "lfs_sha256",
//                         "lfs_size", "xet_hash"}}}: spares the client its own listing. Made when the
//                         whole tree is known and not too large; where it is not there the client
//                         does without
//   .no_exist/SHA/PATH    an empty file exactly when the tree has no such path. A folder of the tree
//                         is a folder, for the names in it; what the tree does not have and has no
//                         dot in its name could be either: it is taken for a file
#include "fs/hf_cache.h"

#include "fs/mount_parts.h"
#include "fs/tree_walk.h"

enum {
    TREE_PAGES_MAX = 10, // of 1,000 entries: what a listing may cost to make the file
    TREE_BYTES_MAX = 4 << 20,
};

// ----------------------------------------------------------------------------------- trees

struct tree_file {
    struct mount *mount;
    struct json_writer *json;
    struct buffer *folders; // numbers of folders that are still to be written
    char *prefix;           // the folder's path with its slash
    enum err err;
};

static void write_entry(struct json_writer *json, const char *path,
                        const struct tree_node *node)
{
    char hex[DIGEST_HEX_SIZE];
    char oid[OID_HEX_SIZE];
    oid_to_hex(&node->oid, oid);
    json_open_object(json, path);
    json_u64(json, "size", node->size);
    json_string(json, "blob_id", oid);
    if (node->has_sha256) {
        digest_to_hex(&node->sha256, hex);
        json_string(json, "lfs_sha256", hex);
        json_u64(json, "lfs_size", node->size);
    }
    if (node->has_xet) {
        digest_to_xet_hex(&node->xet_hash, hex);
        json_string(json, "xet_hash", hex);
    }
    json_close_object(json);
}

static bool visit_file(void *ctx, uint64_t position, const char *name,
                       const struct tree_node *node)
{
    struct tree_file *file = ctx;
    char path[PATH_BYTES_MAX + 1];
    (void)position;
    if (node->kind == ENTRY_DIRECTORY) {
        file->err = buffer_append(file->folders, &node->ino, sizeof(node->ino));
        return file->err == ERR_NONE;
    }
    int n = snprintf(path, sizeof(path), "%s%s", file->prefix, name);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        file->err = ERR_NAME_TOO_LONG;
        return false;
    }
    write_entry(file->json, path, node);
    file->err = file->json->err; // it has become too large
    return file->err == ERR_NONE;
}

// The files of one folder; its folders go on the list.
static enum err write_folder(struct tree_file *file, uint64_t ino)
{
    AUTO_FREE char *path = NULL;
    AUTO_FREE char *prefix = NULL;
    enum err err = tree_store_path(file->mount->tree, ino, &path);
    if (err != ERR_NONE) {
        return err;
    }
    if (asprintf(&prefix, "%s%s", path, path[0] != '\0' ? "/" : "") < 0) {
        prefix = NULL;
        return ERR_NO_MEMORY;
    }
    file->prefix = prefix;
    err = tree_store_list(file->mount->tree, ino, 0, visit_file, file);
    return err != ERR_NONE ? err : file->err;
}

static enum err write_tree(struct mount *mount, uint64_t root, struct buffer *out)
{
    AUTO(buffer) struct buffer folders = buffer_init(TREE_BYTES_MAX);
    struct json_writer json = json_writer_init(out);
    struct tree_file file = {.mount = mount, .json = &json, .folders = &folders};
    json_open_object(&json, NULL);
    json_u64(&json, "format_version", 1);
    json_open_object(&json, "files");
    enum err err = buffer_append(&folders, &root, sizeof(root));
    for (size_t at = 0; err == ERR_NONE && at < folders.len; at += sizeof(uint64_t)) {
        uint64_t ino = 0;
        memcpy(&ino, folders.bytes + at, sizeof(ino));
        err = write_folder(&file, ino);
    }
    json_close_object(&json);
    json_close_object(&json);
    enum err written = json_writer_end(&json);
    return err != ERR_NONE ? err : written;
}

static enum err trees_peek(struct mount *mount, struct vnode *dir, const char *name,
                           size_t len, enum peek_mode mode, struct entry *out)
{
    struct oid commit;
    uint64_t root = 0;
    AUTO(buffer) struct buffer bytes = buffer_init(TREE_BYTES_MAX);
    if (!hf_cache_commit_name(name, len, ".json", &commit)) {
        return ERR_NOT_FOUND;
    }
    enum err err = hf_cache_known_root(mount, &dir->subject.repo, &commit, &root);
    if (err != ERR_NONE || !hf_cache_is_whole(mount, root)) {
        err = err != ERR_NONE ? err : ERR_ABSENT;
        return err == ERR_ABSENT && mode == PEEK_ASKED ? ERR_NOT_FOUND : err;
    }
    err = write_tree(mount, root, &bytes);
    if (err == ERR_NONE) {
        err = entry_of_bytes(mount, dir, &vnode_file, &bytes, 0, out);
    }
    // Too large: the client lists for itself.
    return err == ERR_TOO_LARGE || err == ERR_BUSY ? ERR_NOT_FOUND : err;
}

struct ask {
    struct mount *mount;
    struct repo_id repo;
    struct oid commit;
    struct hub_call call;
    waiter_fn done;
    void *ctx;
};

static void end(struct ask *ask, enum err err, const struct why *why)
{
    ask->done(ask->ctx, err, why);
    free(ask);
}

// However the walk ended: what is known now decides.
static void on_walked(void *ctx, enum err err, const struct why *why)
{
    (void)err;
    (void)why;
    end(ctx, ERR_NONE, NULL);
}

static void on_commit(void *ctx, enum err err, const struct why *why)
{
    struct ask *ask = ctx;
    uint64_t root = 0;
    if (err == ERR_NONE) {
        err = hf_cache_known_root(ask->mount, &ask->repo, &ask->commit, &root);
    }
    if (err != ERR_NONE) {
        end(ask, err, why);
        return;
    }
    tree_walk_fetch(ask->mount->walks, root, TREE_PAGES_MAX, &ask->call, on_walked, ask);
}

static struct ask *new_ask(struct mount *mount, struct vnode *dir,
                           const struct oid *commit, const struct hub_call *call,
                           waiter_fn done, void *ctx)
{
    struct ask *ask = calloc(1, sizeof(*ask));
    if (ask != NULL) {
        *ask = (struct ask){mount, dir->subject.repo, *commit, *call, done, ctx};
    }
    return ask;
}

static void trees_ask(struct mount *mount, struct vnode *dir, const char *name,
                      size_t len, const struct hub_call *call, waiter_fn done, void *ctx)
{
    struct oid commit;
    uint64_t root = 0;
    if (!hf_cache_commit_name(name, len, ".json", &commit)) {
        done(ctx, ERR_NOT_FOUND, NULL);
        return;
    }
    struct ask *ask = new_ask(mount, dir, &commit, call, done, ctx);
    if (ask == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
    } else if (hf_cache_known_root(mount, &ask->repo, &commit, &root) == ERR_NONE) {
        on_commit(ask, ERR_NONE, NULL);
    } else {
        hf_cache_ask_commit(mount, &ask->repo, &ask->commit, call, on_commit, ask);
    }
}

const struct vnode_type hf_cache_trees = {
    .name = "trees",
    .mode = S_IFDIR | 0555,
    .peek = trees_peek,
    .ask = trees_ask,
};

// ------------------------------------------------------------------------------- .no_exist
// subject.dir is the stored folder that a folder here mirrors; 0 = .no_exist itself.

static enum err enter_mirror(struct mount *mount, struct vnode *dir, uint64_t stored,
                             struct entry *out)
{
    struct vnode_subject subject = {.repo = dir->subject.repo, .dir = stored};
    return entry_of_mirror(mount, dir, &hf_cache_no_exist, &subject, out);
}

static enum err no_exist_commit(struct mount *mount, struct vnode *dir, const char *name,
                                size_t len, struct entry *out)
{
    struct oid commit;
    uint64_t root = 0;
    if (!hf_cache_commit_name(name, len, "", &commit)) {
        return ERR_NOT_FOUND;
    }
    enum err err = hf_cache_known_root(mount, &dir->subject.repo, &commit, &root);
    return err == ERR_NONE ? enter_mirror(mount, dir, root, out) : err;
}

static enum err no_exist_peek(struct mount *mount, struct vnode *dir, const char *name,
                              size_t len, enum peek_mode mode, struct entry *out)
{
    struct tree_node node;
    if (dir->subject.dir == 0) {
        return no_exist_commit(mount, dir, name, len, out);
    }
    enum err err = namespace_peek(mount->namespace, dir->subject.dir, name, len, &node);
    if (err == ERR_NONE) {
        return node.kind == ENTRY_DIRECTORY ? enter_mirror(mount, dir, node.ino, out)
                                            : ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND) {
        // One empty file a folder, under as many names as are asked for.
        return entry_of_text(mount, dir, "", 0, &vnode_file, "", ENTRY_MOMENT_S, out);
    }
    // Not known and not to be known now: nothing says that it does not exist.
    return err == ERR_ABSENT && mode == PEEK_ASKED ? ERR_NOT_FOUND : err;
}

static void on_completed(void *ctx, enum err err, const struct why *why)
{
    struct ask *ask = ctx;
    end(ask, hub_is_offline(ask->mount->hub) ? ERR_NONE : err, why);
}

static void no_exist_ask(struct mount *mount, struct vnode *dir, const char *name,
                         size_t len, const struct hub_call *call, waiter_fn done,
                         void *ctx)
{
    struct oid commit = {{0}};
    if (dir->subject.dir == 0 && !hf_cache_commit_name(name, len, "", &commit)) {
        done(ctx, ERR_NOT_FOUND, NULL);
        return;
    }
    if (dir->subject.dir == 0) {
        hf_cache_ask_commit(mount, &dir->subject.repo, &commit, call, done, ctx);
        return;
    }
    struct ask *ask = new_ask(mount, dir, &commit, call, done, ctx);
    if (ask == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    // The whole folder, so that the store can say that a name is not in it.
    namespace_complete(mount->namespace, dir->subject.dir, call, on_completed, ask);
}

const struct vnode_type hf_cache_no_exist = {
    .name = "no_exist",
    .mode = S_IFDIR | 0555,
    .peek = no_exist_peek,
    .ask = no_exist_ask,
};
