// SPDX-License-Identifier: Apache-2.0
// `hugfs discard PATH...`: what was changed there and is not on the Hub is given up.
#include "fs/commands.h"
#include "fs/directory.h"
#include "fs/mount_place.h"

// The kernel remembers names and sizes of a writable mount for a moment: whoever looks after this
// command shall see what is there now.
static void wait_for_kernel(void)
{
    const struct timespec moment = {(time_t)ENTRY_MOMENT_S,
                                    (long)(ENTRY_MOMENT_S * 1e9) % 1000000000};
    nanosleep(&moment, NULL);
}

int cmd_discard(const struct verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    status = 0; // the first failure decides, but the other paths are still done
    for (int i = 0; i < arguments.n_operands; i++) {
        struct control_request request = {.verb = CONTROL_DISCARD};
        int one = mount_place_run(arguments.operands[i], &request);
        status = status == 0 ? one : status;
    }
    wait_for_kernel();
    verb_arguments_release(&arguments);
    return status;
}
