// SPDX-License-Identifier: Apache-2.0
// The table of verbs, and the one parser for what follows a verb. `mount` has its own
// (mount_arguments.c), because its options are FUSE's.
#include "fs/commands.h"

#include "fs/help.h"
#include "fs/say.h"

#include <getopt.h>

enum { OPTIONS_MAX = 64 };

static const struct verb verbs[] = {
    {"mount", cmd_mount, VERB_MOUNT_O, "SOURCE DIR", 2, 2,
     "show a repository as a folder",
     "SOURCE is [hf://][models/|datasets/|spaces/]OWNER/NAME[@REV][/SUBDIR]. Without -f "
     "the\n"
     "command returns when the mount answers.\n"},
    {"umount", cmd_umount, 0, "DIR", 1, 1, "unmount, and wait until the daemon has ended",
     "Cleans up after a daemon that was killed, too.\n"},
    {"status", cmd_status, VERB_JSON | VERB_METRICS, "[PATH]", 0, 1,
     "mounts, transfers and cache use",
     "Without PATH: every mount. With one in a repository: also what share of each file "
     "at and\n"
     "below it is on this machine, which is what works offline.\n"},
    {"info", cmd_info, VERB_JSON, "PATH", 1, 1, "what is known about one file",
     "Repository, commit, hashes, how much is on this machine, and whether the whole "
     "content\n"
     "was compared with its published hash.\n"},
    {"log", cmd_log, VERB_JSON, "PATH", 1, 1, "the commits behind what is shown",
     "Of the repository that PATH lies in, the newest first: id, date, author, title.\n"},
    {"revisions", cmd_revisions, VERB_JSON, "PATH", 1, 1,
     "branches, tags and pull requests",
     "Of the repository that PATH lies in, and which of them is shown there.\n"},
    {"diff", cmd_diff, VERB_JSON, "PATH [A B]", 1, 3,
     "what is not committed yet, or differs between revisions",
     "Without A and B: what was changed in a writable mount at and below PATH and is not "
     "on the\n"
     "Hub. They are branches, tags or commits of the repository that PATH lies in. A "
     "PATH "
     "below\n"
     "its root: only that. Nothing is downloaded to compare it.\n"},
    {"commit", cmd_commit, VERB_MESSAGE, "DIR", 1, 1, "commit what was saved, now",
     "Returns when the Hub has it. Exit status 5: some of it is in conflict with what "
     "somebody\n"
     "else has committed; 'hugfs status DIR' says what.\n"},
    {"discard", cmd_discard, 0, "PATH...", 1, -1,
     "give up changes that are not committed",
     "At and below each PATH. What is given up is gone; what is on its way to the Hub "
     "stays.\n"},
    {"recover", cmd_recover, VERB_LIST | VERB_TO | VERB_RESET | VERB_MOUNT_O, "[DIR]", 0,
     1, "commit the unsent work of mounts that are gone",
     "What waits in DIR, or in the folder of state_dir=. Mounting a repository again "
     "commits its\n"
     "work too. With --list or --to nothing is sent.\n"},
    {"prefetch", cmd_prefetch, 0, "PATH...", 1, -1, "fetch files or folders now",
     "Shows progress. Ctrl-C stops; what has arrived stays in the cache.\n"},
    {"pin", cmd_pin, 0, "PATH...", 1, -1, "fetch, and keep when the cache runs full", ""},
    {"unpin", cmd_unpin, 0, "PATH...", 1, -1, "undo pin; nothing is deleted", ""},
    {"refresh", cmd_refresh, 0, "PATH", 1, 1, "ask the Hub for news of the branch now",
     "Returns when the mount stands at the branch's head.\n"},
    {"offline", cmd_offline, 0, "DIR", 1, 1, "use only what is on this machine", ""},
    {"online", cmd_online, 0, "DIR", 1, 1, "undo offline", ""},
    {"trace", cmd_trace, VERB_JSON, "DIR", 1, 1, "print a line per request as it happens",
     "Class, wait, time to first byte, bytes, whether the connection was reused, and "
     "why.\n"
     "Ends with Ctrl-C or the mount.\n"},
    {"cache", cmd_cache, VERB_JSON | VERB_MOUNT_O, "status|verify|trim [SIZE]|clear", 1,
     2, "look after the cache",
     "  status       how large it is\n"
     "  verify       read everything back; damaged chunks are dropped and fetched again "
     "when\n"
     "               needed. Exit status as fsck(8): 0 clean, 1 repaired, 4 damage left, "
     "8 failed\n"
     "  trim [SIZE]  shrink it to SIZE, or to cache_size; pinned files stay\n"
     "  clear        empty it, pinned files too\n"},
};

const struct verb *verb_table(size_t *out_n)
{
    *out_n = sizeof verbs / sizeof verbs[0];
    return verbs;
}

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

// Splits "a,b=c" of -o; a comma in a value is written "\,".
static enum err add_options(struct verb_arguments *out, const char *list, struct why *why)
{
    while (*list != '\0') {
        if (out->n_options == OPTIONS_MAX) {
            return why_set(why, ERR_USAGE, "there are too many options");
        }
        char *option = malloc(strlen(list) + 1);
        char **grown = reallocarray(out->options, out->n_options + 1, sizeof *grown);
        if (grown != NULL) {
            out->options = grown;
        }
        if (option == NULL || grown == NULL) {
            free(option);
            return why_set(why, ERR_NO_MEMORY, "out of memory");
        }
        size_t n = 0;
        for (; *list != '\0' && *list != ','; list++) {
            list += list[0] == '\\' && list[1] != '\0';
            option[n++] = *list;
        }
        list += *list == ',';
        option[n] = '\0';
        out->options[out->n_options++] = option;
    }
    return ERR_NONE;
}

static enum err check_operands(const struct verb *verb,
                               const struct verb_arguments *arguments, struct why *why)
{
    if (arguments->n_operands < verb->operands_min) {
        return why_set(why, ERR_USAGE, "%s needs %s", verb->name, verb->operands);
    }
    if (verb->operands_max >= 0 && arguments->n_operands > verb->operands_max) {
        return why_set(why, ERR_USAGE, "'%.60s' is one argument too many",
                       arguments->operands[verb->operands_max]);
    }
    return ERR_NONE;
}

// Applies one option that getopt_long() has found.
static enum err take_option(const struct verb *verb, int option, const char *word,
                            struct verb_arguments *out, struct why *why)
{
    if (option == 'j' && (verb->options & VERB_JSON)) {
        out->json = true;
    } else if (option == 'M' && (verb->options & VERB_METRICS)) {
        out->metrics = true;
    } else if (option == 'm' && (verb->options & VERB_MESSAGE)) {
        out->message = optarg;
    } else if (option == 't' && (verb->options & VERB_TO)) {
        out->to = optarg;
    } else if (option == 'r' && (verb->options & VERB_RESET)) {
        out->reset = true;
    } else if (option == 'l' && (verb->options & VERB_LIST)) {
        out->list = true;
    } else if (option == 'o' && (verb->options & VERB_MOUNT_O)) {
        return add_options(out, optarg, why);
    } else if (option == ':') {
        return why_set(why, ERR_USAGE, "option '%.60s' lacks its value", word);
    } else {
        return why_set(why, ERR_USAGE, "%s has no option '%.60s'", verb->name, word);
    }
    return ERR_NONE;
}

bool verb_parse(const struct verb *verb, int argc, char **argv,
                struct verb_arguments *out, int *out_status)
{
    static const struct option long_options[] = {{"help", no_argument, NULL, 'h'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {"metrics", no_argument, NULL, 'M'},
                                                 {"to", required_argument, NULL, 't'},
                                                 {"reset", no_argument, NULL, 'r'},
                                                 {"list", no_argument, NULL, 'l'},
                                                 {NULL, 0, NULL, 0}};
    *out = (struct verb_arguments){.json = false};
    struct why why = {""};
    enum err err = ERR_NONE;
    int option;
    optind = 1;
    while (err == ERR_NONE &&
           (option = getopt_long(argc, argv, ":ho:m:", long_options, NULL)) != -1) {
        if (option == 'h') {
            help_verb(verb);
            verb_arguments_release(out);
            *out_status = 0;
            return false;
        }
        err = take_option(verb, option, argv[optind - 1], out, &why);
    }
    out->operands = argv + optind;
    out->n_operands = argc - optind;
    if (err == ERR_NONE) {
        err = check_operands(verb, out, &why);
    }
    if (err) {
        verb_arguments_release(out);
        *out_status = say_usage(&why, verb->name);
    }
    return err == ERR_NONE;
}

void verb_arguments_release(struct verb_arguments *arguments)
{
    for (size_t i = 0; i < arguments->n_options; i++) {
        free(arguments->options[i]);
    }
    free(arguments->options);
    *arguments = (struct verb_arguments){.json = false};
}
