// SPDX-License-Identifier: Apache-2.0
// The error table, and the way from errno into it.

#include "base/err.h"

#include <errno.h>
#include <stddef.h>

struct err_row {
    const char *name;
    const char *sentence;
    int errno_value;
    int exit_status;
    bool retriable;
};

static const struct err_row ROWS[ERR_COUNT] = {
#define X(code, errno_value, exit_status, retriable, sentence)                           \
    [code] = {#code, sentence, errno_value, exit_status, retriable},
#include "base/err.def"
#undef X
};

// A number that is no error of ours (a bug of the caller) is told as ERR_SYSTEM.
static const struct err_row *row_of(enum err err)
{
    size_t index = (size_t)err;
    return &ROWS[index < ERR_COUNT ? index : ERR_SYSTEM];
}

const char *err_name(enum err err)
{
    return row_of(err)->name;
}

int err_errno(enum err err)
{
    return row_of(err)->errno_value;
}

int err_exit_status(enum err err)
{
    return row_of(err)->exit_status;
}

bool err_is_retriable(enum err err)
{
    return row_of(err)->retriable;
}

const char *err_sentence(enum err err)
{
    return row_of(err)->sentence;
}

// A switch and not a search in the table: several rows share an errno (EIO above all), and
// which one a failed system call means is a decision.
enum err err_from_errno(int errno_value)
{
    switch (errno_value) {
    case 0:
        return ERR_NONE;
    case ENOMEM:
        return ERR_NO_MEMORY;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_NO_SPACE;
    case EROFS:
        return ERR_READ_ONLY;
    case EACCES:
    case EPERM:
        return ERR_ACCESS;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EBUSY:
    case ETXTBSY:
        return ERR_BUSY;
    case ENOTDIR:
        return ERR_NOT_DIRECTORY;
    case EISDIR:
        return ERR_IS_DIRECTORY;
    case ENAMETOOLONG:
        return ERR_NAME_TOO_LONG;
    case ESTALE:
        return ERR_STALE;
    case EINTR:
        return ERR_INTERRUPTED;
    case ECANCELED:
        return ERR_CANCELLED;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTUNREACH:
    case ECONNREFUSED:
        return ERR_OFFLINE;
    case ENOTSUP:
    case ENOSYS:
        return ERR_UNSUPPORTED;
    default:
        return ERR_SYSTEM;
    }
}
