// SPDX-License-Identifier: Apache-2.0
// The control socket of a mount, on the network thread's event loop (cvmfs_talk is the
// model). Only the mounting user may connect: the socket has 0600 in a folder with 0700.
// control_path.h says where it lies.
//
// The protocol is one of lines of at most CONTROL_LINE_MAX bytes, one request a connection:
//
//   client:  VERB [WORD...] \n            "info json a%20folder/config.json"
//   server:  = TEXT \n                    a line of output, already written for its reader
//            % N N N N N N \n             progress: bytes done, bytes in all, files done, files
//                                         in all, files failed, 1 while folders are being listed
//            . STATUS [SENTENCE] \n       the end: what the command exits with, and why
//
// The server writes text for people, JSON and metrics, because it has the structs; the client
// prints and never parses JSON. Words are percent-encoded, so that a path has neither blank
// nor line end. A client that goes away cancels what it asked for. One that asks for nothing
// sees the connection close when the daemon has ended, which is what `hugfs umount` waits for.
//
//   hello                     VERSION PID MOUNT_POINT CACHE_DIR, as words
//   status text|json|metrics [PATH]
//   info text|json PATH       PATH is relative to the mount's root, "." is the root itself
//   log|revisions text|json PATH
//   diff text|json PATH FROM TO
//   changes text|json PATH    what is not committed yet
//   commit [MESSAGE]          ends when the Hub has it
//   discard PATH
//   prefetch|pin|unpin PATH   with progress
//   refresh                   ends when the mount stands at the branch's head
//   offline, online
//   trace text|json           a line for each request, until the client goes away
//   cache-status text|json
//   cache-verify, cache-trim BYTES, cache-clear
#pragma once

#include "fs/mount.h"

struct control_server;

// Listens. Called on the loop's thread or before it runs.
NODISCARD enum err control_server_open(struct mount *mount, struct why *why,
                                       struct control_server **out);
// Drops clients and removes the socket; waits for a `cache` command that is at work. Loop's
// thread, or after the loop has stopped; before the mount's parts are closed. NULL is fine.
void control_server_close(struct control_server *server);
