// SPDX-License-Identifier: Apache-2.0
// `hugfs diff PATH`: what is not committed yet; `hugfs diff PATH A B`: what differs between two
// revisions of a repository.
#include "fs/address.h"
#include "fs/commands.h"
#include "fs/mount_place.h"
#include "fs/say.h"

// Spelled as behind the @ of an address. ERR_USAGE.
static enum err take_revision(const char *text, struct why *why, char out[REVISION_SIZE])
{
    return address_parse_revision(text, strlen(text), why, out);
}

static enum err take_revisions(const struct verb_arguments *arguments, struct why *why,
                               struct control_request *request)
{
    if (arguments->n_operands == 1) {
        request->verb = CONTROL_CHANGES;
        return ERR_NONE;
    }
    if (arguments->n_operands == 2) {
        return why_set(why, ERR_USAGE, "a second revision is missing: diff PATH A B");
    }
    enum err err = take_revision(arguments->operands[1], why, request->from);
    return err ? err : take_revision(arguments->operands[2], why, request->to);
}

int cmd_diff(const struct verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    struct why why = {""};
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    struct control_request request = {
        .verb = CONTROL_DIFF, .format = arguments.json ? RENDER_JSON : RENDER_TEXT};
    enum err err = take_revisions(&arguments, &why, &request);
    status = err == ERR_NONE ? mount_place_run(arguments.operands[0], &request)
                             : say_usage(&why, verb->name);
    verb_arguments_release(&arguments);
    return status;
}
