#!/bin/sh
# SPDX-License-Identifier: MIT
# The ABI against its baseline: functions, types, enumerators, constants, symbol versions; and that the comparison sees
# each kind of change. A program that was compiled with the baseline's headers runs with the library as it is.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
# shellcheck source=tests/abi/abi.sh
. "$CNN_SOURCE/tests/abi/abi.sh"
cd "$CNN_SOURCE/tests/abi" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
include=$CNN_SOURCE/include
how='docs/abi.md says what may change; additions are accepted by: sh tests/abi/update.sh'

# Until the baseline is frozen (baseline/frozen, which says since which version), what breaks it is told, not failed.
# abi_empty DESCRIPTION TEXT
abi_empty() {
    if [ -n "$2" ] && [ ! -e baseline/frozen ]; then
        tap_skip "$1" 'the ABI is not frozen yet'
        printf '%s\n' "$2" | sed 's/^/# /'
    else
        tap_empty "$1" "$2"
    fi
}

# Symbols and constants need no tool.
abi_symbols "$CNN_SOURCE/lib/cnn.map" >"$work/symbols"
abi_empty 'no symbol of the baseline is gone or in another version node' \
    "$(LC_ALL=C comm -13 "$work/symbols" baseline/symbols)"
tap_check 'the baseline has symbols' [ "$(wc -l <baseline/symbols)" -gt 300 ]
mkdir -p "$work/old/cnn"
cp baseline/cnn.h "$work/old/cnn/cnn.h"
tap_check 'constants can be read' sh -c ". ./abi.sh
    abi_constants '$include' | LC_ALL=C sort >'$work/constants'
    abi_constants '$work/old' | LC_ALL=C sort >'$work/constants.old'
    [ -s '$work/constants' ] && [ -s '$work/constants.old' ]"
abi_empty 'no constant of the baseline is gone or another number' \
    "$(LC_ALL=C comm -13 "$work/constants" "$work/constants.old")"

# An older program: compiled with the baseline's header alone, linked and run with the newest library.
tap_check 'a program compiles with the baseline'\''s header' $abi_compiler -std=c11 -Wall -Werror -D_GNU_SOURCE \
    -I"$work/old" -o "$work/program" program.c "${CNN_SHARED_LIBRARY:?}" -lm
case $(nm -D --undefined-only "$CNN_SHARED_LIBRARY") in
*__asan_* | *__tsan_* | *__ubsan_*) tap_skip 'and runs with the library as it is' 'a sanitizer is built in' ;;
*)
    LD_LIBRARY_PATH=$(dirname "$CNN_SHARED_LIBRARY")
    export LD_LIBRARY_PATH
    abi_empty 'and runs with the library as it is' "$("$work/program" "$work" 2>&1 || echo 'it failed')"
    ;;
esac

if ! command -v abidiff >/dev/null; then
    tap_skip 'types are those of the baseline' 'abidiff is not installed (abigail-tools)'
    tap_end
    exit
fi

abi_library "$include" "$work/now"
tap_check 'the baseline'\''s header is one of a library' abi_library "$work/old" "$work/baseline"
abi_empty "nothing that an older program would notice ($how)" \
    "$(abi_compare "$work/baseline/libcnn.so" "$work/now/libcnn.so" compatible.suppr 2>&1 || echo refused)"
abi_additions "$work/baseline/libcnn.so" "$work/now/libcnn.so" >"$work/additions"
if [ -n "${ABI_STRICT:-}" ]; then
    tap_empty "the baseline has all additions (sh tests/abi/update.sh)" "$(cat "$work/additions")"
elif [ -s "$work/additions" ]; then
    echo "# not in the baseline yet (sh tests/abi/update.sh): $(wc -l <"$work/additions") additions"
fi

# The comparison itself: headers changed on purpose. change WANTED DESCRIPTION FILE SED
change() {
    rm -rf "$work/changed"
    mkdir "$work/changed" && cp -r "$include/cnn" "$work/changed/"
    sed -i -E "$4" "$work/changed/cnn/$3"
    tap_check "$2: the header changed" sh -c "! cmp -s '$include/cnn/$3' '$work/changed/cnn/$3'"
    abi_library "$work/changed" "$work/new" &&
        abi_compare "$work/now/libcnn.so" "$work/new/libcnn.so" compatible.suppr >"$work/out" 2>&1
    status=$?
    [ "$status" -eq 0 ] && found=fine || found=noticed
    [ "$1" = $found ] || sed 's/^/# /' "$work/out"
    tap_check "$2: $1" [ "$1" = $found ]
}
change fine 'an option appended' layer_conv.h 's/^\} cnn_dense_options;/    int32_t more;\n&/'
change fine 'an entry of the backend appended' backend.h 's/^\} cnn_backend;/    void (*more)(void);\n&/'
change fine 'an enumerator appended' backend.h 's/^    CNN_SOFTPLUS = 15/&, CNN_MORE = 16/'
change fine 'a function added' version.h 's/^CNN_API uint32_t cnn_version_number/CNN_API int cnn_new_one(void);\n&/'
change noticed 'an option inserted' layer_conv.h 's/^    int32_t units;.*/    int32_t more;\n&/'
change noticed 'an option of another type' layer_conv.h 's/^    int32_t units;.*/    float units;/'
change noticed 'an option of another type and one appended' layer_conv.h \
    's/^    int32_t units;.*/    float units;/;s/^\} cnn_dense_options;/    int32_t more;\n&/'
change noticed 'an option removed' layer_conv.h 's/^    int32_t no_bias;.*//'
change noticed 'an enumerator of another number' backend.h 's/^    CNN_SOFTPLUS = 15/    CNN_SOFTPLUS = 17/'
change noticed 'an entry of the backend inserted' backend.h 's/^    void \*\(\*allocate\)/    void (*more)(void);\n&/'
change noticed 'a frozen struct that grew' common.h 's/^\} cnn_tensor;/    int32_t more;\n&/'
change noticed 'an argument struct that grew' backend.h 's/^\} cnn_gemm_args;/    int32_t more;\n&/'
change noticed 'a function removed' version.h 's/^CNN_API uint32_t cnn_version_number.*//'
change noticed 'a parameter more' version.h 's/cnn_version_number\(void\)/cnn_version_number(int x)/'
change noticed 'another result' version.h 's/uint32_t cnn_version_number/uint64_t cnn_version_number/'
tap_end
