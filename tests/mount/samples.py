# SPDX-License-Identifier: Apache-2.0
"""Contents whose bytes are known: made from a seed, so that a failure can be made again.

The kinds of bytes matter to Xet: bf16 weights compress by BG4 + LZ4, text by LZ4, noise not at
all; runs of zeros and repeated parts make a plan name the same chunk twice.
"""

import json
import random
from pathlib import Path

import numpy

WORDS = "the of a hub file chunk model tensor weight token layer norm query key value bias head".split()
# One byte on either side of what the kernel and the store count in: pages, blocks, requests.
EDGES = (4095, 4096, 4097, 65535, 65536, 65537, 131071, 131072, 131073)


def weights(size, seed):
    """bf16 numbers as a trained layer has them."""
    numbers = numpy.random.default_rng(seed).normal(0, 0.02, size // 2 + 1).astype(numpy.float32)
    return (numbers.view(numpy.uint32) >> 16).astype(numpy.uint16).tobytes()[:size]


def noise(size, seed):
    """Bytes that nothing compresses."""
    return numpy.random.default_rng(seed).bytes(size)


def text(size, seed):
    """Words in lines, as bytes."""
    source = random.Random(seed)
    lines = [" ".join(source.choices(WORDS, k=12)) + f" {number}\n" for number in range(2000)]
    data = bytearray()
    while len(data) < size:
        source.shuffle(lines)
        data += "".join(lines).encode()
    return bytes(data[:size])


def mixed(size, seed):
    """All kinds, in parts of odd lengths, with zeros and repetitions between them."""
    source = random.Random(seed)
    data = bytearray()
    makers = (weights, noise, text, lambda length, _: bytes(length))
    while len(data) < size:
        if len(data) > 400_000 and source.random() < 0.2:
            start = source.randrange(len(data) - 300_000)
            data += data[start : start + 300_000]
        else:
            data += source.choice(makers)(source.randrange(100_000, 700_000), source.randrange(1 << 30))
    return bytes(data[:size])


def write_tree(folder, files):
    """Write {path: bytes or str} below a folder."""
    for name, data in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return Path(folder)


def sample_files(scale=1 << 20):
    """The files of acme/sample; the large ones are a few times `scale` bytes."""
    files = {
        "README.md": "# A sample\n\nFor the mount tests.\n",
        "config.json": json.dumps({"model_type": "sample", "hidden_size": 384}, indent=2) + "\n",
        "empty.txt": b"",
        "one-byte.txt": b"x",
        "notes/deep/er/leaf.txt": "a leaf\n",
        "notes/first.txt": "the first note\n",
        "model.safetensors": safetensors_bytes({f"layer.{n}": (n + 1) * scale // 4 for n in range(7)}),
        "mixed.bin": mixed(9 * scale + 12345, 7),
        "prompts.bin": text(3 * scale + 1, 8),
        "noise.bin": noise(2 * scale + 77, 9),
    }
    return files | {f"edges/{size}.txt": text(size, size) for size in EDGES}


def safetensors_bytes(tensors, seed=1):
    """A safetensors file of bf16 vectors, written by hand: {name: length}."""
    header, offset, parts = {}, 0, []
    for number, (name, length) in enumerate(tensors.items()):
        header[name] = {"dtype": "BF16", "shape": [length], "data_offsets": [offset, offset + 2 * length]}
        parts.append(weights(2 * length, seed + number))
        offset += 2 * length
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + b"".join(parts)


def write_big(path, size, seed=5):
    """A file of `size` bytes in parts of 64 MiB, so that memory stays small."""
    part = 64 << 20
    with open(path, "wb") as file:
        for number, start in enumerate(range(0, size, part)):
            file.write(weights(min(part, size - start), seed * 1000 + number))
