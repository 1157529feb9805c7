# SPDX-License-Identifier: MIT
# What the ABI is, taken from a folder of public headers: `. tests/abi/abi.sh`, then its functions.
# shellcheck shell=sh
#
# The types are read from a library of stubs: each exported function of the headers with a body that does nothing, and a
# function for each type, compiled with debug information. The compiler refuses a definition in lib/ that differs from
# its header, so the stubs' types are the library's; and no build option or optional dependency changes them.

abi_compiler=${CC:-gcc}

# abi_declarations INCLUDE_FOLDER: the headers as one preprocessed text.
abi_declarations() {
    printf '#include <cnn/cnn.h>\n' | $abi_compiler -std=c11 -E -P -I"$1" -
}

# abi_library INCLUDE_FOLDER WORK: makes WORK/libcnn.so.
abi_library() {
    mkdir -p "$2" || return 1
    abi_declarations "$1" >"$2/all.i" || return 1
    {
        printf '#include <cnn/cnn.h>\n'
        tr '\n' ' ' <"$2/all.i" | grep -oE '__attribute__\(\(visibility\("default"\)\)\)[^;{]*;' |
            sed 's/ *;$/ { __builtin_trap(); }/'
        grep -oE '\} cnn_[a-z0-9_]+;' "$2/all.i" | tr -d '} ;' | sort -u |
            sed 's/.*/CNN_API void abi_of_&(const & *x); void abi_of_&(const & *x) { (void)x; }/'
    } >"$2/stubs.c"
    $abi_compiler -std=c11 -g -O0 -w -fPIC -shared -fvisibility=hidden -I"$1" -Wl,-soname,libcnn.so \
        -o "$2/libcnn.so" "$2/stubs.c"
}

# abi_constants INCLUDE_FOLDER: the numbers that macros stand for, "NAME VALUE"; those of the version left out.
abi_constants() {
    abi_names=$(printf '#include <cnn/cnn.h>\n' | $abi_compiler -std=c11 -E -dM -I"$1" - |
        sed -nE 's/^#define (CNN_[A-Z0-9_]+) [-(0-9].*/\1/p' | grep -v '^CNN_VERSION_' | sort)
    abi_program=$(mktemp -d) || return 1
    {
        printf '#include <cnn/cnn.h>\n#include <stdio.h>\nint main(void)\n{\n'
        for abi_name in $abi_names; do
            printf '    printf("%s %%.9g\\n", (double)(%s));\n' "$abi_name" "$abi_name"
        done
        printf '    return 0;\n}\n'
    } >"$abi_program/constants.c"
    $abi_compiler -std=c11 -w -I"$1" -o "$abi_program/constants" "$abi_program/constants.c" && "$abi_program/constants"
    abi_status=$?
    rm -rf "$abi_program"
    return $abi_status
}

# abi_symbols MAP: "NODE NAME" of each exported function.
abi_symbols() {
    awk '/^CNN_[0-9.]+ *\{/ {node = $1} /^ +cnn_[a-z0-9_]+;/ {sub(/;/, "", $1); print node, $1}' "$1" | LC_ALL=C sort
}

# abi_header INCLUDE_FOLDER: all headers as one, without comments.
abi_header() {
    abi_text=$(mktemp) || return 1
    awk -v folder="$1" '
        function emit(name, line, parts) {
            if (name in seen) {
                return
            }
            seen[name] = 1
            while ((getline line < (folder "/" name)) > 0) {
                if (line ~ /^#include <cnn\//) {
                    split(line, parts, /[<>]/)
                    emit(parts[2])
                } else {
                    print line
                }
            }
        }
        BEGIN {emit("cnn/cnn.h")}' >"$abi_text"
    printf '/* SPDX-License-Identifier: MIT */\n/* Written by tests/abi/update.sh: all public headers, without comments. */\n'
    $abi_compiler -fpreprocessed -dD -E -P -x c "$abi_text" 2>/dev/null
    rm -f "$abi_text"
}

# abi_compare OLD_LIBRARY NEW_LIBRARY SUPPRESSIONS: what an older program would notice of the new library, which has no
# additions of functions, enumerators and, as SUPPRESSIONS say, of members at a struct's end. Nothing, and status 0, if
# all is well. The second report is there since abidiff 2.2 takes int32_t and float for compatible, and since a
# suppression hides all of a struct that has one addition.
abi_compare() {
    abidiff --no-added-syms --no-show-locs --fail-no-debug-info --suppr "$3" "$1" "$2" >"$2.report" 2>&1 || {
        cat "$2.report"
        return 1
    }
    abidiff --no-added-syms --no-show-locs --leaf-changes-only "$1" "$2" >"$2.leaf"
    ! sed '/no data member changes/d' "$2.leaf" | grep -E -A 200 'data member change|deletion|entity changed'
}

# abi_additions OLD_LIBRARY NEW_LIBRARY: names of functions, members and enumerators that are new.
abi_additions() {
    abidiff --no-show-locs --harmless --leaf-changes-only "$1" "$2" |
        sed -nE "s/^ *\[A\] 'function ([^']*)'.*/\1/p; s/^ *'([^']*)', at offset.*/\1/p; s/^ *'([A-Za-z0-9_:]+)' value .*/\1/p" |
        grep -v ' abi_of_'
}
