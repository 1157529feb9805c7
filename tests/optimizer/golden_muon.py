#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_muon.h: kernels after steps of Muon as it was published.

PyTorch 1.13 has no Muon: the update is written out here from github.com/KellerJordan/Muon (zeropower_via_newtonschulz5
and muon_update) and, with normalize, from the 94 % recipe of CIFAR-10 (airbench94_muon), in float64 in place of their
bfloat16. Kernels are [rows, filters] here and [filters, rows] there.

Run by hand with PyTorch 1.13: ./golden_muon.py > golden_muon.h
"""
import textwrap

import torch

STEPS = 3
SHAPES = [(12, 4), (4, 10), (6, 6)]


def newton_schulz(g, steps):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm() + 1e-7)
    if g.size(0) > g.size(1):
        x = x.T
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if g.size(0) > g.size(1) else x


def published(w, gradients, rate, momentum=0.95, steps=5, decay=0.0, nesterov=True):
    buffer = torch.zeros_like(w)
    for g in gradients:
        buffer.lerp_(g, 1 - momentum)
        update = g.lerp(buffer, momentum) if nesterov else buffer
        update = newton_schulz(update, steps) * max(1, w.size(0) / w.size(1)) ** 0.5
        w = w * (1 - rate * decay) - rate * update
    return w


def airbench(w, gradients, rate, momentum):
    buffer = torch.zeros_like(w)
    for g in gradients:
        buffer = buffer * momentum + g
        update = newton_schulz(g + momentum * buffer, 5)
        w = w * (len(w) ** 0.5 / w.norm())
        w = w - rate * update
    return w


CASES = [
    ("muon", lambda w, g: published(w, g, 0.02)),
    ("muon:learning_rate=0.1,momentum=0.6,weight_decay=0.5", lambda w, g: published(w, g, 0.1, 0.6, decay=0.5)),
    ("muon:learning_rate=0.1,plain=1,iterations=3", lambda w, g: published(w, g, 0.1, steps=3, nesterov=False)),
    ("muon:learning_rate=0.24,momentum=0.6,normalize=1", lambda w, g: airbench(w, g, 0.24, 0.6)),
]


def numbers(tensor):
    words = ["%.9g" % float(v) for v in tensor.flatten()]
    text = ", ".join(w + ("f" if "." in w or "e" in w else ".0f") for w in words)
    return "\n      ".join(textwrap.wrap(text, 105))


torch.manual_seed(1)
print("/* SPDX-License-Identifier: MIT */")
print("/* Written by golden_muon.py with PyTorch %s; not to be edited. */" % torch.__version__.split("+")[0])
print("static const golden_muon golden_muons[] = {")
for rows, filters in SHAPES:
    weights = torch.randn(rows, filters).float().double()
    gradients = [(torch.randn(rows, filters) * 10 ** (i - 1)).float().double() for i in range(STEPS)]
    for text, run in CASES:
        after = run(weights.T.clone(), [g.T for g in gradients]).T
        print('    {"%s", %d, %d,' % (text, rows, filters))
        print("     {%s}," % numbers(weights))
        print("     {%s}," % ",\n      ".join("{%s}" % numbers(g) for g in gradients))
        print("     {%s}}," % numbers(after))
print("};")
