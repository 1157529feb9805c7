# SPDX-License-Identifier: MIT
# What release.sh and verify.sh share: `. release/tarball.sh`.
# shellcheck shell=sh

# release_version FOLDER: what version.h there says.
release_version() {
    awk '/define CNN_VERSION_(MAJOR|MINOR|PATCH)/ {v = v s $3; s = "."} END {print v}' "$1/include/cnn/version.h"
}

# release_tarball COMMIT FILE: all files of the commit, in its order, with its time, and with no trace of who packs it.
# TAR's umask and the compressor's name and time are fixed; gzip -9 gives the same bytes since 1.2.
release_tarball() {
    release_prefix=libcnn-$(git show "$1:include/cnn/version.h" |
        awk '/define CNN_VERSION_(MAJOR|MINOR|PATCH)/ {v = v s $3; s = "."} END {print v}')
    git -c tar.umask=0022 archive --format=tar --prefix="$release_prefix/" "$1" | gzip -n -9 >"$2"
}
