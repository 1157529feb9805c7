#!/bin/sh
# SPDX-License-Identifier: MIT
# A network that torchvision trained, as a model file: converted with its classes and preprocessing, asked about photos,
# and written again for PyTorch and for Keras.
#     sh examples/convert.sh WEIGHTS [MODEL] PHOTO...
# WEIGHTS is a state dict, .pth or safetensors, such as resnet18-f37072fd.pth; MODEL the network, resnet18 if the next
# word is a file.
set -eu
[ $# -ge 2 ] || { echo "usage: convert.sh WEIGHTS [MODEL] PHOTO..." >&2; exit 2; }
weights=$1
model=resnet18
shift
if [ ! -e "$1" ]; then
    model=$1
    shift
fi
cnn convert "$weights" "$model.cnn" --model "$model" --names imagenet --preprocess torchvision
cnn predict "$model.cnn" --topk 3 -- "$@"
cnn convert "$model.cnn" "$model.safetensors" # for load_state_dict()
if cnn convert "$model.cnn" "$model.h5"; then # Keras; needs a command with libhdf5
    echo "written: $model.cnn, $model.safetensors, $model.h5"
else
    echo "written: $model.cnn, $model.safetensors"
fi
