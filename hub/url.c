// SPDX-License-Identifier: Apache-2.0
// Addresses are taken apart by curl's own URL parser, the one that will also connect: two
// parsers that disagree about where the host ends are how credentials leak.
#include "hub/url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void release_url(CURLU **url)
{
    curl_url_cleanup(*url);
}
#define AUTO_URL __attribute__((cleanup(release_url)))

static void release_part(char **part)
{
    curl_free(*part);
}
#define AUTO_PART __attribute__((cleanup(release_part)))

enum err url_host_of(const char *url, struct url_host *out)
{
    AUTO_URL CURLU *parsed = curl_url();
    AUTO_PART char *scheme = NULL;
    AUTO_PART char *host = NULL;
    AUTO_PART char *port = NULL;
    if (parsed == NULL) {
        return ERR_NO_MEMORY;
    }
    if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
        return ERR_MALFORMED;
    }
    struct url_host found = {.is_https = strcasecmp(scheme, "https") == 0};
    size_t len = strlen(host);
    if ((!found.is_https && strcasecmp(scheme, "http") != 0) || len == 0 ||
        len >= HOST_SIZE) {
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < len; i++) {
        found.host[i] = (char)tolower((unsigned char)host[i]);
    }
    found.port = (uint16_t)strtoul(port, NULL, 10); // curl has checked its range
    *out = found;
    return ERR_NONE;
}

bool url_host_equal(const struct url_host *a, const struct url_host *b)
{
    return a->is_https == b->is_https && a->port == b->port &&
           strcmp(a->host, b->host) == 0;
}

bool url_host_is_loopback(const struct url_host *host)
{
    if (strcmp(host->host, "localhost") == 0 || strcmp(host->host, "[::1]") == 0) {
        return true;
    }
    // Digits and dots only, so that a name like 127.example.org does not count.
    return strncmp(host->host, "127.", 4) == 0 &&
           strspn(host->host, "0123456789.") == strlen(host->host);
}

bool url_is_allowed(const struct url_policy *policy, const struct url_host *host)
{
    return host->is_https || policy->allow_http_anywhere ||
           (policy->allow_http_loopback && url_host_is_loopback(host));
}

enum err url_resolve(const char *base, const char *reference, char **out)
{
    AUTO_URL CURLU *parsed = curl_url();
    AUTO_PART char *whole = NULL;
    if (parsed == NULL) {
        return ERR_NO_MEMORY;
    }
    // Servers put raw spaces and UTF-8 into Location: URLENCODE makes them legal.
    if (curl_url_set(parsed, CURLUPART_URL, base, CURLU_DISALLOW_USER) != CURLUE_OK ||
        curl_url_set(parsed, CURLUPART_URL, reference,
                     CURLU_DISALLOW_USER | CURLU_URLENCODE) != CURLUE_OK ||
        curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_URL, &whole, 0) != CURLUE_OK) {
        return ERR_MALFORMED;
    }
    char *copy = strdup(whole);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    *out = copy;
    return ERR_NONE;
}

static enum err append_encoded(struct buffer *url, const char *text, bool keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        bool is_plain = (byte < 0x80 && isalnum(byte)) || strchr("-._~", byte) != NULL ||
                        (keep_slash && byte == '/');
        char encoded[3] = {'%', hex[byte >> 4], hex[byte & 15]};
        enum err err =
            is_plain ? buffer_append(url, at, 1) : buffer_append(url, encoded, 3);
        if (err != ERR_NONE) {
            return err;
        }
    }
    return ERR_NONE;
}

enum err url_append_segment(struct buffer *url, const char *text)
{
    return append_encoded(url, text, false);
}

enum err url_append_path(struct buffer *url, const char *path)
{
    return append_encoded(url, path, true);
}

void url_path_for_people(const char *url, char *out, size_t size)
{
    const char *host = strstr(url, "://");
    const char *path = host != NULL ? strchr(host + 3, '/') : NULL;
    size_t len = path != NULL ? strcspn(path, "?#") : 0;
    snprintf(out, size, "%.*s", (int)len, path != NULL ? path : "");
}
