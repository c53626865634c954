// SPDX-License-Identifier: Apache-2.0
// The one way to read JSON from outside. Behind it is cJSON, in front of it are bounds:
// the text is scanned before it is parsed (json_scan.h), duplicate keys are refused, keys
// are compared with their case, and numbers are whole, not negative and below 2^53.
//
// Values belong to their document. Arrays and objects are walked by json_first() and
// json_next(): there is no access by index, because that would be quadratic.
#pragma once

#include "base/base.h"

struct json_document;
struct json_value;

// The caller has bounded `len`. ERR_BAD_ANSWER, ERR_TOO_LARGE, ERR_NO_MEMORY.
NODISCARD enum err json_document_parse(const void *bytes, size_t len, struct why *why,
                                       struct json_document **out);
void json_document_free(struct json_document *document);
const struct json_value *json_root(const struct json_document *document);

bool json_is_object(const struct json_value *value);
bool json_is_array(const struct json_value *value);
// Members of an object or elements of an array, in order; NULL at the end or for scalars.
const struct json_value *json_first(const struct json_value *container);
const struct json_value *json_next(const struct json_value *value);
size_t json_count(const struct json_value *container); // O(n)
const char *json_key(const struct json_value *member);
// The member of that name; NULL when there is none or `object` is no object.
const struct json_value *json_member(const struct json_value *object, const char *key);
const char *json_text(const struct json_value *value); // NULL when it is no string
bool json_is_true(const struct json_value *value);

// Members that must be there and of the right kind: ERR_BAD_ANSWER and a sentence that names
// the key. Texts live in the document.
NODISCARD enum err json_take_text(const struct json_value *object, const char *key,
                                  struct why *why, const char **out);
NODISCARD enum err json_take_u64(const struct json_value *object, const char *key,
                                 struct why *why, uint64_t *out);
NODISCARD enum err json_take_array(const struct json_value *object, const char *key,
                                   struct why *why, const struct json_value **out);
NODISCARD enum err json_take_object(const struct json_value *object, const char *key,
                                    struct why *why, const struct json_value **out);
