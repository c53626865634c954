// SPDX-License-Identifier: Apache-2.0
// The folders above the repositories of a mount of the whole Hub:
//
//   /                         models, datasets, spaces, hf-cache
//   /models                   OWNER: any by name; listed are those of accounts.h
//   /models/OWNER             NAME and NAME@REV: any by name; listed as owner_lists.h says
//
// NAME is the root of the commit that the revision stands at, or a symlink to the canonical
// spelling of a repository that was renamed.
#pragma once

#include "fs/vnode.h"

extern const struct vnode_type hub_folder_root;
extern const struct vnode_type hub_folder_kind;
extern const struct vnode_type hub_folder_owner;
