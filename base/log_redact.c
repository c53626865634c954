// SPDX-License-Identifier: Apache-2.0
// The last line of defence against secrets in output. Text is taken word by word (a word ends
// at white space, a quote or an angle bracket, as addresses do); where a secret starts in a
// word, the rest of that word becomes stars. It blanks too much rather than too little, and
// never makes the text longer.
//
// Secrets are: Hub tokens (hf_..., api_org_...), JSON web tokens (the CAS's are), the word
// after "Bearer", and the query of an address in which some parameter is a signature's.
// "hf_" alone is no token: hf_xet and hf_hub_download are names of software, and a token has
// a long run of letters and digits.

#include "base/log.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { TOKEN_RUN_MIN = 16, STARS = 3 };

static const char *const TOKEN_PREFIXES[] = {"hf_oauth_", "hf_", "api_org_", "eyJ"};

static const char *const SIGNATURE_KEYS[] = {
    "Signature=", "X-Amz-", "X-Goog-", "Policy=", "Key-Pair-Id=", "sig=", "Expires=",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_word_end(char c)
{
    return c == '\0' || isspace((unsigned char)c) || strchr("\"'<>`", c) != NULL;
}

// Length of the token's introduction if a token starts at `at`, else 0.
static size_t token_prefix_len(const char *at, const char *end)
{
    for (size_t i = 0; i < COUNT_OF(TOKEN_PREFIXES); i++) {
        size_t len = strlen(TOKEN_PREFIXES[i]);
        if ((size_t)(end - at) < len + TOKEN_RUN_MIN ||
            memcmp(at, TOKEN_PREFIXES[i], len) != 0) {
            continue;
        }
        size_t run = 0;
        while (run < TOKEN_RUN_MIN && isalnum((unsigned char)at[len + run])) {
            run++;
        }
        if (run == TOKEN_RUN_MIN) {
            return len;
        }
    }
    return 0;
}

// Whether a signature's parameter starts at `at`. In an address letter case does not matter;
// at the start of a word it does, for there log lines have keys of their own ("policy=lru").
static bool is_signature_key(const char *word, const char *at, const char *end)
{
    bool in_query = at > word && (at[-1] == '?' || at[-1] == '&');
    if (at > word && (isalnum((unsigned char)at[-1]) || strchr("-_", at[-1]) != NULL)) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(SIGNATURE_KEYS); i++) {
        const char *key = SIGNATURE_KEYS[i];
        size_t len = strlen(key);
        if ((size_t)(end - at) >= len &&
            (in_query ? strncasecmp(at, key, len) == 0 : strncmp(at, key, len) == 0)) {
            return true;
        }
    }
    return false;
}

// How many characters of the word are no secret.
static size_t harmless_len(const char *word, size_t len)
{
    const char *end = word + len;
    const char *query = NULL;
    for (const char *at = word; at < end; at++) {
        size_t prefix = token_prefix_len(at, end);
        if (prefix > 0) {
            return (size_t)(at - word) + prefix;
        }
        if (is_signature_key(word, at, end)) {
            return (size_t)((query != NULL ? query : at) - word);
        }
        if (*at == '?' && query == NULL) {
            query = at + 1;
        }
    }
    return len;
}

static bool announces_bearer(const char *word, size_t len)
{
    static const char BEARER[] = "bearer";
    size_t bearer_len = sizeof(BEARER) - 1;
    return len >= bearer_len &&
           strncasecmp(word + len - bearer_len, BEARER, bearer_len) == 0;
}

void log_redact(char *text)
{
    char *to = text;
    const char *from = text;
    bool after_bearer = false;
    while (*from != '\0') {
        size_t len = 0;
        while (!is_word_end(from[len])) {
            len++;
        }
        if (len == 0) {
            *to++ = *from++;
            continue;
        }
        size_t keep = after_bearer ? 0 : harmless_len(from, len);
        size_t stars = len - keep < STARS ? len - keep : STARS;
        after_bearer = announces_bearer(from, len);
        memmove(to, from, keep);
        memset(to + keep, '*', stars);
        to += keep + stars;
        from += len;
    }
    *to = '\0';
}
