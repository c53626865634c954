// SPDX-License-Identifier: Apache-2.0
// Virtual nodes: what a mount shows that is in no repository. The folders above the
// repositories, the symlinks between spellings of a name, the files of .hub, the official client's
// cache layout. A node lives as long as the kernel remembers its number or somebody works on it.
//
// A type (struct vnode_type) says what a folder holds. Each question has two halves, as everywhere
// in fs/: one that looks at what is on this machine, and one that makes what is missing come.
#pragma once

#include "fs/render.h"
#include "fs/waiters.h"
#include "hub/hub.h"

#include <sys/stat.h>

struct vnodes;
struct vnode;
struct entry;

// What a node is about; each type uses some of it.
struct vnode_subject {
    struct repo_id repo; // an owner's folder: only kind and the owner
    uint64_t dir; // the kernel's number of a folder of a repository, or of its root
    int number;   // the type's own
    char text[REVISION_SIZE]; // the type's own: a revision, the beginning of one
};

enum peek_mode {
    PEEK_FRESH, // what is too old counts as missing
    PEEK_ASKED, // it has just been asked for: take what there is
};

// Whether more is wanted. `mode` is S_IFDIR, S_IFREG, S_IFLNK or 0 (not known without asking).
typedef bool (*vnode_visit_fn)(void *ctx, uint64_t position, const char *name,
                               mode_t mode);

struct vnode_type {
    const char *name; // for the log
    mode_t mode;      // S_IFDIR | 0555, S_IFREG | 0444, S_IFLNK | 0777

    // ---- folders; all but peek may be NULL
    // A name in it. ERR_ABSENT: ask. ERR_NOT_FOUND: there is none.
    enum err (*peek)(struct mount *mount, struct vnode *dir, const char *name, size_t len,
                     enum peek_mode mode, struct entry *out);
    // NULL: peek always knows.
    void (*ask)(struct mount *mount, struct vnode *dir, const char *name, size_t len,
                const struct hub_call *call, waiter_fn done, void *ctx);
    // The names after a position, in order. *out_goes_on: more can be had with list_more().
    enum err (*list)(struct mount *mount, struct vnode *dir, uint64_t after,
                     vnode_visit_fn visit, void *ctx, bool *out_goes_on);
    void (*list_more)(struct mount *mount, struct vnode *dir, uint64_t after,
                      const struct hub_call *call, waiter_fn done, void *ctx);
    // When the names last changed, seconds since 1970, as far as is known; NULL: with the mount.
    int64_t (*changed_s)(struct mount *mount, struct vnode *dir);
};

struct vnode {
    uint64_t ino;
    const struct vnode_type *type;
    uint64_t parent; // the kernel's number of the folder it is in
    struct vnode_subject subject;
    char *text; // of a file or symlink: its bytes, `size` of them and a NUL
    size_t size;
    int64_t made_s;

    // The table's own.
    uint64_t n_lookups;
    unsigned references;
    bool is_named;    // found again by (parent, name)
    bool is_rendered; // counted as such
    int64_t used_ms;  // of a rendered one: when it was got last
    size_t key_len;
    char *key;
    struct vnode *next, *prev; // of a rendered one: by last use
    UT_hash_handle by_ino;
    UT_hash_handle by_key;
};

NODISCARD enum err vnodes_new(struct vnodes **out);
// Every request must have been answered.
void vnodes_free(struct vnodes *vnodes);

// A folder, or a symlink, under a name: the node that is there already, when it is of this type
// (and has this text), else a new one. One lookup of it is counted. `text` may be NULL. Any thread,
// as below.
NODISCARD enum err vnodes_enter(struct vnodes *vnodes, uint64_t parent, const char *name,
                                size_t len, const struct vnode_type *type,
                                const struct vnode_subject *subject, const char *text,
                                struct vnode **out);
// A file with these bytes, new at each call, referenced: put it back. The kernel remembers numbers for
// long, so where there are too many files those used least lately go first, and who has one of them
// open still gets ERR_STALE. ERR_BUSY: all of them are in use, or large and not yet at rest for 5 s.
NODISCARD enum err vnodes_render(struct vnodes *vnodes, uint64_t parent,
                                 const struct vnode_type *type, struct buffer *bytes,
                                 struct vnode **out);
// The root, number 1, for the life of the mount.
NODISCARD enum err vnodes_make_root(struct vnodes *vnodes, const struct vnode_type *type);

// Referenced; NULL = the kernel remembers no such number.
struct vnode *vnodes_get(struct vnodes *vnodes, uint64_t ino);
void vnodes_put(struct vnodes *vnodes, struct vnode *node);
// The kernel has given up `n` of the times that it was told the number.
void vnodes_forget(struct vnodes *vnodes, uint64_t ino, uint64_t n);
// Nodes that are rendered now, for status and tests.
size_t vnodes_count(struct vnodes *vnodes);

// ---- types that several folders use

// A rendered file, and a symlink whose target is the node's text (directory.c).
extern const struct vnode_type vnode_file;
extern const struct vnode_type vnode_message; // .hub/message, which can be written
extern const struct vnode_type vnode_symlink;
// vnode_type.changed_s of folders whose names may be others at any time (vnode.c).
int64_t vnode_changed_now(struct mount *mount, struct vnode *dir);
// Whether a name that a folder is asked for is this word.
bool vnode_is_named(const char *name, size_t len, const char *word);
