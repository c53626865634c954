#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzz target of a build for some seconds: run.sh BUILD_DIR SECONDS RESULTS_DIR.
# New inputs stay in the build; one that crashes is kept beside the log. Writes fuzz.xml.
set -u
build=$1 seconds=$2 results=$3
here=$(dirname "$0")
cases="" failures=0 total=0
# Two at a time: the machine that CI runs on has two cores.
fuzz_one() {
    local target=$1 name corpus work
    name=$(basename "$target")
    corpus=$here/corpus/$name
    work=$build/corpus/$name
    mkdir -p "$work" "$corpus"
    "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$results/$name-" "$work" "$corpus" >"$results/$name.log" 2>&1
}
for target in "$build"/tests/fuzz/fuzz_*; do
    [ -f "$target" ] && [ -x "$target" ] || continue
    total=$((total + 1))
    targets[total]=$target
done
for ((i = 1; i <= total; i += 2)); do
    fuzz_one "${targets[i]}" &
    first=$!
    second=
    if [ $((i + 1)) -le "$total" ]; then
        fuzz_one "${targets[i + 1]}" &
        second=$!
    fi
    for job in "$first:${targets[i]}" ${second:+"$second:${targets[i + 1]}"}; do
        name=$(basename "${job#*:}")
        if wait "${job%%:*}"; then
            cases+="<testcase classname=\"fuzz\" name=\"$name\"/>"
        else
            failures=$((failures + 1))
            cases+="<testcase classname=\"fuzz\" name=\"$name\"><failure/></testcase>"
            echo "FAILED $name" && tail -n 40 "$results/$name.log"
        fi
    done
done
printf '<testsuite name="fuzz" tests="%d" failures="%d">%s</testsuite>\n' \
    "$total" "$failures" "$cases" >"$results/fuzz.xml"
[ "$total" -gt 0 ] && [ "$failures" -eq 0 ]
