// SPDX-License-Identifier: Apache-2.0
// Every bound of hub/ on what comes from outside, and the times it waits, in one place.
#pragma once

enum {
    // Bodies, in bytes after content decoding.
    JSON_BODY_MAX = 1 << 20,     // repository info, refs, tokens ...
    LISTING_BODY_MAX = 16 << 20, // a page of a tree, a reconstruction plan
    ERROR_BODY_MAX = 64 << 10,
    GIT_BODY_MAX = 64 << 20,       // a blobless pack of one commit
    GIT_FILES_BODY_MAX = 32 << 20, // a pack with small files in it
    CHUNK_ANSWER_MAX = 16 << 20,   // the shard that answers a dedup query
    SMALL_ANSWER_MAX = 64 << 10,   // parsed on the network thread
    // Bodies that we send.
    PREUPLOAD_BODY_MAX = 32 << 20,
    SHARD_LINE_MAX = 64 << 10, // of the progress of a shard
    // Inside a JSON body.
    JSON_DEPTH_MAX = 32,
    JSON_ITEMS_MAX = 1 << 20,
    // Counts in answers.
    TREE_PAGE_ENTRIES_MAX = 10000,
    REFS_MAX = 100000,
    REPOS_PAGE_MAX = 10000, // of an owner's repositories
    COMMIT_PAGES_MAX = 50,  // of one list of commits
    COMMITS_PAGE_MAX = 10000,
    OWNERS_MAX = 10000, // a user and its organisations
    PLAN_TERMS_MAX = 262144,
    PLAN_RANGES_MAX = 262144,
    PLAN_XORBS_MAX = 16384, // 1 TiB; their hashes could be chosen to collide in our table
    // A git pack: objects, their unpacked bytes, and what a walk of its trees may meet (the
    // same small tree can be entered from a million places).
    GIT_OBJECTS_MAX = 1 << 20,
    GIT_UNPACKED_MAX = 64 << 20,
    GIT_WALK_ENTRIES_MAX = 4 << 20,
    GIT_WALK_DEPTH_MAX = 256,
    GIT_DELTA_DEPTH_MAX = 64,
    // Texts.
    URL_BYTES_MAX = 32 << 10,
    TOKEN_BYTES_MAX = 64000,
    SERVER_TEXT_SIZE = 200, // of a server's sentence that we repeat
    COMMIT_TEXT_MAX = 1000, // of a commit's title or author
    // Redirects of one request.
    REDIRECTS_MAX = 5,
    // Upload grants.
    GRANTS_PER_XORB = 3,
    GRANT_HEADERS_MAX = 32,
    GRANT_HEADER_BYTES_MAX = 4096,
    GRANT_ID_MAX = 200,
    // What is looked at when a reply was lost.
    PULL_PAGES_MAX = 10,
    PULLS_PAGE_MAX = 10000,
    // What is remembered.
    XET_TOKENS_MAX = 256,
    RESOLVED_MAX = 1024,
};

enum {
    CONNECT_TIMEOUT_MS = 10000,
    LOW_SPEED_BYTES_PER_S = 1024,
    LOW_SPEED_S = 15,       // of an attempt
    PATIENCE_DOUBLINGS = 2, // after silent ones: 30 s, 60 s
    DEFAULT_TIMEOUT_MS = 60000,
    RETRY_BASE_MS = 200,
    RETRY_CAP_MS = 5000,
    WRITE_RETRY_BASE_MS = 1000,
    WRITE_RETRY_CAP_MS = 60000,
    WRITE_ATTEMPTS_MAX = 8, // without a deadline
    COMMIT_SILENCE_S = 90,  // the Hub takes up to a minute for a commit
    UPLOAD_SILENCE_S = 60,  // what was uploaded is checked before the answer
    SHARD_SILENCE_S = 90,   // the progress of a shard has something to say every 20 s
    SERVER_WAIT_CAP_MS = 300000, // of Retry-After and RateLimit: one quota window
    BREAKER_FAILURES = 3,
    BREAKER_SPACING_MS = 100, // failures closer together count as one
    BREAKER_PROBE_MS = 5000,
    HOST_SILENCE_MS =
        4000, // then somebody looks whether the host is still there, this long
    HOST_CALM_MS = 15000, // and not again so soon when it is
    TOKEN_FILE_CHECK_MS = 2000,
    XET_TOKEN_MARGIN_S = 60, // a token is renewed this long before it ends
    RESOLVED_LIFE_MS = 600000,
};
