#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the library and runs its tests: sh tests/run.sh [KIND...]
#   plain   (the default) a release build in build/ and all tests
#   asan    the suites of the insides under AddressSanitizer and UBSanitizer, in build-asan/
#   tsan    the suites that use threads under ThreadSanitizer, in build-tsan/
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

install_build_packages g++ binutils check locales dataset-fashion-mnist libopenblas-dev libonnx-testdata \
    strace libopenmpi-dev openmpi-bin ||
    echo "going on without them" >&2

[ $# -gt 0 ] || set -- plain
for kind in "$@"; do
    case $kind in
    plain | asan | tsan) "$kind" ;;
    *)
        echo "usage: run.sh [plain|asan|tsan]..." >&2
        exit 2
        ;;
    esac
done

# shellcheck disable=SC2086
python3 tests/totals.py --broken "$broken" $logs
