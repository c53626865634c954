// SPDX-License-Identifier: Apache-2.0
// `hugfs mount`, `hugfs SOURCE DIR` and mount(8)'s helper: read what is wanted, then mount_run().
#include "fs/cmd_mount.h"

#include "fs/commands.h"
#include "fs/help.h"
#include "fs/mount.h"
#include "fs/mount_merge.h"
#include "fs/say.h"

// mount(8) knows only 0, 1 (usage), 2 (system) and 32 (mount failed).
static int helper_status(int status)
{
    return status == 0 || status == 1 || status == 2 ? status : 32;
}

static int run(int argc, char **argv, enum arguments_dialect dialect, const char *verb)
{
    struct why why = {""};
    AUTO(mount_arguments) struct mount_arguments arguments;
    enum err err = mount_arguments_parse(argc, argv, dialect, &why, &arguments);
    if (err) {
        return say_usage(&why, verb);
    }
    if (arguments.help) {
        verb != NULL ? help_verb(verb_find("mount")) : help_print();
        return 0;
    }
    if (arguments.version) {
        version_print();
        return 0;
    }
    AUTO(mount_options) struct mount_options options;
    err = mount_merge(&arguments, &why, &options);
    if (err) {
        return say_error(err, &why);
    }
    return arguments.fake ? 0 : mount_run(&options);
}

int cmd_mount(const struct verb *verb, int argc, char **argv)
{
    return run(argc, argv, ARGUMENTS_FUSE, verb->name);
}

int cmd_mount_plain(int argc, char **argv)
{
    return run(argc, argv, ARGUMENTS_FUSE, NULL);
}

int cmd_mount_helper(int argc, char **argv)
{
    return helper_status(run(argc, argv, ARGUMENTS_MOUNT_HELPER, NULL));
}
