#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes golden_activation.h: activations and their slopes, by PyTorch in float64."""
import torch
import torch.nn.functional as f

X = [-40, -7.5, -3.25, -3, -2.375, -1.5, -0.75, -0.125, 0, 1e-3, 0.5, 1.25, 2.9, 3, 3.5, 6.5, 25]
KINDS = [
    ("CNN_SILU", 0, f.silu),
    ("CNN_GELU", 0, f.gelu),
    ("CNN_GELU_TANH", 0, lambda x: f.gelu(x, approximate="tanh")),
    ("CNN_ELU", 0, f.elu),
    ("CNN_ELU", 0.3, lambda x: f.elu(x, alpha=0.3)),
    ("CNN_SELU", 0, f.selu),
    ("CNN_HARD_SIGMOID", 0, f.hardsigmoid),
    ("CNN_HARD_SIGMOID", 0.2, lambda x: torch.clamp(0.2 * x + 0.5, 0, 1)),  # Keras 2
    ("CNN_HARD_SWISH", 0, f.hardswish),
    ("CNN_SOFTPLUS", 0, f.softplus),
    ("CNN_RELU6", 0, f.relu6),
    ("CNN_CLIPPED_RELU", 0, f.relu6),
    ("CNN_CLIPPED_RELU", 2.5, lambda x: f.hardtanh(x, 0, 2.5)),
]


def numbers(values):
    texts, lines, line = ["%.9gf" % v if "." in "%.9g" % v or "e" in "%.9g" % v else "%.9g" % v for v in values], [], ""
    for text in texts:
        if len(line) + len(text) > 100:
            lines.append(line.rstrip())
            line = ""
        line += text + ", "
    return "\n         ".join(lines + [line.rstrip(", ")])


print("/* SPDX-License-Identifier: MIT */")
print("/* Written by golden_activation.py with PyTorch %s. */" % torch.__version__)
print("enum { GOLDEN_X = %d };\n" % len(X))
print("static const float golden_x[GOLDEN_X] = {\n         %s};\n" % numbers(X))
print("static const struct {\n    int32_t activation;\n    float alpha;\n    float y[GOLDEN_X], slope[GOLDEN_X];\n} golden[] = {")
for name, alpha, function in KINDS:
    x = torch.tensor(X, dtype=torch.float64, requires_grad=True)
    y = function(x)
    y.sum().backward()
    print("    {%s, %s,\n        {%s},\n        {%s}},"
          % (name, numbers([alpha]), numbers(y.tolist()), numbers(x.grad.tolist())))
print("};")
