// SPDX-License-Identifier: Apache-2.0
// cJSON, fenced in. `struct json_value` is never defined: it is a cJSON in disguise, so that
// no other file can reach into one. Numbers are compared as doubles, which are exact up to
// 2^53; cJSON's integer field saturates at 2^31 and must not be used.
#include "hub/json_reader.h"

#include "hub/json_scan.h"

#include <cjson/cJSON.h>
#include <string.h>

// 2^53 itself is out: 2^53 + 1 reads as the same double.
static const double NUMBER_END = 9007199254740992.0;

enum { FEW_KEYS = 16 }; // up to here comparing all pairs is cheaper than sorting

static const cJSON *as_cjson(const struct json_value *value)
{
    return (const void *)value;
}

static const struct json_value *as_value(const cJSON *item)
{
    return (const void *)item;
}

// ------------------------------------------------------------------------ duplicate keys

static int compare_keys(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

static bool few_have_duplicates(const cJSON *object)
{
    for (const cJSON *a = object->child; a != NULL; a = a->next) {
        for (const cJSON *b = a->next; b != NULL; b = b->next) {
            if (strcmp(a->string, b->string) == 0) {
                return true;
            }
        }
    }
    return false;
}

static enum err many_have_duplicates(const cJSON *object, size_t count, bool *out)
{
    AUTO_FREE const char **keys = calloc(count, sizeof(*keys));
    if (keys == NULL) {
        return ERR_NO_MEMORY;
    }
    size_t n = 0;
    for (const cJSON *member = object->child; member != NULL; member = member->next) {
        keys[n++] = member->string;
    }
    qsort(keys, n, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < n; i++) {
        *out = *out || strcmp(keys[i - 1], keys[i]) == 0;
    }
    return ERR_NONE;
}

// Recursion is bounded: json_scan() has limited the depth.
static enum err refuse_duplicates(const cJSON *item, struct why *why)
{
    if (cJSON_IsObject(item)) {
        size_t count = json_count(as_value(item));
        bool found = false;
        if (count <= FEW_KEYS) {
            found = few_have_duplicates(item);
        } else if (many_have_duplicates(item, count, &found) != ERR_NONE) {
            return why_set(why, ERR_NO_MEMORY, "out of memory");
        }
        if (found) {
            return why_set(why, ERR_BAD_ANSWER,
                           "the server's JSON has a key twice in one object");
        }
    }
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        enum err err = refuse_duplicates(child, why);
        if (err != ERR_NONE) {
            return err;
        }
    }
    return ERR_NONE;
}

// ---------------------------------------------------------------------------- documents

enum err json_document_parse(const void *bytes, size_t len, struct why *why,
                             struct json_document **out)
{
    enum err err = json_scan(bytes, len, why);
    if (err != ERR_NONE) {
        return err;
    }
    const char *end = NULL;
    cJSON *root = len > 0 ? cJSON_ParseWithLengthOpts(bytes, len, &end, false) : NULL;
    if (root == NULL) {
        return why_set(why, ERR_BAD_ANSWER, "the server's answer is not JSON");
    }
    const char *stop = (const char *)bytes + len;
    while (end < stop && strchr(" \t\r\n", *end) != NULL) {
        end++;
    }
    err = end == stop
              ? refuse_duplicates(root, why)
              : why_set(why, ERR_BAD_ANSWER, "the server's JSON goes on after its end");
    if (err != ERR_NONE) {
        cJSON_Delete(root);
        return err;
    }
    *out = (void *)root;
    return ERR_NONE;
}

void json_document_free(struct json_document *document)
{
    cJSON_Delete((void *)document);
}

const struct json_value *json_root(const struct json_document *document)
{
    return (const void *)document;
}

// ------------------------------------------------------------------------------- values

bool json_is_object(const struct json_value *value)
{
    return cJSON_IsObject(as_cjson(value));
}

bool json_is_array(const struct json_value *value)
{
    return cJSON_IsArray(as_cjson(value));
}

const struct json_value *json_first(const struct json_value *container)
{
    return container != NULL ? as_value(as_cjson(container)->child) : NULL;
}

const struct json_value *json_next(const struct json_value *value)
{
    return as_value(as_cjson(value)->next);
}

size_t json_count(const struct json_value *container)
{
    size_t count = 0;
    for (const struct json_value *at = json_first(container); at != NULL;
         at = json_next(at)) {
        count++;
    }
    return count;
}

const char *json_key(const struct json_value *member)
{
    return as_cjson(member)->string;
}

const struct json_value *json_member(const struct json_value *object, const char *key)
{
    return json_is_object(object)
               ? as_value(cJSON_GetObjectItemCaseSensitive(as_cjson(object), key))
               : NULL;
}

const char *json_text(const struct json_value *value)
{
    return cJSON_GetStringValue(as_cjson(value));
}

bool json_is_true(const struct json_value *value)
{
    return cJSON_IsTrue(as_cjson(value));
}

enum err json_take_text(const struct json_value *object, const char *key, struct why *why,
                        const char **out)
{
    const char *text = json_text(json_member(object, key));
    if (text == NULL) {
        return why_set(why, ERR_BAD_ANSWER, "the server's JSON lacks the text \"%s\"",
                       key);
    }
    *out = text;
    return ERR_NONE;
}

enum err json_take_u64(const struct json_value *object, const char *key, struct why *why,
                       uint64_t *out)
{
    const cJSON *item = as_cjson(json_member(object, key));
    if (!cJSON_IsNumber(item)) {
        return why_set(why, ERR_BAD_ANSWER, "the server's JSON lacks the number \"%s\"",
                       key);
    }
    double number = item->valuedouble;
    if (!(number >= 0 && number < NUMBER_END) || (double)(uint64_t)number != number) {
        return why_set(
            why, ERR_BAD_ANSWER,
            "the number \"%s\" in the server's JSON is negative, fractional or too large",
            key);
    }
    *out = (uint64_t)number;
    return ERR_NONE;
}

enum err json_take_array(const struct json_value *object, const char *key,
                         struct why *why, const struct json_value **out)
{
    const struct json_value *array = json_member(object, key);
    if (!json_is_array(array)) {
        return why_set(why, ERR_BAD_ANSWER, "the server's JSON lacks the list \"%s\"",
                       key);
    }
    *out = array;
    return ERR_NONE;
}

enum err json_take_object(const struct json_value *object, const char *key,
                          struct why *why, const struct json_value **out)
{
    const struct json_value *found = json_member(object, key);
    if (!json_is_object(found)) {
        return why_set(why, ERR_BAD_ANSWER, "the server's JSON lacks the object \"%s\"",
                       key);
    }
    *out = found;
    return ERR_NONE;
}
