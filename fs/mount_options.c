// SPDX-License-Identifier: Apache-2.0
// One mount option at a time: what "cache_size=10G" does to struct mount_options. Where the
// options come from, and in which order, is mount_merge.c's business.
//
// An option is one of four things: ours (option_table.h); a word that fstab(5), mount(8) or
// systemd need and a FUSE program has to overlook; an option that libfuse or the kernel
// understands and that goes to them as it is; or refused.
#include "fs/mount_options.h"

#include "fs/address.h"
#include "fs/option_table.h"
#include "fs/option_value.h"

enum { CONNECTIONS_MAX = 1024, FUSE_EXTRA_MAX = 4096 };

// For other programs (fstab, systemd), or without meaning for a mount of the Hub, which
// is always nosuid and nodev and never changes an access time.
static const char *const overlooked[] = {
    "auto",        "noauto",        "user",     "nouser",     "users",    "group",
    "owner",       "nofail",        "_netdev",  "defaults",   "suid",     "nosuid",
    "dev",         "nodev",         "exec",     "async",      "sync",     "dirsync",
    "atime",       "noatime",       "diratime", "nodiratime", "relatime", "norelatime",
    "strictatime", "nostrictatime", "lazytime", "nolazytime",
};
static const char *const overlooked_prefixes[] = {"x-", "X-",
                                                  "comment=", "user=", "uhelper="};

// What libfuse and the kernel take.
static const char *const passed_on[] = {"noexec", "auto_unmount", "default_permissions"};
static const char *const passed_on_prefixes[] = {
    "max_read=", "context=", "fscontext=", "defcontext=", "rootcontext="};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool is_one_of(const char *text, size_t len, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool starts_with_one_of(const char *text, const char *const *prefixes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

void mount_options_init(struct mount_options *options)
{
    *options = (struct mount_options){
        .cache_size = UINT64_C(10) << 30,
        .poll_ms = 60000,
        .timeout_ms = 60000,
    };
}

void mount_options_release(struct mount_options *options)
{
    free(options->mount_point);
    free(options->cache_dir);
    free(options->state_dir);
    free(options->branch);
    free(options->endpoint);
    free(options->token_file);
    free(options->ca_file);
    free(options->log_file);
    free(options->debug);
    free(options->fuse_extra);
    *options = (struct mount_options){.mount_point = NULL};
}

// Replaces a string that the struct owns; takes ownership of `value`.
static enum err replace_string(char **field, char *value, struct why *why)
{
    if (value == NULL) {
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    free(*field);
    *field = value;
    return ERR_NONE;
}

// A path as written in a configuration file may begin with "~/"; the daemon changes to /, so
// relative ones are resolved now.
static enum err set_path(char **field, const char *value, struct why *why)
{
    const char *home = getenv("HOME");
    AUTO_FREE char *expanded = NULL;
    if (strncmp(value, "~/", 2) == 0 && home != NULL) {
        if (asprintf(&expanded, "%s%s", home, value + 1) < 0) {
            expanded = NULL;
        }
    } else {
        expanded = strdup(value);
    }
    if (expanded == NULL) {
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    return replace_string(field, file_absolute(expanded), why);
}

static enum err set_number(struct mount_options *options, const struct option_row *row,
                           const char *value, struct why *why)
{
    bool octal = row->kind == OPTION_UMASK;
    uint64_t max = octal                             ? 0777
                   : row->kind == OPTION_CONNECTIONS ? CONNECTIONS_MAX
                                                     : UINT32_MAX - 1;
    uint64_t number;
    enum err err = option_parse_number(value, octal ? 8 : 10, max, why, &number);
    if (err) {
        return err;
    }
    if (row->kind == OPTION_CONNECTIONS && number == 0) {
        return why_set(why, ERR_USAGE, "at least one connection is needed");
    }
    *(uint32_t *)((char *)options + row->offset) = (uint32_t)number;
    options->has_uid |= row->offset == offsetof(struct mount_options, uid);
    options->has_gid |= row->offset == offsetof(struct mount_options, gid);
    options->has_umask |= row->offset == offsetof(struct mount_options, umask);
    return ERR_NONE;
}

static enum err set_time(const struct option_row *row, const char *value, struct why *why,
                         int64_t *field)
{
    if (row->kind == OPTION_POLL && strcmp(value, "never") == 0) {
        *field = 0;
        return ERR_NONE;
    }
    int64_t time_ms;
    enum err err = option_parse_time(value, why, &time_ms);
    if (err) {
        return err;
    }
    if (time_ms == 0) {
        return why_set(why, ERR_USAGE, "it must be longer than nothing%s",
                       row->kind == OPTION_POLL ? "; 'never' turns polling off" : "");
    }
    *field = time_ms;
    return ERR_NONE;
}

// "hub+xet": a comma would end the option on a command line, so a plus sign does too. Every
// name has to be a module's, or a slip of the pen would print nothing.
static enum err set_modules(char **field, const char *value, struct why *why)
{
    static const char *const modules[] = {"all",  "cache", "fs", "fuse",
                                          "http", "hub",   "xet"};
    AUTO_FREE char *copy = strdup(value);
    if (copy == NULL) {
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    for (char *at = copy; *at != '\0';) {
        size_t len = strcspn(at, ",+");
        if (!is_one_of(at, len, modules, COUNT(modules))) {
            return why_set(why, ERR_USAGE,
                           "'%.*s' is none of cache, fs, fuse, http, hub, xet or all",
                           (int)(len < 40 ? len : 40), at);
        }
        at += len;
        if (*at != '\0') {
            *at++ = ',';
        }
    }
    return replace_string(field, STEAL_POINTER(copy), why);
}

static const char *const commit_modes[] = {
    [COMMIT_AUTO] = "auto", [COMMIT_MANUAL] = "manual", [COMMIT_CLOSE] = "close"};
static const char *const prefetch_modes[] = {
    [PREFETCH_AUTO] = "auto", [PREFETCH_OFF] = "off", [PREFETCH_WHOLE] = "whole"};

_Static_assert(sizeof(enum commit_mode) == sizeof(unsigned) &&
                   sizeof(enum prefetch_mode) == sizeof(unsigned),
               "set_word() writes them");

// The place of a word among three; `field` is an enum, which is an unsigned int here.
static enum err set_word(unsigned *field, const char *const words[3], const char *value,
                         struct why *why)
{
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(value, words[i]) == 0) {
            *field = i;
            return ERR_NONE;
        }
    }
    return why_set(why, ERR_USAGE, "'%.40s' is none of %s, %s or %s", value, words[0],
                   words[1], words[2]);
}

// What a revision may be called, but for what is no branch.
static enum err set_branch(char **field, const char *value, struct why *why)
{
    char name[REVISION_SIZE];
    enum err err = address_parse_revision(value, strlen(value), why, name);
    if (err) {
        return err;
    }
    if (strncmp(name, "refs/", 5) == 0) {
        return why_set(why, ERR_USAGE, "'%.100s' is no branch", name);
    }
    return replace_string(field, strdup(name), why);
}

static enum err set_row(struct mount_options *options, const struct option_row *row,
                        const char *value, struct why *why)
{
    void *field = (char *)options + row->offset;
    switch (row->kind) {
    case OPTION_NOTHING:
        return ERR_NONE;
    case OPTION_READ_ONLY: // and so is what a weaker source said about writing
        options->writable = options->as_pull = false;
        free(options->branch);
        options->branch = NULL;
        return ERR_NONE;
    case OPTION_READ_WRITE:
        options->writable = true;
        return ERR_NONE;
    case OPTION_FLAG:
        return option_parse_bool(value, why, field);
    case OPTION_SIZE:
        return option_parse_size(value, why, field);
    case OPTION_TIMEOUT:
    case OPTION_POLL:
        return set_time(row, value, why, field);
    case OPTION_CONNECTIONS:
    case OPTION_ID:
    case OPTION_UMASK:
        return set_number(options, row, value, why);
    case OPTION_PATH:
        return set_path(field, value, why);
    case OPTION_MODULES:
        return set_modules(field, value, why);
    case OPTION_COMMIT:
        return set_word(field, commit_modes, value, why);
    case OPTION_PREFETCH:
        return set_word(field, prefetch_modes, value, why);
    case OPTION_BRANCH:
        return set_branch(field, value, why);
    case OPTION_ENDPOINT: {
        char *endpoint;
        enum err err = option_parse_endpoint(value, why, &endpoint);
        return err ? err : replace_string(field, endpoint, why);
    }
    case OPTION_REVISION:
        return address_parse_revision(value, strlen(value), why, field);
    case OPTION_SUBDIR:
        return address_parse_subdir(value, why, field);
    }
    return ERR_NONE;
}

static enum err append_fuse_extra(struct mount_options *options, const char *text,
                                  struct why *why)
{
    char *joined = NULL;
    size_t len = options->fuse_extra != NULL ? strlen(options->fuse_extra) : 0;
    if (len + strlen(text) > FUSE_EXTRA_MAX) {
        return why_set(why, ERR_USAGE, "the options are too long");
    }
    if (asprintf(&joined, "%s%s%s", len ? options->fuse_extra : "", len ? "," : "",
                 text) < 0) {
        joined = NULL;
    }
    return replace_string(&options->fuse_extra, joined, why);
}

static enum err set_known(struct mount_options *options, const struct option_row *row,
                          const char *value, struct why *why)
{
    enum err err;
    if (value == NULL && row->hint != NULL) {
        err = why_set(why, ERR_USAGE, "a value is missing: %s=%s", row->name, row->hint);
    } else if (value != NULL &&
               (row->kind == OPTION_READ_ONLY || row->kind == OPTION_READ_WRITE)) {
        err = why_set(why, ERR_USAGE, "it takes no value");
    } else if (value != NULL && *value == '\0') {
        err = why_set(why, ERR_USAGE, "its value is empty");
    } else {
        err = set_row(options, row, value != NULL ? value : "yes", why);
    }
    return err ? why_prefix(why, err, "option %s", row->name) : ERR_NONE;
}

static enum err refuse(const char *name, int len, struct why *why)
{
    if (len == 5 && memcmp(name, "token", 5) == 0) {
        return why_set(
            why, ERR_USAGE,
            "a token is never an option, because everybody can read command lines: "
            "put it in a file and name that with token_file=, or set HF_TOKEN");
    }
    return why_set(why, ERR_USAGE, "unknown option '%.*s'", len < 60 ? len : 60, name);
}

enum err mount_options_set(struct mount_options *options, const char *text,
                           struct why *why)
{
    const char *equals = strchr(text, '=');
    size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
    const struct option_row *row = option_table_find(text, len);
    if (row != NULL) {
        return set_known(options, row, equals != NULL ? equals + 1 : NULL, why);
    }
    size_t whole = strlen(text);
    if (is_one_of(text, whole, overlooked, COUNT(overlooked)) ||
        starts_with_one_of(text, overlooked_prefixes, COUNT(overlooked_prefixes))) {
        return ERR_NONE;
    }
    if (is_one_of(text, whole, passed_on, COUNT(passed_on)) ||
        starts_with_one_of(text, passed_on_prefixes, COUNT(passed_on_prefixes))) {
        return append_fuse_extra(options, text, why);
    }
    return refuse(text, (int)len, why);
}
