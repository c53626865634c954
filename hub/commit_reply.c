// SPDX-License-Identifier: Apache-2.0
#include "hub/commit_reply.h"

#include "hub/limits.h"
#include "hub/repo_answers.h"
#include "hub/url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// For people, who will click on it: an address and nothing else.
static char *copy_address(const char *text)
{
    struct url_host host;
    bool is_fine = text != NULL && strlen(text) <= URL_BYTES_MAX &&
                   url_host_of(text, &host) == ERR_NONE;
    for (const char *at = text; is_fine && *at != '\0'; at++) {
        is_fine = *at > ' ' && *at < 0x7f;
    }
    return strdup(is_fine ? text : "");
}

enum err commit_reply_parse(const void *body, size_t len, struct why *why,
                            struct commit_reply *out)
{
    struct json_document *document = NULL;
    struct commit_reply reply = {0};
    enum err err = json_document_parse(body, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    const struct json_value *root = json_root(document);
    err = repo_take_oid(root, "commitOid", why, &reply.oid);
    if (err == ERR_NONE) {
        reply.url = copy_address(json_text(json_member(root, "commitUrl")));
        reply.pull_url = copy_address(json_text(json_member(root, "pullRequestUrl")));
        err = reply.url != NULL && reply.pull_url != NULL ? ERR_NONE : ERR_NO_MEMORY;
    }
    json_document_free(document);
    if (err != ERR_NONE) {
        commit_reply_release(&reply);
        return err;
    }
    *out = reply;
    return ERR_NONE;
}

void commit_reply_release(struct commit_reply *reply)
{
    free(reply->url);
    free(reply->pull_url);
    *reply = (struct commit_reply){0};
}

bool commit_refusal_is_missing_lfs(const char *text)
{
    return strcasestr(text, "lfs pointer") != NULL &&
           strcasestr(text, "does not exist") != NULL;
}
