// SPDX-License-Identifier: Apache-2.0
// Which SQLite runs here: only cache/ may ask.
#include "cache/cache.h"

#include <sqlite3.h>

const char *cache_library_version(void)
{
    return sqlite3_libversion();
}
