// SPDX-License-Identifier: Apache-2.0
// `hugfs prefetch`, `pin` and `unpin`: the mount does the work, this shows how far it is.
//
// Ctrl-C closes the connection, which cancels the rest; what has arrived stays.
#include "fs/commands.h"
#include "fs/mount_place.h"
#include "fs/progress.h"
#include "fs/say.h"

#include <signal.h>
#include <sys/ioctl.h>

enum {
    EXIT_SIGINT = 130,     // as shells say it
    PLAIN_EVERY_MS = 5000, // between lines that are not redrawn
    LINE_MAX = 1024,
};

struct view {
    struct progress_meter meter;
    struct mount_progress last;
    bool is_terminal;
    bool is_drawn; // a line without its end stands on the terminal
    int64_t printed_ms;
    const char *path;
};

static unsigned terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : 80;
}

static void on_progress(void *ctx, const struct mount_progress *progress)
{
    struct view *view = ctx;
    int64_t now_ms = clock_now_ms();
    view->last = *progress;
    progress_meter_update(&view->meter, now_ms, progress->bytes_done);
    if (!view->is_terminal && now_ms - view->printed_ms < PLAIN_EVERY_MS) {
        return;
    }
    AUTO(buffer) struct buffer line = buffer_init(LINE_MAX);
    if (progress_line(&view->meter, progress, view->is_terminal ? terminal_columns() : 0,
                      &line) != ERR_NONE) {
        return;
    }
    if (view->is_terminal) {
        printf("\r%s\033[K", buffer_text(&line));
    } else {
        printf("%s: %s\n", view->path, buffer_text(&line));
    }
    fflush(stdout);
    view->is_drawn = view->is_terminal;
    view->printed_ms = now_ms;
}

static void on_output(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    printf("%.*s\n", (int)len, line);
}

static void print_summary(struct view *view)
{
    AUTO(buffer) struct buffer line = buffer_init(LINE_MAX);
    if (view->is_drawn) {
        printf("\r\033[K");
    }
    if (progress_summary(&view->meter, &view->last, clock_now_ms(), &line) == ERR_NONE) {
        printf("%s: %s\n", view->path, buffer_text(&line));
    }
}

static int fetch_one(enum control_verb verb, const char *path)
{
    struct why why = {""};
    AUTO(mount_place) struct mount_place place;
    enum err err = mount_place_open(path, &why, &place);
    if (err) {
        return say_error(err, &why);
    }
    struct control_request request = {.verb = verb};
    memcpy(request.path, place.path, strlen(place.path) + 1);
    struct view view = {.is_terminal = isatty(STDOUT_FILENO) != 0, .path = path};
    view.printed_ms = clock_now_ms();
    progress_meter_init(&view.meter, view.printed_ms);
    struct control_reader reader = {on_output, on_progress, &view};
    int status = 0;
    err = control_client_ask(&place.client, &request, &reader, &why, &status);
    if (err == ERR_INTERRUPTED) {
        printf("%s", view.is_drawn ? "\n" : "");
        say("cancelled; what has arrived stays in the cache");
        return EXIT_SIGINT;
    }
    if (err) {
        printf("%s", view.is_drawn ? "\n" : "");
        return say_error(err, &why);
    }
    if (verb != CONTROL_UNPIN && view.last.files_total > 0) {
        print_summary(&view);
    }
    if (why.text[0] != '\0') {
        say("%s: %s", path, why.text);
    }
    return status;
}

static void on_interrupt(int signal_number)
{
    (void)signal_number; // its effect is that recv() returns EINTR
}

// The first failure decides the exit status, but the other paths are still done.
static int fetch_all(const struct verb *verb, int argc, char **argv,
                     enum control_verb what)
{
    struct verb_arguments arguments;
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    struct sigaction action = {.sa_handler = on_interrupt}; // no SA_RESTART
    sigaction(SIGINT, &action, NULL);
    status = 0;
    for (int i = 0; i < arguments.n_operands && status != EXIT_SIGINT; i++) {
        int one = fetch_one(what, arguments.operands[i]);
        status = one == EXIT_SIGINT || status == 0 ? one : status;
    }
    verb_arguments_release(&arguments);
    return status;
}

int cmd_prefetch(const struct verb *verb, int argc, char **argv)
{
    return fetch_all(verb, argc, argv, CONTROL_PREFETCH);
}

int cmd_pin(const struct verb *verb, int argc, char **argv)
{
    return fetch_all(verb, argc, argv, CONTROL_PIN);
}

int cmd_unpin(const struct verb *verb, int argc, char **argv)
{
    return fetch_all(verb, argc, argv, CONTROL_UNPIN);
}
