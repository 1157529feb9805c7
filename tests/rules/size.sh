#!/bin/sh
# SPDX-License-Identifier: MIT
# Small rooms: no file of the library or the tool over 600 lines, no function over 60 or of a complexity over 19.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
cd "$CNN_SOURCE" || exit 1

sources=$(find lib src -name '*.[ch]')

# shellcheck disable=SC2086
tap_empty 'no file over 600 lines' "$(wc -l $sources | awk '$2 != "total" && $1 > 600 {print $2 ": " $1 " lines"}')"

# A function begins where a line is "{" alone and ends at the next line that is "}" alone, both in the first column.
# shellcheck disable=SC2086
functions=$(awk '
    FNR == 1 {begin = 0}
    /^\{[[:space:]]*$/ {begin = FNR}
    /^\}[[:space:]]*$/ && begin {print FNR - begin + 1, FILENAME ":" begin; begin = 0}
' $sources | sort -rn)
tap_empty 'no function over 60 lines' "$(printf '%s\n' "$functions" | awk '$1 > 60 {print $2 ": " $1 " lines"}')"

# McCabe's number, a switch counting once: 1, and 1 for each if, loop, switch, &&, || and ?.
# shellcheck disable=SC2086
complexity=$(awk '
    FNR == 1 {begin = 0; comment = 0}
    {
        line = $0
        gsub(/"([^"\\]|\\.)*"/, "", line)
        gsub(/\047([^\047\\]|\\.)*\047/, "", line)
        gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
    }
    comment && line !~ /\*\// {next}
    comment {sub(/.*\*\//, "", line); comment = 0}
    line ~ /\/\*/ {sub(/\/\*.*/, "", line); comment = 1}
    /^\{[[:space:]]*$/ {begin = FNR; count = 1; next}
    begin {
        count += gsub(/(^|[^a-zA-Z0-9_])(if|for|while|switch)([^a-zA-Z0-9_]|$)/, "&", line)
        count += gsub(/&&|\|\||\?/, "&", line)
    }
    /^\}[[:space:]]*$/ && begin {print count, FILENAME ":" begin; begin = 0}
' $sources | sort -rn)
tap_empty 'no function of a cyclomatic complexity of 20 or more' \
    "$(printf '%s\n' "$complexity" | awk '$1 >= 20 {print $2 ": " $1}')"

tap_check 'functions were found' [ "$(printf '%s\n' "$functions" | wc -l)" -gt 50 ]

# shellcheck disable=SC2046,SC2086
tap_empty 'no line over 120 columns' \
    "$(awk 'length($0) > 120 {print FILENAME ":" FNR}' $sources $(find include examples tests -name '*.[ch]' -o -name '*.cpp'))"

longest=$(printf '%s\n' "$functions" | head -n 1)
# shellcheck disable=SC2086
echo "# longest function: $longest; longest file: $(wc -l $sources | grep -v total | sort -rn | head -n 1)"
tap_end
