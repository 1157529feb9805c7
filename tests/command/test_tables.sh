#!/bin/sh
# SPDX-License-Identifier: MIT
# Tables as datasets: classes, several labels, values, parts, uneven classes.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 16 32
model='cifar-cnn --seed 1 --threads 1 --batch 8'

{
    printf '\357\273\277path,label,split,weight,group\r\n'
    for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        split=train
        [ "$i" -ge 10 ] && split=val
        [ "$i" -ge 13 ] && split=test
        printf '"photos/cat.%s.jpg",cat,%s,1,g%s\r\n' "$i" "$split" "$((i / 2))"
        printf 'photos/dog.%s.jpg,dog,%s,2,h%s\r\n' "$i" "$split" "$((i / 2))"
    done
} >pets.csv
for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
    echo "{\"image\": \"photos/cat.$i.jpg\", \"labels\": [\"cat\", \"pet\"]}"
    echo "{\"image\": \"photos/dog.$i.jpg\", \"labels\": [\"pet\"]}"
done >pets.jsonl
{
    echo 'path;x;y'
    for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
        echo "photos/cat.$i.jpg;1;$i.5"
        echo "photos/dog.$i.jpg;-1;$i.5"
    done
} >values.csv

run 0 'check of a table' "$cnn" check pets.csv
has out 'it decodes its files' '^32 images: 0 damaged, 0 odd$'
# shellcheck disable=SC2086
run 0 'train on a table' "$cnn" train $model --data pets.csv --epochs 2 --out pets.cnn
has err 'its column of splits says what is for validation' '^images +20 for training, 6 for validation$'
run 0 'eval' "$cnn" eval pets.cnn --data pets.csv --json
[ "$(json images <out)" = 6 ]
tap_result $? 'eval takes the rows of the test part'
run 0 'eval of all rows' "$cnn" eval pets.cnn --data pets.csv --part all --json
[ "$(json images <out)" = 32 ]
tap_result $? 'all rows are 32'

# shellcheck disable=SC2086
run 0 'train on several labels' "$cnn" train $model --data pets.jsonl --val-split 0.25 --epochs 2 --out labels.cnn
has err 'they are told' '^labels +0 cat, 1 pet$'
has err 'mean average precision decides' 'val_map'
has err 'the loss fits' 'binary_crossentropy$'
run 0 'eval of several labels' "$cnn" eval labels.cnn --data pets.jsonl
has out 'it has a row for each label' '^pet( +[0-9.-]+){5} +24$'
has out 'and figures of all' '^exact_match [0-9.]+$'
run 0 'as JSON' "$cnn" eval labels.cnn --data pets.jsonl --json --csv table.csv
[ "$(json labels 0 label <out)" = cat ] && [ "$(json labels 0 support <out)" = 12 ]
tap_result $? 'the JSON has the labels'
has table.csv 'the CSV too' '^pet,'
run 0 'several models of labels' "$cnn" eval labels.cnn labels.last.cnn --data pets.jsonl
has out 'are compared by the mean average precision' '^best: labels\.(last\.)?cnn, map [0-9.]+, loss [0-9.]+$'
run 0 'a report of labels' "$cnn" eval labels.cnn --data pets.jsonl --report labels
has labels/report.html 'has the figures of all' '"exact_match", *"[0-9.]+"'
has labels/report.html 'and of each' '"pet", *"precision [0-9.-]+, recall [0-9.-]+, .*, support 24"'
hasnt labels/report.html 'and no confusion' '"confusion"'
run 0 'predict of several labels' "$cnn" predict labels.cnn photos/cat.1.jpg --topk 2
has out 'names and probabilities' '^photos/cat.1.jpg(	(cat|pet)	0\.[0-9]{4}){2}$'
printf 'id\ncat.3\ndog.4\n' >photos/ids.csv
run 0 'predict of a table' "$cnn" predict labels.cnn photos/ids.csv --topk 1
[ "$(cut -f1 out | tr '\n' ' ')" = 'photos/cat.3.jpg photos/dog.4.jpg ' ]
tap_result $? 'its images in order'

# shellcheck disable=SC2086
run 2 'class weights for several labels' "$cnn" train $model --data pets.jsonl --out no.cnn --class-weights balanced
has err 'a focal loss is named instead' 'binary_focal'
# shellcheck disable=SC2086
run 0 'a focal loss' "$cnn" train $model --data pets.jsonl --epochs 1 --out focal.cnn --loss binary_focal:gamma=1

# shellcheck disable=SC2086
run 0 'train on values' "$cnn" train $model --data values.csv --val-split 0.25 --epochs 2 --out values.cnn --loss huber
has err 'their ranges are told' '^training on y from 0\.5 to 11\.5'
run 0 'eval of values' "$cnn" eval values.cnn --data values.csv
has out 'R2 of each' '^x( +-?[0-9.]+){5}$'
run 0 'several models of values' "$cnn" eval values.cnn values.last.cnn --data values.csv --json
least=$(json mae <out)
awk -v a="$least" -v b="$(json models 0 mae <out)" -v c="$(json models 1 mae <out)" \
    'BEGIN {exit !(a == (b < c ? b : c) && a > 0)}'
tap_result $? 'the smaller error is the better one'
[ -n "$(json models 1 rmse <out)" ]
tap_result $? 'and there is another figure'
# shellcheck disable=SC2086
run 0 'a training on values with a report' "$cnn" train $model --data values.csv --val-split 0.25 --epochs 1 \
    --out v.cnn --report values
has values/report.html 'it has the curve' '"val_mae"'
hasnt values/report.html 'and no empty confusion' '"confusion"'
run 0 'predict of values' "$cnn" predict values.cnn photos/dog.3.jpg --json
[ "$(json predictions 0 values 1 name <out)" = y ]
tap_result $? 'the JSON names them'
# shellcheck disable=SC2086
run 1 'a model of values does not learn labels' "$cnn" train values.cnn --data pets.jsonl --out no.cnn
has err 'it says why' 'images have several labels, the model was trained for values'

head -n 30 pets.csv >uneven.csv
# shellcheck disable=SC2086
run 0 'balanced epochs' "$cnn" train $model --data uneven.csv --val pets.csv --epochs 1 --out b.cnn --balanced
printf 'class,weight\n"cat",2\ndog,0.5\n' >weights.csv
# shellcheck disable=SC2086
run 0 'class weights of a file' "$cnn" train $model --data pets.csv --epochs 1 --out w.cnn --class-weights weights.csv
has err 'they are told' '^weight +cat 2$'
# shellcheck disable=SC2086
run 0 'class weights by effective numbers' "$cnn" train $model --data pets.csv --epochs 1 --out e.cnn \
    --class-weights effective:beta=0.9
# shellcheck disable=SC2086
run 2 'a beta of 1' "$cnn" train $model --data pets.csv --out no.cnn --class-weights effective:beta=1

printf 'path,label\nphotos/cat.1.jpg,cat\nphotos/none.jpg,dog\n' >missing.csv
run 1 'check of a table with a file that is not there' "$cnn" check missing.csv
has out 'it is told' 'missing.csv: error: cannot be examined: 1 rows name files that are not there'
# shellcheck disable=SC2086
run 1 'train on it' "$cnn" train $model --data missing.csv --out no.cnn
has err 'line and column are named' 'missing.csv: line 3, column 1 \(path\): "photos/none.jpg": No such file'
printf 'path,label\nphotos/cat.1.jpg,cat\nphotos/dog.1.jpg,dog\nphotos/cat.1.jpg,dog\n' >twice.csv
run 0 'check of a table with a file in two rows' "$cnn" check twice.csv
has out 'it is odd' '^photos/cat\.1\.jpg: odd: is in several rows of the table$'
if draws; then
    run 0 'show data of a table' "$cnn" show data pets.jsonl --out sheet.png --count 4 --pick first --json
    [ "$(json images 0 class <out)" = 'cat, pet' ]
    tap_result $? 'captions are the labels'
fi
tap_end
