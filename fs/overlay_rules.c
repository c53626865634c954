// SPDX-License-Identifier: Apache-2.0
// What the root's .hubignore says now, as this mount shows it: read again when it is another file or
// has been saved since.
#include "fs/overlay_node.h"

#include "fs/content_read.h"
#include "fs/ignore_rules.h"
#include "fs/mount_parts.h"

#define RULES_NAME ".hubignore"

static enum err prepare(struct overlay *overlay, struct wait_owner *owner,
                        struct why *why)
{
    struct hub_call call = {.class = HUB_PREFETCH, .reason = "hubignore"};
    struct wait *wait = NULL;
    enum err err = wait_begin(owner, &wait);
    if (err == ERR_NONE) {
        overlay_prepare(overlay, INO_ROOT, RULES_NAME, strlen(RULES_NAME), &call,
                        wait_done, wait_ref(wait));
        err = wait_end(owner, wait, why);
        wait_unref(wait);
    }
    return err;
}

// What is to be read: a local file or a number of the base; neither = there is none.
struct rules_file {
    struct local_file *local; // referenced
    uint64_t stored;
    uint64_t generation; // tells it from what was read before
    uint64_t size;
};

static enum err find(struct overlay *overlay, struct rules_file *out)
{
    struct overlay_found found;
    *out = (struct rules_file){.local = NULL};
    lock_acquire(&overlay->lock);
    enum err err =
        overlay_seek(overlay, overlay->root, RULES_NAME, strlen(RULES_NAME), &found);
    if (err == ERR_NONE && found.node != NULL && found.node->file != NULL) {
        struct local_file_info info;
        local_file_info(found.node->file, &info);
        out->local = local_file_ref(found.node->file);
        out->generation = info.generation;
        out->stored = found.node->id;
        out->size = info.size;
    } else if (err == ERR_NONE && found.node == NULL && found.base.kind == ENTRY_FILE) {
        out->stored = found.base.ino;
        out->size = found.base.size;
    }
    lock_release(&overlay->lock);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static enum err read_text(struct overlay *overlay, const struct rules_file *file,
                          struct wait_owner *owner, char *to, struct why *why)
{
    if (file->local != NULL) {
        return local_file_read_whole(file->local, owner, to, (size_t)file->size, why);
    }
    struct content *content = NULL;
    enum err err = content_get(overlay->mount->contents, file->stored, &content);
    if (err == ERR_NONE) {
        err = content->file == NULL
                  ? ERR_ACCESS
                  : content_read(content, owner, 0, to, (size_t)file->size, why);
        content_put(content);
    }
    return err;
}

static enum err load(struct overlay *overlay, const struct rules_file *file,
                     struct wait_owner *owner, struct why *why)
{
    struct ignore_rules *rules = NULL;
    AUTO_FREE char *text = NULL;
    enum err err = file->size <= IGNORE_BYTES_MAX ? ERR_NONE : ERR_TOO_LARGE;
    if (err == ERR_NONE && file->size > 0) {
        text = malloc((size_t)file->size);
        err = text == NULL ? ERR_NO_MEMORY : read_text(overlay, file, owner, text, why);
    }
    if (err == ERR_NONE && text != NULL) {
        err = ignore_rules_parse(text, (size_t)file->size, &rules);
    }
    if (err == ERR_TOO_LARGE) {
        return why_set(why, err, "the .hubignore is too large to be read");
    }
    if (err != ERR_NONE) {
        return err;
    }
    lock_acquire(&overlay->lock);
    struct ignore_rules *old = overlay->rules;
    overlay->rules = rules;
    overlay->rules_of = file->stored;
    overlay->rules_generation = file->generation;
    overlay->has_rules = true;
    lock_release(&overlay->lock);
    ignore_rules_free(old);
    return ERR_NONE;
}

enum err overlay_read_rules(struct overlay *overlay, struct wait_owner *owner,
                            struct why *why)
{
    struct rules_file file;
    enum err err = find(overlay, &file);
    for (int i = 0; err == ERR_ABSENT && i < 3; i++) { // the commit may move meanwhile
        err = prepare(overlay, owner, why);
        err = err == ERR_NONE ? find(overlay, &file) : err;
    }
    if (err != ERR_NONE) {
        return err;
    }
    lock_acquire(&overlay->lock);
    bool is_known = overlay->has_rules && overlay->rules_of == file.stored &&
                    overlay->rules_generation == file.generation;
    lock_release(&overlay->lock);
    err = is_known ? ERR_NONE : load(overlay, &file, owner, why);
    local_file_put(file.local);
    return err;
}
