// SPDX-License-Identifier: Apache-2.0
// SHA-256 and git object ids, by OpenSSL's libcrypto.
#pragma once

#include "base/digest.h"

struct sha; // a running hash

enum sha_kind { SHA_256, SHA_1 };

// NULL when out of memory.
struct sha *sha_new(enum sha_kind kind);
void sha_free(struct sha *sha);
void sha_update(struct sha *sha, const void *bytes, size_t len);
// Ends the hash; only the one that fits the kind may be called, once.
void sha_final_256(struct sha *sha, struct digest *out);
void sha_final_1(struct sha *sha, struct oid *out);

void sha256_of(const void *bytes, size_t len, struct digest *out);

// Starts a SHA-1 with git's header "TYPE SIZE\0": feeding the content then gives the object
// id. type is "blob", "tree", "commit" or "tag".
struct sha *sha_new_git_object(const char *type, uint64_t size);
// All of it at once. ERR_NO_MEMORY.
NODISCARD enum err sha_of_git_object(const char *type, const void *bytes, size_t len,
                                     struct oid *out);
