#!/bin/sh
# SPDX-License-Identifier: MIT
# The shared library exports what the headers declare and the map lists, no more and no less; and it imports nothing
# that prints, ends the process, changes the locale or the floating-point environment.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
library=${CNN_SHARED_LIBRARY:?the path of libcnn.so}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
LC_ALL=C
export LC_ALL

# A name that follows CNN_API at the distance of a type and ends at the opening parenthesis.
cat "$CNN_SOURCE"/include/cnn/*.h | tr '\n' ' ' | grep -oE 'CNN_API [^;(]*\(' |
    grep -oE 'cnn_[a-z0-9_]+ *\($' | tr -d ' (' | sort -u >"$work/headers"
grep -oE 'cnn_[a-z0-9_]+' "$CNN_SOURCE/lib/cnn.map" | sort -u >"$work/map"
nm -D --defined-only "$library" | awk '$2 ~ /[A-Z]/ && $2 != "A" {print $3}' | sed 's/@.*//' | sort -u >"$work/exports"

tap_check 'the headers declare functions' [ "$(wc -l <"$work/headers")" -gt 100 ]
tap_check 'lib/cnn.map lists what the headers declare' diff "$work/headers" "$work/map"
tap_check 'the library exports what the headers declare' diff "$work/headers" "$work/exports"
# Functions without a pointer among their parameters have nothing to try.
grep -oE 'cnn_[a-z0-9_]+' "$CNN_SOURCE/tests/api/test_null.c" | sort -u >"$work/null"
tr '\n' ' ' <<END >"$work/without"
cnn_backend_name cnn_cpu_level cnn_evaluator_usage cnn_limit_usage cnn_loss_usage cnn_optimizer_usage cnn_status_string cnn_version_number cnn_version_string cnn_zoo_description cnn_zoo_name
END
tr ' ' '\n' <"$work/without" | cat - "$work/null" | sort -u >"$work/tried"
tap_check 'tests/api/test_null.c tries every function with NULL' sh -c \
    "! comm -23 '$work/headers' '$work/tried' | grep ."
# Structs with a struct_size, but for those that the library alone makes: arguments of operations and of callbacks.
awk '/^typedef / {sized = 0} /^    size_t struct_size;/ {sized = 1} /^} cnn_/ && sized {gsub(/[};]/, ""); print $1}' \
    "$CNN_SOURCE"/include/cnn/*.h | grep -vE '_args$|^cnn_(op_answer|backend_call|sample|layer_spec|layer_call|match|loss_sample|schedule_moment|trace_record|progress)$' |
    sort -u >"$work/structs"
grep -ohE 'cnn_[a-z0-9_]+' "$CNN_SOURCE"/tests/api/structs_*.c | sort -u >"$work/tested"
tap_check 'there are structs with a size' [ "$(wc -l <"$work/structs")" -gt 60 ]
tap_empty 'tests/api/structs_*.c try every struct that a caller writes' \
    "$(comm -23 "$work/structs" "$work/tested")"
tap_empty 'structs without a size are frozen, and those with one are apart' \
    "$(python3 "$CNN_SOURCE/tests/abi/structs.py" "$CNN_SOURCE/tests/abi/compatible.suppr" "$CNN_SOURCE"/include/cnn/*.h 2>&1)"
tap_check 'the map has no wildcard but the local one' \
    [ "$(grep -c '\*' "$CNN_SOURCE/lib/cnn.map")" -eq 1 ]
tap_check 'every export carries a version node' sh -c \
    "! nm -D --defined-only --with-symbol-versions '$library' | awk '\$2 != \"A\" && \$3 !~ /@@/' | grep ."

imports=$(nm -D --undefined-only "$library" | awk '{print $2}' | sed 's/@.*//')
forbidden='^(abort|exit|_exit|__assert_fail|v?printf|__v?printf_chk|puts|putchar|perror|setlocale|uselocale|strto(d|f|ld)|atof|scanf|__isoc99_sscanf|fesetround|fesetenv|signal|sigaction|fork|system|popen|getc|srand|rand)$'
case $(nm -D --undefined-only "$library") in
*__asan_*|*__tsan_*|*__ubsan_*) tap_skip 'the library imports nothing that it must not call' 'a sanitizer is built in' ;;
*) tap_empty 'the library imports nothing that it must not call' "$(printf '%s\n' "$imports" | grep -E "$forbidden")" ;;
esac

soname=$(readelf -d "$library" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
major=$(sed -n 's/^#define CNN_VERSION_MAJOR //p' "$CNN_SOURCE/include/cnn/version.h")
minor=$(sed -n 's/^#define CNN_VERSION_MINOR //p' "$CNN_SOURCE/include/cnn/version.h")
wanted=libcnn.so.$major
[ "$major" -gt 0 ] || wanted=libcnn.so.0.$minor
tap_check "the soname is $wanted" [ "$soname" = "$wanted" ]
tap_empty 'no text relocations' "$(readelf -d "$library" | grep TEXTREL)"
tap_empty 'no executable stack' "$(readelf -lW "$library" | grep GNU_STACK | grep RWE)"
# core/float_mode.c gives computing threads a mode of their own and puts the program's back.
tap_empty 'the floating-point mode is set in one place alone (ldmxcsr)' \
    "$(objdump -d --no-show-raw-insn "$library" | awk '/>:$/ {name = $2} /v?ldmxcsr/ {print name}' |
        grep -vE '^<cnn__float_mode_(set|enter)>:$' | sort -u | head -n 3)"
tap_empty 'no variable can be written to once the library is loaded' \
    "$(objdump -t "$library" | awk 'NF > 4 && $(NF - 2) ~ /^\.(data|bss|tdata|tbss)$/ && $0 ~ / O / {print $NF}' |
        grep -vE '^(completed\.|__dso_handle$|__TMC_END__|__cpu_(model|features)|__(a|t|ub)san)')"
tap_end
