#!/bin/sh
# SPDX-License-Identifier: MIT
# Thousands more random networks, by hand: more.sh BUILD [COUNT [SEED...]]. Needs Debian's python3-torch.
set -u
build=${1:?usage: more.sh BUILD [COUNT [SEED...]]}
count=${2:-1000}
[ $# -gt 2 ] && shift 2 || set -- 1
here=$(dirname "$0")
ninja -C "$build" tests/random/random_networks >/dev/null || exit 2
status=0
for seed in "$@"; do
    echo "seed $seed"
    /usr/bin/python3 "$here/networks.py" "$count" "$seed" | "$build/tests/random/random_networks" - || status=1
done
exit $status
