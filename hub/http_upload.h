// SPDX-License-Identifier: Apache-2.0
// A request body that lies in a file and is read piece by piece as the network takes it:
// what is uploaded never stands in memory as a whole.
#pragma once

#include "base/base.h"

#include <curl/curl.h>

struct call;

struct http_upload {
    int fd; // read by pread() only; the caller's
    uint64_t offset;
    uint64_t len; // 0 = there is no such body
    // Machinery:
    uint64_t given; // to curl, in this attempt
    bool was_begun; // in any attempt
};

// Makes the body of call->request one of this kind: with PUT, or with POST.
void http_upload_begin(struct call *call, CURL *easy);
