// SPDX-License-Identifier: Apache-2.0
// .hub/revisions: the folders branches, tags, pulls and converts, each with an entry for every ref
// of the repository. A slash in a name is written %2F and a percent sign %25. In a mount of the
// whole Hub an entry is a symlink to NAME@REV beside the repository; in a mount of one repository,
// which has no such place, it is the folder itself.
#pragma once

#include "fs/vnode.h"

// subject.dir: the kernel's number of the root that answers .hub.
extern const struct vnode_type hidden_revisions;
