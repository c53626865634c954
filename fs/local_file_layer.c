// SPDX-License-Identifier: Apache-2.0
// A layer's staging file: in memory while the layer may travel in its row, on the disk when it has
// grown out of that.
#include "fs/local_file_inside.h"

struct layer local_file_no_layer(void)
{
    return (struct layer){.fd = -1};
}

void local_file_end_scan(struct layer *layer)
{
    local_scan_put(STEAL_POINTER(layer->scan));
    layer->has_no_scan = true;
}

static struct staging *staging_of(const struct local_file *file)
{
    return journal_staging(file->parts.journal);
}

void local_file_release_layer(struct local_file *file, struct layer *layer)
{
    local_file_end_scan(layer);
    if (layer->is_in_memory) {
        staging_close_small(staging_of(file), layer->fd);
    } else if (layer->fd >= 0) {
        close(layer->fd);
    }
    range_set_release(&layer->ranges);
    *layer = local_file_no_layer();
}

// What is on its way is left alone: a new one lies over it.
enum err local_file_ensure_top(struct local_file *file, struct why *why)
{
    if (has_layer(&file->top)) {
        return ERR_NONE;
    }
    struct layer layer = local_file_no_layer();
    uint32_t number = file->last_number + 1;
    enum err err = staging_create_small(staging_of(file), file->id, number, why,
                                        &layer.fd, &layer.is_in_memory);
    if (err != ERR_NONE) {
        return err;
    }
    layer.number = number;
    layer.below_valid = file->size;
    file->last_number = number;
    file->top = layer;
    return ERR_NONE;
}

enum err local_file_make_room(struct local_file *file, struct layer *layer, uint64_t end,
                              size_t n_ranges, struct why *why)
{
    bool stays_small =
        end <= JOURNAL_SMALL_BYTES && layer->ranges.n + n_ranges <= JOURNAL_SMALL_RANGES;
    if (stays_small || !layer->is_in_memory) {
        return ERR_NONE;
    }
    enum err err =
        staging_settle(staging_of(file), file->id, layer->number, layer->fd, why);
    layer->is_in_memory = err != ERR_NONE;
    return err;
}
