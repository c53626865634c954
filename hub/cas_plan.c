// SPDX-License-Identifier: Apache-2.0
// Reconstruction plans (xet.md §6.1 and §6.2).
//
// The two versions say the same in two shapes; only how one xorb's ranges are listed differs:
//   v1  "fetch_info": {XORB: [{"range", "url", "url_range"} ...]}
//   v2  "xorbs":      {XORB: [{"url", "ranges": [{"chunks", "bytes"} ...]} ...]}
// Chunk ranges are half open, byte ranges inclusive.
//
// A plan is one object: terms, ranges and the text of all URLs. The ranges of one xorb stand
// together, and a hash table of ours finds them by the xorb's hash, because looking a key up
// in the parsed JSON walks a list.
#include "hub/cas_plan.h"

#include "hub/json_reader.h"
#include "hub/limits.h"

#include <string.h>

enum {
    XORB_CHUNKS_MAX = 8192 * 2,      // twice what writers make: a bound, not a rule
    XORB_BYTES_MAX = (64 << 20) * 2, // the same
    CHUNK_BYTES_MAX = 128 << 10,
    CHUNK_HEADER_BYTES = 8,
    RANGE_LOOKUPS_MAX = 1 << 24, // comparisons of terms with ranges, over a whole plan
};

struct plan_parts { // what a struct cas_plan points into; `plan` is first
    struct cas_plan plan;
    struct cas_term *terms;
    struct cas_range *ranges;
    struct buffer urls; // offsets while it grows, pointers in the end
    size_t *url_offsets;
    size_t n_ranges;
};

struct xorb { // where one xorb's ranges are
    struct digest hash;
    size_t first;
    size_t count;
    UT_hash_handle hh;
};

struct parse {
    struct plan_parts *parts;
    enum plan_version version;
    struct why *why;
    struct xorb *by_hash;
    struct xorb *xorbs;
    size_t n_xorbs;
    size_t ranges_max;
    uint64_t lookups;
};

void cas_plan_free(struct cas_plan *plan)
{
    struct plan_parts *parts = (void *)plan;
    if (parts == NULL) {
        return;
    }
    free(parts->terms);
    free(parts->ranges);
    free(parts->url_offsets);
    buffer_release(&parts->urls);
    free(parts);
}

static enum err bad_plan(const struct parse *parse, const char *what)
{
    return why_set(parse->why, ERR_BAD_ANSWER, "the storage service's plan %s", what);
}

// {"start": a, "end": b} with b <= max
static enum err take_span(const struct parse *parse, const struct json_value *object,
                          const char *key, uint64_t max, uint64_t *out_start,
                          uint64_t *out_end)
{
    const struct json_value *span = NULL;
    enum err err = json_take_object(object, key, parse->why, &span);
    if (err == ERR_NONE) {
        err = json_take_u64(span, "start", parse->why, out_start);
    }
    if (err == ERR_NONE) {
        err = json_take_u64(span, "end", parse->why, out_end);
    }
    if (err == ERR_NONE && *out_end > max) {
        return bad_plan(parse, "has a range past the end of any xorb");
    }
    return err;
}

static enum err take_hash(const struct parse *parse, const char *text, struct digest *out)
{
    return digest_from_xet_hex(text, strlen(text), out) == ERR_NONE
               ? ERR_NONE
               : bad_plan(parse, "names a xorb by no hash");
}

// ------------------------------------------------------------------------------- ranges

static enum err take_url(struct parse *parse, const struct json_value *entry,
                         size_t *out_offset)
{
    const char *url = NULL;
    enum err err = json_take_text(entry, "url", parse->why, &url);
    if (err != ERR_NONE) {
        return err;
    }
    size_t len = strlen(url);
    if (len == 0 || len > URL_BYTES_MAX) {
        return bad_plan(parse, "has an address of no usable length");
    }
    *out_offset = parse->parts->urls.len;
    return buffer_append(&parse->parts->urls, url, len + 1);
}

static enum err add_range(struct parse *parse, const struct digest *xorb,
                          const struct json_value *item, size_t url_offset)
{
    struct plan_parts *parts = parse->parts;
    bool is_v2 = parse->version == PLAN_V2;
    uint64_t chunk_first = 0;
    uint64_t chunk_end = 0;
    uint64_t byte_first = 0;
    uint64_t byte_last = 0;
    enum err err = take_span(parse, item, is_v2 ? "chunks" : "range", XORB_CHUNKS_MAX,
                             &chunk_first, &chunk_end);
    if (err == ERR_NONE) {
        err = take_span(parse, item, is_v2 ? "bytes" : "url_range", XORB_BYTES_MAX,
                        &byte_first, &byte_last);
    }
    if (err != ERR_NONE) {
        return err;
    }
    if (chunk_first >= chunk_end || byte_first > byte_last ||
        byte_last - byte_first + 1 < (chunk_end - chunk_first) * CHUNK_HEADER_BYTES) {
        return bad_plan(parse, "has an empty or reversed range");
    }
    if (parts->n_ranges >= parse->ranges_max) {
        return bad_plan(parse, "has too many ranges");
    }
    parts->url_offsets[parts->n_ranges] = url_offset;
    parts->ranges[parts->n_ranges++] = (struct cas_range){
        .xorb = *xorb,
        .chunk_first = (uint32_t)chunk_first,
        .chunk_end = (uint32_t)chunk_end,
        .byte_first = byte_first,
        .byte_last = byte_last,
    };
    return ERR_NONE;
}

// One element of a xorb's list: a range (v1), or an address and its ranges (v2).
static enum err add_entry(struct parse *parse, const struct digest *xorb,
                          const struct json_value *entry)
{
    size_t url_offset = 0;
    enum err err = take_url(parse, entry, &url_offset);
    if (err != ERR_NONE || parse->version == PLAN_V1) {
        return err != ERR_NONE ? err : add_range(parse, xorb, entry, url_offset);
    }
    const struct json_value *ranges = NULL;
    err = json_take_array(entry, "ranges", parse->why, &ranges);
    for (const struct json_value *at = json_first(ranges); err == ERR_NONE && at != NULL;
         at = json_next(at)) {
        err = add_range(parse, xorb, at, url_offset);
    }
    return err;
}

static enum err add_xorb(struct parse *parse, const struct json_value *list)
{
    struct xorb *xorb = &parse->xorbs[parse->n_xorbs];
    struct xorb *same = NULL;
    enum err err = take_hash(parse, json_key(list), &xorb->hash);
    if (err != ERR_NONE) {
        return err;
    }
    HASH_FIND(hh, parse->by_hash, &xorb->hash, sizeof(xorb->hash), same);
    if (same != NULL || !json_is_array(list)) {
        return bad_plan(parse, "lists a xorb twice or not as a list");
    }
    xorb->first = parse->parts->n_ranges;
    for (const struct json_value *at = json_first(list); err == ERR_NONE && at != NULL;
         at = json_next(at)) {
        err = add_entry(parse, &xorb->hash, at);
    }
    xorb->count = parse->parts->n_ranges - xorb->first;
    HASH_ADD(hh, parse->by_hash, hash, sizeof(xorb->hash), xorb);
    parse->n_xorbs++;
    return err;
}

// An upper bound of how many ranges there are, before anything is allocated for them.
static size_t count_ranges(const struct json_value *xorbs, enum plan_version version)
{
    size_t count = 0;
    for (const struct json_value *list = json_first(xorbs); list != NULL;
         list = json_next(list)) {
        for (const struct json_value *at = json_first(list); at != NULL;
             at = json_next(at)) {
            count += version == PLAN_V1 ? 1 : json_count(json_member(at, "ranges"));
        }
    }
    return count;
}

static enum err parse_ranges(struct parse *parse, const struct json_value *root)
{
    const struct json_value *xorbs = NULL;
    enum err err = json_take_object(
        root, parse->version == PLAN_V2 ? "xorbs" : "fetch_info", parse->why, &xorbs);
    if (err != ERR_NONE) {
        return err;
    }
    size_t n = count_ranges(xorbs, parse->version);
    size_t n_xorbs = json_count(xorbs);
    if (n > PLAN_RANGES_MAX || n_xorbs > PLAN_XORBS_MAX) {
        return bad_plan(parse, "has too many ranges");
    }
    struct plan_parts *parts = parse->parts;
    parse->ranges_max = n;
    parse->xorbs = calloc(n_xorbs + 1, sizeof(*parse->xorbs));
    parts->ranges = calloc(n + 1, sizeof(*parts->ranges));
    parts->url_offsets = calloc(n + 1, sizeof(*parts->url_offsets));
    if (parse->xorbs == NULL || parts->ranges == NULL || parts->url_offsets == NULL) {
        return ERR_NO_MEMORY;
    }
    for (const struct json_value *at = json_first(xorbs); err == ERR_NONE && at != NULL;
         at = json_next(at)) {
        err = add_xorb(parse, at);
    }
    for (size_t i = 0; err == ERR_NONE && i < parts->n_ranges; i++) {
        parts->ranges[i].url = (const char *)parts->urls.bytes + parts->url_offsets[i];
    }
    return err;
}

// -------------------------------------------------------------------------------- terms

static enum err check_covered(struct parse *parse, const struct cas_term *term)
{
    struct xorb *xorb = NULL;
    HASH_FIND(hh, parse->by_hash, &term->xorb, sizeof(term->xorb), xorb);
    for (size_t i = 0; xorb != NULL && i < xorb->count; i++) {
        const struct cas_range *range = &parse->parts->ranges[xorb->first + i];
        if (++parse->lookups > RANGE_LOOKUPS_MAX) {
            return bad_plan(parse, "splits its xorbs into absurdly many ranges");
        }
        if (range->chunk_first <= term->chunk_first &&
            term->chunk_end <= range->chunk_end) {
            return ERR_NONE;
        }
    }
    return bad_plan(parse, "has a term outside of what can be fetched");
}

static enum err parse_term(struct parse *parse, const struct json_value *item,
                           struct cas_term *term)
{
    const char *hash = NULL;
    uint64_t first = 0;
    uint64_t end = 0;
    enum err err = json_take_text(item, "hash", parse->why, &hash);
    if (err == ERR_NONE) {
        err = take_hash(parse, hash, &term->xorb);
    }
    if (err == ERR_NONE) {
        err = take_span(parse, item, "range", XORB_CHUNKS_MAX, &first, &end);
    }
    if (err == ERR_NONE) {
        err = json_take_u64(item, "unpacked_length", parse->why, &term->unpacked_length);
    }
    if (err != ERR_NONE) {
        return err;
    }
    if (first >= end || term->unpacked_length == 0 ||
        term->unpacked_length > (end - first) * CHUNK_BYTES_MAX) {
        return bad_plan(parse, "has a term of impossible length");
    }
    term->chunk_first = (uint32_t)first;
    term->chunk_end = (uint32_t)end;
    return check_covered(parse, term);
}

static enum err parse_terms(struct parse *parse, const struct json_value *root)
{
    const struct json_value *list = NULL;
    struct plan_parts *parts = parse->parts;
    enum err err = json_take_array(root, "terms", parse->why, &list);
    size_t n = err == ERR_NONE ? json_count(list) : 0;
    if (n > PLAN_TERMS_MAX) {
        return bad_plan(parse, "has too many terms");
    }
    parts->terms = calloc(n + 1, sizeof(*parts->terms));
    if (parts->terms == NULL) {
        return ERR_NO_MEMORY;
    }
    size_t i = 0;
    for (const struct json_value *at = json_first(list); err == ERR_NONE && at != NULL;
         at = json_next(at)) {
        err = parse_term(parse, at, &parts->terms[i++]);
    }
    parts->plan.n_terms = n;
    return err;
}

static enum err parse_root(struct parse *parse, const struct json_value *root)
{
    struct cas_plan *plan = &parse->parts->plan;
    enum err err = json_take_u64(root, "offset_into_first_range", parse->why,
                                 &plan->offset_into_first);
    if (err == ERR_NONE) {
        err = parse_ranges(parse, root);
    }
    if (err == ERR_NONE) {
        err = parse_terms(parse, root);
    }
    if (err != ERR_NONE) {
        return err;
    }
    uint64_t first_length =
        plan->n_terms > 0 ? parse->parts->terms[0].unpacked_length : 0;
    if (plan->offset_into_first > 0 && plan->offset_into_first >= first_length) {
        return bad_plan(parse, "begins past its first term");
    }
    plan->terms = parse->parts->terms;
    plan->ranges = parse->parts->ranges;
    plan->n_ranges = parse->parts->n_ranges;
    return ERR_NONE;
}

enum err cas_plan_parse(const void *body, size_t len, enum plan_version version,
                        struct why *why, struct cas_plan **out)
{
    struct json_document *document = NULL;
    enum err err = json_document_parse(body, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    struct parse parse = {.version = version, .why = why};
    parse.parts = calloc(1, sizeof(*parse.parts));
    if (parse.parts == NULL) {
        json_document_free(document);
        return ERR_NO_MEMORY;
    }
    parse.parts->urls = buffer_init(LISTING_BODY_MAX);
    err = parse_root(&parse, json_root(document));
    HASH_CLEAR(hh, parse.by_hash);
    free(parse.xorbs);
    json_document_free(document);
    if (err != ERR_NONE) {
        cas_plan_free(&parse.parts->plan);
        return err;
    }
    *out = &parse.parts->plan;
    return ERR_NONE;
}
