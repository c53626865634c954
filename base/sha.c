// SPDX-License-Identifier: Apache-2.0
// OpenSSL's EVP interface. Once a hash has started, its calls fail only by misuse, and a
// digest that is wrong must never get out: they abort.

#include "base/sha.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sha {
    EVP_MD_CTX *context;
    enum sha_kind kind;
};

// Says what failed before it ends the process: a core file is seldom at hand.
static void must_work_at(int result, const char *what)
{
    if (result != 1) {
        fprintf(stderr, "hugfs: %s failed: this is a fault in hugfs\n", what);
        abort();
    }
}

#define must_work(call) must_work_at((call), #call)

struct sha *sha_new(enum sha_kind kind)
{
    struct sha *sha = calloc(1, sizeof(*sha));
    if (sha == NULL) {
        return NULL;
    }
    sha->kind = kind;
    sha->context = EVP_MD_CTX_new();
    const EVP_MD *method = kind == SHA_256 ? EVP_sha256() : EVP_sha1();
    if (sha->context == NULL || EVP_DigestInit_ex(sha->context, method, NULL) != 1) {
        sha_free(sha);
        return NULL;
    }
    return sha;
}

void sha_free(struct sha *sha)
{
    if (sha != NULL) {
        EVP_MD_CTX_free(sha->context);
        free(sha);
    }
}

void sha_update(struct sha *sha, const void *bytes, size_t len)
{
    must_work(EVP_DigestUpdate(sha->context, bytes, len));
}

void sha_final_256(struct sha *sha, struct digest *out)
{
    must_work(sha->kind == SHA_256);
    must_work(EVP_DigestFinal_ex(sha->context, out->bytes, NULL));
}

void sha_final_1(struct sha *sha, struct oid *out)
{
    must_work(sha->kind == SHA_1);
    must_work(EVP_DigestFinal_ex(sha->context, out->bytes, NULL));
}

void sha256_of(const void *bytes, size_t len, struct digest *out)
{
    must_work(EVP_Digest(bytes, len, out->bytes, NULL, EVP_sha256(), NULL));
}

struct sha *sha_new_git_object(const char *type, uint64_t size)
{
    struct sha *sha = sha_new(SHA_1);
    if (sha != NULL) {
        char header[48];
        snprintf(header, sizeof(header), "%s %" PRIu64, type, size);
        sha_update(sha, header, strlen(header) + 1); // the NUL belongs to it
    }
    return sha;
}

enum err sha_of_git_object(const char *type, const void *bytes, size_t len,
                           struct oid *out)
{
    struct sha *sha = sha_new_git_object(type, len);
    if (sha == NULL) {
        return ERR_NO_MEMORY;
    }
    sha_update(sha, bytes, len);
    sha_final_1(sha, out);
    sha_free(sha);
    return ERR_NONE;
}
