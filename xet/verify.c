// SPDX-License-Identifier: Apache-2.0
// Two steps: the frontier, below which everything has been seen, moves forward over the
// piece map (each piece is passed once); when it has reached the end, the content is hashed
// in slices of a few MiB, each a job of its own in the background, so that a large file
// keeps no pool thread from its readers. A piece that has been evicted meanwhile ends the
// attempt without a verdict. What comes during an attempt, perhaps behind its back, makes it
// look once more when it is over: the last chunk must not be missed.
#include "xet/verify.h"

#include "xet/file_table.h"
#include "xet/piece_load.h"
#include "xet/xet_hash.h"

#define SLICE_BYTES (8 * MIB)

struct verification {
    struct job job;        // first: the pool gives it back
    struct xet_file *file; // a reference
    uint64_t at;
    struct hash_tree *tree; // of a Xet file
    struct sha *sha;        // of a blob
    uint8_t *block;         // of a blob
};

static void free_verification(struct verification *verification)
{
    struct xet_file *file = verification->file;
    engine_lock(file->xet);
    bool must_look_again = file->has_grown;
    file->is_verifying = false;
    file->has_grown = false;
    engine_unlock(file->xet);
    if (must_look_again) {
        verify_look(file);
    }
    free(verification->tree);
    free(verification->block);
    if (verification->sha) {
        sha_free(verification->sha);
    }
    free(verification);
    file_put(file);
}

// ---------------------------------------------------------------- the verdict

static bool is_the_listed_one(struct verification *verification)
{
    const struct xet_content *content = &verification->file->content;
    struct digest digest;
    struct oid oid;
    if (content->has_xet) {
        hash_tree_file(verification->tree, &digest);
        return digest_equal(&digest, &content->xet_hash);
    }
    if (content->has_sha256) {
        sha_final_256(verification->sha, &digest);
        return digest_equal(&digest, &content->sha256);
    }
    sha_final_1(verification->sha, &oid);
    return oid_equal(&oid, &content->oid);
}

static void conclude(struct verification *verification)
{
    struct xet_file *file = verification->file;
    struct xet *xet = file->xet;
    bool is_good = is_the_listed_one(verification);
    enum verified_state state = is_good ? VERIFIED_GOOD : VERIFIED_BAD;
    if (chunk_store_set_verified(xet->store, &file->name, file->content.size, state)) {
        log_debug("xet", "the store could not remember that a file was verified");
    }
    engine_lock(xet);
    file->verified = state;
    if (!is_good) {
        file->last_error = ERR_DAMAGED;
        (void)why_set(&file->why, ERR_DAMAGED,
                      "the content does not have the hash that the Hub lists for it");
    }
    engine_unlock(xet);
    if (!is_good) {
        char hex[DIGEST_HEX_SIZE];
        digest_to_xet_hex(&file->name, hex);
        log_error("xet",
                  "a file's content does not have the hash that the Hub lists for it; "
                  "reading it fails until the cache is cleared name=%s size=%llu",
                  hex, (unsigned long long)file->content.size);
    }
}

// ---------------------------------------------------------------- hashing

static bool find_fragment(struct xet_file *file, uint64_t at, struct fragment *out)
{
    if (piece_load(file, at, at + 1)) {
        return false;
    }
    engine_lock(file->xet);
    bool is_here = piece_map_find(&file->map, at, out);
    engine_unlock(file->xet);
    return is_here;
}

// Adds the chunks of one fragment to the tree. A fragment that was trimmed begins some chunks
// after its origin; those are passed over. One that ends within a chunk, as at the border of
// a leaf, gives that chunk whole, and the next fragment goes on after it.
static enum err hash_fragment(struct verification *verification,
                              const struct fragment *fragment)
{
    uint32_t lengths[RUN_CHUNKS_MAX];
    struct digest hashes[RUN_CHUNKS_MAX];
    uint64_t at = fragment->origin;
    for (uint32_t done = 0; done < fragment->n && at < fragment->to;) {
        uint32_t left = fragment->n - done;
        uint32_t n = left < RUN_CHUNKS_MAX ? left : RUN_CHUNKS_MAX;
        enum err err =
            chunk_store_hashes(verification->file->xet->store, &fragment->object,
                               fragment->first + done, n, lengths, hashes);
        if (err) {
            return err;
        }
        for (uint32_t i = 0; i < n && at < fragment->to; i++) {
            if (at == verification->at) {
                hash_tree_add(verification->tree, &hashes[i], lengths[i]);
                verification->at += lengths[i];
            }
            at += lengths[i];
        }
        done += n;
    }
    return verification->at >= fragment->to ? ERR_NONE : ERR_ABSENT;
}

static enum err hash_chunks(struct verification *verification)
{
    uint64_t stop = verification->at + SLICE_BYTES;
    while (verification->at < verification->file->content.size &&
           verification->at < stop) {
        struct fragment fragment;
        if (!find_fragment(verification->file, verification->at, &fragment)) {
            return ERR_ABSENT;
        }
        enum err err = hash_fragment(verification, &fragment);
        if (err) {
            enum err failed = piece_look(verification->file, fragment.from, fragment.to);
            return failed ? failed : err;
        }
    }
    return ERR_NONE;
}

static enum err hash_bytes(struct verification *verification)
{
    struct xet_file *file = verification->file;
    uint64_t size = file->content.size;
    uint64_t stop =
        verification->at + SLICE_BYTES < size ? verification->at + SLICE_BYTES : size;
    while (verification->at < stop) {
        uint64_t left = stop - verification->at;
        size_t len = left < BLOB_BLOCK_BYTES ? (size_t)left : BLOB_BLOCK_BYTES;
        enum err err = chunk_store_read(file->xet->store, &file->blob,
                                        (uint32_t)(verification->at / BLOB_BLOCK_BYTES),
                                        0, verification->block, len);
        if (err) {
            return err;
        }
        sha_update(verification->sha, verification->block, len);
        verification->at += len;
    }
    return ERR_NONE;
}

static enum err begin_hashing(struct verification *verification)
{
    const struct xet_content *content = &verification->file->content;
    if (content->has_xet) {
        verification->tree = malloc(sizeof(*verification->tree));
        if (!verification->tree) {
            return ERR_NO_MEMORY;
        }
        hash_tree_init(verification->tree);
        return ERR_NONE;
    }
    verification->sha = content->has_sha256 ? sha_new(SHA_256)
                                            : sha_new_git_object("blob", content->size);
    verification->block = malloc(BLOB_BLOCK_BYTES);
    return verification->sha && verification->block ? ERR_NONE : ERR_NO_MEMORY;
}

static void hash_slice(struct job *job)
{
    struct verification *verification = (struct verification *)job;
    struct xet_file *file = verification->file;
    enum err err =
        file->content.has_xet ? hash_chunks(verification) : hash_bytes(verification);
    engine_lock(file->xet);
    bool is_closing = file->xet->is_closing;
    engine_unlock(file->xet);
    if (!err && !is_closing && verification->at < file->content.size) {
        worker_pool_submit(file->xet->pool, &verification->job, JOB_BACKGROUND);
        return;
    }
    if (!err && verification->at == file->content.size) {
        conclude(verification);
    }
    free_verification(verification);
}

// ---------------------------------------------------------------- the frontier

// Moves the frontier over the leaves that are in memory. True when more can be said only
// after a leaf has been loaded, or when all has been seen.
static bool move_frontier(struct xet_file *file) REQUIRES(engine_role)
{
    uint64_t size = file->content.size;
    file->frontier = piece_map_gap(&file->map, file->frontier, size);
    return file->frontier == size || !piece_map_is_loaded(&file->map, file->frontier);
}

static void look_further(struct job *job)
{
    struct verification *verification = (struct verification *)job;
    struct xet_file *file = verification->file;
    uint64_t size = file->content.size;
    uint64_t frontier;
    bool goes_on;
    do {
        engine_lock(file->xet);
        goes_on = move_frontier(file);
        frontier = file->frontier;
        engine_unlock(file->xet);
        goes_on = goes_on && frontier < size && !piece_load(file, frontier, frontier + 1);
    } while (goes_on);
    if (frontier < size || begin_hashing(verification)) {
        free_verification(verification);
        return;
    }
    verification->job.run = hash_slice;
    worker_pool_submit(file->xet->pool, &verification->job, JOB_BACKGROUND);
}

void verify_look(struct xet_file *file)
{
    struct xet *xet = file->xet;
    struct verification *verification = NULL;
    engine_lock(xet);
    file->has_grown = file->is_verifying;
    bool may_look = !file_is_small_blob(file) && file->verified == VERIFIED_UNKNOWN &&
                    !file->is_verifying && !xet->is_closing;
    if (may_look && move_frontier(file)) {
        verification = calloc(1, sizeof(*verification));
    }
    if (verification) {
        file->is_verifying = true;
        file->refs++;
    }
    engine_unlock(xet);
    if (verification) {
        verification->file = file;
        verification->job.run = look_further;
        worker_pool_submit(xet->pool, &verification->job, JOB_BACKGROUND);
    }
}
