#!/bin/sh
# SPDX-License-Identifier: MIT
# Names of any bytes, of files and of classes: nothing of them reaches a terminal as more than text, lines stay lines, and
# JSON stays JSON.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"
LC_ALL=C
export LC_ALL

mkdir plain && "$helpers/make_photos" plain 12 40
run 0 'a model' "$cnn" train fashion-dnn --data plain --size 28x28x3 --epochs 1 --out m.cnn

# harmless FILE DESCRIPTION: passes if the file has no control byte but line feeds and tabs, no C1 control and no mark of
# direction.
harmless() {
    tr -d '\n\t -~\200-\377' <"$1" >left
    if [ -s left ] || grep -q "$c1" "$1" || grep -q "$direction" "$1"; then
        tap_result 1 "$2"
        od -c "$1" | head -n 20 | sed 's/^/# /'
    else
        tap_result 0 "$2"
    fi
}
c1=$(printf '\302\233')
direction=$(printf '\342\200\256')

# Each name: as printf writes it; those that are not UTF-8 begin with not-.
number=0
for name in 'bell\007' 'red\033[31m' 'title\033]0;x\007' 'delete\177' 'c1\302\23331m' 'turn\342\200\256gpj' 'not-latin\351' \
    'not-half\303' 'not-long\370\210\200\200\200' 'not-over\300\257' 'not-pair\355\240\200' 'not-far\364\220\200\200' 'line\nerror: no' \
    'return\rok' 'tab\tx' 'quote"x' "apostrophe'x" 'back\\\\x' 'amp&<x>' 'percent%%s%%n' 'caf\303\251' 'cafe\314\201' \
    '\346\274\242' '\360\237\220\261' ' blank' 'da-sh'; do
    number=$((number + 1))
    # shellcheck disable=SC2059
    file="$(printf "$name").jpg" class=$(printf "$name")
    rm -rf photos classes && mkdir photos classes
    if ! cp plain/cat.1.jpg "photos/$file" 2>/dev/null || ! cp -r photos "classes/$class" 2>/dev/null; then
        tap_skip "name $number" 'the file system refuses it'
        continue
    fi
    : >"photos/empty-$file"
    "$cnn" predict m.cnn -- "photos/$file" "photos/empty-$file" "photos/absent-$file" >out 2>err
    tap_result $((1 - ($? == 1))) "name $number: predict"
    harmless out "name $number: predict, results"
    harmless err "name $number: predict, messages"
    [ "$(wc -l <out)" = 1 ] && [ "$(wc -l <err)" = 3 ] # and their number
    tap_result $? "name $number: a line for each image"
    "$cnn" predict m.cnn --json -- "photos/$file" >out 2>err
    harmless out "name $number: predict as JSON"
    json label <out >/dev/null
    tap_result $? "name $number: it is JSON"
    case $name in
    not-*) ;;
    *)
        [ "$(json path <out)" = "photos/$file" ]
        tap_result $? "name $number: which has the name itself"
        ;;
    esac
    "$cnn" check photos >out 2>err
    harmless out "name $number: check"
    harmless err "name $number: check, messages"
    "$cnn" check photos --json >out 2>err
    harmless out "name $number: check as JSON"
    json images <out >/dev/null
    tap_result $? "name $number: it is JSON"

    # The name of a class, and of a file that is not there.
    mkdir classes/other && cp plain/dog.1.jpg classes/other
    "$cnn" train fashion-dnn --data classes --size 28x28x3 --epochs 1 --out c.cnn --log "log-$class" --replace >out 2>err
    harmless out "name $number: train"
    harmless err "name $number: train, messages"
    "$cnn" eval m.cnn --data classes --csv "no/$class" >out 2>err
    harmless err "name $number: eval, a file that cannot be written"
    "$cnn" eval m.cnn --data classes >out 2>err
    harmless err "name $number: eval, other classes"
    if [ -s c.cnn ]; then
        "$cnn" eval c.cnn --data classes >out 2>err
        harmless out "name $number: eval"
        harmless err "name $number: eval, messages"
        "$cnn" eval c.cnn --data classes --json >out 2>err
        harmless out "name $number: eval as JSON"
        "$cnn" summary c.cnn >out 2>err
        harmless out "name $number: summary"
        "$cnn" summary c.cnn --json >out 2>err
        harmless out "name $number: summary as JSON"
        json classes 0 <out >/dev/null
        tap_result $? "name $number: it is JSON"
    fi
    "$cnn" split classes parts --train 1 --json >out 2>err
    harmless out "name $number: split as JSON"
    harmless err "name $number: split, messages"
    "$cnn" split classes parts --train 7 >out 2>err
    harmless err "name $number: split, too few images"
    "$cnn" summary -- "$class" >out 2>err
    harmless err "name $number: summary of no model"
    "$cnn" train fashion-dnn --data classes --metric "$class" --out x.cnn "--$class" >out 2>err
    harmless err "name $number: options"
    "$cnn" train fashion-dnn --data "no/$class" --size 28x28 --out x.cnn >out 2>err
    harmless err "name $number: data that is not there"
    rm -rf parts c.* log-*
done
tap_end
