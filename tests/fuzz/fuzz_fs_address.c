// SPDX-License-Identifier: Apache-2.0
// Any text as an address. What parses is legal everywhere it goes, and survives being written
// and parsed again.
#include "fs/address.h"
#include "tests/fuzz/fuzz_target.h"

static void check(const struct address *address)
{
    static struct address again;
    const char *subdir = address->subdir;
    AUTO(buffer) struct buffer text = buffer_init(64 << 10);
    fuzz_require(address->is_hub ? address->repo.name[0] == '\0'
                                 : repo_name_is_legal(address->repo.name));
    fuzz_require(address->revision[0] == '\0' || revision_is_legal(address->revision));
    fuzz_require(subdir[0] == '\0' || path_is_legal(subdir, strlen(subdir)));
    fuzz_require(address_format(address, &text) == ERR_NONE);
    fuzz_require(address_parse(buffer_text(&text), NULL, &again) == ERR_NONE);
    fuzz_require(address->is_hub == again.is_hub);
    fuzz_require(repo_id_equal(&address->repo, &again.repo));
    fuzz_require(strcmp(address->revision, again.revision) == 0);
    fuzz_require(strcmp(subdir, again.subdir) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct address address;
    AUTO_FREE char *text = fuzz_text(bytes, len);
    struct why why = {""};
    if (address_parse(text, &why, &address) == ERR_NONE) {
        check(&address);
    } else {
        fuzz_require(why.text[0] != '\0');
    }
    return 0;
}
