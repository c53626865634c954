// SPDX-License-Identifier: Apache-2.0
// Entries of the tree API (hub-api.md §5.1). A hostile or broken name never becomes another
// name: the entry is left out and counted. A hostile number or hash makes the whole page
// unusable, because a listing that is wrong in one place can't be trusted in the next.
#include "hub/tree_answer.h"

#include "hub/json_reader.h"
#include "hub/limits.h"

#include <string.h>

enum { HASH_HEX_LEN = 64 };

struct tree_question {
    enum tree_scope scope;
    const char *dir;
};

// Gated repositories hide hashes as 64 '*'.
static bool is_masked(const char *text)
{
    return strlen(text) == HASH_HEX_LEN && strspn(text, "*") == HASH_HEX_LEN;
}

static bool belongs(const char *path, const struct tree_question *question)
{
    const char *dir = question->dir;
    if (!path_is_legal(path, strlen(path))) {
        return false;
    }
    if (question->scope == TREE_ANY) {
        return true;
    }
    size_t dir_len = strlen(dir);
    const char *name = path;
    if (dir_len > 0) {
        if (strncmp(path, dir, dir_len) != 0 || path[dir_len] != '/') {
            return false;
        }
        name = path + dir_len + 1;
    }
    return question->scope == TREE_BELOW || path_name_is_legal(name, strlen(name));
}

static enum err bad_entry(struct why *why, const char *path, const char *what)
{
    return why_set(why, ERR_BAD_ANSWER, "the listing's entry %s has %s", path, what);
}

static enum err read_lfs(const struct json_value *lfs, const char *path, struct why *why,
                         struct tree_entry *entry)
{
    const char *hash = NULL;
    enum err err = json_take_text(lfs, "oid", why, &hash);
    if (err == ERR_NONE) {
        err = json_take_u64(lfs, "size", why, &entry->size);
    }
    if (err != ERR_NONE) {
        return why_prefix(why, err, "%s", path);
    }
    if (is_masked(hash)) {
        entry->masked = true;
        return ERR_NONE;
    }
    if (digest_from_hex(hash, strlen(hash), &entry->sha256) != ERR_NONE) {
        return bad_entry(why, path, "no usable LFS hash");
    }
    entry->has_sha256 = true;
    return ERR_NONE;
}

static enum err read_file(const struct json_value *item, const char *path,
                          struct why *why, struct tree_entry *entry)
{
    const struct json_value *lfs = json_member(item, "lfs");
    const char *xet = json_text(json_member(item, "xetHash"));
    enum err err = json_take_u64(item, "size", why, &entry->size);
    if (err == ERR_NONE && json_is_object(lfs)) {
        err = read_lfs(lfs, path, why, entry); // its size is the content's, always
    }
    if (err != ERR_NONE || xet == NULL) {
        return err;
    }
    if (is_masked(xet)) {
        entry->masked = true;
        return ERR_NONE;
    }
    if (digest_from_xet_hex(xet, strlen(xet), &entry->xet_hash) != ERR_NONE) {
        return bad_entry(why, path, "no usable Xet hash");
    }
    entry->has_xet = true;
    return ERR_NONE;
}

// Reads one element; *out_kept tells whether it belongs into the answer.
static enum err read_entry(const struct json_value *item,
                           const struct tree_question *question, struct why *why,
                           struct hub_tree_page *page, bool *out_kept)
{
    struct tree_entry *entry = &page->entries[page->count];
    const char *type = NULL;
    const char *path = NULL;
    const char *oid = NULL;
    *out_kept = false;
    enum err err = json_take_text(item, "type", why, &type);
    if (err == ERR_NONE) {
        err = json_take_text(item, "path", why, &path);
    }
    if (err != ERR_NONE) {
        return err;
    }
    bool is_file = strcmp(type, "file") == 0;
    if (!is_file && strcmp(type, "directory") != 0) {
        return ERR_NONE;
    }
    if (!belongs(path, question)) {
        page->refused++;
        return ERR_NONE;
    }
    *entry = (struct tree_entry){.kind = is_file ? ENTRY_FILE : ENTRY_DIRECTORY};
    err = json_take_text(item, "oid", why, &oid);
    if (err == ERR_NONE && oid_from_hex(oid, strlen(oid), &entry->oid) != ERR_NONE) {
        err = bad_entry(why, path, "no usable git id");
    }
    if (err == ERR_NONE && is_file) {
        err = read_file(item, path, why, entry);
    }
    if (err != ERR_NONE) {
        return err;
    }
    *out_kept = true;
    return buffer_append(&page->paths, path, strlen(path) + 1);
}

static enum err read_entries(const struct json_value *root,
                             const struct tree_question *question, struct why *why,
                             struct hub_tree_page *page)
{
    if (!json_is_array(root)) {
        return why_set(why, ERR_BAD_ANSWER, "the listing is not a list");
    }
    size_t total = json_count(root);
    if (total > TREE_PAGE_ENTRIES_MAX) {
        return why_set(why, ERR_TOO_LARGE,
                       "a page of the listing has more than %d entries",
                       TREE_PAGE_ENTRIES_MAX);
    }
    page->entries = calloc(total + 1, sizeof(*page->entries));
    if (page->entries == NULL) {
        return ERR_NO_MEMORY;
    }
    for (const struct json_value *at = json_first(root); at != NULL; at = json_next(at)) {
        bool is_kept = false;
        enum err err = read_entry(at, question, why, page, &is_kept);
        if (err != ERR_NONE) {
            return err;
        }
        page->count += is_kept;
    }
    // The paths stand in the entries' order; only now the buffer stays where it is.
    const char *path = buffer_text(&page->paths);
    for (size_t i = 0; i < page->count; i++) {
        page->entries[i].path = path;
        path += strlen(path) + 1;
    }
    return ERR_NONE;
}

enum err tree_answer_parse(const void *body, size_t len, enum tree_scope scope,
                           const char *dir, struct why *why, struct hub_tree_page *out)
{
    struct tree_question question = {scope, dir};
    struct json_document *document = NULL;
    struct hub_tree_page page = {.paths = buffer_init(LISTING_BODY_MAX)};
    enum err err = json_document_parse(body, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    err = read_entries(json_root(document), &question, why, &page);
    json_document_free(document);
    if (err != ERR_NONE) {
        hub_tree_page_release(&page);
        return err;
    }
    *out = page;
    return ERR_NONE;
}

void hub_tree_page_release(struct hub_tree_page *page)
{
    free(page->entries);
    free(page->next);
    buffer_release(&page->paths);
    *page = (struct hub_tree_page){0};
}
