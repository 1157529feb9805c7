#!/bin/sh
# SPDX-License-Identifier: MIT
# cnn train, eval and predict on photos made here: from training to prediction, stopping and going on.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

mkdir photos && "$helpers/make_photos" photos 40 40
"$cnn" split photos parts --train 25 --val 10 --test 5 >/dev/null
options='--data parts/train --val parts/validation --batch 10 --lr 0.003 --seed 7'

# shellcheck disable=SC2086
train() {
    "$cnn" train fashion-dnn $options "$@"
}

run 0 'training' train --out one.cnn --epochs 6 --log one.csv --topk 2
has err 'it tells the classes' '0 cat, 1 dog'
has err 'it tells the sizes' '50 for training, 20 for validation'
has err 'it tells the images of each class' '^training on cat 25, dog 25$'
has err 'and those for validation' '^validation  cat 10, dog 10$'
hasnt err 'even classes are no reason for a warning' 'warning'
has err 'it tells each epoch, training values as running' \
    '^epoch 1/6: loss [0-9.]+, accuracy [0-9.]+ \(running\); val_loss [0-9.]+, val_accuracy [0-9.]+'
has err 'it tells the share of time spent waiting' 'images/s, [0-9.]+ % waiting for data, [0-9]+:[0-9]+'
hasnt err 'no bar where there is no terminal' "$(printf '\r')"
has out 'it tells the best epoch' '^best epoch  [1-6] of 6: val_accuracy [0-9.]+'
has out 'it tells the time' '^time        [0-9]+:[0-9]+'
tap_check 'the log has a header and six rows' test "$(wc -l <one.csv)" -eq 7
has one.csv 'the log names its columns' '^epoch,loss,accuracy,.*val_loss,val_accuracy.*,wait_share,step_loss,step_score$'

run 0 'the same in two parts: the first' train --out two.cnn --epochs 2 --log two.csv --topk 2 --threads 1
run 0 'the same in two parts: the second' \
    train --out two.cnn --epochs 6 --log two.csv --topk 2 --resume two.last.cnn --threads 3
tap_check 'the models have the same bits' cmp one.cnn two.cnn
cut -d, -f1-3 one.csv >one.columns && cut -d, -f1-3 two.csv >two.columns
tap_check 'the logs have the same rows' cmp one.columns two.columns
cp two.cnn before
run 0 'resuming what is complete' train --out two.cnn --epochs 6 --topk 2 --resume two.last.cnn
has err 'it says so' 'already complete'
tap_check 'and leaves the model alone' cmp before two.cnn

run 0 'the same in memory' train --out memory.cnn --epochs 6 --topk 2 --in-memory --memory-limit 1
has err 'it tells the memory' '^in memory   5[0-9]\.[0-9] KiB for images'
tap_check 'the model has the same bits' cmp one.cnn memory.cnn
run 1 'more memory than allowed' train --out memory.cnn --epochs 1 --in-memory --memory-limit 1 \
    --augment resize=200x200,random_crop=28
has err 'it says how much' '50 images of 200x200x1 in memory take 40000 bytes each'
run 2 'a limit without --in-memory' train --out memory.cnn --memory-limit 1

run 0 'training as JSON' train --out json.cnn --epochs 2 --json --quiet
tap_check 'two epochs and the end' test "$(wc -l <out)" -eq 3
[ "$(head -n 2 out | json epoch | tail -n 1)" = 2 ] && head -n 2 out | json val_accuracy >/dev/null &&
    [ "$(tail -n 1 out | json model)" = json.cnn ] && head -n 1 out | json step_loss >/dev/null &&
    head -n 1 out | json step_score >/dev/null && tail -n 1 out | json seconds >/dev/null
tap_result $? 'the JSON has epochs and files'
tap_check 'it is quiet' test ! -s err
run 0 'a validation share' "$cnn" train fashion-dnn --data photos --val-split 0.25 --out split.cnn --epochs 1 --limit 40
has err 'a share of a sample' '30 for training, 10 for validation'
run 0 'other weights to begin with' train --out three.cnn --epochs 1 --init-from one.cnn --freeze 'dense_1/*' --augment flip
has err 'it tells what was loaded' '[0-9]+ parameters from one.cnn, 0 begin anew'
hasnt err 'by their names' 'taken in order'
"$cnn" convert one.cnn one.safetensors >/dev/null 2>&1
LC_ALL=C sed 's/dense_\([123]\)/other_\1/g' one.safetensors >other.safetensors
run 0 'weights with other names' train --out three.cnn --epochs 1 --init-from other.safetensors
has err 'they are taken in order, which is told' '^names       none is the model.s: layers were taken in order$'
run 0 'a frozen base' train --out base.cnn --epochs 1 --init-from one.cnn --freeze base
has err 'it names what is trained' '^trained     2 of 6 arrays: dense_3/kernel, dense_3/bias$'
run 0 'all before a layer' train --out base.cnn --epochs 1 --freeze 'before=dense_2,!dense_1/bias'
has err 'it names what is trained there' '^trained     5 of 6 arrays: dense_1/bias, dense_2/kernel, dense_2/bias, dense_3'
run 1 'a layer that is not there' train --out base.cnn --epochs 1 --freeze 'before=dense_9'
has err 'it names the layer' '--freeze: no layer matches "dense_9"'
run 2 'statistics of no kind' train --out base.cnn --epochs 1 --freeze 'statistics=moved'
has err 'it says which there are' 'must be keras, move or keep'
groups='dense_1:factor=0.1+*/bias:weight_decay=0'
run 0 'groups of parameters' train --out groups.cnn --epochs 2 --groups "$groups" --weight-decay 0.01 --threads 1
run 0 'the same, stopped' train --out groups2.cnn --epochs 1 --groups "$groups" --weight-decay 0.01
run 0 'and gone on with' train --out groups2.cnn --epochs 2 --groups "$groups" --weight-decay 0.01 \
    --resume groups2.last.cnn --threads 3
tap_check 'the groups change the model' sh -c '! cmp -s groups.cnn one.cnn'
tap_check 'and resuming does not' cmp groups.cnn groups2.cnn
run 1 'other groups' train --out groups2.cnn --epochs 3 --groups 'dense_1:factor=0.1' --weight-decay 0.01 \
    --resume groups2.last.cnn
has err 'it says what differs' 'was trained with 2 groups of parameters, not 1'
run 2 'groups that cannot be read' train --out groups3.cnn --groups 'dense_1:speed=2'
has err 'it says where' '--groups: groups: character 9: a group has no "speed"; it has factor, weight_decay'
run 1 'groups that mean nothing' train --out groups3.cnn --groups 'conv*:factor=2'
has err 'it says which' 'no parameter matches "conv\*"'
run 0 'what would be trained' "$cnn" summary one.cnn --freeze base --config --parameters
has out 'it counts' '^trained     2 of 6 arrays: dense_3/kernel, dense_3/bias$'
has out 'it tells configurations' '^  \(dense_1\): Dense\(inputs=[0-9]+, units=[0-9]+, activation=relu, '
has out 'it lists parameters' '^not trained dense_1/bias  *[0-9]+ '
run 0 'the same as JSON' "$cnn" summary one.cnn --freeze base --config --parameters --json
tap_check 'it has the counts' test "$(json trainable_arrays <out)" = 2
run 0 'evaluating in training mode' "$cnn" eval one.cnn --data parts/test --training-mode --no-penalties
run 1 'a pattern that fits nothing' train --out three.cnn --epochs 1 --freeze 'nothing*'
run 2 'two ways to begin' train --out three.cnn --resume one.last.cnn --init-from one.cnn
run 1 'a checkpoint of another metric' train --out three.cnn --epochs 9 --metric auc --resume one.last.cnn
has err 'it names both' 'with "accuracy" as the evaluator that decides what is best, not "auc"'
run 1 'a checkpoint of another model' "$cnn" train catdog --data parts/train --size 48x48 --out three.cnn --resume one.last.cnn
run 2 'steps that are none' train --out three.cnn --augment flop
run 0 'steps that make the size' train --out crop.cnn --epochs 1 --augment resize=32x32,random_crop=28,flip=0.5
has err 'preprocessing is what is not random in them' '^preprocess  resize=32x32:bilinear,center_crop=28x28; in training resize=32x32'
run 0 'steps beside the preprocessing' \
    train --out norm.cnn --epochs 1 --preprocess resize=28x28:area,normalize=mean=0.5:std=0.25 --augment flip=0.5
has err 'scaling comes last' 'in training resize=28x28:area,flip=0.5,normalize='
run 0 'class names in an order of their own' train --out dogs.cnn --epochs 1 --classes dog,cat
has err 'the labels follow' '^classes     0 dog, 1 cat'
run 0 'evaluation in that order' "$cnn" eval dogs.cnn --data parts/test --json
[ "$(json classes 0 label <out)" = dog ]
tap_result $? 'the table follows too'
run 0 'going on from a model file' "$cnn" train one.cnn --data parts/train --out four.cnn --epochs 1 --optimizer sgd
run 1 'the parts of a split are no classes' "$cnn" train fashion-dnn --data parts --out five.cnn
has err 'it says what to give' 'parts/(train|test|validation)'
run 1 'a log that cannot be written' train --out five.cnn --epochs 1 --log no/log.csv

run 0 'evaluation' "$cnn" eval one.cnn --data parts/test --csv scores.csv
has out 'it prints the accuracy' '^accuracy  (1\.0000|0\.[0-9]{4})$'
has out 'it prints a row for each class' '^dog +[0-9.-]+ +[0-9.-]+ +[0-9.-]+ +5$'
has out 'it prints the confusion matrix' '^confusion matrix'
tap_check 'the table has a row for each class' test "$(wc -l <scores.csv)" -eq 3
run 0 'evaluation as JSON' "$cnn" eval one.cnn --data parts/test --json
accuracy=$(json accuracy <out)
right=$(($(json confusion 0 0 <out) + $(json confusion 1 1 <out)))
tap_check 'accuracy and confusion matrix agree' \
    awk "BEGIN {exit !($accuracy > $right / 10 - 1e-6 && $accuracy < $right / 10 + 1e-6)}"
tap_check 'the model has learnt' awk "BEGIN {exit !($accuracy >= 0.8)}"
run 0 'evaluation with one thread' "$cnn" eval one.cnn --data parts/test --json --threads 1
cp out threads1 && "$cnn" eval one.cnn --data parts/test --json --threads 3 >out
[ "$(json loss <threads1)" = "$(json loss <out)" ]
tap_result $? 'any number of threads gives the same loss'
mkdir -p birds/bird birds/dog && cp photos/cat.1.jpg birds/bird && cp photos/dog.1.jpg birds/dog
run 1 'evaluation on other classes' "$cnn" eval one.cnn --data birds
has err 'it shows those of the dataset' '^dataset: 0 bird, 1 dog$'
has err 'it shows those of the model' '^model:   0 cat, 1 dog$'

run 0 'prediction' "$cnn" predict one.cnn parts/test/dog/dog.36.jpg parts/test/cat/cat.36.jpg
tap_check 'a line for each image' test "$(wc -l <out)" -eq 2
has out 'path, class, probability and number' "^parts/test/dog/dog\.36\.jpg	(cat	[01]\.[0-9]{4}	0|dog	[01]\.[0-9]{4}	1)$"
tap_check 'in the order given' sh -c 'head -n 1 out | grep -q dog.36'
: >bad.jpg
run 1 'prediction with a bad image' "$cnn" predict one.cnn bad.jpg parts/test/dog/dog.36.jpg
has err 'it names the bad one' 'bad\.jpg: '
tap_check 'and predicts the other' test "$(wc -l <out)" -eq 1
run 0 'prediction as JSON' "$cnn" predict one.cnn parts/test/dog/dog.36.jpg --json --topk 2
[ "$(json path <out)" = parts/test/dog/dog.36.jpg ] && [ "$(json predictions 0 label <out)" = "$(json label <out)" ] &&
    json top 1 probability <out >/dev/null
tap_result $? 'the JSON has path, label and probability'
name=$(printf 'odd\033.jpg') && cp photos/cat.1.jpg "$name"
run 0 'prediction of an odd name' "$cnn" predict one.cnn "$name"
has out 'control bytes are escaped' '^odd\\x1b\.jpg'
if [ -w /dev/full ]; then
    "$cnn" predict one.cnn parts/test/dog/dog.36.jpg >/dev/full 2>err
    tap_result $((1 - ($? == 1))) 'prediction on a full disk: status 1'
fi

# Uneven classes, classes without images, many classes.
mkdir -p uneven/cat uneven/dog && cp photos/cat.?.jpg photos/cat.1?.jpg uneven/cat && cp photos/dog.[0-3].jpg uneven/dog
run 0 'uneven classes' "$cnn" train fashion-dnn --data uneven --size 28x28x3 --epochs 1 --out uneven.cnn
has err 'it warns of them' '^warning: .*the classes are uneven: "cat" has 20 training samples, "dog" 4; class weights'
cp photos/dog.4.jpg uneven/dog
run 0 'four times as many' "$cnn" train fashion-dnn --data uneven --size 28x28x3 --epochs 1 --out uneven.cnn --replace
hasnt err 'are not uneven yet' 'are uneven'
mkdir many && for i in 10 11 12 13 14 15 16 17 18 19 20 21 22; do
    mkdir many/class$i && cp photos/cat.[0-9].jpg many/class$i
done
rm many/class15/cat.[0-4].jpg
run 0 'many classes' "$cnn" train fashion-dnn --data many --size 28x28x3 --epochs 1 --out many.cnn
has err 'it tells the smallest and the largest' '^training on 13 classes, the smallest class15 5, the largest class10 10$'

head -c 300 photos/cat.1.jpg >parts/train/cat/cat.99.jpg
run 1 'training with a damaged image' train --out six.cnn --epochs 1
has err 'it names the image' 'parts/train/cat/cat\.99\.jpg'
run 0 'training that skips it' train --out six.cnn --epochs 1 --on-error skip
has err 'it counts the image' '1 times an image was left out'
rm parts/train/cat/cat.99.jpg

# A signal: the checkpoint is whole, and going on gives the bits of never having stopped.
for signal in TERM INT; do
    # Background jobs of scripts ignore SIGINT unless told otherwise.
    case $signal in
    INT) default='env --default-signal=INT' ;;
    *) default= ;;
    esac
    if [ -n "$default" ] && ! $default true 2>/dev/null; then
        tap_skip "training and SIG$signal" 'env has no --default-signal'
        continue
    fi
    rm -f stop.cnn stop.last.cnn
    # shellcheck disable=SC2086
    $default "$cnn" train fashion-dnn $options --out stop.cnn --epochs 100000 >out 2>err &
    child=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -s stop.last.cnn ] && break
        sleep 0.25
    done
    kill -s $signal $child
    wait $child
    tap_result $((1 - ($? == 1))) "SIG$signal stops the training: status 1"
    has err "SIG$signal: it says how to go on" '--resume stop.last.cnn'
    epochs=$(($(grep -c '^epoch' err) + 2))
    run 0 "SIG$signal: the checkpoint is a model" "$cnn" predict stop.last.cnn photos/cat.1.jpg
    run 0 "SIG$signal: going on" train --out stop.cnn --epochs $epochs --resume stop.last.cnn
    run 0 "SIG$signal: the same without a stop" train --out whole.cnn --epochs $epochs
    tap_check "SIG$signal: the models have the same bits" cmp stop.cnn whole.cnn
done
tap_end
