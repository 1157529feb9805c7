#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes golden_shapes.h: layers that change shapes, by PyTorch in float64, forward and backward, as N, H, W, C."""
import torch
import torch.nn.functional as f

H, W, C = 5, 4, 2
# Distinct values, so that every maximum has one place.
x = torch.tensor([((7 * i) % 41 - 20) / 8 for i in range(H * W * C)], dtype=torch.float64)
x = x.reshape(1, H, W, C).permute(0, 3, 1, 2).contiguous().requires_grad_(True)
CASES = [
    ("adaptive_mean", lambda v: f.adaptive_avg_pool2d(v, (3, 3))),
    ("adaptive_mean_larger", lambda v: f.adaptive_avg_pool2d(v, (7, 4))),
    ("adaptive_max", lambda v: f.adaptive_max_pool2d(v, (2, 3))),
    ("upsample_nearest", lambda v: f.interpolate(v, scale_factor=(2, 1))),
    ("upsample_bilinear", lambda v: f.interpolate(v, scale_factor=(1, 2), mode="bilinear", align_corners=False)),
    ("upsample_corners", lambda v: f.interpolate(v, scale_factor=(2, 1), mode="bilinear", align_corners=True)),
    ("prelu", lambda v: f.prelu(v, torch.tensor([0.25, 0.25], dtype=torch.float64))),
    ("rescale", lambda v: v * torch.tensor([[[[2.0]], [[-0.5]]]]) + torch.tensor([[[[0.0]], [[3.0]]]])),
    ("permute", lambda v: v.permute(0, 2, 1, 3)),  # N, H, W, C to N, C, W, H
    ("global_max", lambda v: f.adaptive_max_pool2d(v, (1, 1))),
]


def array(name, values):
    values = values.permute(0, 2, 3, 1).reshape(-1).tolist()
    lines, line = [], ""
    for text in [("%.8g" % v) + ("f" if "." in "%.8g" % v or "e" in "%.8g" % v else "") for v in values]:
        if len(line) + len(text) > 108:
            lines.append(line.rstrip())
            line = ""
        line += text + ", "
    print("static const float %s[] = {\n    %s};" % (name, "\n    ".join(lines + [line.rstrip(", ")])))


print("/* SPDX-License-Identifier: MIT */")
print("/* Written by golden_shapes.py with PyTorch %s. The gradient of output i is i + 1. */" % torch.__version__)
print("enum { SHAPES_H = %d, SHAPES_W = %d, SHAPES_C = %d };\n" % (H, W, C))
array("shapes_x", x.detach())
for name, function in CASES:
    x.grad = None
    y = function(x)
    n, c, h, w = y.shape
    g = torch.arange(1, y.numel() + 1, dtype=torch.float64).reshape(n, h, w, c).permute(0, 3, 1, 2)
    y.backward(g)
    array(name + "_y", y.detach())
    array(name + "_dx", x.grad)
