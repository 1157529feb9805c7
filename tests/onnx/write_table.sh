#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the table of docs/onnx.md anew: sh tests/onnx/write_table.sh BUILD
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
table=$(mktemp)
trap 'rm -f "$table"' EXIT
CNN_ONNX_WRITE=1 CNN_SOURCE=$source "${1:-$source/build}/tests/test_onnx_conformance" |
    grep -v -e '^Running suite' -e '^100%' >"$table"
sed -i -e "/<!-- conformance -->/,/<!-- end -->/{/<!-- conformance -->/{p;r $table
};/<!-- end -->/p;d}" "$source/docs/onnx.md"
