#!/bin/sh
# SPDX-License-Identifier: MIT
# Help, wrong usage, exit statuses, output that cannot be written; what needs no data.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

commands='summary train eval predict calibrate learn embed explain split convert check show report bench version help'
page=$CNN_SOURCE/docs/cnn.1

run 2 'no command' "$cnn"
has err 'it says that a command is missing' 'command is missing'
run 2 'an unknown command' "$cnn" trian
has err 'it suggests the nearest' 'did you mean train\?'
run 0 'help' "$cnn" help
for command in $commands; do
    has out "help lists $command" "^  $command "
done
run 0 'help by an option' "$cnn" --help
run 2 'help of an unknown command' "$cnn" help nothing

for command in $commands; do
    run 0 "$command --help" "$cnn" "$command" --help
    has out "$command --help begins with its usage" "^Usage: cnn $command"
    [ -s err ]
    tap_result $((1 - $?)) "$command --help leaves stderr empty"
    cp out help
    "$cnn" help "$command" >out
    tap_check "help $command says the same" cmp help out
    # Commands of a second word have options of their own, and their places on the page begin with the first word too.
    for second in $(sed -n "s/^  $command \\([a-z+]*\\) .*/\\1/p" help); do
        "$cnn" help "$command" "$second" >>help
    done
    missing=$(sed -n 's/^  --\([a-z0-9-]*\).*/\1/p' help | while read -r option; do
        sed 's/\\-/-/g' "$page" | grep -qE "^(\.BI?|\.BR) --$option( |\$)" || echo "$option"
    done)
    tap_empty "the manual page has the options of $command" "$missing"
    # The other way round: the part of the page that begins with the command's line and ends at the next command's.
    surplus=$(sed 's/\\-/-/g' "$page" | awk -v command="$command" '
        before == ".TP" && /^\.B[IR]* "?cnn / || /^\.SH/ {inside = index($0, "cnn " command) > 0}
        {before = $0}
        inside && /^\.BI? (\\f.)?"?--/ {print}' | grep -oE -- '--[a-z0-9-]+' | grep -v '^--$' | sort -u |
        while read -r option; do grep -qE -e "^  $option( |\$)" help || echo "$option"; done)
    tap_empty "the manual page has no other options of $command" "$surplus"
done

run 2 'an unknown option' "$cnn" version --jsn
has err 'it suggests the nearest option' 'did you mean --json\?'
run 2 'an option without its value' "$cnn" version --threads
has err 'it says what is missing' '--threads needs a value'
run 2 'a value for a flag' "$cnn" version --json=1
run 2 'no number' "$cnn" version --threads two
has err 'it says what is valid' 'from 1 to 1024, not "two"'
run 2 'a number out of bounds' "$cnn" version --threads 0
run 2 'a number with rubbish' "$cnn" bench --steps 3x
run 2 'a size that is none' "$cnn" summary catdog --input 150by150
run 2 'one argument too many' "$cnn" summary catdog catdog
run 2 'an argument missing' "$cnn" summary
run 2 'an unknown backend' "$cnn" version --backend referense
has err 'it suggests the nearest backend' 'did you mean reference\?'
run 1 'an unknown backend in the environment' env CNN_BACKEND=nothing "$cnn" version
run 2 'an unknown model' "$cnn" summary catdgo
has err 'it suggests the nearest model' 'did you mean catdog\?'
has err 'it lists the models' 'fashion-cnn, fashion-dnn'
run 1 'a model file that is not there' "$cnn" summary nothing.cnn
has err 'it names the file' '^cnn summary: .*nothing\.cnn'
run 2 'an unknown workload' "$cnn" bench catdog-trian
has err 'it suggests the nearest workload' 'catdog-train'
run 2 'training without data' "$cnn" train catdog --out x.cnn
has err 'it says what is missing' '--data PATH is missing'
run 2 'training without --out' "$cnn" train catdog --data .
run 2 'options that exclude each other' "$cnn" train catdog --data . --out x --val . --val-split 0.2
run 2 'a choice that is none' "$cnn" train catdog --data . --out x --optimizer adm
has err 'it lists the choices' 'sgd, momentum, nesterov, rmsprop, adam'
run 2 'an option that the optimizer has not' "$cnn" train catdog --data . --out x --optimizer adam --momentum 0.5
has err 'it lists those that it has' 'optimizer: .*beta1, beta2, epsilon'
run 1 'an output folder that is not there' "$cnn" train catdog --data . --out no/x.cnn
run 1 'a folder in the place of a model' "$cnn" summary "$work"
mkdir catalog
run 1 'a folder whose name is a word' "$cnn" summary catalog
has err 'it says that it is no file' 'catalog: is not a regular file'
for argument in 'summary' 'train --data . --out x' 'eval --data .' 'predict x.cnn' 'split . --train 1' 'check' 'bench' 'help'; do
    # shellcheck disable=SC2086
    run 2 "an empty argument of $argument" "$cnn" $argument ''
    has err 'it says so' 'an argument is empty|too many'
done
for option in data out val log curve resume init-from freeze classes metric schedule mean pca preprocess augment; do
    run 2 "an empty --$option" "$cnn" train catdog --data . --out x "--$option="
    has err 'it names the option' "^cnn train: --$option is empty"
done
for option in epochs batch patience limit topk memory-limit lr weight-decay clip-norm momentum val-split dropout; do
    for value in nan inf -inf -1 1e999 1e-999x 0x10 '1 ' 99999999999999999999999999 ''; do
        run 2 "--$option $value" "$cnn" train catdog --data . --out x "--$option" "$value"
        has err 'it says what is valid' "^cnn train: --$option takes a (whole )?number from .* to .*, not \"$value\""
    done
done
run 2 'a seed beyond 64 bits' "$cnn" version --seed 18446744073709551616
has err 'it says how far it may go' 'from 0 to 2\^64-1, not'
run 0 'the largest seed' "$cnn" version --seed 18446744073709551615
for size in 0x0 x28 28x 28x28x 28x28x3x3 99999x1 28X28 -1x28 ''; do
    run 2 "--size $size" "$cnn" train catdog --data . --out x --size "$size"
done
run 2 'images of four channels' "$cnn" train catdog --data . --out x --size 28x28x4
has err 'it says how many there can be' '1 or 3 channels, not 4'
for list in 'cat,,dog' ',' 'cat,dog,cat'; do
    run 2 "--classes $list" "$cnn" train catdog --data . --out x --classes "$list"
    has err 'it says what is wrong' "--classes has (an empty name|a name twice): $list"
    run 2 "--freeze $list" "$cnn" train catdog --data . --out x --freeze "$list"
done
run 0 'an option given twice' "$cnn" version --threads 1 --threads 2 --json
has err 'it says which one counts' '^warning: --threads is given more than once; the last one counts$'
[ "$(json threads <out)" = 2 ]
tap_result $? 'and that is the last one'
run 0 'a flag given twice' "$cnn" version --json --json
[ -s err ]
tap_result $((1 - $?)) 'is nothing to tell'
run 2 'evaluation without data' "$cnn" eval x.cnn
run 2 'evaluation of a model without training' "$cnn" eval catdog --data .
run 2 'prediction without an image' "$cnn" predict x.cnn

run 0 'version' "$cnn" version
has out 'it prints the version' '^cnn [0-9]+\.[0-9]+\.[0-9]+$'
run 0 'version by an option' "$cnn" --version
run 0 'version as JSON' "$cnn" version --json --backend reference --threads 1
[ "$(json backend <out)" = reference ] && [ "$(json threads <out)" = 1 ]
tap_result $? 'the JSON says backend and threads'

run 0 'the summary of catdog' "$cnn" summary catdog
has out 'its parameters are those of the article' '^Total params: 3,453,121$'
has out 'its first layer is that of the article' '^conv2d_1 \(Conv2D\) +\(None, 148, 148, 32\) +896'
run 0 'the summary as JSON' "$cnn" summary catdog --json
[ "$(json parameters <out)" = 3453121 ] && [ "$(json layers 0 parameters <out)" = 896 ]
tap_result $? 'the JSON has the parameters'
run 0 'a summary of another size' "$cnn" summary fashion-dnn --input 8x8x1 --classes 3 --json
[ "$(json output 0 <out)" = 3 ]
tap_result $? 'it has as many outputs as classes'

run 0 'AlexNet as the article has it' "$cnn" summary alexnet --input 67x67x3
hasnt out 'nothing reads the dropout of fc7' 'drop7'
run 0 'AlexNet with both dropouts' "$cnn" summary alexnet:fc8=drop7 --input 67x67x3
has out 'fc8 reads the dropout of fc7' '^drop7 \(Dropout\)'
run 2 'an option of another model' "$cnn" summary catdog:fc8=drop7
has err 'it says what this one has' 'catdog has no "fc8"; it has no options'
run 2 'a word that the option does not know' "$cnn" summary alexnet:fc8=drop8
has err 'it says which there are' 'expected fc8 as one of fc7, drop7'

run 0 'a benchmark' "$cnn" bench catdog-infer-1 --steps 2 --json
[ "$(json name <out)" = catdog-infer-1 ] && json ms <out >/dev/null && json images_per_s <out >/dev/null
tap_result $? 'the JSON has name, ms and images_per_s'
[ "$(json workloads 0 name <out)" = catdog-infer-1 ]
tap_result $? 'the JSON has a list of workloads'
[ "$(json ms_min <out | cut -d. -f1)" -le "$(json ms_max <out | cut -d. -f1)" ]
tap_result $? 'the JSON has least and most'
run 0 'a benchmark of layers' "$cnn" bench fashion-train --steps 2 --layers --quiet
has out 'the layer forward, with its algorithm' '^  conv2d_1 +Conv2D +forward +[a-z0-9-]+ +[0-9.]+ +[0-9.]+ +([0-9]+%|-)  '
has out 'to its filters' '^  conv2d_1 +Conv2D +to filters '
has out 'the optimizer' '^  - +adam +update '
has out 'the sum' '^  all '
run 0 'a benchmark of layers as JSON' "$cnn" bench catdog-infer-1 --steps 1 --layers --json
[ "$(json workloads 0 layers 0 layer <out)" = conv2d_1 ] && [ "$(json layers 0 pass <out)" = forward ] &&
    json layers 0 gflops <out >/dev/null && json peak_gflops <out >/dev/null
tap_result $? 'the JSON has the layers'
run 0 'a benchmark of another batch and size' "$cnn" bench catdog-infer-1 --steps 1 --batch 3 --size 60x50 --quiet
run 1 'a size that does not fit' "$cnn" bench catdog-infer-1 --steps 1 --size 20x20
run 2 'a batch of photos' "$cnn" bench --data . --batch 3
run 2 'layers of photos' "$cnn" bench --data . --layers
run 1 'an unknown kind of arithmetic' env CNN_MATH=exact "$cnn" version
has err 'it names those that there are' 'expected fast or strict'
run 0 'strict arithmetic' env CNN_MATH=strict "$cnn" version
has out 'the version says so' '^math +strict$'
run 0 'a benchmark of a network without classes' "$cnn" bench vgg16-notop-infer-1 --steps 1 --json
[ "$(json name <out)" = vgg16-notop-infer-1 ]
tap_result $? 'it has its row'
run 0 'a benchmark as text' "$cnn" bench fashion-train --steps 1 --quiet
has out 'it prints a row' '^fashion-train +[0-9.]+ ms/step +[0-9.]+ images/s$'
tap_check 'it is quiet' test ! -s err

if [ -w /dev/full ]; then
    for command in version help 'summary catdog' 'version --json'; do
        # shellcheck disable=SC2086
        "$cnn" $command >/dev/full 2>err
        tap_result $((1 - ($? == 1))) "$command on a full disk: status 1"
        has err "$command on a full disk: a message" 'standard output: No space left'
    done
else
    tap_skip 'output on a full disk' 'there is no /dev/full'
fi
tap_end
