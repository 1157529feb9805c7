#!/bin/sh
# SPDX-License-Identifier: MIT
# Files for fuzz_onnx to begin with: the models of ONNX's own tests (libonnx-testdata), whose weights are small, and
# those of this library's (write_cases of a build): sh tests/fuzz/corpus_onnx.sh FOLDER [BUILD]
set -eu
folder=$1
build=${2:-build}
mkdir -p "$folder"
for file in /usr/share/libonnx-testdata/data/*/*/model.onnx; do
    [ -f "$file" ] && [ "$(wc -c <"$file")" -lt 20000 ] || continue
    name=$(basename "$(dirname "$file")")
    cp "$file" "$folder/$name.onnx"
done
if [ -x "$build/tests/onnx/write_cases" ]; then
    made=$(mktemp -d)
    "$build/tests/onnx/write_cases" "$made" >/dev/null 2>&1 || true
    find "$made" -name '*.onnx' -size -100k -exec cp {} "$folder" \;
    rm -rf "$made"
fi
echo "$(find "$folder" -type f | wc -l) files"
