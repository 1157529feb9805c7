#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn summary: rows of inputs, long lists of classes; and cnn convert, what goes in and out.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

for network in cifar-cnn vgg11-notop; do
    run 0 "the table of $network" "$cnn" summary "$network" --input 32x32x3
    has out 'it begins with the input' '^input_1 \(InputLayer\) +\(None, 32, 32, 3\) +0 *$'
done
run 0 'a sequence' "$cnn" summary catdog
hasnt out 'it has no row for its input' InputLayer

mkdir photos && "$helpers/make_photos" photos 4 40
run 0 'a model of a hundred classes' "$cnn" train fashion-dnn --data photos --size 28x28x3 --epochs 1 --out two.cnn --quiet
run 0 'as weights alone' "$cnn" convert two.cnn two.safetensors
has err 'it tells what they lack' '^not in OUT  class names, preprocessing: '
i=0
while [ $i -lt 100 ]; do
    echo "class$i"
    i=$((i + 1))
done >names.txt
run 0 'with names' "$cnn" convert two.safetensors many.cnn --model fashion-dnn --input 28x28x3 --classes 100 --partial \
    --names names.txt
hasnt err 'a model file lacks nothing' 'not in OUT'
run 0 'its summary' "$cnn" summary many.cnn
has out 'it lists some' '^classes +0 class0, 1 class1, .*, 19 class19 and 80 more$'
run 0 'as an object' "$cnn" summary many.cnn --json
has out 'it has all' '"class99"'
run 1 'weights of another network' "$cnn" convert two.cnn other.cnn --model lenet5 --partial
has err 'it says that nothing fits' 'two.cnn: none of its 6 tensors fits lenet5$'
run 1 'weights of another network as a whole' "$cnn" convert two.cnn other.cnn --model densenet121
has err 'not all that is missing is told' '^and [0-9]+ more; --json lists all$'
has err 'nothing fits either' 'two.cnn: none of its 6 tensors fits densenet121$'
tap_check 'nothing is written' test ! -e other.cnn
tap_end
