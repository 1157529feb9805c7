#!/bin/sh
# SPDX-License-Identifier: MIT
# What the maps of the source name is there: every file and folder in backticks, and the library's own names in
# docs/internals.md.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
cd "$CNN_SOURCE" || exit 1

# words MAP: what stands between backticks on one line, each once.
words() {
    # shellcheck disable=SC2016 # backticks are those of the map
    grep -o '`[^`]*`' "$1" | tr -d '`' | sort -u
}

# paths MAP: those of the words that are files or folders, by their ending. build/ is what a build makes.
paths() {
    words "$1" | grep -E '^[A-Za-z0-9_.*/-]+(/|\.(c|h|sh|py|md|txt|map|build|1))$' | grep -v '^build/'
}

# is_there FOLDER PATH: seen from the top, from the map's folder, from lib/ or include/; one without a folder by its name
# anywhere in the source. NAME stands for whatever is added: then its folder has to be there, or that of NAME/.
is_there() {
    case $2 in
    *NAME/*) wanted=${2%%NAME/*} ;;
    */*NAME*) wanted=${2%/*}/ ;;
    *NAME*) return 0 ;; # cmd_NAME.c, beside the map
    *) wanted=$2 ;;
    esac
    # Patterns are to be expanded.
    # shellcheck disable=SC2086
    for found in $wanted $1/$wanted lib/$wanted include/$wanted; do
        [ -e "$found" ] && return 0
    done
    case ${wanted%/} in
    */*) return 1 ;;
    esac
    [ -n "$(find lib src tests -name "${wanted%/}" -print)" ]
}

missing_paths() {
    paths "$1" | while IFS= read -r path; do
        is_there "$(dirname "$1")" "$path" || echo "$path"
    done
}

missing_names() {
    words "$1" | grep -oE '\b(cnn__?|tool_)[a-z0-9_]+' | sort -u | while IFS= read -r name; do
        grep -rqw "$name" --include='*.[ch]' --include='meson.build' lib include src || echo "$name"
    done
}

for map in docs/internals.md lib/README.md src/README.md tests/README.md CONTRIBUTING.md; do
    tap_check "$map names files" [ "$(paths "$map" | wc -l)" -ge 5 ]
    tap_empty "all files that $map names are there" "$(missing_paths "$map")"
done
tap_check 'docs/internals.md names functions and types' [ "$(words docs/internals.md | grep -c '^cnn_')" -ge 20 ]
tap_empty 'all names of functions and types in docs/internals.md are there' "$(missing_names docs/internals.md)"

# The picture is text, not words in backticks: files with their folder.
# shellcheck disable=SC2016
picture=$(sed -n '/^```$/,/^```$/p' docs/internals.md | grep -oE '(lib|include)/[a-z0-9_/]+(\.[ch])?' | sort -u)
tap_check 'the picture of docs/internals.md names files' [ "$(printf '%s\n' "$picture" | wc -l)" -ge 10 ]
tap_empty 'all files in that picture are there' \
    "$(for path in $picture; do [ -e "$path" ] || echo "$path"; done)"

tap_end
