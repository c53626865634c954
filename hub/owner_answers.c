// SPDX-License-Identifier: Apache-2.0
// Owners' names and repositories (hub-api.md §3.1, §9.8). A name that can't be, or that
// belongs to somebody else, never becomes a folder: it is left out. A list that is no list
// makes the whole answer unusable.
#include "hub/owner_answers.h"

#include "hub/json_reader.h"
#include "hub/limits.h"
#include "hub/repo_answers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

// --------------------------------------------------------------------------- whoami

static enum err add_name(const struct json_value *object, struct why *why,
                         struct whoami_answer *answer)
{
    const char *name = NULL;
    enum err err = json_take_text(object, "name", why, &name);
    if (err != ERR_NONE) {
        return err;
    }
    size_t len = strlen(name);
    if (!repo_name_part_is_legal(name, len)) {
        log_warn("hub", "the token's user or one of its organisations has a name that "
                        "can't be an owner's; left out");
        return ERR_NONE;
    }
    answer->count++;
    return buffer_append(&answer->texts, name, len + 1);
}

static enum err read_names(const struct json_value *root, struct why *why,
                           struct whoami_answer *answer)
{
    const struct json_value *orgs = json_member(root, "orgs");
    if (orgs != NULL && !json_is_array(orgs)) {
        return why_set(why, ERR_BAD_ANSWER, "\"orgs\" in the server's JSON is no list");
    }
    size_t total = 1 + json_count(orgs);
    if (total > OWNERS_MAX) {
        return why_set(why, ERR_TOO_LARGE, "the token has more than %d owners",
                       OWNERS_MAX);
    }
    enum err err = add_name(root, why, answer);
    for (const struct json_value *at = json_first(orgs); err == ERR_NONE && at != NULL;
         at = json_next(at)) {
        err = add_name(at, why, answer);
    }
    if (err != ERR_NONE) {
        return err;
    }
    answer->names = calloc(answer->count + 1, sizeof(*answer->names));
    if (answer->names == NULL) {
        return ERR_NO_MEMORY;
    }
    const char *name = buffer_text(&answer->texts);
    for (size_t i = 0; i < answer->count; i++) {
        answer->names[i] = name;
        name += strlen(name) + 1;
    }
    return ERR_NONE;
}

enum err whoami_parse(const void *body, size_t len, struct why *why,
                      struct whoami_answer *out)
{
    struct json_document *document = NULL;
    struct whoami_answer answer = {.texts = buffer_init(LISTING_BODY_MAX)};
    enum err err = json_document_parse(body, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    err = read_names(json_root(document), why, &answer);
    json_document_free(document);
    if (err != ERR_NONE) {
        whoami_answer_release(&answer);
        return err;
    }
    *out = answer;
    return ERR_NONE;
}

void whoami_answer_release(struct whoami_answer *answer)
{
    free(answer->names);
    buffer_release(&answer->texts);
    *answer = (struct whoami_answer){0};
}

// --------------------------------------------------------------------- repositories

static bool is_id_of(const char *id, const char *owner)
{
    size_t len = strlen(owner);
    return strlen(id) < REPO_NAME_SIZE && repo_name_is_legal(id) &&
           strncasecmp(id, owner, len) == 0 && id[len] == '/';
}

// One odd entry spoils no listing: without an id that can be it is left out, without a commit that
// can be it is asked for when it is looked up, which then says what is wrong.
static void read_repo(const struct json_value *item, enum repo_kind kind,
                      const char *owner, struct repos_answer *answer)
{
    struct hub_listed_repo repo = {.repo = {.kind = kind}};
    const char *id = json_text(json_member(item, "id"));
    const char *sha = json_text(json_member(item, "sha"));
    if (id == NULL || !is_id_of(id, owner)) {
        answer->refused++;
        return;
    }
    repo.has_sha = sha != NULL && oid_from_hex(sha, strlen(sha), &repo.sha) == ERR_NONE;
    snprintf(repo.repo.name, sizeof(repo.repo.name), "%s", id);
    repo.modified_s = repo_time_of(json_member(item, "lastModified"));
    repo.is_private = json_is_true(json_member(item, "private"));
    repo.disabled = json_is_true(json_member(item, "disabled"));
    repo.gate = repo_gate_of(json_member(item, "gated"));
    answer->repos[answer->count++] = repo;
}

static enum err read_repos(const struct json_value *root, enum repo_kind kind,
                           const char *owner, struct why *why,
                           struct repos_answer *answer)
{
    if (!json_is_array(root)) {
        return why_set(why, ERR_BAD_ANSWER, "the list of repositories is not a list");
    }
    size_t total = json_count(root);
    if (total > REPOS_PAGE_MAX) {
        return why_set(why, ERR_TOO_LARGE,
                       "a page of the list has more than %d repositories",
                       REPOS_PAGE_MAX);
    }
    answer->repos = calloc(total + 1, sizeof(*answer->repos));
    if (answer->repos == NULL) {
        return ERR_NO_MEMORY;
    }
    for (const struct json_value *at = json_first(root); at != NULL; at = json_next(at)) {
        read_repo(at, kind, owner, answer);
    }
    return ERR_NONE;
}

enum err repos_answer_parse(const void *body, size_t len, enum repo_kind kind,
                            const char *owner, struct why *why, struct repos_answer *out)
{
    struct json_document *document = NULL;
    struct repos_answer answer = {0};
    enum err err = json_document_parse(body, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    err = read_repos(json_root(document), kind, owner, why, &answer);
    json_document_free(document);
    if (err != ERR_NONE) {
        repos_answer_release(&answer);
        return err;
    }
    *out = answer;
    return ERR_NONE;
}

void repos_answer_release(struct repos_answer *answer)
{
    free(answer->repos);
    *answer = (struct repos_answer){0};
}
