// SPDX-License-Identifier: Apache-2.0
// Every parser of a JSON body of the Hub API. The first byte picks one; what it accepts keeps
// the promises of its header.
#include "base/path_check.h"
#include "hub/answer_error.h"
#include "hub/repo_answers.h"
#include "hub/tree_answer.h"
#include "hub/xet_token.h"
#include "tests/fuzz/fuzz_target.h"

static void try_info(const uint8_t *body, size_t len)
{
    struct hub_repo_info info;
    if (repo_info_parse(body, len, REPO_MODEL, NULL, &info) == ERR_NONE) {
        fuzz_require(repo_name_is_legal(info.repo.name));
    }
}

static void try_refs(const uint8_t *body, size_t len)
{
    struct refs_answer answer;
    if (refs_parse(body, len, NULL, &answer) == ERR_NONE) {
        for (size_t i = 0; i < answer.count; i++) {
            fuzz_require(revision_is_legal(answer.refs[i].name));
        }
        refs_answer_release(&answer);
    }
}

static void try_tree(const uint8_t *body, size_t len, const char *dir)
{
    struct tree_answer answer;
    if (tree_answer_parse(body, len, dir, NULL, &answer) == ERR_NONE) {
        for (size_t i = 0; i < answer.count; i++) {
            fuzz_require(
                path_is_legal(answer.entries[i].path, strlen(answer.entries[i].path)));
        }
        tree_answer_release(&answer);
    }
}

static void try_token(const uint8_t *body, size_t len)
{
    struct url_policy policy = {.allow_http_loopback = true};
    struct xet_token_answer answer;
    if (xet_token_parse(body, len, &policy, NULL, &answer) == ERR_NONE) {
        struct url_host host;
        fuzz_require(url_host_of(answer.cas_url, &host) == ERR_NONE);
        fuzz_require(url_is_allowed(&policy, &host));
        fuzz_require(strpbrk(answer.token, "\r\n ") == NULL);
        xet_token_answer_release(&answer);
    }
}

static void try_error(const uint8_t *body, size_t len)
{
    char text[SERVER_TEXT_SIZE];
    answer_error_text(body, len, text, sizeof(text));
    for (const char *at = text; *at != '\0'; at++) {
        fuzz_require((unsigned char)*at >= ' ' && *at != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    int64_t date_s = 0;
    if (len == 0) {
        return 0;
    }
    const uint8_t *body = bytes + 1;
    switch (bytes[0] % 7) {
    case 0:
        try_info(body, len - 1);
        break;
    case 1:
        try_refs(body, len - 1);
        break;
    case 2:
        try_tree(body, len - 1, "");
        break;
    case 3:
        try_tree(body, len - 1, NULL);
        break;
    case 4:
        try_token(body, len - 1);
        break;
    case 5:
        try_error(body, len - 1);
        break;
    default:
        if (commit_date_parse(body, len - 1, NULL, &date_s) == ERR_NONE) {
            fuzz_require(date_s >= 0);
        }
    }
    return 0;
}
