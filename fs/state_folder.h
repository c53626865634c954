// SPDX-License-Identifier: Apache-2.0
// Where unsent work lies. STATE_DIR (state_dir=) has a folder for each branch that a mount writes
// to; a pull request of -o pr counts as a branch of its own, so work goes where it was meant to:
//
//   STATE_DIR/datasets--OWNER--NAME@main-1a2b3c4d5e6f/      the journal's (journal.h)
//       mount.txt      the command that mounts it again, for a person and for `hugfs recover`
//
// The digits stand for endpoint, repository, branch and whether it is a pull request.
#pragma once

#include "fs/mount_options.h"

// The folder, malloc'd; NULL without memory. `branch` is the one that is committed to
// (of a pull request: that it is asked for), by name: options->branch, or what is mounted.
char *state_folder_path(const struct mount_options *options, const struct repo_id *repo,
                        const char *branch);
// Makes the folder (0700) and its mount.txt. A folder that others may write to, or that belongs to
// somebody else, is refused: ERR_ACCESS with a sentence. Before journal_open().
NODISCARD enum err state_folder_make(const char *folder,
                                     const struct mount_options *options,
                                     const struct repo_id *repo, const char *branch,
                                     struct why *why);

// The folders below STATE_DIR that hold a journal, sorted.
struct state_folders {
    char **paths;
    size_t n;
};
// Without STATE_DIR there is none. Release `out` in every case.
NODISCARD enum err state_folders_list(const char *state_dir, struct why *why,
                                      struct state_folders *out);
void state_folders_release(struct state_folders *folders);

// What a folder's mount.txt says.
enum { STATE_COMMAND_SIZE = 4096 };
struct state_command {
    char text[STATE_COMMAND_SIZE]; // of the next
    const char *command;           // for a person
    const char *options;           // as after -o
    const char *source;
};
// ERR_NOT_FOUND, ERR_MALFORMED.
NODISCARD enum err state_folder_read(const char *folder, struct state_command *out);
