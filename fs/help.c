// SPDX-License-Identifier: Apache-2.0
// --help. Verbs and mount options come from their tables, so that help can't name what does not
// exist; the man page has the explanations.
#include "fs/help.h"

#include "fs/option_table.h"

// Where the second column begins; a longer first column gets a line of its own.
enum { COLUMN = 30 };

static void print_row(const char *left, const char *right)
{
    if (strlen(left) + 4 > COLUMN) {
        printf("  %s\n%*s%s\n", left, COLUMN, "", right);
    } else {
        printf("  %-*s%s\n", COLUMN - 2, left, right);
    }
}

static void print_mount_options(void)
{
    size_t n;
    const struct option_row *rows = option_table(&n);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].name == NULL) {
            printf("\n%s (-o)\n", rows[i].help);
            continue;
        }
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", rows[i].name,
                 rows[i].hint != NULL ? "=" : "",
                 rows[i].hint != NULL ? rows[i].hint : "");
        print_row(left, rows[i].help);
    }
}

static void print_fuse_options(void)
{
    print_row("-f", "stay in the foreground");
    print_row("-d", "print every kernel request; stays in the foreground");
    print_row("-o OPT[,OPT...]", "mount options");
    print_row("-r", "as -o ro");
    print_row("-s, -n, -v", "accepted for other programs' sake, without effect");
}

static void print_verb_options(const struct verb *verb)
{
    puts("\nOptions");
    if (verb->run == cmd_mount) {
        print_fuse_options();
    } else if (verb->options & VERB_MOUNT_O) {
        print_row("-o OPT[,OPT...]", verb->run == cmd_cache
                                         ? "cache_dir= and cache_size=, as for mount"
                                         : "as for mount: token_file=, state_dir= ...");
    }
    if (verb->options & VERB_JSON) {
        print_row("--json", "for programs");
    }
    if (verb->options & VERB_METRICS) {
        print_row("--metrics", "Prometheus text");
    }
    if (verb->options & VERB_MESSAGE) {
        print_row("-m MESSAGE", "what the commit says, instead of .hub/message");
    }
    if (verb->options & VERB_LIST) {
        print_row("--list", "only list");
    }
    if (verb->options & VERB_TO) {
        print_row("--to FOLDER", "copy what is whole on this machine there");
    }
    if (verb->options & VERB_RESET) {
        print_row("--reset", "move damaged records aside, so that mounting works again");
    }
    print_row("-h, --help", "this text");
}

void help_verb(const struct verb *verb)
{
    printf("usage: hugfs %s%s %s\n\n%s%s", verb->name,
           verb->options ? " [OPTION...]" : "", verb->operands, verb->summary, ".\n");
    if (verb->help[0] != '\0') {
        printf("\n%s", verb->help);
    }
    print_verb_options(verb);
    if (verb->run == cmd_mount) {
        print_mount_options();
    }
}

void help_print(void)
{
    puts("hugfs shows Hugging Face repositories as folders.\n"
         "\n"
         "usage: hugfs mount [-f] [-o OPT[,OPT...]] SOURCE DIR\n"
         "       hugfs SOURCE DIR [-f] [-o OPT[,OPT...]]\n"
         "       hugfs VERB ...\n"
         "\n"
         "SOURCE is [hf://][models/|datasets/|spaces/]OWNER/NAME[@REV][/SUBDIR].\n"
         "\n"
         "Verbs (hugfs VERB --help says more)");
    size_t n;
    const struct verb *verbs = verb_table(&n);
    for (size_t i = 0; i < n; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", verbs[i].name, verbs[i].operands);
        print_row(left, verbs[i].summary);
    }
    puts("\nOptions");
    print_fuse_options();
    print_row("-h, --help", "this text");
    print_row("-V, --version", "versions of hugfs and of what it stands on");
    print_mount_options();
    puts("\nThe manual: hugfs(1), hugfs-semantics(7).");
}
