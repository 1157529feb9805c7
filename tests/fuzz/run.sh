#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every fuzz target: sh tests/fuzz/run.sh BUILD_FOLDER [SECONDS [TARGET...]]. Inputs that fail are kept in
# BUILD_FOLDER/fuzz/, what was found stays there for the next time, in corpus-TARGET/; RUNS=N ends a target after as many
# executions. The exit status is the number of targets that failed.
set -u
build=$(cd "${1:?the build folder}" && pwd) || exit 1
seconds=${2:-30}
shift
[ $# -eq 0 ] || shift
work=$build/fuzz
failed=0
mkdir -p "$work" && "$build/tests/fuzz/make_seeds" "$work/seeds" || exit 1
if command -v python3 >/dev/null; then # files of PyTorch and Keras, which the library does not write
    python3 "$(dirname "$0")/make_corpus.py" "$work/seeds/exchange" >"$work/make_corpus.log" 2>&1 ||
        sed 's/^/# /' "$work/make_corpus.log"
fi
if [ $# -eq 0 ]; then
    for target in "$build"/tests/fuzz/fuzz_*; do
        [ ! -f "$target" ] || [ ! -x "$target" ] || set -- "$@" "${target##*/fuzz_}"
    done
fi
for name in "$@"; do
    input=${name%_messages} # begins with what the whole reader begins with
    mkdir -p "$work/corpus-$name"
    # What is known to be slow is images and models: none may take longer than 10 s, or more than 2 GB.
    if "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -runs="${RUNS:--1}" -timeout=10 -rss_limit_mb=2048 \
        -dict="$work/seeds/$input.dict" -artifact_prefix="$work/$name-" -print_final_stats=1 "$work/corpus-$name" \
        "$work/seeds/$input" >"$work/$name.log" 2>&1; then
        echo "ok - fuzz/$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log") runs"
    else
        echo "not ok - fuzz/$name"
        tail -n 30 "$work/$name.log" | sed 's/^/# /'
        failed=$((failed + 1))
    fi
done
[ $# -gt 0 ] || failed=1
exit $failed
