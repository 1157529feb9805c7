#!/bin/sh
# SPDX-License-Identifier: MIT
# What `cnn convert` writes, read by torchvision and h5py; where these are not installed it says so.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"

# The one on the path may be another than the system's, which has the packages.
python=
for candidate in python3 /usr/bin/python3; do
    if [ -z "$python" ] && "$candidate" -c 'import h5py, numpy, torch, torchvision' 2>/dev/null; then
        python=$candidate
    fi
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
if [ -z "$python" ]; then
    tap_skip 'written files' 'torchvision or h5py is not installed'
elif "${CNN_COMMAND:?the path of the command cnn}" convert nothing.h5 "$work/x.cnn" 2>&1 | grep -q 'without libhdf5'; then
    tap_skip 'written files' 'the command was built without libhdf5'
else
    tap_check 'written files are what torchvision and h5py read' \
        "$python" "$CNN_SOURCE/tests/exchange/read_written.py" "$CNN_COMMAND" "$work"
fi
tap_end
