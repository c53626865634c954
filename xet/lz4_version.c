// SPDX-License-Identifier: Apache-2.0
// Which LZ4 runs here: only xet/ may ask.
#include "xet/xet.h"

#include <lz4.h>

const char *xet_library_version(void)
{
    return LZ4_versionString();
}
