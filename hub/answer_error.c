// SPDX-License-Identifier: Apache-2.0
// HTTP errors become sentences here and nowhere else. The Hub tells most by X-Error-Code; a
// missing or private repository asked for without a token is a bare 401. Every sentence names
// the repository (and revision or path) and ends with the server's request id, which the
// Hub's support asks for.
#include "hub/answer_error.h"

#include "hub/hub_state.h"
#include "hub/json_reader.h"

#include <stdio.h>
#include <string.h>

struct facts {
    const struct call *call;
    const struct http_answer *answer;
    char repo[REPO_NAME_SIZE + 16];
    char message[SERVER_TEXT_SIZE]; // the server's own sentence, "" = none
    char token_source[TOKEN_SOURCE_SIZE];
    bool has_token; // it went along
};

void answer_error_text(const void *body, size_t len, char *out, size_t size)
{
    struct json_document *document = NULL;
    out[0] = '\0';
    if (len == 0 || len > ERROR_BODY_MAX ||
        json_document_parse(body, len, NULL, &document) != ERR_NONE) {
        return;
    }
    const struct json_value *root = json_root(document);
    const struct json_value *error = json_member(root, "error");
    const struct json_value *errors = json_member(root, "errors");
    const char *text = json_text(error);
    if (text == NULL && json_is_array(error) && json_first(error) != NULL) {
        text = json_text(json_first(error));
    }
    if (text == NULL && json_is_array(errors) && json_first(errors) != NULL) {
        text = json_text(json_member(json_first(errors), "message"));
    }
    if (text == NULL) {
        text = json_text(json_member(root, "message"));
    }
    if (text != NULL) {
        server_text_clean(text, out, size);
    }
    json_document_free(document);
}

static void gather(const struct call *call, struct facts *facts)
{
    const struct http_request *request = &call->request;
    *facts = (struct facts){.call = call, .answer = &request->answer};
    if (call->subject.repo.name[0] != '\0') {
        repo_id_format(&call->subject.repo, facts->repo, sizeof(facts->repo));
    } else { // of what a person can hear of, only whoami is about no repository
        snprintf(facts->repo, sizeof(facts->repo), "the user's name");
    }
    snprintf(facts->message, sizeof(facts->message), "%s", request->answer.error_message);
    if (facts->message[0] == '\0' &&
        !call->type->ends_on_network) { // JSON is for the pool
        answer_error_text(request->body.bytes, request->body.len, facts->message,
                          sizeof(facts->message));
    }
    credential_source(&call->hub->credential, facts->token_source,
                      sizeof(facts->token_source));
    facts->has_token = request->used_token;
}

static enum err explain_missing_repo(const struct facts *facts, struct why *why)
{
    if (facts->has_token) {
        return why_set(why, ERR_NOT_FOUND,
                       "%s is not found, or the token in %s may not see it", facts->repo,
                       facts->token_source);
    }
    return why_set(
        why, ERR_NOT_FOUND,
        "%s is not found, or private: set HF_TOKEN or log in with `hf auth login`",
        facts->repo);
}

static enum err explain_gated(const struct facts *facts, struct why *why)
{
    const struct repo_id *repo = &facts->call->subject.repo;
    return why_set(why, ERR_ACCESS, "%s is gated: accept the terms at %s/%s%s%s",
                   facts->repo, facts->call->hub->endpoint, repo_kind_prefix(repo->kind),
                   repo->name, facts->has_token ? "" : " and set HF_TOKEN");
}

static enum err explain_missing_entry(const struct facts *facts, struct why *why)
{
    const char *path = facts->call->subject.path;
    return why_set(why, ERR_NOT_FOUND, "%s has no %s%s%s", facts->repo,
                   path != NULL && *path != '\0' ? path : "such file",
                   facts->call->subject.revision != NULL ? " at " : "",
                   facts->call->subject.revision != NULL ? facts->call->subject.revision
                                                         : "");
}

// The errors that X-Error-Code and X-Error-Message tell; ERR_NONE = they tell nothing.
static enum err explain_by_code(const struct facts *facts, struct why *why)
{
    const char *code = facts->answer->error_code;
    if (strcmp(code, "RevisionNotFound") == 0) {
        const char *revision = facts->call->subject.revision;
        return why_set(why, ERR_NOT_FOUND, "%s has no revision %s", facts->repo,
                       revision != NULL ? revision : "of that name");
    }
    if (strcmp(code, "EntryNotFound") == 0) {
        return explain_missing_entry(facts, why);
    }
    if (strcmp(code, "GatedRepo") == 0) {
        return explain_gated(facts, why);
    }
    if (strcmp(facts->message, "Access to this resource is disabled") == 0) {
        return why_set(why, ERR_ACCESS, "%s was disabled by the Hub", facts->repo);
    }
    if (strcmp(code, "RepoNotFound") == 0) {
        return explain_missing_repo(facts, why);
    }
    return ERR_NONE;
}

static enum err explain_401(const struct facts *facts, struct why *why)
{
    if (facts->call->request.answered_by == ORIGIN_CAS) {
        return why_set(why, ERR_ACCESS, "the storage service refused the Xet token of %s",
                       facts->repo);
    }
    if (!facts->has_token) {
        return explain_missing_repo(facts, why);
    }
    return why_set(why, ERR_ACCESS, "the token in %s is not valid (asked for %s)",
                   facts->token_source, facts->repo);
}

static enum err explain_403(const struct facts *facts, struct why *why)
{
    if (facts->call->request.answered_by == ORIGIN_SIGNED) {
        return why_set(why, ERR_EXPIRED,
                       "the storage service refused a signed address: it has expired");
    }
    return why_set(why, ERR_ACCESS, "access to %s is denied%s%s", facts->repo,
                   facts->message[0] != '\0' ? ": " : "", facts->message);
}

static enum err explain_by_status(const struct facts *facts, struct why *why)
{
    int status = facts->answer->status;
    const char *host = facts->call->request.host != NULL
                           ? facts->call->request.host->address.host
                           : "the server";
    const char *colon = facts->message[0] != '\0' ? ": " : "";
    if (facts->call->request.answered_by == ORIGIN_SIGNED && status != 403) {
        // What the listing names exists: a refusal here says nothing about the name.
        enum err err = answer_err_of_status(status);
        return why_set(why, err_is_retriable(err) ? err : ERR_BAD_ANSWER,
                       "%s answered HTTP status %d to a signed address", host, status);
    }
    switch (status) {
    case 401:
        return explain_401(facts, why);
    case 403:
        return explain_403(facts, why);
    case 404:
    case 410:
        return why_set(why, ERR_NOT_FOUND, "%s: not found%s%s", facts->repo, colon,
                       facts->message);
    case 416:
        return why_set(why, ERR_RANGE, "%s: the range lies past the end of the file",
                       facts->repo);
    case 429:
        if (facts->answer->has_rate_limit && facts->answer->rate_limit.remaining == 0) {
            int64_t wait_ms = http_rate_limit_wait_ms(&facts->answer->rate_limit);
            return why_set(why, ERR_QUOTA,
                           "the Hub's rate limit is used up; it starts anew in %lld s",
                           (long long)wait_ms / 1000);
        }
        return why_set(why, ERR_QUOTA,
                       "%s limits how often it may be asked (HTTP status 429, %s)", host,
                       facts->repo);
    default:
        break;
    }
    if (status >= 500 || status == 408) {
        return why_set(why, ERR_SERVER, "%s failed with HTTP status %d for %s%s%s", host,
                       status, facts->repo, colon, facts->message);
    }
    return why_set(why, ERR_BAD_ANSWER, "%s answered HTTP status %d for %s%s%s", host,
                   status, facts->repo, colon, facts->message);
}

enum err answer_err_of_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return ERR_ACCESS;
    case 404:
    case 410:
        return ERR_NOT_FOUND;
    case 416:
        return ERR_RANGE;
    case 429:
        return ERR_QUOTA;
    default:
        return status >= 500 || status == 408 ? ERR_SERVER : ERR_BAD_ANSWER;
    }
}

// "REPO" or "REPO/PATH" before a sentence that names neither.
static void name_subject(const struct facts *facts, enum err err, struct why *why)
{
    const struct call_subject *subject = &facts->call->subject;
    if (subject->repo.name[0] == '\0' || strstr(why->text, subject->repo.name) != NULL) {
        return;
    }
    if (why->text[0] == '\0') {
        why_set(why, err, "%s", err_sentence(err));
    }
    bool has_path = subject->path != NULL && subject->path[0] != '\0';
    why_prefix(why, err, "%s%s%s", facts->repo, has_path ? "/" : "",
               has_path ? subject->path : "");
}

enum err answer_explain(const struct call *call, enum err err, struct why *why)
{
    struct facts facts;
    gather(call, &facts);
    if (call->request.is_http_error && why->text[0] == '\0') {
        err = call->type->refused != NULL ? call->type->refused(call, facts.message, why)
                                          : ERR_NONE;
        if (err == ERR_NONE) {
            err = explain_by_code(&facts, why);
        }
        if (err == ERR_NONE) {
            err = explain_by_status(&facts, why);
        }
    }
    name_subject(&facts, err, why);
    const char *id = facts.answer->request_id;
    size_t len = strlen(why->text);
    if (id[0] != '\0' && len < sizeof(why->text)) {
        snprintf(why->text + len, sizeof(why->text) - len, " (request %s)", id);
    }
    return err;
}
