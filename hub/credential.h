// SPDX-License-Identifier: Apache-2.0
// The Hub token: where it comes from, when it is read again, and what may be told about it
// (its source and its fingerprint, never itself).
#pragma once

#include "base/base.h"

#include <sys/stat.h>

enum { TOKEN_SOURCE_SIZE = 256, TOKEN_FINGERPRINT_SIZE = 17 };

struct credential {
    char *file; // the file that is watched; NULL when the token is in the environment
    bool file_is_required; // -o token_file=: its absence is an error
    struct lock lock;      // below: read by any thread, changed by the network thread
    char *token GUARDED_BY(lock);                    // NULL = anonymous
    char source[TOKEN_SOURCE_SIZE] GUARDED_BY(lock); // "HF_TOKEN", a path, "none"
    char fingerprint[TOKEN_FINGERPRINT_SIZE] GUARDED_BY(lock);
    struct stat seen; // of the file when it was read; network thread
    int64_t checked_ms;
};

// Finds and reads the token: `token_file`, HF_TOKEN, HUGGING_FACE_HUB_TOKEN, the file
// HF_TOKEN_PATH, $HF_HOME/token, ~/.cache/huggingface/token. ERR_ACCESS when token_file
// can't be read, or when a token holds control characters.
NODISCARD enum err credential_init(struct credential *credential, const char *token_file,
                                   struct why *why);
void credential_release(struct credential *credential);

// Reads the file again; a bad one keeps the old token and is logged. True = the token has
// changed. Network thread, as the next.
bool credential_reload(struct credential *credential);
// The same if the file looks changed; looks at most every 2 s.
bool credential_check(struct credential *credential, int64_t now_ms);

// A copy of the token; NULL when anonymous. Any thread, as the rest.
char *credential_token(struct credential *credential);
void credential_source(struct credential *credential, char *out, size_t size);
void credential_fingerprint(struct credential *credential, char *out, size_t size);
