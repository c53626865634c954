// SPDX-License-Identifier: Apache-2.0
// Rings: what was forgotten is merely looked at more closely, or asked about.
#include "fs/commit_own.h"

static void release(struct commit_marks *marks)
{
    for (size_t i = 0; i < COMMIT_MARKS_MAX; i++) {
        free(marks->list[i].path);
    }
}

static void note(struct commit_marks *marks, const char *path, const struct oid *oid)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        return;
    }
    struct commit_mark *mark = &marks->list[marks->n++ % COMMIT_MARKS_MAX];
    free(mark->path);
    *mark = (struct commit_mark){.path = copy, .exists = oid != NULL};
    if (oid != NULL) {
        mark->oid = *oid;
    }
}

static bool says(const struct commit_mark *mark, const char *path, const struct oid *oid)
{
    return mark->path != NULL && mark->exists == (oid != NULL) &&
           strcmp(mark->path, path) == 0 && (oid == NULL || oid_equal(&mark->oid, oid));
}

static bool has(const struct commit_marks *marks, const char *path, const struct oid *oid)
{
    for (size_t i = 0; i < COMMIT_MARKS_MAX; i++) {
        if (says(&marks->list[i], path, oid)) {
            return true;
        }
    }
    return false;
}

void commit_own_release(struct commit_own *own)
{
    release(&own->sent);
    release(&own->brought);
    *own = (struct commit_own){.n_steps = 0};
}

void commit_own_note_step(struct commit_own *own, const struct oid *parent,
                          const struct oid *child)
{
    own->steps[own->n_steps++ % COMMIT_STEPS_MAX] = (struct commit_step){*parent, *child};
}

bool commit_own_leads(const struct commit_own *own, const struct oid *from,
                      const struct oid *to)
{
    struct oid at = *to;
    size_t kept = own->n_steps < COMMIT_STEPS_MAX ? own->n_steps : COMMIT_STEPS_MAX;
    for (size_t i = 0; i < kept && !oid_equal(&at, from); i++) {
        const struct commit_step *step =
            &own->steps[(own->n_steps - 1 - i) % COMMIT_STEPS_MAX];
        if (oid_equal(&step->child, &at)) {
            at = step->parent;
        }
    }
    return oid_equal(&at, from);
}

void commit_own_note_sent(struct commit_own *own, const char *path, const struct oid *oid)
{
    note(&own->sent, path, oid);
}

void commit_own_forget_sent(struct commit_own *own, const char *path)
{
    for (size_t i = 0; i < COMMIT_MARKS_MAX; i++) {
        struct commit_mark *mark = &own->sent.list[i];
        if (mark->path != NULL && strcmp(mark->path, path) == 0) {
            free(mark->path);
            mark->path = NULL;
        }
    }
}

void commit_own_take_back(struct commit_own *own, const char *path, const struct oid *oid)
{
    struct commit_marks *sent = &own->sent;
    size_t kept = sent->n < COMMIT_MARKS_MAX ? sent->n : COMMIT_MARKS_MAX;
    for (size_t i = 0; i < kept; i++) {
        struct commit_mark *mark = &sent->list[(sent->n - 1 - i) % COMMIT_MARKS_MAX];
        if (says(mark, path, oid)) {
            free(mark->path);
            mark->path = NULL;
            return;
        }
    }
}

bool commit_own_has_sent(const struct commit_own *own, const char *path,
                         const struct oid *oid)
{
    return has(&own->sent, path, oid);
}

void commit_own_note_brought(struct commit_own *own, const char *path,
                             const struct oid *oid)
{
    note(&own->brought, path, oid);
}

bool commit_own_has_brought(const struct commit_own *own, const char *path,
                            const struct oid *oid)
{
    return has(&own->brought, path, oid);
}
