// SPDX-License-Identifier: Apache-2.0
// What `hugfs mount` was asked for, after command line, environment and configuration files
// have been merged (command line > environment > user > system). Filled by
// mount_options.c; read by everything else in fs/.
#pragma once

#include "base/base.h"

#include <stdint.h>

// What is mounted: [hf://][models/|datasets/|spaces/]OWNER/NAME[@REV][/SUBDIR], or hf:// alone: the
// whole Hub.
struct address {
    bool is_hub; // the rest is empty then
    struct repo_id repo;
    char revision[REVISION_SIZE];    // "" = the default branch
    char subdir[PATH_BYTES_MAX + 1]; // "" = the root; legal by path_is_legal()
};

// When what was saved is committed.
enum commit_mode {
    COMMIT_AUTO,   // after a while of quiet
    COMMIT_MANUAL, // by `hugfs commit`, and when much waits
    COMMIT_CLOSE,  // close() and fsync() return when the Hub has it
};

// What is fetched that nobody has asked for yet.
enum prefetch_mode {
    PREFETCH_AUTO, // footers; the rest of a file that is read here and there again and again
    PREFETCH_OFF, // only the window of who reads in order
    PREFETCH_WHOLE, // the rest of each file of which anything is read and that the cache has room for
};

struct mount_options {
    struct address address;
    char *mount_point; // absolute
    char *
        cache_dir; // absolute; default $HUGFS_CACHE_DIR, $XDG_CACHE_HOME/hugfs, /var/cache/hugfs (root without HOME)
    uint64_t cache_size; // bytes; default 10 GiB
    uint64_t
        free_floor; // bytes to leave free on the cache's device; default min(1 GiB, 5 % of it)
    bool writable; // rw; the fields up to `branch` matter then alone
    // Absolute; default $HUGFS_STATE_DIR, $XDG_STATE_HOME/hugfs, ~/.local/state/hugfs,
    // /var/lib/hugfs (root without HOME). NULL where there is no place and nobody writes; state_folder.h says what lies in it.
    char *state_dir;
    enum commit_mode commit_mode;
    int64_t quiet_ms;     // default 2,000, or max_delay_ms where that is shorter
    int64_t max_delay_ms; // default 30,000, or quiet_ms where that is longer
    bool as_pull;         // pr; not together with a branch
    char *branch;         // branch=NAME; NULL = commit to what is mounted
    char *
        endpoint; // without trailing slash; default $HF_ENDPOINT or https://huggingface.co
    char *token_file; // NULL = by the environment
    char *ca_file;    // NULL = $SSL_CERT_FILE or the system's
    int64_t poll_ms;  // how often a branch's head is asked for; 0 = never; default 60,000
    int64_t timeout_ms; // deadline of one request; default 60,000
    enum prefetch_mode prefetch;
    uint64_t max_rate;  // bytes/s for read-ahead and prefetch; 0 = no limit
    unsigned max_conns; // data connections; 0 = 24
    bool offline;
    bool insecure_http;
    bool allow_other;
    bool foreground; // -f
    bool fuse_debug; // -d
    bool nonempty;   // mount over a folder that has something in it
    bool has_uid, has_gid, has_umask;
    uint32_t uid, gid, umask;
    char *log_file;   // log=PATH, NULL = stderr in the foreground, syslog otherwise
    char *debug;      // debug=http,xet
    char *fuse_extra; // options handed to libfuse as they are, comma separated, or NULL
};

// Frees the strings; the struct is zero afterwards.
void mount_options_release(struct mount_options *options);

// ---- for the command line

// The defaults that need neither the machine nor the environment.
void mount_options_init(struct mount_options *options);

// Applies one option as it stands after -o or in a configuration file: "cache_size=10G",
// "offline", "offline=no". A later one replaces an earlier one. ERR_USAGE, or ERR_UNSUPPORTED
// for what later versions will do, with a sentence that names the option and never repeats
// what could be a secret.
NODISCARD enum err mount_options_set(struct mount_options *options, const char *text,
                                     struct why *why);

// Fills what is still open (cache folder, endpoint, floor of free space) and checks what
// only the whole shows. `mount_point` may be NULL: `hugfs cache` has none.
NODISCARD enum err mount_options_finish(struct mount_options *options, struct why *why);
