// SPDX-License-Identifier: Apache-2.0
// The JSON reader: whatever is accepted can be walked, and its keys are unique.
#include "hub/json_reader.h"
#include "tests/fuzz/fuzz_target.h"

static size_t walk(const struct json_value *value, unsigned depth)
{
    size_t count = 1;
    fuzz_require(depth <= 64);
    for (const struct json_value *at = json_first(value); at != NULL;
         at = json_next(at)) {
        if (json_is_object(value)) {
            fuzz_require(json_member(value, json_key(at)) == at);
        }
        count += walk(at, depth + 1);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct json_document *document = NULL;
    struct why why = {0};
    if (json_document_parse(bytes, len, &why, &document) != ERR_NONE) {
        fuzz_require(why.text[0] != '\0');
        return 0;
    }
    fuzz_require(walk(json_root(document), 0) <= len);
    uint64_t number = 0;
    if (json_take_u64(json_root(document), "n", NULL, &number) == ERR_NONE) {
        fuzz_require(number < (uint64_t)1 << 53);
    }
    json_document_free(document);
    return 0;
}
