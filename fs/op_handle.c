// SPDX-License-Identifier: Apache-2.0
// A handle is made by OPEN or CREATE and freed by RELEASE, or when the kernel has given the request up.
#include "fs/op_handle.h"

#include "fs/overlay.h"

enum err op_handle_new(struct overlay *overlay, struct fuse_file_info *file_info,
                       uint64_t ino, struct local_file *file)
{
    struct op_handle *handle = calloc(1, sizeof(*handle));
    if (handle == NULL) {
        overlay_closed(overlay, ino);
        local_file_put(file);
        return ERR_NO_MEMORY;
    }
    *handle = (struct op_handle){.overlay = overlay, .ino = ino, .file = file};
    file_info->fh = (uintptr_t)handle;
    // Pages of a number never go stale: only this kernel changes what they hold.
    file_info->keep_cache = 1;
    return ERR_NONE;
}

struct op_handle *op_handle_of(const struct fuse_file_info *file_info)
{
    return file_info != NULL ? (struct op_handle *)(uintptr_t)file_info->fh : NULL;
}

void op_handle_free(struct fuse_file_info *file_info)
{
    struct op_handle *handle = op_handle_of(file_info);
    if (handle != NULL) {
        if (handle->file != NULL) {
            overlay_closed(handle->overlay, handle->ino);
        }
        local_file_put(handle->file);
        buffer_release(&handle->message);
        free(handle);
        file_info->fh = 0;
    }
}
