// SPDX-License-Identifier: Apache-2.0
// The parts of a mount that know names, made and taken down.
#include "fs/hub_folders.h"
#include "fs/mount_parts.h"
#include "fs/tree_walk.h"

enum err mount_open_names(struct mount *mount)
{
    const struct mount_options *options = mount->options;
    enum err err =
        locator_new(mount->hub, mount->tree, options->endpoint, &mount->locator);
    if (err == ERR_NONE) {
        err = heads_new(mount->hub, mount->tree, mount->locator, options->poll_ms,
                        &mount->heads);
    }
    if (err == ERR_NONE) {
        err = tree_walks_new(mount->hub, mount->tree, mount->locator,
                             mount->options->timeout_ms, &mount->walks);
    }
    if (err == ERR_NONE) {
        err = namespace_new(mount->hub, mount->tree, mount->locator, mount->walks,
                            &mount->namespace);
    }
    if (err == ERR_NONE) {
        err = places_new(&mount->places);
    }
    if (err == ERR_NONE) {
        err = vnodes_new(&mount->vnodes);
    }
    return err == ERR_NONE ? snapshot_new(&mount->snapshot) : err;
}

enum err mount_open_hub_folders(struct mount *mount)
{
    const char *endpoint = mount->options->endpoint;
    enum err err = accounts_new(mount->hub, mount->tree, endpoint, &mount->accounts);
    if (err == ERR_NONE) {
        err = owner_lists_new(mount->hub, mount->tree, endpoint, &mount->owner_lists);
    }
    return err == ERR_NONE ? vnodes_make_root(mount->vnodes, &hub_folder_root) : err;
}

void mount_close_names(struct mount *mount)
{
    owner_lists_free(mount->owner_lists);
    accounts_free(mount->accounts);
    snapshot_free(mount->snapshot);
    vnodes_free(mount->vnodes);
    places_free(mount->places);
    namespace_free(mount->namespace);
    tree_walks_free(mount->walks);
    heads_free(mount->heads);
    locator_free(mount->locator);
}
