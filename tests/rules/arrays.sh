#!/bin/sh
# SPDX-License-Identifier: MIT
# Layers and sessions never read or write a value: a backend may own the memory that arrays lie in. The test
# session/own_memory proves it as the program runs; this one reads the text.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
cd "$CNN_SOURCE/lib" || exit 1

files=$(find layer session -name '*.[ch]')

# shellcheck disable=SC2086
tap_empty 'no value of an array in a call is indexed' "$(grep -nE \
    '(inputs|parameters|gradients)\[[^]]*\]\[|(->|\.)(output|output_gradient|memory|gradients|host)\[' $files |
    grep -vE 'plan(->|\.)gradients\[')"

# Names of variables and parameters that are pointers to float, each in its own file; arrays of pointers are not.
# shellcheck disable=SC2086
tap_empty 'no pointer to float is indexed or read' "$(awk '
    FNR == 1 {split("", names)}
    {
        line = $0
        while (match(line, /float \*[a-z_0-9]+/)) {
            name = substr(line, RSTART + 7, RLENGTH - 7)
            rest = substr(line, RSTART + RLENGTH)
            if (rest !~ /^\[/ && name != "alpha") names[name] = 1 # an alpha is a number with a place
            line = rest
        }
        for (name in names) {
            if ($0 ~ ("(^|[^a-z_0-9.>])" name "\\[") || $0 ~ ("[=(,+*/-] \\*" name "[^a-z_0-9]")) {
                print FILENAME ":" FNR ": " $0
            }
        }
    }' $files)"

# Copies of values are the backend'\''s: what is copied here are shapes, states and names.
# shellcheck disable=SC2086
tap_empty 'no array of a call is copied or cleared' \
    "$(grep -nE 'mem(cpy|set|move)\([^;]*(call->|session->(memory|parameters|gradients|input))' $files)"

tap_end
