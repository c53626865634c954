// SPDX-License-Identifier: Apache-2.0
// Repository info, refs and commits (hub-api.md §4). Fields that we did not ask for are
// ignored; fields that we need and that are odd make the whole answer unusable.
#include "hub/repo_answers.h"

#include "hub/limits.h"

#include <stdio.h>
#include <string.h>

enum err repo_take_oid(const struct json_value *object, const char *key, struct why *why,
                       struct oid *out)
{
    const char *text = NULL;
    enum err err = json_take_text(object, key, why, &text);
    if (err != ERR_NONE) {
        return err;
    }
    if (oid_from_hex(text, strlen(text), out) != ERR_NONE) {
        return why_set(why, ERR_BAD_ANSWER, "\"%s\" in the server's JSON is no commit id",
                       key);
    }
    return ERR_NONE;
}

enum hub_gate repo_gate_of(const struct json_value *gated)
{
    const char *text = json_text(gated);
    if (text != NULL && strcmp(text, "manual") == 0) {
        return HUB_GATE_MANUAL;
    }
    bool is_gated = text != NULL || json_is_true(gated);
    return is_gated ? HUB_GATE_AUTO : HUB_GATE_NONE;
}

int64_t repo_time_of(const struct json_value *time)
{
    const char *text = json_text(time);
    return text != NULL ? clock_parse_iso8601(text) : -1;
}

static enum err read_info(const struct json_value *root, struct why *why,
                          struct hub_repo_info *info)
{
    const char *id = NULL;
    enum err err = json_take_text(root, "id", why, &id);
    if (err == ERR_NONE) {
        err = repo_take_oid(root, "sha", why, &info->sha);
    }
    if (err != ERR_NONE) {
        return err;
    }
    if (strlen(id) >= sizeof(info->repo.name) || !repo_name_is_legal(id)) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the Hub names the repository by no legal id");
    }
    snprintf(info->repo.name, sizeof(info->repo.name), "%s", id);
    info->modified_s = repo_time_of(json_member(root, "lastModified"));
    info->is_private = json_is_true(json_member(root, "private"));
    info->disabled = json_is_true(json_member(root, "disabled"));
    info->gate = repo_gate_of(json_member(root, "gated"));
    return ERR_NONE;
}

enum err repo_info_parse(const void *body, size_t len, enum repo_kind kind,
                         struct why *why, struct hub_repo_info *out)
{
    struct json_document *document = NULL;
    struct hub_repo_info info = {.repo = {.kind = kind}};
    enum err err = json_document_parse(body, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    err = read_info(json_root(document), why, &info);
    json_document_free(document);
    if (err == ERR_NONE) {
        *out = info;
    }
    return err;
}

// --------------------------------------------------------------------------------- refs

static const struct ref_list {
    const char *key;
    enum hub_ref_kind kind;
    bool is_required;
    bool uses_ref; // the name is told by "ref": PR names are written in two ways
} ref_lists[] = {
    {"branches", HUB_REF_BRANCH, true, false},
    {"tags", HUB_REF_TAG, true, false},
    {"converts", HUB_REF_CONVERT, false, false},
    {"pullRequests", HUB_REF_PULL, false, true},
};
enum { REF_LISTS = sizeof(ref_lists) / sizeof(ref_lists[0]) };

static enum err add_ref(const struct ref_list *list, const struct json_value *item,
                        struct why *why, struct refs_answer *answer)
{
    struct hub_ref *ref = &answer->refs[answer->count];
    const char *name = NULL;
    enum err err = json_take_text(item, list->uses_ref ? "ref" : "name", why, &name);
    if (err == ERR_NONE) {
        err = repo_take_oid(item, "targetCommit", why, &ref->sha);
    }
    if (err != ERR_NONE) {
        return err;
    }
    if (!revision_is_legal(name)) {
        log_warn("hub", "a ref that can't be a name is left out");
        return ERR_NONE;
    }
    ref->kind = list->kind;
    answer->count++;
    return buffer_append(&answer->names, name, strlen(name) + 1);
}

static enum err read_refs(const struct json_value *root, struct why *why,
                          struct refs_answer *answer)
{
    size_t total = 0;
    for (size_t i = 0; i < REF_LISTS; i++) {
        const struct json_value *list = json_member(root, ref_lists[i].key);
        if (list == NULL ? ref_lists[i].is_required : !json_is_array(list)) {
            return why_set(why, ERR_BAD_ANSWER, "the server's JSON lacks the list \"%s\"",
                           ref_lists[i].key);
        }
        total += json_count(list);
    }
    if (total > REFS_MAX) {
        return why_set(why, ERR_TOO_LARGE, "the repository has more than %d refs",
                       REFS_MAX);
    }
    answer->refs = calloc(total + 1, sizeof(*answer->refs));
    if (answer->refs == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = ERR_NONE;
    for (size_t i = 0; i < REF_LISTS; i++) {
        const struct json_value *at = json_first(json_member(root, ref_lists[i].key));
        for (; err == ERR_NONE && at != NULL; at = json_next(at)) {
            err = add_ref(&ref_lists[i], at, why, answer);
        }
    }
    // The names stand in the refs' order; only now the buffer stays where it is.
    const char *name = buffer_text(&answer->names);
    for (size_t i = 0; err == ERR_NONE && i < answer->count; i++) {
        answer->refs[i].name = name;
        name += strlen(name) + 1;
    }
    return err;
}

enum err refs_parse(const void *body, size_t len, struct why *why,
                    struct refs_answer *out)
{
    struct json_document *document = NULL;
    struct refs_answer answer = {.names = buffer_init(LISTING_BODY_MAX)};
    enum err err = json_document_parse(body, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    err = read_refs(json_root(document), why, &answer);
    json_document_free(document);
    if (err != ERR_NONE) {
        refs_answer_release(&answer);
        return err;
    }
    *out = answer;
    return ERR_NONE;
}

void refs_answer_release(struct refs_answer *answer)
{
    free(answer->refs);
    buffer_release(&answer->names);
    *answer = (struct refs_answer){0};
}

// ------------------------------------------------------------------------------ commits

enum err commit_date_parse(const void *body, size_t len, struct why *why,
                           int64_t *out_date_s)
{
    struct json_document *document = NULL;
    const char *date = NULL;
    enum err err = json_document_parse(body, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    const struct json_value *first = json_first(json_root(document));
    err = json_take_text(first, "date", why, &date);
    int64_t date_s = err == ERR_NONE ? clock_parse_iso8601(date) : -1;
    if (err == ERR_NONE && date_s < 0) {
        err = why_set(why, ERR_BAD_ANSWER, "the commit's date can't be read");
    }
    json_document_free(document);
    if (err == ERR_NONE) {
        *out_date_s = date_s;
    }
    return err;
}
