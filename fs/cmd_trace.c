// SPDX-License-Identifier: Apache-2.0
// `hugfs trace DIR`: a line per request as it happens, until Ctrl-C or the mount's end.
#include "fs/commands.h"
#include "fs/mount_place.h"

int cmd_trace(const struct verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    struct control_request request = {
        .verb = CONTROL_TRACE, .format = arguments.json ? RENDER_JSON : RENDER_TEXT};
    setvbuf(stdout, NULL, _IOLBF,
            0); // whoever reads the pipe wants each line when it comes
    status = mount_place_run(arguments.operands[0], &request);
    verb_arguments_release(&arguments);
    return status;
}
