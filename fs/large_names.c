// SPDX-License-Identifier: Apache-2.0
// The names in the .gitattributes that the Hub puts into each new repository, and GGUF, whose repositories
// add it.
#include "fs/large_names.h"

#include "fs/name_pattern.h"

static const char *const names[] = {
    "*.7z",   "*.arrow", "*.bin",    "*.bz2",         "*.ckpt",    "*.ftz",     "*.gguf",
    "*.gz",   "*.h5",    "*.joblib", "*.mlmodel",     "*.model",   "*.msgpack", "*.npy",
    "*.npz",  "*.onnx",  "*.ot",     "*.parquet",     "*.pb",      "*.pickle",  "*.pkl",
    "*.pt",   "*.pth",   "*.rar",    "*.safetensors", "*.tar",     "*.tflite",  "*.tgz",
    "*.wasm", "*.xz",    "*.zip",    "*.zst",         "*tfevents*"};

bool large_name_is_usual(const char *name)
{
    return name_matches_any(name, names, sizeof(names) / sizeof(*names), 0);
}
