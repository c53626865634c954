# SPDX-License-Identifier: Apache-2.0
"""What the Python clients do, run as `clients.py PROGRAM HOME REPO ...`: imports first, then
times the work. Prints: seconds, value, CPU seconds, peak MB."""

import sys
import time
from pathlib import Path


def download(repo, home):
    from huggingface_hub import snapshot_download

    def work():
        snapshot_download(repo, local_dir=f"{home}/out")
        return 0.0

    return work


def upload(repo, folder):
    from huggingface_hub import HfApi

    def work():
        HfApi().upload_folder(repo_id=repo, folder_path=folder, commit_message="bench")
        return 0.0

    return work


def filesystem_sequential(repo, name):
    from huggingface_hub import HfFileSystem

    def work():
        total = 0
        with HfFileSystem().open(f"{repo}/{name}", "rb") as file:
            while block := file.read(8 << 20):
                total += len(block)
        return float(total)

    return work


def filesystem_random(repo, name, *offsets):
    from huggingface_hub import HfFileSystem

    def work():
        with HfFileSystem().open(f"{repo}/{name}", "rb") as file:
            for offset in offsets:
                file.seek(int(offset))
                assert len(file.read(4096)) == 4096
        return float(len(offsets))

    return work


def filesystem_first(repo, name):
    return filesystem_random(repo, name, 0)


def filesystem_small(repo):
    from huggingface_hub import HfFileSystem

    def work():
        filesystem = HfFileSystem()
        files = filesystem.find(repo)
        return float(sum(len(filesystem.cat_file(path)) for path in files))

    return work


def filesystem_ls(repo):
    from huggingface_hub import HfFileSystem

    return lambda: float(len(HfFileSystem().ls(repo)))


def filesystem_find(repo):
    from huggingface_hub import HfFileSystem

    return lambda: float(len(HfFileSystem().find(repo, withdirs=True, detail=True)))


def peak_mb():
    """Of this program alone: getrusage() would count the parent's memory before exec."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def main():
    program, home, repo, *rest = sys.argv[1:]
    work = {
        "download": lambda: download(repo, home),
        "upload": lambda: upload(repo, *rest),
        "filesystem-sequential": lambda: filesystem_sequential(repo, *rest),
        "filesystem-random": lambda: filesystem_random(repo, *rest),
        "filesystem-first": lambda: filesystem_first(repo, *rest),
        "filesystem-small": lambda: filesystem_small(repo),
        "filesystem-ls": lambda: filesystem_ls(repo),
        "filesystem-find": lambda: filesystem_find(repo),
    }[program]()
    cpu = time.process_time()
    started = time.perf_counter()
    value = work()
    seconds = time.perf_counter() - started
    cpu = time.process_time() - cpu
    print(seconds, value, cpu, peak_mb())


if __name__ == "__main__":
    main()
