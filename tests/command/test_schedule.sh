#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn train with a schedule of the learning rate, an early end and other metrics; the measures of cnn eval.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 30 40
options='--data photos --val-split 0.2 --batch 10 --lr 0.004 --seed 7'

# shellcheck disable=SC2086
train() {
    "$cnn" train fashion-dnn $options "$@"
}

# The learning rates of a log, in one line.
rates() {
    awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "learning_rate") c = i} NR > 1 {printf "%.6f ", $c}' "$1"
}

run 0 'steps' train --out one.cnn --epochs 5 --schedule step:every=2,gamma=0.5 --log one.csv
has err 'it tells the schedule' '^schedule    step:every=2,gamma=0\.5$'
tap_check 'the rates are those of the schedule' \
    test "$(rates one.csv)" = '0.004000 0.004000 0.002000 0.002000 0.001000 '
run 0 'a warm-up and a cosine' train --out two.cnn --epochs 4 --schedule warmup:epochs=1+cosine:step,minimum=1e-4
run 0 'the same in two parts: the first' \
    train --out parts.cnn --epochs 4 --schedule warmup:epochs=1+cosine:step,minimum=1e-4 --log parts.csv --patience 50
cmp -s two.cnn parts.cnn
tap_result $? 'patience that never ends changes nothing'
run 0 'a plateau, whole' \
    train --out whole.cnn --epochs 6 --schedule plateau:patience=0,factor=0.5 --metric f1 --log whole.csv
run 0 'a plateau, the first part' \
    train --out plateau.cnn --epochs 3 --schedule plateau:patience=0,factor=0.5 --metric f1 --threads 1
run 0 'a plateau, the second part' \
    train --out plateau.cnn --epochs 6 --schedule plateau:patience=0,factor=0.5 --metric f1 --log plateau.csv \
    --resume plateau.last.cnn --threads 3
tap_check 'the models have the same bits' cmp whole.cnn plateau.cnn
tap_check 'the rates are the same' test "$(rates whole.csv)" = "$(rates plateau.csv)"
tap_check 'the rate was cut' sh -c "[ \"$(rates whole.csv | awk '{print ($1 > $6)}')\" = 1 ]"
has whole.csv 'the log has the metric and accuracy' '^epoch,loss,f1,accuracy,.*val_f1,val_accuracy'
has out 'the result has the metric' 'val_accuracy [0-9.]+, val_loss [0-9.]+, val_f1 [0-9.]+$'
run 1 'going on with another schedule' \
    train --out no.cnn --epochs 7 --schedule plateau:patience=1 --metric f1 --resume plateau.last.cnn
has err 'it names the schedule of the checkpoint' 'with the schedule "plateau:patience=0,factor=0\.5"'
run 1 'going on with another momentum' \
    train --out no.cnn --epochs 7 --optimizer nesterov --resume plateau.last.cnn

run 0 'an early end' train --out early.cnn --epochs 500 --patience 3
has err 'it says why' '^3 epochs without a better one'
epochs=$(grep -c '^epoch' err)
tap_check 'it ends early' test "$epochs" -lt 500
run 0 'an early end is complete' train --out early.cnn --epochs 500 --patience 3 --resume early.last.cnn
has err 'it says so' '^already complete: 3 epochs without a better one'

run 0 'a low score is better' train --out loss.cnn --epochs 2 --metric log_loss --json --quiet
[ "$(tail -n 1 out | json log_loss)" != '' ]
tap_result $? 'the JSON has the metric'
run 0 'AUC decides' train --out auc.cnn --epochs 2 --metric auc --topk 2
run 2 'a schedule that is none' train --out no.cnn --schedule steps
has err 'it lists those there are' '--schedule: schedule: character 1: expected one of constant, step'
run 2 'an option that a schedule does not have' train --out no.cnn --schedule cosine:gamma=1
run 2 'a metric that is none' train --out no.cnn --metric accurate
has err 'it lists those there are' '--metric: evaluator: there is no "accurate"; there are accuracy'
# The help and the manual page list the same: the message comes from the library's table.
for name in $(sed -n 's/.*there are //p' err | sed 's/([^)]*)//g; s/ and /, /; s/,/ /g; s/topK/top5/'); do
    "$cnn" help train | tr -s ' \n' ' ' | grep -qE "[ (]$name[ ,.]"
    tap_result $? "the help names $name"
    grep -qE "(^| )$name([ ,.]|\$)" "$CNN_SOURCE/docs/cnn.1"
    tap_result $? "the manual page names $name"
done
run 2 'no patience' train --out no.cnn --patience 0

run 0 'evaluation of two classes' "$cnn" eval one.cnn --data photos
has out 'it prints AUC' '^auc       (1\.0000|0\.[0-9]{4})$'
has out 'it prints the macro mean' '^macro mean +[0-9.]+ +[0-9.]+ +[0-9.]+ +60$'
has out 'it prints the micro mean' '^micro mean +[0-9.]+ +[0-9.]+ +[0-9.]+ +60$'
run 0 'evaluation as JSON' "$cnn" eval one.cnn --data photos --json
tap_check 'micro precision is the accuracy' test "$(json micro precision <out)" = "$(json accuracy <out)"
tap_check 'the JSON has AUC' awk "BEGIN {exit !($(json auc <out) > 0.5)}"
tap_end
