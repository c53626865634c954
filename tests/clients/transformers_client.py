#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""AutoConfig, AutoTokenizer and AutoModel.from_pretrained by repository id, with torch.

Prints a digest of the embeddings of two sentences: it must be the same from the view, from a folder
with the same files (--reference, compared exactly) and from every process at once.

    transformers_client.py OWNER/NAME [--reference FOLDER]
"""

import argparse
import hashlib
import pathlib

import client_run
from client_run import check, check_equal

VIEW = client_run.prepare()

import torch  # noqa: E402  after prepare()
from transformers import AutoConfig, AutoModel, AutoTokenizer  # noqa: E402

SENTENCES = ["A file is read when somebody reads it.", "Nothing is downloaded before."]


def embed(source):
    """Mean-pooled embeddings of the two sentences."""
    config = AutoConfig.from_pretrained(source)
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModel.from_pretrained(source).eval()
    check_equal(model.config.hidden_size, config.hidden_size, "hidden size")
    tokens = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    with torch.no_grad():
        states = model(**tokens).last_hidden_state
    mask = tokens["attention_mask"].unsqueeze(-1)
    return (states * mask).sum(1) / mask.sum(1)


def main(options):
    torch.set_num_threads(1)  # the same order of additions every time
    embeddings = embed(options.repo)
    check(bool(torch.isfinite(embeddings).all()), "embeddings that are no numbers")
    if options.reference is not None:
        check(torch.equal(embeddings, embed(str(options.reference))), "embeddings differ from the reference's")
    digest = hashlib.sha256(embeddings.numpy().tobytes()).hexdigest()
    return f"{options.repo} {tuple(embeddings.shape)} {digest}"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="transformers on a read-only HF_HUB_CACHE.")
    arguments.add_argument("repo")
    arguments.add_argument("--reference", type=pathlib.Path)
    client_run.run(arguments, main)
