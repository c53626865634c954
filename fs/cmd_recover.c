// SPDX-License-Identifier: Apache-2.0
// `hugfs recover [--list] [--to FOLDER] [--reset] [-o OPT] [DIR]`: commits what mounts that are gone
// have left unsent. To list it, and to copy it, nobody is asked: the journals are read where they
// lie.
#include "fs/commands.h"
#include "fs/figures.h"
#include "fs/mount_merge.h"
#include "fs/recover_commit.h"
#include "fs/recover_file.h"
#include "fs/say.h"
#include "fs/state_folder.h"

#include <inttypes.h>

enum { EXIT_NOT_ALL = 2 };

// One state folder.
struct recovery {
    const char *folder;
    const char *to; // NULL: only list
    struct journal *journal;
    uint64_t n_files;
    uint64_t n_names; // deleted, or moved away
    uint64_t n_copied;
    uint64_t bytes;
    int status;
};

static void copy_file(struct recovery *recovery, const struct recover_file *file)
{
    struct why why = {""};
    AUTO_FREE char *path = NULL;
    const char *folder = strrchr(recovery->folder, '/');
    folder = folder != NULL ? folder + 1 : recovery->folder;
    int n = path_is_legal(file->path, strlen(file->path))
                ? asprintf(&path, "%s/%s/%s", recovery->to, folder, file->path)
                : asprintf(&path, "%s/%s/file-%" PRIx64, recovery->to, folder, file->id);
    if (n < 0) {
        path = NULL;
        recovery->status = say_error(ERR_NO_MEMORY, NULL);
        return;
    }
    enum err err = recover_file_copy(file, recovery->journal, path, &why);
    if (err == ERR_ABSENT) {
        say("%s is not copied: parts of it are only on the Hub, mounting puts them "
            "together",
            file->path);
        recovery->status = EXIT_NOT_ALL;
    } else if (err != ERR_NONE) {
        recovery->status = say_error(err, &why);
    } else {
        recovery->n_copied++;
    }
}

static void print_file(const struct recover_file *file)
{
    char size[FIGURE_SIZE];
    char missing[FIGURE_SIZE];
    uint64_t n_missing = recover_file_missing(file);
    make_printable(file->path);
    make_printable(file->error);
    figure_bytes(file->top.size, size);
    figure_bytes(n_missing, missing);
    printf("  %-10s %10s  %s", journal_state_name(file->top.state), size,
           file->path[0] != '\0' ? file->path : "(never saved)");
    printf(n_missing > 0 ? "  (%s of it are only on the Hub)\n" : "\n", missing);
    if (file->error[0] != '\0') {
        printf("    %s\n", file->error);
    }
}

static enum err on_inode(void *ctx, const struct journal_inode *inode)
{
    struct recovery *recovery = ctx;
    struct recover_file file;
    bool is_settled =
        inode->top.state == JOURNAL_CLEAN || inode->top.state == JOURNAL_COMMITTED;
    if (inode->kind != JOURNAL_FILE || is_settled) {
        return ERR_NONE;
    }
    enum err err = recover_file_of(inode, &file);
    if (err) {
        return err;
    }
    recovery->n_files++;
    recovery->bytes += file.top.size;
    if (recovery->to != NULL) {
        copy_file(recovery, &file);
    }
    print_file(&file);
    recover_file_release(&file);
    return ERR_NONE;
}

static enum err on_name(void *ctx, uint64_t dir, const char *name, size_t len,
                        uint64_t inode, const void *extra, size_t extra_len)
{
    struct recovery *recovery = ctx;
    (void)dir;
    (void)name;
    (void)len;
    (void)extra;
    (void)extra_len;
    recovery->n_names += inode == 0;
    return ERR_NONE;
}

static void print_end(const struct recovery *recovery)
{
    char bytes[FIGURE_SIZE];
    figure_bytes(recovery->bytes, bytes);
    if (recovery->n_files == 0 && recovery->n_names == 0) {
        puts("  nothing waits");
        return;
    }
    printf("  %" PRIu64 " %s (%s)", recovery->n_files,
           recovery->n_files == 1 ? "file waits" : "files wait", bytes);
    if (recovery->n_names > 0) {
        printf(", %" PRIu64 " %s deleted or moved", recovery->n_names,
               recovery->n_names == 1 ? "name was" : "names were");
    }
    puts("");
    if (recovery->to != NULL) {
        printf("  %" PRIu64 " %s copied to %s\n", recovery->n_copied,
               recovery->n_copied == 1 ? "file was" : "files were", recovery->to);
    }
}

// What is to be done with a folder in which something waits.
static int finish(const struct recovery *recovery, const struct verb_arguments *arguments)
{
    struct state_command command;
    enum err err = state_folder_read(recovery->folder, &command);
    if (err != ERR_NONE) {
        say("%s: mount.txt does not say which repository this is for: mount that one "
            "again "
            "with -o rw",
            recovery->folder);
        return recovery->to != NULL || arguments->list ? 0 : EXIT_NOT_ALL;
    }
    if (recovery->to == NULL && !arguments->list) {
        return recover_commit(recovery->folder, &command, arguments->options,
                              arguments->n_options);
    }
    AUTO_FREE char *text = strdup(command.command);
    if (text != NULL) {
        make_printable(text);
        printf("  committed by 'hugfs recover', or by mounting again: %s\n", text);
    }
    return 0;
}

// A journal that cannot be read.
static int reset(const char *folder, const struct verb_arguments *arguments)
{
    struct why why = {""};
    AUTO_FREE char *aside = NULL;
    if (!arguments->reset) {
        say("%s: the files in staging/ can be copied by hand, NAMES.txt there says what "
            "they "
            "are; after that 'hugfs recover --reset' makes mounting possible",
            folder);
        return err_exit_status(ERR_DAMAGED);
    }
    enum err err = journal_set_aside(folder, &why, &aside);
    if (err) {
        return say_error(err, &why);
    }
    printf("  everything was moved to %s\n", aside);
    return 0;
}

static int recover(const char *folder, const struct verb_arguments *arguments)
{
    struct why why = {""};
    struct recovery recovery = {.folder = folder, .to = arguments->to};
    const struct journal_config config = {.dir = folder, .first_id = 1};
    const struct journal_visitor visitor = {
        .inode = on_inode, .name = on_name, .ctx = &recovery};
    puts(folder);
    enum err err = journal_open(&config, &why, &recovery.journal);
    if (err == ERR_BUSY) {
        printf("  a mount looks after it: %s\n", why.text);
        return 0;
    }
    if (err == ERR_NONE) {
        err = journal_load(recovery.journal, &visitor, &why);
        if (err == ERR_NONE) {
            print_end(&recovery);
        }
        enum err closed = journal_close(recovery.journal);
        err = err ? err : closed;
    }
    if (err == ERR_NONE) {
        bool waits = recovery.n_files > 0 || recovery.n_names > 0;
        int status = waits ? finish(&recovery, arguments) : 0;
        return recovery.status != 0 ? recovery.status : status;
    }
    int status = say_error(err, &why);
    return err == ERR_DAMAGED ? reset(folder, arguments) : status;
}

// Whether the folder is one that state_folder_path() tells.
static bool is_state_folder(const char *path)
{
    AUTO_FREE char *journal = NULL;
    if (asprintf(&journal, "%s/journal.db", path) < 0) {
        journal = NULL;
        return false;
    }
    return access(journal, F_OK) == 0;
}

static int recover_all(const char *state_dir, const struct verb_arguments *arguments)
{
    struct why why = {""};
    AUTO(state_folders) struct state_folders folders;
    enum err err = state_folders_list(state_dir, &why, &folders);
    if (err) {
        return say_error(err, &why);
    }
    if (folders.n == 0) {
        printf("nothing waits in %s\n", state_dir);
    }
    int status = 0;
    for (size_t i = 0; i < folders.n; i++) {
        int one = recover(folders.paths[i], arguments);
        status = status == 0 ? one : status;
    }
    return status;
}

static int run(struct verb_arguments *arguments)
{
    struct why why = {""};
    AUTO(mount_options) struct mount_options options;
    AUTO_FREE char *to = arguments->to != NULL ? file_absolute(arguments->to) : NULL;
    AUTO_FREE char *dir =
        arguments->n_operands > 0 ? file_absolute(arguments->operands[0]) : NULL;
    enum err err =
        mount_merge_cache(arguments->options, arguments->n_options, &why, &options);
    if (err) {
        return say_error(err, &why);
    }
    if ((arguments->to != NULL && to == NULL) ||
        (arguments->n_operands > 0 && dir == NULL)) {
        return say_error(ERR_NO_MEMORY, NULL);
    }
    arguments->to = to;
    if (dir != NULL && is_state_folder(dir)) {
        return recover(dir, arguments);
    }
    if (dir != NULL && access(dir, F_OK) != 0) {
        why_set(&why, ERR_USAGE, "there is no folder %s", dir);
        return say_error(ERR_USAGE, &why);
    }
    const char *state_dir = dir != NULL ? dir : options.state_dir;
    if (state_dir == NULL) {
        why_set(&why, ERR_USAGE, "HOME is not set: name the folder of state_dir=");
        return say_error(ERR_USAGE, &why);
    }
    return recover_all(state_dir, arguments);
}

int cmd_recover(const struct verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    status = run(&arguments);
    verb_arguments_release(&arguments);
    return status;
}
