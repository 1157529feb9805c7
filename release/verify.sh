#!/bin/sh
# SPDX-License-Identifier: MIT
# Whether a release's tarball is what the repository holds: sh release/verify.sh TARBALL
# Run it in a clone: the commit that the tarball names is packed again, and the bytes are compared. Beside the tarball
# SHA256SUMS is checked, if it is there.
set -eu
tarball=${1:?the tarball}
tarball=$(cd "$(dirname "$tarball")" && pwd)/$(basename "$tarball")
cd "$(dirname "$0")/.."
. release/tarball.sh

fail() {
    echo "verify.sh: $1" >&2
    exit 1
}

commit=$(gzip -dc "$tarball" | git get-tar-commit-id) || fail 'the tarball names no commit'
git cat-file -e "$commit^{commit}" 2>/dev/null || fail "the commit $commit is not in this clone"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
release_tarball "$commit" "$work/again.tar.gz"
if ! cmp -s "$tarball" "$work/again.tar.gz"; then
    # Another gzip may compress in another way; what is inside counts.
    gzip -dc "$tarball" >"$work/one" && gzip -dc "$work/again.tar.gz" >"$work/two"
    cmp "$work/one" "$work/two" || fail "$(basename "$tarball") is not what commit $commit holds"
    echo "the files are those of commit $commit; the compression differs"
    exit 0
fi
if [ -f "$(dirname "$tarball")/SHA256SUMS" ]; then
    (cd "$(dirname "$tarball")" && sha256sum -c --quiet SHA256SUMS) || fail 'SHA256SUMS does not fit'
fi
echo "$(basename "$tarball") is commit $commit, to the byte"
