// SPDX-License-Identifier: Apache-2.0
// A connection of the control socket.
//
// Its descriptor is watched edge-triggered for both directions from the start, so that other
// threads may write to the socket themselves and leave what does not fit in `output`: the
// loop's next "writable" edge sends the rest. No thread has to wake the loop. A client that
// only stops sending stays; one that closes is told by EPOLLHUP.
//
// `lock` guards the output and the descriptor's life; request and list belong to the loop's
// thread. Nothing is called with the lock held but send().
#include "fs/control_peer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>

// A status of hundreds of lines fits; a client that reads nothing costs no more than this.
enum { OUTPUT_MAX = 1 << 20 };

struct control_peer {
    struct control_peer_events events;
    struct loop_watch *watch; // NULL once closed
    struct control_peer *next;
    struct control_work work;
    struct buffer request; // until the line end
    bool has_request;
    bool has_all; // the client sends no more; it may still read
    atomic_uint references;

    struct lock lock;
    int fd GUARDED_BY(lock); // -1 once closed
    struct buffer output GUARDED_BY(lock);
    size_t sent GUARDED_BY(lock);   // bytes at the front of `output` that are out
    bool is_ended GUARDED_BY(lock); // nothing follows what is in `output`
    uint64_t lost GUARDED_BY(lock); // lines of a stream that found no room
};

static void send_output(struct control_peer *peer) REQUIRES(peer->lock)
{
    while (peer->fd >= 0 && peer->sent < peer->output.len) {
        ssize_t n = send(peer->fd, peer->output.bytes + peer->sent,
                         peer->output.len - peer->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return; // full: the next edge goes on; broken: the loop sees the hang-up
        }
        peer->sent += (size_t)n;
    }
    buffer_clear(&peer->output);
    peer->sent = 0;
    if (peer->is_ended && peer->fd >= 0) {
        shutdown(peer->fd, SHUT_WR);
    }
}

static void gone(struct control_peer *peer)
{
    if (peer->watch != NULL) {
        peer->events.on_gone(peer->events.server, peer);
    }
}

// Reads what is there. Bytes after the request are nothing we know; they only must not fill
// memory.
static bool read_request(struct control_peer *peer, int fd)
{
    char bytes[4096];
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK;
        }
        if (n == 0) {
            peer->has_all = true;
            return true;
        }
        if (!peer->has_request &&
            buffer_append(&peer->request, bytes, (size_t)n) != ERR_NONE) {
            return false;
        }
    }
}

static void on_event(void *ctx, int fd, uint32_t events)
{
    struct control_peer *peer = control_peer_ref(ctx);
    bool is_open = (events & (EPOLLERR | EPOLLHUP)) == 0;
    if (is_open && (events & EPOLLIN)) {
        is_open = read_request(peer, fd);
    }
    const char *text = buffer_text(&peer->request);
    const char *line_end = memchr(text, '\n', peer->request.len);
    if (is_open && !peer->has_request && line_end != NULL) {
        peer->has_request = true;
        peer->events.on_request(peer->events.server, peer, text,
                                (size_t)(line_end - text));
    }
    if (events & EPOLLOUT) {
        lock_acquire(&peer->lock);
        send_output(peer);
        lock_release(&peer->lock);
    }
    if (!is_open || (peer->has_all && !peer->has_request)) {
        gone(peer);
    }
    control_peer_unref(peer);
}

enum err control_peer_new(struct event_loop *loop, int fd,
                          const struct control_peer_events *events,
                          struct control_peer **out)
{
    struct control_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        return ERR_NO_MEMORY;
    }
    lock_init(&peer->lock);
    lock_acquire(&peer->lock);
    peer->fd = fd;
    peer->output = buffer_init(OUTPUT_MAX);
    lock_release(&peer->lock);
    peer->events = *events;
    peer->request = buffer_init(CONTROL_LINE_MAX);
    atomic_init(&peer->references, 1);
    enum err err = event_loop_watch(loop, fd, (uint32_t)(EPOLLIN | EPOLLOUT | EPOLLET),
                                    on_event, peer, &peer->watch);
    if (err) {
        lock_destroy(&peer->lock);
        free(peer);
        return err;
    }
    *out = peer;
    return ERR_NONE;
}

void control_peer_close(struct control_peer *peer)
{
    loop_watch_free(peer->watch);
    peer->watch = NULL;
    lock_acquire(&peer->lock);
    if (peer->fd >= 0) {
        close(peer->fd);
        peer->fd = -1;
    }
    lock_release(&peer->lock);
}

struct control_peer *control_peer_ref(struct control_peer *peer)
{
    atomic_fetch_add(&peer->references, 1);
    return peer;
}

static void free_peer(struct control_peer *peer) NO_THREAD_ANALYSIS // the last reference
{
    buffer_release(&peer->request);
    buffer_release(&peer->output);
    if (peer->fd >= 0) {
        close(peer->fd);
    }
    lock_destroy(&peer->lock);
    free(peer);
}

void control_peer_unref(struct control_peer *peer)
{
    if (atomic_fetch_sub(&peer->references, 1) == 1) {
        free_peer(peer);
    }
}

void control_peer_output(struct control_peer *peer, const char *text, size_t len)
{
    lock_acquire(&peer->lock);
    enum err err = ERR_NONE;
    while (err == ERR_NONE && len > 0 && peer->fd >= 0) {
        const char *line_end = memchr(text, '\n', len);
        size_t line_len = line_end != NULL ? (size_t)(line_end - text) : len;
        err = control_append_output(&peer->output, text, line_len);
        size_t step = line_len + (line_end != NULL);
        text += step;
        len -= step;
    }
    send_output(peer);
    lock_release(&peer->lock);
}

static enum err append_lost(struct control_peer *peer) REQUIRES(peer->lock)
{
    char text[80];
    int n = snprintf(text, sizeof text,
                     peer->work.format == RENDER_JSON
                         ? "{\"lost\":%" PRIu64 "}"
                         : "(%" PRIu64 " lines were lost: the reader is too slow)",
                     peer->lost);
    enum err err = control_append_output(&peer->output, text, (size_t)n);
    peer->lost = err ? peer->lost : 0;
    return err;
}

void control_peer_stream(struct control_peer *peer, const char *line, size_t len)
{
    lock_acquire(&peer->lock);
    enum err err = peer->lost > 0 ? append_lost(peer) : ERR_NONE;
    if (err == ERR_NONE) {
        err = control_append_output(&peer->output, line, len);
    }
    peer->lost += err != ERR_NONE;
    send_output(peer);
    lock_release(&peer->lock);
}

void control_peer_progress(struct control_peer *peer,
                           const struct mount_progress *progress)
{
    lock_acquire(&peer->lock);
    // One that finds no room is of no use later.
    if (control_append_progress(&peer->output, progress) == ERR_NONE) {
        send_output(peer);
    }
    lock_release(&peer->lock);
}

void control_peer_end_status(struct control_peer *peer, int status, const char *sentence)
{
    lock_acquire(&peer->lock);
    if (!peer->is_ended &&
        control_append_end(&peer->output, status, sentence) != ERR_NONE) {
        // No room: what the client gets instead is a connection that ends without an end.
        buffer_clear(&peer->output);
        peer->sent = 0;
    }
    peer->is_ended = true;
    send_output(peer);
    lock_release(&peer->lock);
}

void control_peer_end(struct control_peer *peer, enum err err, const struct why *why)
{
    control_peer_end_status(peer, err_exit_status(err), err ? why_text(why, err) : "");
}

struct control_work *control_peer_work(struct control_peer *peer)
{
    return &peer->work;
}

struct control_peer *control_peer_next(const struct control_peer *peer)
{
    return peer->next;
}

void control_peer_set_next(struct control_peer *peer, struct control_peer *next)
{
    peer->next = next;
}
