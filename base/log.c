// SPDX-License-Identifier: Apache-2.0
// A line is formatted on the stack, cleaned (control characters from outside would forge
// lines), redacted, and given to the sink by one write(), so that lines of several threads
// and processes never mix and no lock is needed. What does not fit into a line is cut.
//
// The logger is the one thing of hugfs that is global: everybody speaks, and nobody should
// have to carry it around.

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, DEBUG_MODULES_MAX = 256 };

static struct {
    enum log_target target;
    int fd;
    bool to_journal; // stderr is read by journald, which understands "<N>" before a line
    _Atomic(enum log_level) level;
    char debug_modules[DEBUG_MODULES_MAX];
} sink = {.target = LOG_TO_STDERR, .fd = STDERR_FILENO, .level = LOG_LEVEL_INFO};

struct level_row {
    const char *name;
    int priority; // syslog's
};

static const struct level_row LEVELS[] = {
    [LOG_LEVEL_ERROR] = {"error", LOG_ERR},
    [LOG_LEVEL_WARN] = {"warn", LOG_WARNING},
    [LOG_LEVEL_INFO] = {"info", LOG_INFO},
    [LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

// systemd sets JOURNAL_STREAM to "DEVICE:INODE" of the stream; a child that redirected its
// stderr has inherited the variable but not the stream (systemd.exec(5)).
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat info;
    char expected[64];
    if (stream == NULL || fstat(STDERR_FILENO, &info) != 0) {
        return false;
    }
    snprintf(expected, sizeof(expected), "%ju:%ju", (uintmax_t)info.st_dev,
             (uintmax_t)info.st_ino);
    return strcmp(stream, expected) == 0;
}

enum err log_open(enum log_target target, const char *file)
{
    int fd = STDERR_FILENO;
    if (target == LOG_TO_FILE) {
        fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) {
            return err_from_errno(errno);
        }
    }
    if (target == LOG_TO_SYSLOG) {
        openlog("hugfs", LOG_PID, LOG_DAEMON);
    }
    if (sink.target == LOG_TO_FILE) {
        close(sink.fd);
    }
    sink.target = target;
    sink.fd = fd;
    sink.to_journal = target == LOG_TO_STDERR && stderr_is_journal();
    return ERR_NONE;
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&sink.level, level, memory_order_relaxed);
}

void log_set_debug(const char *modules)
{
    snprintf(sink.debug_modules, sizeof(sink.debug_modules), "%s", modules);
}

// Whether `list`, names with commas between, has `name` or "all".
static bool list_has(const char *list, const char *name)
{
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        if ((len == 3 && memcmp(list, "all", 3) == 0) ||
            (len == strlen(name) && memcmp(list, name, len) == 0)) {
            return true;
        }
        list += len + (list[len] == ',');
    }
    return false;
}

static bool level_is_on(enum log_level level)
{
    return level <= atomic_load_explicit(&sink.level, memory_order_relaxed);
}

bool log_debug_enabled(const char *module)
{
    return level_is_on(LOG_LEVEL_DEBUG) || list_has(sink.debug_modules, module);
}

// What stands before the sentence and is not part of it: nobody else dates a file's lines,
// and journald takes the priority off again.
static void format_head(char *out, size_t size, enum log_level level)
{
    out[0] = '\0';
    if (sink.target == LOG_TO_FILE) {
        time_t now = time(NULL);
        struct tm utc;
        gmtime_r(&now, &utc);
        strftime(out, size, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    } else if (sink.to_journal) {
        snprintf(out, size, "<%d>", LEVELS[level].priority);
    }
}

static void write_line(const char *line, size_t len)
{
    while (write(sink.fd, line, len) < 0 && errno == EINTR) {
    }
}

static void speak(enum log_level level, const char *module, const char *format,
                  va_list args) __attribute__((format(printf, 3, 0)));
static void speak(enum log_level level, const char *module, const char *format,
                  va_list args)
{
    int saved_errno = errno;
    char text[LINE_MAX_BYTES - 64];
    char head[32];
    char line[LINE_MAX_BYTES];
    int start = snprintf(text, sizeof(text), "%s %s: ", LEVELS[level].name, module);
    if (start >= 0 && (size_t)start < sizeof(text)) {
        errno = saved_errno; // the format may have %m
        vsnprintf(text + start, sizeof(text) - (size_t)start, format, args);
    }
    for (char *at = text; *at != '\0'; at++) {
        *at = (unsigned char)*at < 0x20 || *at == 0x7f ? ' ' : *at;
    }
    log_redact(text);
    if (sink.target == LOG_TO_SYSLOG) {
        syslog(LEVELS[level].priority, "%s", text);
    } else {
        format_head(head, sizeof(head), level);
        int len = snprintf(line, sizeof(line), "%s%s\n", head, text);
        write_line(line, (size_t)len);
    }
    errno = saved_errno;
}

#define SPEAK(level, wanted)                                                             \
    do {                                                                                 \
        if (wanted) {                                                                    \
            va_list args;                                                                \
            va_start(args, format);                                                      \
            speak(level, module, format, args);                                          \
            va_end(args);                                                                \
        }                                                                                \
    } while (0)

void log_error(const char *module, const char *format, ...)
{
    SPEAK(LOG_LEVEL_ERROR, true);
}

void log_warn(const char *module, const char *format, ...)
{
    SPEAK(LOG_LEVEL_WARN, level_is_on(LOG_LEVEL_WARN));
}

void log_info(const char *module, const char *format, ...)
{
    SPEAK(LOG_LEVEL_INFO, level_is_on(LOG_LEVEL_INFO));
}

void log_debug(const char *module, const char *format, ...)
{
    SPEAK(LOG_LEVEL_DEBUG, log_debug_enabled(module));
}
