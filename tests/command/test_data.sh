#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn split and cnn check on photos made here.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 12 40
tap_check 'photos were made' test -s photos/dog.11.jpg

run 0 'split' "$cnn" split photos parts --train 6 --val 3 --test 2
has out 'it prints a table' '^cat +6 +3 +2 +1$'
(cd parts && find . -type f | sort) >found
for name in cat dog; do
    for i in 0 1 2 3 4 5; do echo "./train/$name/$name.$i.jpg"; done
    for i in 6 7 8; do echo "./validation/$name/$name.$i.jpg"; done
    for i in 9 10; do echo "./test/$name/$name.$i.jpg"; done
done | sort >wanted
tap_check 'the parts are in natural order' cmp found wanted
tap_check 'the copies are whole' cmp photos/dog.10.jpg parts/test/dog/dog.10.jpg
run 1 'splitting onto something' "$cnn" split photos parts --train 1
has err 'it says that nothing is overwritten' 'parts: is there already'
run 1 'splitting more than there is' "$cnn" split photos other --train 10 --val 3
has err 'it says how many there are' 'class cat has 12 images, and 13 are asked for'
tap_check 'nothing is left of it' sh -c '! ls -d other* 2>/dev/null | grep .'
run 2 'splitting without a number' "$cnn" split photos other
run 0 'splitting class folders, with links' "$cnn" split parts/train linked --train 4 --test 2 --link --json
[ "$(json classes 1 label <out)" = dog ] && [ "$(json classes 1 train <out)" = 4 ]
tap_result $? 'the JSON has the table'
tap_check 'a link is the same file' test parts/train/cat/cat.0.jpg -ef linked/train/cat/cat.0.jpg
tap_check 'no folder for a part without images' test ! -e linked/validation
run 1 'splitting what is not there' "$cnn" split nothing other --train 1
has err 'it names the path' 'nothing'
touch plain
run 1 'a target below a file' "$cnn" split photos plain/other --train 1

run 0 'check of good photos' "$cnn" check photos
has out 'it counts them' '^24 images: 0 damaged, 0 odd$'

head -c 700 photos/cat.1.jpg >photos/cat.20.jpg
cp photos/cat.2.jpg photos/dog.20.jpg
: >photos/cat.21.jpg
mkdir small && "$helpers/make_photos" small 1 16 png
cp small/cat.0.png photos/cat.22.jpg
cp photos/cat.3.jpg photos/cat.23.bin
mkdir photos/empty
name=$(printf 'cat.\033[1m.jpg')
head -c 100 photos/cat.4.jpg >"photos/$name"
run 1 'check of bad photos' "$cnn" check photos
has out 'it names the cut one' '^photos/cat\.20\.jpg: error: .+'
has out 'it names the empty one' '^photos/cat\.21\.jpg: error: .+'
has out 'it names the copy' '^photos/dog\.20\.jpg: odd: the same bytes as photos/cat\.2\.jpg$'
has out 'it names the PNG that says JPEG' '^photos/cat\.22\.jpg: odd: a PNG'
has out 'it names the tiny one' '^photos/cat\.22\.jpg: odd: only 16x16 pixels$'
has out 'it names the image without an ending' '^photos/cat\.23\.bin: odd: an image by its bytes'
has out 'it names the empty folder' '^photos/empty: odd: a folder without images$'
has out 'it escapes control bytes' 'photos/cat\.\\x1b\[1m\.jpg: error: '
has out 'it counts them' '^29 images: 3 damaged, 4 odd$'
cp out once
run 1 'check with one thread' "$cnn" check photos --threads 1
tap_check 'any number of threads says the same' cmp once out
run 1 'check as JSON' "$cnn" check photos --json
[ "$(json damaged <out)" = 3 ] && [ "$(json problems 0 kind <out)" = error ]
tap_result $? 'the JSON has the problems'
run 1 'check of nothing' "$cnn" check nothing
has err 'it says why' '^cnn check: nothing: No such file'
run 0 'check of one file' "$cnn" check photos/cat.2.jpg
run 1 'check of one bad file' "$cnn" check photos/cat.20.jpg
mkdir bench && "$helpers/make_photos" bench 40 64
run 0 'the speed of the data pipeline' "$cnn" bench --data bench --threads 2
has out 'it has the crops of the article' '^load-asirra +[0-9.]+ ms/batch +[0-9.]+ images/s +[0-9.]+ ms of CPU/image$'
has out 'it has random resized crops' '^load-imagenet '
has out 'it has the resize of Keras' '^load-keras '
run 0 'one pipeline as JSON' "$cnn" bench load-keras --data bench --steps 3 --json --quiet
[ "$(json name <out)" = load-keras ] && json images_per_s <out >/dev/null && json cpu_ms_per_image <out >/dev/null &&
    [ "$(json workloads 0 name <out)" = load-keras ]
tap_result $? 'the JSON has name and speed'
run 2 'a pipeline without photos' "$cnn" bench load-keras
has err 'it says what to give' 'load-keras reads photos: give --data PATH'
run 2 'a model with photos' "$cnn" bench catdog-train --data bench
run 1 'a folder that is not there' "$cnn" bench --data nothing
tap_end
