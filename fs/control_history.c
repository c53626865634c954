// SPDX-License-Identifier: Apache-2.0
// Where does the path lie, is the fact here, else ask for it, then tell it. Each step is a callback
// of the one before; the request holds a reference to its peer to the end.
#include "fs/control_history.h"

#include "fs/mount_parts.h"
#include "fs/render.h"
#include "fs/repo_facts.h"

enum { ANSWER_MAX = 512 << 10 }; // what a memo of 64 KiB can grow to as JSON, and air

struct history {
    struct mount *mount;
    struct control_peer *peer;
    enum control_verb verb;
    enum render_format format;
    struct hub_call call;
    struct hidden_about about;
    char revision[REVISION_SIZE];
};

static void end(struct history *history, enum err err, const struct why *why)
{
    control_peer_end(history->peer, err, why);
    control_peer_unref(history->peer);
    free(history);
}

// ------------------------------------------------------------------------------- the refs

struct collected {
    struct repo_ref *refs;
    size_t n;
    enum err err;
};

static bool collect(void *ctx, const struct repo_ref *ref)
{
    struct collected *collected = ctx;
    enum { STEP = 256 };
    if (collected->n % STEP == 0) {
        struct repo_ref *grown =
            reallocarray(collected->refs, collected->n + STEP, sizeof(*grown));
        if (grown == NULL) {
            collected->err = ERR_NO_MEMORY;
            return false;
        }
        collected->refs = grown;
    }
    struct repo_ref copy = *ref;
    copy.name = strdup(ref->name);
    if (copy.name == NULL) {
        collected->err = ERR_NO_MEMORY;
        return false;
    }
    collected->refs[collected->n++] = copy;
    return true;
}

static void collected_release(struct collected *collected)
{
    for (size_t i = 0; i < collected->n; i++) {
        char *name = NULL;
        memcpy(&name, &collected->refs[i].name, sizeof(name)); // ours, though const
        free(name);
    }
    free(collected->refs);
}

static enum err write_refs(struct history *history, bool any_age, struct buffer *out)
{
    AUTO(collected) struct collected collected = {.n = 0};
    enum err err =
        repo_refs_visit(history->mount, history->about.row, any_age, collect, &collected);
    err = err != ERR_NONE ? err : collected.err;
    if (err != ERR_NONE) {
        return err;
    }
    const struct repo_refs refs = {.repo = history->about.repo,
                                   .commit = history->about.commit,
                                   .revision = history->revision,
                                   .refs = collected.refs,
                                   .n = collected.n};
    return render_repo_refs(&refs, history->format, out);
}

// ------------------------------------------------------------------------------ the steps

// ERR_ABSENT: it must be asked for.
static enum err tell(struct history *history, bool was_asked)
{
    AUTO(buffer) struct buffer text = buffer_init(ANSWER_MAX);
    enum err err =
        history->verb == CONTROL_LOG
            ? repo_log_peek(history->mount, &history->about, history->format, &text)
            : write_refs(history, was_asked, &text);
    if (err == ERR_NONE) {
        control_peer_output(history->peer, buffer_text(&text), text.len);
    }
    return err;
}

static void on_asked(void *ctx, enum err err, const struct why *why)
{
    struct history *history = ctx;
    if (err == ERR_NONE) {
        err = tell(history, true);
        why = NULL;
    }
    end(history, err, why);
}

static void on_located(void *ctx, enum err err, const struct why *why,
                       const struct located *located)
{
    struct history *history = ctx;
    struct mount *mount = history->mount;
    if (err == ERR_NONE) {
        history->about = (struct hidden_about){.repo = located->source.repo,
                                               .row = located->node.repo,
                                               .commit = located->source.sha};
        memcpy(history->revision, located->revision, sizeof(history->revision));
        err = tell(history, false);
        why = NULL;
    }
    if (err != ERR_ABSENT) {
        end(history, err, why);
    } else if (history->verb == CONTROL_LOG) {
        repo_log_ask(mount, &history->about, &history->call, on_asked, history);
    } else {
        repo_refs_ask(mount, &history->about.repo, history->about.row, &history->call,
                      on_asked, history);
    }
}

void control_history_run(struct mount *mount, struct control_peer *peer,
                         const struct control_request *request)
{
    struct history *history = calloc(1, sizeof(*history));
    if (history == NULL) {
        control_peer_end(peer, ERR_NO_MEMORY, NULL);
        return;
    }
    history->mount = mount;
    history->peer = control_peer_ref(peer);
    history->verb = request->verb;
    history->format = request->format;
    history->call =
        mount_demand(mount, request->verb == CONTROL_LOG ? "log" : "revisions");
    struct hub_call call = history->call; // the request may be over before this returns
    mount_locate(mount, request->path, &call, on_located, history);
}
