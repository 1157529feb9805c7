# SPDX-License-Identifier: MIT
# Test Anything Protocol for shell scripts: `. common/tap.sh`, then check/skip calls, then `tap_end`.
# shellcheck shell=sh
tap_count=0
tap_failed=0

# tap_result STATUS DESCRIPTION: one test, passed if STATUS is 0.
tap_result() {
    tap_count=$((tap_count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tap_count - $2"
    else
        tap_failed=$((tap_failed + 1))
        echo "not ok $tap_count - $2"
    fi
}

# tap_check DESCRIPTION COMMAND...: passes if the command succeeds; its output appears as comments if it fails.
tap_check() {
    tap_description=$1
    shift
    if tap_output=$("$@" 2>&1); then
        tap_result 0 "$tap_description"
    else
        tap_result 1 "$tap_description"
        printf '%s\n' "$tap_output" | sed 's/^/# /'
    fi
}

# tap_empty DESCRIPTION TEXT: passes if TEXT, a list of offenders, is empty.
tap_empty() {
    [ -z "$2" ]
    tap_result $? "$1"
    [ -z "$2" ] || printf '%s\n' "$2" | sed 's/^/# /'
}

# tap_skip DESCRIPTION REASON
tap_skip() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

# tap_end: the plan, and the exit status of the script.
tap_end() {
    echo "1..$tap_count"
    [ "$tap_failed" -eq 0 ]
}
