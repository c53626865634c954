// SPDX-License-Identifier: Apache-2.0
// Values of options: numbers with units, times, truth, endpoints. Numbers are read digit by
// digit with checked arithmetic rather than by strtoull(), which accepts signs, spaces and
// overflow.
#include "fs/option_value.h"

#include <ctype.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t factor;
};

// Reads decimal digits with an optional fraction of up to three digits, as thousandths.
static bool take_thousandths(const char **text, uint64_t *out)
{
    const char *at = *text;
    uint64_t value = 0;
    if (!isdigit((unsigned char)*at)) {
        return false;
    }
    for (; isdigit((unsigned char)*at); at++) {
        if (!checked_mul(value, 10, &value) ||
            !checked_add(value, (uint64_t)(*at - '0'), &value)) {
            return false;
        }
    }
    if (!checked_mul(value, 1000, &value) || value > INT64_MAX) {
        return false;
    }
    if (*at == '.') {
        at++;
        for (uint64_t weight = 100; isdigit((unsigned char)*at); at++, weight /= 10) {
            value += weight * (uint64_t)(*at - '0');
        }
    }
    *text = at;
    *out = value;
    return true;
}

// Parses NUMBER[UNIT] into the unit with factor 1.
static bool parse_with_unit(const char *text, const struct unit *units, uint64_t *out)
{
    uint64_t thousandths;
    if (!take_thousandths(&text, &thousandths)) {
        return false;
    }
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strcasecmp(text, unit->name) != 0) {
            continue;
        }
        // Whole and fraction apart: thousandths times a large factor would overflow early.
        uint64_t whole;
        uint64_t fraction;
        return checked_mul(thousandths / 1000, unit->factor, &whole) &&
               checked_mul(thousandths % 1000, unit->factor, &fraction) &&
               checked_add(whole, fraction / 1000, out);
    }
    return false;
}

enum err option_parse_size(const char *text, struct why *why, uint64_t *out)
{
    static const struct unit units[] = {
        {"", 1},
        {"b", 1},
        {"k", UINT64_C(1) << 10},
        {"kb", UINT64_C(1) << 10},
        {"kib", UINT64_C(1) << 10},
        {"m", UINT64_C(1) << 20},
        {"mb", UINT64_C(1) << 20},
        {"mib", UINT64_C(1) << 20},
        {"g", UINT64_C(1) << 30},
        {"gb", UINT64_C(1) << 30},
        {"gib", UINT64_C(1) << 30},
        {"t", UINT64_C(1) << 40},
        {"tb", UINT64_C(1) << 40},
        {"tib", UINT64_C(1) << 40},
        {NULL, 0},
    };
    uint64_t value;
    if (!parse_with_unit(text, units, &value) || value > INT64_MAX) {
        return why_set(why, ERR_USAGE, "'%.40s' is not a size: write 512M, 10G or 1.5T",
                       text);
    }
    *out = value;
    return ERR_NONE;
}

enum err option_parse_time(const char *text, struct why *why, int64_t *out)
{
    static const struct unit units[] = {
        {"", 1000},     {"ms", 1},      {"s", 1000},     {"m", 60000},
        {"min", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
    };
    uint64_t value;
    // A century: beyond it, sums of times could overflow.
    if (!parse_with_unit(text, units, &value) || value > UINT64_C(36525) * 86400000) {
        return why_set(why, ERR_USAGE,
                       "'%.40s' is not a time: write 250ms, 30s, 5m or 2h", text);
    }
    *out = (int64_t)value;
    return ERR_NONE;
}

enum err option_parse_number(const char *text, int base, uint64_t max, struct why *why,
                             uint64_t *out)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at < '0' + base; at++) {
        if (!checked_mul(value, (uint64_t)base, &value) ||
            !checked_add(value, (uint64_t)(*at - '0'), &value) || value > max) {
            return why_set(why, ERR_USAGE, "'%.40s' is too large", text);
        }
    }
    if (at == text || *at != '\0') {
        return why_set(why, ERR_USAGE, "'%.40s' is not %s number", text,
                       base == 8 ? "an octal" : "a");
    }
    *out = value;
    return ERR_NONE;
}

enum err option_parse_bool(const char *text, struct why *why, bool *out)
{
    static const char *const words[][2] = {
        {"no", "yes"}, {"off", "on"}, {"false", "true"}, {"0", "1"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        for (int value = 0; value < 2; value++) {
            if (strcasecmp(text, words[i][value]) == 0) {
                *out = value != 0;
                return ERR_NONE;
            }
        }
    }
    return why_set(why, ERR_USAGE, "'%.40s' is neither yes nor no", text);
}

// Whether everything after "scheme://" is made of characters that a host, a port and a path
// need. Excludes '@' (credentials), '?' and '#'.
static bool is_plain_authority(const char *text)
{
    if (!isalnum((unsigned char)*text) && *text != '[') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (!isalnum((unsigned char)*text) && strchr("-._~:[]/%+", *text) == NULL) {
            return false;
        }
    }
    return true;
}

enum err option_parse_endpoint(const char *text, struct why *why, char **out)
{
    const char *rest = strncasecmp(text, "https://", 8) == 0  ? text + 8
                       : strncasecmp(text, "http://", 7) == 0 ? text + 7
                                                              : NULL;
    if (rest == NULL || !is_plain_authority(rest)) {
        // Not repeated: a wrong one may hold a password.
        return why_set(why, ERR_USAGE,
                       "the address must look like https://huggingface.co, without user, "
                       "password, '?' or '#'");
    }
    size_t len = strlen(text);
    while (text[len - 1] == '/') {
        len--;
    }
    char *copy = strndup(text, len);
    if (copy == NULL) {
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *out = copy;
    return ERR_NONE;
}
