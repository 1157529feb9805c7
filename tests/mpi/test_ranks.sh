#!/bin/sh
# SPDX-License-Identifier: MIT
# mpirun -n 1, 2, 3 and 4 cnn train and cnn eval: the curves and figures of one process.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
# shellcheck source=tests/mpi/common.sh
. "$CNN_SOURCE/tests/mpi/common.sh"

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
tap_check 'photos are made' make_photos photos

# 40 images to train on: batches of 12, the last of 4.
set -- cifar-cnn --data photos --val-split 0.26 --size 32x32 --epochs 2 --batch 12 --seed 7 --augment flip=0.5 --json --quiet --replace

tap_check 'one process trains' sh -c '"$0" train "$@" --threads 1 --out alone.cnn >alone.json' "$cnn" "$@"
for n in 1 2 3 4; do
    ranks $n train "$@" --out "r$n.cnn" >"r$n.json" 2>err.txt
    tap_check "$n ranks train, and say nothing but their results" sh -c 'cat err.txt; [ ! -s err.txt ] && [ -s "r$0.cnn" ]' $n
    for epoch in 1 2; do
        for key in loss val_loss; do
            tap_check "$n ranks: $key of epoch $epoch is that of one process" \
                near "$(value $key "r$n.json" $epoch)" "$(value $key alone.json $epoch)" 2e-4
        done
        tap_check "$n ranks: accuracy of epoch $epoch is that of one process" \
            near "$(value val_accuracy "r$n.json" $epoch)" "$(value val_accuracy alone.json $epoch)" 1e-9
    done
done
tap_check 'mpirun -n 1 gives the bits of no mpirun' cmp alone.cnn r1.cnn
ranks 3 train "$@" --out again.cnn >/dev/null 2>&1
tap_check 'the same number of ranks gives the same bits' cmp r3.cnn again.cnn

for n in 1 2 3 4; do
    ranks $n train "$@" --blocks 4 --out "b$n.cnn" >"b$n.json" 2>err.txt
    tap_check "4 blocks on $n ranks give the bits of one" cmp b1.cnn "b$n.cnn"
done
tap_check '--blocks has the curve of no blocks' near "$(value loss b1.json 2)" "$(value loss alone.json 2)" 2e-4
tap_end
