// SPDX-License-Identifier: Apache-2.0
// Parses the answer of xet-read-token: {"accessToken", "exp", "casUrl"}. The casUrl decides
// where the token will be sent, so it is held to the rules for addresses here, before
// anybody uses it.
#include "hub/json_reader.h"
#include "hub/xet_token.h"

#include <string.h>

enum { CAS_URL_MAX = 2048 };

static bool is_token(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > TOKEN_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static enum err check_cas_url(const char *url, const struct url_policy *policy,
                              struct why *why)
{
    struct url_host host;
    if (strlen(url) > CAS_URL_MAX || strpbrk(url, "?#") != NULL ||
        url_host_of(url, &host) != ERR_NONE) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the Hub named no usable storage address (casUrl)");
    }
    if (!url_is_allowed(policy, &host)) {
        return why_set(
            why, ERR_BAD_ANSWER,
            "the Hub named a storage address without encryption (http://%s); refused",
            host.host);
    }
    return ERR_NONE;
}

enum err xet_token_parse(const void *body, size_t len, const struct url_policy *policy,
                         struct why *why, struct xet_token_answer *out)
{
    struct json_document *document = NULL;
    const char *token = NULL;
    const char *url = NULL;
    struct xet_token_answer answer = {0};
    enum err err = json_document_parse(body, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    const struct json_value *root = json_root(document);
    if ((err = json_take_text(root, "accessToken", why, &token)) == ERR_NONE &&
        (err = json_take_text(root, "casUrl", why, &url)) == ERR_NONE &&
        (err = json_take_u64(root, "exp", why, &answer.expires_s)) == ERR_NONE) {
        err = is_token(token)
                  ? check_cas_url(url, policy, why)
                  : why_set(why, ERR_BAD_ANSWER, "the Hub gave an unusable Xet token");
    }
    if (err == ERR_NONE) {
        size_t url_len = strlen(url);
        while (url_len > 0 && url[url_len - 1] == '/') {
            url_len--;
        }
        answer.token = strdup(token);
        answer.cas_url = strndup(url, url_len);
        err = answer.token != NULL && answer.cas_url != NULL ? ERR_NONE : ERR_NO_MEMORY;
    }
    json_document_free(document);
    if (err != ERR_NONE) {
        xet_token_answer_release(&answer);
        return err;
    }
    *out = answer;
    return ERR_NONE;
}

void xet_token_answer_release(struct xet_token_answer *answer)
{
    if (answer->token != NULL) {
        explicit_bzero(answer->token, strlen(answer->token));
    }
    free(answer->token);
    free(answer->cas_url);
    *answer = (struct xet_token_answer){0};
}
