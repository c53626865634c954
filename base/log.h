// SPDX-License-Identifier: Apache-2.0
// One line per event: "level module: sentence key=value ...". Goes to stderr in the
// foreground (with <N> priorities when stderr is the journal), to syslog(3) when
// daemonised, or to a file. The sink blanks anything that looks like a Hub token, a bearer
// or the query of a signed address: the last line of defence, not a licence to log them.
#pragma once

#include "base/err.h"

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_FILE };

// Not thread safe: call before threads exist. `file` is used with LOG_TO_FILE only.
NODISCARD enum err log_open(enum log_target target, const char *file);
void log_set_level(enum log_level level); // any thread
// Modules whose debug lines are wanted: "http,xet" or "all". Any thread, before first use.
void log_set_debug(const char *modules);

// `module` is the folder or file that speaks: "hub", "xet", "cache", "fs". errno survives.
void log_error(const char *module, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_warn(const char *module, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_info(const char *module, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_debug(const char *module, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Whether log_debug(module, ...) would print: guards costly arguments.
bool log_debug_enabled(const char *module);

// Blanks secrets in place, as the sink does: for text that leaves by another way (status,
// info, trace).
void log_redact(char *text);
