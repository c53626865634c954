// SPDX-License-Identifier: Apache-2.0
#include "fs/root_ahead.h"

#include "fs/mount_parts.h"

void root_ahead(struct mount *mount)
{
    const struct mount_options *options = mount->options;
    struct snapshot_view view;
    struct tree_dir dir;
    if (mount->is_hub || options->prefetch == PREFETCH_OFF || options->offline) {
        return;
    }
    snapshot_current(mount->snapshot, &view);
    if (tree_store_dir(mount->tree, view.root, &dir) != ERR_ABSENT) {
        return;
    }
    struct hub_call call = mount_demand(mount, "mount");
    call.class = HUB_AHEAD; // who comes to wait for it promotes it
    struct hub_source source = {mount->repo, view.commit};
    namespace_more(mount->namespace, view.root, 0, &call, NULL, NULL);
    cas_expect(mount->hub, &call, &source);
}
