// SPDX-License-Identifier: Apache-2.0
// The inside of struct index_writer: the statements that change index.db. For index_writer.c
// and index_segments.c only.
#pragma once

#include "cache/index_writer.h"

#include <sys/types.h>

enum change {
    GET_OBJECT,
    ADD_OBJECT,
    RUN_AT,
    RUN_AFTER,
    ADD_RUN,
    DELETE_RUN,
    ADD_SEGMENT,
    PUT_SEGMENT,
    DELETE_SEGMENT,
    DELETE_SEGMENT_RUNS,
    CUT_SEGMENT_RUNS,
    FIND_SEGMENT,
    NEXT_SEGMENT,
    SUM_SEGMENTS,
    SEGMENT_RUNS,
    CHANGES,
};

struct index_writer {
    char *path;
    sqlite3 *db;
    dev_t device;
    ino_t inode;
    sqlite3_stmt *statements[CHANGES];
};

// Steps a deletion whose only parameter is an id.
NODISCARD enum err index_delete_by(struct index_writer *writer, enum change change,
                                   int64_t id);
