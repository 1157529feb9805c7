#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn train with the mean subtracted, with ten crops and with a learning curve; cnn eval with ten crops.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 30 40
options='--data photos --val-split 0.2 --batch 10 --lr 0.003 --seed 7 --size 28x28x3'
crops='resize=34x34,random_crop=28x28,flip'
curve=
! draws || curve='--curve curve.png'

# shellcheck disable=SC2086
train() {
    "$cnn" train fashion-dnn $options "$@"
}

run 0 'the mean of the training images' train --out mean.cnn --epochs 2 --augment $crops --mean auto $curve
has err 'it is taken before the crop' '^mean        of 48 images, resize=34x34'
has err 'it is subtracted ever after' '^preprocess  resize=34x34:bilinear,center_crop=28x28,subtract=0\.[0-9]+/0\.[0-9]+/0\.[0-9]+; in training resize=34x34:bilinear,random_crop=28x28,flip=0\.5,subtract=0\.'
[ -z "$curve" ] || tap_check 'the curve is a PNG' sh -c 'head -c 4 curve.png | grep -q PNG'
[ -z "$curve" ] || cp curve.png before.png
run 0 'going on' train --out mean.cnn --epochs 4 --augment $crops --mean auto $curve --resume mean.last.cnn
[ -z "$curve" ] || tap_check 'the curve was drawn anew' sh -c '! cmp -s curve.png before.png'
run 0 'the same without a stop' train --out whole.cnn --epochs 4 --augment $crops --mean auto
tap_check 'the models have the same bits' cmp mean.cnn whole.cnn

run 0 'the scale of another library' train --out scaled.cnn --epochs 1 --preprocess resize=28x28,scale=0.00392156862
has err 'it is told' '^warning: after scale=0\.0039.* values go up to 0\.00392: pixels are in \[0, 1\] before it'
run 0 'the mean of another library' train --out scaled.cnn --epochs 1 --preprocess resize=28x28,normalize=mean=123.7/116.3/103.5:std=58/57/57
has err 'it is told too' '^warning: a mean of 123\.7 is subtracted from values up to 1: pixels are in \[0, 1\]'
run 0 'the same mean of values that were scaled' \
    train --out scaled.cnn --epochs 1 --preprocess resize=28x28,scale=255,subtract=103.939/116.779/123.68
hasnt err 'that is right' '^warning: .*pixels'

run 0 'principal components' train --out pca.cnn --epochs 1 --augment $crops --mean auto --pca auto:0.2
has err 'they come before the mean' '; in training resize=34x34:bilinear,random_crop=28x28,flip=0\.5,pca_color=0\.2:values=0\.[0-9]+/0\.[0-9]+/0\.[0-9]+:vectors=[-0-9.]+/.*,subtract='
hasnt err 'prediction is without' '^preprocess  resize=34x34:bilinear,center_crop=28x28,pca'
[ "$(grep -c '^mean        of' err)" = 1 ]
tap_result $? 'the images are read once for both'
run 0 'components alone' train --out pca.cnn --epochs 1 --pca auto
has err 'they follow the resize' 'in training resize=28x28:bilinear,pca_color=0\.1:values'
run 0 'components measured before the scale changes' \
    train --out pca.cnn --epochs 1 --pca auto --preprocess resize=28x28,normalize=mean=0.5:std=0.2
has err 'and added before it' 'in training resize=28x28:bilinear,pca_color=0\.1:values=0\.0[^,]*,normalize='
run 2 'components that are none' train --out no.cnn --pca half
run 2 'components twice' train --out no.cnn --pca auto --augment pca_color
run 1 'components of grey images' "$cnn" train fashion-dnn --data photos --out no.cnn --epochs 1 --pca auto

run 0 'numbers for the mean' train --out numbers.cnn --epochs 1 --mean 0.5/0.4/0.3
has err 'they are subtracted' '^preprocess  resize=28x28:bilinear,subtract=0\.5/0\.4/0\.3'
run 2 'a mean that is none' train --out no.cnn --mean half
run 2 'a second mean' train --out no.cnn --mean auto --preprocess resize=28x28,subtract=0.5
if draws; then
run 1 'a curve that cannot be written' train --out no.cnn --epochs 1 --curve no/curve.png
run 2 'a curve of no known format' train --out no.cnn --epochs 1 --curve curve.bmp
has err 'it says which there are' 'pictures end in .png, .jpg or .svg'
run 0 'a curve as SVG' train --out vector.cnn --epochs 1 --curve curve.svg
tap_check 'it is one, and whole' sh -c 'grep -q "<svg" curve.svg && grep -q "</svg>" curve.svg'
run 0 'a curve as JPEG' train --out photo.cnn --epochs 1 --curve curve.jpg
tap_check 'it can be read' sh -c '"$1" check curve.jpg' - "$cnn"
fi

run 0 'evaluation by the middle' "$cnn" eval mean.cnn --data photos --json
json loss <out >middle
run 0 'evaluation by ten crops' "$cnn" eval mean.cnn --data photos --json --ten-crop
json loss <out >ten
tap_check 'it gives another loss' sh -c '! cmp -s middle ten'
tap_check 'of as many images' test "$(json images <out)" -eq 60
run 0 'ten crops with one thread and another batch' "$cnn" eval mean.cnn --data photos --json --ten-crop --threads 1 --batch 7
tap_check 'the same loss' awk "BEGIN {d = $(cat ten) - $(json loss <out); exit !(d < 1e-6 && d > -1e-6)}"
run 1 'ten crops without a crop' "$cnn" eval numbers.cnn --data photos --ten-crop
has err 'it says what is missing' 'has none: resize=28x28'

run 0 'training with ten crops for validation' train --out ten.cnn --epochs 2 --augment $crops --ten-crop
has err 'the model has them' '^preprocess  resize=34x34:bilinear,ten_crop=28x28; in training resize=34x34:bilinear,random_crop'
run 0 'prediction by ten crops' "$cnn" predict ten.cnn photos/cat.1.jpg
run 0 'evaluation by its own ten crops' "$cnn" eval ten.cnn --data photos
run 0 'going on from a model with ten crops' "$cnn" train ten.cnn --data photos --out more.cnn --epochs 1
has err 'its training images have one crop' 'ten_crop=28x28; in training resize=34x34:bilinear,center_crop=28x28$'

views=views=0/0/1/1
run 0 'training with views for validation' train --out views.cnn --epochs 1 --mean 0.5 --augment flip \
    --preprocess resize=32x32,$views,center_crop=28x28
has err 'the model has them' "^preprocess  resize=32x32:bilinear,$views[^,]*,center_crop=28x28,subtract=0.5; in training"
has err 'its training images have one view' '; in training resize=32x32:bilinear,center_crop=28x28,flip=0.5,subtract=0.5$'
run 0 'views before all else' train --out first.cnn --epochs 1 --preprocess $views,resize=28x28 --mean 0.5
has err 'its training images have none' "^preprocess  $views[^,]*,resize=28x28:bilinear,subtract=0.5; in training resize=28x28:bilinear,subtract=0.5$"
run 0 'views after all else' train --out last.cnn --epochs 1 --preprocess resize=28x28,$views
has err 'they come before a mean' "^preprocess  resize=28x28:bilinear,$views[^,]*; in training resize=28x28:bilinear$"
for name in views first last; do
    run 0 "going on from views ($name)" "$cnn" train $name.cnn --data photos --out more.cnn --epochs 1
    run 0 'prediction by them' "$cnn" predict more.cnn photos/cat.1.jpg
done
run 0 'explaining what has views' "$cnn" explain saliency views.cnn photos/cat.1.jpg --out maps
run 2 'ten crops of views' train --out no.cnn --epochs 1 --ten-crop --preprocess resize=28x28,$views
has err 'it says what is in the way' 'makes several views already'

# 48 images in batches of 10: 5 steps with a short one, 4 whole ones.
steps() {
    train --epochs 2 --json --quiet --out steps.cnn "$@" >out && head -n 1 out | json step_loss
}
kept=$(steps) && [ "$kept" = "$(steps --last-batch keep)" ]
tap_result $? 'a short last batch is kept'
dropped=$(steps --last-batch drop) && [ "$kept" != "$dropped" ] && [ "$dropped" = "$(steps --last-batch wrap)" ]
tap_result $? 'dropping and wrapping agree in the first epoch'
dropped=$(tail -n 2 out | head -n 1 | json step_loss) && steps --last-batch drop >/dev/null &&
    [ "$dropped" != "$(tail -n 2 out | head -n 1 | json step_loss)" ]
tap_result $? 'and differ in the second'
run 2 'a last batch that is none' train --out steps.cnn --last-batch half

run 2 'an initializer that is none' train --out begun.cnn --init zeros
run 0 'another beginning' train --out begun.cnn --epochs 1 --init he_normal
run 1 'a model file has begun' "$cnn" train begun.cnn --data photos --out more.cnn --init he_normal
has err 'it says for what it is' 'for models by name'

run 0 'the recipes' "$cnn" help train
has out 'AlexNet has that of the article' '^  alexnet +momentum \(tensorflow1\), learning rate 0\.01, batch 256'
has out 'and its batches' 'last batch of an epoch: wrap'
has out 'ResNet-18 has parts of random size' '^ +random resized crops and flips, ImageNet'

run 0 'ResNet-18 by its recipe' "$cnn" train resnet18 --data photos --val-split 0.2 --size 32x40x3 --batch 16 --epochs 1 --out residual.cnn
has err 'prediction sees the middle' '^preprocess  resize_short=46:bilinear,center_crop=32x40,normalize=mean=0\.485/0\.456/0\.406:std=0\.229/0\.224/0\.225; in training random_resized_crop=32x40:.*,flip=0\.5,normalize=mean=0\.485'
run 0 'its summary' "$cnn" summary residual.cnn
has out 'it says what a layer is connected to' '^Layer \(type\) +Output Shape +Param # +Connected to'
has out 'it is trained for two classes' '^Trainable params: 11,177,538$'
run 0 'its evaluation' "$cnn" eval residual.cnn --data photos --json
tap_check 'it read all images' test "$(json images <out)" -eq 60
run 0 'another augmentation, one epoch' "$cnn" train resnet18 --data photos --size 32x32x3 --batch 16 --epochs 1 --limit 20 --augment flip --out flipped.cnn
has err 'the normalisation stays' '^preprocess  resize=32x32:bilinear,normalize=mean=0\.485[^;]*; in training resize=32x32:bilinear,flip=0\.5,normalize=mean'
fast="$cnn train cifar-fast --data photos --batch 16 --epochs 1 --limit 20 --val-split 0.2"
run 0 'cifar-fast by its recipe' $fast --out fast.cnn
has err 'six views after a resize' '^preprocess  resize=32x32:bilinear,center_crop=32x32,views=0/0/1/1/-1/-1:flip=1:reflect,normalize'
has err 'one in training' '; in training resize=32x32:bilinear,alternating_flip,random_crop=32x32[^,]*,normalize=[^,]*$'
has err 'its first layer is whitened' '^whitened    whiten, whose kernel stays$'
run 0 'what its dense layer reads, behind which values are scaled' "$cnn" embed fast.cnn photos --out fast.npy
run 0 'new classes for it' "$cnn" learn fast.cnn --data photos --out taught.cnn
run 0 'without its augmentation, from weights' $fast --augment none --init-from fast.cnn --out again.cnn
has err 'no random steps are left' '; in training resize=32x32:bilinear,normalize=[^,]*$'
has err 'the kernel of the file stays' '^whitened    whiten, whose kernel stays as it is in the file$'
run 0 'whitened again' $fast --init-from fast.cnn --whiten whiten --out again.cnn
has err 'by the images' '^whitened    whiten, whose kernel stays$'
run 0 'ten crops in place of its views' $fast --ten-crop --out again.cnn
has err 'there are ten crops alone' '^preprocess  resize=32x32:bilinear,ten_crop=32x32,normalize'
alex="$cnn train alexnet --size 67x67 --data photos --limit 8 --batch 4 --epochs 1 --mean mean.npy --out alex.cnn"
run 0 'AlexNet by its recipe' $alex --val-split 0.5
has err 'it tells what the images are' '^mean        [0-9./]*, deviation [0-9./]*, from 0[.0-9]* to [01][.0-9]*$'
has err 'it validates by ten crops' '^preprocess  resize=76x76:bilinear:antialias=0,ten_crop=67x67,subtract='
has err 'and tells its steps' \
    '^training    1 epoch of 1 step, batch 4, momentum \(tensorflow1\), learning rate 0\.01, momentum 0\.9, weight decay 0\.0005, categ'
has err 'and its last batch with the L2 term' \
    '^epoch 1/1: loss [0-9]\.[0-9]{6}, accuracy [0-9.]* \(last batch, L2 0\.[0-9]*\), lr 0.01; val_loss'
mean=$(sed -n 's/^mean        \([0-9./]*\), deviation.*/\1/p' err)
for command in 'eval alex.cnn --data photos --json' 'predict alex.cnn photos --json'; do
    # shellcheck disable=SC2086
    run 0 "$command" "$cnn" $command
    sed 's/"seconds.*//' out >ten
    # shellcheck disable=SC2086
    run 0 'by the middle alone' "$cnn" $command --tta none
    sed 's/"seconds.*//' out >one
    tap_check 'gives other numbers' sh -c '! cmp -s ten one'
    # shellcheck disable=SC2086
    run 0 'by views in place of the ten crops' "$cnn" $command --tta shift=1/1
    run 2 'by views that are none' "$cnn" $command --tta shift=1
done
run 0 'the same mean of the file, the middle, running values' $alex --tta none --values running --json
has err 'it is that mean' "^mean        $mean, of mean.npy$"
has err 'there is one view' "^preprocess  resize=76x76:bilinear:antialias=0,center_crop=67x67,subtract=$mean;"
has err 'the best epoch goes by running values' 'chosen by running values$'
has err 'which are told' '^epoch 1/1: loss 0\.[0-9]*, accuracy [0-9.]* \(running\)'
hasnt out 'and no penalty' decay_penalty
run 2 'two ways to say it' $alex --tta none --ten-crop
run 2 'views that are none' $alex --tta shift=1
printf 'no array' >mean.npy
run 1 'a mean that is none' $alex
has err 'it names the file' 'mean.npy: is no file of NumPy'
run 0 'numbers for the mean in its place' "$cnn" train resnet18 --data photos --size 32x32x3 --batch 16 --epochs 1 --limit 20 --mean 0.5/0.4/0.3 --out mean18.cnn
has err 'they alone are subtracted' '^preprocess  resize_short=37:bilinear,center_crop=32x32,subtract=0\.5/0\.4/0\.3; in'
run 1 'a network without classes is not trained' "$cnn" train vgg16-notop --data photos --out no.cnn
has err 'it says why' 'has no classes'
tap_end
