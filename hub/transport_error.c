// SPDX-License-Identifier: Apache-2.0
// What curl's result codes mean to us and to a person.
#include "hub/transport_error.h"

#include "hub/hub_state.h"

bool transport_is_connect_failure(CURL *easy, CURLcode code)
{
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
        code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_PROXY) {
        return true;
    }
    curl_off_t connected_us = 0;
    long proxy_status = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (code == CURLE_RECV_ERROR && proxy_status >= 300) {
        return true; // the proxy refused the tunnel
    }
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
    return code == CURLE_OPERATION_TIMEDOUT && connected_us == 0;
}

// A connection that was there and ended without a word.
bool transport_is_break_off(CURLcode code)
{
    return code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
           code == CURLE_SEND_ERROR;
}

enum err transport_err(CURLcode code, const struct http_request *request)
{
    switch (code) {
    case CURLE_OK:
        return ERR_NONE;
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
        return request->abort_err != ERR_NONE ? request->abort_err : ERR_BAD_ANSWER;
    case CURLE_OUT_OF_MEMORY:
        return ERR_NO_MEMORY;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
        return ERR_OFFLINE;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return ERR_TLS;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
        return ERR_TRUNCATED;
    default:
        return ERR_BAD_ANSWER; // garbage: HTTP/0.9, bad chunks, bad compression ...
    }
}

bool transport_was_refused_early(CURL *easy, CURLcode code,
                                 const struct http_request *request)
{
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 400 && request_has_body(request) &&
           (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR);
}

// Says that a proxy is set where the address in curl's text would puzzle.
static const char *proxy_hint(const struct url_host *host)
{
    bool is_set = host->is_https
                      ? getenv("https_proxy") != NULL || getenv("HTTPS_PROXY") != NULL
                      : getenv("http_proxy") != NULL;
    is_set = is_set || getenv("all_proxy") != NULL || getenv("ALL_PROXY") != NULL;
    return is_set ? " (a proxy is set in the environment)" : "";
}

void transport_explain(const struct call *call, CURLcode code, enum err err,
                       struct why *why)
{
    const struct http_request *request = &call->request;
    char text[SERVER_TEXT_SIZE];
    server_text_clean(request->curl_text[0] != '\0' ? request->curl_text
                                                    : curl_easy_strerror(code),
                      text, sizeof(text));
    const char *host = request->host->address.host;
    if (err == ERR_TLS) {
        why_set(
            why, err,
            "the TLS connection to %s failed: %s (is the clock right? is ca_file set?)",
            host, text);
    } else if (err == ERR_OFFLINE) {
        why_set(why, err, "%s can't be reached: %s%s", host, text,
                proxy_hint(&request->host->address));
    } else if (err == ERR_TIMEOUT) {
        why_set(why, err, "%s stopped answering: %s", host, text);
    } else if (err == ERR_TRUNCATED) {
        why_set(why, err, "the answer of %s ended early: %s", host, text);
    } else {
        why_set(why, err, "the answer of %s is unusable: %s", host, text);
    }
}
