#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up single tests over Meson's logs: totals.py --broken BUILDS BUILD/meson-logs/testlog.json...

Check programs print "100%: Checks: 12, Failures: 0, Errors: 0", scripts print TAP. A program that ends without
either, or fails in another way, counts as one failed test, and so does each of BUILDS that failed. The last line is
"N passed, N failed".
"""
import json
import re
import sys

CHECK = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
TAP = re.compile(r"^(not )?ok\b(.*)$", re.M)


def count(test):
    """Passed, failed and skipped tests of one program."""
    passed = failed = skipped = 0
    output = test.get("stdout", "")
    for match in CHECK.finditer(output):
        bad = int(match[2]) + int(match[3])
        passed, failed = passed + int(match[1]) - bad, failed + bad
    for match in TAP.finditer(output):
        if match[1]:
            failed += 1
        elif re.search(r"#\s*SKIP", match[2], re.I):
            skipped += 1
            print(f"skipped: {test['name']}:{match[2]}")
        else:
            passed += 1
    if test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and failed == 0:
        failed = 1
    elif test["result"] == "OK" and passed + skipped == 0:
        passed = 1
    if failed:
        print(f"failed: {test['name']}: {failed} ({test['result']})")
        for match in re.finditer(r"^not ok.*\n(#.*\n?)*|^.*:\d+:[FE]:.*$", output, re.M):
            print("    " + match[0].strip().replace("\n", "\n    "))
    return passed, failed


def main(broken, paths):
    passed, failed = 0, broken
    for path in paths:
        with open(path, encoding="utf-8", errors="replace") as log:
            for line in log:
                good, bad = count(json.loads(line))
                passed, failed = passed + good, failed + bad
    if passed == 0 and failed == 0:
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if len(sys.argv) < 3 or sys.argv[1] != "--broken":
    sys.exit("usage: totals.py --broken BUILDS LOG...")
sys.exit(main(int(sys.argv[2]), sys.argv[3:]))
