// SPDX-License-Identifier: Apache-2.0
// The public header of base/: the small foundation that every folder stands on. It knows
// nothing of HTTP, FUSE, SQLite or Xet.
#pragma once

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/crc32c.h"
#include "base/cursor.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/event_loop.h"
#include "base/file_io.h"
#include "base/hash_table.h"
#include "base/json_write.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/path_check.h"
#include "base/random.h"
#include "base/repo_id.h"
#include "base/sha.h"
#include "base/tree_entry.h"
#include "base/utf8.h"
#include "base/why.h"
#include "base/worker_pool.h"
