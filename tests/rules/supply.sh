#!/bin/sh
# SPDX-License-Identifier: MIT
# What a user of a release can check: every file has a licence, none is a program without a source, the bills of materials
# name what was linked, and a tarball made twice has the same bytes and can be verified.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
cd "$CNN_SOURCE" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

tap_check 'the licence is there as REUSE wants it' cmp LICENSE LICENSES/MIT.txt
tap_check 'all files have a copyright line' grep -q '^path = "\*\*"' REUSE.toml
if command -v reuse >/dev/null; then
    tap_check 'reuse lint' reuse lint
fi

for bill in "${CNN_BUILD:?the build folder}/release/libcnn.spdx.json" "$CNN_BUILD/release/libcnn.cdx.json"; do
    tap_check "$(basename "$bill") is JSON" python3 -m json.tool "$bill" /dev/null
done
# Every library that is linked is in both: by the word that its file's name has.
library=${CNN_SHARED_LIBRARY:?the path of libcnn.so}
for soname in $(readelf -d "$library" | sed -n 's/.*NEEDED.*\[lib\([a-z]*\).*/\1/p'); do
    case $soname in
    c | m | pthread | gomp | asan | ubsan | tsan | gcc_s) continue ;;
    jpeg) name=libjpeg-turbo ;;
    png) name=libpng ;;
    z) name=zlib ;;
    gif) name=giflib ;;
    webp*) name=libwebp ;;
    tiff) name=libtiff ;;
    *) name=$soname ;;
    esac
    tap_check "the bills of materials name $name" sh -c \
        "grep -q '\"name\": \"$name\"' '$CNN_BUILD/release/libcnn.spdx.json' && grep -q '\"name\": \"$name\"' '$CNN_BUILD/release/libcnn.cdx.json'"
done
mkdir "$work/a" "$work/b"
for folder in a b; do
    python3 release/sbom.py "$work/$folder/s" "$work/$folder/c" 1.2.3 zlib=1.2=gzip none==nothing
done
tap_check 'they name no place that is not known' sh -c "! grep -E 'github|gitlab|example|invalid' '$work/a/s' '$work/a/c'"
tap_check 'the same build gives the same bills' diff -r "$work/a" "$work/b"
tap_check 'what is not linked is left out' sh -c "! grep -q none '$work/a/s'"

# What OSS-Fuzz needs.
sh tests/fuzz/oss-fuzz/fill.sh "$work/fuzz" https://cnn.example https://cnn.example/cnn.git security@cnn.example
tap_check 'all that OSS-Fuzz needs is filled in' sh -c "! grep -rn '@[A-Z]*@' '$work/fuzz' && grep -q '^main_repo: \"https://cnn.example/cnn.git\"' '$work/fuzz/project.yaml' && grep -q 'clone --depth 1 https://cnn.example/cnn.git ' '$work/fuzz/Dockerfile'"

if ! git rev-parse --verify -q HEAD >/dev/null 2>&1; then
    tap_skip 'tarballs' 'this is no clone'
    tap_end
    exit
fi
# Files that are not text, but for those listed: what they are, and what makes them, is beside them.
tap_empty 'no file is a program without a source' "$(git ls-files | grep -vE '^(tests/exchange/files\.zip|tests/onnx/golden_[a-z]+\.onnx|docs/pictures/[a-z_]+\.(jpg|png))$' |
    while read -r file; do
        [ -f "$file" ] && [ -s "$file" ] && ! grep -Iq . "$file" && echo "$file"
    done)"
tap_empty 'no keys, no tokens' "$(git grep -lIE -e '-----BEGIN [A-Z ]*PRIVATE KEY' \
    -e '(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20}|xox[bpr]-[0-9A-Za-z-]{10})' -- \
    ':!tests/rules/supply.sh')"
# shellcheck source=release/tarball.sh
. release/tarball.sh
version=$(release_version .)
release_tarball HEAD "$work/libcnn-$version.tar.gz"
(umask 077 && TZ=Asia/Kolkata LC_ALL=C release_tarball HEAD "$work/again.tar.gz")
tap_check 'a tarball made twice has the same bytes' cmp "$work/libcnn-$version.tar.gz" "$work/again.tar.gz"
tap_check 'it can be verified' sh release/verify.sh "$work/libcnn-$version.tar.gz"
commit=$(git rev-parse HEAD)
{
    git archive --format=tar --prefix=x/ HEAD README.md
} >"$work/other.tar" && gzip -n "$work/other.tar"
tap_check 'another one is refused' sh -c "! sh release/verify.sh '$work/other.tar.gz' 2>'$work/err' && grep -q 'not what commit $commit' '$work/err'"
tap_end
