#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn train on a frozen base: a new head, features computed once, a model of each epoch; cnn eval of several models.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 40 40
"$cnn" split photos parts --train 25 --val 10 --test 5 >/dev/null
options='--data parts/train --val parts/validation --batch 10 --seed 7'

tune() {
    # shellcheck disable=SC2086
    "$cnn" train base.cnn $options --freeze 'conv*,batch*' --head 'dense=16,relu,dropout=0.2' "$@"
}

# shellcheck disable=SC2086
run 0 'a base' "$cnn" train fashion-cnn $options --out base.cnn --epochs 1

run 0 'a head on its frozen layers' tune --out a.cnn --epochs 3 --keep-epochs
has err 'it tells where the head begins' '^head        head_dense after flatten_1$'
has err 'and that features are computed once' '^features    of flatten_1, 50 for training, .* in memory: '
has err 'of validation too' '^features    of flatten_1, 20 for validation'
has err 'what is trained' 'parameters, 36,?897 of them trained'
tap_check 'a model for each epoch' test -s a.epoch1.cnn -a -s a.epoch2.cnn -a -s a.epoch3.cnn
best=$(sed -n 's/^best epoch  \([0-9]\).*val_accuracy \([0-9.]*\), val_loss.*/\1 \2/p' out)
tap_check 'the best of them is the model' cmp "a.epoch${best%% *}.cnn" a.cnn
run 0 'the whole model on images' "$cnn" eval a.cnn --data parts/validation
has out 'has the accuracy of the features' "^accuracy  ${best##* }"

run 0 'the same without features' tune --out b.cnn --epochs 3 --cache-features none
hasnt err 'it computes none' '^features'
run 0 'one and the other' "$cnn" eval a.cnn b.cnn --data parts/validation
# shellcheck disable=SC2016
tap_check 'are the same but for rounding' \
    awk '/^[ab]/ { split($5, loss, ","); sum += NR == 1 ? loss[1] : -loss[1] } END { exit sum * sum > 1e-6 }' out

run 0 'features in a file' tune --out c.cnn --epochs 3 --cache-features c.features
has err 'it tells the file' '^features    of flatten_1, 50 for training, .* in c.features: '
tap_check 'and has one for validation' test -s c.features -a -s c.val.features
tap_check 'the model has the bits of features in memory' cmp a.cnn c.cnn
run 0 'another training' tune --out d.cnn --epochs 2 --cache-features c.features
has err 'finds them' 'in c.features: found there'
run 0 'other images' tune --out d.cnn --epochs 2 --cache-features c.features --limit 30
has err 'find out that they are none of theirs' 'c.features: the features there are of another model, other images'
cp base.cnn notes && cp notes notes.before
run 1 'a file that is no cache' tune --out d.cnn --epochs 2 --cache-features notes
has err 'it says so' 'notes: is there and is no file of features; it is left alone'
tap_check 'and is left alone' cmp notes notes.before
run 2 'the cache is no output' tune --out e.cnn --cache-features e.cnn

run 0 'a stop and a resumption' tune --out f.cnn --epochs 1
run 0 'goes on' tune --out f.cnn --epochs 3 --resume f.last.cnn
tap_check 'with the same bits' cmp a.cnn f.cnn

run 0 'views of random images' tune --out g.cnn --epochs 2 --augment flip --views 3
has err 'are three times as many' '^features    of flatten_1, 150 for training'
run 0 'random images without views' tune --out g.cnn --epochs 2 --augment flip
hasnt err 'are taken as they come' '^features'
run 2 'or refused where features are asked for' tune --out g.cnn --augment flip --cache-features memory
has err 'with a way out' '--views N'
run 2 'nothing is frozen' "$cnn" train base.cnn --data photos --out g.cnn --head output --cache-features memory
has err 'it says so' 'see --freeze'

run 2 'a head that is none' "$cnn" train base.cnn --data photos --out g.cnn --head 'dense=8,rellu'
has err 'it says what there is' 'there is no "rellu"; there are dense=X'
run 2 'a place that is not there' "$cnn" train base.cnn --data photos --out g.cnn --head output --cut nowhere
has err 'it names it' 'no layer "nowhere"'
run 2 'a place without a head' "$cnn" train base.cnn --data photos --out g.cnn --cut flatten_1

run 0 'several models' "$cnn" eval a.epoch1.cnn a.epoch2.cnn a.epoch3.cnn --data parts/test
tap_check 'a line for each and the best' test "$(wc -l <out)" -eq 4
has out 'which is named' '^best: a.epoch[1-3].cnn, accuracy [0-9.]+, loss [0-9.]+$'
run 2 'a table of several models' "$cnn" eval a.cnn b.cnn --data parts/test --csv table.csv
run 1 'one that is not there' "$cnn" eval a.cnn nothing.cnn --data parts/test
has err 'it is named' 'nothing.cnn'

tap_end
