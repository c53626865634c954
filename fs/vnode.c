// SPDX-License-Identifier: Apache-2.0
// Two tables over the same nodes: by number, and by (parent, name) for those that are found again.
// A node is freed when the kernel has forgotten it and nobody works on it; what it says never
// changes while it lives, so whoever holds a reference needs no lock.
#include "fs/vnode.h"

#include "fs/ino.h"

#include <utlist.h>

enum {
    RENDERED_MAX = 1024,
    RENDERED_BYTES_MAX = 16 << 20, // of all rendered files together
    // A larger one is read in pieces, so it is kept for a while after each.
    SMALL_BYTES = 64 << 10,
    AT_REST_MS = 5000,
};

struct vnodes {
    struct lock lock;
    struct vnode *numbers GUARDED_BY(lock);
    struct vnode *names GUARDED_BY(lock);
    uint64_t last_ino GUARDED_BY(lock);
    struct vnode *rendered GUARDED_BY(lock); // least recently used first
    size_t n_rendered GUARDED_BY(lock);
    size_t rendered_bytes GUARDED_BY(lock);
};

enum err vnodes_new(struct vnodes **out)
{
    struct vnodes *vnodes = calloc(1, sizeof(*vnodes));
    if (vnodes == NULL) {
        return ERR_NO_MEMORY;
    }
    lock_init(&vnodes->lock);
    lock_acquire(&vnodes->lock);
    vnodes->last_ino = INO_ROOT;
    lock_release(&vnodes->lock);
    *out = vnodes;
    return ERR_NONE;
}

static void free_node(struct vnode *node)
{
    free(node->text);
    free(node->key);
    free(node);
}

void vnodes_free(struct vnodes *vnodes)
{
    if (vnodes == NULL) {
        return;
    }
    struct vnode *node;
    struct vnode *next;
    lock_acquire(&vnodes->lock); // nobody else has it: this is for the annotations
    HASH_CLEAR(by_key, vnodes->names);
    HASH_ITER (by_ino, vnodes->numbers, node, next) {
        HASH_DELETE(by_ino, vnodes->numbers, node);
        free_node(node);
    }
    lock_release(&vnodes->lock);
    lock_destroy(&vnodes->lock);
    free(vnodes);
}

// -------------------------------------------------------------------------------- making

static uint64_t free_ino(struct vnodes *vnodes) REQUIRES(vnodes->lock)
{
    struct vnode *taken = NULL;
    do {
        vnodes->last_ino++;
        if (ino_is_stored(vnodes->last_ino)) {
            vnodes->last_ino = INO_ROOT + 1;
        }
        HASH_FIND(by_ino, vnodes->numbers, &vnodes->last_ino, sizeof(vnodes->last_ino),
                  taken);
    } while (taken != NULL);
    return vnodes->last_ino;
}

static void add(struct vnodes *vnodes, struct vnode *node, uint64_t ino)
    REQUIRES(vnodes->lock)
{
    node->ino = ino;
    HASH_ADD(by_ino, vnodes->numbers, ino, sizeof(node->ino), node);
    if (node->is_named) {
        HASH_ADD_KEYPTR(by_key, vnodes->names, node->key, node->key_len, node);
    }
}

static void take_out(struct vnodes *vnodes, struct vnode *node) REQUIRES(vnodes->lock)
{
    HASH_DELETE(by_ino, vnodes->numbers, node);
    if (node->is_named) {
        HASH_DELETE(by_key, vnodes->names, node);
    }
    if (node->is_rendered) {
        DL_DELETE(vnodes->rendered, node);
        vnodes->n_rendered--;
        vnodes->rendered_bytes -= node->size;
    }
}

static struct vnode *new_node(uint64_t parent, const struct vnode_type *type,
                              const struct vnode_subject *subject)
{
    struct vnode *node = calloc(1, sizeof(*node));
    if (node != NULL) {
        node->parent = parent;
        node->type = type;
        node->made_s = clock_wall_s();
        if (subject != NULL) {
            node->subject = *subject;
        }
    }
    return node;
}

// A key's bytes: parent, then name, then (after a NUL, which no name has) the text.
static char *make_key(uint64_t parent, const char *name, size_t len, const char *text,
                      size_t *out_len)
{
    size_t text_len = text != NULL ? strlen(text) + 1 : 0;
    size_t key_len = sizeof(parent) + len + text_len;
    char *key = malloc(key_len + 1);
    if (key == NULL) {
        return NULL;
    }
    memcpy(key, &parent, sizeof(parent));
    memcpy(key + sizeof(parent), name, len);
    key[sizeof(parent) + len] = '\0';
    if (text != NULL) {
        memcpy(key + sizeof(parent) + len + 1, text, text_len - 1);
    }
    *out_len = key_len;
    return key;
}

static struct vnode *new_named(uint64_t parent, const struct vnode_type *type,
                               const struct vnode_subject *subject, const char *text,
                               char *key, size_t key_len)
{
    struct vnode *node = new_node(parent, type, subject);
    if (node == NULL) {
        free(key);
        return NULL;
    }
    node->is_named = true;
    node->key = key;
    node->key_len = key_len;
    if (text != NULL && (node->text = strdup(text)) == NULL) {
        free_node(node);
        return NULL;
    }
    node->size = text != NULL ? strlen(text) : 0;
    return node;
}

enum err vnodes_enter(struct vnodes *vnodes, uint64_t parent, const char *name,
                      size_t len, const struct vnode_type *type,
                      const struct vnode_subject *subject, const char *text,
                      struct vnode **out)
{
    size_t key_len = 0;
    char *key = make_key(parent, name, len, text, &key_len);
    struct vnode *made =
        key != NULL ? new_named(parent, type, subject, text, key, key_len) : NULL;
    if (made == NULL) {
        return ERR_NO_MEMORY;
    }
    struct vnode *node = NULL;
    lock_acquire(&vnodes->lock);
    HASH_FIND(by_key, vnodes->names, made->key, made->key_len, node);
    if (node != NULL && node->type != type) {
        HASH_DELETE(by_key, vnodes->names, node); // who holds it keeps it
        node->is_named = false;
        node = NULL;
    }
    if (node == NULL) {
        node = made;
        made = NULL;
        add(vnodes, node, free_ino(vnodes));
    }
    node->n_lookups++;
    lock_release(&vnodes->lock);
    if (made != NULL) {
        free_node(made);
    }
    *out = node;
    return ERR_NONE;
}

static bool has_room(const struct vnodes *vnodes, size_t size) REQUIRES(vnodes->lock)
{
    return vnodes->n_rendered < RENDERED_MAX &&
           size <= RENDERED_BYTES_MAX - vnodes->rendered_bytes;
}

// Frees what is used least lately until there is room for `size` more bytes.
static bool make_room(struct vnodes *vnodes, size_t size) REQUIRES(vnodes->lock)
{
    int64_t now_ms = clock_now_ms();
    struct vnode *node;
    struct vnode *next;
    DL_FOREACH_SAFE(vnodes->rendered, node, next)
    {
        if (has_room(vnodes, size)) {
            return true;
        }
        if (node->references == 0 &&
            (node->size <= SMALL_BYTES || now_ms - node->used_ms >= AT_REST_MS)) {
            take_out(vnodes, node);
            free_node(node);
        }
    }
    return has_room(vnodes, size);
}

static void use(struct vnodes *vnodes, struct vnode *node) REQUIRES(vnodes->lock)
{
    node->references++;
    if (node->is_rendered) {
        node->used_ms = clock_now_ms();
        DL_DELETE(vnodes->rendered, node);
        DL_APPEND(vnodes->rendered, node);
    }
}

static struct vnode *new_rendered(uint64_t parent, const struct vnode_type *type,
                                  const struct buffer *bytes)
{
    struct vnode *node = new_node(parent, type, NULL);
    char *text = node != NULL ? malloc(bytes->len + 1) : NULL;
    if (text == NULL) {
        free(node);
        return NULL;
    }
    if (bytes->len > 0) {
        memcpy(text, buffer_text(bytes), bytes->len);
    }
    text[bytes->len] = '\0';
    node->text = text;
    node->size = bytes->len;
    return node;
}

enum err vnodes_render(struct vnodes *vnodes, uint64_t parent,
                       const struct vnode_type *type, struct buffer *bytes,
                       struct vnode **out)
{
    struct vnode *node = new_rendered(parent, type, bytes);
    if (node == NULL) {
        return ERR_NO_MEMORY;
    }
    lock_acquire(&vnodes->lock);
    bool is_in = make_room(vnodes, node->size);
    if (is_in) {
        vnodes->n_rendered++;
        vnodes->rendered_bytes += node->size;
        node->n_lookups = 1;
        node->is_rendered = true;
        DL_APPEND(vnodes->rendered, node);
        use(vnodes, node);
        add(vnodes, node, free_ino(vnodes));
    }
    lock_release(&vnodes->lock);
    if (!is_in) {
        free_node(node);
        return ERR_BUSY;
    }
    *out = node;
    return ERR_NONE;
}

enum err vnodes_make_root(struct vnodes *vnodes, const struct vnode_type *type)
{
    struct vnode *node = new_node(INO_ROOT, type, NULL);
    if (node == NULL) {
        return ERR_NO_MEMORY;
    }
    lock_acquire(&vnodes->lock);
    node->references = 1; // for good
    add(vnodes, node, INO_ROOT);
    lock_release(&vnodes->lock);
    return ERR_NONE;
}

// ------------------------------------------------------------------------------ life time

static struct vnode *find(struct vnodes *vnodes, uint64_t ino) REQUIRES(vnodes->lock)
{
    struct vnode *node = NULL;
    HASH_FIND(by_ino, vnodes->numbers, &ino, sizeof(ino), node);
    return node;
}

struct vnode *vnodes_get(struct vnodes *vnodes, uint64_t ino)
{
    lock_acquire(&vnodes->lock);
    struct vnode *node = find(vnodes, ino);
    if (node != NULL) {
        use(vnodes, node);
    }
    lock_release(&vnodes->lock);
    return node;
}

void vnodes_put(struct vnodes *vnodes, struct vnode *node)
{
    lock_acquire(&vnodes->lock);
    bool is_last = --node->references == 0 && node->n_lookups == 0;
    if (is_last) {
        take_out(vnodes, node);
    }
    lock_release(&vnodes->lock);
    if (is_last) {
        free_node(node);
    }
}

void vnodes_forget(struct vnodes *vnodes, uint64_t ino, uint64_t n)
{
    lock_acquire(&vnodes->lock);
    struct vnode *node = find(vnodes, ino);
    bool is_last = false;
    if (node != NULL) {
        node->n_lookups -= n < node->n_lookups ? n : node->n_lookups;
        is_last = node->n_lookups == 0 && node->references == 0;
    }
    if (is_last) {
        take_out(vnodes, node);
    }
    lock_release(&vnodes->lock);
    if (is_last) {
        free_node(node);
    }
}

size_t vnodes_count(struct vnodes *vnodes)
{
    lock_acquire(&vnodes->lock);
    size_t n = HASH_CNT(by_ino, vnodes->numbers);
    lock_release(&vnodes->lock);
    return n;
}

// ----------------------------------------------------------------------------- for the types

int64_t vnode_changed_now(struct mount *mount, struct vnode *dir)
{
    (void)mount;
    (void)dir;
    return clock_wall_s();
}

bool vnode_is_named(const char *name, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(name, word, len) == 0;
}
