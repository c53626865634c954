// SPDX-License-Identifier: Apache-2.0
// `hugfs status [PATH]`: asks one mount, or every hugfs mount that the kernel knows. Mounts that
// don't answer are shown too: a killed daemon leaves one behind.
#include "fs/commands.h"
#include "fs/mount_place.h"
#include "fs/render.h"
#include "fs/render_metrics.h"
#include "fs/say.h"

enum { SAMPLES_MAX = 16 << 20 };

struct listing {
    enum render_format format;
    struct buffer samples; // of --metrics, to be sorted when all have come
    unsigned shown;
    unsigned lines; // of the mount that answers now
};

static void on_output(void *ctx, const char *line, size_t len)
{
    struct listing *listing = ctx;
    if (listing->format == RENDER_METRICS) {
        if (buffer_append(&listing->samples, line, len) != ERR_NONE ||
            buffer_append(&listing->samples, "\n", 1) != ERR_NONE) {
            say("there are too many mounts for one page of metrics");
        }
        return;
    }
    bool is_first = listing->lines == 0; // of a mount; a list in it has further ones
    bool is_json = listing->format == RENDER_JSON;
    if (is_json && is_first) {
        printf("%s", listing->shown > 0 ? ",\n " : "{\"mounts\":[");
    } else if (is_json || (is_first && listing->shown > 0)) {
        putchar('\n');
    }
    listing->lines++;
    printf("%.*s%s", (int)len, line, listing->format == RENDER_TEXT ? "\n" : "");
}

// A mount that does not know the path told about itself all the same: *out_status is then what
// the mount says of the path, and `why` its sentence.
static enum err ask(struct control_client *client, const char *path,
                    struct listing *listing, struct why *why, int *out_status)
{
    struct control_request request = {.verb = CONTROL_STATUS, .format = listing->format};
    struct control_reader reader = {.on_output = on_output, .ctx = listing};
    request.has_path = path != NULL && listing->format != RENDER_METRICS;
    if (request.has_path) {
        snprintf(request.path, sizeof request.path, "%s", path);
    }
    int status = 0;
    listing->lines = 0;
    enum err err = control_client_ask(client, &request, &reader, why, &status);
    if (err == ERR_NONE && status != 0 && listing->lines == 0) {
        return ERR_SYSTEM;
    }
    listing->shown += err == ERR_NONE;
    *out_status = status;
    return err;
}

// A mount that does not tell about itself: nobody serves it, or it is another user's.
static void show_silent(const struct mount_entry *entry, enum err err,
                        struct listing *listing)
{
    const char *state = err == ERR_ACCESS ? "another user's" : "dead";
    AUTO(buffer) struct buffer text = buffer_init(2 * PATH_BYTES_MAX);
    if (listing->format == RENDER_JSON) {
        struct json_writer json = json_writer_init(&text);
        json_open_object(&json, NULL);
        json_string(&json, "mount_point", entry->mount_point);
        json_string(&json, "state", state);
        json_close_object(&json);
        if (json_writer_end(&json) != ERR_NONE) {
            return;
        }
        listing->lines = 0;
        on_output(listing, buffer_text(&text), text.len);
        listing->shown++;
    } else if (listing->format == RENDER_TEXT &&
               render_row(&text, "mount", "%s", entry->mount_point) == ERR_NONE &&
               render_row(&text, "state", "%s%s", state,
                          err == ERR_ACCESS ? "" : ": 'hugfs umount' cleans up") ==
                   ERR_NONE) {
        listing->lines = 0;
        on_output(listing, buffer_text(&text), text.len - 1);
        listing->shown++;
    }
}

// Whether an entry before this one is the same mount at another place (a bind mount).
static bool is_repeated(const struct mount_table *table, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (table->entries[i].device == table->entries[index].device) {
            return true;
        }
    }
    return false;
}

static int show_all(struct listing *listing)
{
    struct why why = {""};
    AUTO(mount_table) struct mount_table table;
    enum err err = mount_table_read(&why, &table);
    if (err) {
        return say_error(err, &why);
    }
    for (size_t i = 0; i < table.n; i++) {
        const struct mount_entry *entry = &table.entries[i];
        if (!mount_entry_is_hugfs(entry) || is_repeated(&table, i)) {
            continue;
        }
        struct control_client client;
        int ignored;
        err = mount_place_connect(&table, entry, &why, &client);
        err = err ? err : ask(&client, NULL, listing, &why, &ignored);
        control_client_release(&client);
        if (err) {
            show_silent(entry, err, listing);
        }
    }
    if (listing->shown == 0 && listing->format == RENDER_TEXT) {
        puts("nothing is mounted");
    }
    return 0;
}

static int show_one(const char *path, struct listing *listing)
{
    struct why why = {""};
    AUTO(mount_place) struct mount_place place;
    enum err err = mount_place_open(path, &why, &place);
    int status = 0;
    err = err ? err : ask(&place.client, place.path, listing, &why, &status);
    if (err == ERR_NONE && status != 0) {
        say("%s: %s", path, why.text);
    }
    return err ? say_error(err, &why) : status;
}

int cmd_status(const struct verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    struct listing listing = {.format = arguments.metrics ? RENDER_METRICS
                                        : arguments.json  ? RENDER_JSON
                                                          : RENDER_TEXT,
                              .samples = buffer_init(SAMPLES_MAX)};
    status = arguments.n_operands > 0 ? show_one(arguments.operands[0], &listing)
                                      : show_all(&listing);
    if (listing.format == RENDER_JSON && (status == 0 || listing.shown > 0)) {
        puts(listing.shown > 0 ? "]}" : "{\"mounts\":[]}");
    } else if (listing.format == RENDER_METRICS && status == 0) {
        metrics_print(&listing.samples);
    }
    buffer_release(&listing.samples);
    verb_arguments_release(&arguments);
    return status;
}
