#!/bin/sh
# SPDX-License-Identifier: MIT
# HDF5 files that lead out of themselves, or hold less than they say, and pickles of more than is read: each is refused,
# with its reason.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
python=
for candidate in python3 /usr/bin/python3; do
    if [ -z "$python" ] && "$candidate" -c 'import h5py, numpy' 2>/dev/null; then
        python=$candidate
    fi
done
if [ -z "$python" ] || ! "$python" -c "import sys, zipfile
zipfile.ZipFile(sys.argv[1]).extract('sequential1.h5')" "$CNN_SOURCE/tests/exchange/files.zip"; then
    tap_skip 'hostile HDF5' 'h5py is not installed'
    tap_end
    exit
fi
if ! "$CNN_COMMAND" convert sequential1.h5 good.cnn >out 2>err && grep -q 'without libhdf5' err; then
    tap_skip 'hostile HDF5' 'this build is without it'
    tap_end
    exit
fi
tap_check 'the file that is changed is good' [ -s good.cnn ]
"$python" "$CNN_SOURCE/tests/exchange/hostile_hdf5.py" sequential1.h5 . >list || tap_result 1 'files are made'
while IFS="$(printf '\t')" read -r file message; do
    rm -f made.cnn
    "$CNN_COMMAND" convert "$file" made.cnn >out 2>err
    tap_check "$file: status 1" [ $? -eq 1 ]
    tap_check "$file: the message" grep -qF -- "$message" err
    tap_check "$file: nothing is written" [ ! -e made.cnn ]
done <list
"$python" -c "import zipfile
with zipfile.ZipFile('big.pth', 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('big/data.pkl', bytes((1 << 26) + 1))"
"$CNN_COMMAND" convert big.pth made.cnn --model lenet5 >out 2>err
tap_check 'a pickle that holds values itself: status 1' [ $? -eq 1 ]
tap_check 'it says how many bytes are read' grep -q 'its pickle has 67108865 bytes, and 67108864 at most are read' err
tap_check 'all were tried' [ "$(wc -l <list)" -eq 9 ]
tap_end
