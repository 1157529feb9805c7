#!/bin/sh
# SPDX-License-Identifier: MIT
# The files that commands write: what lies there is not lost, two of them are never one, devices and pipes are written
# to as they are, and what cannot be written is known before the work.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 20 40
"$cnn" split photos parts --train 12 --val 6 --test 2 >/dev/null
options='--data parts/train --val parts/validation --size 28x28x3 --batch 8 --lr 0.003 --seed 7'

# shellcheck disable=SC2086
train() {
    "$cnn" train fashion-dnn $options "$@"
}

accuracy() {
    "$cnn" eval "$1" --data parts/validation --json | json accuracy
}

# ---- what other trainings left ----

run 0 'a training' train --out m.cnn --epochs 3
hasnt err 'nothing was there' 'was there already'
cp m.cnn first.cnn && cp m.last.cnn first.last.cnn
run 0 'another training under the same name' train --out m.cnn --epochs 1 --seed 8
has err 'it says what was there' '^warning: m\.cnn was there already: what it holds is kept as m\.previous\.cnn$'
has err 'and of the checkpoint' '^warning: m\.last\.cnn was there already, .* kept as m\.previous\.last\.cnn$'
tap_check 'the model is kept' cmp first.cnn m.previous.cnn
tap_check 'the checkpoint is kept' cmp first.last.cnn m.previous.last.cnn
tap_check 'the new model is there' sh -c '! cmp -s m.cnn first.cnn'
run 0 'the pair that was kept can go on' train --out m.previous.cnn --epochs 4 --resume m.previous.last.cnn
hasnt err 'its files are its own' 'was there already'
cp m.cnn second.cnn
run 0 'a third training' train --out m.cnn --epochs 1 --seed 9
has err 'it takes another name' 'kept as m\.previous2\.cnn$'
tap_check 'the second model is kept too' cmp second.cnn m.previous2.cnn
rm -f m.previous*
run 0 'a training that may replace' train --out m.cnn --epochs 1 --replace
hasnt err 'it does not warn' 'warning'
tap_check 'it keeps nothing' sh -c '! ls m.previous* 2>/dev/null | grep .'
cp m.cnn before.cnn
run 1 'a training that fails at once' train --out m.cnn --epochs 9 --resume first.last.cnn --seed 3
tap_check 'the old model is where it was' cmp m.cnn before.cnn
tap_check 'and has no second name' sh -c '! ls m.previous* 2>/dev/null | grep .'
echo text >notes.txt
run 0 'a file that is no model' train --out notes.txt --epochs 1
tap_check 'it is kept as well' grep -q text notes.previous.txt

# ---- a model that is trained further into its own file ----

run 0 'a good model' train --out pet.cnn --epochs 6
cp pet.cnn good.cnn && cp pet.last.cnn good.last.cnn
run 0 'a worse epoch from it' "$cnn" train pet.cnn --data parts/train --val parts/validation --batch 8 --epochs 1 --lr 3 --out pet.cnn
has err 'it is measured first' '^begins with val_loss [0-9.]+, val_accuracy [0-9.]+: pet\.cnn stays as it is unless'
tap_check 'the better model stays' cmp pet.cnn good.cnn
has out 'and its scores are told' '^best epoch  none of 1: the model stays as it was, val_accuracy '
tap_check 'without a second name' test ! -e pet.previous.cnn
run 0 'the same as JSON' "$cnn" train pet.cnn --data parts/train --val parts/validation --batch 8 --epochs 1 --lr 3 --out pet.cnn --json --quiet
[ "$(tail -n 1 out | json best_epoch)" = null ] && [ "$(tail -n 1 out | json accuracy)" = "$(accuracy good.cnn)" ]
tap_result $? 'no epoch is the best one'
ln -s pet.cnn link.cnn
run 0 'the same by a link' "$cnn" train link.cnn --data parts/train --val parts/validation --batch 8 --epochs 1 --lr 3 --out ./pet.cnn
tap_check 'the better model stays' cmp pet.cnn good.cnn
run 0 'a bad model' train --out bad.cnn --epochs 1 --lr 1e-9
cp bad.cnn bad.copy
run 0 'better epochs from it' "$cnn" train bad.cnn --data parts/train --val parts/validation --batch 8 --epochs 6 --lr 0.003 --out bad.cnn --metric loss
tap_check 'the better model is there' sh -c '! cmp -s bad.cnn bad.copy'
tap_check 'the worse one is not kept' test ! -e bad.previous.cnn
run 0 'without validation' "$cnn" train bad.cnn --data parts/train --batch 8 --epochs 1 --out bad.cnn
has err 'nothing can be compared: it is kept' 'kept as bad\.previous2\.cnn'

# ---- going on under another name ----

run 0 'a training that goes on elsewhere' train --out new.cnn --epochs 6 --resume good.last.cnn --metric accuracy
for file in $(awk '$1 == "model" || $1 == "checkpoint" {print $2}' out); do
    tap_check "$file, which it names, is there" test -s "$file"
done
tap_check 'it is the best model' cmp new.cnn good.cnn
cp first.cnn other.cnn
run 0 'into a file of another training' train --out other.cnn --epochs 6 --resume good.last.cnn
has err 'what was there is kept' 'kept as other\.previous\.cnn'
tap_check 'under another name' cmp other.previous.cnn first.cnn
tap_check 'the best model is there' cmp other.cnn good.cnn

# ---- one name for two files ----

same() {
    run 2 "$1" "$2" train fashion-dnn --data parts/train --size 28x28x3 --epochs 1 "$3" "$4" "$5" "$6" "$7" "$8"
    has err "$1: it says so" 'are the same file: '
}
cp good.cnn x.cnn && cp first.last.cnn x.last.cnn && cp x.cnn x.copy && mkdir sub
ln -s x.cnn alias.csv
ln -s nothing.cnn loop.csv
same 'model and log' "$cnn" --out x.cnn --log x.cnn --batch 8
same 'model and log by another path' "$cnn" --out x.cnn --log sub/../x.cnn --batch 8
same 'model and log by a link' "$cnn" --out x.cnn --log alias.csv --batch 8
same 'model and log by a link to a file yet to come' "$cnn" --out nothing.cnn --log loop.csv --batch 8
same 'model and curve' "$cnn" --out x.cnn --curve "$work/x.cnn" --batch 8
same 'checkpoint and log' "$cnn" --out x.cnn --log x.last.cnn --batch 8
same 'log and curve' "$cnn" --out y.cnn --log l.csv --curve ./l.csv
same 'log and the model to begin with' "$cnn" --out y.cnn --log x.cnn --init-from x.cnn
same 'curve and the checkpoint to go on from' "$cnn" --out y.cnn --curve x.last.cnn --resume x.last.cnn
same 'model and the checkpoint to go on from' "$cnn" --out x.last.cnn --resume x.last.cnn --batch 8
run 2 'a log over the model that is trained' "$cnn" train x.cnn --data parts/train --out y.cnn --log ./x.cnn
run 2 'a log over a photo' train --out y.cnn --log parts/train/cat/cat.0.jpg
has err 'it names the dataset' 'is a file of the dataset parts/train'
! draws || run 2 'a curve over a photo for validation' train --out y.cnn --curve parts/validation/../validation/dog/dog.13.jpg
run 2 'a table over the model' "$cnn" eval x.cnn --data parts/test --csv x.cnn
run 2 'a table over a photo' "$cnn" eval x.cnn --data parts/test --csv parts/test/cat/cat.18.jpg
tap_check 'nothing of all this was touched' sh -c 'cmp x.cnn x.copy && cmp x.last.cnn first.last.cnn &&
    cmp parts/train/cat/cat.0.jpg photos/cat.0.jpg && cmp parts/test/cat/cat.18.jpg photos/cat.18.jpg'
tap_check 'nor made' test ! -e y.cnn

# ---- devices, pipes, folders ----

run 1 'a model on a device' train --out /dev/null --epochs 1
has err 'it says why' '^cnn train: /dev/null: is no regular file'
tap_check 'the device is one' test -c /dev/null
mkfifo pipe
run 1 'a model in a pipe' train --out pipe --epochs 1
tap_check 'the pipe is one' test -p pipe
mkdir f.last.cnn
run 1 'a folder in the place of the checkpoint' train --out f.cnn --epochs 1
has err 'it says so' '^cnn train: f\.last\.cnn: Is a directory'
hasnt err 'before the first step' '^epoch'
run 1 'a folder in the place of the log' train --out g.cnn --log sub --epochs 1
run 1 'a path that ends in a slash' train --out new/ --epochs 1
run 1 'a name that is too long' train --out "$(printf '%0300d' 1).cnn" --epochs 1
hasnt err 'it is known before the first step' '^epoch'
echo old >keep.csv
run 1 'a training that cannot begin' train --out no/m.cnn --log keep.csv --epochs 1
tap_check 'the log of before is whole' grep -q old keep.csv

curve=
! draws || curve='--curve /dev/null'
# shellcheck disable=SC2086
run 0 'a log on a device' train --out d.cnn --log /dev/null $curve --epochs 2
tap_check 'the device is still one' test -c /dev/null
cat pipe >rows & # one reader for all rows
run 0 'a log in a pipe' train --out d.cnn --log pipe --epochs 3 --replace
wait $!
tap_check 'its reader has the header and all rows' test "$(wc -l <rows)" -eq 4
if draws; then
cat pipe >picture &
run 0 'a curve in a pipe' train --out d.cnn --curve pipe --epochs 1 --replace
wait $!
tap_check 'its reader has the picture' sh -c 'head -c 4 picture | grep -q PNG'
fi
run 0 'a log on standard output' train --out d.cnn --log /dev/stdout --epochs 2 --replace
has out 'the log is there' '^2,[0-9.]+,'
has out 'and so is the result' '^model       d\.cnn$'
tap_check 'the pipe is still one' test -p pipe
if [ -w /dev/full ]; then
    run 1 'a log on a full disk' train --out d.cnn --log /dev/full --epochs 2 --replace
    has err 'it is told' '^cnn train: /dev/full: No space left on device$'
    [ "$(grep -c 'No space' err)" = 1 ]
    tap_result $? 'once'
    has err 'and the training goes on' '^epoch 2/2'
fi
mkdir store && : >store/log.csv && ln -s store/log.csv log.csv && chmod 600 store/log.csv
run 0 'a log by a link' train --out d.cnn --log log.csv --epochs 2 --replace
tap_check 'the link is still one' test -L log.csv
tap_check 'the log is where it leads' test "$(wc -l <store/log.csv)" -eq 3
[ "$(stat -c %a store/log.csv 2>/dev/null || echo 600)" = 600 ]
tap_result $? 'it is as private as it was'
run 0 'a table by a link' "$cnn" eval good.cnn --data parts/test --csv log.csv
tap_check 'the link is still one' test -L log.csv
run 1 'a table that cannot be written' "$cnn" eval good.cnn --data parts/test --csv no/table.csv
hasnt out 'it is known before the evaluation' accuracy

# ---- limits and signals ----

limited() {
    limit=$1
    shift
    (ulimit -f "$limit" && exec "$@")
}
if limited 16 true 2>/dev/null; then
    rm -f small.*
    run 1 'a model larger than the limit of a file' limited 16 "$cnn" train fashion-dnn --data parts/train --size 28x28x3 --epochs 1 --out small.cnn
    has err 'it says so' '^cnn train: small\.cnn: .*File too large'
    tap_check 'nothing stays of it' sh -c '! ls small.* 2>/dev/null | grep .'
    mkdir large && cp photos/cat.1.jpg large/cat.1.jpg && cp photos/dog.1.jpg large/dog.1.jpg
    dd if=/dev/zero bs=1024 count=64 2>/dev/null >>large/dog.1.jpg
    run 1 'a photo larger than the limit of a file' limited 16 "$cnn" split large sorted --train 1
    has err 'it names the photo' '^cnn split: large/dog\.1\.jpg: File too large$'
    tap_check 'nothing stays of it' sh -c '! ls -d sorted* 2>/dev/null | grep .'
else
    tap_skip 'files larger than a limit' 'ulimit -f does not work'
fi

begin_training() {
    rm -f stop.*
    # shellcheck disable=SC2086
    "$@" "$cnn" train fashion-dnn $options --out stop.cnn --epochs 100000 --json >out 2>err &
    child=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -s stop.last.cnn ] && break
        sleep 0.25
    done
}
# The tests themselves may run under nohup, whose ignored signal would be handed on.
hearing=env
! env --default-signal=HUP true 2>/dev/null || hearing='env --default-signal=HUP'
# shellcheck disable=SC2086
begin_training $hearing
kill -s HUP $child
wait $child
tap_result $((1 - ($? == 1))) 'SIGHUP stops the training: status 1'
has err 'it says how to go on' '--resume stop\.last\.cnn'
tap_check 'the checkpoint is whole' "$cnn" predict stop.last.cnn photos/cat.1.jpg
[ "$(tail -n 1 out | json model)" = stop.cnn ] && [ "$(tail -n 1 out | json 'done')" = false ]
tap_result $? 'the JSON names the model'
if command -v nohup >/dev/null 2>&1; then
    begin_training nohup
    kill -s HUP $child
    sleep 0.5
    tap_check 'under nohup SIGHUP is ignored' kill -s 0 $child
    kill -s TERM $child
    wait $child
    tap_result $((1 - ($? == 1))) 'and SIGTERM still stops it: status 1'
fi
tap_end
