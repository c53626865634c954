// SPDX-License-Identifier: Apache-2.0
// `hugfs refresh PATH`, `hugfs offline DIR`, `hugfs online DIR`.
#include "fs/commands.h"
#include "fs/mount_place.h"

static int run(const struct verb *verb, int argc, char **argv, enum control_verb what)
{
    struct verb_arguments arguments;
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    struct control_request request = {.verb = what};
    status = mount_place_run(arguments.operands[0], &request);
    verb_arguments_release(&arguments);
    return status;
}

int cmd_refresh(const struct verb *verb, int argc, char **argv)
{
    return run(verb, argc, argv, CONTROL_REFRESH);
}

int cmd_offline(const struct verb *verb, int argc, char **argv)
{
    return run(verb, argc, argv, CONTROL_OFFLINE);
}

int cmd_online(const struct verb *verb, int argc, char **argv)
{
    return run(verb, argc, argv, CONTROL_ONLINE);
}
