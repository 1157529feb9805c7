#!/bin/sh
# SPDX-License-Identifier: MIT
# Who includes whom: the table of lib/README.md against the #include lines.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
cd "$CNN_SOURCE/lib" || exit 1

# The rules are the table of lib/README.md: its first two columns as "folder: the other folders of lib/ whose headers its
# files may include". core/ is open to all.
# shellcheck disable=SC2016 # the backticks are the table's
rules=$(sed -n 's/^| `\([a-z]*\)\/` | \([^|]*\) |.*/\1: \2/p' README.md | sed 's/,//g; s/ *$//; s/: nothing$/:/')
tap_check "lib/README.md's table has a row for each folder and no other" \
    [ "$(printf '%s\n' "$rules" | sed 's/:.*//' | sort)" = "$(printf '%s\n' */ | tr -d / | sort)" ]

# offenders FOLDER ALLOWED: files of FOLDER with an include of a folder that is not allowed.
offenders() {
    grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' --include='*.c' --include='*.h' "$1" |
        while IFS= read -r line; do
            header=$(printf '%s\n' "$line" | sed 's/.*"\(.*\)".*/\1/')
            case $header in
            */*) folder=${header%%/*} ;;
            *) folder=$1 ;; # a file beside it
            esac
            case " $1 core $2 " in
            *" $folder "*) ;;
            *) echo "$line" ;;
            esac
        done
}

# unused FOLDER ALLOWED: folders that are allowed but that no file of FOLDER includes.
unused() {
    for other in $2; do
        grep -rqE "^[[:space:]]*#[[:space:]]*include[[:space:]]*\"$other/" --include='*.c' --include='*.h' "$1" ||
            echo "$other"
    done
}

for folder in */; do
    folder=${folder%/}
    rule=$(printf '%s\n' "$rules" | grep "^$folder:") || rule=
    tap_check "$folder/ has a rule" [ -n "$rule" ]
    tap_empty "$folder/ includes only what it may" "$(offenders "$folder" "${rule#*:}")"
    tap_empty "$folder/ includes all that the table says" "$(unused "$folder" "${rule#*:}")"
done

private=$(grep -rnE '#[[:space:]]*include[[:space:]]*"' --include='*.[ch]' zoo | grep -vE '"(zoo|core)/')
tap_empty 'zoo/ sees public headers and core/ alone' "$private"

# The tool may include its own headers, those of the library as <cnn/...>, and nothing of lib/.
outside=$(grep -rnE '#[[:space:]]*include[[:space:]]*"' --include='*.[ch]' ../src | grep -vE '"(tool|report)(_[a-z_]*)?\.h"')
tap_empty 'src/ sees nothing of lib/' "$outside"

private=$(grep -rnE '#[[:space:]]*include[[:space:]]*"' ../include)
tap_empty 'public headers include <...> alone' "$private"

outside=$(grep -rnE '#[[:space:]]*include[[:space:]]*"' --include='*.c' --include='*.cpp' ../examples)
tap_empty 'examples include <...> alone' "$outside"

# Images and data know no model; a backend knows shapes and pointers.
models='<cnn/(model|train|loss|optimizer|evaluator|zoo|cnn)\.h>'
tap_empty 'core/ image/ dataset/ pipeline/ loader/ backend/ know no model' \
    "$(grep -rnE "$models" --include='*.[ch]' core image dataset pipeline loader backend)"
tap_empty 'image/ knows no dataset' "$(grep -rnE '<cnn/(dataset|loader)\.h>' --include='*.[ch]' image)"

# Arithmetic is reached by way of the vtable alone.
tap_empty 'BLIS is called by backend/blis/ alone' \
    "$(grep -rnlE '[<"](blis|cblas)\.h' --include='*.[ch]' . | grep -v '^\./backend/blis/')"

tap_end
