// SPDX-License-Identifier: Apache-2.0
// The life of a mount.
//
//   check the mount point          sentences for what people get wrong
//   daemonise                      before any thread, curl or SQLite handle exists
//   open: loop, pool, hub, stores, xet       threads from here on
//   open: names, contents, parked requests
//   run the loop's thread
//   resolve: which commit          the one request of a warm branch mount; the whole Hub: none
//   open what a writable mount has            journal, overlay
//   mount, serve, look whether it answers, report to the parent
//   wait until it is unmounted or a signal comes
//   take it down in the opposite order
//
// Taking down: first what waits for a commit gets some time. Then the refresher (what it tells the kernel may need the workers), then the
// workers; parked requests are answered and the kernel side is gone before the network is
// touched, so that unmounting is quick whatever hangs. Then the loop, what hangs on it, and
// the stores. Every part is freed: the sanitizers watch.
#include "fs/mount_parts.h"

#include "fs/daemonise.h"
#include "fs/head.h"
#include "fs/mountpoint_check.h"
#include "fs/notify.h"
#include "fs/ops.h"
#include "fs/root_ahead.h"
#include "fs/say.h"

#include <sys/stat.h>

// Deadlines of parked requests come this much after those of what they wait for.
enum { DEADLINE_SLACK_MS = 1000 };

// -------------------------------------------------------------------------------- opening

// The modules that `-o debug=` names; `-d` is about the kernel's requests, which libfuse
// prints as module "fuse".
static enum err set_debug(const struct mount_options *options)
{
    AUTO(buffer) struct buffer modules = buffer_init(4096);
    enum err err = ERR_NONE;
    if (options->fuse_debug) {
        err = buffer_append_text(&modules, options->debug != NULL ? "fuse," : "fuse");
    }
    if (err == ERR_NONE && options->debug != NULL) {
        err = buffer_append_text(&modules, options->debug);
    }
    if (err == ERR_NONE && modules.len > 0) {
        log_set_debug(buffer_text(&modules));
    }
    return err;
}

static enum err open_log(const struct mount_options *options, struct why *why)
{
    enum log_target target = options->log_file != NULL ? LOG_TO_FILE
                             : options->foreground     ? LOG_TO_STDERR
                                                       : LOG_TO_SYSLOG;
    enum err err = log_open(target, options->log_file);
    if (err != ERR_NONE) {
        return why_set(why, err, "the log file %s cannot be opened", options->log_file);
    }
    if (options->debug != NULL || options->fuse_debug) {
        log_set_level(LOG_LEVEL_DEBUG);
    }
    return set_debug(options);
}

static enum err open_network(struct mount *mount, struct why *why)
{
    const struct mount_options *options = mount->options;
    struct hub_config config = {
        .endpoint = options->endpoint,
        .token_file = options->token_file,
        .ca_file = options->ca_file,
        .insecure_http = options->insecure_http,
        .offline = options->offline,
        .max_connections = options->max_conns,
        .max_rate = options->max_rate,
        .timeout_ms = options->timeout_ms,
        .user_agent = "hugfs/" HUGFS_VERSION,
    };
    enum err err = event_loop_new(&mount->loop);
    if (err == ERR_NONE) {
        err = worker_pool_new(0, "decode", &mount->pool);
    }
    if (err == ERR_NONE) {
        err = hub_open(&config, mount->loop, mount->pool, why, &mount->hub);
    }
    return err;
}

static enum err open_stores(struct mount *mount, struct why *why)
{
    const struct mount_options *options = mount->options;
    struct chunk_store_config config = {
        .dir = options->cache_dir,
        .budget = options->cache_size,
        .free_floor = options->free_floor,
    };
    enum err err = chunk_store_open(&config, why, &mount->chunks);
    if (err == ERR_NONE) {
        err = tree_store_open(options->cache_dir, why, &mount->tree);
    }
    if (err == ERR_NONE) {
        struct xet_config engine = {.hub = mount->hub,
                                    .store = mount->chunks,
                                    .pool = mount->pool,
                                    .loop = mount->loop};
        err = xet_open(&engine, &mount->xet);
    }
    return err;
}

// Owner and mode of what is shown; times of what the Hub tells no time for.
static struct attributes make_attributes(const struct mount_options *options,
                                         int64_t date_s)
{
    return (struct attributes){
        .uid = options->has_uid ? options->uid : (uint32_t)getuid(),
        .gid = options->has_gid ? options->gid : (uint32_t)getgid(),
        .umask = options->has_umask ? options->umask : 0,
        .fallback_s = date_s,
    };
}

static enum err open_parked(struct mount *mount)
{
    static const struct parked_verbs verbs = {op_reply_error, op_arm_interrupt};
    enum err err =
        parked_new(mount->loop, &verbs, mount->options->timeout_ms + DEADLINE_SLACK_MS,
                   &mount->parked);
    if (err == ERR_NONE) {
        parked_set_trace(mount->parked, mount_trace_parked, mount);
    }
    return err;
}

static enum err open_contents(struct mount *mount)
{
    enum { BUFFERS_BESIDE_POOL = 8 }; // FUSE workers, network thread, and some air
    unsigned n_buffers = worker_pool_threads(mount->pool) + BUFFERS_BESIDE_POOL;
    enum err err =
        content_cache_new(mount->xet, mount->tree, mount->locator, &mount->contents);
    return err == ERR_NONE ? reply_buffers_new(n_buffers, &mount->buffers) : err;
}

static void *run_loop(void *ctx)
{
    event_loop_run(ctx);
    return NULL;
}

static enum err start_loop(struct mount *mount)
{
    if (pthread_create(&mount->loop_thread, NULL, run_loop, mount->loop) != 0) {
        return ERR_SYSTEM;
    }
    mount->has_loop_thread = true;
    pthread_setname_np(mount->loop_thread, "network");
    return ERR_NONE;
}

// Which commit; publishes the first view. `out_checked_s`: when the Hub last said so.
static enum err resolve(struct mount *mount, struct why *why, int64_t *out_checked_s)
{
    struct head head;
    enum err err = head_resolve(mount, &mount->startup, why, &head);
    if (err != ERR_NONE) {
        return err;
    }
    struct hub_call call = mount_demand(mount, "mount");
    struct snapshot_view view;
    err = head_view(mount, &mount->startup, &call, &head, why, &view);
    if (err == ERR_NONE) {
        mount->attributes = make_attributes(mount->options, head.ref.date_s);
        snapshot_publish(mount->snapshot, &view);
        *out_checked_s = head.ref.checked_at_s;
    }
    return err;
}

// What the root shows.
static enum err open_root(struct mount *mount, struct why *why, int64_t *out_checked_s)
{
    if (!mount->is_hub) {
        return resolve(mount, why, out_checked_s);
    }
    mount->attributes = make_attributes(mount->options, mount->started_s);
    return mount_open_hub_folders(mount);
}

static enum err open_session(struct mount *mount, int64_t checked_s, struct why *why)
{
    enum err err = session_open(mount, why, &mount->session);
    if (err == ERR_NONE) {
        err = session_start(mount->session, why);
    }
    if (err == ERR_NONE) {
        atomic_store(&mount->parked_reads_max,
                     session_granted_background(mount->session) / 2 - 1);
    }
    if (err == ERR_NONE && !mount->is_hub) {
        err = refresher_open(mount, checked_s, &mount->refresher);
    }
    return err;
}

struct control_opening {
    struct mount *mount;
    struct wait *wait;
};

static void open_control(void *ctx)
{
    const struct control_opening *opening = ctx;
    struct why why = {""};
    enum err err = control_server_open(opening->mount, &why, &opening->mount->control);
    wait_done(opening->wait, err, &why);
}

// The control socket lives on the loop, which runs already. Without it the mount is still
// good, but `hugfs status` can't see it.
static enum err start_control(struct mount *mount)
{
    struct wait *wait = wait_new();
    if (wait == NULL) {
        return ERR_NO_MEMORY;
    }
    struct control_opening opening = {mount, wait_ref(wait)};
    struct why why = {""};
    event_loop_post(mount->loop, open_control, &opening);
    enum err err = wait_end(NULL, wait, &why);
    wait_unref(wait);
    if (err != ERR_NONE) {
        log_warn("fs", "the control socket cannot be opened: %s", why_text(&why, err));
    }
    return ERR_NONE;
}

static enum err open_all(struct mount *mount, struct why *why)
{
    int64_t checked_s = -1;
    enum err err = open_network(mount, why);
    if (err == ERR_NONE) {
        err = open_stores(mount, why);
    }
    if (err == ERR_NONE) {
        err = mount_open_names(mount);
    }
    if (err == ERR_NONE) {
        err = open_contents(mount);
    }
    if (err == ERR_NONE) {
        err = open_parked(mount);
    }
    if (err == ERR_NONE) {
        err = signals_open(mount, &mount->signals);
    }
    if (err == ERR_NONE) {
        err = start_loop(mount);
    }
    if (err == ERR_NONE) {
        err = open_root(mount, why, &checked_s);
    }
    if (err == ERR_NONE) {
        err = mount_open_writing(mount, why);
    }
    if (err == ERR_NONE) {
        err = mount_start_committer(mount, why);
    }
    if (err == ERR_NONE) {
        err = open_session(mount, checked_s, why);
    }
    if (err == ERR_NONE) {
        // Not before: what is logged while libfuse mounts is lost (capture_stderr.h).
        root_ahead(mount);
        err = start_control(mount);
    }
    return err;
}

// ----------------------------------------------------------------------------- taking down

// The kernel side; afterwards no request can come.
static void close_session(struct mount *mount)
{
    lock_acquire(&mount->lock);
    mount->is_serving = false;
    lock_release(&mount->lock);
    mount_drain_writing(mount);
    refresher_stop(mount->refresher);
    if (mount->session != NULL) {
        session_join(mount->session);
        parked_close(mount->parked);
        session_close(mount->session);
    }
}

// The network: what is under way ends with ERR_CANCELLED. The order is xet's (xet.h).
static void close_network(struct mount *mount)
{
    mount_fetch_cancel(mount, FETCH_JOBS_ALL);
    if (mount->has_loop_thread) {
        event_loop_stop(mount->loop);
        pthread_join(mount->loop_thread, NULL);
    }
    signals_close(mount->signals);
    control_server_close(mount->control);
    if (mount->xet != NULL) {
        xet_stop(mount->xet);
    }
    if (mount->hub != NULL) {
        hub_close(mount->hub);
    }
    local_scanner_close(mount->scanner); // FUSE and the committer have ended
    if (mount->pool != NULL) {
        worker_pool_free(mount->pool);
    }
    mount_close_writing(mount);
    mount_free_writing(mount);
    mount_refresh_cancel_all(mount);
    refresher_free(mount->refresher);
    content_cache_free(mount->contents);
    if (mount->xet != NULL) {
        xet_close(mount->xet);
    }
}

static void close_rest(struct mount *mount)
{
    mount_close_names(mount);
    parked_free(mount->parked);
    reply_buffers_free(mount->buffers);
    if (mount->tree != NULL) {
        tree_store_close(mount->tree);
    }
    if (mount->chunks != NULL) {
        chunk_store_close(mount->chunks);
    }
    if (mount->loop != NULL) {
        event_loop_free(mount->loop);
    }
}

// ----------------------------------------------------------------------------- the whole

// Until INIT has told what the kernel queues: below half of its least.
enum { PARKED_READS_FIRST = 5 };

static void mount_init(struct mount *mount, const struct mount_options *options)
{
    *mount = (struct mount){.options = options,
                            .started_s = clock_wall_s(),
                            .is_hub = options->address.is_hub};
    atomic_init(&mount->parked_reads_max, PARKED_READS_FIRST);
    atomic_init(&mount->offline_told_ms, 0);
    lock_init(&mount->lock);
    wait_owner_init(&mount->startup);
}

// Serves until the end; not at all when the command has been stopped meanwhile.
static void serve(struct mount *mount, bool is_wanted)
{
    lock_acquire(&mount->lock);
    mount->is_serving = true;
    bool stop_wanted = mount->stop_wanted || !is_wanted; // a signal came while mounting
    lock_release(&mount->lock);
    if (stop_wanted) {
        session_stop(mount->session);
    }
    notify_send("READY=1");
    log_info("fs", "mounted on %s", mount->options->mount_point);
    session_wait(mount->session);
    notify_send("STOPPING=1");
}

// In the process that serves.
static int run(const struct mount_options *options, struct verdict *verdict)
{
    struct mount mount;
    struct why why = {""};
    mount_init(&mount, options);
    signals_block();
    umask(077); // cache, log and socket are the owner's alone
    enum err err = open_log(options, &why);
    if (err == ERR_NONE) {
        err = open_all(&mount, &why);
    }
    bool is_wanted = verdict_report(verdict, err, &why);
    if (err == ERR_NONE) {
        serve(&mount, is_wanted);
    }
    close_session(&mount);
    close_network(&mount);
    close_rest(&mount);
    wait_owner_release(&mount.startup);
    lock_destroy(&mount.lock);
    return err_exit_status(err);
}

int mount_run(const struct mount_options *options)
{
    struct why why = {""};
    struct verdict verdict;
    int status = 0;
    enum err err = mountpoint_check(options, &why);
    if (err != ERR_NONE) {
        return say_error(err, &why);
    }
    return daemonise(options->foreground, &verdict, &status) ? run(options, &verdict)
                                                             : status;
}
