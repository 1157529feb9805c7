#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the examples against the installed library: sh examples/build.sh FOLDER [NAME...]
#   CC, CXX, CFLAGS  as usual. PKG_CONFIG_PATH must find cnn.pc where the library is not in a standard place.
#   STATIC=1         put libcnn into the programs; what it needs is linked as shared libraries. For programs without
#                    any, `cc -static ... $(pkg-config --static --libs cnn)`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { echo "usage: build.sh FOLDER [NAME...]" >&2; exit 2; }
out=$1
shift
mkdir -p "$out"

cflags="${CFLAGS:--O2} -Wall -Wextra $(pkg-config --cflags cnn)"
if [ "${STATIC:-0}" = 1 ]; then
    libs=$(pkg-config --static --libs cnn | sed 's/-lcnn\>/-Wl,-Bstatic -lcnn -Wl,-Bdynamic/')
else
    libs=$(pkg-config --libs cnn)
fi

if [ $# -eq 0 ]; then
    cd "$here"
    for source in *.c *.cpp; do
        set -- "$@" "${source%.*}"
    done
fi

for name in "$@"; do
    more=
    moreflags=
    if [ "$name" = cblas_backend ]; then
        if ! pkg-config --exists openblas; then
            echo "$name: left out, as OpenBLAS is not installed (libopenblas-dev)" >&2
            continue
        fi
        moreflags=$(pkg-config --cflags openblas)
        more=$(pkg-config --libs openblas)
    fi
    # shellcheck disable=SC2086
    if [ -e "$here/$name.cpp" ]; then
        ${CXX:-c++} -std=c++17 $cflags -o "$out/$name" "$here/$name.cpp" $libs -lm
    else
        ${CC:-cc} $cflags $moreflags -o "$out/$name" "$here/$name.c" $libs $more -lm -pthread
    fi
done
