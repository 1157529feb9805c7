#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the files of OSS-Fuzz's projects/libcnn/: fill.sh FOLDER HOMEPAGE REPOSITORY CONTACT. Where the project lives, and
# who gets the reports, is not known here: it says whoever submits it.
set -eu
[ $# -eq 4 ] || { echo "usage: fill.sh FOLDER HOMEPAGE REPOSITORY CONTACT" >&2; exit 2; }
case $2$3 in
*[!A-Za-z0-9:/._~@?=%+-]*) echo "fill.sh: an address has other characters than addresses have" >&2; exit 2 ;;
esac
from=$(dirname "$0")
mkdir -p "$1"
for name in project.yaml Dockerfile; do
    sed -e "s|@HOMEPAGE@|$2|; s|@REPOSITORY@|$3|; s|@CONTACT@|$4|" "$from/$name.in" >"$1/$name"
done
cp "$from/build.sh" "$1/"
