#!/bin/sh
# SPDX-License-Identifier: MIT
# Options of several ranks, evaluation on them, and who says what.
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

set -- cifar-cnn --data photos --val-split 0.26 --size 32x32 --epochs 2 --batch 12 --seed 7 --augment flip=0.5 --json --quiet --replace
"$cnn" train "$@" --threads 1 --out alone.cnn >alone.json 2>err.txt

ranks 2 train "$@" --compress bf16 --out c2.cnn >c2.json 2>err.txt
tap_check '--compress bf16 has nearly the same curve' near "$(value loss c2.json 2)" "$(value loss alone.json 2)" 2e-2
ranks 2 train resnet18 --data photos --val-split 0.26 --size 32x32 --epochs 1 --batch 20 --lr 0.0001 --seed 7 --json --quiet \
    --sync-bn --out s2.cnn >s2.json 2>err.txt
"$cnn" train resnet18 --data photos --val-split 0.26 --size 32x32 --epochs 1 --batch 20 --lr 0.0001 --seed 7 --json --quiet \
    --threads 1 --out s1.cnn >s1.json 2>err.txt
tap_check '--sync-bn normalises by the whole batch' near "$(value loss s2.json 1)" "$(value loss s1.json 1)" 1e-4

"$cnn" eval alone.cnn --data photos --threads 1 --json | sed 's/"seconds.*//' >e1.json
for n in 2 3 4; do
    ranks $n eval alone.cnn --data photos --json 2>err.txt | sed 's/"seconds.*//' >"e$n.json"
    tap_check "$n ranks evaluate to the figures of one" cmp e1.json "e$n.json"
done

# What looks at more than a process's own images.
whole='--data photos --val-split 0.26 --size 32x32 --epochs 2 --batch 12 --lr 0.0002 --seed 7 --json --quiet --replace'
for options in '--mixup 0.4 --cutmix 1 --label-smoothing 0.1' '--accumulate 2' '--teacher alone.cnn' '--average swa:start=0'; do
    # shellcheck disable=SC2086
    "$cnn" train cifar-cnn $whole $options --threads 1 --out o1.cnn >o1.json 2>err.txt
    for n in 2 3; do
        # shellcheck disable=SC2086
        ranks $n train cifar-cnn $whole $options --out o2.cnn >o2.json 2>err.txt
        tap_check "$options: the loss of one process on $n" near "$(value loss o2.json 2)" "$(value loss o1.json 2)" 2e-4
        tap_check "$options: and its validation" near "$(value val_loss o2.json 2)" "$(value val_loss o1.json 2)" 5e-4
    done
done
# shellcheck disable=SC2086
"$cnn" train cifar-fast $whole --threads 1 --epochs 1 --out w1.cnn >w1.json 2>err.txt
# shellcheck disable=SC2086
ranks 2 train cifar-fast $whole --epochs 1 --sync-bn --out w2.cnn >w2.json 2>err.txt
tap_check 'a whitened layer is that of all images' near "$(value loss w2.json 1)" "$(value loss w1.json 1)" 1e-3
ranks 2 train cifar-cnn --data photos --find-lr rate.png >out.txt 2>err.txt
tap_check '--find-lr is for one process' grep -q 'find-lr is for one process' err.txt

# What rank 0 says is said once; wrong usage, too.
ranks 3 train "$@" --out no/such/folder.cnn >out.txt 2>err.txt
tap_check 'a failure ends in a status that is not 0' [ $? -ne 0 ]
tap_check 'its message is there once' [ "$(grep -c '^cnn train: .*no/such' err.txt)" -eq 1 ]
ranks 3 train "$@" --data /no/such/data --out x.cnn >out.txt 2>err.txt
tap_check 'what all ranks say is there once' [ "$(grep -c '/no/such/data' err.txt)" -eq 1 ]
ranks 3 train "$@" --blocks 2 --out x.cnn >out.txt 2>err.txt
tap_check 'too few blocks are refused' grep -q 'blocks 2 is too few for 3' err.txt
ranks 2 train "$@" --cache-features memory --out x.cnn >out.txt 2>err.txt
tap_check 'cached features are refused' grep -q 'cache-features' err.txt
tap_end
