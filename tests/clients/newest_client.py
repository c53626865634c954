#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The newest transformers without torch: config, tokenizer, and tensors through safetensors.

    newest_client.py OWNER/NAME REFERENCE [--tensors FILE]      "" = configuration and tokenizer only
"""

import argparse
import hashlib
import pathlib

import client_run
from client_run import check, check_equal

VIEW = client_run.prepare()

import safetensors  # noqa: E402  after prepare()
import safetensors.numpy  # noqa: E402
from huggingface_hub import hf_hub_download  # noqa: E402
from transformers import AutoConfig, AutoTokenizer  # noqa: E402

TEXT = "A file is read when somebody reads it."


def tensors(path, reference):
    """All tensors equal the reference's; one alone, mapped, too. Returns a digest."""
    whole = safetensors.numpy.load_file(path)
    expected = safetensors.numpy.load_file(reference)
    check_equal(sorted(whole), sorted(expected), "tensor names")
    digest = hashlib.sha256()
    for name in sorted(whole):
        data = whole[name].tobytes()
        check(data == expected[name].tobytes(), f"tensor {name} differs")
        digest.update(data)
    with safetensors.safe_open(path, framework="np") as file:
        name = sorted(file.keys())[-1]
        check(file.get_tensor(name).tobytes() == expected[name].tobytes(), f"mapped tensor {name} differs")
    return len(whole), digest.hexdigest()


def main(options):
    config = AutoConfig.from_pretrained(options.repo)
    check_equal(config.to_dict() | {"_name_or_path": ""},
                AutoConfig.from_pretrained(options.reference).to_dict() | {"_name_or_path": ""}, "config")
    tokens = AutoTokenizer.from_pretrained(options.repo)(TEXT)["input_ids"]
    check_equal(tokens, AutoTokenizer.from_pretrained(options.reference)(TEXT)["input_ids"], "tokens")
    if not options.tensors:
        return f"{options.repo} {type(config).__name__}, no tensors"
    path = pathlib.Path(hf_hub_download(options.repo, options.tensors))
    check(VIEW in path.parents, f"{path} is not in the view")
    count, digest = tensors(path, options.reference / options.tensors)
    return f"{options.repo} {type(config).__name__}, {count} tensors {digest}"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="The newest transformers on a read-only HF_HUB_CACHE.")
    arguments.add_argument("repo")
    arguments.add_argument("reference", type=pathlib.Path)
    arguments.add_argument("--tensors", default="model.safetensors")
    client_run.run(arguments, main)
