// SPDX-License-Identifier: Apache-2.0
// fork, setsid, and a pipe. The report is one byte, the error code, and the sentence after
// it; a pipe that closes without a report means that the child died.
#include "fs/daemonise.h"

#include "fs/say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static int explain_death(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    struct why why = {""};
    if (WIFSIGNALED(status)) {
        why_set(&why, ERR_MOUNT,
                "the daemon was killed by signal %d before the mount answered",
                WTERMSIG(status));
    } else {
        why_set(&why, ERR_MOUNT,
                "the daemon ended with status %d before the mount answered",
                WEXITSTATUS(status));
    }
    return say_error(ERR_MOUNT, &why);
}

// Parent: reads the report to its end.
static int await_report(int fd, pid_t child)
{
    char report[1 + WHY_MAX];
    size_t len = 0;
    while (len < sizeof(report)) {
        ssize_t n = read(fd, report + len, sizeof(report) - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
    }
    if (len == 0) {
        return explain_death(child);
    }
    enum err err = (enum err)(unsigned char)report[0];
    if (err == ERR_NONE) {
        return 0;
    }
    struct why why = {""};
    memcpy(why.text, report + 1, len - 1 < WHY_MAX - 1 ? len - 1 : WHY_MAX - 1);
    return say_error(err < ERR_COUNT ? err : ERR_MOUNT, &why);
}

bool daemonise(bool foreground, struct verdict *out, int *out_status)
{
    out->fd = -1;
    if (foreground) {
        return true;
    }
    int ends[2];
    pid_t child = -1;
    if (pipe2(ends, O_CLOEXEC) == 0) {
        child = fork();
        if (child < 0) {
            close(ends[0]);
            close(ends[1]);
        }
    }
    if (child < 0) {
        struct why why;
        *out_status = say_error(
            why_set(&why, ERR_SYSTEM, "no daemon can be started: %s", strerror(errno)),
            &why);
        return false;
    }
    if (child > 0) {
        close(ends[1]);
        *out_status = await_report(ends[0], child);
        close(ends[0]);
        return false;
    }
    close(ends[0]);
    out->fd = ends[1];
    setsid();
    if (chdir("/") != 0) {
        log_warn("fs", "the daemon stays in the folder it was started in");
    }
    return true;
}

static void leave_terminal(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

// False: the parent was killed.
static bool write_report(int fd, enum err err, const char *sentence)
{
    char report[1 + WHY_MAX];
    report[0] = (char)err;
    snprintf(report + 1, WHY_MAX, "%s", sentence);
    size_t len = 1 + strlen(report + 1);
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(fd, report + done, len - done);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool verdict_report(struct verdict *verdict, enum err err, const struct why *why)
{
    if (verdict->fd < 0) {
        if (err != ERR_NONE) {
            (void)say_error(err, why);
        }
        return true;
    }
    if (err == ERR_NONE) {
        leave_terminal();
    }
    bool is_taken =
        write_report(verdict->fd, err, err == ERR_NONE ? "" : why_text(why, err));
    close(verdict->fd);
    verdict->fd = -1;
    return is_taken;
}
