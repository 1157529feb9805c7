#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_networks.h: what torchvision's networks consist of, and how they begin.

    python3 golden_networks.py > golden_networks.h
    python3 golden_networks.py NAME          the lines that the checksum of NAME is made of

A line is the name of a convolution, normalisation or dense layer and what it makes of one image, "conv1 112x112x64".
"""
import sys
import warnings

import torch
import torch.nn as nn

from networks import NETWORKS, named

warnings.simplefilter("ignore")
KINDS = (nn.Conv2d, nn.BatchNorm2d, nn.BatchNorm1d, nn.Linear)


def lines_of(net, size):
    modules = [(n, m) for n, m in net.named_modules() if isinstance(m, KINDS)]
    shapes = {}

    def note(name):
        def hook(_module, _inputs, output):
            shapes[name] = "x".join(str(d) for d in ((*output.shape[2:], output.shape[1])))
        return hook
    for name, module in modules:
        module.register_forward_hook(note(name))
    with torch.no_grad():
        net.eval()(torch.zeros(1, 3, *size))
    return ["%s %s" % (name, shapes[name]) for name, _ in modules if name in shapes]


def checksum(lines):
    """FNV-1a."""
    value = 2166136261
    for byte in ("\n".join(lines) + "\n").encode():
        value = (value ^ byte) * 16777619 % 2 ** 32
    return value


def starts(net):
    """How every fourth kernel and some biases begin: mean square of the values, and their number."""
    kernels = [(n, v) for n, v in named(net) if v.dim() > 1]
    last = kernels[-1][0]
    chosen = [k for i, k in enumerate(kernels) if i % max(1, len(kernels) // 4) == 0 or k[0] == last]
    biases = dict(named(net))
    chosen += [(n, biases[n]) for n in {last.replace("weight", "bias")} if n in biases]
    return ['        {"%s", %.5g},' % (name, value.double().pow(2).mean().sqrt()) for name, value in chosen]


def main():
    torch.manual_seed(1)
    tables = []
    for name, size, _, _, _, make in NETWORKS:
        if len(sys.argv) > 1 and sys.argv[1] != name:
            continue
        net = make(1000, size)
        lines = lines_of(net, size)
        if len(sys.argv) > 1:
            print("\n".join(lines))
            continue
        trained = sum(p.numel() for p in net.parameters())
        values = sum(v.numel() for _, v in named(net))
        tables.append('    {"%s", {%d, %d}, %d, %d, %d, 0x%08x, {\n%s\n    }},' % (
            (name,) + size + (trained, values, len(lines), checksum(lines), "\n".join(starts(net)))))
    if tables:
        print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_networks.py. */\n")
        print("static const struct {\n    const char *name;\n    int32_t input[2];\n    uint64_t trained, values;\n"
              "    uint32_t layers, checksum;\n    struct {\n        const char *name;\n        double deviation;\n"
              "    } starts[8];\n} golden_networks[] = {\n%s\n};" % "\n".join(tables))


main()
