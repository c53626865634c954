// SPDX-License-Identifier: Apache-2.0
// Merges what files, environment and command line say about a mount. The weaker source is
// applied first and the stronger one replaces it, so precedence is nothing but the order of
// the calls in merge_sources().
#include "fs/mount_merge.h"

#include "fs/address.h"
#include "fs/config_file.h"

#include <strings.h>
#include <sys/statvfs.h>

#define SYSTEM_CONFIG "/etc/hugfs.conf"
#define DEFAULT_ENDPOINT "https://huggingface.co"

static enum err apply_setting(void *ctx, const char *setting, struct why *why)
{
    return mount_options_set(ctx, setting, why);
}

// The environment's value, or NULL where it is unset or empty.
static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

// malloc'd "$XDG/tail" or "$HOME/home/tail"; NULL where neither is set.
static char *user_path(const char *xdg, const char *home_folder, const char *tail)
{
    char *path = NULL;
    const char *base = environment(xdg);
    const char *home = environment("HOME");
    int n = -1;
    if (base != NULL &&
        base[0] == '/') { // the specification: a relative one is to be ignored
        n = asprintf(&path, "%s/%s", base, tail);
    } else if (home != NULL) {
        n = asprintf(&path, "%s/%s/%s", home, home_folder, tail);
    }
    return n < 0 ? NULL : path;
}

static enum err apply_files(struct mount_options *options, const struct repo_id *repo,
                            struct why *why)
{
    enum err err = config_read(SYSTEM_CONFIG, repo, why, apply_setting, options);
    if (err) {
        return err;
    }
    AUTO_FREE char *path = user_path("XDG_CONFIG_HOME", ".config", "hugfs/config");
    return path != NULL ? config_read(path, repo, why, apply_setting, options) : ERR_NONE;
}

static enum err apply_variable(struct mount_options *options, const char *variable,
                               const char *option, struct why *why)
{
    const char *value = environment(variable);
    if (value == NULL) {
        return ERR_NONE;
    }
    AUTO_FREE char *setting = NULL;
    if (asprintf(&setting, "%s=%s", option, value) < 0) {
        setting = NULL;
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err err = mount_options_set(options, setting, why);
    return err ? why_prefix(why, err, "%s in the environment", variable) : ERR_NONE;
}

// Stronger than a file that the configuration names.
static void apply_token(struct mount_options *options)
{
    const char *variables[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
    for (size_t i = 0; i < 2; i++) {
        const char *value = environment(variables[i]);
        if (value != NULL && value[strspn(value, " \t\r\n")] != '\0') {
            free(options->token_file);
            options->token_file = NULL;
        }
    }
}

static enum err apply_environment(struct mount_options *options, struct why *why)
{
    apply_token(options);
    enum err err = apply_variable(options, "HUGFS_CACHE_DIR", "cache_dir", why);
    if (err == ERR_NONE) {
        err = apply_variable(options, "HUGFS_STATE_DIR", "state_dir", why);
    }
    if (err == ERR_NONE) {
        err = apply_variable(options, "HF_ENDPOINT", "endpoint", why);
    }
    if (err == ERR_NONE) {
        err = apply_variable(options, "HF_HUB_OFFLINE", "offline", why);
    }
    if (err == ERR_NONE && options->ca_file == NULL) {
        err = apply_variable(options, "SSL_CERT_FILE", "ca_file", why);
    }
    return err;
}

// The address and -o rev=, subdir= are both the command line's word: they may agree, but not
// differ.
static enum err apply_address(struct mount_options *options,
                              const struct address *address,
                              const struct mount_arguments *arguments, struct why *why)
{
    options->address.repo = address->repo;
    options->address.is_hub = address->is_hub;
    if (address->revision[0] != '\0') {
        memcpy(options->address.revision, address->revision, sizeof address->revision);
    }
    if (address->subdir[0] != '\0') {
        memcpy(options->address.subdir, address->subdir, sizeof address->subdir);
    }
    for (size_t i = 0; i < arguments->n_options; i++) {
        enum err err = mount_options_set(options, arguments->options[i], why);
        if (err) {
            return err;
        }
    }
    if (address->is_hub &&
        (options->address.revision[0] != '\0' || options->address.subdir[0] != '\0')) {
        return why_set(why, ERR_USAGE,
                       "rev= and subdir= belong to one repository, not to the whole Hub: "
                       "there every revision is a path, OWNER/NAME@REV");
    }
    if (address->revision[0] != '\0' &&
        strcmp(address->revision, options->address.revision) != 0) {
        return why_set(why, ERR_USAGE,
                       "the revision is given twice: '%s' in the address, '%s' by "
                       "rev=",
                       address->revision, options->address.revision);
    }
    if (address->subdir[0] != '\0' &&
        strcmp(address->subdir, options->address.subdir) != 0) {
        return why_set(why, ERR_USAGE,
                       "the folder is given twice: '%.100s' in the address, "
                       "'%.100s' by subdir=",
                       address->subdir, options->address.subdir);
    }
    return ERR_NONE;
}

enum err mount_merge(const struct mount_arguments *arguments, struct why *why,
                     struct mount_options *out)
{
    mount_options_init(out);
    struct address address;
    enum err err = address_parse(arguments->source, why, &address);
    if (err == ERR_NONE) {
        err = apply_files(out, address.is_hub ? NULL : &address.repo, why);
    }
    if (err == ERR_NONE) {
        err = apply_environment(out, why);
    }
    if (err == ERR_NONE) {
        err = apply_address(out, &address, arguments, why);
    }
    if (err) {
        return err;
    }
    out->foreground = arguments->foreground;
    out->fuse_debug = arguments->debug;
    out->mount_point = file_absolute(arguments->dir);
    if (out->mount_point == NULL) {
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    return mount_options_finish(out, why);
}

enum err mount_merge_cache(char *const *options, size_t n, struct why *why,
                           struct mount_options *out)
{
    mount_options_init(out);
    enum err err = apply_files(out, NULL, why);
    if (err == ERR_NONE) {
        err = apply_environment(out, why);
    }
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        err = mount_options_set(out, options[i], why);
    }
    return err ? err : mount_options_finish(out, why);
}

static enum err choose_cache_dir(struct mount_options *options, struct why *why)
{
    options->cache_dir = user_path("XDG_CACHE_HOME", ".cache", "hugfs");
    if (options->cache_dir == NULL && geteuid() == 0) {
        options->cache_dir = strdup("/var/cache/hugfs");
    }
    return options->cache_dir != NULL
               ? ERR_NONE
               : why_set(
                     why, ERR_USAGE,
                     "there is no place for the cache: HOME is not set; use cache_dir=");
}

// 5 % of the device that holds the folder, or will hold it, but at most 1 GiB.
static uint64_t default_free_floor(const char *dir)
{
    const uint64_t most = UINT64_C(1) << 30;
    AUTO_FREE char *path = strdup(dir);
    struct statvfs device;
    while (path != NULL && statvfs(path, &device) != 0) {
        char *slash = strrchr(path, '/');
        if (slash == NULL || slash == path) {
            return most;
        }
        *slash = '\0';
    }
    uint64_t size;
    if (path == NULL || !checked_mul(device.f_blocks, device.f_frsize, &size)) {
        return most;
    }
    return size / 20 < most ? size / 20 : most;
}

static bool is_at_or_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

// NULL: there is none, which matters to who has something to keep there.
static char *default_state_dir(void)
{
    char *dir = user_path("XDG_STATE_HOME", ".local/state", "hugfs");
    return dir == NULL && geteuid() == 0 ? strdup("/var/lib/hugfs") : dir;
}

// Who says one of the two times means the other to follow.
static enum err finish_times(struct mount_options *options, struct why *why)
{
    const int64_t quiet_ms = 2000;
    const int64_t max_delay_ms = 30000;
    int64_t quiet = options->quiet_ms;
    int64_t delay = options->max_delay_ms;
    if (quiet != 0 && delay != 0 && quiet > delay) {
        return why_set(why, ERR_USAGE,
                       "quiet= is longer than max_delay=, so it could never pass");
    }
    options->quiet_ms = quiet != 0                       ? quiet
                        : delay != 0 && delay < quiet_ms ? delay
                                                         : quiet_ms;
    options->max_delay_ms = delay != 0             ? delay
                            : quiet > max_delay_ms ? quiet
                                                   : max_delay_ms;
    return ERR_NONE;
}

// What a mount that writes needs, and what only such a one has.
static enum err check_writing(const struct mount_options *options, struct why *why)
{
    if (!options->writable && (options->as_pull || options->branch != NULL)) {
        return why_set(why, ERR_USAGE, "%s is for a mount that writes: add rw",
                       options->as_pull ? "pr" : "branch=");
    }
    if (options->as_pull && options->branch != NULL) {
        return why_set(why, ERR_USAGE,
                       "pr and branch= exclude each other: a pull request is a branch of "
                       "its own");
    }
    if (options->writable && options->address.is_hub) {
        return why_set(why, ERR_USAGE,
                       "rw needs one repository: mount the whole Hub with ro, and "
                       "hf://OWNER/NAME with rw");
    }
    return ERR_NONE;
}

static enum err check_state_dir(const struct mount_options *options, struct why *why)
{
    if (options->state_dir == NULL) {
        return why_set(why, ERR_USAGE,
                       "there is no place for unsent work: HOME is not set; use "
                       "state_dir=");
    }
    if (is_at_or_below(options->state_dir, options->mount_point)) {
        return why_set(
            why, ERR_USAGE,
            "the state folder %s lies inside the mount point %s: choose another "
            "with state_dir=",
            options->state_dir, options->mount_point);
    }
    // `hugfs cache clear`, and whoever deletes a cache by hand, must not delete unsent work.
    if (is_at_or_below(options->state_dir, options->cache_dir)) {
        return why_set(why, ERR_USAGE,
                       "the state folder %s lies inside the cache folder %s, where "
                       "everything may be deleted: choose another with state_dir=",
                       options->state_dir, options->cache_dir);
    }
    return ERR_NONE;
}

enum err mount_options_finish(struct mount_options *options, struct why *why)
{
    if (options->cache_dir == NULL) {
        enum err err = choose_cache_dir(options, why);
        if (err) {
            return err;
        }
    }
    if (options->state_dir == NULL) {
        options->state_dir = default_state_dir();
    }
    if (options->endpoint == NULL) {
        options->endpoint = strdup(DEFAULT_ENDPOINT);
        if (options->endpoint == NULL) {
            return why_set(why, ERR_NO_MEMORY, "out of memory");
        }
    }
    options->free_floor = default_free_floor(options->cache_dir);
    if (options->mount_point != NULL &&
        is_at_or_below(options->cache_dir, options->mount_point)) {
        return why_set(
            why, ERR_USAGE,
            "the cache folder %s lies inside the mount point %s: choose another with "
            "cache_dir=",
            options->cache_dir, options->mount_point);
    }
    enum err err = finish_times(options, why);
    if (err == ERR_NONE && options->mount_point != NULL) {
        err = check_writing(options, why);
    }
    return err || options->mount_point == NULL || !options->writable
               ? err
               : check_state_dir(options, why);
}
