#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""structs.py SUPPRESSIONS HEADER...: what of the public structs could not grow without breaking older programs, one a line. A struct
without a size of its own says that it is frozen, or is a part of an operation's arguments, which are taken in one size
alone; a struct with a size is no part of another, unless it says that its size is frozen; and the suppressions of abidiff name
the structs that may grow, those and no others."""
import re
import sys

STRUCT = re.compile(r"((?:/\*\*(?:(?!\*/).)*\*/)?)\s*typedef struct (\w+) \{(.*?)\n\} \w+;", re.S)
structs = []
with open(sys.argv[1], encoding="utf-8") as file:
    may_grow = re.compile(re.search(r"name_regexp = (.*)", file.read())[1])
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        for comment, name, body in STRUCT.findall(file.read()):
            structs.append((name, "frozen" in comment, re.sub(r"/\*.*?\*/", "", body, flags=re.S)))
parts_of_arguments = {
    kind for name, _, body in structs if name.endswith(("_args", "_shape")) for kind in re.findall(r"\b(cnn_\w+) \w+;", body)
}
sized = {name for name, _, body in structs if "size_t struct_size;" in body}
frozen = {name for name, says, _ in structs if says}
for name, _, body in structs:
    if name not in sized | frozen | parts_of_arguments:
        print(f"{name} has no struct_size, and does not say that it is frozen")
    for kind in re.findall(r"\b(cnn_\w+) \w+(?:\[\w+\])?;", body):
        if kind in sized - frozen:
            print(f"{name} contains {kind}, which may grow")
    grows = name in sized - frozen and not name.endswith("_args")
    if grows != bool(may_grow.match(name)):
        print(f"{name}: the suppressions " + ("lack it" if grows else "name it, and it must not grow"))
if len(sized) < 60:
    print(f"only {len(sized)} structs with a size were found")
