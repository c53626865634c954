// SPDX-License-Identifier: Apache-2.0
// The three commands that a person would give: mount, commit, umount. What can't be committed is
// said by them, and stays in the folder.
#include "fs/recover_commit.h"

#include "fs/say.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>

enum { WORDS_MAX = 12, LIST_MAX = 64 << 10, EXIT_SYSTEM = 2 };

// Runs this program with other words and returns its exit status.
static int run(char *const *words)
{
    pid_t child;
    int status;
    int failed = posix_spawn(&child, "/proc/self/exe", NULL, NULL, words, environ);
    if (failed) {
        say("cannot start %s: %s", words[1], strerror(failed));
        return EXIT_SYSTEM;
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return EXIT_SYSTEM;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SYSTEM;
}

// Appends ",TEXT" with what -o would take apart escaped.
static enum err append_option(struct buffer *list, const char *name, const char *text)
{
    enum err err = buffer_printf(list, ",%s", name);
    for (; err == ERR_NONE && *text != '\0'; text++) {
        if (*text == ',' || *text == '\\') {
            err = buffer_append_text(list, "\\");
        }
        err = err ? err : buffer_append(list, text, 1);
    }
    return err;
}

// commit=manual: nothing begins before it is asked for, and the answer is about all of it.
static enum err write_options(const char *folder, const struct state_command *command,
                              char *const *options, size_t n_options, struct buffer *out)
{
    AUTO_FREE char *state_dir = strdup(folder);
    char *slash = state_dir != NULL ? strrchr(state_dir, '/') : NULL;
    if (slash == NULL) {
        return state_dir == NULL ? ERR_NO_MEMORY : ERR_USAGE;
    }
    *slash = '\0';
    enum err err = buffer_printf(out, "%s,commit=manual", command->options);
    for (size_t i = 0; err == ERR_NONE && i < n_options; i++) {
        err = append_option(out, "", options[i]);
    }
    return err ? err : append_option(out, "state_dir=", state_dir);
}

static int work(const char *source, const char *options, char *dir)
{
    AUTO_FREE char *source_copy = strdup(source);
    AUTO_FREE char *options_copy = strdup(options);
    char program[] = "hugfs";
    char mount_word[] = "mount";
    char commit_word[] = "commit";
    char umount_word[] = "umount";
    char option_word[] = "-o";
    if (source_copy == NULL || options_copy == NULL) {
        return say_error(ERR_NO_MEMORY, NULL);
    }
    char *mount_words[WORDS_MAX] = {program,      mount_word,  option_word,
                                    options_copy, source_copy, dir};
    char *commit_words[WORDS_MAX] = {program, commit_word, dir};
    char *umount_words[WORDS_MAX] = {program, umount_word, dir};
    int status = run(mount_words);
    if (status != 0) {
        return status;
    }
    status = run(commit_words);
    int unmounted = run(umount_words);
    return status != 0 ? status : unmounted;
}

int recover_commit(const char *folder, const struct state_command *command,
                   char *const *options, size_t n_options)
{
    struct why why = {""};
    char dir[] = "/tmp/hugfs-recover-XXXXXX";
    AUTO(buffer) struct buffer list = buffer_init(LIST_MAX);
    enum err err = write_options(folder, command, options, n_options, &list);
    if (err == ERR_NONE && mkdtemp(dir) == NULL) {
        err = why_set(&why, err_from_errno(errno), "cannot make a folder in /tmp: %s",
                      strerror(errno));
    }
    if (err) {
        return say_error(err, &why);
    }
    fflush(stdout);
    int status = work(command->source, buffer_text(&list), dir);
    if (rmdir(dir) != 0) {
        say("%s could not be removed: %s", dir, strerror(errno));
    }
    return status;
}
