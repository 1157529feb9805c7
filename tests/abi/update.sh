#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the ABI of the headers and lib/cnn.map the baseline that tests/abi/test_abi.sh compares with:
#   sh tests/abi/update.sh           accepts additions; refuses what an older program would notice
#   sh tests/abi/update.sh --break   accepts all: the soname changes, and CHANGELOG.md says why
set -eu
cd "$(dirname "$0")/../.."
. tests/abi/abi.sh
baseline=tests/abi/baseline
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

abi_library include "$work/new"
if [ "${1:-}" != --break ] && [ -e $baseline/frozen ]; then
    mkdir -p "$work/old/cnn"
    cp $baseline/cnn.h "$work/old/cnn/"
    abi_library "$work/old" "$work/baseline"
    abi_compare "$work/baseline/libcnn.so" "$work/new/libcnn.so" tests/abi/compatible.suppr || {
        echo "update.sh: an older program would notice the above; docs/abi.md says what may change" >&2
        exit 1
    }
    abi_symbols lib/cnn.map | LC_ALL=C comm -13 - $baseline/symbols | grep . >&2 && {
        echo "update.sh: these symbols are gone from lib/cnn.map, or in another version node" >&2
        exit 1
    }
    abi_additions "$work/baseline/libcnn.so" "$work/new/libcnn.so" | sed 's/^/added: /' || true
fi
mkdir -p $baseline
abi_symbols lib/cnn.map >"$work/symbols"
abi_header include >"$work/cnn.h"
mv "$work/symbols" "$work/cnn.h" $baseline/
echo "wrote $baseline"
