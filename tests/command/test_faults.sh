#!/bin/sh
# SPDX-License-Identifier: MIT
# System calls that fail, one at a time: the commands end with status 1 and a message, or go on where that is right; old
# files stay whole, and nothing half-written stays. strace makes the calls fail; every point is tried with FAULTS=all.
set -u
# shellcheck source=tests/command/command.sh
. "$(dirname "$0")/command.sh"

if ! strace -f -qq -o /dev/null -e trace=write -e inject=write:error=EIO:when=1 true 2>/dev/null ||
    strace -f -qq -o /dev/null -e trace=write -e inject=write:error=EIO:when=1 "$cnn" version >/dev/null 2>&1; then
    tap_skip 'system calls that fail' 'strace cannot make them fail here'
    tap_end
    exit
fi
if nm "$cnn" 2>/dev/null | grep -q __asan_init; then
    tap_skip 'system calls that fail' 'a sanitizer makes calls of its own'
    tap_end
    exit
fi
most=3 # points of each call
[ "${FAULTS:-}" = all ] && most=100000

mkdir photos && "$helpers/make_photos" photos 4 40
"$cnn" train fashion-dnn --data photos --size 12x12x3 --epochs 1 --out good.cnn >/dev/null 2>&1
cp good.last.cnn resume.cnn

fresh() {
    rm -rf o && mkdir o && cp good.cnn o/m.cnn && cp good.last.cnn o/m.last.cnn && echo old >o/l.csv
}
curve=
! draws || curve='--curve o/c.png'
# shellcheck disable=SC2086
what() {
    case $1 in
    train) set -- train fashion-dnn --data photos --val photos --size 12x12x3 --batch 4 --epochs 2 --out o/m.cnn \
        --log o/l.csv $curve ;;
    further) set -- train o/m.cnn --data photos --val photos --batch 4 --epochs 1 --out o/m.cnn ;;
    resume) set -- train fashion-dnn --data photos --size 12x12x3 --epochs 2 --out o/n.cnn --resume resume.cnn ;;
    eval) set -- eval good.cnn --data photos --csv o/l.csv ;;
    split) set -- split photos o/s --train 2 --val 1 ;;
    link) set -- split photos o/s --train 2 --val 1 --link ;;
    predict) set -- predict good.cnn photos/cat.0.jpg photos/dog.1.jpg ;;
    check) set -- check photos ;;
    esac
    shift_out=$*
}

# whole FILE: a model that can be read.
whole() {
    "$cnn" summary "$1" >/dev/null 2>&1
}

# judge COMMAND CALL ERROR POINT STATUS: says what is wrong, nothing if all is well.
judge() {
    case $5 in
    0) ;;
    127) return ;; # the dynamic loader's call
    1) grep -q '^cnn [a-z]*: ' err || grep -q ': error: ' out || echo "$1 $2 $3 $4: no message" ;;
    *) echo "$1 $2 $3 $4: status $5" ;;
    esac
    [ "$3" = EINTR ] && [ "$5" -ne 0 ] && echo "$1 $2 $3 $4: $(tail -n 1 err)"
    # What is kept of other trainings is theirs; all else has a name that a command was given.
    find o -name '*.tmp' -o -name '*partial*' -o -name '*.[A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9]' |
        grep -v "^o/s/" | sed "s|^|$1 $2 $3 $4: left |"
    whole o/m.cnn || echo "$1 $2 $3 $4: the model is damaged"
    whole o/m.last.cnn || echo "$1 $2 $3 $4: the checkpoint is damaged"
    if [ "$1" = resume ] && [ "$5" -eq 0 ]; then
        whole o/n.cnn || echo "$1 $2 $3 $4: no model"
    fi
    case $1 in
    split | link)
        if [ -e o/s ] && [ "$(find o/s -type f | wc -l)" -ne 6 ]; then
            echo "$1 $2 $3 $4: half a folder"
        fi
        [ "$5" -eq 0 ] && [ ! -e o/s ] && echo "$1 $2 $3 $4: no folder"
        ;;
    eval | train) [ -s o/l.csv ] || echo "$1 $2 $3 $4: the table is gone" ;;
    esac
}

# faults COMMAND CALL ERROR...: fails the call of that command, one point after the other.
faults() {
    command=$1 call=$2
    shift 2
    what "$command"
    fresh
    # shellcheck disable=SC2086
    strace -f -qq -o log -e "trace=$call" "$cnn" $shift_out --threads 1 >/dev/null 2>&1
    points=$(wc -l <log)
    # What the dynamic loader and libc do before is not the command's.
    first=$(awk '/\.so|ELF|"\/(etc|proc|sys|usr|lib)/ {last = NR} END {print last + 1}' log)
    count=$((points - first + 1))
    if [ "$count" -lt 1 ]; then
        tap_skip "$command: $call" 'it does not call it'
        return
    fi
    step=$(((count + most - 1) / most)) wrong='' failed=0 tried=0
    for error in "$@"; do
        point=$first
        while [ "$point" -le "$points" ]; do
            fresh
            # shellcheck disable=SC2086
            timeout -s KILL 60 strace -f -qq -o /dev/null -e "trace=$call" -e "inject=$call:error=$error:when=$point" \
                "$cnn" $shift_out --threads 1 >out 2>err
            status=$?
            tried=$((tried + 1))
            [ "$status" -ne 0 ] && failed=$((failed + 1))
            wrong="$wrong
$(judge "$command" "$call" "$error" "$point" "$status")"
            point=$((point + step))
        done
    done
    tap_empty "$command: $call: $tried points, $failed failures" "$(printf '%s\n' "$wrong" | grep .)"
}

for command in train further resume eval split link predict check; do
    faults "$command" read EIO EINTR
    faults "$command" openat EIO
    [ "$command" = predict ] || [ "$command" = check ] && continue
    faults "$command" write EIO ENOSPC
    faults "$command" rename EIO
    case $command in
    train | eval) faults "$command" fsync EIO ENOSPC && faults "$command" fchmod EPERM ;;
    further | resume) faults "$command" fsync EIO ENOSPC ;;
    esac
    case $command in
    split | link) faults "$command" mkdir ENOSPC && faults "$command" chmod EPERM ;;
    esac
    case $command in
    train | split) faults "$command" close EINTR ;;
    train | further | link) faults "$command" linkat EMLINK ;;
    esac
done

# Messages name what could not be made: the path, not a word of it.
told() {
    fresh
    strace -f -qq -o /dev/null -e "trace=$2" -e "inject=$2:error=$3:when=$4" "$cnn" split photos o/s --train 2 >out 2>err
    tap_result $((1 - ($? == 1))) "$1: status 1"
    has err "$1: the path" "$5"
}
told 'a folder of a part' mkdir ENOSPC 2 '^cnn split: o/s/train: No space left on device$'
told 'a folder of a class' mkdir ENOSPC 3 '^cnn split: o/s/train/cat: No space left on device$'

# A write that does nothing is a failure, not one to be tried for ever, and a photo that ends early is not taken for the whole.
fresh
timeout -s KILL 20 strace -f -qq -o /dev/null -e trace=write -e inject=write:retval=0:when=1 "$cnn" split photos o/s --train 2 >out 2>err
tap_result $((1 - ($? == 1))) 'writes that do nothing: status 1'
tap_check 'nothing stays' test ! -e o/s
fresh
strace -f -qq -o log -e trace=read "$cnn" split photos o/s --train 2 >/dev/null 2>&1
first=$(awk '/\\377\\330/ {print NR; exit}' log)
fresh
strace -f -qq -o /dev/null -e trace=read -e "inject=read:retval=0:when=$first" "$cnn" split photos o/s --train 2 >out 2>err
tap_result $((1 - ($? == 1))) 'a photo that is shorter than it was: status 1'
has err 'it says so' '^cnn split: photos/.*: its size changed while it was copied$'
tap_end
