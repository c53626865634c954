// SPDX-License-Identifier: Apache-2.0
// The control socket of a mount: listens, keeps the list of clients, hands requests to
// control_verbs.c and trace lines to those that asked for them. Everything here runs on the
// loop's thread.
//
// The socket is bound under another name and renamed into place, so a client never meets one
// that does not listen yet, and what a killed daemon left behind is replaced.
#include "fs/control.h"

#include "fs/control_path.h"
#include "fs/control_verbs.h"
#include "fs/render.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { PEERS_MAX = 64, TRACE_LINE_MAX = 16 << 10 };

struct control_server {
    struct control_context context;
    int fd;
    struct loop_watch *watch;
    struct sockaddr_un address;
    dev_t device; // of the socket file: another mount may have put its own there since
    ino_t inode;
    struct control_peer *peers; // a list
    unsigned n_peers;
    unsigned n_tracing;
};

// Called for every request of the mount while somebody traces.
static void on_trace(void *ctx, const struct mount_trace *trace)
{
    struct control_server *server = ctx;
    AUTO(buffer) struct buffer text = buffer_init(TRACE_LINE_MAX);
    AUTO(buffer) struct buffer json = buffer_init(TRACE_LINE_MAX);
    if (render_trace(trace, RENDER_TEXT, &text) != ERR_NONE ||
        render_trace(trace, RENDER_JSON, &json) != ERR_NONE) {
        return; // out of memory: a line less
    }
    for (struct control_peer *peer = server->peers; peer != NULL;
         peer = control_peer_next(peer)) {
        const struct control_work *work = control_peer_work(peer);
        if (work->is_tracing) {
            const struct buffer *line = work->format == RENDER_JSON ? &json : &text;
            control_peer_stream(peer, buffer_text(line), line->len);
        }
    }
}

static void count_tracers(struct control_server *server)
{
    unsigned n = 0;
    for (struct control_peer *peer = server->peers; peer != NULL;
         peer = control_peer_next(peer)) {
        n += control_peer_work(peer)->is_tracing;
    }
    if ((n > 0) != (server->n_tracing > 0)) {
        mount_set_trace(server->context.mount, n > 0 ? on_trace : NULL, server);
    }
    server->n_tracing = n;
}

static void on_request(void *ctx, struct control_peer *peer, const char *line, size_t len)
{
    struct control_server *server = ctx;
    struct control_request request;
    struct why why = {""};
    enum err err = control_request_parse(line, len, &why, &request);
    if (err) {
        control_peer_end(peer, err, &why);
        return;
    }
    control_verb_run(&server->context, peer, &request);
    count_tracers(server);
}

static void unlink_peer(struct control_server *server, struct control_peer *peer)
{
    struct control_peer *before = NULL;
    struct control_peer *at = server->peers;
    while (at != NULL && at != peer) {
        before = at;
        at = control_peer_next(at);
    }
    if (at == NULL) {
        return;
    }
    if (before == NULL) {
        server->peers = control_peer_next(peer);
    } else {
        control_peer_set_next(before, control_peer_next(peer));
    }
    server->n_peers--;
}

static void on_gone(void *ctx, struct control_peer *peer)
{
    struct control_server *server = ctx;
    unlink_peer(server, peer);
    control_verb_cancel(&server->context, peer);
    control_peer_close(peer);
    control_peer_unref(peer);
    count_tracers(server);
}

static void on_connection(void *ctx, int listen_fd, uint32_t events)
{
    (void)events;
    struct control_server *server = ctx;
    AUTO_CLOSE int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 || server->n_peers >= PEERS_MAX) {
        return; // one too many sees the connection close
    }
    struct control_peer_events peer_events = {on_request, on_gone, server};
    struct control_peer *peer;
    if (control_peer_new(mount_loop(server->context.mount), fd, &peer_events, &peer) !=
        ERR_NONE) {
        return;
    }
    steal_fd(&fd);
    control_peer_set_next(peer, server->peers);
    server->peers = peer;
    server->n_peers++;
}

// Binds to NAME.new, listens, and renames to NAME.
static enum err listen_at(struct control_server *server, struct why *why)
{
    struct sockaddr_un first = server->address;
    size_t len = strlen(first.sun_path);
    if (len + 5 > sizeof first.sun_path) {
        return why_set(why, ERR_NAME_TOO_LONG, "the path %s is too long for a socket",
                       server->address.sun_path);
    }
    memcpy(first.sun_path + len, ".new", 5);
    unlink(first.sun_path);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&first, sizeof first) != 0 ||
        chmod(first.sun_path, 0600) != 0 || listen(fd, PEERS_MAX) != 0 ||
        rename(first.sun_path, server->address.sun_path) != 0) {
        return why_set(why, err_from_errno(errno),
                       "cannot make the control socket %s: %s", server->address.sun_path,
                       strerror(errno));
    }
    server->fd = steal_fd(&fd);
    struct stat info;
    if (lstat(server->address.sun_path, &info) == 0) {
        server->device = info.st_dev;
        server->inode = info.st_ino;
    }
    return ERR_NONE;
}

static void remove_socket(const struct control_server *server)
{
    struct stat info;
    if (lstat(server->address.sun_path, &info) == 0 && info.st_dev == server->device &&
        info.st_ino == server->inode) {
        unlink(server->address.sun_path);
    }
}

static enum err open_server(struct control_server *server, struct why *why)
{
    struct mount *mount = server->context.mount;
    enum err err = control_make_folder(why);
    if (err == ERR_NONE) {
        err = control_address(geteuid(), mount_options_of(mount)->mount_point, why,
                              &server->address);
    }
    if (err == ERR_NONE) {
        err = listen_at(server, why);
    }
    if (err == ERR_NONE) {
        server->context.upkeep = control_upkeep_new(mount_chunk_store(mount));
        err = server->context.upkeep != NULL ? ERR_NONE : ERR_NO_MEMORY;
    }
    return err ? err
               : event_loop_watch(mount_loop(mount), server->fd, EPOLLIN, on_connection,
                                  server, &server->watch);
}

enum err control_server_open(struct mount *mount, struct why *why,
                             struct control_server **out)
{
    struct control_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    server->context.mount = mount;
    server->fd = -1;
    enum err err = open_server(server, why);
    if (err) {
        control_server_close(server);
        return err;
    }
    *out = server;
    return ERR_NONE;
}

void control_server_close(struct control_server *server)
{
    if (server == NULL) {
        return;
    }
    loop_watch_free(server->watch);
    if (server->n_tracing > 0) {
        mount_set_trace(server->context.mount, NULL, NULL);
    }
    if (server->fd >= 0) {
        remove_socket(server);
        close(server->fd);
    }
    while (server->peers != NULL) {
        struct control_peer *peer = server->peers;
        unlink_peer(server, peer);
        control_verb_cancel(&server->context, peer);
        control_peer_close(peer);
        control_peer_unref(peer);
    }
    control_upkeep_free(server->context.upkeep);
    free(server);
}
