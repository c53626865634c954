// SPDX-License-Identifier: Apache-2.0
// The guess is one 64th of the file, at least 256 KiB and at most 4 MiB: the footer of a Parquet file is
// about 1 % of it, up to a few MiB where it has thousands of columns. The format is told by the name, for
// nothing of the content is known when its first read is one of its end.
//
//   Parquet            footer, its length and "PAR1"      parquet.apache.org/docs/file-format
//   ORC                file footer and postscript         orc.apache.org/specification
//   Arrow, Feather     footer, its length and "ARROW1"    arrow.apache.org/docs/format/Columnar.html
//   zip: torch.save(), numpy.savez(), archives            central directory, APPNOTE.TXT 4.3
#include "fs/footer.h"

#include "fs/name_pattern.h"

// What readers of such files ask for first, at most.
#define LAST_BYTES (UINT64_C(64) << 10)
#define GUESS_MIN (UINT64_C(256) << 10)
#define GUESS_MAX (UINT64_C(4) << 20)

static const char *const names[] = {
    "*.parquet", "*.orc", "*.arrow", "*.feather", "*.zip",
    "*.npz",     "*.pt",  "*.pth",   "*.ckpt",    "pytorch_model*.bin"};

uint64_t footer_guess(const char *path, uint64_t size, uint64_t offset, uint64_t len)
{
    if (offset >= size || size - offset > len + LAST_BYTES ||
        !name_tells_format(path, names, sizeof(names) / sizeof(*names))) {
        return 0;
    }
    uint64_t guess = size / 64 > GUESS_MIN ? size / 64 : GUESS_MIN;
    guess = guess < GUESS_MAX ? guess : GUESS_MAX;
    return guess < size ? guess : size;
}
