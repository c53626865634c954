// SPDX-License-Identifier: Apache-2.0
// One client of the control socket, seen from the server: its request line and the lines of its
// answer. What it asked for is answered from several threads, and it may go away before, so it
// is counted: the server holds one reference and each answer under way another.
#pragma once

#include "fs/control_protocol.h"

struct control_peer;

// Loop's thread. `on_request` is called once with the request line; `on_gone` once, when the
// client has closed or broken the protocol: release the server's reference then. Takes
// ownership of `fd` on success.
struct control_peer_events {
    void (*on_request)(void *server, struct control_peer *peer, const char *line,
                       size_t len);
    void (*on_gone)(void *server, struct control_peer *peer);
    void *server;
};
NODISCARD enum err control_peer_new(struct event_loop *loop, int fd,
                                    const struct control_peer_events *events,
                                    struct control_peer **out);

// Loop's thread: no event is called any more, the connection closes, nothing is sent.
void control_peer_close(struct control_peer *peer);

// Any thread.
struct control_peer *control_peer_ref(struct control_peer *peer);
void control_peer_unref(struct control_peer *peer);

// ---- answers; any thread. Nothing happens when the client is gone.

// Sends lines of output; `text` may hold several, and its last line end may lack.
void control_peer_output(struct control_peer *peer, const char *text, size_t len);
// The same for a stream of lines: one that finds no room is dropped, and the client is told
// how many were when there is room again.
void control_peer_stream(struct control_peer *peer, const char *line, size_t len);
void control_peer_progress(struct control_peer *peer,
                           const struct mount_progress *progress);
// Ends the answer with the status of `err` and its sentence.
void control_peer_end(struct control_peer *peer, enum err err, const struct why *why);
void control_peer_end_status(struct control_peer *peer, int status, const char *sentence);

// ---- what the server remembers with a peer; loop's thread
struct control_work {
    bool is_tracing;
    enum render_format format;
    uint64_t fetch_ticket;     // 0 = none
    struct running_diff *diff; // control_diff.c; NULL = none
};
struct control_work *control_peer_work(struct control_peer *peer);

// The server's list.
struct control_peer *control_peer_next(const struct control_peer *peer);
void control_peer_set_next(struct control_peer *peer, struct control_peer *next);
