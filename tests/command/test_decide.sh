#!/bin/sh
# SPDX-License-Identifier: MIT
# Folds, splits as tables, calibration, thresholds, rejection, features, classes from a few images.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 24 32
model='cifar-cnn --seed 1 --threads 1 --batch 8'
{
    echo 'path,label,who'
    i=0
    while [ "$i" -lt 24 ]; do
        echo "photos/cat.$i.jpg,cat,p$((i / 3))"
        echo "photos/dog.$i.jpg,dog,p$((i / 3))"
        i=$((i + 1))
    done
} >pets.csv

run 0 'split into folds' "$cnn" split pets.csv folds --folds 4 --group who
has out 'it says what is in them' '^folds/fold1\.csv  36 for training, 12 for validation$'
has folds/fold1.csv 'paths lie outside of the folder' '/photos/cat.0.jpg,cat,(train|validation),0$'
sort -t, -k4 folds/fold2.csv | awk -F, '$3 == "train" {t[$4] = 1} $3 == "validation" {v[$4] = 1}
    END {for (g in t) if (g in v) exit 1}'
tap_result $? 'no group is in two parts'
run 2 'folds and counts' "$cnn" split pets.csv other --folds 3 --train 2
run 0 'split into a table' "$cnn" split photos table.csv --train 6 --val 3 --test 2 --random --seed 5
[ "$(grep -c ',train$' table.csv)" = 12 ] && [ "$(grep -c ',cat,test$' table.csv)" = 2 ]
tap_result $? 'it has as many of each part'
has table.csv 'paths are relative to it' '^photos/dog\.[0-9]+\.jpg,dog,'
run 0 'another seed' "$cnn" split photos other.csv --train 6 --val 3 --test 2 --random --seed 6
tap_check 'chooses others' sh -c '! cmp -s table.csv other.csv'
run 0 'as JSON lines' "$cnn" split photos lines.jsonl --train 6
has lines.jsonl 'a line each' '^\{"path": "photos/cat\.0\.jpg", "label": "cat", "split": "train"\}$'

mkdir names 'names/a|b' names/c 'names/d ' steps steps/0.5 steps/1.5
for folder in 'names/a|b' names/c 'names/d ' steps/0.5 steps/1.5; do
    cp photos/cat.0.jpg photos/cat.1.jpg "$folder"
done
run 1 'a class that would be read as two labels' "$cnn" split names names.csv --train 1
has err 'is refused' 'label "a\|b" has a separator of labels in it: write a \.jsonl table$'
tap_check 'and nothing is written' test ! -e names.csv
run 0 'JSON lines hold it' "$cnn" split names names.jsonl --train 1
has names.jsonl 'as one' '"label": "a\|b"'
mv 'names/a|b' names/ab
run 0 'a name that ends in a space' "$cnn" split names names.csv --train 1
has names.csv 'is in quotes' '^"?names/d /cat\.0\.jpg"?,"d ",train$'
run 0 'names that are numbers' "$cnn" split steps steps.csv --train 1
has err 'are told' 'names of the classes are numbers: --task classes'
run 0 'in folds, too' "$cnn" split steps steps --folds 2 --json
latin=$(printf 'caf\351.jpg')
if cp photos/cat.0.jpg "names/c/$latin" 2>/dev/null; then
    run 1 'a path that JSON cannot hold' "$cnn" split names latin.jsonl --train 2
    has err 'is refused' 'is not UTF-8, as JSON has to be: write a \.csv table$'
    run 0 'CSV can' "$cnn" split names/c latin --folds 2
fi

# shellcheck disable=SC2086
run 0 'cross-validation' "$cnn" train $model --data pets.csv --folds 3 --group who --epochs 2 --out pets.cnn --quiet
has out 'a row for each fold' '^3 +[0-9.]+ +[0-9.]+$'
has out 'the mean' '^mean +[0-9.]+ +[0-9.]+$'
has out 'and the deviation' '^deviation +[0-9.]+ +[0-9.]+$'
tap_check 'a model for each' test -s pets.fold3.cnn
# shellcheck disable=SC2086
run 0 'as JSON' "$cnn" train $model --data pets.csv --folds 2 --epochs 1 --out json.cnn --quiet --json
tail -n 1 out >last
[ -n "$(json mean accuracy <last)" ] && [ -n "$(json folds 1 loss <last)" ]
tap_result $? 'the last line has mean and folds'
# shellcheck disable=SC2086
run 2 'folds and --val' "$cnn" train $model --data pets.csv --folds 2 --val photos --out no.cnn

# shellcheck disable=SC2086
run 0 'a model' "$cnn" train $model --data pets.csv --val-split 0.25 --epochs 4 --out two.cnn
run 0 'eval' "$cnn" eval two.cnn --data pets.csv
has out 'it has an interval' '^interval +0\.[0-9]+ to [01]\.[0-9]+, Wilson'
has out 'balanced accuracy' '^balanced +[01]\.[0-9]+$'
has out 'and rates' '^FNR +[01]\.[0-9]+$'
run 0 'as JSON' "$cnn" eval two.cnn --data pets.csv --json
[ -n "$(json mcc <out)" ] && [ -n "$(json accuracy_low <out)" ] && [ -n "$(json false_positive_rate <out)" ]
tap_result $? 'the JSON has them'
run 0 'calibrate' "$cnn" calibrate two.cnn --data pets.csv --precision 0.9 --out sharp.cnn --json
[ -n "$(json temperature <out)" ] && [ "$(json thresholds 0 label <out)" = dog ]
tap_result $? 'temperature and threshold'
before=$(json log_loss_before <out)
after=$(json log_loss <out)
awk -v a="$after" -v b="$before" 'BEGIN {exit !(a <= b + 1e-9)}'
tap_result $? 'the log loss does not grow'
wanted=$(json thresholds 0 recall <out)
run 0 'eval with the threshold' "$cnn" eval sharp.cnn --data pets.csv --json
[ "$(json classes 1 recall <out)" = "$wanted" ]
tap_result $? 'eval decides as calibrate said'
run 0 'a reject class' "$cnn" calibrate two.cnn --data pets.csv --reject 0.99999 --method none
has out 'none is sure enough' '^reject +below 1: none of the images is decided$|^reject .*accuracy [01]\.[0-9]+ of them$'
run 0 'predict' "$cnn" predict two.cnn photos/cat.1.jpg
has out 'an uncertain image is of none' '^photos/cat\.1\.jpg	-	(cat|dog)	'
run 0 'as JSON' "$cnn" predict two.cnn photos/cat.1.jpg --json
[ "$(json rejected <out)" = true ]
tap_result $? 'it is said'
run 0 'eval counts them' "$cnn" eval two.cnn --data pets.csv
has out 'apart' 'images +48, [0-9]+ rejected: figures are of the others$'
run 0 'nobody is sure of all' "$cnn" calibrate two.cnn --data pets.csv --reject 1 --method none --out none.cnn
has out 'it is told' '^reject +below 1: none of the images is decided$'
run 0 'eval of a model that rejects all' "$cnn" eval none.cnn --data pets.csv
has out 'there is no accuracy' '^accuracy +-$'
has out 'all are counted' '^images +48, 48 rejected'
run 0 'as JSON' "$cnn" eval none.cnn --data pets.csv --json
[ "$(json rejected <out)" = 48 ] && has out 'a figure of nothing is null' '"accuracy": null.*"recall": null'
run 0 'clear' "$cnn" calibrate two.cnn --clear
run 0 'predict again' "$cnn" predict two.cnn photos/cat.1.jpg
hasnt out 'nothing is rejected' '	-	'
run 2 'two goals' "$cnn" calibrate two.cnn --data pets.csv --precision 0.9 --recall 0.9
for word in 'eval two.cnn' 'calibrate two.cnn --method none --part all' 'learn two.cnn --out no.cnn' \
    'train two.cnn --out no.cnn'; do
    { echo path && echo photos/cat.1.jpg; } >unknown.csv
    # shellcheck disable=SC2086
    run 1 "unlabelled images for $word" "$cnn" $word --data unknown.csv
    has err 'are refused' '^cnn [a-z]+: unknown\.csv: nothing says what its images are$'
done
tap_check 'and nothing is written' test ! -e no.cnn

run 0 'embed' "$cnn" embed two.cnn photos/cat.1.jpg photos/dog.1.jpg
has out 'the header' '^path,label,f0,f1,'
[ "$(wc -l <out)" = 3 ]
tap_result $? 'a row for each image'
run 0 'embed a dataset' "$cnn" embed two.cnn --data pets.csv --out f.npy
has out 'it says how much' '^f\.npy: 48 images, [0-9]+ values of .+ each$'
tap_check 'the file is of NumPy' sh -c 'head -c 6 f.npy | od -An -c | grep -q "223   N   U   M   P   Y"'
values=$(sed -n 's/.*, \([0-9]*\) values.*/\1/p' out)
[ "$(wc -c <f.npy)" -eq $((128 + 48 * 4 * values)) ]
tap_result $? 'with as many bytes'
run 0 'a folder' "$cnn" embed two.cnn photos --out f.csv --layer conv2d_1 --json
run 0 'a network that reads grey images' "$cnn" train fashion-dnn --data photos --size 8x8x1 --limit 8 --epochs 1 --out grey.cnn
run 0 'photos become grey for it' "$cnn" embed grey.cnn photos --out g.csv
run 0 'also those of a dataset' "$cnn" embed grey.cnn --data photos --out h.csv
[ "$(cut -d, -f1,3- g.csv | sort)" = "$(cut -d, -f1,3- h.csv | sort)" ]
tap_result $? 'with the same values'
"$cnn" convert grey.cnn grey.safetensors >/dev/null 2>&1
run 0 'a model without preprocessing' "$cnn" convert grey.safetensors raw.cnn --model fashion-dnn --input 8x8x1 --classes 2
for word in 'eval raw.cnn --data photos' 'calibrate raw.cnn --data photos --out no.cnn' 'embed raw.cnn photos' \
    'learn raw.cnn --data photos --out no.cnn' 'predict raw.cnn photos'; do
    # shellcheck disable=SC2086
    run 1 "$word" "$cnn" $word
    has err 'it says what to do' '^cnn [a-z]+: raw\.cnn: does not say how images are prepared.*`cnn convert raw\.cnn NEW --'
done
run 2 'no images' "$cnn" embed two.cnn
printf 'photos/cat.1.jpg\r\n\nphotos/dog.1.jpg' >list
run 0 'a list' "$cnn" embed two.cnn @list
[ "$(cut -d, -f1 out | tr '\n' ' ')" = 'path photos/cat.1.jpg photos/dog.1.jpg ' ]
tap_result $? 'has a row for each line'
run 0 'on standard input' sh -c "'$cnn' embed two.cnn @- <list"
printf 'photos/cat.1.jpg\nphotos/\0dog.1.jpg\n' >nul
run 1 'a list with a NUL' "$cnn" embed two.cnn @nul
has err 'is refused with its line' 'nul: line 2 has a NUL byte'
run 1 'a folder as a list' "$cnn" embed two.cnn @photos
has err 'is told' 'photos: is a folder, not a list'
echo >empty && run 1 'an empty list' "$cnn" embed two.cnn @empty
has err 'is told' 'empty: the list has no paths'
run 1 'a path of a list that is not there' "$cnn" embed two.cnn @empty @list none.jpg
head -c 100 photos/cat.0.jpg >broken.jpg
run 0 'an image that cannot be read' "$cnn" embed two.cnn broken.jpg photos/dog.1.jpg --on-error skip
has out 'is left out, and the others keep their names' '^photos/dog\.1\.jpg,,'
{ echo path,label && echo broken.jpg,cat && echo photos/dog.1.jpg,dog; } >one.csv
run 0 'so of a table' "$cnn" embed two.cnn --data one.csv --on-error skip
has out 'with name and class' '^photos/dog\.1\.jpg,dog,'

mkdir few few/cat few/dog more more/cow
for i in 0 1 2 3 4 5 6 7 8 9; do
    cp photos/cat.$i.jpg few/cat
    cp photos/dog.$i.jpg few/dog
done
mkdir cows && "$helpers/make_photos" cows 4 32 png && cp cows/*.png more/cow
run 0 'learn two classes' "$cnn" learn two.cnn --data few --out known.cnn
has out 'these are its classes' '^classes +0 cat, 1 dog$'
run 0 'learn a third' "$cnn" learn known.cnn --data more --out known.cnn --json
[ "$(json classes 2 <out)" = cow ] && [ "$(json before <out)" = 2 ]
tap_result $? 'it is added'
run 0 'eval' "$cnn" eval known.cnn --data few --json
awk -v a="$(json accuracy <out)" 'BEGIN {exit !(a > 0.5)}'
tap_result $? 'it tells them apart'
run 1 'one class alone' "$cnn" learn two.cnn --data more --out no.cnn
tap_end
