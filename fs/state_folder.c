// SPDX-License-Identifier: Apache-2.0
// A name is made to be read; the digits make it one of its kind, because "a/b" and "a--b" are
// written alike and long names are cut.
#include "fs/state_folder.h"

#include "fs/address.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

enum { READABLE_MAX = 180, DIGITS = 12 };
#define DEFAULT_ENDPOINT "https://huggingface.co"

static void digits_of(const struct mount_options *options, const char *repo,
                      const char *branch, char out[DIGEST_HEX_SIZE])
{
    AUTO(buffer) struct buffer text = buffer_init(8192);
    struct digest digest = {{0}};
    // What is too long for the buffer names no folder: the caller finds the digits of nothing.
    if (buffer_printf(&text, "%s\n%s\n%s\n%s", options->endpoint, repo, branch,
                      options->as_pull ? "pr" : "") == ERR_NONE) {
        sha256_of(text.bytes, text.len, &digest);
    }
    digest_to_hex(&digest, out);
    out[DIGITS] = '\0';
}

char *state_folder_path(const struct mount_options *options, const struct repo_id *repo,
                        const char *branch)
{
    char name[REPO_NAME_SIZE + 16];
    char digits[DIGEST_HEX_SIZE];
    char readable[2 * READABLE_MAX];
    size_t n = 0;
    char *path = NULL;
    repo_id_format(repo, name, sizeof(name));
    digits_of(options, name, branch, digits);
    const char *const parts[] = {name, "@", branch, options->as_pull ? "+pr" : ""};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        for (const char *at = parts[i]; *at != '\0' && n < READABLE_MAX; at++) {
            readable[n++] = *at == '/' ? '-' : *at;
            if (*at == '/') {
                readable[n++] = '-';
            }
        }
    }
    readable[n] = '\0';
    return asprintf(&path, "%s/%s-%s", options->state_dir, readable, digits) < 0 ? NULL
                                                                                 : path;
}

// -------------------------------------------------------------------------------- making

static enum err check_owner(const char *folder, struct why *why)
{
    struct stat status;
    if (stat(folder, &status) != 0) {
        return why_set(why, err_from_errno(errno), "cannot look at %s: %s", folder,
                       strerror(errno));
    }
    if (status.st_uid != geteuid()) {
        return why_set(
            why, ERR_ACCESS,
            "the state folder %s belongs to somebody else: choose another with "
            "state_dir=",
            folder);
    }
    if (status.st_mode & (S_IWGRP | S_IWOTH)) {
        return why_set(why, ERR_ACCESS,
                       "others may write to the state folder %s: chmod 700 it", folder);
    }
    return ERR_NONE;
}

// Three lines: the command for a person, and its options and source for recover_commit.c.
static enum err write_command(const struct mount_options *options,
                              const struct repo_id *repo, const char *branch,
                              struct buffer *out)
{
    struct address address = {.repo = *repo};
    AUTO(buffer) struct buffer source = buffer_init(STATE_COMMAND_SIZE / 4);
    AUTO(buffer) struct buffer list = buffer_init(STATE_COMMAND_SIZE / 4);
    snprintf(address.revision, sizeof(address.revision), "%s", branch);
    enum err err = buffer_printf(&list, "rw%s", options->as_pull ? ",pr" : "");
    if (err == ERR_NONE && options->branch != NULL) { // which may not be there yet
        memcpy(address.revision, options->address.revision, sizeof(address.revision));
        err = buffer_printf(&list, ",branch=%s", options->branch);
    }
    if (err == ERR_NONE && strcmp(options->endpoint, DEFAULT_ENDPOINT) != 0) {
        err = buffer_printf(&list, ",endpoint=%s%s", options->endpoint,
                            options->insecure_http ? ",insecure_http" : "");
    }
    err = err ? err : address_format(&address, &source);
    return err ? err
               : buffer_printf(out, "hugfs mount -o %s '%s' DIR\n%s\n%s\n",
                               buffer_text(&list), buffer_text(&source),
                               buffer_text(&list), buffer_text(&source));
}

enum err state_folder_make(const char *folder, const struct mount_options *options,
                           const struct repo_id *repo, const char *branch,
                           struct why *why)
{
    AUTO(buffer) struct buffer command = buffer_init(STATE_COMMAND_SIZE - 1);
    AUTO_FREE char *path = NULL;
    enum err err = file_make_dirs(folder, 0700, why);
    err = err ? err : check_owner(options->state_dir, why);
    err = err ? err : check_owner(folder, why);
    if (err) {
        return err;
    }
    if (asprintf(&path, "%s/mount.txt", folder) < 0) {
        path = NULL;
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    err = write_command(options, repo, branch, &command);
    return err ? err : file_replace(path, command.bytes, command.len, 0600, why);
}

// ------------------------------------------------------------------------------- listing

static bool has_journal(const char *folder)
{
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, "%s/journal.db", folder) < 0) {
        path = NULL;
        return false;
    }
    return access(path, F_OK) == 0;
}

static enum err add_folder(struct state_folders *folders, char *path)
{
    char **grown = path != NULL
                       ? reallocarray(folders->paths, folders->n + 1, sizeof(*grown))
                       : NULL;
    if (grown == NULL) {
        free(path);
        return ERR_NO_MEMORY;
    }
    folders->paths = grown;
    folders->paths[folders->n++] = path;
    return ERR_NONE;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum err state_folders_list(const char *state_dir, struct why *why,
                            struct state_folders *out)
{
    *out = (struct state_folders){.n = 0};
    DIR *dir = opendir(state_dir);
    if (dir == NULL) {
        return errno == ENOENT ? ERR_NONE
                               : why_set(why, err_from_errno(errno), "cannot open %s: %s",
                                         state_dir, strerror(errno));
    }
    enum err err = ERR_NONE;
    const struct dirent *entry;
    while (err == ERR_NONE && (entry = readdir(dir)) != NULL) {
        char *path = NULL;
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (asprintf(&path, "%s/%s", state_dir, entry->d_name) < 0) {
            path = NULL;
            err = ERR_NO_MEMORY;
        } else if (has_journal(path)) {
            err = add_folder(out, path);
        } else {
            free(path);
        }
    }
    closedir(dir);
    if (out->n > 0) {
        qsort(out->paths, out->n, sizeof(out->paths[0]), by_name);
    }
    return err;
}

void state_folders_release(struct state_folders *folders)
{
    for (size_t i = 0; i < folders->n; i++) {
        free(folders->paths[i]);
    }
    free(folders->paths);
    *folders = (struct state_folders){.n = 0};
}

enum err state_folder_read(const char *folder, struct state_command *out)
{
    AUTO(buffer) struct buffer text = buffer_init(STATE_COMMAND_SIZE - 1);
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, "%s/mount.txt", folder) < 0) {
        path = NULL;
        return ERR_NO_MEMORY;
    }
    enum err err = file_read_all(path, NULL, &text);
    if (err) {
        return err;
    }
    char *rest = NULL;
    char *copy = out->text;
    snprintf(out->text, sizeof(out->text), "%s", buffer_text(&text));
    out->command = strtok_r(copy, "\n", &rest);
    out->options = strtok_r(NULL, "\n", &rest);
    out->source = strtok_r(NULL, "\n", &rest);
    return out->source != NULL ? ERR_NONE : ERR_MALFORMED;
}
