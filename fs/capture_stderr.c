// SPDX-License-Identifier: Apache-2.0
// A pipe in the place of stderr. A pipe holds 64 KiB, far more than fusermount3 prints; what
// our own log says in that moment is lost, unless it is the first line.
#include "fs/capture_stderr.h"

#include <fcntl.h>

void capture_begin(struct capture *capture)
{
    *capture = (struct capture){-1, -1};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return;
    }
    capture->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (capture->saved < 0 || dup2(ends[1], STDERR_FILENO) < 0) {
        close(ends[0]);
    } else {
        capture->pipe = ends[0];
    }
    close(ends[1]);
}

// "fusermount3: mount failed: ..." -> "mount failed: ..."
static const char *skip_program(const char *line)
{
    const char *colon = strstr(line, ": ");
    bool is_program = colon != NULL && memchr(line, ' ', (size_t)(colon - line)) == NULL;
    return is_program ? colon + 2 : line;
}

void capture_end(struct capture *capture, char *out, size_t size)
{
    out[0] = '\0';
    if (capture->pipe < 0) {
        if (capture->saved >= 0) {
            close(capture->saved);
        }
        return;
    }
    char text[1024];
    ssize_t len = read(capture->pipe, text, sizeof(text) - 1);
    text[len > 0 ? len : 0] = '\0';
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    close(capture->pipe);
    text[strcspn(text, "\n")] = '\0';
    snprintf(out, size, "%s", skip_program(text));
}
