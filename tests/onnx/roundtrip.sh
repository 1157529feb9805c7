#!/bin/sh
# SPDX-License-Identifier: MIT
# ONNX files and other programs: every layer through onnx's own checker and in ONNX Runtime. By hand, with a build folder,
# also every network of the zoo, and networks of torchvision, which PyTorch writes, are read, run and trained here with
# PyTorch's gradients and losses, and written again for ONNX Runtime (an hour; or some, by their names):
#
#     npm install --ignore-scripts onnxruntime-node
#     export CNN_BUILD=$PWD/build CNN_ONNXRUNTIME=$PWD/node_modules/onnxruntime-node
#     sh tests/onnx/roundtrip.sh zoo torchvision
#     sh tests/onnx/roundtrip.sh resnet18 torchvision:resnet50
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

# torchvision NAME...: PyTorch's own networks; none: all that the script has.
torchvision() {
    if [ -z "$python" ] || ! "$python" -c 'import torch, torchvision' 2>/dev/null; then
        tap_skip 'torchvision' 'python3-torch and python3-torchvision are not installed'
        return
    fi
    for network in $("$python" -c '
import sys
sys.path.insert(0, sys.argv[1])
from torchvision_models import MODELS
print(*(sys.argv[2:] or MODELS))' "$here" "$@"); do
        rm -rf "$work/files" && mkdir "$work/files"
        tap_check "$network: PyTorch" env OMP_NUM_THREADS=1 "$python" "$here/torchvision_models.py" "$work/files" "$network"
        for file in "$work/files"/*.losses.txt; do
            made=$(basename "$file" .losses.txt)
            "$CNN_BUILD/tests/onnx/train_models" "$work/files" "$made" >"$work/line" 2>&1
            tap_result $? "$(cat "$work/line")"
            rm -f "$work/files/$made.onnx"
        done
        run_files "$network, trained here" "$work/files"
    done
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
    torchvision) torchvision ;;
    torchvision:*) torchvision "${part#torchvision:}" ;;
    *)
        compare "$part" zoo "$part"
        ;;
    esac
done
tap_end
