// SPDX-License-Identifier: Apache-2.0
// One thread and a line of scans that have something to look at; each gets a block at a time, so a
// long file keeps no other one waiting. The thread frees them too: that may have to wait for
// the pool, which those who write must not.
//
// Hashing runs on threads of lowest priority: whoever writes wants the cores for that, and what it
// leaves of them is enough. "scan" itself is no such thread, because writers wait for its lock.
//
// `lock` guards everything; bytes are read and fed without it. It comes after a file's lock.
#include "fs/local_scan.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <utlist.h>

enum {
    BLOCK_BYTES = 256 * 1024,
    WAIT_MS = 100,
    HASH_THREADS = 2, // a scan keeps no more busy
    LOWEST_PRIORITY = 19,
    // What may be left of a content for it to be waited for, and how long: where programs keep all
    // cores busy, hashing hardly gets on.
    LEFT_PART = 4,
    LEFT_BYTES_MAX = 1 << 30,
    PATIENCE_MS = 5000,
};
#define SCANNED_BYTES_MAX                                                                \
    (UINT64_C(64) << 30) // of all scans together: bounds their lists

struct local_scan {
    struct local_scanner *scanner;
    int fd;
    struct xet_scan *xet; // fed by the thread alone; NULL after local_scanner_close()
    unsigned references GUARDED_BY(lock);
    uint64_t there GUARDED_BY(lock);
    uint64_t taken GUARDED_BY(lock);
    uint64_t fed GUARDED_BY(lock);
    bool is_over GUARDED_BY(lock);    // nothing can come of it
    bool is_whole GUARDED_BY(lock);   // somebody has the result: nothing can be added
    bool is_in_line GUARDED_BY(lock); // or with the thread: holds a reference
    struct local_scan *prev, *next;   // in `all`
    struct local_scan *line_prev, *line_next; // in `line`, or in `unwanted`
};

struct local_scanner {
    struct worker_pool *pool; // its own
    pthread_t thread;
    uint8_t *block; // the thread's
    struct condition work;
    struct condition moved;
    struct lock lock;
    bool is_closing GUARDED_BY(lock);
    bool is_closed GUARDED_BY(lock); // goes with the last scan
    struct local_scan *all GUARDED_BY(lock);
    struct local_scan *line GUARDED_BY(lock);
    struct local_scan *unwanted GUARDED_BY(lock); // to be freed
    unsigned n GUARDED_BY(lock);                  // in `all`, or being freed
    uint64_t taken GUARDED_BY(lock);              // by those together
};

// ------------------------------------------------------------------------------ the thread

static void release_look(struct local_scan *scan)
{
    xet_scan_free(STEAL_POINTER(scan->xet));
    if (scan->fd >= 0) {
        close(scan->fd);
        scan->fd = -1;
    }
}

static void enter_line(struct local_scanner *scanner, struct local_scan *scan)
    REQUIRES(scanner->lock)
{
    if (!scan->is_in_line && !scan->is_over && scan->there > scan->taken) {
        scan->is_in_line = true;
        scan->references++;
        DL_APPEND2(scanner->line, scan, line_prev, line_next);
        condition_signal(&scanner->work);
    }
}

static void put(struct local_scanner *scanner, struct local_scan *scan)
    REQUIRES(scanner->lock)
{
    if (--scan->references == 0) {
        DL_APPEND2(scanner->unwanted, scan, line_prev, line_next);
        condition_signal(&scanner->work);
    }
}

static void free_unwanted(struct local_scanner *scanner) REQUIRES(scanner->lock)
{
    while (scanner->unwanted != NULL) {
        struct local_scan *scan = scanner->unwanted;
        DL_DELETE2(scanner->unwanted, scan, line_prev, line_next);
        DL_DELETE(scanner->all, scan);
        lock_release(&scanner->lock);
        release_look(scan);
        lock_acquire(&scanner->lock);
        scanner->n--;
        scanner->taken -= scan->taken;
        free(scan);
    }
}

// What is to be looked at next; 0 bytes: nothing.
static size_t take_part(struct local_scanner *scanner, struct local_scan *scan)
    REQUIRES(scanner->lock)
{
    uint64_t len = scan->there > scan->taken ? scan->there - scan->taken : 0;
    len = len < BLOCK_BYTES ? len : BLOCK_BYTES;
    if (scan->references == 1 || scanner->taken + len > SCANNED_BYTES_MAX) {
        scan->is_over = true; // nobody but the line has it any more; or it is too much
    }
    if (scan->is_over) {
        return 0;
    }
    scan->taken += len;
    scanner->taken += len;
    return (size_t)len;
}

static void look(struct local_scanner *scanner, struct local_scan *scan)
    REQUIRES(scanner->lock)
{
    uint64_t at = scan->taken;
    size_t len = take_part(scanner, scan);
    if (len > 0) {
        lock_release(&scanner->lock);
        enum err err = file_pread(scan->fd, scanner->block, len, at);
        if (err == ERR_NONE) {
            xet_scan_feed(scan->xet, scanner->block, len);
        }
        lock_acquire(&scanner->lock);
        scan->is_over = scan->is_over || err != ERR_NONE;
        scan->fed += len;
    }
    condition_broadcast(&scanner->moved);
}

static void *run(void *ctx)
{
    struct local_scanner *scanner = ctx;
    lock_acquire(&scanner->lock);
    while (!scanner->is_closing) {
        if (scanner->unwanted !=
            NULL) { // without the lock for a while: look at all again
            free_unwanted(scanner);
            continue;
        }
        struct local_scan *scan = scanner->line;
        if (scan == NULL) {
            condition_wait(&scanner->work, &scanner->lock);
            continue;
        }
        DL_DELETE2(scanner->line, scan, line_prev, line_next);
        look(scanner, scan);
        scan->is_in_line = false;
        enter_line(scanner, scan);
        put(scanner, scan);
    }
    lock_release(&scanner->lock);
    return NULL;
}

// ------------------------------------------------------------------------------------ life

static void scanner_free(struct local_scanner *scanner)
{
    if (scanner->pool != NULL) {
        worker_pool_free(scanner->pool);
    }
    condition_destroy(&scanner->work);
    condition_destroy(&scanner->moved);
    lock_destroy(&scanner->lock);
    free(scanner->block);
    free(scanner);
}

// Threads begin with the priority of the one that makes them.
static void *make_pool(void *ctx)
{
    struct local_scanner *scanner = ctx;
    (void)setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY); // of this thread
    if (worker_pool_new(HASH_THREADS, "hash", &scanner->pool) != ERR_NONE) {
        scanner->pool = NULL;
    }
    return NULL;
}

static enum err start(struct local_scanner *scanner)
{
    pthread_t maker;
    enum err err = err_from_errno(pthread_create(&maker, NULL, make_pool, scanner));
    if (err == ERR_NONE) {
        pthread_join(maker, NULL);
        err = scanner->pool != NULL
                  ? err_from_errno(pthread_create(&scanner->thread, NULL, run, scanner))
                  : ERR_NO_MEMORY;
    }
    return err;
}

enum err local_scanner_open(struct local_scanner **out)
{
    struct local_scanner *scanner = calloc(1, sizeof(*scanner));
    if (scanner == NULL) {
        return ERR_NO_MEMORY;
    }
    scanner->block = malloc(BLOCK_BYTES);
    lock_init(&scanner->lock);
    condition_init(&scanner->work);
    condition_init(&scanner->moved);
    sigset_t all;
    sigset_t before;
    sigfillset(&all); // signals are the main thread's business
    pthread_sigmask(SIG_SETMASK, &all, &before);
    enum err err = scanner->block == NULL ? ERR_NO_MEMORY : start(scanner);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err != ERR_NONE) {
        scanner_free(scanner);
        return err;
    }
    pthread_setname_np(scanner->thread, "scan");
    *out = scanner;
    return ERR_NONE;
}

void local_scanner_close(struct local_scanner *scanner)
{
    if (scanner == NULL) {
        return;
    }
    lock_acquire(&scanner->lock);
    scanner->is_closing = true;
    condition_broadcast(&scanner->work);
    lock_release(&scanner->lock);
    pthread_join(scanner->thread, NULL);
    lock_acquire(&scanner->lock);
    while (scanner->line != NULL) {
        struct local_scan *scan = scanner->line;
        DL_DELETE2(scanner->line, scan, line_prev, line_next);
        put(scanner, scan);
    }
    free_unwanted(scanner);
    struct local_scan *scan;
    DL_FOREACH (scanner->all, scan) {
        scan->is_over = true;
        release_look(scan);
    }
    scanner->is_closed = true;
    bool is_last = scanner->n == 0;
    lock_release(&scanner->lock);
    if (is_last) {
        scanner_free(scanner);
    }
}

static struct local_scan *make(struct local_scanner *scanner, int fd)
{
    struct local_scan *scan = calloc(1, sizeof(*scan));
    if (scan == NULL) {
        return NULL;
    }
    scan->scanner = scanner;
    scan->references = 1;
    scan->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    scan->xet = scan->fd >= 0 ? xet_scan_new(scanner->pool) : NULL;
    if (scan->xet == NULL) {
        release_look(scan);
        free(scan);
        return NULL;
    }
    return scan;
}

struct local_scan *local_scan_new(struct local_scanner *scanner, int fd)
{
    struct local_scan *scan = NULL;
    lock_acquire(&scanner->lock);
    if (!scanner->is_closing && scanner->n < LOCAL_SCANS_MAX) {
        scan = make(scanner, fd);
    }
    if (scan != NULL) {
        DL_APPEND(scanner->all, scan);
        scanner->n++;
    }
    lock_release(&scanner->lock);
    return scan;
}

struct local_scan *local_scan_ref(struct local_scan *scan)
{
    if (scan != NULL) {
        lock_acquire(&scan->scanner->lock);
        scan->references++;
        lock_release(&scan->scanner->lock);
    }
    return scan;
}

void local_scan_put(struct local_scan *scan)
{
    if (scan == NULL) {
        return;
    }
    struct local_scanner *scanner = scan->scanner;
    lock_acquire(&scanner->lock);
    put(scanner, scan);
    if (scanner->is_closing) { // the thread may be gone
        free_unwanted(scanner);
    }
    bool is_last = scanner->is_closed && scanner->n == 0;
    lock_release(&scanner->lock);
    if (is_last) {
        scanner_free(scanner);
    }
}

// -------------------------------------------------------------------------------- the scan

bool local_scan_changing(struct local_scan *scan, uint64_t offset)
{
    lock_acquire(&scan->scanner->lock);
    scan->is_over = scan->is_over || scan->is_whole || offset < scan->taken;
    scan->there = offset < scan->there ? offset : scan->there;
    bool goes_on = !scan->is_over;
    lock_release(&scan->scanner->lock);
    return goes_on;
}

void local_scan_grew(struct local_scan *scan, uint64_t end)
{
    lock_acquire(&scan->scanner->lock);
    scan->there = end;
    enter_line(scan->scanner, scan);
    lock_release(&scan->scanner->lock);
}

uint64_t local_scan_fed(struct local_scan *scan)
{
    lock_acquire(&scan->scanner->lock);
    uint64_t fed = scan->fed;
    lock_release(&scan->scanner->lock);
    return fed;
}

static bool is_near_end(const struct local_scan *scan, uint64_t size)
{
    uint64_t left = size - scan->fed;
    return scan->there == size && left <= size / LEFT_PART && left <= LEFT_BYTES_MAX;
}

struct xet_scan *local_scan_finish(struct local_scan *scan, uint64_t size,
                                   bool (*is_cancelled)(void *ctx), void *ctx)
{
    struct local_scanner *scanner = scan->scanner;
    struct xet_scan *xet = NULL;
    int64_t deadline_ms = clock_now_ms() + PATIENCE_MS;
    lock_acquire(&scanner->lock);
    while (!scan->is_over && scan->fed < size) {
        if (!is_near_end(scan, size) || clock_now_ms() >= deadline_ms ||
            is_cancelled(ctx)) {
            scan->is_over = true;
            break;
        }
        (void)condition_wait_until(&scanner->moved, &scanner->lock,
                                   clock_now_ms() + WAIT_MS);
    }
    if (!scan->is_over && scan->there == size && scan->fed == size) {
        scan->is_whole = true;
        xet = scan->xet;
    }
    lock_release(&scanner->lock);
    return xet;
}
