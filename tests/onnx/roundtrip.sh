#!/bin/sh
# SPDX-License-Identifier: MIT
# ONNX files and other programs: every layer (and, asked for by hand, every network) through onnx's own checker and in
# ONNX Runtime. By hand, with a build folder:
#
#     npm install --ignore-scripts onnxruntime-node
#     CNN_BUILD=$PWD/build CNN_ONNXRUNTIME=$PWD/node_modules/onnxruntime-node sh tests/onnx/roundtrip.sh zoo
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
here=$CNN_SOURCE/tests/onnx
writer=${CNN_BUILD:?the build folder}/tests/onnx/write_cases
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

python=
for candidate in /usr/bin/python3 python3; do
    if [ -z "$python" ] && "$candidate" -c 'import onnx' 2>/dev/null; then
        python=$candidate
    fi
done

# check_files DESCRIPTION FILE...: onnx's checker, types and shapes included. Its newest version is 18's predecessor in
# places, which says nothing of such files.
check_files() {
    checked=$1
    shift
    if [ -z "$python" ]; then
        tap_skip "$checked" 'python3-onnx is not installed'
        return
    fi
    tap_check "$checked" "$python" -c '
import sys, onnx
newest = onnx.defs.onnx_opset_version()
for path in sys.argv[1:]:
    model = onnx.load(path)
    if model.opset_import[0].version <= newest:
        try:
            onnx.checker.check_model(path, full_check=True)
        except Exception as error:
            sys.exit(f"{path}: {error}")
' "$@"
}

# run_files DESCRIPTION FOLDER: all files of a folder that write_cases filled, in ONNX Runtime. A line for each.
run_files() {
    if [ -z "${CNN_ONNXRUNTIME:-}" ]; then
        tap_skip "$1" 'CNN_ONNXRUNTIME names no folder of onnxruntime-node'
        return
    fi
    node "$here/ort.js" "$CNN_ONNXRUNTIME" "$2" >"$work/lines" 2>"$work/errors"
    while read -r line; do
        case $line in
        'not ok '*) tap_result 1 "$1: ${line#not ok }" ;;
        'ok '*) tap_result 0 "$1: ${line#ok }" ;;
        esac
    done <"$work/lines"
    if [ ! -s "$work/lines" ]; then
        tap_result 1 "$1"
        sed 's/^/# /' "$work/errors"
    fi
}

# compare DESCRIPTION KIND [NAME...]
compare() {
    description=$1
    shift
    rm -rf "$work/files" && mkdir "$work/files"
    tap_check "$description: written" "$writer" "$work/files" "$@"
    check_files "$description: onnx's checker" "$work/files"/*.onnx
    run_files "$description: ONNX Runtime" "$work/files"
}

if [ ! -x "$writer" ]; then
    tap_skip 'round trips' 'this build is without ONNX'
    tap_end
    exit
fi
if [ $# -eq 0 ]; then
    compare 'layers' cases
    compare 'preprocessing' images
fi
for part in "$@"; do
    case $part in
    zoo)
        for name in $("$writer" "$work" names); do
            compare "$name" zoo "$name"
        done
        ;;
    *)
        compare "$part" zoo "$part"
        ;;
    esac
done
tap_end
