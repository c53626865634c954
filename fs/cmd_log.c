// SPDX-License-Identifier: Apache-2.0
// `hugfs log PATH`: the history of the commit that is shown.
#include "fs/commands.h"
#include "fs/mount_place.h"

int cmd_log(const struct verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    struct control_request request = {
        .verb = CONTROL_LOG, .format = arguments.json ? RENDER_JSON : RENDER_TEXT};
    status = mount_place_run(arguments.operands[0], &request);
    verb_arguments_release(&arguments);
    return status;
}
