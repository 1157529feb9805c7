#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn train --tensorboard: event files, read back with their lengths and checksums.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 20 20
options='--data photos --val-split 0.25 --batch 10 --lr 0.003 --seed 7'

# shellcheck disable=SC2086
train() {
    "$cnn" train fashion-dnn $options "$@"
}

run 0 'training' train --out one.cnn --epochs 2 --log one.csv --tensorboard logs
run 0 'one file' sh -c 'set -- logs/events.out.tfevents.*; test $# -eq 1'
run 0 'it can be read' sh -c "\"$helpers/read_events\" logs/events.out.tfevents.*"
cp out events
tap_check 'the first record is the version' test "$(head -n 1 events)" = 'version brain.Event:2'
tap_check 'every step has its loss' test "$(grep -c '^scalar [1-6] step/loss ' events)" -eq 6
tap_check 'and its learning rate' test "$(grep -c ' step/learning_rate 0.003' events)" -eq 6
tap_check 'every epoch has its score' test "$(grep -c '^scalar [36] step/score ' events)" -eq 2
hasnt events 'a new training takes nothing back' '^start'
awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "val_loss") c = i} NR > 1 {print $c}' one.csv >wanted
awk '$3 == "epoch/val_loss" {print $4}' events >found
paste wanted found | awk '{d = $1 - $2; if (d < 0) d = -d; if (d > 1e-6) bad = 1; n++} END {exit bad || n != 2}'
tap_result $? 'the losses of validation are those of the log'
run 0 'going on' train --out one.cnn --epochs 3 --tensorboard logs --resume one.last.cnn
run 0 'a second file' sh -c 'set -- logs/events.out.tfevents.*; test $# -eq 2'
for file in logs/events.out.tfevents.*; do
    "$helpers/read_events" "$file" >"all.$(basename "$file" | tr -d /)" || echo broken >>broken
done
tap_check 'both can be read' test ! -e broken
tap_check 'one takes back what follows the checkpoint' test "$(cat all.* | grep '^start')" = 'start 7'
run 0 'the same without' train --out plain.cnn --epochs 3
tap_check 'the model has the same bits' cmp one.cnn plain.cnn
run 1 'a file in the place of the folder' train --out no.cnn --epochs 1 --tensorboard one.csv
has err 'it says what is wrong' '--tensorboard: one.csv: Not a directory'
run 1 'a folder in one that is not there' train --out no.cnn --epochs 1 --tensorboard no/where
tap_check 'nothing was trained' test ! -e no.cnn
f=$(ls logs/events.out.tfevents.* | head -n 1)
head -c 40 "$f" >torn
run 1 'the reader sees a torn file' "$helpers/read_events" torn
if python3 -c 'import tensorboard' 2>/dev/null; then
    run 0 'TensorBoard reads it' python3 -c '
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
a = EventAccumulator("logs"); a.Reload()
assert [e.step for e in a.Scalars("step/loss")] == list(range(1, 10))'
else
    tap_skip 'TensorBoard reads it' 'it is not installed'
fi
tap_end
