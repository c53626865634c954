// SPDX-License-Identifier: Apache-2.0
// `hugfs info PATH`: what the mount knows about one file.
#include "fs/commands.h"
#include "fs/mount_place.h"

int cmd_info(const struct verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    struct control_request request = {
        .verb = CONTROL_INFO, .format = arguments.json ? RENDER_JSON : RENDER_TEXT};
    status = mount_place_run(arguments.operands[0], &request);
    verb_arguments_release(&arguments);
    return status;
}
