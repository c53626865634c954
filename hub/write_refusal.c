// SPDX-License-Identifier: Apache-2.0
// See write_refusal.h. The reasons are the server's to know: the model card is malformed, a
// file holds a secret, a quota is used up. So its sentence is told, and at more length than
// elsewhere.
#include "hub/write_refusal.h"

#include "hub/answer_error.h"

#include <string.h>

enum { REFUSAL_TEXT_SIZE = 400 };

enum err write_refusal(const struct call *call, const char *message, struct why *why)
{
    const struct http_request *request = &call->request;
    char text[REFUSAL_TEXT_SIZE];
    answer_error_text(request->body.bytes, request->body.len, text, sizeof(text));
    const char *said = strlen(text) > strlen(message) ? text : message;
    const char *who =
        request->answered_by == ORIGIN_HUB ? "the Hub" : "the storage service";
    const char *colon = *said != '\0' ? ": " : "";
    if (request->answered_by == ORIGIN_SIGNED) {
        return ERR_NONE;
    }
    switch (request->answer.status) {
    case 400:
    case 422:
        return why_set(why, ERR_USAGE, "%s refuses it%s%s", who, colon, said);
    case 401: // the reason need not be that there is no such repository
        return request->used_token || request->answered_by != ORIGIN_HUB
                   ? ERR_NONE
                   : why_set(why, ERR_ACCESS,
                             "writing needs a token: set HF_TOKEN or log in with "
                             "`hf auth login`");
    case 402:
    case 507:
        return why_set(why, ERR_ACCESS, "%s has no room for it%s%s", who, colon, said);
    case 409:
    case 412:
        return why_set(why, ERR_CONFLICT, "%s reports a conflict%s%s", who, colon, said);
    case 413:
        return why_set(why, ERR_TOO_LARGE, "%s takes no request of this size%s%s", who,
                       colon, said);
    default:
        return ERR_NONE;
    }
}
