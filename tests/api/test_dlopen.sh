#!/bin/sh
# SPDX-License-Identifier: MIT
# The library is loaded and unloaded 1,000 times, with training between: nothing stays.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
library=${CNN_SHARED_LIBRARY:?the path of libcnn.so}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

case $(nm -D --undefined-only "$library") in
*__asan_* | *__tsan_* | *__ubsan_*)
    tap_skip 'loaded and unloaded' 'a sanitizer is built in, which is not unloaded'
    tap_end
    exit
    ;;
esac
# shellcheck disable=SC2086
tap_check 'the program compiles' ${CC:-cc} -std=c11 -Wall -Wextra -D_GNU_SOURCE -O1 -I"$CNN_SOURCE/include" \
    -o "$work/dlopen" "$CNN_SOURCE/tests/api/dlopen.c" -ldl
"$work/dlopen" "$library" 1000 >"$work/out" 2>&1
tap_result $? 'loaded, used and unloaded 1,000 times'
sed 's/^/# /' "$work/out"
tap_end
