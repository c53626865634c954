// SPDX-License-Identifier: Apache-2.0
// `hugfs commit [-m MESSAGE] DIR`: what was saved becomes a commit now.
#include "fs/commands.h"
#include "fs/mount_place.h"
#include "fs/say.h"

static enum err take_message(const char *message, struct why *why,
                             struct control_request *request)
{
    size_t len = strlen(message);
    if (message[strspn(message, " \t\r\n")] == '\0') {
        return why_set(why, ERR_USAGE, "the message is empty");
    }
    if (len > CONTROL_MESSAGE_MAX) {
        return why_set(why, ERR_USAGE,
                       "the message is longer than %d bytes: write it to .hub/message",
                       CONTROL_MESSAGE_MAX);
    }
    if (!utf8_is_valid(message, len)) {
        return why_set(why, ERR_USAGE, "the message is not UTF-8");
    }
    request->has_message = true;
    memcpy(request->message, message, len + 1);
    return ERR_NONE;
}

int cmd_commit(const struct verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    struct why why = {""};
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    struct control_request request = {.verb = CONTROL_COMMIT};
    enum err err = arguments.message != NULL
                       ? take_message(arguments.message, &why, &request)
                       : ERR_NONE;
    status = err == ERR_NONE ? mount_place_run(arguments.operands[0], &request)
                             : say_usage(&why, verb->name);
    verb_arguments_release(&arguments);
    return status;
}
