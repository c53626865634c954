// SPDX-License-Identifier: Apache-2.0
// One name of one folder, whatever kind of folder it is: of a repository (namespace.h) or virtual
// (vnode.h). Numbers are the kernel's (ino.h).
#pragma once

#include "base/base.h"
#include "cache/cache.h"
#include "fs/waiters.h"
#include "hub/hub.h"

#include <sys/stat.h>

struct mount;
struct place;
struct vnode;
struct vnode_subject;
struct vnode_type;

// What the kernel is told about a name.
struct entry {
    uint64_t ino; // 0 = there is no such name, which is remembered for name_s
    struct stat stat;
    double name_s; // how long the name may be remembered
    double stat_s; // and the attributes
};

// An entry has one lookup of its number counted. It goes to the kernel with the entry; this is for
// whoever does not hand it on. Any thread, as all below.
void entry_drop(struct mount *mount, const struct entry *entry);
// The kernel has given up `n` of the times that it was told a number.
void directory_forget(struct mount *mount, uint64_t ino, uint64_t n);

// From this machine alone. ERR_NOT_FOUND: `out` says how long to remember that. ERR_ABSENT: the Hub
// must be asked: directory_find(). ERR_STALE, ERR_NOT_DIRECTORY: of the folder.
NODISCARD enum err directory_peek(struct mount *mount, uint64_t dir, const char *name,
                                  size_t len, struct entry *out);

// `entry` is NULL on error; the callee owns its lookup. Runs once, on any thread.
typedef void (*directory_fn)(void *ctx, enum err err, const struct why *why,
                             const struct entry *entry);
void directory_find(struct mount *mount, uint64_t dir, const char *name, size_t len,
                    const struct hub_call *call, directory_fn done, void *ctx);

// Where a path has led.
struct walked {
    struct entry entry;
    uint64_t
        place; // the last folder on the way that lies in a place (places.h); 0 = none
};
// `walked` is NULL on error. What it has counted is the walk's own and lives until `done` returns.
typedef void (*directory_walk_fn)(void *ctx, enum err err, const struct why *why,
                                  const struct walked *walked);
// A path of names below a folder; "" is the folder itself.
void directory_walk(struct mount *mount, uint64_t dir, const char *path,
                    const struct hub_call *call, directory_walk_fn done, void *ctx);

// Attributes of a number. ERR_STALE.
NODISCARD enum err directory_stat(struct mount *mount, uint64_t ino, struct entry *out);

// ---- for the types of virtual folders

// An entry of a folder of a repository that the kernel knows as `dir`.
void entry_of_node(struct mount *mount, uint64_t dir, const struct tree_node *node,
                   struct entry *out);
// Of a virtual node whose lookup has been counted.
void entry_of_vnode(struct mount *mount, struct vnode *node, double name_s,
                    struct entry *out);
// A root of a commit under a name of a virtual folder.
NODISCARD enum err entry_of_root(struct mount *mount, struct vnode *dir, const char *name,
                                 size_t len, const struct place *place, double name_s,
                                 struct entry *out);

// A virtual folder under a name, for ever.
NODISCARD enum err entry_of_folder(struct mount *mount, uint64_t parent, const char *name,
                                   size_t len, const struct vnode_type *type,
                                   const struct vnode_subject *subject,
                                   struct entry *out);
// A virtual folder that mirrors the folder subject->dir: found again by that, for a name may come to
// mean another folder.
NODISCARD enum err entry_of_mirror(struct mount *mount, struct vnode *dir,
                                   const struct vnode_type *type,
                                   const struct vnode_subject *subject,
                                   struct entry *out);
// A file or symlink whose text is all there is to say about it: the same name and text is the same
// node. One name may stand for many (the same `name` here under several names there).
NODISCARD enum err entry_of_text(struct mount *mount, struct vnode *dir, const char *name,
                                 size_t len, const struct vnode_type *type,
                                 const char *text, double name_s, struct entry *out);
// A file with these bytes, made anew for this lookup. ERR_BUSY: there are too many.
NODISCARD enum err entry_of_bytes(struct mount *mount, struct vnode *dir,
                                  const struct vnode_type *type, struct buffer *bytes,
                                  double name_s, struct entry *out);

// For ever: what is below the root of a commit does not change.
#define ENTRY_FOREVER_S 1e9
// Names above the repositories, and their attributes.
#define ENTRY_MOMENT_S 1.0
// A name that does not exist.
#define ENTRY_MISSING_S 10.0
