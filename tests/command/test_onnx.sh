#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn convert and ONNX files: what is written, with and without preprocessing, and what is refused.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir plain && "$helpers/make_photos" plain 12 40
run 0 'a model' "$cnn" train fashion-dnn --data plain --size 28x28x3 --epochs 1 --out m.cnn
if "$cnn" convert m.cnn m.onnx 2>&1 | grep -q 'built without ONNX'; then
    tap_skip 'ONNX' 'the library was built without it'
    tap_end
    exit
fi
run 0 'a model as an ONNX file' "$cnn" convert m.cnn m.onnx
has out 'which says where' '^model +m\.onnx'
has m.onnx 'with its classes' 'classes'
has m.onnx 'and its preprocessing as text' 'resize=28x28'
cp m.onnx first.onnx
run 0 'once more' "$cnn" convert m.cnn m.onnx
tap_check 'gives the same bytes' cmp m.onnx first.onnx
run 0 'with its preprocessing' "$cnn" convert m.cnn with.onnx --with-preprocessing
has with.onnx 'as operators' 'antialias'
run 2 'preprocessing in a model file' "$cnn" convert m.cnn other.cnn --with-preprocessing
has err 'which says what it goes with' '\.onnx'
run 1 'a folder that is not there' "$cnn" convert m.cnn nowhere/m.onnx
tap_check 'leaves nothing' test ! -e nowhere
run 0 'a network of weights alone' "$cnn" convert m.cnn m.safetensors
run 1 'no preprocessing' "$cnn" convert m.safetensors m2.onnx --model fashion-dnn --input 28x28x3 --classes 2 \
    --with-preprocessing
has err 'is said' 'preprocessing'
tap_check 'and writes nothing' test ! -e m2.onnx
tap_end
