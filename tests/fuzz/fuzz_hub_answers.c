// SPDX-License-Identifier: Apache-2.0
// Every parser of a JSON body of the Hub API. The first byte picks one; what it accepts keeps
// the promises of its header.
#include "base/path_check.h"
#include "base/utf8.h"
#include "hub/answer_error.h"
#include "hub/commits_answer.h"
#include "hub/owner_answers.h"
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

static void try_tree(const uint8_t *body, size_t len, enum tree_scope scope,
                     const char *dir)
{
    struct hub_tree_page answer;
    if (tree_answer_parse(body, len, scope, dir, NULL, &answer) == ERR_NONE) {
        for (size_t i = 0; i < answer.count; i++) {
            const char *path = answer.entries[i].path;
            fuzz_require(path_is_legal(path, strlen(path)));
            fuzz_require(scope != TREE_BELOW || strncmp(path, "a/", 2) == 0);
        }
        hub_tree_page_release(&answer);
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

static void try_whoami(const uint8_t *body, size_t len)
{
    struct whoami_answer answer;
    if (whoami_parse(body, len, NULL, &answer) == ERR_NONE) {
        for (size_t i = 0; i < answer.count; i++) {
            fuzz_require(
                repo_name_part_is_legal(answer.names[i], strlen(answer.names[i])));
        }
        whoami_answer_release(&answer);
    }
}

static void try_repos(const uint8_t *body, size_t len)
{
    struct repos_answer answer;
    if (repos_answer_parse(body, len, REPO_MODEL, "o", NULL, &answer) == ERR_NONE) {
        for (size_t i = 0; i < answer.count; i++) {
            const char *name = answer.repos[i].repo.name;
            fuzz_require(repo_name_is_legal(name));
            fuzz_require(strncmp(name, "o/", 2) == 0 || strncmp(name, "O/", 2) == 0);
        }
        repos_answer_release(&answer);
    }
}

static void require_line(const char *text)
{
    size_t len = strlen(text);
    fuzz_require(len <= COMMIT_TEXT_MAX && utf8_is_valid(text, len));
    for (size_t i = 0; i < len; i++) {
        fuzz_require((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
    }
}

static void try_commits(const uint8_t *body, size_t len)
{
    AUTO(buffer) struct buffer page = buffer_init(len);
    struct commits_answer answer;
    size_t roughly = commits_count_roughly(body, len);
    if (buffer_append(&page, body, len) != ERR_NONE ||
        commits_answer_parse(&page, 1, 20, NULL, &answer) != ERR_NONE) {
        return;
    }
    fuzz_require(answer.count <= 20 && answer.count <= roughly);
    for (size_t i = 0; i < answer.count; i++) {
        require_line(answer.commits[i].title);
        require_line(answer.commits[i].author);
    }
    commits_answer_release(&answer);
}

static void try_date(const uint8_t *body, size_t len)
{
    int64_t date_s = 0;
    if (commit_date_parse(body, len, NULL, &date_s) == ERR_NONE) {
        fuzz_require(date_s >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0) {
        return 0;
    }
    const uint8_t *body = bytes + 1;
    switch (bytes[0] % 11) {
    case 0:
        try_info(body, len - 1);
        break;
    case 1:
        try_refs(body, len - 1);
        break;
    case 2:
        try_tree(body, len - 1, TREE_FOLDER, "");
        break;
    case 3:
        try_tree(body, len - 1, TREE_ANY, NULL);
        break;
    case 4:
        try_token(body, len - 1);
        break;
    case 5:
        try_error(body, len - 1);
        break;
    case 6:
        try_date(body, len - 1);
        break;
    case 7:
        try_whoami(body, len - 1);
        break;
    case 8:
        try_repos(body, len - 1);
        break;
    case 9:
        try_commits(body, len - 1);
        break;
    default:
        try_tree(body, len - 1, TREE_BELOW, "a");
    }
    return 0;
}
