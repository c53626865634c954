// SPDX-License-Identifier: Apache-2.0
// --version: hugfs, then the versions of the libraries that run with it, which are not
// always those it was built with.
#include "fs/help.h"

#include "cache/cache.h"
#include "hub/hub.h"
#include "xet/xet.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <linux/fuse.h>

void version_print(void)
{
    const char *blake3 = xet_blake3_implementation();
    // The scalar code is five to ten times slower than the network: worth a word.
    const char *remark = strcmp(blake3, "scalar") == 0
                             ? " (slow: this CPU or this build has no vector code)"
                             : "";
    printf("hugfs %s\n", HUGFS_VERSION);
    printf("libfuse %s\n", fuse_pkgversion());
    printf("FUSE kernel interface %d.%d\n", FUSE_KERNEL_VERSION,
           FUSE_KERNEL_MINOR_VERSION);
    printf("%s\n", hub_library_version());
    printf("SQLite %s\n", cache_library_version());
    printf("LZ4 %s\n", xet_library_version());
    printf("BLAKE3: %s%s\n", blake3, remark);
}
