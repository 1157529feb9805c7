#!/bin/sh
# SPDX-License-Identifier: MIT
# What cnn train and cnn eval say on their way: files that would be taken for others, numbers of the training, classes,
# rates of two classes, times, how far the measuring is; and where the axis of a learning curve begins.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 20 24
train="$cnn train fashion-dnn --data photos --val-split 0.2 --batch 8 --epochs 1 --seed 2"

# ---- names of files ----

for name in a.h5 a.HDF5 a.keras a.pth a.pt a.onnx a.npz a.h; do
    # shellcheck disable=SC2086
    run 2 "a model under the name $name" $train --out $name
    tap_check 'nothing is written' sh -c '! ls a.* >/dev/null 2>&1'
done
# shellcheck disable=SC2086
run 2 'a model for PyTorch' $train --out sub.dir/a.pth
has err 'it says how to get it' '--out sub.dir/a.pth: .* not one of PyTorch: name it sub.dir/a.cnn, then `cnn convert sub.dir/a.cnn sub.dir/a.safetensors`'
# shellcheck disable=SC2086
run 0 'a name that is another one' $train --out .h5.cnn --metric fnr
has out 'the rate chooses the best epoch' '^best epoch  1 of 1: .*, val_fnr [01]\.[0-9]{4}$|^best epoch  none of 1: no fnr'
run 2 'classes learnt under such a name' "$cnn" learn .h5.cnn --data photos --out a.onnx
run 2 'probabilities likewise' "$cnn" calibrate .h5.cnn --data photos --out a.h5
tap_check 'nothing is written' sh -c '! ls a.* >/dev/null 2>&1'

# ---- numbers ----

# shellcheck disable=SC2086
run 0 'a momentum and a weight decay' $train --out m.cnn --optimizer nesterov --weight-decay 0.001
has err 'both are told' '^training    1 epoch of 4 steps, batch 8, nesterov \([a-z]+\), learning rate 0\.01, momentum 0\.9, weight decay 0\.001, '
# shellcheck disable=SC2086
run 0 'none of both' $train --out m.cnn --replace --epochs 2 --batch 40 --optimizer 'sgd:weight_decay=0.001'
has err 'they are not told' '^training    2 epochs of 1 step, batch 40, sgd:weight_decay=0\.001 \([a-z]+\), learning rate 0\.01, [a-z]+_'
i=0
mkdir many
while [ $i -lt 13 ]; do
    mkdir many/$i && cp "photos/cat.$i.jpg" "photos/dog.$i.jpg" many/$i
    i=$((i + 1))
done
run 0 'even classes' "$cnn" train fashion-dnn --data many --epochs 1 --out many.cnn
has err 'their number is told once' '^training on 13 classes, 2 images each$'
rm many/3/dog*
run 0 'uneven ones' "$cnn" train fashion-dnn --data many --epochs 1 --out many.cnn --replace
has err 'the least and the most' '^training on 13 classes, the smallest 3 1, the largest 0 2$'
run 1 'a rate of more than two classes' "$cnn" train fashion-dnn --data many --epochs 1 --out no.cnn --metric fpr
has err 'it says so' 'evaluator fpr: is for two classes, not for 13$'
run 0 'a penalty' "$cnn" train resnet50-keras --size 32x32 --data photos --limit 6 --batch 3 --val-split 0.34 --epochs 1 \
    --out penalty.cnn
has err 'it stands beside both losses' \
    '^epoch 1/1: loss [0-9.]+ \(penalty [0-9.]+\), accuracy .*; val_loss [0-9.]+ \(penalty [0-9.]+\), val_accuracy'

# ---- times ----

run 0 'an evaluation' "$cnn" eval m.cnn --data photos
has out 'its time' '^time      [0-9]+\.[0-9]{2} s$'
echo path,label >many.csv
for name in photos/cat.*; do
    i=0
    while [ $i -lt 53 ]; do
        echo "$name,cat" && echo "photos/dog.$((i % 20)).jpg,dog"
        i=$((i + 1))
    done
done >>many.csv
run 0 'a mean of 2,120 images' "$cnn" train fashion-dnn --data many.csv --mean auto --epochs 1 --out mean.cnn
tap_check 'it tells each thousand' test "$(grep -cE '^mean        [12][0-9]{3}/2120 images$' err)" -eq 2

# ---- the curve ----

if draws; then
    # shellcheck disable=SC2086
    run 0 'losses that hardly change' $train --out curve.cnn --optimizer sgd --lr 1e-9 --epochs 3 --curve flat.png
    # The panel of the losses is between 58 and 348 from the top: with an axis from 0 on all lines are near 90.
    # shellcheck disable=SC2086
    run 0 'the same as vectors' $train --out curve.cnn --optimizer sgd --lr 1e-9 --epochs 3 --curve flat.svg --replace
    sed -n 's/.*stroke-width:2;.*rgb(12.*d="M [0-9.]* \([0-9.]*\) L.*/\1/p' flat.svg >places
    awk 'NR == 1 {exit !($1 > 125 && $1 < 330)}' places && [ -s places ]
    tap_result $? 'the axis begins near them'
fi
tap_end
