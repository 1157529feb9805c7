# SPDX-License-Identifier: MIT
# What the scripts of this folder share: where the programs are, a folder to work in, and running a command.
# shellcheck shell=sh
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
# shellcheck disable=SC2034
cnn=${CNN_COMMAND:?the path of the command cnn}
helpers=${CNN_BUILD:?the build folder}/tests/command
unset CNN_BACKEND CNN_CPU

# Whether the command draws pictures: builds without cairo do not.
draws() {
    ! "$cnn" show data nothing --out nothing.png 2>&1 | grep -q 'made without cairo'
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# run STATUS DESCRIPTION COMMAND...: passes if the command ends with STATUS; its output is in out and err.
run() {
    run_wanted=$1
    run_description=$2
    shift 2
    "$@" >out 2>err
    run_status=$?
    [ "$run_status" -eq "$run_wanted" ]
    tap_result $? "$run_description: status $run_wanted"
    if [ "$run_status" -ne "$run_wanted" ]; then
        echo "# status $run_status of: $*"
        sed 's/^/# /' err
    fi
}

# has FILE DESCRIPTION PATTERN: passes if a line of the file matches.
has() {
    tap_check "$2" grep -qE -e "$3" "$1"
}

lacks() {
    ! grep -qE -e "$2" "$1"
}

# hasnt FILE DESCRIPTION PATTERN: passes if no line of the file matches.
hasnt() {
    tap_check "$2" lacks "$1" "$3"
}

json() {
    "$helpers/json_get" "$@"
}
