// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration file, and what it says as options. An error names its place.
#include "fs/config_file.h"
#include "fs/mount_options.h"
#include "tests/fuzz/fuzz_target.h"

static enum err apply(void *ctx, const char *setting, struct why *why)
{
    return mount_options_set(ctx, setting, why);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct repo_id repo = {REPO_DATASET, "owner/name"};
    AUTO(mount_options) struct mount_options options;
    struct why why = {""};
    mount_options_init(&options);
    if (config_parse((const char *)bytes, len, "file", &repo, &why, apply, &options) !=
        ERR_NONE) {
        fuzz_require(strncmp(why.text, "file:", 5) == 0);
    }
    return 0;
}
