// SPDX-License-Identifier: Apache-2.0
// A look at a file while it is being written, so that its upload does not read it a second time:
// SHA-256 and chunks (xet_scan) of a staging file from its beginning on. A thread of the mount,
// "scan", follows behind by reading the page cache; writers only say how far they are, which costs
// them a lock.
//
//   there   [0, there) of the staging file is what the file has
//   taken   of those, what has been looked at, or is being: it must not change any more
//
// In front of `taken` bytes may come in any order and change as they like: that is where the kernel
// and programs have their freedom. A change behind it ends the scan; then the upload reads.
//
// Bounded: LOCAL_SCANS_MAX scans at a time of 64 GiB together, 1.2 MiB each and 40 bytes for each
// 64 KiB.
#pragma once

#include "xet/xet.h"

enum {
    LOCAL_SCANS_MAX = 8,
    // Shorter files are read again: their upload waits for other things.
    LOCAL_SCAN_FROM = 4 << 20,
};

struct local_scanner;
// Starts the threads.
NODISCARD enum err local_scanner_open(struct local_scanner **out);
// Ends the thread and all scans. Nobody may use one any more, only give it back, which may
// be as late as it likes. NULL is fine.
void local_scanner_close(struct local_scanner *scanner);

// Counted; any thread, and nothing here waits but local_scan_finish().
struct local_scan;
// Of a staging file, which it opens for itself. NULL: there is no room for another one.
struct local_scan *local_scan_new(struct local_scanner *scanner, int fd);
struct local_scan *
local_scan_ref(struct local_scan *scan); // NULL is fine, in the next too
void local_scan_put(struct local_scan *scan);

// To be called before bytes at `offset` and beyond change. False: they have been looked at, or it
// is over for another reason; it can only be given back.
bool local_scan_changing(struct local_scan *scan, uint64_t offset);
// [0, end) is there.
void local_scan_grew(struct local_scan *scan, uint64_t end);
// How many bytes it has looked at. Tests.
uint64_t local_scan_fed(struct local_scan *scan);
// The look at all of a content of `size` bytes that changes no more; `scan`'s own. Waits for the
// rest unless that is so much that reading all of it while it is sent is better. NULL: there is
// none. `is_cancelled` is asked some times a second.
struct xet_scan *local_scan_finish(struct local_scan *scan, uint64_t size,
                                   bool (*is_cancelled)(void *ctx), void *ctx);
