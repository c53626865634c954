// SPDX-License-Identifier: Apache-2.0
// What a writable mount shows: the tree of a commit (the base), and over it what was changed here
// and is not on the Hub yet. The journal is its durable form.
//
// Folders of a writable mount have numbers of their own, which stay when the base moves: whoever
// works in one goes on working there. A file that nobody has changed has its stored node's number
// with a tag; one that was changed here keeps the number that the kernel knew it by, for the life
// of the mount, also when the change is a commit. Names live a moment in the kernel, so nothing
// has to be notified when the base moves.
//
// Any thread. Verbs answer from this machine alone; ERR_ABSENT says that the Hub must be asked
// first, for which there is overlay_prepare().
#pragma once

#include "fs/directory.h"
#include "fs/file_version.h"
#include "fs/local_file.h"
#include "fs/snapshot.h"

struct mount;
struct overlay;

// Row numbers of the journal that are the overlay's own end here.
enum { OVERLAY_IDS_FROM = 16 };

// Loads what the journal has. All parts of the mount but the session exist.
NODISCARD enum err overlay_open(struct mount *mount, struct journal *journal,
                                struct why *why, struct overlay **out);
// After the session and the committer are gone, before the journal is closed.
void overlay_free(struct overlay *overlay);

// Whether a number of the kernel is the overlay's: ino.h's local numbers, files of the base, and
// the root of a writable mount.
bool overlay_owns(const struct mount *mount, uint64_t ino);
// The stored node of the base that a number stands for; 0 = none, it is new here.
uint64_t overlay_stored(struct overlay *overlay, uint64_t ino);

// ------------------------------------------------------------------------------- names

// As directory_peek(), directory_stat() and directory_forget().
NODISCARD enum err overlay_peek(struct overlay *overlay, uint64_t dir, const char *name,
                                size_t len, struct entry *out);
NODISCARD enum err overlay_stat(struct overlay *overlay, uint64_t ino, struct entry *out);
void overlay_forget(struct overlay *overlay, uint64_t ino, uint64_t n);

// Makes come what a verb that said ERR_ABSENT wanted to know of a folder: whether there is a
// `name`, or (NULL) all of its names. Then ask the verb again.
void overlay_prepare(struct overlay *overlay, uint64_t dir, const char *name, size_t len,
                     const struct hub_call *call, waiter_fn done, void *ctx);

// Somebody's way through a folder, from opening it to closing it. NULL: no memory.
struct overlay_listing *overlay_listing_new(void);
void overlay_listing_free(struct overlay_listing *listing);
// Names of a folder after `position`, as tree_store_list(); from 0 on it begins anew. ERR_ABSENT: it has
// to be listed to its end first.
typedef bool (*overlay_visit_fn)(void *ctx, uint64_t position, const char *name,
                                 uint64_t ino, mode_t type);
NODISCARD enum err overlay_list(struct overlay *overlay, uint64_t dir,
                                struct overlay_listing *listing, uint64_t after,
                                overlay_visit_fn visit, void *ctx);

// ------------------------------------------------------------------------------ changes
// All of them: ERR_READ_ONLY where nothing can be written, ERR_ABSENT as above.

NODISCARD enum err overlay_create(struct overlay *overlay, uint64_t dir, const char *name,
                                  size_t len, struct entry *out,
                                  struct local_file **out_file);
NODISCARD enum err overlay_make_folder(struct overlay *overlay, uint64_t dir,
                                       const char *name, size_t len, struct entry *out);
NODISCARD enum err overlay_unlink(struct overlay *overlay, uint64_t dir, const char *name,
                                  size_t len);
struct overlay_place {
    uint64_t dir;
    const char *name;
    size_t len;
};
// `*out_unknown` says what ERR_ABSENT is about: a name of a folder, or (NULL) all of a folder.
NODISCARD enum err overlay_remove_folder(struct overlay *overlay, uint64_t dir,
                                         const char *name, size_t len,
                                         struct overlay_place *out_unknown);
enum overlay_rename { OVERLAY_REPLACE, OVERLAY_NOREPLACE, OVERLAY_EXCHANGE };
NODISCARD enum err overlay_rename(struct overlay *overlay,
                                  const struct overlay_place *from,
                                  const struct overlay_place *to, enum overlay_rename how,
                                  struct overlay_place *out_unknown);

// -------------------------------------------------------------------------------- files

// What is to be read of a file: its local file, referenced, or NULL: the stored content of a file
// that nobody has changed. ERR_STALE, ERR_IS_DIRECTORY.
NODISCARD enum err overlay_reader(struct overlay *overlay, uint64_t ino,
                                  struct local_file **out);
// The local file to write to, referenced; made when there is none. It is counted as open for writing
// until overlay_closed(). ERR_STALE: the name leads to another version by now.
NODISCARD enum err overlay_writer(struct overlay *overlay, uint64_t ino,
                                  struct local_file **out);
NODISCARD enum err overlay_set_time(struct overlay *overlay, uint64_t ino,
                                    const struct timespec *at);
// Somebody who created it has it open for writing; somebody has it no more.
void overlay_opened(struct overlay *overlay, uint64_t ino);
void overlay_closed(struct overlay *overlay, uint64_t ino);
// A file was changed: it waits for its seal.
void overlay_touched(struct overlay *overlay, uint64_t ino);
// Makes safe what was written to a file (0: all files) and every name given before: `done` is
// called when it is, on the journal's thread. False: there was nothing to wait for.
typedef void (*overlay_done_fn)(void *ctx, enum err err, const struct why *why);
bool overlay_seal(struct overlay *overlay, uint64_t ino, bool durable,
                  overlay_done_fn done, void *ctx);

// Why the Hub refuses the file for good, as far as this process knows; ERR_NONE: it does not.
enum err overlay_refusal(struct overlay *overlay, uint64_t ino, struct why *why);
// Whether nothing of the file, by its row's number, is left to be committed.
bool overlay_is_committed(struct overlay *overlay, uint64_t id);
// Whether what was saved to a file waits for a commit, and as what. *out_err: it is refused
// (ERR_REFUSED) or in conflict, and why.
bool overlay_is_waiting(struct overlay *overlay, uint64_t ino, uint64_t *out_id,
                        uint64_t *out_generation, enum err *out_err, struct why *out_why);

// --------------------------------------------------------------------------- the base

// The base moves while nobody looks. While a commit is on its way only the committer moves it, for
// what the Hub shows then may be that commit, which the overlay has not been told about.
enum overlay_shown {
    OVERLAY_SHOWN,
    OVERLAY_SHOWN_LATER,  // a commit is on its way: overlay_let_go() will say so
    OVERLAY_IS_ELSEWHERE, // the mount does not stand at `from` any more
};
enum overlay_shown overlay_show(struct overlay *overlay, const struct oid *from,
                                const struct snapshot_view *view);
// The committer's: it shows what it knows. Never refused.
void overlay_show_own(struct overlay *overlay, const struct snapshot_view *view);
void overlay_hold(struct overlay *overlay);
// True: somebody was told OVERLAY_SHOWN_LATER since.
bool overlay_let_go(struct overlay *overlay);
bool overlay_is_put_off(struct overlay *overlay); // and nobody has let go since
// When a commit was shown that may be somebody else's, monotonic; 0 = none was.
int64_t overlay_moved_ms(struct overlay *overlay);

// ---------------------------------------------------------------------------- committing

// The last two are no items of a commit, but say what else was known of the overlay's folders when the
// others were taken: where one stood (generation 1: nothing is put into it), and of which folders of
// the repository nothing would be left.
enum overlay_op {
    OVERLAY_PUT = 1,
    OVERLAY_DELETE_FILE = 2,
    OVERLAY_DELETE_FOLDER = 3,
    OVERLAY_FOLDER = 4,
    OVERLAY_VANISHING = 5
};
static inline bool overlay_op_is_item(enum overlay_op op)
{
    return op != OVERLAY_FOLDER && op != OVERLAY_VANISHING;
}

// One line of a commit.
struct overlay_item {
    enum overlay_op op;
    char *path; // from the repository's root; malloc'd
    uint64_t
        id; // of the file's row; 0 = a deletion, or a file that only moved with its folder
    uint64_t
        moved_with; // of a PUT: the row of the folder that moved, and it with that; 0 = none
    uint64_t
        moved_to; // of a deletion: the row of the file that stood here and moved; 0 = none
    uint64_t generation;
    struct local_file *file; // frozen and referenced; NULL = it is `version`
    bool has_version;        // the content is exactly this version of the repository
    struct file_version version;
    bool under_exists; // what is believed to stand at `path` at the commit `under_commit`
    bool is_put_off;   // it waits for the next commit; never of one that is given out
    bool under_is_folder; // which goes with deletions in the same commit
    struct oid under_oid;
    struct oid under_commit;
};
struct overlay_items {
    struct overlay_item *items;
    size_t n;
    bool has_more; // what did not fit waits for the next commit
};
void overlay_items_release(struct overlay_items *items); // puts the files back, frees

struct overlay_waiting {
    uint64_t n_waiting; // files and names that are to be committed
    uint64_t n_on_their_way;
    uint64_t n_conflicts;
    uint64_t n_failed;
    uint64_t n_local; // files that stay here
    uint64_t n_dirty; // written and not sealed: somebody has them open
    uint64_t bytes_waiting;
    uint64_t small_bytes; // of waiting files that may travel in the commit itself
    int64_t first_ms; // when the oldest of the waiting was sealed, monotonic; 0 = none
    int64_t last_ms;  // and the newest
};
void overlay_waiting(struct overlay *overlay, struct overlay_waiting *out);
// Called when something was sealed, and when somebody was told OVERLAY_SHOWN_LATER; from any thread,
// with the overlay's lock held: it only wakes somebody up.
void overlay_on_sealed(struct overlay *overlay, void (*wake)(void *ctx), void *ctx);

// Reads .hubignore when it has changed; blocks for it. Before overlay_take().
NODISCARD enum err overlay_read_rules(struct overlay *overlay, struct wait_owner *owner,
                                      struct why *why);
// Takes what is sealed, in stable order, at most n_max items: the files are frozen and on their
// way until overlay_landed() or overlay_returned(). ERR_ABSENT with *out_folder (malloc'd, a path):
// a folder that was moved or deleted has to be listed first.
NODISCARD enum err overlay_take(struct overlay *overlay, size_t n_max,
                                struct overlay_items *out, char **out_folder);
// None of it is on its way any more, whatever became of it.
void overlay_taken_is_over(struct overlay *overlay);
// A commit of this mount. What it shows and what the overlay says of it change at once, and so do the
// overlay's rows and the batch's: rows are over the commit before as long as the batch has a row.
struct overlay_commit {
    struct oid oid;
    const struct snapshot_view
        *view;         // to be shown; NULL: it, or one after it, is already
    const char *batch; // its row goes; NULL: it has none
};
// The items are in a commit; `versions` are what stands at the paths of the PUTs there. Durable when
// `done` is called.
NODISCARD enum err overlay_landed(struct overlay *overlay,
                                  const struct overlay_items *items,
                                  const struct file_version *versions,
                                  const struct overlay_commit *commit,
                                  overlay_done_fn done, void *ctx);
// What is known of the folders of what is on its way: its FOLDER and VANISHING items.
NODISCARD enum err overlay_each_place(struct overlay *overlay,
                                      enum err (*visit)(void *ctx,
                                                        const struct overlay_item *item),
                                      void *ctx);
// An earlier process has sent the items, and what came of them is not known yet: names that are
// changed until then remember it. Right after overlay_open().
void overlay_expect(struct overlay *overlay, const struct overlay_item *items, size_t n);
// What came of all of them is known.
void overlay_expect_no_more(struct overlay *overlay);
// An earlier process has sent the items, and the commit has been made of them; a PUT's under_oid is
// what it brought. After overlay_expect(), before overlay_take().
void overlay_learn(struct overlay *overlay, const struct overlay_item *items, size_t n,
                   const struct overlay_commit *commit);
// They are not; they wait again, for `pause_ms` at least. With `err` CONFLICT or FAILED-like
// (ERR_ACCESS, ERR_USAGE ...) they wait until somebody changes them or says so.
void overlay_returned(struct overlay *overlay, const struct overlay_item *items, size_t n,
                      enum err err, const struct why *why, int64_t pause_ms);
// Somebody else has changed what an item stands on: both versions stay readable, theirs (NULL:
// they deleted it) beside ours.
void overlay_conflict(struct overlay *overlay, const struct overlay_item *item,
                      const struct file_version *theirs);
// Of a folder that an item deletes only these, as they stand at `commit`, go: the rest is there again.
// They wait for the next commit.
struct overlay_part {
    char *path;
    enum entry_kind kind;
    struct oid oid;
};
void overlay_narrow(struct overlay *overlay, const struct overlay_item *item,
                    const struct oid *commit, const struct overlay_part *parts, size_t n);
// Gives up what was changed at and below a path ("" = all). ERR_NOT_FOUND: nothing is.
// *out_inos (malloc'd) are *out_n_inos numbers whose pages the kernel has to forget.
NODISCARD enum err overlay_discard(struct overlay *overlay, const char *path,
                                   uint64_t *out_n, uint64_t **out_inos,
                                   size_t *out_n_inos);
// What is refused or in conflict waits for a commit again.
void overlay_retry(struct overlay *overlay);

// Each change, for `hugfs status` and `hugfs diff`; `visit` must not call the overlay.
struct overlay_change_info {
    const char *path;
    char what; // 'A' new, 'M' changed, 'D' deleted, 'R' moved here
    enum journal_state state;
    bool stays_here;
    uint64_t size;
    uint64_t base_size;
    const char *sentence; // why it is refused or in conflict; "" = it is not
};
typedef void (*overlay_change_fn)(void *ctx, const struct overlay_change_info *info);
void overlay_changes(struct overlay *overlay, overlay_change_fn visit, void *ctx);

// What was changed here, by its number: a file, or a new folder. ERR_NOT_FOUND: the stored node is all
// that there is to say. Release it.
struct overlay_described {
    char *path; // from the repository's root
    enum entry_kind kind;
    struct local_file *file; // NULL: a folder
    enum journal_state state;
    bool stays_here;
    enum err trouble; // ERR_CONFLICT, ERR_REFUSED
    struct why why;
};
NODISCARD enum err overlay_describe(struct overlay *overlay, uint64_t ino,
                                    struct overlay_described *out);
void overlay_described_release(struct overlay_described *described);
