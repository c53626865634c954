// SPDX-License-Identifier: Apache-2.0
// The two dialects of a mount's command line, by libfuse's fuse_opt: it knows how -o lists are
// split and escaped, and that `-o a -o b` and `-oa,b` are the same.
//
// mount(8) hands a helper "rw" whenever fstab says nothing else, so there "rw" is a wish only
// beside an option that nobody but a mount that writes has.
#include "fs/mount_arguments.h"

#include <fuse_opt.h>
#include <limits.h>

enum { OPTIONS_MAX = 256 };

enum argument_key {
    KEY_FOREGROUND,
    KEY_DEBUG,
    KEY_HELP,
    KEY_VERSION,
    KEY_FAKE,
    KEY_READ_ONLY,
    KEY_MOUNT_RW,
    KEY_NAMESPACE,
    KEY_NOTHING,
};

// FUSE_OPT_KEY() without its implicit conversion: an offset of UINT_MAX means "call me".
// clang-format off
#define KEY(template, key) { template, (unsigned long)UINT_MAX, key }
// clang-format on

// -s (single thread), -n (no mtab) and -v (verbose) are part of FUSE's and mount(8)'s habits and
// mean nothing here: no thread of a mount ever waits, and there is no mtab.
static const struct fuse_opt fuse_dialect[] = {
    KEY("-f", KEY_FOREGROUND),
    KEY("-d", KEY_DEBUG),
    KEY("-s", KEY_NOTHING),
    KEY("-n", KEY_NOTHING),
    KEY("-v", KEY_NOTHING),
    KEY("-r", KEY_READ_ONLY),
    KEY("-h", KEY_HELP),
    KEY("--help", KEY_HELP),
    KEY("-V", KEY_VERSION),
    KEY("--version", KEY_VERSION),
    FUSE_OPT_END,
};

static const struct fuse_opt helper_dialect[] = {
    KEY("-f", KEY_FAKE),           KEY("-s", KEY_NOTHING),
    KEY("-n", KEY_NOTHING),        KEY("-v", KEY_NOTHING),
    KEY("-r", KEY_READ_ONLY),      KEY("-w", KEY_MOUNT_RW),
    KEY("rw", KEY_MOUNT_RW),       KEY("-t ", KEY_NOTHING),
    KEY("-N ", KEY_NAMESPACE),     KEY("-h", KEY_HELP),
    KEY("--help", KEY_HELP),       KEY("-V", KEY_VERSION),
    KEY("--version", KEY_VERSION), FUSE_OPT_END,
};

struct arguments_reader {
    struct mount_arguments *out;
    struct why *why;
    bool mount_says_rw;
};

// fuse_opt's word for a failure, whose sentence why_set() has just stored.
static int fail(enum err err)
{
    return err ? -1 : 0;
}

static int add_option(struct arguments_reader *reader, const char *text)
{
    struct mount_arguments *out = reader->out;
    if (text[0] == '-') {
        return fail(why_set(reader->why, ERR_USAGE, "unknown option '%.60s'", text));
    }
    if (out->n_options == OPTIONS_MAX) {
        return fail(why_set(reader->why, ERR_USAGE, "there are too many options"));
    }
    char **grown = reallocarray(out->options, out->n_options + 1, sizeof *grown);
    if (grown == NULL) {
        return fail(why_set(reader->why, ERR_NO_MEMORY, "out of memory"));
    }
    out->options = grown;
    out->options[out->n_options] = strdup(text);
    if (out->options[out->n_options] == NULL) {
        return fail(why_set(reader->why, ERR_NO_MEMORY, "out of memory"));
    }
    out->n_options++;
    return 0;
}

static int add_positional(struct arguments_reader *reader, const char *text)
{
    struct mount_arguments *out = reader->out;
    if (out->source != NULL && out->dir != NULL) {
        return fail(why_set(reader->why, ERR_USAGE,
                            "'%.60s' is one argument too many: SOURCE and DIR are all",
                            text));
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        return fail(why_set(reader->why, ERR_NO_MEMORY, "out of memory"));
    }
    if (out->source == NULL) {
        out->source = copy;
    } else {
        out->dir = copy;
    }
    return 0;
}

// Called by fuse_opt_parse() for each argument; 0 = taken.
static int take_argument(void *data, const char *text, int key, struct fuse_args *rest)
{
    (void)rest;
    struct arguments_reader *reader = data;
    switch (key) {
    case KEY_FOREGROUND:
        reader->out->foreground = true;
        return 0;
    case KEY_DEBUG:
        reader->out->debug = true;
        reader->out->foreground = true;
        return 0;
    case KEY_HELP:
        reader->out->help = true;
        return 0;
    case KEY_VERSION:
        reader->out->version = true;
        return 0;
    case KEY_FAKE:
        reader->out->fake = true;
        return 0;
    case KEY_READ_ONLY:
        return add_option(reader, "ro");
    case KEY_MOUNT_RW:
        reader->mount_says_rw = true;
        return 0;
    case KEY_NAMESPACE:
        return fail(why_set(reader->why, ERR_USAGE,
                            "-N is not supported: run the mount inside the namespace"));
    case KEY_NOTHING:
        return 0;
    case FUSE_OPT_KEY_NONOPT:
        return add_positional(reader, text);
    default:
        return add_option(reader, text);
    }
}

static bool is_about_writing(const char *option)
{
    static const char *const names[] = {"commit", "pr", "branch"};
    size_t len = strcspn(option, "=");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == len && memcmp(names[i], option, len) == 0) {
            return true;
        }
    }
    return false;
}

// What mount(8) says of reading and writing.
static int add_mount_rw(struct arguments_reader *reader)
{
    const struct mount_arguments *out = reader->out;
    for (size_t i = 0; reader->mount_says_rw && i < out->n_options; i++) {
        if (is_about_writing(out->options[i])) {
            return add_option(reader, "rw");
        }
    }
    return 0;
}

enum err mount_arguments_parse(int argc, char **argv, enum arguments_dialect dialect,
                               struct why *why, struct mount_arguments *out)
{
    *out = (struct mount_arguments){.source = NULL};
    struct arguments_reader reader = {.out = out, .why = why};
    struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
    int failed = fuse_opt_parse(&args, &reader,
                                dialect == ARGUMENTS_FUSE ? fuse_dialect : helper_dialect,
                                take_argument);
    fuse_opt_free_args(&args);
    failed = failed ? failed : add_mount_rw(&reader);
    if (failed) {
        return why != NULL && why->text[0] != '\0'
                   ? ERR_USAGE
                   : why_set(why, ERR_USAGE, "an option lacks its value");
    }
    if (out->help || out->version || out->dir != NULL) {
        return ERR_NONE;
    }
    return why_set(why, ERR_USAGE, "%s is missing",
                   out->source == NULL ? "SOURCE" : "DIR");
}

void mount_arguments_release(struct mount_arguments *arguments)
{
    for (size_t i = 0; i < arguments->n_options; i++) {
        free(arguments->options[i]);
    }
    free(arguments->options);
    free(arguments->source);
    free(arguments->dir);
    *arguments = (struct mount_arguments){.source = NULL};
}
