// SPDX-License-Identifier: Apache-2.0
// Finds mounts by path. The daemon's socket is named after the mount point it was given; a path
// may come in through a bind mount of that, which the kernel tells by the same device number.
#include "fs/mount_place.h"

#include "fs/say.h"

enum err mount_place_connect(const struct mount_table *table,
                             const struct mount_entry *entry, struct why *why,
                             struct control_client *out)
{
    enum err err = control_client_connect(entry->uid, entry->mount_point, why, out);
    for (size_t i = 0; err == ERR_NOT_FOUND && i < table->n; i++) {
        const struct mount_entry *other = &table->entries[i];
        if (other != entry && other->device == entry->device &&
            strcmp(other->mount_point, entry->mount_point) != 0) {
            struct control_client client;
            if (control_client_connect(other->uid, other->mount_point, NULL, &client) ==
                ERR_NONE) {
                control_client_release(out);
                *out = client;
                return ERR_NONE;
            }
            control_client_release(&client);
        }
    }
    return err;
}

enum err mount_place_open(const char *path, struct why *why, struct mount_place *out)
{
    *out = (struct mount_place){.client = {.fd = -1}};
    AUTO_FREE char *absolute = file_absolute(path);
    if (absolute == NULL) {
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    AUTO(mount_table) struct mount_table table;
    enum err err = mount_table_read(why, &table);
    if (err) {
        return err;
    }
    const struct mount_entry *entry = mount_table_find(&table, absolute);
    if (entry == NULL || !mount_entry_is_hugfs(entry)) {
        return why_set(why, ERR_USAGE, "%s is not in a hugfs mount", path);
    }
    out->mount_point = strdup(entry->mount_point);
    out->path = mount_entry_relative(entry, absolute);
    if (out->mount_point == NULL || out->path == NULL) {
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    if (strlen(out->path) > PATH_BYTES_MAX) {
        return why_set(why, ERR_NAME_TOO_LONG, "the path %.80s... is too long", path);
    }
    return mount_place_connect(&table, entry, why, &out->client);
}

void mount_place_release(struct mount_place *place)
{
    free(place->mount_point);
    free(place->path);
    control_client_release(&place->client);
    place->mount_point = NULL;
    place->path = NULL;
}

static void print_line(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    fwrite(line, 1, len, stdout);
    putchar('\n');
}

int mount_place_run(const char *path, struct control_request *request)
{
    struct why why = {""};
    AUTO(mount_place) struct mount_place place;
    enum err err = mount_place_open(path, &why, &place);
    if (err) {
        return say_error(err, &why);
    }
    memcpy(request->path, place.path, strlen(place.path) + 1);
    struct control_reader reader = {.on_output = print_line};
    int status = 0;
    err = control_client_ask(&place.client, request, &reader, &why, &status);
    if (err) {
        return say_error(err, &why);
    }
    if (why.text[0] != '\0') {
        say("%s: %s", path, why.text);
    }
    return status;
}
