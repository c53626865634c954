// SPDX-License-Identifier: Apache-2.0
// Which libcurl runs here: only hub/ may ask.
#include "hub/hub.h"

#include <curl/curl.h>

const char *hub_library_version(void)
{
    return curl_version();
}
