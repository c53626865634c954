// SPDX-License-Identifier: Apache-2.0
// The table of mount options; mount_option.def is its content.
#include "fs/option_table.h"

#include "fs/mount_options.h"

#define FIELD(field) offsetof(struct mount_options, field)
#define NO_FIELD 0
#define GROUP(title) {NULL, OPTION_NOTHING, NO_FIELD, NULL, title},
#define X(name, kind, offset, hint, help) {#name, kind, offset, hint, help},
static const struct option_row rows[] = {
#include "fs/mount_option.def"
};
#undef X
#undef GROUP

const struct option_row *option_table(size_t *out_n)
{
    *out_n = sizeof rows / sizeof rows[0];
    return rows;
}

const struct option_row *option_table_find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].name != NULL && strlen(rows[i].name) == len &&
            memcmp(rows[i].name, name, len) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}
