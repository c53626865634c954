// SPDX-License-Identifier: Apache-2.0
// Any words as the command line of a mount, in both dialects: the first byte chooses, words end
// at NUL. Every refusal has a sentence.
#include "fs/mount_arguments.h"
#include "fs/mount_options.h"
#include "tests/fuzz/fuzz_target.h"

enum { WORDS_MAX = 32 };

static void apply(const struct mount_arguments *arguments)
{
    AUTO(mount_options) struct mount_options options;
    mount_options_init(&options);
    for (size_t i = 0; i < arguments->n_options; i++) {
        struct why why = {""};
        if (mount_options_set(&options, arguments->options[i], &why) != ERR_NONE) {
            fuzz_require(why.text[0] != '\0');
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0) {
        return 0;
    }
    AUTO_FREE char *text = fuzz_text(bytes + 1, len - 1);
    char program[] = "hugfs";
    char *words[WORDS_MAX + 1] = {program};
    int n = 1;
    for (char *word = text; word < text + len && n < WORDS_MAX;
         word += strlen(word) + 1) {
        words[n++] = word;
    }
    AUTO(mount_arguments) struct mount_arguments arguments;
    struct why why = {""};
    enum arguments_dialect dialect =
        bytes[0] % 2 ? ARGUMENTS_MOUNT_HELPER : ARGUMENTS_FUSE;
    if (mount_arguments_parse(n, words, dialect, &why, &arguments) == ERR_NONE) {
        apply(&arguments);
    } else {
        fuzz_require(why.text[0] != '\0');
    }
    return 0;
}
