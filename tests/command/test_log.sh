#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn train --log: every step and epoch once, with all digits, also of a training in parts; the bar and its curve.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 40 40
"$cnn" split photos parts --train 25 --val 10 --test 5 >/dev/null
options='--data parts/train --val parts/validation --batch 10 --lr 0.003 --seed 7'

# shellcheck disable=SC2086
train() {
    "$cnn" train fashion-dnn $options "$@"
}

# The columns that are the same in each run, of CSV and of JSON.
steady() {
    cut -d, -f1-6 "$1"
}

events() {
    sed 's/, "images_per_second.*//; s/, "learning_rate": .*//' "$1"
}

run 0 'a log in CSV' train --out one.cnn --epochs 3 --log one.csv
tap_check 'it has a row for each epoch' test "$(wc -l <one.csv)" -eq 4
tap_check 'and for each step, beside it' test "$(wc -l <one.steps.csv)" -eq 16
has one.steps.csv 'it names its columns' \
    '^epoch,step,step_loss,loss,accuracy,learning_rate,images_per_second,seconds$'
tap_check 'steps count on from epoch to epoch' test "$(tail -n 1 one.steps.csv | cut -d, -f1,2)" = 3,15
run 0 'a log in JSON' train --out two.cnn --epochs 3 --log two.jsonl
json event <two.jsonl >events
tap_check 'steps, then their epoch' test "$(tr '\n' ' ' <events | cut -c1-46)" = \
    'step step step step step epoch step step step '
tap_check 'and how it ended' test "$(tail -n 1 two.jsonl | json state) $(tail -n 1 two.jsonl | json epoch)" = \
    'finished 3'
grep '"step",' two.jsonl | json step_loss >json.losses
tail -n +2 one.steps.csv | cut -d, -f3 >csv.losses
paste csv.losses json.losses | awk '$1 + 0 != $2 + 0 {bad = 1} {n++} END {exit bad || n != 15}'
tap_result $? 'both hold the same losses'
[ "$(sed -n 6p one.steps.csv | cut -d, -f3)" = "$(sed -n 2p one.csv | cut -d, -f"$(head -n 1 one.csv | tr ',' '\n' |
    grep -n '^step_loss$' | cut -d: -f1)")" ]
tap_result $? 'the last step of an epoch is the one that its row tells'
awk -F, 'NR > 1 && length($3) >= 14 {n++} END {exit n < 10}' one.steps.csv
tap_result $? 'numbers have all their digits'

# ---- going on ----

run 0 'the first epoch' train --out part.cnn --epochs 1 --log part.csv
printf '9,6,1,1,1,1,1,1\n2,7,0.5,0.5,0.5,0.003,1,1\n2,8,0.5' >>part.steps.csv
printf '2,0.5,0.5\n' >>part.csv
run 0 'the others' train --out part.cnn --epochs 3 --log part.csv --resume part.last.cnn
steady one.steps.csv >wanted && steady part.steps.csv >found
tap_check 'rows after the checkpoint are dropped, and each step is there once' cmp wanted found
tap_check 'and so is each epoch' test "$(cut -d, -f1 part.csv | tr '\n' ' ')" = 'epoch 1 2 3 '
run 0 'the same in JSON' train --out part.cnn --epochs 1 --log part.jsonl --replace
grep '"step": 5,' part.jsonl | sed 's/"step": 5,/"step": 6,/' >>part.jsonl
run 0 'and the others' train --out part.cnn --epochs 3 --log part.jsonl --resume part.last.cnn
events two.jsonl >wanted && events part.jsonl >found
tap_check 'the lines are those of a training in one go' cmp wanted found
run 0 'a log that begins later' train --out part.cnn --epochs 4 --log late.jsonl --resume part.last.cnn
tap_check 'it has all epochs, and the steps since then' \
    test "$(grep -c '"epoch",' late.jsonl) $(grep -c '"step",' late.jsonl)" = '4 5'
run 0 'nothing left to do' train --out part.cnn --epochs 4 --log late.jsonl --resume part.last.cnn
tap_check 'the log is as it was' test "$(wc -l <late.jsonl)" -eq 10
run 1 'a training that fails in its course' train --out bad.cnn --epochs 2 --log bad.jsonl --optimizer sgd --lr 1000
tap_check 'the log says so' test "$(tail -n 1 bad.jsonl | json state)" = failed
# shellcheck disable=SC2086
"$cnn" train fashion-dnn $options --out stop.cnn --epochs 1000 --log stop.jsonl >out 2>err &
child=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.2
    ! grep -q '"epoch",' stop.jsonl 2>/dev/null || break
done
kill -s TERM $child && ! wait $child
tap_result $? 'a training that is stopped'
tap_check 'the log says so, too' test "$(tail -n 1 stop.jsonl | json state)" = stopped
run 0 'and goes on' train --out stop.cnn --epochs "$(($(grep -c '"epoch",' stop.jsonl) + 2))" --log stop.jsonl \
    --resume stop.last.cnn
grep '"step",' stop.jsonl | json step | awk '$1 != NR {bad = 1} END {exit bad || NR % 5 != 0}'
tap_result $? 'without a gap, and without a step twice'

# ---- evaluations between steps, and what weight decay stands for ----

# Lines whose last two columns are filled, of steps 2, 4 and so on.
evaluated() {
    awk -F, 'NR == 1 {ok = $(NF - 1) == "val_loss" && $NF == "val_accuracy"; fields = NF; next}
        NF != fields || ($2 % 2 == 0) != ($(NF - 1) != "" && $NF != "") {ok = 0}
        END {exit !ok || NR != '"$2"'}' "$1"
}
run 0 'evaluations after every other step' train --out every.cnn --epochs 2 --eval-every 2 --weight-decay 0.02 \
    --log every.csv
tap_check 'their steps have them, those that end an epoch too' evaluated every.steps.csv 11
has every.steps.csv 'beside the penalty of weight decay' ',seconds,decay_penalty,val_loss,val_accuracy$'
awk -F, 'NR > 1 && !($9 > 0) {bad = 1} END {exit bad}' every.steps.csv
tap_result $? 'which every step has'
run 0 'the first epoch of it' train --out some.cnn --epochs 1 --eval-every 2 --weight-decay 0.02 --log some.csv
run 0 'and the others' train --out some.cnn --epochs 2 --eval-every 2 --weight-decay 0.02 --log some.csv \
    --resume some.last.cnn
cut -d, -f1-6,9-11 every.steps.csv >wanted && cut -d, -f1-6,9-11 some.steps.csv >found
tap_check 'the rows are those of a training in one go' cmp wanted found
run 0 'the same in JSON' train --out some.cnn --epochs 1 --eval-every 2 --log some.jsonl --replace
run 0 'and the second epoch' train --out some.cnn --epochs 2 --eval-every 2 --log some.jsonl --resume some.last.cnn
json event <some.jsonl >events
tap_check 'evaluations follow their steps' test "$(tr '\n' ' ' <events)" = "$(printf '%s ' step step evaluation step \
    step evaluation step epoch step evaluation step step evaluation step step evaluation epoch end)"
[ "$(grep evaluation some.jsonl | head -n 1 | json val_accuracy)" != '' ] &&
    [ "$(grep evaluation some.jsonl | head -n 1 | json step_loss)" = \
        "$(grep '"step", "epoch": 1, "step": 2,' some.jsonl | json step_loss)" ]
tap_result $? 'with the loss of the step'
run 0 'by the loss' train --out some.cnn --epochs 1 --eval-every 3 --metric loss --log loss.csv --replace
awk -F, 'NF != 8 || (NR > 1 && ($2 == 3) != ($8 != "")) {bad = 1} END {exit bad || NR != 6}' loss.steps.csv
tap_result $? 'there is no column for the score'

run 2 'steps over another file' train --out x.steps.csv --epochs 1 --log x.csv
has err 'it names both' 'the steps of --log'

# ---- pictures ----

if draws; then
    run 0 'a curve of single batches' train --out curve.cnn --epochs 2 --curve curve.svg --curve-style batches \
        --weight-decay 0.01
    has curve.svg 'it is a picture' '<svg'
    run 0 'and one of means' train --out curve.cnn --epochs 2 --curve means.svg --replace
    tap_check 'they differ' sh -c '! cmp -s curve.svg means.svg'
else
    tap_skip 'a curve of single batches' 'made without cairo'
fi
run 2 'a style without a curve' train --out x.cnn --epochs 1 --curve-style batches
if command -v script >/dev/null && script -qec true /dev/null >/dev/null 2>&1; then
    # The bar is redrawn ten times a second: a training that is long enough.
    bar() {
        script -qec "stty cols $2; LC_ALL=$1 $cnn train fashion-dnn $options --out bar.cnn --replace --epochs 60" \
            /dev/null </dev/null | tr '\r' '\n' >terminal
    }
    bar C.UTF-8 160
    has terminal 'a bar, and beside it a curve of the loss' '\[=*>?\.*\].*loss [0-9.]+ (▁|▂|▃|▄|▅|▆|▇|█)+  accuracy.* images/s'
    bar C.UTF-8 80
    awk '/\[=*>?\.*\]/ {n++} END {exit n == 0}' terminal
    tap_result $? 'and on a narrow terminal a bar as well'
    bar C 160
    has terminal 'the same where there is no UTF-8' '\[=*>?\.*\].*loss [0-9.]+  accuracy'
    hasnt terminal 'has no blocks' '▁'
else
    tap_skip 'the bar' 'there is no script(1) that makes a terminal'
fi
tap_end
