// SPDX-License-Identifier: Apache-2.0
// `hugfs cache status|verify|trim|clear`: by a mount that uses the cache folder if there is one,
// because it knows what is in memory, else by opening the folder's store here.
#include "fs/cache_upkeep.h"
#include "fs/commands.h"
#include "fs/mount_merge.h"
#include "fs/mount_place.h"
#include "fs/option_value.h"
#include "fs/render.h"
#include "fs/say.h"

#include <errno.h>

enum { TEXT_MAX = 64 << 10 };

static const struct {
    const char *name;
    enum control_verb verb;
} actions[] = {
    {"status", CONTROL_CACHE_STATUS},
    {"verify", CONTROL_CACHE_VERIFY},
    {"trim", CONTROL_CACHE_TRIM},
    {"clear", CONTROL_CACHE_CLEAR},
};

// ---------------------------------------------------------------- through a running mount

struct hello {
    bool is_same; // the mount uses our cache folder
    const char *cache_dir;
};

static void on_hello(void *ctx, const char *line, size_t len)
{
    struct hello *hello = ctx;
    const char *end = line + len;
    char word[PATH_BYTES_MAX + 1];
    for (int i = 0; i < 4; i++) { // VERSION PID MOUNT_POINT CACHE_DIR
        if (control_take_word(&line, end, word, sizeof word) != ERR_NONE) {
            return;
        }
    }
    hello->is_same = strcmp(word, hello->cache_dir) == 0;
}

static bool uses_cache(struct control_client *client, const char *cache_dir)
{
    struct control_request request = {.verb = CONTROL_HELLO};
    struct hello hello = {.cache_dir = cache_dir};
    struct control_reader reader = {.on_output = on_hello, .ctx = &hello};
    struct why why;
    int status;
    return control_client_ask(client, &request, &reader, &why, &status) == ERR_NONE &&
           hello.is_same;
}

// Connects to a mount that uses the folder; false when there is none.
static bool find_mount(const char *cache_dir, struct control_client *out)
{
    AUTO(mount_table) struct mount_table table;
    if (mount_table_read(NULL, &table) != ERR_NONE) {
        return false;
    }
    for (size_t i = 0; i < table.n; i++) {
        const struct mount_entry *entry = &table.entries[i];
        struct control_client client = {.fd = -1};
        bool found = mount_entry_is_hugfs(entry) &&
                     mount_place_connect(&table, entry, NULL, &client) == ERR_NONE &&
                     uses_cache(&client, cache_dir);
        control_client_release(&client);
        // One request a connection: the answer needs a new one.
        if (found && mount_place_connect(&table, entry, NULL, out) == ERR_NONE) {
            return true;
        }
    }
    return false;
}

static void print_line(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    printf("%.*s\n", (int)len, line);
}

static int run_by_mount(struct control_client *client,
                        const struct control_request *request)
{
    struct control_reader reader = {.on_output = print_line};
    struct why why = {""};
    int status = 0;
    enum err err = control_client_ask(client, request, &reader, &why, &status);
    if (err) {
        int failed = say_error(err, &why);
        return request->verb == CONTROL_CACHE_VERIFY ? VERIFY_FAILED : failed;
    }
    if (why.text[0] != '\0') {
        say("%s", why.text);
    }
    return status;
}

// ------------------------------------------------------------------------------ directly

static int run_on_store(struct chunk_store *store, const struct mount_options *options,
                        const struct control_request *request)
{
    AUTO(buffer) struct buffer text = buffer_init(TEXT_MAX);
    struct why why = {""};
    int status = 0;
    if (request->verb == CONTROL_CACHE_STATUS) {
        struct chunk_store_stats stats;
        chunk_store_stats(store, &stats);
        enum err err = render_cache(&stats, options->cache_dir, request->format, &text);
        status = err ? say_error(err, NULL) : 0;
    } else {
        status = cache_upkeep_run(store, request, &text, &why);
    }
    const char *shown = buffer_text(&text);
    printf("%s%s", shown, text.len > 0 && shown[text.len - 1] != '\n' ? "\n" : "");
    if (why.text[0] != '\0') {
        say("%s", why.text);
    }
    return status;
}

static int run_directly(const struct mount_options *options,
                        const struct control_request *request)
{
    bool verify = request->verb == CONTROL_CACHE_VERIFY;
    if (access(options->cache_dir, F_OK) != 0 && errno == ENOENT) {
        say("there is no cache in %s yet", options->cache_dir);
        return 0;
    }
    struct chunk_store_config config = {options->cache_dir, options->cache_size,
                                        options->free_floor};
    struct chunk_store *store;
    struct why why = {""};
    enum err err = chunk_store_open(&config, &why, &store);
    if (err) {
        int failed = say_error(err, &why);
        return verify ? VERIFY_FAILED : failed;
    }
    int status = run_on_store(store, options, request);
    chunk_store_close(store);
    return status;
}

// -------------------------------------------------------------------------- command line

static enum err parse_action(const struct verb_arguments *arguments,
                             const struct mount_options *options, struct why *why,
                             struct control_request *out)
{
    const char *action = arguments->operands[0];
    const char *size = arguments->n_operands > 1 ? arguments->operands[1] : NULL;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(action, actions[i].name) != 0) {
            continue;
        }
        out->verb = actions[i].verb;
        out->format = arguments->json ? RENDER_JSON : RENDER_TEXT;
        out->bytes = options->cache_size;
        if (size != NULL && out->verb != CONTROL_CACHE_TRIM) {
            return why_set(why, ERR_USAGE, "'%.60s' is one argument too many", size);
        }
        return size != NULL ? option_parse_size(size, why, &out->bytes) : ERR_NONE;
    }
    return why_set(why, ERR_USAGE,
                   "cache does not know '%.60s': status, verify, trim or clear", action);
}

static int run(const struct verb *verb, const struct verb_arguments *arguments)
{
    struct why why = {""};
    AUTO(mount_options) struct mount_options options;
    struct control_request request = {.format = RENDER_TEXT};
    bool verify = strcmp(arguments->operands[0], "verify") == 0;
    enum err err =
        mount_merge_cache(arguments->options, arguments->n_options, &why, &options);
    err = err ? err : parse_action(arguments, &options, &why, &request);
    if (err) {
        int failed = say_usage(&why, verb->name);
        return verify ? VERIFY_USAGE : failed;
    }
    struct control_client client = {.fd = -1};
    int status = find_mount(options.cache_dir, &client)
                     ? run_by_mount(&client, &request)
                     : run_directly(&options, &request);
    control_client_release(&client);
    return status;
}

int cmd_cache(const struct verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    status = run(verb, &arguments);
    verb_arguments_release(&arguments);
    return status;
}
