#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn train: what a step and an epoch are, averages of the weights, evaluations in between, the search for a learning
# rate, the order of the images; all of it resumed to the same bits.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 30 40
options='--data photos --val-split 0.2 --batch 8 --lr 0.004 --seed 7'

# shellcheck disable=SC2086
train() {
    "$cnn" train fashion-dnn $options "$@"
}

more='--accumulate 2 --steps-per-epoch 5 --validation-steps 3 --average ema:decay=0.9 --schedule triangular
    --optimizer adamw+lookahead:every=3'
# shellcheck disable=SC2086
run 0 'a whole training' train --out whole.cnn --epochs 4 $more --log whole.csv
# shellcheck disable=SC2086
run 0 'its first part' train --out part.cnn --epochs 4 $more --patience 50 --threads 1
cmp -s whole.cnn part.cnn
tap_result $? 'the bits do not depend on the threads'
# shellcheck disable=SC2086
run 0 'going on after the end' train --out part.cnn --epochs 4 $more --patience 50 --resume part.last.cnn
has err 'it is complete' '^already complete'
tap_check 'an epoch for each row' test "$(wc -l <whole.csv)" -eq 5
run 1 'going on with another average' train --out no.cnn --epochs 5 --optimizer adamw+lookahead:every=3 \
    --schedule triangular --accumulate 2 --steps-per-epoch 5 --resume part.last.cnn
has err 'it names the average' 'with the average "ema:decay=0\.9,start=0", not "none"'

run 0 'evaluations in between' train --out often.cnn --epochs 2 --eval-every 4 --json
has err 'it tells them' \
    '^epoch 1/2, step 4: loss [0-9.]+ of the step, [0-9.]+ \(running\), val_loss [0-9.]+, val_accuracy [0-9.]+$'
[ "$(grep -c '"step"' out)" -ge 2 ] && [ "$(grep '"step"' out | head -n 1 | json val_accuracy)" != '' ]
tap_result $? 'and in JSON'
[ "$(grep '"step"' out | head -n 1 | json step_loss)" != '' ]
tap_result $? 'with the loss of the step'
run 0 'none in between' train --out rarely.cnn --epochs 2
cmp -s often.cnn rarely.cnn
tap_result $? 'they change nothing'
run 0 'in training mode' train --out dropout.cnn --epochs 2 --training-mode --log dropout.csv
run 0 'and not' train --out plain.cnn --epochs 2 --log plain.csv
[ "$(cut -d, -f1-3 dropout.csv)" = "$(cut -d, -f1-3 plain.csv)" ]
tap_result $? 'the training is the same'
column=$(head -n 1 plain.csv | tr ',' '\n' | grep -n '^val_loss$' | cut -d: -f1)
[ "$(tail -n 1 plain.csv | cut -d, -f"$column")" != "$(tail -n 1 dropout.csv | cut -d, -f"$column")" ]
tap_result $? 'validation is another one'
run 0 'swa' train --out swa.cnn --epochs 3 --average swa:start=1
run 0 'the last epochs' train --out last.cnn --epochs 3 --average last:count=2 --no-shuffle
run 2 'an average that is none' train --out no.cnn --average mean
has err 'it lists those there are' '--average: average: character 1: expected one of ema, swa, last'
run 2 'an evaluation without images for it' \
    "$cnn" train fashion-dnn --data photos --out no.cnn --eval-every 5
has err 'it says what it goes with' '--eval-every goes with --val'

run 0 'smoothed and mixed' train --out mixed.cnn --epochs 2 --label-smoothing 0.1 --mixup 0.2 --cutmix 1 \
    --augment 'rand_augment,erase'
run 0 'with a teacher' train --out pupil.cnn --epochs 2 --teacher mixed.cnn --temperature 2
run 1 'a teacher that is not there' train --out no.cnn --teacher nobody.cnn
run 2 'a temperature without a teacher' train --out no.cnn --temperature 2
has err 'it says what it goes with' '--temperature goes with --teacher'

if draws; then
    run 0 'a search for a learning rate' "$cnn" train fashion-dnn --data photos --find-lr rates.png --seed 3
    has out 'it suggests one' '^learning rate  [0-9.e-]+, where the loss falls most steeply$'
    tap_check 'the picture is there' test -s rates.png
    run 0 'the same as JSON' "$cnn" train fashion-dnn --data photos --find-lr rates.svg --seed 3 --json
    [ "$(json learning_rate <out)" != '' ]
    tap_result $? 'it has the rate'
    tap_check 'no model was written' test ! -e photos.cnn
    run 2 'a picture of no kind' "$cnn" train fashion-dnn --data photos --find-lr rates.txt
fi
tap_end
