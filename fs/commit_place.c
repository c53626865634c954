// SPDX-License-Identifier: Apache-2.0
// Opening a pull request can't be repeated without harm. So what its title will say is in the
// journal before it is asked for; when the reply was lost, it is looked for first.
#include "fs/commit_place.h"

#include "fs/commit_ask.h"
#include "fs/commit_base.h"
#include "fs/commit_id.h"

#include <inttypes.h>

#define PULL_TITLE "Changes made with hugfs"

static void use_pull(struct commit_work *work, uint64_t number)
{
    work->pull = number;
    snprintf(work->revision, sizeof(work->revision), "refs/pr/%" PRIu64, number);
    commit_report_target(work->report, work->revision, number);
}

enum err commit_place_recall(struct commit_work *work, const char *key, const void *value,
                             size_t len)
{
    if (!work->as_pull) {
        return ERR_NONE;
    }
    AUTO_FREE char *text = strndup(value, len);
    if (text == NULL) {
        return ERR_NO_MEMORY;
    }
    if (strcmp(key, COMMIT_META_PULL) == 0) {
        uint64_t number = strtoull(text, NULL, 10);
        if (number > 0) {
            use_pull(work, number);
        }
    } else if (strcmp(key, COMMIT_META_PULL_KEY) == 0) {
        free(work->pull_key);
        work->pull_key = STEAL_POINTER(text);
    }
    return ERR_NONE;
}

static enum err keep_meta(struct commit_work *work, const char *key, const char *value,
                          struct why *why)
{
    struct journal_change *change = journal_change_new();
    journal_change_put_meta(change, key, value, strlen(value));
    return commit_ask_journal(work, change, why);
}

// ---------------------------------------------------------------------- the pull request

static enum err open_new_pull(struct commit_work *work, struct why *why)
{
    char id[COMMIT_ID_SIZE];
    char title[sizeof(PULL_TITLE) + COMMIT_ID_SIZE + 8];
    if (work->pull_key == NULL) {
        commit_id_new(id);
        work->pull_key = strdup(id);
        enum err err = work->pull_key == NULL
                           ? ERR_NO_MEMORY
                           : keep_meta(work, COMMIT_META_PULL_KEY, id, why);
        if (err != ERR_NONE) {
            free(work->pull_key);
            work->pull_key = NULL;
            return err;
        }
    }
    snprintf(title, sizeof(title), PULL_TITLE " (%s)", work->pull_key);
    CRASH_POINT("commit.pull_opening");
    enum err err = commit_ask_pull(work, title, "Saved in a folder that hugfs mounts.",
                                   why, &work->pull);
    CRASH_POINT("commit.pull_opened");
    return err;
}

// The number may be there already, under the key: from a lost reply, or before a crash.
static enum err open_pull(struct commit_work *work, struct why *why)
{
    uint64_t number = 0;
    enum err err = ERR_NONE;
    if (work->pull_key != NULL) {
        err = commit_ask_found_pull(work, work->pull_key, why, &number);
    }
    if (err == ERR_NONE && number == 0) {
        err = open_new_pull(work, why);
        number = work->pull;
        work->pull = 0;
    }
    if (err != ERR_NONE) {
        return err;
    }
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    err = keep_meta(work, COMMIT_META_PULL, text, why);
    if (err == ERR_NONE) {
        use_pull(work, number);
        log_info("fs", "opened pull request number=%s", text);
    }
    return err;
}

// ----------------------------------------------------------------------------- the branch

static enum err open_branch(struct commit_work *work, struct why *why)
{
    struct snapshot_view view;
    snapshot_current(work->mount->snapshot, &view);
    enum err err = commit_ask_branch(work, work->new_branch, &view.commit, why);
    if (err != ERR_NONE && err != ERR_CONFLICT) {
        return err;
    }
    snprintf(work->revision, sizeof(work->revision), "%s", work->new_branch);
    commit_report_target(work->report, work->revision, 0);
    return ERR_NONE;
}

enum err commit_place_open(struct commit_work *work, struct why *why)
{
    if (work->is_ready) {
        return ERR_NONE;
    }
    enum err err = ERR_NONE;
    if (work->as_pull && work->pull == 0) {
        err = open_pull(work, why);
    } else if (work->new_branch != NULL) {
        err = open_branch(work, why);
    }
    if (err == ERR_NONE && (work->as_pull || work->new_branch != NULL)) {
        err = commit_base_follow(work, why, NULL);
    }
    work->is_ready = err == ERR_NONE;
    return err;
}
