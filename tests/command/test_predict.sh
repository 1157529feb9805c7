#!/bin/sh
# SPDX-License-Identifier: MIT
# What cnn predict takes: files, folders, lists and standard input; and what --orient, --background and --max-pixels do.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"
mkdir photos && "$helpers/make_photos" photos 3 40
mkdir -p set/cat set/dog
for i in 0 1 2; do
    cp photos/cat.$i.jpg set/cat/
    cp photos/dog.$i.jpg set/dog/
done
run 0 'a model is trained' "$cnn" train fashion-dnn --data set --size 12x12x3 --epochs 1 --batch 3 --orient \
    --background 255/0/9 --out m.cnn --quiet
run 0 'its file' "$cnn" summary m.cnn
has out 'keeps how photos are decoded' 'orient,background=255/0/9,resize=12x12'

# ---- folders ----
"$cnn" predict m.cnn set/cat/cat.0.jpg set/cat/cat.1.jpg set/cat/cat.2.jpg set/dog/dog.0.jpg set/dog/dog.1.jpg \
    set/dog/dog.2.jpg >named
run 0 'a folder' "$cnn" predict m.cnn set
tap_check 'is all images below it in order' cmp named out
run 0 'a folder as JSON' "$cnn" predict m.cnn set --json
tap_check 'is a list' test "$(json predictions 5 path <out)" = set/dog/dog.2.jpg
mkdir empty
run 1 'a folder without images' "$cnn" predict m.cnn empty set/cat/cat.0.jpg
has err 'is told' '^cnn predict: empty: there is no image in this folder'
tap_check 'and the rest goes on' test "$(wc -l <out)" -eq 1
cp -r set broken
ln -s ../nowhere broken/cat/gone.jpg
ln -s ../nowhere broken/bird
ln -s ../../broken broken/cat/circle
printf 'no image' >broken/dog/dog.1.jpg
printf 'notes' >broken/notes.txt
run 1 'a folder with what cannot be read' "$cnn" predict m.cnn broken
sed 's/^set/broken/' named | grep -v dog.1 >wanted
tap_check 'is predicted as far as it goes' cmp wanted out
has err 'a link to nowhere that would be an image is named' 'broken/cat/gone.jpg: .*No such file'
has err 'and one that would be a folder' '^cnn predict: broken/bird: No such file'
has err 'and a circle' '^cnn predict: broken/cat/circle: a link to a folder that it lies in'
has err 'and a file that is no image' 'broken/dog/dog.1.jpg: '
has err 'and how many' '^cnn predict: 4 of 9 images could not be predicted'

# ---- lists ----
cut -f1 named >list
run 0 'a list' "$cnn" predict m.cnn @list
tap_check 'is its lines' cmp named out
sed 's/$/\r/' list >dos
run 0 'a list with carriage returns' "$cnn" predict m.cnn @dos
tap_check 'is the same' cmp named out
printf 'set/dog\n\nset/cat/cat.0.jpg' >mixed
run 0 'a list of a folder, a blank line and a last line without its end' "$cnn" predict m.cnn @mixed
tap_check 'is both in this order' test "$(cut -f1 out | tr '\n' ' ')" = \
    'set/dog/dog.0.jpg set/dog/dog.1.jpg set/dog/dog.2.jpg set/cat/cat.0.jpg '
# shellcheck disable=SC2016
run 0 'a list on standard input' sh -c '"$0" predict m.cnn @- <list' "$cnn"
tap_check 'is the same' cmp named out
printf 'set/cat/cat.0.jpg\nnowhere.jpg\nset/cat/cat.1.jpg\n' >partly
run 1 'a list with a name of nothing' "$cnn" predict m.cnn @partly --json
tap_check 'goes on' test "$(json predictions 1 path <out)" = set/cat/cat.1.jpg
has err 'and names it' 'nowhere.jpg: '
printf 'set/cat/cat.0.jpg\0x\n' >nul
run 1 'a list with a NUL byte' "$cnn" predict m.cnn @nul
has err 'names the line' '^cnn predict: nul: line 1 has a NUL byte'
run 1 'a list that is not there' "$cnn" predict m.cnn @nowhere
has err 'is named' '^cnn predict: nowhere: No such file'
run 1 'a folder as a list' "$cnn" predict m.cnn @set
has err 'is told' '^cnn predict: set: is a folder, not a list'
cp photos/cat.0.jpg @odd.jpg
run 0 'a file whose name begins with @' "$cnn" predict m.cnn ./@odd.jpg

# ---- standard input ----
# shellcheck disable=SC2016
run 0 'an image on standard input' sh -c '"$0" predict m.cnn - <set/cat/cat.0.jpg' "$cnn"
tap_check 'is that image' test "$(cut -f2- out)" = "$(head -n 1 named | cut -f2-)"
tap_check 'called -' test "$(cut -f1 out)" = -
# shellcheck disable=SC2016
run 1 'nothing on standard input' sh -c '"$0" predict m.cnn - </dev/null' "$cnn"
has err 'is told' '^cnn predict: standard input: '
run 2 'standard input twice' "$cnn" predict m.cnn - @-
run 2 'a list without its name' "$cnn" predict m.cnn @

# ---- limits ----
run 1 'more pixels than --max-pixels' "$cnn" predict m.cnn set/cat/cat.0.jpg --max-pixels 100
has err 'the message says how to raise it' 'max_pixels.*--max-pixels'
run 0 'fewer' "$cnn" predict m.cnn set/cat/cat.0.jpg --max-pixels 1M
for wrong in 0 1T k 1.5M -3 99999999999G; do
    run 2 "--max-pixels $wrong" "$cnn" predict m.cnn set/cat/cat.0.jpg "--max-pixels=$wrong"
done
run 2 '--preprocess that asks for too much' "$cnn" train fashion-dnn --data set --size 12x12x3 --out no.cnn \
    --preprocess resize=30000,resize=12
has err 'names the step' 'step 1 \(resize\) makes an image of 900000000 pixels'
run 2 'a background that is no colour' "$cnn" train fashion-dnn --data set --size 12x12x3 --out no.cnn --background 1/2
has err 'is told' '^cnn train: --background: pipeline: step 1 \(background\)'

# ---- training, whoever begins with the decoding ----
for steps in '--orient' '--preprocess orient,resize=12' '--preprocess orient,resize=12 --orient' \
    '--augment orient,flip' '--augment orient,resize=14,random_crop=12,flip' \
    '--orient --augment resize=14,random_crop=12'; do
    # shellcheck disable=SC2086
    run 0 "train $steps" "$cnn" train fashion-dnn --data set --size 12x12x3 --epochs 1 --out o.cnn --quiet $steps
    run 0 'its file' "$cnn" summary o.cnn --json
    tap_check 'turns once, first' sh -c 'grep -oE "\"preprocess\": *\"orient,[^\"]*" out | grep -vq "orient.*orient"'
done

# ---- cnn check ----
run 1 'check of what cannot be read' "$cnn" check broken
has out 'names a link to nowhere' '^broken/bird: error: cannot be examined: No such file'
has out 'and a circle' '^broken/cat/circle: error: cannot be examined: a link to a folder'
has out 'and a damaged image' '^broken/dog/dog.1.jpg: error: '
has out 'counts all of them' '7 images: 2 damaged, .*; 2 entries could not be examined; 1 files are no images'
run 1 'check as JSON' "$cnn" check broken --json
tap_check 'counts them too' test "$(json not_examined <out)" = 2
mkdir only
ln -s ../nowhere only/cat
run 1 'check of a folder that has nothing else' "$cnn" check only
has out 'names it' '^only/cat: error: cannot be examined'
tap_end
