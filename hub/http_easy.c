// SPDX-License-Identifier: Apache-2.0
// Curl handles for requests (network.md §3).
//
// The credential rule: a token is put on a request only here, only for the origin types HUB
// and CAS, and for HUB only when the address really is the endpoint's. SIGNED requests have
// nothing that could be put on them.
#include "hub/http_easy.h"

#include "hub/hub_state.h"

#include <stdio.h>
#include <string.h>

enum { DATA_BUFFER_BYTES = 256 << 10, JSON_BUFFER_BYTES = 64 << 10 };

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    char *line = NULL;
    if (asprintf(&line, "%s: %s", name, value) < 0) {
        return false;
    }
    struct curl_slist *longer = curl_slist_append(*list, line);
    explicit_bzero(line, strlen(line));
    free(line);
    if (longer == NULL) {
        return false;
    }
    *list = longer;
    return true;
}

static bool add_hub_token(struct call *call, CURL *easy)
{
    struct http_request *request = &call->request;
    struct url_host host;
    const char *url = request->final_url != NULL ? request->final_url : request->url;
    if (url_host_of(url, &host) != ERR_NONE ||
        !url_host_equal(&host, &call->hub->endpoint_host)) {
        return true; // can't happen while redirect_follow() is right; then no token goes
    }
    AUTO_FREE char *token = credential_token(&call->hub->credential);
    if (token == NULL) {
        return true;
    }
    request->used_token = true;
    if (request->auth == AUTH_BASIC) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, "hugfs");
        return curl_easy_setopt(easy, CURLOPT_PASSWORD, token) == CURLE_OK;
    }
    AUTO_FREE char *value = NULL;
    return asprintf(&value, "Bearer %s", token) >= 0 &&
           add_header(&request->headers, "Authorization", value);
}

static bool add_credential(struct call *call, CURL *easy)
{
    struct http_request *request = &call->request;
    request->used_token = false;
    switch (request->final_origin) {
    case ORIGIN_HUB:
        return add_hub_token(call, easy);
    case ORIGIN_CAS: {
        AUTO_FREE char *value = NULL;
        return request->cas_token == NULL ||
               (asprintf(&value, "Bearer %s", request->cas_token) >= 0 &&
                add_header(&request->headers, "Authorization", value));
    }
    case ORIGIN_SIGNED:
        return true;
    }
    return true;
}

static bool add_headers(struct call *call, CURL *easy)
{
    struct http_request *request = &call->request;
    struct curl_slist **headers = &request->headers;
    bool is_fine = add_credential(call, easy);
    // An empty Expect: else curl waits a second before it sends a larger body.
    is_fine = is_fine && add_header(headers, "Expect", "");
    if (request->accept != NULL) {
        is_fine = is_fine && add_header(headers, "Accept", request->accept);
    }
    if (request->git_version != NULL) {
        is_fine = is_fine && add_header(headers, "Git-Protocol", request->git_version);
    }
    if (request->post_type != NULL || request->method == METHOD_POST) {
        const char *type = request->post_type != NULL ? request->post_type : "";
        is_fine = is_fine && add_header(headers, "Content-Type", type);
    }
    if (request->is_streamed) {
        is_fine = is_fine && add_header(headers, "Accept-Encoding", "identity");
    }
    const struct curl_slist *more =
        request->final_origin == ORIGIN_SIGNED ? request->signed_headers : NULL;
    for (; is_fine && more != NULL; more = more->next) {
        struct curl_slist *longer = curl_slist_append(*headers, more->data);
        is_fine = longer != NULL;
        *headers = is_fine ? longer : *headers;
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
    return is_fine;
}

static void set_connection(const struct hub *hub, CURL *easy)
{
    bool allows_http = hub->policy.allow_http_loopback || hub->policy.allow_http_anywhere;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    // Don't wait for a resolver thread that hangs when a request is given up.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, allows_http ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)LOW_SPEED_BYTES_PER_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, hub->user_agent);
    if (hub->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, hub->ca_file);
    }
}

// How long nothing may move. A server that needs longer before its first byte is waited for longer by
// the next attempt: it begins anew each time.
static long patience_s(const struct http_request *request)
{
    unsigned doublings =
        request->silences < PATIENCE_DOUBLINGS ? request->silences : PATIENCE_DOUBLINGS;
    return request->silence_s > 0 ? (long)request->silence_s
                                  : (long)LOW_SPEED_S << doublings;
}

static void set_question(struct http_request *request, CURL *easy)
{
    const char *url = request->final_url != NULL ? request->final_url : request->url;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(
        easy, CURLOPT_BUFFERSIZE,
        (long)(request->is_streamed ? DATA_BUFFER_BYTES : JSON_BUFFER_BYTES));
    if (!request->is_streamed) {
        bool has_zstd =
            (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ZSTD) != 0;
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, has_zstd ? "gzip, zstd" : "gzip");
    }
    if (request->has_range) {
        uint64_t first =
            request->first + (request->is_resumable ? request->delivered : 0);
        char range[48];
        snprintf(range, sizeof(range), "%llu-%llu", (unsigned long long)first,
                 (unsigned long long)request->last);
        curl_easy_setopt(easy, CURLOPT_RANGE, range);
    }
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, patience_s(request));
    if (request->retry == RETRY_NEVER) {
        // On a connection that was used before, curl would send it once more by itself when
        // the connection ends without an answer.
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    }
}

static void set_body(struct call *call, CURL *easy)
{
    struct http_request *request = &call->request;
    if (request->upload.len > 0) {
        http_upload_begin(call, easy);
    } else if (request->post.len > 0 || request->method == METHOD_POST) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)request->post.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                         request->post.len > 0 ? (const char *)request->post.bytes : "");
    }
}

CURL *http_easy_new(struct call *call,
                    size_t (*on_body)(const char *data, size_t size, size_t n, void *ctx))
{
    struct http_request *request = &call->request;
    CURL *easy = curl_easy_init();
    if (easy == NULL) {
        return NULL;
    }
    set_connection(call->hub, easy);
    set_question(request, easy);
    set_body(call, easy);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)&request->transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->curl_text);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)call);
    if (!add_headers(call, easy)) {
        curl_easy_cleanup(easy);
        curl_slist_free_all(request->headers);
        request->headers = NULL;
        return NULL;
    }
    return easy;
}
