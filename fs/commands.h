// SPDX-License-Identifier: Apache-2.0
// The verbs of the command line. commands.c is the table that main(), --help and the
// completions go by; each verb is a file cmd_VERB.c with one function.
#pragma once

#include "base/base.h"

// Options that a verb may take; --help always.
enum verb_option {
    VERB_JSON = 1,    // --json
    VERB_METRICS = 2, // --metrics
    VERB_MOUNT_O = 4, // -o OPT[,OPT...]
    VERB_MESSAGE = 8, // -m MESSAGE
    VERB_TO = 16,     // --to FOLDER
    VERB_RESET = 32,  // --reset
    VERB_LIST = 64,   // --list
};

struct verb {
    const char *name;
    // argv[0] is the verb. Returns the exit status.
    int (*run)(const struct verb *verb, int argc, char **argv);
    unsigned options;     // enum verb_option
    const char *operands; // as in "[PATH]"
    int operands_min;
    int operands_max;    // -1 = any number
    const char *summary; // a line of --help
    const char *help;    // paragraphs of `hugfs VERB --help`
};

// The table in the order of --help; *out_n of them.
const struct verb *verb_table(size_t *out_n);
const struct verb *verb_find(const char *name);

// What follows a verb.
struct verb_arguments {
    bool json;
    bool metrics;
    char **options; // of -o, malloc'd strings
    size_t n_options;
    const char *message; // of -m; NULL = none. Into argv, as the next
    const char *to;      // of --to
    bool reset;
    bool list;
    char **operands; // into argv
    int n_operands;
};

// Parses argv for a verb with getopt_long(). true: go on, and release `out` later. false: help
// or an error has been printed and *out_status is what to exit with.
bool verb_parse(const struct verb *verb, int argc, char **argv,
                struct verb_arguments *out, int *out_status);
void verb_arguments_release(struct verb_arguments *arguments);

int cmd_mount(const struct verb *verb, int argc, char **argv);
int cmd_umount(const struct verb *verb, int argc, char **argv);
int cmd_status(const struct verb *verb, int argc, char **argv);
int cmd_info(const struct verb *verb, int argc, char **argv);
int cmd_log(const struct verb *verb, int argc, char **argv);
int cmd_revisions(const struct verb *verb, int argc, char **argv);
int cmd_diff(const struct verb *verb, int argc, char **argv);
int cmd_commit(const struct verb *verb, int argc, char **argv);
int cmd_discard(const struct verb *verb, int argc, char **argv);
int cmd_recover(const struct verb *verb, int argc, char **argv);
int cmd_prefetch(const struct verb *verb, int argc, char **argv);
int cmd_pin(const struct verb *verb, int argc, char **argv);
int cmd_unpin(const struct verb *verb, int argc, char **argv);
int cmd_refresh(const struct verb *verb, int argc, char **argv);
int cmd_offline(const struct verb *verb, int argc, char **argv);
int cmd_online(const struct verb *verb, int argc, char **argv);
int cmd_trace(const struct verb *verb, int argc, char **argv);
int cmd_cache(const struct verb *verb, int argc, char **argv);
