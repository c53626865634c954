#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds hugfs and runs its tests; the last line is "N passed, N failed".
#
#   tests/run.sh         everything that CI runs (under 30 minutes on 2 cores)
#   tests/run.sh quick   lint, unit tests, the core of the mount tests (under 3 minutes)
#   tests/run.sh long    everything, with a minute of fuzzing for each parser
#
# Each step writes what it printed to build/results/NAME.log and, where it is a suite of
# tests, JUnit XML beside it; tests/tally.py adds up.
# shellcheck disable=SC2317  # functions are called by name, through step and suite
set -u
cd "$(dirname "$0")/.." || exit 2
tier=${1:-full}
case "$tier" in
quick | full | long) ;;
*)
    echo "usage: tests/run.sh [quick|full|long]" >&2
    exit 1
    ;;
esac

results=$PWD/build/results
rm -rf "$results"
mkdir -p "$results"
venv=$PWD/build/venv
export PYTHONPATH=$PWD/tests
export PYTHONDONTWRITEBYTECODE=1
# No step of ours may use the person's own token, caches or proxies.
unset HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_HOME HF_ENDPOINT HF_HUB_OFFLINE

# step NAME COMMAND...: one test that passes when the command does.
step() {
    local name=$1 started=$SECONDS
    shift
    printf '== %-28s ' "$name"
    if "$@" >"$results/$name.log" 2>&1; then
        echo "ok ($((SECONDS - started)) s)"
        echo passed >"$results/$name.step"
        return 0
    fi
    echo "FAILED ($((SECONDS - started)) s)"
    echo failed >"$results/$name.step"
    tail -n 60 "$results/$name.log"
    return 1
}

# suite NAME COMMAND...: the command writes JUnit XML to $results/NAME.xml, which is counted
# test by test; a suite that wrote none counts as one failure.
suite() {
    local name=$1 started=$SECONDS status=0
    shift
    printf '== %-28s ' "$name"
    "$@" >"$results/$name.log" 2>&1 || status=$?
    if python3 tests/tally.py "$results/$name.xml" >"$results/$name.count" && [ $status -eq 0 ]; then
        echo "$(cat "$results/$name.count") ($((SECONDS - started)) s)"
        return 0
    fi
    echo "FAILED: $(cat "$results/$name.count") ($((SECONDS - started)) s)"
    [ -s "$results/$name.xml" ] || echo failed >"$results/$name.step"
    tail -n 120 "$results/$name.log"
    return 1
}

finish() {
    wait
    python3 tests/tally.py --all "$results"
    exit $?
}

make_venv() { # FOLDER REQUIREMENTS PYTHON [OPTION]: nothing when it is there already
    local folder=$1 wanted=$2 python=$3
    cmp -s "$wanted" "$folder/requirements.txt" && return 0
    rm -rf "$folder" && "$python" -m venv "${@:4}" "$folder" &&
        "$folder/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" &&
        cp "$wanted" "$folder/requirements.txt"
}

# The official clients of tests/clients: the newest ones, and those that go with Debian's torch.
make_client_venvs() {
    packaging/install-deps.sh clients &&
        make_venv "$PWD/build/venv-newest" tests/clients/requirements-newest.txt python3 &&
        make_venv "$PWD/build/venv-torch" tests/clients/requirements-torch.txt /usr/bin/python3 --system-site-packages
}

build() { # PRESET [OPTION OF THE BUILD]...
    cmake --preset "$1" && cmake --build --preset "$1" "${@:2}"
}

# More at once than there are cores: they wait for the disk too.
unit() { # PRESET
    ctest --test-dir "build/$1" --output-on-failure -j3 --timeout 300 --output-junit "$results/unit-$1.xml"
}

# behind FUNCTION: its steps and suites go on behind those that follow, until `await_behind FUNCTION`
# prints their lines; `passed STEP` says how one ended.
behind() {
    "$1" >"$results/$1.lines" 2>&1 &
}
trap 'jobs -p | xargs -r kill 2>/dev/null' EXIT # who ends the run early ends them too

await_behind() {
    wait
    cat "$results/$1.lines"
}

passed() { # STEP
    [ "$(cat "$results/$1.step")" = passed ]
}

# All that is tested after mount-debug, while tests wait for deadlines. Nobody runs the unit tests of
# `clang` and `fuzz`; their warnings are those of `tsan`.
build_others() {
    renice 19 "$BASHPID" >/dev/null
    step build-release build release
    step build-tsan build tsan
    step build-clang build clang --target hugfs
    step build-fuzz build fuzz --target fuzz
}

mount_quick() {
    suite mount-quick mount_tests mount-quick debug tests/mount -m quick
}

client_venvs() {
    step client-venvs make_client_venvs
}

pytest() { # NAME ARGUMENTS...
    local name=$1
    shift
    "$venv/bin/python" -m pytest -q -rfE --junitxml "$results/$name.xml" "$@"
}

# Six tests at once, each worker with a Hub of its own: most of the time they wait for deadlines.
mount_tests() { # NAME PRESET PYTEST-ARGUMENTS...
    local name=$1 preset=$2
    shift 2
    HUGFS_BUILD=$PWD/build/$preset pytest "$name" -n 6 --dist worksteal "$@"
}

fuzz() { # SECONDS FOR EACH TARGET
    tests/fuzz/run.sh "build/fuzz" "$1" "$results"
}

export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=0:exitcode=99:suppressions=$PWD/tests/tsan.supp

step install-deps packaging/install-deps.sh test || finish
step venv make_venv "$venv" tests/requirements.txt python3 || finish

if [ "$tier" = quick ]; then
    step build-debug build debug || finish
    behind mount_quick
    suite unit-debug unit debug
    step lint tests/lint/run
    await_behind mount_quick
    finish
fi

behind client_venvs
step build-debug build debug || finish
suite unit-debug unit debug
step lint tests/lint/run --all
suite lint-self pytest lint-self tests/lint tests/bench
suite hub-self pytest hub-self -n 2 --dist worksteal tests/hub --ignore tests/hub/interop
suite interop pytest interop -n 2 --dist loadfile tests/hub/interop
await_behind client_venvs
export HUGFS_NEEDS_CLIENTS=1
behind build_others
suite mount-debug mount_tests mount-debug debug tests/mount
await_behind build_others
passed build-tsan && suite unit-tsan unit tsan &&
    suite mount-tsan mount_tests mount-tsan tsan tests/mount -m "not slow"
passed build-clang && suite mount-clang mount_tests mount-clang clang tests/mount -m quick
if [ "$tier" = long ]; then
    suite fuzz fuzz 60
    suite mount-release mount_tests mount-release release tests/mount
else
    suite fuzz fuzz 10
    # What sanitizers hide: memory, and requests and bytes at full optimisation. What saving costs is
    # bounded for a file of 1 GiB.
    suite write-budget-release mount_tests write-budget-release release tests/mount/test_write_budget.py
    export HUGFS_TEST_BIG=$((256 << 20))
    suite mount-release mount_tests mount-release release \
        tests/mount/test_{memory,wire_budget,acceptance_model}.py
fi
finish
