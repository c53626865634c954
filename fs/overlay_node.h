// SPDX-License-Identifier: Apache-2.0
// Inside the overlay (overlay.h): its nodes and names. Everything here is guarded by
// overlay->lock, which comes before the locks of local files, of the snapshot and of the stores;
// the journal is only told (journal_submit() queues) below it.
#pragma once

#include "fs/ino.h"
#include "fs/local_file.h"
#include "fs/overlay.h"
#include "fs/snapshot.h"

#include <uthash.h>

enum { OVERLAY_ROOT_ID = 1, OVERLAY_SMALL_BYTES = 10 << 20 };

// Where a changed file stands on its way to the Hub (reliability.md's machine as the journal keeps
// it; UPLOADED and COMMITTED are the committer's own business and never rest here).
struct overlay_name;

struct overlay_node {
    uint64_t ino; // the kernel's number
    uint64_t id;  // of its row in the journal
    bool has_row;
    enum entry_kind kind;
    bool is_executable;
    uint64_t n_lookups; // that the kernel has counted
    bool
        kernel_knows; // a number of the base, whose lookups are not counted: not forgotten yet
    bool
        is_outdated; // its place has another version by now: who opens it by name gets that
    unsigned n_handles;          // open for writing
    struct overlay_node *parent; // NULL: the root, or nothing names it any more
    char *name;                  // there; malloc'd, NULL like the parent
    unsigned n_children;         // nodes whose parent this is
    struct timespec changed_at;  // of a folder; a file's is the local file's
    UT_hash_handle by_ino;
    UT_hash_handle by_id;

    // Of a file.
    struct local_file *file;
    enum journal_state state; // CLEAN, DIRTY, SEALED, UPLOADING, CONFLICT, FAILED
    bool may_land;            // an earlier process has sent it (overlay_expect())
    bool moved_again;         // since it was taken for a commit
    bool is_put_off;          // it waits for the commit after the one that was taken
    bool is_theirs;        // the other version of a conflict: never committed, read-only
    struct why trouble;    // of CONFLICT and FAILED
    enum err refusal;      // of FAILED; not known after a restart
    int64_t not_before_ms; // monotonic: a refused one is not tried again before

    // Of a folder.
    struct overlay_name *names; // where it differs from the base, or differed once
    uint64_t next_serial;
    char *base_path; // the folder of the repository behind it; NULL = it is new
    uint64_t
        base_ino; // its stored node at base_commit; 0 = that commit has no such folder
    struct oid base_commit;
    // Of the commit that was taken last:
    char *taken_path; // where it stood; NULL: nothing in it was taken
    bool takes_files; // something is put below it
    UT_hash_handle by_base;
};

// What the repository has under a name, at a commit.
struct overlay_under {
    bool exists;
    enum entry_kind kind;
    struct oid oid;
    struct oid commit;
    bool
        is_after_move; // of a name in a folder that moved: what is where that stands by now
};

// A name of a folder that says something else than the base, or did until a commit.
struct overlay_name {
    uint64_t serial; // the readdir position
    bool has_row;
    bool is_taken; // nothing stood here when the commit was taken that is on its way
    bool
        is_settled; // nothing has to be deleted here, but what an earlier process sent may still come
    struct overlay_node *node; // NULL: nothing stands here
    struct overlay_under under;
    uint64_t
        moved_to; // of an empty place: the row of the node that stood here and is not
                  // committed yet; 0 = it was deleted
    UT_hash_handle hh;
    size_t len;
    char name[];
};

struct overlay_found;
struct overlay_folder;

struct overlay {
    struct mount *mount;
    struct journal *journal;
    struct lock lock;
    struct overlay_node *root GUARDED_BY(lock);
    struct overlay_node *by_ino GUARDED_BY(lock);
    struct overlay_node *by_id GUARDED_BY(lock);
    struct overlay_node *by_base GUARDED_BY(lock);
    struct ignore_rules *rules GUARDED_BY(lock); // of .hubignore; NULL = none
    bool has_rules GUARDED_BY(lock);             // they were read, from:
    uint64_t rules_of GUARDED_BY(lock);
    uint64_t rules_generation GUARDED_BY(lock);
    int64_t first_sealed_ms GUARDED_BY(lock); // of what waits; 0 = nothing does
    int64_t last_sealed_ms GUARDED_BY(lock);
    int64_t moved_ms GUARDED_BY(lock); // the base, to what may be somebody else's
    // Folders of the repository that go with the commit that was taken last.
    struct overlay_folder *vanishing GUARDED_BY(lock);
    bool is_held GUARDED_BY(lock); // a commit is on its way
    // It is not known yet what became of what an earlier process has sent (overlay_expect()).
    bool is_expecting GUARDED_BY(lock);
    // Deletions on their way that no name tells of: something else stands where the folder was.
    size_t n_unnamed GUARDED_BY(lock);
    // What was taken was taken over this commit, or one of ours that followed it at once.
    struct oid taken_over GUARDED_BY(lock);
    bool has_put_off GUARDED_BY(lock); // somebody wanted to move the base meanwhile
    void (*wake)(void *ctx) GUARDED_BY(lock);
    void *wake_ctx GUARDED_BY(lock);
};

// A file of the base, as the kernel knows it.
static inline uint64_t overlay_number_of(const struct tree_node *node)
{
    return ino_tagged(INO_TAG_WRITABLE, node->ino);
}

// ---- overlay_node.c

// A node of its own that nothing names yet; counted in the table of numbers. NULL: no memory.
// `ino` 0 = INO_LOCAL and its row's number; `id` 0 = a new one.
struct overlay_node *overlay_node_new(struct overlay *overlay, uint64_t ino, uint64_t id,
                                      enum entry_kind kind) REQUIRES(overlay->lock);
// The node of a folder of the base; made when new, as `name` of `parent`. NULL: no memory.
struct overlay_node *overlay_base_folder(struct overlay *overlay,
                                         struct overlay_node *parent, const char *name,
                                         size_t len) REQUIRES(overlay->lock);
// The folder that a path of the repository lies in, wherever it stands by now; those on the way are
// made where the overlay does not know them, and placed where they were only loaded. NULL: no memory.
struct overlay_node *overlay_make_folders(struct overlay *overlay, const char *path)
    REQUIRES(overlay->lock);
// Whether the node is the folder, or lies below it.
bool overlay_node_is_below(const struct overlay_node *node,
                           const struct overlay_node *folder);
void overlay_node_free(struct overlay *overlay, struct overlay_node *node)
    REQUIRES(overlay->lock);
// Gives the node a place, in place of the one that it had; or takes that away.
NODISCARD enum err overlay_node_place(struct overlay_node *node,
                                      struct overlay_node *parent, const char *name);
void overlay_node_unplace(struct overlay_node *node);
// The folder of the repository behind a folder; or none any more.
NODISCARD enum err overlay_set_base_path(struct overlay *overlay,
                                         struct overlay_node *node, const char *path)
    REQUIRES(overlay->lock);
void overlay_drop_base_path(struct overlay *overlay, struct overlay_node *node)
    REQUIRES(overlay->lock);
struct overlay_node *overlay_by_ino(struct overlay *overlay, uint64_t ino)
    REQUIRES(overlay->lock);
struct overlay_node *overlay_by_base_path(struct overlay *overlay, const char *path)
    REQUIRES(overlay->lock);
// By its row's number.
struct overlay_node *overlay_by_id(struct overlay *overlay, uint64_t id)
    REQUIRES(overlay->lock);
// Frees the node, and those above it, that nobody needs any more.
void overlay_node_sweep(struct overlay *overlay, struct overlay_node *node)
    REQUIRES(overlay->lock);
// From the repository root; malloc'd. NULL: nothing names it, or no memory.
char *overlay_node_path(const struct overlay_node *node);
// What the kernel is told.
void overlay_entry_of(struct overlay *overlay, const struct overlay_node *node,
                      struct entry *out);

struct overlay_name *overlay_name_find(const struct overlay_node *dir, const char *name,
                                       size_t len);
// Made when new, with nothing in it.
struct overlay_name *overlay_name_put(struct overlay_node *dir, const char *name,
                                      size_t len);
void overlay_name_drop(struct overlay_node *dir, struct overlay_name *name);
// The same, with its row.
void overlay_name_forget(struct overlay *overlay, struct overlay_node *dir,
                         struct overlay_name *name) REQUIRES(overlay->lock);
// Whether the name says something else than the base.
bool overlay_name_is_change(const struct overlay_name *name);
// Whether anything in or below a folder does.
bool overlay_has_changes(struct overlay *overlay, const struct overlay_node *folder)
    REQUIRES(overlay->lock);
// Whether something in or below it would be lost with it: deletions would not.
bool overlay_holds_work(struct overlay *overlay, const struct overlay_node *folder)
    REQUIRES(overlay->lock);
// Whether somebody has the file, or one below the folder, open for writing.
bool overlay_has_writers(struct overlay *overlay, const struct overlay_node *node)
    REQUIRES(overlay->lock);
// DIR/NAME, or NAME for an empty DIR; malloc'd.
char *overlay_join(const char *dir, const char *name, size_t len);
// Whether what stands at `path` never leaves this machine: litter, and what .hubignore names,
// unless the repository has it.
bool overlay_stays_here(struct overlay *overlay, const struct overlay_name *entry,
                        const char *path) REQUIRES(overlay->lock);
// A file of the base gets a node, with the kernel's number unless another node has that; `found` tells
// it from now on.
NODISCARD enum err overlay_adopt_base(struct overlay *overlay, struct overlay_node *dir,
                                      const char *name, size_t len,
                                      struct overlay_found *found)
    REQUIRES(overlay->lock);
struct local_file_parts overlay_parts(const struct overlay *overlay);
// Nothing leads to the node any more; who has it open goes on. Its rows go with the change; it is to be
// swept when that has been submitted.
void overlay_detach(struct overlay *overlay, struct journal_change *change,
                    struct overlay_node *node) REQUIRES(overlay->lock);
// Something waits for a commit from now on.
void overlay_note_sealed(struct overlay *overlay) REQUIRES(overlay->lock);

// ---- overlay_landed.c

// The folder that stands for the one above a path of the repository, and the last name.
struct overlay_node *overlay_folder_at(struct overlay *overlay, const char *path,
                                       const char **out_name) REQUIRES(overlay->lock);
// What the overlay says about a path of the repository; NULL = nothing.
struct overlay_name *overlay_name_at(struct overlay *overlay, const char *path)
    REQUIRES(overlay->lock);
void overlay_item_release(struct overlay_item *item);

// ---- overlay_returned.c

// Forgets the batch, and shows the commit.
void overlay_show_commit(struct overlay *overlay, struct journal_change *change,
                         const struct overlay_commit *commit) REQUIRES(overlay->lock);
// What was on its way with the node is not any more. The node's row is to be put; then the staging
// file of this number (0 = none) is to be removed.
uint32_t overlay_node_thaw(struct journal_change *change, struct overlay_node *node);
// The same for one that is not on its way, if it was not possible before (the disk was full) or the process
// ended meanwhile. False: it still can't be.
bool overlay_thaw(struct overlay *overlay, struct overlay_node *node)
    REQUIRES(overlay->lock);

// ---- overlay_rebase.c

// The overlay stands over `commit` from now on, which brought the items to the base. ERR_NO_MEMORY.
NODISCARD enum err overlay_rebase(struct overlay *overlay, struct journal_change *change,
                                  const struct overlay_items *items,
                                  const struct file_version *versions,
                                  const struct oid *commit) REQUIRES(overlay->lock);

// ---- overlay_vanish.c

// A folder that the repository does not have any more stays, as one of this machine alone.
void overlay_keep_here(struct overlay *overlay, struct journal_change *change,
                       struct overlay_node *folder) REQUIRES(overlay->lock);

// The same for each folder in `dir` that the base does not have any more, and in which something was
// changed here: else no listing would tell of it.
void overlay_keep_changed(struct overlay *overlay, struct overlay_node *dir)
    REQUIRES(overlay->lock);

// The path of a folder of the repository of which a commit leaves nothing.
struct overlay_folder {
    UT_hash_handle hh;
    char path[];
};
NODISCARD enum err overlay_add_vanishing(struct overlay *overlay, const char *path)
    REQUIRES(overlay->lock);
bool overlay_is_vanishing(struct overlay *overlay, const char *path)
    REQUIRES(overlay->lock);
// What stands at `path` stays, and the folders above it with it.
void overlay_none_above_vanishes(struct overlay *overlay, const char *path)
    REQUIRES(overlay->lock);
void overlay_nothing_vanishes(struct overlay *overlay) REQUIRES(overlay->lock);
// Finds those that the items (by path) leave empty.
// ERR_ABSENT with *out_folder: it has to be listed first.
NODISCARD enum err overlay_note_vanishing(struct overlay *overlay,
                                          const struct overlay_items *items,
                                          char **out_folder) REQUIRES(overlay->lock);

// ---- overlay_seek.c: what stands under a name

struct overlay_found {
    struct overlay_name *entry; // what the overlay says of the name, NULL = nothing
    struct overlay_node *node;  // NULL: a file of the base that nobody has changed:
    struct tree_node base;
    struct overlay_under
        under; // what the base has there; known with ERR_NONE and ERR_NOT_FOUND
};
// From this machine alone. ERR_NOT_FOUND; ERR_ABSENT: overlay_prepare() first.
NODISCARD enum err overlay_seek(struct overlay *overlay, struct overlay_node *dir,
                                const char *name, size_t len, struct overlay_found *out)
    REQUIRES(overlay->lock);
// What the base alone has there. The same errors; ERR_NONE: `base` and `under`.
NODISCARD enum err overlay_seek_base(struct overlay *overlay, struct overlay_node *dir,
                                     const char *name, struct overlay_found *out)
    REQUIRES(overlay->lock);
// The stored node of the base behind a folder. ERR_NOT_FOUND: none; ERR_ABSENT.
NODISCARD enum err overlay_base_of(struct overlay *overlay, struct overlay_node *dir,
                                   uint64_t *out_ino) REQUIRES(overlay->lock);
// Whether the base has, or may have, something else under a name by now than it had when the name was
// changed here.
bool overlay_is_outdated(struct overlay *overlay, struct overlay_node *dir,
                         const struct overlay_name *name) REQUIRES(overlay->lock);
// Whether a folder shows nothing. ERR_ABSENT: it has to be listed first.
NODISCARD enum err overlay_is_empty(struct overlay *overlay, struct overlay_node *dir,
                                    bool *out) REQUIRES(overlay->lock);

// ---- overlay_rows.c: what the journal is told

// Each adds to the change; what goes wrong makes the submit fail.
// The node's row, as local_file_put_row().
void overlay_row_node(struct overlay *overlay, struct journal_change *change,
                      struct overlay_node *node) REQUIRES(overlay->lock);
void overlay_row_no_node(struct journal_change *change, struct overlay_node *node);
// What the name says. A file that was never sealed has no row: a crash finds the name without it.
void overlay_row_name(struct overlay *overlay, struct journal_change *change,
                      struct overlay_node *dir, struct overlay_name *name)
    REQUIRES(overlay->lock);
void overlay_row_no_name(struct journal_change *change, struct overlay_node *dir,
                         struct overlay_name *name);
NODISCARD enum err overlay_load(struct overlay *overlay, struct why *why);
