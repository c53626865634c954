// SPDX-License-Identifier: Apache-2.0
// A reply that says neither yes nor no is never taken for a no: only looking at the branch tells.
#include "fs/commit_verdict.h"

enum { STATUS_TOO_LARGE = 413 };

enum commit_reply commit_judge_reply(enum err err, const struct hub_committed *reply)
{
    switch (err) {
    case ERR_NONE:
        return COMMIT_IS_MADE;
    case ERR_CONFLICT:
        return COMMIT_IS_UNKNOWN;
    case ERR_USAGE:
        return reply->lfs_is_missing ? COMMIT_LACKS_CONTENT : COMMIT_IS_TOO_MUCH;
    case ERR_ACCESS:
    case ERR_NOT_FOUND:
    case ERR_UNSUPPORTED:
        return COMMIT_IS_REFUSED;
    case ERR_QUOTA:
        return COMMIT_IS_PUT_OFF;
    case ERR_TOO_LARGE: // also: an answer that is too large
        if (reply->status == STATUS_TOO_LARGE) {
            return COMMIT_IS_TOO_MUCH;
        }
        break;
    default:
        break;
    }
    return reply->was_sent ? COMMIT_IS_UNKNOWN : COMMIT_IS_PUT_OFF;
}

enum commit_look commit_judge_head(bool head_is_parent, bool is_found, bool was_resent)
{
    if (head_is_parent) {
        return was_resent ? COMMIT_LOOK_LATER : COMMIT_SEND_AGAIN;
    }
    return is_found ? COMMIT_HAS_LANDED : COMMIT_REBASE;
}

enum commit_path commit_judge_path(const struct overlay_item *item,
                                   const struct oid *ours,
                                   const struct commit_stand *stand)
{
    bool is_done =
        ours == NULL ? !stand->exists
                     : stand->exists && !stand->is_folder && oid_equal(ours, &stand->oid);
    if (is_done) {
        return COMMIT_PATH_DONE;
    }
    bool is_same = oid_equal(&stand->oid, &item->under_oid);
    bool is_believed = stand->exists == item->under_exists && (!stand->exists || is_same);
    return is_believed || stand->is_own ? COMMIT_PATH_FREE : COMMIT_PATH_CONFLICT;
}
