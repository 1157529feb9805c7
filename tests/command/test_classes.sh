#!/bin/sh
# SPDX-License-Identifier: MIT
# Data as people have it: classes without images or of other names, links to nowhere, uneven classes, several sets of
# IDX files in one folder.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 12 40
"$cnn" split photos parts --train 6 --val 3 --test 3 >/dev/null 2>&1
options='--size 28x28x3 --batch 4 --epochs 1 --quiet'

# shellcheck disable=SC2086
train() {
    "$cnn" train fashion-dnn $options "$@"
}

run 0 'training' train --data parts/train --val parts/validation --out m.cnn

# A class without images, or without a folder, in what is evaluated.
mkdir -p half/dog none/dog none/cat && cp parts/test/dog/* half/dog && cp parts/test/dog/* none/dog
for data in half none; do
    run 0 "evaluation where a class has no images ($data)" "$cnn" eval m.cnn --data $data
    has err 'it is told' "warning: $data: no images of 1 of the 2 classes, the first: \"cat\""
    has out 'the images that are there are evaluated' '^dog .* 3$'
    run 0 "validation where a class has no images ($data)" train --data parts/train --val $data --out v.cnn
done
mkdir -p more/dog more/cat more/horse && cp parts/test/dog/* more/dog && cp parts/test/dog/* more/horse
run 1 'a class that the model does not know' "$cnn" eval m.cnn --data more
has err 'it is named' 'folder "horse" is none of the 2 classes'
rm more/horse/*
cp parts/test/cat/* more/cat && cp parts/test/dog/* more/horse
run 1 'an unknown class among others' "$cnn" eval m.cnn --data more
has err 'both lists are shown' '^dataset: 0 cat, 1 dog, 2 horse$'
run 1 'validation with an unknown class' train --data parts/train --val more --out v.cnn
has err 'it is named' 'folder "horse" is none of the 2 classes'

# Parts in any case.
mkdir -p Data/Training Data/TEST && cp -r parts/train/* Data/Training && cp -r parts/test/* Data/TEST
run 1 'a folder of parts' train --data Data --out p.cnn
has err 'it says to open one of them' 'folders of parts, not of classes: open one of them, as Data/'

# Links to nowhere.
ln -s ../gone.jpg parts/train/cat/zz1.jpg
ln -s /nowhere/gone.jpg parts/train/dog/zz2.jpg
run 1 'links to nowhere are errors' train --data parts/train --out l.cnn
has err 'the first is named' 'zz[12].jpg'
run 0 'they can be left out' "$cnn" train fashion-dnn --size 28x28x3 --batch 4 --epochs 1 --data parts/train --out l.cnn \
    --on-error skip
has err 'how many is told' 'warning: parts/train: left out 2 entries that cannot be read, the first: "zz1.jpg"'
run 1 'in evaluation too they are errors' "$cnn" eval m.cnn --data parts/train
run 0 'and can be left out' "$cnn" eval m.cnn --data parts/train --on-error skip
rm parts/train/*/zz?.jpg

# Uneven classes and their weights.
mkdir -p uneven/cat uneven/dog && cp photos/cat.* uneven/cat && cp photos/dog.1.jpg photos/dog.2.jpg uneven/dog
weigh() {
    "$cnn" train fashion-dnn --size 28x28x3 --batch 4 --epochs 2 --data uneven --seed 3 "$@"
}
run 0 'balanced weights' weigh --out a.cnn --class-weights balanced
has err 'the weights are told' '^weight +dog 3\.5$'
hasnt err 'nothing is told of uneven classes' 'are uneven'
run 0 'the same weights by name' weigh --out b.cnn --class-weights dog=3.5,cat=0.58333333333333333
tap_check 'give the same model' cmp a.cnn b.cnn
run 0 'no weights' weigh --out c.cnn
has err 'uneven classes are told' 'warning: .*the classes are uneven: "cat" has 12 training samples, "dog" 2'
tap_check 'give another model' sh -c '! cmp -s a.cnn c.cnn'
run 0 'weights of 1' weigh --out d.cnn --class-weights cat=1
tap_check 'are no weights' cmp c.cnn d.cnn
run 2 'a class that is not there' weigh --out e.cnn --class-weights dgo=2
has err 'the nearest is named' 'no class "dgo"; did you mean dog'
run 2 'a class twice' weigh --out e.cnn --class-weights dog=2,dog=3
for wrong in dog dog= dog=-1 dog=nan dog=inf =2 dog=1e9; do
    run 2 "weights that are none ($wrong)" weigh --out e.cnn --class-weights "$wrong"
done
tap_check 'nothing was written' test ! -e e.cnn

# Two sets of IDX files. Three grey images of 2x2, labels 0, 1, 0.
mkdir idx
for set in one two; do
    for part in train test; do
        printf '\0\0\10\3\0\0\0\3\0\0\0\2\0\0\0\2abcdefghijkl' >idx/$set-$part-images-idx3-ubyte
        printf '\0\0\10\1\0\0\0\3\0\1\0' >idx/$set-$part-labels-idx1-ubyte
    done
done
run 1 'two sets of IDX files' train --data idx --out i.cnn
has err 'both are named, and how to choose' 'one-train-images.*two-train-images.*prefix.*"two"'
idx_options='--batch 2 --epochs 1 --quiet --prefix two'
# shellcheck disable=SC2086
run 0 'one is chosen' "$cnn" train fashion-dnn $idx_options --data idx --val idx --out i.cnn
run 0 'and evaluated' "$cnn" eval i.cnn --data idx --prefix one
tap_end
