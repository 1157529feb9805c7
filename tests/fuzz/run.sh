#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every fuzz target: sh tests/fuzz/run.sh BUILD_FOLDER [SECONDS]. Inputs that fail are kept in BUILD_FOLDER/fuzz/;
# the exit status is the number of targets that failed.
set -u
build=${1:?the build folder}
seconds=${2:-30}
work=$build/fuzz
failed=0
mkdir -p "$work" && "$build/tests/fuzz/make_seeds" "$work/seeds" || exit 1
for target in "$build"/tests/fuzz/fuzz_*; do
    [ -f "$target" ] && [ -x "$target" ] || continue
    name=${target##*/fuzz_}
    input=${name%_messages} # begins with what the whole reader begins with
    mkdir -p "$work/corpus-$name"
    # What is known to be slow is images and models: none may take longer than 10 s, or more than 2 GB.
    if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -dict="$work/seeds/$input.dict" \
        -artifact_prefix="$work/$name-" "$work/corpus-$name" "$work/seeds/$input" >"$work/$name.log" 2>&1; then
        echo "ok - fuzz/$name: $(sed -n 's/.*Done \([0-9]*\) runs.*/\1 runs/p' "$work/$name.log" | tail -n 1)"
    else
        echo "not ok - fuzz/$name"
        tail -n 30 "$work/$name.log" | sed 's/^/# /'
        failed=$((failed + 1))
    fi
done
exit $failed
