// SPDX-License-Identifier: Apache-2.0
// The layers of local_file.h, read from the row alone: the top's bytes, below them those of the
// flight, below them the base's, which are not here; what none has is zeros.
#include "fs/recover_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { COPY_BYTES = 1 << 20 };

static enum err copy_layer(const struct journal_layer *from, struct journal_layer *out)
{
    struct range_set ranges = range_set_init();
    enum err err = range_set_copy(&from->ranges, &ranges);
    if (err == ERR_NONE) {
        *out = *from;
        out->ranges = ranges;
    }
    return err;
}

enum err recover_file_of(const struct journal_inode *row, struct recover_file *out)
{
    struct recover_file file = {.id = row->id, .has_base = row->base_len > 0};
    file.path = strdup(row->path != NULL ? row->path : "");
    file.error = strdup(row->error != NULL ? row->error : "");
    enum err err = file.path != NULL && file.error != NULL ? ERR_NONE : ERR_NO_MEMORY;
    err = err ? err : copy_layer(&row->top, &file.top);
    err = err ? err : copy_layer(&row->flight, &file.flight);
    if (err) {
        recover_file_release(&file);
        return err;
    }
    *out = file;
    return ERR_NONE;
}

void recover_file_release(struct recover_file *file)
{
    free(file->path);
    free(file->error);
    range_set_release(&file->top.ranges);
    range_set_release(&file->flight.ranges);
    *file = (struct recover_file){.id = 0};
}

// A run of bytes that come from one place.
enum recover_source { SOURCE_TOP, SOURCE_FLIGHT, SOURCE_BASE, SOURCE_ZEROS };

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// Where the byte at `offset` comes from; *end moves down to where that may change.
static enum recover_source source_at(const struct recover_file *file, uint64_t offset,
                                     uint64_t *end)
{
    uint64_t change;
    const struct journal_layer *layers[] = {&file->top, &file->flight};
    for (size_t i = 0; i < 2; i++) {
        const struct journal_layer *layer = layers[i];
        if (i > 0 && layer->number == 0) {
            break;
        }
        bool is_here = range_set_next(&layer->ranges, offset, &change);
        *end = smaller(*end, change);
        if (is_here && layer->number != 0) {
            return i == 0 ? SOURCE_TOP : SOURCE_FLIGHT;
        }
        if (offset >= layer->below_valid) {
            return SOURCE_ZEROS;
        }
        *end = smaller(*end, layer->below_valid);
    }
    return file->has_base ? SOURCE_BASE : SOURCE_ZEROS;
}

uint64_t recover_file_missing(const struct recover_file *file)
{
    uint64_t missing = 0;
    for (uint64_t at = 0; at < file->top.size;) {
        uint64_t end = file->top.size;
        if (source_at(file, at, &end) == SOURCE_BASE) {
            missing += end - at;
        }
        at = end;
    }
    return missing;
}

static enum err copy_run(int from, int to, uint64_t at, uint64_t end, uint8_t *bytes)
{
    enum err err = ERR_NONE;
    while (err == ERR_NONE && at < end) {
        size_t len = (size_t)smaller(COPY_BYTES, end - at);
        err = file_pread(from, bytes, len, at);
        err = err ? err : file_pwrite(to, bytes, len, at);
        at += len;
    }
    return err;
}

static enum err copy_runs(const struct recover_file *file, struct journal *journal,
                          int to, struct why *why)
{
    AUTO_CLOSE int top = -1;
    AUTO_CLOSE int flight = -1;
    AUTO_FREE uint8_t *bytes = malloc(COPY_BYTES);
    struct staging *staging = journal_staging(journal);
    enum err err = bytes != NULL ? ERR_NONE : ERR_NO_MEMORY;
    if (err == ERR_NONE && file->top.number != 0) {
        err = staging_open(staging, file->id, file->top.number, why, &top);
    }
    if (err == ERR_NONE && file->flight.number != 0) {
        err = staging_open(staging, file->id, file->flight.number, why, &flight);
    }
    for (uint64_t at = 0; err == ERR_NONE && at < file->top.size;) {
        uint64_t end = file->top.size;
        enum recover_source source = source_at(file, at, &end);
        if (source == SOURCE_BASE) {
            return ERR_ABSENT;
        }
        if (source != SOURCE_ZEROS) {
            err = copy_run(source == SOURCE_TOP ? top : flight, to, at, end, bytes);
        }
        at = end;
    }
    if (err == ERR_NONE &&
        (file->top.size > INT64_MAX || ftruncate(to, (off_t)file->top.size) != 0)) {
        err = err_from_errno(errno);
    }
    return err == ERR_NONE && fsync(to) != 0 ? err_from_errno(errno) : err;
}

enum err recover_file_copy(const struct recover_file *file, struct journal *journal,
                           const char *path, struct why *why)
{
    if (recover_file_missing(file) > 0) {
        return ERR_ABSENT;
    }
    AUTO_FREE char *folder = strdup(path);
    AUTO_CLOSE int to = -1;
    char *slash = folder != NULL ? strrchr(folder, '/') : NULL;
    if (slash == NULL) {
        return folder != NULL ? ERR_USAGE : ERR_NO_MEMORY;
    }
    *slash = '\0';
    enum err err = file_make_dirs(folder, 0700, why);
    err = err ? err
              : file_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, why, &to);
    if (err) {
        return err;
    }
    err = copy_runs(file, journal, to, why);
    if (err) {
        unlink(path);
        return why != NULL && why->text[0] != '\0'
                   ? err
                   : why_set(why, err, "cannot copy to %s: %s", path, err_sentence(err));
    }
    const int64_t second_ns = 1000000000;
    struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {file->top.mtime_ns / second_ns, (long)(file->top.mtime_ns % second_ns)}};
    if (file->top.mtime_ns > 0 && futimens(to, times) != 0) {
        log_debug("fs", "the time of %s could not be kept", path);
    }
    return ERR_NONE;
}
