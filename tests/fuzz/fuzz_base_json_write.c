// SPDX-License-Identifier: Apache-2.0
// Strings of any bytes become JSON that any reader takes: valid UTF-8, no bare control
// character, quotes only where they are escaped or end the string.

#include "base/cleanup.h"
#include "base/json_write.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO(buffer) struct buffer out = buffer_init(6 * len + 2);
    struct json_writer json = json_writer_init(&out);
    json_string_n(&json, NULL, (const char *)bytes, len);
    fuzz_require(json_writer_end(&json) == ERR_NONE);

    const char *text = buffer_text(&out);
    fuzz_require(out.len == strlen(text) && out.len >= 2);
    fuzz_require(utf8_is_valid(text, out.len));
    for (size_t at = 1; at < out.len - 1; at++) {
        fuzz_require((unsigned char)text[at] >= 0x20 && text[at] != '"');
        if (text[at] == '\\') {
            at++;
            fuzz_require(strchr("\"\\nrtu", text[at]) != NULL);
        }
    }
    fuzz_require(text[0] == '"' && text[out.len - 1] == '"');
    return 0;
}
