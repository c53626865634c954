// SPDX-License-Identifier: Apache-2.0
// What an answer means: of the Hub to a commit, of its history to a lost reply, of a path to what
// was believed of it. Pure, so that each case can be tested.
#pragma once

#include "fs/overlay.h"

// What the reply to a commit means.
enum commit_reply {
    COMMIT_IS_MADE,
    COMMIT_IS_UNKNOWN,    // no reply, 5xx, or somebody was first: look at the head
    COMMIT_LACKS_CONTENT, // upload again, without believing what was uploaded before
    COMMIT_IS_TOO_MUCH,   // refused for something in it, or for its size: halves
    COMMIT_IS_REFUSED,    // all of it, for good
    COMMIT_IS_PUT_OFF,    // nothing was done: later
};
enum commit_reply commit_judge_reply(enum err err, const struct hub_committed *reply);

// What to do about COMMIT_IS_UNKNOWN.
enum commit_look {
    COMMIT_HAS_LANDED,
    COMMIT_SEND_AGAIN, // the identical body: a late first copy then loses against it, or it against that
    COMMIT_REBASE,     // the branch has moved without it
    COMMIT_LOOK_LATER, // sent twice, and the branch stands where it stood
};
// `is_found`: one of the commits since the parent is this one.
enum commit_look commit_judge_head(bool head_is_parent, bool is_found, bool was_resent);

// What stands at an item's path at the parent that the commit is to have.
struct commit_stand {
    bool exists;
    bool is_folder;
    struct oid oid;
    bool is_own; // we have put it there (or taken it away) ourselves
};
enum commit_path {
    COMMIT_PATH_FREE,     // as believed, or our own doing: goes along
    COMMIT_PATH_DONE,     // it is what the item wants already
    COMMIT_PATH_CONFLICT, // somebody else has changed it
};
// `ours`: git's id of what a PUT brings; NULL = a deletion.
enum commit_path commit_judge_path(const struct overlay_item *item,
                                   const struct oid *ours,
                                   const struct commit_stand *stand);
