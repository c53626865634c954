// SPDX-License-Identifier: Apache-2.0
// Entry: decides by argv[0] and argv[1] who is being called.
//
//   mount.hugfs, mount.fuse.hugfs     mount(8)'s helper
//   hugfs VERB ...                    a verb of commands.c
//   hugfs SOURCE DIR -o ...           a mount as other FUSE programs spell it, and what
//                                     mount.fuse(8) runs
#include "fs/cmd_mount.h"
#include "fs/commands.h"
#include "fs/help.h"
#include "fs/say.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

// A program started without stdin, stdout or stderr would get its next files there, and
// print into them.
static void fill_standard_fds(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
}

// What is saved and not committed has a file open each, as have connections and segments: the usual
// soft limit of 1,024, which is there for select(), is too low.
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool is_mount_helper(const char *program)
{
    const char *slash = strrchr(program, '/');
    return strncmp(slash != NULL ? slash + 1 : program, "mount.", 6) == 0;
}

// A source has a slash in it ("OWNER/NAME") or comes after options; one without, of the Hub's
// old ids, needs the verb, or a mistyped verb would be mounted.
static bool is_plain_mount(char **argv)
{
    return argv[1][0] == '-' || strchr(argv[1], '/') != NULL;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        struct why why;
        why_set(&why, ERR_USAGE,
                "what is to be done? For example: hugfs mount OWNER/NAME DIR");
        return say_usage(&why, NULL);
    }
    const struct verb *verb = verb_find(argv[1]);
    if (verb != NULL) {
        return verb->run(verb, argc - 1, argv + 1);
    }
    if (is_plain_mount(argv)) {
        return cmd_mount_plain(argc, argv);
    }
    struct why why;
    why_set(&why, ERR_USAGE, "there is no verb '%.60s'%s", argv[1],
            argc == 3
                ? "; a repository without owner is mounted by 'hugfs mount NAME DIR'"
                : "");
    return say_usage(&why, NULL);
}

int main(int argc, char **argv)
{
    fill_standard_fds();
    raise_file_limit();
    int status = argc > 0 && is_mount_helper(argv[0]) ? cmd_mount_helper(argc, argv)
                                                      : dispatch(argc, argv);
    // A full disk or a closed pipe behind stdout is an error of the command.
    if (fflush(stdout) != 0 && errno != EPIPE && status == 0) {
        say("the output could not be written: %s", strerror(errno));
        status = err_exit_status(ERR_SYSTEM);
    }
    return status;
}
