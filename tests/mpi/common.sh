# SPDX-License-Identifier: MIT
# Running the command on several ranks: `. tests/mpi/common.sh` after tap.sh. Without MPI the tests say that they skip.
# shellcheck shell=sh
build=${CNN_BUILD:?a build folder}
cnn=${CNN_COMMAND:?the command}

mpi_skip=
command -v mpirun >/dev/null || mpi_skip='mpirun is not installed'
find "$build/lib/mpi" -name 'libcnn_mpi.so*' 2>/dev/null | grep -q . || mpi_skip='built without MPI'
if [ -n "$mpi_skip" ]; then
    tap_skip 'several processes' "$mpi_skip"
    tap_end
    exit
fi

# Open MPI asks before it runs as root, or more processes than there are processors.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
if mpirun --version 2>/dev/null | grep -q 'Open MPI'; then
    mpi_options='--oversubscribe --bind-to none'
else
    mpi_options=
fi

# ranks N ARGUMENT...: the command on N ranks, each of one thread.
ranks() {
    count=$1
    shift
    # shellcheck disable=SC2086
    timeout 200 mpirun $mpi_options -n "$count" "$cnn" "$@" --threads 1
}

# Small photos of two classes and a set with one that is damaged, and a model file that trains fast.
make_photos() {
    python3 - "$1" <<'END' || return 1
import os, random, struct, sys, zlib

def png(path, rgb, side, seed):
    random.seed(seed)
    rows = b''
    for y in range(side):
        rows += b'\0'
        for x in range(side):
            rows += bytes(max(0, min(255, c + random.randint(-60, 60) + (40 if (x // 4 + y // 4) % 2 else 0))) for c in rgb)
    def chunk(kind, data):
        body = kind + data
        return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))
    with open(path, 'wb') as f:
        f.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0)) +
                chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))

root = sys.argv[1]
for name, rgb in (('red', (150, 90, 90)), ('green', (100, 130, 90))):
    os.makedirs(f'{root}/{name}')
    for i in range(27):
        png(f'{root}/{name}/{i:02}.png', rgb, 32, i * 2 + len(name))
END
}

# value KEY FILE LINE: a number of a line of JSON.
value() {
    python3 -c 'import json, sys; print(json.loads(open(sys.argv[2]).read().splitlines()[int(sys.argv[3]) - 1])[sys.argv[1]])' "$@"
}

# near A B TOLERANCE
near() {
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN {d = a - b; exit !(d <= t && d >= -t)}'
}
