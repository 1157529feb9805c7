#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn show: sheets of a dataset, of one photo augmented, of predictions.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 12 20
if ! "$cnn" show data photos --out try.png >out 2>err; then
    if grep -q 'made without cairo' err; then
        tap_check 'a build without cairo draws nothing' test ! -e try.png
        run 1 'nor a curve' "$cnn" train fashion-dnn --data photos --out m.cnn --curve c.png --size 12x12x3
        tap_end
        exit 0
    fi
fi

run 0 'a sheet of a dataset' "$cnn" show data photos --out sheet.png --count 6
has out 'it says what it made' '^picture     sheet\.png, 6 images$'
tap_check 'it is a PNG that can be read' "$cnn" check sheet.png
run 0 'another' "$cnn" show data photos --out other.png --count 6 --seed 5
tap_check 'of other images' sh -c '! cmp -s sheet.png other.png'
run 0 'the same again' "$cnn" show data photos --out again.png --count 6
tap_check 'with the same bytes' cmp sheet.png again.png
run 0 'the first ones' "$cnn" show data photos --out first.svg --count 2 --pick first --json
json images 0 path <out >path && json images 1 class <out >class
tap_check 'are the first of the dataset' sh -c 'grep -q "cat\.0\." path && grep -q "^cat$" class'
tap_check 'an SVG is whole' sh -c 'grep -q "</svg>" first.svg'
run 0 'more than there are' "$cnn" show data photos --out all.jpg --count 1000
tap_check 'a JPEG can be read' "$cnn" check all.jpg

photo=photos/cat.1.jpg
run 0 'one photo augmented' "$cnn" show augment "$photo" --augment resize=20x20,rotate=40,flip --out views.png --count 5
has out 'as often as asked' ', 5 images$'
run 0 'at its own size' "$cnn" show augment photos --augment rotate=40,flip --out own.png --count 3
run 0 'larger than it is' "$cnn" show augment "$photo" --augment resize_short=300,zoom=0.1 --out large.png --count 3
run 0 'in ten crops' "$cnn" show augment "$photo" --augment resize=24x24,ten_crop=20x20 --out ten.png --count 11
run 2 'steps that are none' "$cnn" show augment "$photo" --augment spin=3 --out no.png
has err 'they are told' '^cnn show: --augment: .*spin'

run 0 'a model' "$cnn" train fashion-dnn --data photos --out m.cnn --size 12x12x3 --epochs 1 --lr 0.5
run 0 'its predictions' "$cnn" show predictions m.cnn --data photos --out said.png --count 4 --json
json images 0 predicted <out >said
tap_check 'each has one' grep -qE '^(cat|dog)$' said
run 0 'the least certain' "$cnn" show predictions m.cnn --data photos --out low.png --pick uncertain --json
for i in 0 1 2 3; do json images $i probability <out; done >rising
tap_check 'the least certain come first' sort -gc rising
run 0 'mistakes' "$cnn" show predictions m.cnn --data photos --out wrong.png --pick wrong --json
same=$(for i in 0 1 2; do [ "$(json images $i class <out)" = "$(json images $i predicted <out)" ] && echo $i; done)
tap_empty 'nothing else is shown' "$same"

run 2 'no kind' "$cnn" show datta photos --out no.png
has err 'it suggests the nearest' 'did you mean data\?'
run 2 'no picture' "$cnn" show data photos
run 2 'a format that is none' "$cnn" show data photos --out no.gif
run 2 'predictions without data' "$cnn" show predictions m.cnn --out no.png
run 2 'data with augmentation' "$cnn" show data photos --augment flip --out no.png
run 2 'mistakes of a dataset' "$cnn" show data photos --pick wrong --out no.png
run 2 'a picture over a photo' "$cnn" show data photos --out photos/cat.0.jpg
run 2 'a picture over the photo that is shown' "$cnn" show augment "$photo" --augment flip --out "$photo"
run 1 'a folder that is not there' "$cnn" show data photos --out no/no.png
run 1 'a dataset that is not there' "$cnn" show data nothing --out no.png
run 1 'a photo that is damaged' sh -c 'head -c 200 "$2" >bad.jpg; "$1" show augment bad.jpg --augment flip --out no.png' \
    - "$cnn" "$photo"
has err 'it is named' 'bad\.jpg'
tap_check 'nothing was left by those that failed' sh -c '! ls no.* >/dev/null 2>&1'
tap_end
