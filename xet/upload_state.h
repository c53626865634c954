// SPDX-License-Identifier: Apache-2.0
// The inside of an upload session. Everything belongs to the session's thread but what stands
// below the lock: jobs and callbacks of hub/ only note there that something has come, and
// wake the session.
#pragma once

#include "xet/term_list.h"
#include "xet/upload_batch.h"
#include "xet/uploads.h"

enum {
    UPLOAD_BATCHES = 5,
    UPLOAD_QUERIES = 4,
    UPLOAD_SENDING_MAX = 4,
    UPLOAD_FLIGHTS = 8, // on their way or on theirs into the chunk store
    UPLOAD_KEYS = 4,    // sets of answers that are kept
    UPLOAD_POLL_MS = 200,
};

// chunk_place.xorb of a xorb that is not ours.
#define FOREIGN_XORB (UINT32_C(1) << 31)

// What a global deduplication query brought, as far as it goes under one key.
struct key_set {
    bool is_used;
    bool is_keyed;
    struct digest key;
    uint64_t expires_s;
    struct chunk_index *chunks; // by keyed name
};

struct foreign_xorb;

struct query {
    struct xet_upload *upload;
    bool is_busy;
    uint64_t batch; // the serial of the one that asked
    hub_ticket ticket;
    // With the bell's lock:
    bool is_answered;
    enum err err;
    uint8_t *shard;
    size_t len;
};

enum flight_state { FLIGHT_FREE, FLIGHT_SENDING, FLIGHT_SENT, FLIGHT_STORING };

struct flight {
    struct job job; // first: puts the chunks into the store
    struct xet_upload *upload;
    struct xorb xorb;
    uint32_t number; // in xet_uploads
    hub_ticket ticket;
    struct storing *storing;
    // With the bell's lock:
    enum flight_state state;
    enum err err;
    struct why why;
};

// A file of the session.
struct upload_file {
    uint64_t size;
    xet_read_fn read;
    void *ctx;
    bool has_base;
    struct digest base;
    struct digest sha256;
    struct digest hash;
    struct term *terms;
    size_t n;
    bool is_told;
};

struct xet_upload {
    struct xet_upload_config config;
    char *revision;
    struct xet_uploads *uploads;
    struct batch_crew crew;
    struct upload_batch batches[UPLOAD_BATCHES];
    uint64_t batch_serial;
    struct xet_upload_progress progress;
    enum err err; // sticky
    struct why why;
    bool is_alone;      // the second attempt: nothing that we did not send ourselves
    bool uses_others;   // xorbs that this session did not send
    bool is_refused;    // a shard was
    int64_t told_at_ms; // of progress

    struct upload_file *files;
    size_t n_files;
    size_t file_places;

    // Deduplication.
    struct digest *foreign; // by number without FOREIGN_XORB
    size_t n_foreign;
    size_t foreign_places;
    struct foreign_xorb *foreign_numbers;
    struct chunk_index *base; // of the file that is being uploaded
    struct key_set keys[UPLOAD_KEYS];
    unsigned next_key;
    struct query queries[UPLOAD_QUERIES];
    unsigned failed_queries;

    // The xorb that decisions go to, and the one that records go to.
    bool has_open;
    uint32_t open_xorb;
    uint32_t open_n;
    uint64_t open_raw;
    struct xorb_builder *builder; // of xorb `building`
    uint32_t building;

    struct bell bell; // its lock guards what follows, and what is marked above
    struct flight flights[UPLOAD_FLIGHTS];
    bool is_shard_done;
    enum err shard_err;
    struct why shard_why;
};

// Waits until the bell has rung more often than `rings`, or `deadline_ms`, or a while;
// ERR_CANCELLED.
NODISCARD enum err upload_wait(struct xet_upload *upload, uint64_t rings,
                               int64_t deadline_ms);
bool upload_is_cancelled(const struct xet_upload *upload);
// Remembers an error and its sentence for good; returns it.
enum err upload_fail(struct xet_upload *upload, enum err err);
void upload_tell_progress(struct xet_upload *upload);

// ---- upload_dedup.c: where a chunk is already

// A number for a xorb that is not ours.
NODISCARD enum err upload_foreign_number(struct xet_upload *upload,
                                         const struct digest *xorb, uint32_t *out);
bool upload_find(struct xet_upload *upload, const struct digest *chunk,
                 const struct chunk_place *wanted, struct chunk_place *out);
void upload_dedup_release(struct xet_upload *upload);
// The hash of any xorb that has been cut.
const struct digest *upload_xorb_hash(const struct xet_upload *upload, uint32_t number);

// ---- upload_base.c: the chunks of the version before

// Learns the chunks of `base` that are on this machine and overlap [from, to). True when these
// are all that there are, or nothing will come of asking again.
bool upload_learn_base(struct xet_upload *upload, const struct digest *base,
                       uint64_t from, uint64_t to);

// ---- upload_global.c: the global index

// Asks about the chunks of a hashed batch that may be asked about.
void upload_ask(struct xet_upload *upload, struct upload_batch *batch,
                uint64_t bytes_left);
// Takes in the answers that have come. Without the lock.
void upload_take_answers(struct xet_upload *upload);
bool upload_is_asking(const struct xet_upload *upload, const struct upload_batch *batch);
// Cancels what is asked and waits for it.
void upload_end_queries(struct xet_upload *upload);

// ---- upload_xorbs.c: cutting, sending, storing

// Where a fresh chunk goes.
NODISCARD enum err upload_place_fresh(struct xet_upload *upload,
                                      const struct digest *hash, uint32_t len,
                                      struct chunk_place *out);
// Appends the records of a packed batch; full xorbs are sent.
NODISCARD enum err upload_append(struct xet_upload *upload,
                                 const struct upload_batch *batch);
// Sends what is open and waits until all has arrived.
NODISCARD enum err upload_send_all(struct xet_upload *upload);
// What has arrived since the last time; an error of one is the session's.
NODISCARD enum err upload_reap_flights(struct xet_upload *upload);
// Cancels what is being sent and waits for it and for the store.
void upload_end_flights(struct xet_upload *upload);

// ---- upload_store.c

// Puts a xorb that has arrived into the chunk store, slice by slice; then the flight is free.
void upload_store_begin(struct flight *flight);

// ---- upload_file.c

NODISCARD enum err upload_run_file(struct xet_upload *upload, struct upload_file *file,
                                   const struct xet_chunk_list *listed);

// ---- upload_shards.c

// Tells the server about xorbs and files.
NODISCARD enum err upload_tell(struct xet_upload *upload);
// Tells the chunk store what the files consist of.
void upload_keep_pieces(struct xet_upload *upload);
