#!/bin/sh
# SPDX-License-Identifier: MIT
# What the library never does, as far as its text shows it; and what every file has.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
cd "$CNN_SOURCE" || exit 1

# Code without comments and strings: a word in a comment is no call.
code() {
    # shellcheck disable=SC2046
    awk '
        FNR == 1 {comment = 0}
        {
            line = $0
            gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
            out = ""
            while (line != "") {
                if (comment) {
                    i = index(line, "*/")
                    if (!i) {line = ""} else {line = substr(line, i + 2); comment = 0}
                } else {
                    i = index(line, "/*")
                    if (!i) {out = out line; line = ""} else {out = out substr(line, 1, i - 1); line = substr(line, i + 2); comment = 1}
                }
            }
            if (out !~ /^[[:space:]]*$/) print FILENAME ":" FNR ":" out
        }
    ' $(find "$@" -name '*.[ch]')
}

library=$(code lib)
uses() {
    printf '%s\n' "$library" | grep -E "(^|[^_[:alnum:].>])($1)[[:space:]]*\\("
}

tap_empty 'lib/ never prints' "$(uses 'v?printf|puts|putchar|perror|fputs|v?fprintf' | grep -v snprintf)"
tap_empty 'lib/ never ends the process' "$(uses 'abort|exit|_exit|quick_exit|assert|raise|kill')"
tap_empty 'lib/ never touches the locale or the floating-point environment' \
    "$(uses 'setlocale|uselocale|fesetround|fesetenv|feholdexcept|feenableexcept|_mm_setcsr' |
        grep -v '^lib/core/float_mode\.c:')"
tap_empty 'lib/ reads numbers without strtod and its kin' "$(uses 'strtod|strtof|strtold|atof|atoi|atol|s?scanf|fscanf')"
tap_empty 'lib/ takes memory by way of the allocator alone' \
    "$(uses 'malloc|calloc|realloc|free|strdup|strndup|aligned_alloc|posix_memalign|alloca' |
        grep -vE '^lib/((core/memory|context/context)\.c|mpi/)')" # libcnn_mpi is a program's part, outside of the library

constructors=$(printf '%s\n' "$library" | grep -E '__attribute__\(\((constructor|destructor)')
tap_empty 'lib/ runs nothing at load time' "$constructors"

inline=$(printf '%s\n' "$library" | grep -E '(^|[^_[:alnum:]])(asm|__asm__)([^_[:alnum:]]|$)')
tap_empty 'lib/ has no inline assembly' "$inline"

without=$(find lib src include examples tests \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.sh' -o -name '*.py' \) \
    -exec sh -c 'head -n 3 "$1" | grep -q "SPDX-License-Identifier: MIT" || echo "$1"' sh {} \;)
tap_empty 'every file names its licence' "$without"

# The version has one source.
numbers=$(sed -n 's/^#define CNN_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9]*\)$/\2/p' include/cnn/version.h | paste -sd. -)
tap_check 'version.h gives a version' [ -n "$numbers" ]
copies=$(grep -rnF "\"$numbers\"" lib src meson.build pkgconfig --include='*.[ch]' --include='meson.build')
tap_empty "no other file says \"$numbers\"" "$copies"

tap_end
