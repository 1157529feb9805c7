#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the library and runs its tests: sh tests/run.sh [KIND...]
#   plain     (the default) a release build in build/ and all tests
#   asan      the suites of the insides under AddressSanitizer and UBSanitizer, in build-asan/
#   tsan      the suites that use threads under ThreadSanitizer, in build-tsan/
#   valgrind  the suites of the insides that take minutes there, in build/
#   fuzz      30 s (FUZZ_SECONDS) of each fuzz target, in build-fuzz/
# Installs missing Debian packages, as root or with sudo. With CI set, warnings are errors. The last line is
# "N passed, N failed"; the exit status is 1 if a test failed.
set -u
cd "$(dirname "$0")/.." || exit 1
. .ci/packages.sh

logs=
broken=0

# build FOLDER OPTION...: sets up and compiles, quietly if all is well. Without a build there is nothing to test.
build() {
    folder=$1
    shift
    if [ -f "$folder/build.ninja" ]; then
        set -- --reconfigure "$@"
    fi
    if meson setup "$folder" "$@" >"$folder.log" 2>&1 &&
        ninja -C "$folder" all meson-test-prereq >>"$folder.log" 2>&1; then
        echo "built $folder"
    else
        cat "$folder.log"
        echo "not built: $folder"
        broken=$((broken + 1))
        return 1
    fi
}

# run FOLDER [SUITE OR TEST ARGUMENT...]: runs tests; the log of those that fail is shown.
run() {
    folder=$1
    shift
    meson test -C "$folder" --no-rebuild --num-processes 2 --print-errorlogs "$@"
    logs="$logs $folder/meson-logs/testlog.json"
}

# Locales that the tests use where they can be made. Set for the plain tests alone: with LOCPATH, glibc leaks a few
# bytes in newlocale(), which libraries under libhdf5 call, and LeakSanitizer would count them.
make_locales() {
    locales=$PWD/build/locales
    mkdir -p "$locales"
    for name in de_DE tr_TR; do
        [ -d "$locales/$name.UTF-8" ] || localedef -i "$name" -f UTF-8 "$locales/$name.UTF-8" >/dev/null 2>&1 || true
    done
    if [ -d "$locales/de_DE.UTF-8" ]; then
        export LOCPATH="$locales"
    fi
}

plain() {
    werror=
    [ -z "${CI:-}" ] || werror=--werror # not under sanitizers, where gcc sees what is not there
    build build --buildtype=release $werror || return
    make_locales
    run build
    unset LOCPATH
}

asan() {
    build build-asan --buildtype=debug -Doptimization=1 -Db_sanitize=address,undefined \
        -Dc_args=-fno-sanitize-recover=undefined || return
    UBSAN_OPTIONS=print_stacktrace=1 run build-asan --timeout-multiplier 4 --no-suite rules --no-suite command \
        --no-suite examples --no-suite mpi
}

tsan() {
    build build-tsan --buildtype=debug -Doptimization=1 -Db_sanitize=thread || return
    CK_FORK=no TSAN_OPTIONS=halt_on_error=1 run build-tsan --timeout-multiplier 4 --suite core --suite loader \
        --suite threads
}

memcheck() {
    if ! command -v valgrind >/dev/null; then
        echo "no valgrind: it is not installed"
        return
    fi
    build build --buildtype=release || return
    # Kernels of AVX-512 are unknown to it; those of AVX2 are tried.
    CK_FORK=no CNN_CPU=avx2 run build --timeout-multiplier 20 --suite core --suite format --suite image --suite dataset \
        --suite train --wrapper 'valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite'
}

fuzz() {
    # The run-time libraries of the sanitizers are a package of their own.
    if ! install_missing clang libclang-rt-14-dev && ! command -v clang >/dev/null; then
        echo "no fuzzing: clang is not installed"
        broken=$((broken + 1))
        return
    fi
    if ! { [ -f build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dfuzz=enabled -Doptimization=1 \
        -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link; } >build-fuzz.log 2>&1 ||
        ! ninja -C build-fuzz fuzz >>build-fuzz.log 2>&1; then
        tail -n 40 build-fuzz.log
        echo "not built: build-fuzz"
        broken=$((broken + 1))
        return
    fi
    sh tests/fuzz/run.sh build-fuzz "${FUZZ_SECONDS:-30}" | tee build-fuzz/meson-logs/fuzz.log
    python3 -c 'import json, sys
text = sys.stdin.read()
print(json.dumps({"name": "fuzz", "result": "OK" if "ok - " in text else "ERROR", "stdout": text}))' \
        <build-fuzz/meson-logs/fuzz.log >build-fuzz/meson-logs/testlog.json
    logs="$logs build-fuzz/meson-logs/testlog.json"
}

install_build_packages g++ binutils check locales dataset-fashion-mnist libopenblas-dev libonnx-testdata strace \
    libopenmpi-dev openmpi-bin abigail-tools ||
    echo "going on without them" >&2

[ $# -gt 0 ] || set -- plain
for kind in "$@"; do
    case $kind in
    plain | asan | tsan | fuzz) "$kind" ;;
    valgrind) memcheck ;;
    *)
        echo "usage: run.sh [plain|asan|tsan|valgrind|fuzz]..." >&2
        exit 2
        ;;
    esac
done

# shellcheck disable=SC2086
python3 tests/totals.py --broken "$broken" $logs
