// SPDX-License-Identifier: Apache-2.0
#include "fs/content_read.h"

enum { ATTEMPTS = 3 }; // what has come may be evicted before it is read

enum err content_read(struct content *content, struct wait_owner *owner, uint64_t offset,
                      void *to, size_t len, struct why *why)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        struct chunk_answer answer = chunk_answer_init(to, false);
        enum err err = xet_file_read_now(content->file, offset, len, &answer, why);
        if (err != ERR_ABSENT) {
            return err == ERR_NONE && answer.len != len ? ERR_TRUNCATED : err;
        }
        struct wait *wait = NULL;
        err = wait_begin(owner, &wait);
        if (err != ERR_NONE) {
            return err;
        }
        err = xet_file_prefetch(content->file, &content->source, offset, len,
                                HUB_PREFETCH, wait_done, wait_ref(wait));
        if (err != ERR_PARKED) {
            wait_done(wait, err, NULL); // nobody else does
        }
        err = wait_end(owner, wait, why);
        wait_unref(wait);
        if (err != ERR_NONE) {
            return err;
        }
    }
    return why_set(why, ERR_ABSENT, "the cache is too small to hold what is read");
}
