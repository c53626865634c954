// SPDX-License-Identifier: Apache-2.0
// The header of a model of some thousand tensors is 100 to 700 KB. The kernel's first read of a mapped file
// behind the header is 512 KiB long, so 768 KiB answer that one too for most files, and are not much for
// who only looks at the header.
//
//   safetensors   length of the header in 8 bytes, JSON     huggingface.co/docs/safetensors
//   GGUF          metadata and tensor infos                 github.com/ggml-org/ggml docs/gguf.md
#include "fs/header.h"

#include "fs/name_pattern.h"

#define HEADER_GUESS (UINT64_C(768) << 10)

static const char *const names[] = {"*.safetensors", "*.gguf"};

uint64_t header_guess(const char *path, uint64_t offset, uint64_t len)
{
    bool is_header = offset == 0 && len < HEADER_GUESS &&
                     name_tells_format(path, names, sizeof(names) / sizeof(*names));
    return is_header ? HEADER_GUESS - len : 0;
}
