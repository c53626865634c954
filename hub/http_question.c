// SPDX-License-Identifier: Apache-2.0
// The beginning and the end of a request's memory. A verb of several requests uses the same
// struct for one after the other.
#include "hub/call.h"

bool request_has_body(const struct http_request *request)
{
    return request->post.len > 0 || request->upload.len > 0;
}

void request_reset(struct http_request *request)
{
    free(request->url);
    free(request->final_url);
    free(request->cas_token);
    buffer_release(&request->post);
    buffer_release(&request->body);
    http_answer_release(&request->answer);
    curl_slist_free_all(request->signed_headers);
    request->signed_headers = NULL;
    request->url = NULL;
    request->final_url = NULL;
    request->cas_token = NULL;
    request->origin = ORIGIN_SIGNED;
    request->bucket = QUOTA_NONE;
    request->auth = AUTH_BEARER;
    request->method = METHOD_BY_BODY;
    request->post = buffer_init(JSON_BODY_MAX);
    request->upload = (struct http_upload){.fd = -1};
    request->retry = RETRY_READ;
    request->silence_s = 0;
    request->post_type = request->accept = request->git_version = NULL;
    request->has_range = request->is_streamed = request->is_resumable = false;
    request->first = request->last = 0;
    request->body_max = 0;
    request->is_http_error = request->was_redirected = request->has_answer = false;
    request->attempt = 0;
    request->silences = 0;
    request->host = NULL;
    request->state = REQUEST_IDLE;
}

void request_release(struct call *call)
{
    struct http_request *request = &call->request;
    request_reset(request);
    buffer_release(&request->post);
    if (request->timer != NULL) {
        loop_timer_free(request->timer);
        request->timer = NULL;
    }
}
