#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed.py OUTPUT FILE...: writes each file as an array of C, report_NAME_ENDING, with a zero at its end."""
import os
import sys


def main():
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write('/* Made by embed.py from the files of src/report/. */\n#include "report.h"\n')
        for path in sys.argv[2:]:
            with open(path, "rb") as file:
                data = file.read()
            name = os.path.basename(path).replace(".", "_")
            out.write(f"\nconst char {name}[] = {{\n")
            for start in range(0, len(data), 20):
                out.write("    " + " ".join(f"{byte:#04x}," for byte in data[start : start + 20]) + "\n")
            out.write("    0x00,\n};\n")


main()
