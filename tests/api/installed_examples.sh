#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the library into an empty folder, builds all examples against it as a user would, with pkg-config and
# nothing of the source tree on the include path, and runs them on small data that is made here.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
build=${CNN_BUILD:?a build folder}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
root=$work/root

tap_check 'the library installs' meson install -C "$build" --no-rebuild --quiet --destdir "$root"
pc=$(find "$root" -name cnn.pc)
prefix=$root$(sed -n 's/^prefix=//p' "$pc")
libdir=$(dirname "$(dirname "$pc")")
tap_check 'cnn.pc is installed' [ -n "$pc" ]
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$root" LD_LIBRARY_PATH="$libdir" PATH="$prefix/bin:$PATH"

tap_check 'no folder of the build is left in the command' sh -c "! readelf -d '$prefix/bin/cnn' | grep -F '$build'"

expected=$(cd "$CNN_SOURCE/include/cnn" && echo *.h)
tap_check 'all headers are installed' [ "$(cd "$prefix/include/cnn" && echo *.h)" = "$expected" ]
tap_check 'cnn.pc has the version of the header' \
    [ "$(pkg-config --modversion cnn)" = "$(cnn version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)" ]
tap_check 'cnn.pc asks a shared build for nothing but -lcnn' sh -c \
    "! pkg-config --libs cnn | tr ' ' '\n' | grep '^-l' | grep -v '^-lcnn$'"
tap_check 'the examples build' sh "$CNN_SOURCE/examples/build.sh" "$work/examples"

sources=$(find "$CNN_SOURCE/examples" -name '*.c' -o -name '*.cpp' | wc -l)
built=$(find "$work/examples" -type f | wc -l)
pkg-config --exists openblas || sources=$((sources - 1))
tap_check "all $sources examples were built" [ "$built" -eq "$sources" ]

# shellcheck disable=SC2046
tap_check 'small data is made' sh -c "${CC:-cc} -o '$work/make_data' '$CNN_SOURCE/tests/api/make_data.c' \
    $(pkg-config --cflags --libs cnn | tr '\n' ' ') && '$work/make_data' '$work/data'"

cd "$work" || exit 1
fashion=$work/data/fashion-mnist
photos=$work/data/photos

# run NAME PATTERN ARGUMENT...: the example succeeds, prints nothing on stderr and what it prints matches.
run() {
    name=$1
    pattern=$2
    shift 2
    "$work/examples/$name" "$@" >out.txt 2>err.txt
    status=$?
    if [ "$status" -eq 0 ] && grep -qE "$pattern" out.txt && [ ! -s err.txt ]; then
        tap_result 0 "$name runs"
    else
        tap_result 1 "$name runs"
        echo "# exit status $status, wanted /$pattern/"
        sed 's/^/# /' out.txt err.txt
    fi
}

run fashion_cnn 'epoch 2: .* test accuracy (0\.9|1\.0)' "$fashion" fashion.cnn 2
run catdog 'epoch 1: .* validation loss' "$photos/train" "$photos/validation" catdog.cnn 1
run feature_extraction '^features of flatten_1: [0-9]+ and [0-9]+$' catdog.cnn "$photos/train" "$photos/validation" head.cnn 2
run fine_tuning '^[0-9]+ of [0-9]+ parameters are trained, from conv2d_4 on$' \
    head.cnn conv2d_4 "$photos/train" "$photos/validation" tuned.cnn 1
if cnn convert catdog.cnn catdog.onnx >out.txt 2>err.txt; then
    run finetune_onnx '^tuned\.onnx: [0-9]+ layers, 2 classes$' catdog.onnx "$photos/train" tuned.onnx 1
else
    tap_check 'a library without ONNX says so' grep -q 'built without ONNX' err.txt
fi
run layer_scales '^dense_2 +Dense +[0-9.e-]+ +[0-9.e-]+ +[0-9.e-]+ +[0-9.e-]+$' catdog "$photos/train" 8
run fashion_dnn '^accuracy (0\.[89]|1\.0)[0-9]*, loss .* of 200' "$fashion" 4
run step_by_hand '^step 40: loss' "$fashion" 40
run two_processes '^rank 0: loss' "$fashion" 2
tap_check 'both processes end with the same loss and the same parameters' sh -c \
    "[ \$(grep -c '^rank [01]: ' out.txt) -eq 2 ] && [ \$(sed 's/^rank .: //' out.txt | sort -u | wc -l) -eq 1 ]"
run own_dataset '^accuracy (0\.9|1\.0)' 12
run own_evaluator '^worst_recall [01]\.[0-9]+, accuracy' fashion.cnn "$fashion"
run own_layer '^training accuracy (0\.[5-9]|1).*beta [01]\.' "$fashion" 3
run own_optimizer '^epoch 2: loss' "$fashion" 2
run own_schedule '^epoch 2: rate 0\.' "$fashion" 2
run own_loss '^mean absolute error of 80 images: 0\.0[0-9]+ of the side' 20
{
    echo 'path,labels'
    for file in "$photos"/train/*/*.*; do
        case $file in */cat/*) echo "$file,cat|pet" ;; *) echo "$file,pet" ;; esac
    done
} >labels.csv
run defects '^cat: from 0\.[0-9]+ on, recall [01]\.' labels.csv 0.5 2
mkdir -p pictures
run idx_to_png 'pictures/0000-t-shirt-top\.png' "$fashion" pictures 5
run contact_sheet '^sheet\.png: [0-9]+ of 40 right' fashion.cnn "$fashion" sheet.png
tap_check 'the contact sheet is a PNG' sh -c "head -c 4 sheet.png | grep -q PNG"
photo=$photos/validation/dog/dog.33.jpg
run karate '^(3[0-4]) of 34 as they went$'
run functional '^edges\.png: [0-9]+x[0-9]+ edges' "$photo" edges.png
run gradcam '^over\.png: class [01] \([a-z]*\), score -?[0-9.]*, layer conv2d_4' catdog.cnn "$photo" over.png 1
run feature_maps '^maps\.png: [0-9]+ dead channels$' catdog.cnn "$photo" conv2d_2 maps.png
run filter_patterns '^patterns\.png: 4 channels of conv2d_1; ' catdog.cnn conv2d_1 patterns.png 4
run own_executor 'asked [1-9][0-9]* times' catdog.cnn "$photo"
run arena '^(cat|dog) [01]\.[0-9]+ in [0-9.]+ MB' catdog.cnn "$photo"
run class 'dog\.33\.jpg: (cat|dog) [01]\.' catdog.cnn "$photo"
if [ -x "$work/examples/cblas_backend" ]; then
    run cblas_backend '^cblas: epoch 1: loss' "$fashion" 1
else
    tap_skip 'cblas_backend runs' 'OpenBLAS is not installed'
fi

tap_check 'predict_memory names the class' sh -c \
    "examples/predict_memory catdog.cnn <'$photo' | grep -qE '^(cat|dog) [01]\.'"
one=$(examples/predict_memory catdog.cnn <"$photo" | head -n 1)
tap_check 'an arena changes nothing' [ "$(examples/arena catdog.cnn "$photo" | cut -d' ' -f1,2)" = "$one" ]
tap_check 'an executor changes nothing' [ "$(examples/own_executor catdog.cnn "$photo" | sed 's/;.*//')" = "$one" ]

sed -n '/^```c$/,/^```$/p' "$CNN_SOURCE/README.md" | grep -v '^```' >readme.c
# The compiler may be two words, "ccache cc".
# shellcheck disable=SC2046,SC2086
tap_check 'the program of README.md builds' ${CC:-cc} -Wall -Wextra -Werror readme.c \
    $(pkg-config --cflags --libs cnn) -o readme
tap_check 'it predicts the same' [ "$(./readme catdog.cnn "$photo")" = "$one" ]

if command -v python3 >/dev/null; then
    found=$(CNN_LIBRARY=$(find "$libdir" -name 'libcnn.so') python3 "$CNN_SOURCE/examples/ctypes_predict.py" \
        catdog.cnn "$photo" 2>&1)
    tap_check 'ctypes gives the same' [ "$found" = "$photo: $one" ]
    tap_check 'ctypes tells what is wrong' sh -c "CNN_LIBRARY='$(find "$libdir" -name 'libcnn.so')' \
        python3 '$CNN_SOURCE/examples/ctypes_predict.py' none.cnn '$photo' 2>&1 | grep -q none.cnn"

    port=$((20000 + $$ % 20000))
    examples/server catdog.cnn $port 2>err.txt &
    server=$!
    tap_check 'the server answers 48 clients alike' python3 - "$port" "$photo" "$one" <<'END'
import socket, sys, threading, time
port, photo, wanted = int(sys.argv[1]), open(sys.argv[2], "rb").read(), sys.argv[3]
for _ in range(200):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        time.sleep(0.05)
answers = []
def ask(data):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        answers.append(s.makefile().read().strip())
threads = [threading.Thread(target=ask, args=(photo,)) for _ in range(48)]
[t.start() for t in threads]
[t.join() for t in threads]
ask(photo[:100])
good, bad = answers[:48], answers[48]
sys.exit(0 if set(good) == {wanted} and bad.startswith("error:") else f"{set(good)}, {bad}")
END
    kill -TERM "$server"
    wait "$server"
    tap_result $? 'the server stops in good order'

    examples/map_server catdog.cnn $((port + 1)) 2>err.txt &
    server=$!
    tap_check 'the server of maps answers a photo with a JPEG, and rubbish with a message' \
        python3 - $((port + 1)) "$photo" <<'END'
import socket, sys, time
port, photo = int(sys.argv[1]), open(sys.argv[2], "rb").read()
for _ in range(200):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        time.sleep(0.05)
def ask(data):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return s.makefile("rb").read()
good, bad = ask(photo), ask(photo[:100])
sys.exit(0 if good[:2] == b"\xff\xd8" and good[-2:] == b"\xff\xd9" and bad.startswith(b"error:") else repr(bad))
END
    kill -TERM "$server"
    wait "$server"
    tap_result $? 'the server of maps stops in good order'
else
    tap_skip 'ctypes and server' 'python3 is not installed'
fi

tap_check 'progress_window trains' sh -c "examples/progress_window '$fashion' window.ckpt 2 2>&1 | grep -q done"
timeout -s INT 2 examples/progress_window "$fashion" cancelled.ckpt 100000 2>err.txt
tap_check 'progress_window cancels on Ctrl-C and keeps a checkpoint' sh -c \
    "grep -q 'cancelled; the checkpoint is saved' err.txt && [ -s cancelled.ckpt ]"
tap_check 'every example says what is wrong' sh -c '
    for program in alexnet catdog fashion_cnn fashion_dnn layer_scales step_by_hand own_layer own_optimizer \
        own_schedule; do
        examples/$program /nowhere/a /nowhere/b /nowhere/c >/dev/null 2>message && exit 1
        grep -q "$program: .*/nowhere" message || { cat message; exit 1; }
        examples/$program >/dev/null 2>message
        [ $? -eq 2 ] || exit 1
    done'

# The library inside the program; what it needs stays shared.
tap_check 'a program links with the static library' env STATIC=1 sh "$CNN_SOURCE/examples/build.sh" "$work/static" \
    predict_memory
tap_check 'it does not need libcnn.so' sh -c "! readelf -d static/predict_memory | grep -q libcnn"
tap_check 'it predicts the same' \
    [ "$(env -u LD_LIBRARY_PATH static/predict_memory catdog.cnn <"$photo" | head -n 1)" = "$one" ]

# Leaks, where LeakSanitizer works.
echo 'int main(void) {return 0;}' >empty.c
# shellcheck disable=SC2086
if ${CC:-cc} -fsanitize=leak -o empty empty.c 2>/dev/null && ./empty 2>/dev/null; then
    CFLAGS='-O1 -g -fsanitize=leak' sh "$CNN_SOURCE/examples/build.sh" "$work/leaks" predict_memory step_by_hand \
        own_dataset own_layer arena class own_evaluator 2>err.txt
    leak_free() { tap_check "$1 leaks nothing" sh -c "leaks/$*"; }
    leak_free step_by_hand "$fashion" 5
    leak_free own_dataset 1
    leak_free own_layer "$fashion" 1
    leak_free own_evaluator fashion.cnn "$fashion"
    leak_free predict_memory "catdog.cnn <'$photo'"
    leak_free arena catdog.cnn "$photo"
    leak_free class catdog.cnn "$photo"
    tap_check 'a failing program leaks nothing' sh -c \
        "leaks/step_by_hand /nowhere 2>&1 | grep -v /nowhere | grep -q . && exit 1; exit 0"
else
    tap_skip 'leaks' 'LeakSanitizer does not work here'
fi
tap_end
