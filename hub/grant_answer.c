// SPDX-License-Identifier: Apache-2.0
// A grant makes us send a request that somebody else has written, to an address of their
// choice. What they may choose is held to: an address like any signed one, and headers that
// only describe the body.
#include "hub/grant_answer.h"

#include "hub/json_reader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char id_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789-._~";
static const char name_characters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "0123456789-_";

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcasecmp(name, *names) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_left_out(const char *name)
{
    static const char *const names[] = {"Host", "Content-Length", NULL};
    return is_one_of(name, names);
}

static bool is_refused(const char *name)
{
    static const char *const names[] = {
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "Connection",
        "Transfer-Encoding",
        "Content-Encoding",
        "Upgrade",
        "Expect",
        "Trailer",
        "Range",
        NULL,
    };
    return *name == '\0' || strlen(name) > GRANT_HEADER_BYTES_MAX ||
           name[strspn(name, name_characters)] != '\0' || is_one_of(name, names);
}

static bool is_value(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            return false;
        }
    }
    return len > 0 && len <= GRANT_HEADER_BYTES_MAX;
}

static enum err add_header(const char *name, const char *value, struct grant *grant)
{
    AUTO(buffer) struct buffer line = buffer_init(2 * GRANT_HEADER_BYTES_MAX + 2);
    enum err err = buffer_printf(&line, "%s: %s", name, value);
    if (err != ERR_NONE) {
        return err;
    }
    struct curl_slist *longer = curl_slist_append(grant->headers, buffer_text(&line));
    if (longer == NULL) {
        return ERR_NO_MEMORY;
    }
    grant->headers = longer;
    return ERR_NONE;
}

static enum err read_headers(const struct json_value *headers, struct why *why,
                             struct grant *grant)
{
    size_t count = 0;
    for (const struct json_value *at = json_first(headers); at != NULL;
         at = json_next(at)) {
        const char *name = json_key(at);
        const char *value = json_text(at);
        if (name != NULL && is_left_out(name)) {
            continue;
        }
        if (++count > GRANT_HEADERS_MAX || name == NULL || value == NULL ||
            is_refused(name) || !is_value(value)) {
            return why_set(why, ERR_BAD_ANSWER,
                           "the storage service wants headers that are not sent");
        }
        enum err err = add_header(name, value, grant);
        if (err != ERR_NONE) {
            return err;
        }
    }
    return ERR_NONE;
}

static enum err read_address(const struct json_value *root,
                             const struct url_policy *policy, struct why *why,
                             struct grant *grant)
{
    const char *url = NULL;
    struct url_host host;
    enum err err = json_take_text(root, "url", why, &url);
    if (err != ERR_NONE) {
        return err;
    }
    if (strlen(url) > URL_BYTES_MAX || strpbrk(url, "# \r\n") != NULL ||
        url_host_of(url, &host) != ERR_NONE || !url_is_allowed(policy, &host)) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the storage service named no usable address for an upload");
    }
    grant->url = strdup(url);
    return grant->url != NULL ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err read_grant(const struct json_value *root, const struct url_policy *policy,
                           struct why *why, struct grant *grant)
{
    const char *id = NULL;
    const char *method = NULL;
    const struct json_value *headers = json_member(root, "headers");
    enum err err = json_take_text(root, "id", why, &id);
    if (err == ERR_NONE) {
        err = json_take_text(root, "method", why, &method);
    }
    if (err != ERR_NONE) {
        return err;
    }
    size_t len = strlen(id);
    // "." and ".." would lead to another path.
    if (len == 0 || len > GRANT_ID_MAX || strspn(id, id_characters) != len ||
        strspn(id, ".") == len || strcmp(method, "PUT") != 0) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the storage service gave an upload grant of an unknown kind");
    }
    err = read_address(root, policy, why, grant);
    if (err == ERR_NONE && json_is_object(headers)) {
        err = read_headers(headers, why, grant);
    }
    if (err == ERR_NONE && (grant->id = strdup(id)) == NULL) {
        err = ERR_NO_MEMORY;
    }
    return err;
}

enum err grant_parse(const void *body, size_t len, const struct url_policy *policy,
                     struct why *why, struct grant *out)
{
    struct json_document *document = NULL;
    struct grant grant = {0};
    enum err err = json_document_parse(body, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    err = read_grant(json_root(document), policy, why, &grant);
    json_document_free(document);
    if (err != ERR_NONE) {
        grant_release(&grant);
        return err;
    }
    *out = grant;
    return ERR_NONE;
}

void grant_release(struct grant *grant)
{
    free(grant->id);
    free(grant->url);
    curl_slist_free_all(grant->headers);
    *grant = (struct grant){0};
}
