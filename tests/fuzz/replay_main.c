// SPDX-License-Identifier: Apache-2.0
// Replays a corpus without libFuzzer, so that what a fuzzer once found is tested by every
// build and compiler. Arguments are files or folders of files. Every input is given in memory
// of exactly its size, so that AddressSanitizer sees the first byte read past it.

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file_io.h"
#include "tests/fuzz/fuzz_target.h"

#include <dirent.h>

enum { INPUT_MAX = 16 << 20 };

static void give(const void *bytes, size_t len)
{
    AUTO_FREE uint8_t *exact = malloc(len > 0 ? len : 1);
    fuzz_require(exact != NULL);
    if (len > 0) {
        memcpy(exact, bytes, len);
    }
    LLVMFuzzerTestOneInput(exact, len);
}

static enum err replay_file(const char *path, struct why *why)
{
    AUTO(buffer) struct buffer content = buffer_init(INPUT_MAX);
    enum err err = file_read_all(path, why, &content);
    if (err == ERR_NONE) {
        give(content.bytes, content.len);
    }
    return err;
}

// A file, or every visible file of a folder.
static enum err replay(const char *path, struct why *why, unsigned *count)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        ++*count;
        return replay_file(path, why);
    }
    enum err err = ERR_NONE;
    for (struct dirent *entry = readdir(dir); entry != NULL && err == ERR_NONE;
         entry = readdir(dir)) {
        char *child = NULL;
        if (entry->d_name[0] != '.' &&
            asprintf(&child, "%s/%s", path, entry->d_name) > 0) {
            err = replay_file(child, why);
            ++*count;
            free(child);
        }
    }
    closedir(dir);
    return err;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    give("", 0);
    for (int i = 1; i < argc; i++) {
        struct why why = {""};
        enum err err = replay(argv[i], &why, &count);
        if (err != ERR_NONE) {
            fprintf(stderr, "%s\n", why_text(&why, err));
            return err_exit_status(err);
        }
    }
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1; // a target without a corpus is a mistake
}
