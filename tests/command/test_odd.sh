#!/bin/sh
# SPDX-License-Identifier: MIT
# Odd values and odd data: each has a clear answer, and nothing is written that is of no use.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 6 40
mkdir -p tree/cat tree/dog empty/bird one none
cp photos/cat.* tree/cat/ && cp photos/dog.* tree/dog/
cp -r tree/cat tree/dog empty/ && cp -r tree/cat one/

# refused STATUS DESCRIPTION PATTERN OPTION...: `cnn train` ends with STATUS and a message, and writes nothing.
refused() {
    refused_status=$1
    refused_description=$2
    refused_pattern=$3
    shift 3
    run "$refused_status" "$refused_description" "$cnn" train fashion-dnn --size 12x12x3 --out o.cnn "$@"
    has err "$refused_description: the message" "$refused_pattern"
    tap_check "$refused_description: no file" sh -c '! ls | grep "^o\."'
}

refused 1 'a class without images' '^cnn train: empty: class "bird" has no ' --data empty
refused 1 'one class only' '^cnn train: one: there is one class only; training needs two or more$' --data one
refused 1 'an empty folder' '^cnn train: none: found 0 other entries, expected one of' --data none
refused 1 'no such folder' '^cnn train: nowhere: ' --data nowhere
refused 1 'images smaller than the crop' '^cnn train: tree/.*: random_crop=100x100 does not fit into 40x40' \
    --data tree --augment random_crop=100,resize=12x12
refused 1 'a crop that the network does not take' 'the loader gives \(20, 20, 3\), the input is \(12, 12, 3\)' \
    --data tree --augment random_crop=20
for value in 0 -1 1000000000 99999999999999999999 1.5 nan ''; do
    refused 2 "epochs \"$value\"" "^cnn train: --epochs takes a whole number from 1 to 1000000, not \"$value\"" \
        --data tree --epochs "$value"
done
for value in 0 -1 1000000 1e3; do
    refused 2 "threads \"$value\"" "^cnn train: --threads takes a whole number from 1 to 1024, not \"$value\"" \
        --data tree --threads "$value"
    run 2 "threads \"$value\" of predict" "$cnn" predict x.cnn photos/cat.0.jpg --threads "$value"
done
for value in 0 -1 1000000000; do
    refused 2 "a batch of \"$value\"" "^cnn train: --batch takes a whole number from 1 to 100000, not \"$value\"" \
        --data tree --batch "$value"
done
for value in -1 0 nan inf 1e9 0,1; do
    refused 2 "learning rate \"$value\"" "^cnn train: --lr takes a number from 1e-12 to 1000, not \"$value\"" \
        --data tree --lr "$value"
done

# A batch larger than the data is the data, and that is said.
run 0 'a batch larger than the data' "$cnn" train fashion-dnn --size 12x12x3 --out b.cnn --data tree --batch 1000 --epochs 1
has err 'it is said' '^warning: a batch of 1000 is more than the 12 training images: each epoch is one step of all of them$'

# More threads than processors, and more than there is work for: the same model.
for threads in 1 64; do
    run 0 "$threads threads" "$cnn" train fashion-dnn --size 12x12x3 --out "t$threads.cnn" --data tree --batch 4 --epochs 2 \
        --seed 3 --threads $threads
done
tap_check 'the same model' cmp t1.cnn t64.cnn

# Learning rates that are far too high: training stops and says where, and what was saved before stays readable.
run 1 'a loss that explodes' "$cnn" train fashion-dnn --size 12x12x3 --out e.cnn --data tree --lr 1000 --epochs 50 --batch 2 \
    --optimizer sgd --seed 1
has err 'epoch, step, learning rate and place' \
    '^cnn train: fashion-dnn: (the loss is -?(nan|inf)|a step spoilt the model) in epoch [0-9]+, step [0-9]+, at a learning rate of 1000: .*(layer|parameter) "'
if [ -e e.last.cnn ]; then
    has err 'what was saved is named' '; "e.last.cnn" still holds the state after epoch [0-9]+$'
    run 0 'it can be read' "$cnn" eval e.last.cnn --data tree
fi
# Limits by the command.
run 1 'a lower limit' "$cnn" summary b.cnn --allow json_depth=2
has err 'it says how to raise it' 'at most 2, the limit json_depth \(--allow json_depth=N raises it\)$'
run 0 'several limits' "$cnn" summary b.cnn --allow json_depth=100,jpeg_scans=2k
mkdir digits
printf '\0\0\010\003\0\0\0\001\0\0\0\002\0\0\0\002abcd' >digits/t10k-images-idx3-ubyte
printf '\0\0\010\001\0\0\0\001\0' >digits/t10k-labels-idx1-ubyte
printf 'path,label\nphotos/cat.0.jpg,cat\n' >table.csv
# lowered NAME=VALUE ARGUMENT...: the command refuses, and says which limit it is and how it is raised.
lowered() {
    lowered_limit=$1
    shift
    run 1 "$lowered_limit" "$cnn" "$@" --allow "$lowered_limit"
    has err "$lowered_limit: how to raise it" "the limit ${lowered_limit%=*} \\(--allow ${lowered_limit%=*}=N raises it\\)"
}
for limit in model_bytes=100 header_bytes=100 json_values=5 tensors=1 name_bytes=2; do
    lowered $limit summary b.cnn
done
lowered session_bytes=10 predict b.cnn photos/cat.0.jpg
lowered image_bytes=100 predict b.cnn photos/cat.0.jpg
run 1 'image_side=10' "$cnn" predict b.cnn photos/cat.0.jpg --allow image_side=10
has err 'image_side: how to raise it' 'the limit max_side \(--allow image_side=N raises it'
lowered data_bytes=3 eval b.cnn --data digits
lowered table_bytes=5 eval b.cnn --data table.csv
if "$cnn" convert b.cnn b.onnx >/dev/null 2>&1; then
    lowered onnx_bytes=100 summary b.onnx
fi
run 1 'pixels=150' "$cnn" predict b.cnn photos/cat.0.jpg --allow pixels=150
has err 'pixels: how to raise it' 'the limit max_pixels \(--max-pixels raises it\)'
for value in depth=3 json_depth=0 json_depth=513 json_depth=x json_depth= json_depth 'json_depth=3,' ''; do
    run 2 "--allow \"$value\"" "$cnn" summary b.cnn --allow "$value"
done

# 16 descriptors are enough.
(ulimit -n 16 && exec "$cnn" train fashion-dnn --size 12x12x3 --out n.cnn --data tree --epochs 1 --threads 2) >out 2>err
tap_result $? '16 descriptors are enough to train'
tap_end
