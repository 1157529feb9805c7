#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn explain: pictures of all kinds, their JSON, and what is refused.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 8 40
run 0 'a model to look into' "$cnn" train fashion-cnn --data photos --size 28x28x3 --epochs 1 --batch 8 --out m.cnn --quiet
photo=photos/cat.0.jpg
base=$(basename "$photo")
base=${base%.*}

png() { head -c 4 "$1" 2>/dev/null | grep -q PNG; }

for method in gradcam gradcam++ scorecam guided saliency smoothgrad integrated occlusion; do
    run 0 "explain $method" "$cnn" explain "$method" m.cnn "$photo" --out "out-$method"
    tap_check "$method draws an overlay" png "out-$method/$base-$method.png"
    tap_check "$method draws its map" png "out-$method/$base-$method-map.png"
    run 0 "help explain $method" "$cnn" help explain "$method"
    has out "its help begins with its usage" "^Usage: cnn explain $method"
done
tap_check 'a map as coarse as its layer' png "out-gradcam/$base-gradcam-cells.png"
tap_check 'none of what is as fine as the photo' test ! -e "out-saliency/$base-saliency-cells.png"
run 0 'the overlay in a file' "$cnn" explain gradcam m.cnn "$photo" --out one.jpg
tap_check 'it is a JPEG' sh -c 'head -c 3 one.jpg | od -An -tx1 | grep -q "ff d8 ff"'
tap_check 'the map lies beside it' png one-gradcam-map.png
run 2 'one picture of two photos' "$cnn" explain gradcam m.cnn "$photo" "$photo" --out two.png
has err 'it says so' 'two.png: is one picture, of 2 photos'
run 0 'json' "$cnn" explain gradcam m.cnn "$photo" --out pictures --class 1 --score output --curves --json
has out 'it is one object with the class' '^\{"method": "gradcam", "layer": ".*"class": 1'
has out 'with the areas' '"deletion": 0\.[0-9]*, "insertion": 0\.'
run 0 'activations' "$cnn" explain activations m.cnn "$photo" --out acts
tap_check 'a picture of a layer' sh -c 'ls acts/*-*.png | head -1 | grep -q png'
layer=$("$cnn" summary m.cnn | sed -n 's/^\([a-z0-9_.]*\) (Conv2D).*/\1/p' | head -1)
run 0 'chosen channels' "$cnn" explain activations m.cnn "$photo" --out one --layers "$layer,$layer:linear" \
    --channels 0-3,5 --columns 2 --scale 4 --json
has out 'their layers' "\"layer\": \"$layer:linear\""
run 0 'filters' "$cnn" explain filters m.cnn --layer "$layer" --out filters --steps 2 --json
has out 'a list of them' '"filters": \[\{"channel": 0, "mean": '
run 0 'some filters' "$cnn" explain filters m.cnn --layer "$layer" --channels 1,3 --size 20 --steps 2 --out filters
tap_check 'a picture each' png "filters/filter-$layer-3.png"

run 2 'nothing to explain' "$cnn" explain
has err 'it says what is missing' 'missing: activations'
run 2 'an unknown name' "$cnn" explain gradcm m.cnn "$photo" --out pictures
run 2 'no folder' "$cnn" explain gradcam m.cnn "$photo"
has err 'it says that it is missing' '--out DIR is missing'
run 2 'an unknown class' "$cnn" explain gradcam m.cnn "$photo" --out pictures --class nothing
has err 'it lists the classes' 'no class "nothing"; it has 0 '
run 2 'an option of another method' "$cnn" explain saliency m.cnn "$photo" --out pictures --window 3
run 1 'an unknown layer' "$cnn" explain gradcam m.cnn "$photo" --out pictures --layer nothing
has err 'it names the layer' 'no layer "nothing"'
run 1 'a photo that is not there' "$cnn" explain gradcam m.cnn nothing.jpg "$photo" --out last
tap_check 'the others are drawn' png "last/$base-gradcam.png"
run 2 'channels that are none' "$cnn" explain activations m.cnn "$photo" --out pictures --channels 3-1
run 1 'a channel that is not there' "$cnn" explain activations m.cnn "$photo" --out pictures --channels 9999
run 2 'filters without a layer' "$cnn" explain filters m.cnn --out pictures
run 0 'help of the command' "$cnn" help explain
has out 'it lists the names' '^  explain gradcam '
run 2 'help of an unknown name' "$cnn" help explain nothing
tap_end
