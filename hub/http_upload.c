// SPDX-License-Identifier: Apache-2.0
// See http_upload.h. The files are our own and have just been written: reading them from the
// page cache on the network thread costs no more than copying a buffer.
#include "hub/http_upload.h"

#include "hub/hub_state.h"

#include <stdio.h>

enum { UPLOAD_BUFFER_BYTES = 512 << 10 };

static size_t on_read(char *to, size_t size, size_t n, void *ctx)
{
    struct call *call = ctx;
    struct http_request *request = &call->request;
    struct http_upload *upload = &request->upload;
    uint64_t left = upload->len - upload->given;
    size_t len = size * n < left ? size * n : (size_t)left;
    upload->was_begun = true;
    request->heard_ms = clock_now_ms(); // it takes bytes: that is a sign of life
    if (len == 0) {
        return 0;
    }
    enum err err = file_pread(upload->fd, to, len, upload->offset + upload->given);
    if (err != ERR_NONE) {
        request->abort_err =
            why_set(&request->why, ERR_SYSTEM, "what is to be sent can't be read: %s",
                    err_sentence(err));
        return CURL_READFUNC_ABORT;
    }
    upload->given += len;
    atomic_fetch_add(&call->hub->counters.bytes_sent, len);
    return len;
}

// curl begins anew when a connection that was used before turns out to be dead.
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct http_upload *upload = &((struct call *)ctx)->request.upload;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > upload->len) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    upload->given = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

void http_upload_begin(struct call *call, CURL *easy)
{
    struct http_request *request = &call->request;
    curl_off_t len = (curl_off_t)request->upload.len;
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, (void *)call);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, (void *)call);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    if (request->method == METHOD_PUT) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, len);
    } else {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, len);
    }
}
