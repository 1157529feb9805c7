#!/bin/sh
# SPDX-License-Identifier: MIT
# Ranks that die, photos that are damaged on one of them, signals, and going on with another number of ranks.
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
set -- cifar-cnn --data photos --val-split 0.26 --size 32x32 --batch 12 --seed 7 --quiet --replace

# A damaged photo acts as on one process.
cp -r photos damaged
head -c 200 photos/red/05.png >damaged/red/05.png
ranks 3 train "$@" --data damaged --epochs 2 --out x.cnn >out.txt 2>err.txt
tap_check 'a damaged photo ends all' [ $? -ne 0 ]
tap_check 'the rank that read it says so, once' [ "$(grep -c 'damaged/red/05.png' err.txt)" -eq 1 ]
tap_check 'with its number' grep -qE '^cnn train: rank [0-2]: ' err.txt
ranks 3 train "$@" --data damaged --epochs 2 --on-error skip --out d3.cnn --json >d3.json 2>err.txt
"$cnn" train "$@" --data damaged --epochs 2 --on-error skip --out d1.cnn --json --threads 1 >d1.json 2>err1.txt
tap_check 'left out, it is left out of the same step' near "$(value loss d3.json 2)" "$(value loss d1.json 2)" 2e-4
tap_check 'and counted' [ "$(value skipped d3.json 3)" = "$(value skipped d1.json 3)" ]

# children: process ids of the ranks below mpirun.
children() {
    pgrep -P "$1" -f "$cnn"
}

# start EPOCHS OUT OPTION...: a long training on 3 ranks in the background; waits for its first epochs.
start() {
    out=$1
    shift
    # shellcheck disable=SC2086
    mpirun $mpi_options -n 3 "$cnn" "$@" --out "$out.cnn" --log "$out.csv" --threads 1 >out.txt 2>err.txt &
    job=$!
    tries=0
    while [ "$(wc -l 2>/dev/null <"$out.csv" || echo 0)" -lt 3 ] && [ $tries -lt 600 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
}

# kill -9: all is over within 30 seconds, and what there is goes on with another number of ranks; also where a step has
# several batches, and samples go from rank to rank.
for victim in 0 2; do
    extra='' others=2
    [ $victim -ne 2 ] || { extra='--accumulate 2 --mixup 0.4' others=4; }
    # shellcheck disable=SC2086
    start "k$victim" train "$@" $extra --epochs 100000
    before=$(date +%s)
    for process in $(children $job); do
        if tr '\0' '\n' <"/proc/$process/environ" | grep -qx "OMPI_COMM_WORLD_RANK=$victim"; then
            kill -9 "$process"
        fi
    done
    wait $job
    status=$?
    seconds=$(($(date +%s) - before))
    echo "# rank $victim killed: mpirun ended with $status after $seconds s"
    tap_check "kill -9 of rank $victim: the status is not 0" [ $status -ne 0 ]
    tap_check "kill -9 of rank $victim: the end comes within 30 s" [ $seconds -le 30 ]
    tap_check "kill -9 of rank $victim: a checkpoint is there" [ -s "k$victim.last.cnn" ]
    tap_check "kill -9 of rank $victim: nothing half-written is" [ -z "$(find . -name '*.tmp*' -o -name '.*.cnn*' | head -n 1)" ]
    done_epochs=$(($(wc -l <"k$victim.csv") - 1))
    # shellcheck disable=SC2086
    ranks $others train "$@" $extra --epochs $((done_epochs + 2)) --resume "k$victim.last.cnn" --out "k$victim.cnn" \
        --json >r.json 2>err.txt
    tap_check "kill -9 of rank $victim: $others ranks go on" [ $? -eq 0 ]
done

# A signal saves, and any number of ranks goes on to the same end as one process that never stopped.
start sig train "$@" --epochs 100000
kill -USR1 $job
wait $job
tap_check 'SIGUSR1 stops with a status that is not 0' [ $? -ne 0 ]
tap_check 'and says where to go on' grep -q 'resume sig.last.cnn' err.txt
start int train "$@" --epochs 100000
kill -INT $job
wait $job
tap_check 'Ctrl-C stops with a status that is not 0' [ $? -ne 0 ]
tap_check 'and a checkpoint is there' [ -s int.last.cnn ]
for file in sig int; do
    done_epochs=$(($(wc -l <"$file.csv") - 1))
    ranks 2 train "$@" --epochs $((done_epochs + 2)) --resume $file.last.cnn --out $file.cnn --json >r.json 2>err.txt
    tap_check "$file: two ranks go on" [ $? -eq 0 ]
    "$cnn" train "$@" --epochs $((done_epochs + 2)) --out whole.cnn --json --threads 1 >whole.json 2>err.txt
    lines=$(wc -l <r.json)
    tap_check "$file: to where one process comes" near "$(value loss r.json "$lines")" "$(tail -n 1 whole.json >w.json; value loss w.json 1)" 5e-2
done
tap_end
