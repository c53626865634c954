// SPDX-License-Identifier: Apache-2.0
// A signalfd on the event loop: no handler, no rules about what a handler may call.
#include "fs/signals.h"

#include "fs/mount_parts.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

struct signals {
    struct mount *mount;
    int fd;
    struct loop_watch *watch;
    enum log_level level;
    bool is_stopping;
};

static sigset_t watched_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    return set;
}

void signals_block(void)
{
    sigset_t set = watched_signals();
    sigaddset(&set, SIGUSR1); // session.c wakes its own thread with it
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignored, NULL);
}

static void cycle_level(struct signals *signals)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    signals->level =
        signals->level == LOG_LEVEL_DEBUG ? LOG_LEVEL_ERROR : signals->level + 1;
    log_set_level(signals->level);
    log_error("fs", "the log level is now %s", names[signals->level]);
}

static void handle(struct signals *signals, uint32_t signal)
{
    switch (signal) {
    case SIGHUP:
        if (mount_is_serving(signals->mount)) {
            hub_reload_token(signals->mount->hub);
            mount_refresh(signals->mount, "", NULL, NULL);
        }
        break;
    case SIGUSR2:
        cycle_level(signals);
        break;
    default: // TERM, INT
        if (signals->is_stopping) {
            _exit(128 + (int)signal);
        }
        signals->is_stopping = true;
        mount_stop(signals->mount);
    }
}

static void on_signal(void *ctx, int fd, uint32_t events)
{
    struct signals *signals = ctx;
    struct signalfd_siginfo info;
    (void)events;
    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        handle(signals, info.ssi_signo);
    }
}

enum err signals_open(struct mount *mount, struct signals **out)
{
    struct signals *signals = calloc(1, sizeof(*signals));
    if (signals == NULL) {
        return ERR_NO_MEMORY;
    }
    sigset_t set = watched_signals();
    signals->mount = mount;
    signals->level = LOG_LEVEL_INFO;
    signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    enum err err = signals->fd < 0
                       ? ERR_SYSTEM
                       : event_loop_watch(mount->loop, signals->fd, EPOLLIN, on_signal,
                                          signals, &signals->watch);
    if (err != ERR_NONE) {
        if (signals->fd >= 0) {
            close(signals->fd);
        }
        free(signals);
        return err;
    }
    *out = signals;
    return ERR_NONE;
}

void signals_close(struct signals *signals)
{
    if (signals == NULL) {
        return;
    }
    loop_watch_free(signals->watch);
    close(signals->fd);
    free(signals);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
