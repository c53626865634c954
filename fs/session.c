// SPDX-License-Identifier: Apache-2.0
// The libfuse session of a mount.
//
// libfuse's multi-threaded loop runs in a thread of ours, because it blocks: the thread that
// mounts goes on to see whether the mount answers, and then waits. The loop ends when the
// mount is gone or when session_stop() says so; since libfuse 3.14 can't be woken, the loop's
// thread gets a harmless signal until it has noticed.
#include "fs/session.h"

#include "fs/address.h"
#include "fs/capture_stderr.h"
#include "fs/init_reply.h"
#include "fs/ops.h"
#include "fs/read_ahead.h"

#include <assert.h>
#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum {
    SESSION_THREADS = 4,
    NUDGE_MS = 50,
    INTERRUPT_BYTES = sizeof(struct fuse_in_header) + sizeof(struct fuse_interrupt_in),
};

struct session {
    struct mount *mount;
    struct fuse_session *fuse;
    struct init_reply init; // libfuse's writes, corrected
    pthread_t thread;
    bool has_thread;
    atomic_bool stop_wanted;
    atomic_uint n_interrupts; // that the kernel has sent
    unsigned granted_background;
    struct condition changed;
    struct lock lock;
    bool is_over GUARDED_BY(lock); // the loop has ended
};

static const struct fuse_lowlevel_ops session_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .readlink = op_readlink,
    .open = op_open,
    .read = op_read,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .statfs = op_statfs,
};

// Of a mount that writes; GETLK, SETLK and FLOCK are the kernel's own business.
static const struct fuse_lowlevel_ops writing_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .rename = op_rename,
    .link = op_link,
    .create = op_create,
    .open = op_open,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .release = op_release,
    .fsync = op_fsync,
    .fallocate = op_fallocate,
    .lseek = op_lseek,
    .copy_file_range = op_copy_file_range,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .releasedir = op_releasedir,
    .fsyncdir = op_fsyncdir,
    .statfs = op_statfs,
};

// ------------------------------------------------------------------------------- opening

__attribute__((format(printf, 2, 0))) static void
log_fuse(enum fuse_log_level level, const char *format, va_list arguments)
{
    char line[512];
    vsnprintf(line, sizeof(line), format, arguments);
    line[strcspn(line, "\n")] = '\0';
    if (level <= FUSE_LOG_ERR) {
        log_error("fuse", "%s", line);
    } else {
        log_debug("fuse", "%s", line);
    }
}

// "hf://OWNER/NAME@REV": what `mount` and `df` show.
static enum err write_fsname(const struct mount *mount, struct buffer *text)
{
    struct address shown = mount->options->address;
    if (shown.is_hub) {
        return buffer_append_text(text, "fsname=hf://");
    }
    shown.repo = mount->repo;
    enum err err = buffer_append_text(text, "fsname=hf://");
    return err != ERR_NONE ? err : address_format(&shown, text);
}

// libfuse's arguments. A comma in the name would begin a new option: it goes in escaped.
static enum err write_options(const struct mount *mount, char **out_options)
{
    const struct mount_options *options = mount->options;
    AUTO(buffer) struct buffer name = buffer_init(PATH_BYTES_MAX * 2);
    enum err err = write_fsname(mount, &name);
    if (err != ERR_NONE) {
        return err;
    }
    bool is_added =
        fuse_opt_add_opt(out_options, "subtype=hugfs,nosuid,nodev,default_permissions") ==
            0 &&
        (mount->overlay != NULL || fuse_opt_add_opt(out_options, "ro") == 0) &&
        fuse_opt_add_opt_escaped(out_options, buffer_text(&name)) == 0 &&
        (!options->allow_other || fuse_opt_add_opt(out_options, "allow_other") == 0) &&
        (!options->fuse_debug || fuse_opt_add_opt(out_options, "debug") == 0) &&
        (options->fuse_extra == NULL ||
         fuse_opt_add_opt(out_options, options->fuse_extra) == 0);
    return is_added ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err new_fuse_session(struct session *session, struct why *why)
{
    char *options = NULL;
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    enum err err = write_options(session->mount, &options);
    if (err == ERR_NONE &&
        (fuse_opt_add_arg(&args, "hugfs") != 0 || fuse_opt_add_arg(&args, "-o") != 0 ||
         fuse_opt_add_arg(&args, options) != 0)) {
        err = ERR_NO_MEMORY;
    }
    if (err == ERR_NONE) {
        session->fuse = fuse_session_new(
            &args, session->mount->overlay != NULL ? &writing_ops : &session_ops,
            sizeof(session_ops), session->mount);
        if (session->fuse == NULL) {
            err = why_set(why, ERR_MOUNT, "libfuse refuses the mount options \"%s\"",
                          session->mount->options->fuse_extra != NULL
                              ? session->mount->options->fuse_extra
                              : "");
        }
    }
    fuse_opt_free_args(&args);
    free(options);
    return err;
}

// The writer and reader that libfuse uses instead of its own.
static ssize_t write_reply(int fd, struct iovec *iov, int count, void *userdata)
{
    const struct mount *mount = userdata;
    return init_reply_writev(&mount->session->init, fd, iov, count);
}

static ssize_t read_request(int fd, void *bytes, size_t size, void *userdata)
{
    const struct mount *mount = userdata;
    ssize_t len = read(fd, bytes, size);
    if (len > 0) {
        init_reply_note(&mount->session->init, bytes, (size_t)len);
    }
    struct fuse_in_header header;
    if (len == INTERRUPT_BYTES) {
        memcpy(&header, bytes, sizeof(header));
        atomic_fetch_add(&mount->session->n_interrupts, header.opcode == FUSE_INTERRUPT);
    }
    return len;
}

// An interrupt that comes when its request has been answered waits in a list of libfuse that
// the next request shortens by one, and that is never freed. At the end no request comes, so
// it gets some from here: FORGETs of nothing, which nobody answers.
static void drain_interrupts(struct session *session)
{
    struct {
        struct fuse_in_header header;
        struct fuse_forget_in forget;
    } message = {.header = {.len = sizeof(message),
                            .opcode = FUSE_FORGET,
                            .nodeid = FUSE_ROOT_ID}};
    for (unsigned n = atomic_load(&session->n_interrupts); n > 0; n--) {
        struct fuse_buf buffer = {.size = sizeof(message), .mem = &message};
        fuse_session_process_buf(session->fuse, &buffer);
    }
}

static enum err attach(struct session *session, struct why *why)
{
    static const struct fuse_custom_io io = {.writev = write_reply, .read = read_request};
    const char *mount_point = session->mount->options->mount_point;
    char reason[256];
    struct capture capture;
    capture_begin(&capture);
    int mounted = fuse_session_mount(session->fuse, mount_point);
    capture_end(&capture, reason, sizeof(reason));
    if (mounted != 0) {
        return why_set(why, ERR_MOUNT, "cannot mount on %s: %s", mount_point,
                       reason[0] != '\0' ? reason : "libfuse does not say why");
    }
    if (fuse_session_custom_io(session->fuse, &io, fuse_session_fd(session->fuse)) != 0) {
        fuse_session_unmount(session->fuse);
        return ERR_NO_MEMORY;
    }
    return ERR_NONE;
}

enum err session_open(struct mount *mount, struct why *why, struct session **out)
{
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        return ERR_NO_MEMORY;
    }
    session->mount = mount;
    lock_init(&session->lock);
    condition_init(&session->changed);
    fuse_set_log_func(log_fuse);
    enum err err = new_fuse_session(session, why);
    if (err == ERR_NONE) {
        err = attach(session, why);
    }
    if (err != ERR_NONE) {
        session_close(session);
        return err;
    }
    *out = session;
    return ERR_NONE;
}

// ------------------------------------------------------------------------------- serving

static void do_nothing(int signal)
{
    (void)signal;
}

static void *serve(void *ctx)
{
    struct session *session = ctx;
    sigset_t nudges;
    sigemptyset(&nudges);
    sigaddset(&nudges, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &nudges, NULL);
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (config != NULL) {
        fuse_loop_cfg_set_max_threads(config, SESSION_THREADS);
        fuse_loop_cfg_set_idle_threads(config, SESSION_THREADS);
        fuse_loop_cfg_set_clone_fd(config, 0);
        int result = fuse_session_loop_mt(session->fuse, config);
        if (result != 0 && !atomic_load(&session->stop_wanted)) {
            log_error("fs", "serving the kernel ended with an error error=%d", result);
        }
        fuse_loop_cfg_destroy(config);
    }
    lock_acquire(&session->lock);
    session->is_over = true;
    condition_broadcast(&session->changed);
    lock_release(&session->lock);
    return NULL;
}

static unsigned read_number(const char *path)
{
    AUTO(buffer) struct buffer text = buffer_init(64);
    return file_read_all(path, NULL, &text) == ERR_NONE
               ? (unsigned)strtoul(buffer_text(&text), NULL, 10)
               : 0;
}

// What the kernel made of the max_background that op_init() asked for. Where fusectl is not
// mounted: mounts of ordinary users are cut to the module's limit.
static unsigned read_granted(dev_t device)
{
    char path[64];
    snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/max_background",
             minor(device));
    unsigned granted = read_number(path);
    if (granted == 0 && geteuid() != 0) {
        granted = read_number("/sys/module/fuse/parameters/max_user_bgreq");
        granted = granted < OP_BACKGROUND_MAX ? granted : OP_BACKGROUND_MAX;
    }
    return granted != 0 ? granted : OP_BACKGROUND_MAX;
}

static enum err check_that_it_answers(struct session *session, struct why *why)
{
    const char *mount_point = session->mount->options->mount_point;
    struct stat root;
    if (stat(mount_point, &root) != 0) {
        return why_set(why, ERR_MOUNT, "%s was mounted but does not answer: %s",
                       mount_point, strerror(errno));
    }
    if (!S_ISDIR(root.st_mode) || root.st_ino != FUSE_ROOT_ID) {
        return why_set(why, ERR_MOUNT, "%s was mounted but shows something else",
                       mount_point);
    }
    session->granted_background = read_granted(root.st_dev);
    if (session->mount->options->prefetch != PREFETCH_OFF) {
        read_ahead_raise(root.st_dev);
    }
    return ERR_NONE;
}

enum err session_start(struct session *session, struct why *why)
{
    struct sigaction action = {.sa_handler =
                                   do_nothing}; // no SA_RESTART: it has to interrupt
    sigaction(SIGUSR1, &action, NULL);
    int result = pthread_create(&session->thread, NULL, serve, session);
    if (result != 0) {
        return why_set(why, ERR_SYSTEM, "no thread can be started: %s", strerror(result));
    }
    session->has_thread = true;
    pthread_setname_np(session->thread, "fuse");
    return check_that_it_answers(session, why);
}

unsigned session_granted_background(const struct session *session)
{
    return session->granted_background;
}

// -------------------------------------------------------------------------------- ending

void session_stop(struct session *session)
{
    atomic_store(&session->stop_wanted, true);
    lock_acquire(&session->lock);
    condition_broadcast(&session->changed);
    lock_release(&session->lock);
}

void session_wait(struct session *session)
{
    lock_acquire(&session->lock);
    while (!session->is_over && !atomic_load(&session->stop_wanted)) {
        condition_wait(&session->changed, &session->lock);
    }
    lock_release(&session->lock);
}

void session_join(struct session *session)
{
    if (!session->has_thread) {
        return;
    }
    atomic_store(&session->stop_wanted, true);
    fuse_session_exit(session->fuse);
    lock_acquire(&session->lock);
    while (!session->is_over) {
        pthread_kill(session->thread, SIGUSR1);
        (void)condition_wait_until(&session->changed, &session->lock,
                                   clock_now_ms() + NUDGE_MS);
    }
    lock_release(&session->lock);
    pthread_join(session->thread, NULL);
    session->has_thread = false;
    drain_interrupts(session);
}

void session_close(struct session *session)
{
    if (session == NULL) {
        return;
    }
    if (session->fuse != NULL) {
        fuse_session_unmount(session->fuse); // nothing when it never was mounted
        fuse_session_destroy(session->fuse);
    }
    condition_destroy(&session->changed);
    lock_destroy(&session->lock);
    free(session);
}

// --------------------------------------------------------------------------- notifications
// The kernel makes them wait for requests that are under way: whoever holds a lock that one of
// these needs would wait for ever.

void session_forget_name(struct session *session, uint64_t dir_ino, const char *name)
{
    assert(lock_held_count() == 0);
    // ENOENT: the kernel does not know the name, or not even the directory.
    (void)fuse_lowlevel_notify_inval_entry(session->fuse, dir_ino, name, strlen(name));
}

void session_forget_listing(struct session *session, uint64_t dir_ino)
{
    assert(lock_held_count() == 0);
    (void)fuse_lowlevel_notify_inval_inode(session->fuse, dir_ino, 0, 0);
}
