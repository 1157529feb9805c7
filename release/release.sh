#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes a release of the commit that is checked out: sh release/release.sh OUTPUT_FOLDER
# The folder gets libcnn-VERSION.tar.gz, which anyone can make again to the same bytes (verify.sh), the bills of materials
# of a build of it, and SHA256SUMS. What is not committed, not in CHANGELOG.md, or not accepted into the ABI's baseline is
# refused.
set -eu
output=${1:?where to write}
cd "$(dirname "$0")/.."
. release/tarball.sh

fail() {
    echo "release.sh: $1" >&2
    exit 1
}

[ -z "$(git status --porcelain)" ] || fail 'there are changes that are not committed'
version=$(release_version .)
grep -q "^## $version" CHANGELOG.md || fail "CHANGELOG.md has no section $version"
mkdir -p "$output"
output=$(cd "$output" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

release_tarball HEAD "$output/libcnn-$version.tar.gz"
tar -xzf "$output/libcnn-$version.tar.gz" -C "$work"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
# What is released is what is in the tarball: it is built, and its ABI compared, from there.
meson setup "$work/build" "$work/libcnn-$version" --buildtype=release -Dtests=disabled >"$work/log" 2>&1 ||
    { cat "$work/log"; fail 'the tarball cannot be set up'; }
ninja -C "$work/build" >"$work/log" 2>&1 || { cat "$work/log"; fail 'the tarball does not compile'; }
CNN_SOURCE=$work/libcnn-$version CNN_SHARED_LIBRARY=$(find "$work/build/lib" -name 'libcnn.so.*.*.*' -type f) \
    ABI_STRICT=1 sh "$work/libcnn-$version/tests/abi/test_abi.sh" >"$work/log" ||
    { grep '^not ok' -A 20 "$work/log"; fail 'the ABI is not that of its baseline: docs/abi.md'; }
cp "$work/build/release/libcnn.spdx.json" "$output/libcnn-$version.spdx.json"
cp "$work/build/release/libcnn.cdx.json" "$output/libcnn-$version.cdx.json"
(cd "$output" && sha256sum "libcnn-$version.tar.gz" "libcnn-$version.spdx.json" "libcnn-$version.cdx.json" >SHA256SUMS)
echo "libcnn $version is in $output; sign SHA256SUMS, and tag the commit $(git rev-parse HEAD) as v$version"
