#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_lrn.h: torch.nn.LocalResponseNorm and its gradient, and TensorFlow's by the formula that
tf.nn.local_response_normalization documents: sqr_sum[d] = sum(input[d - radius : d + radius + 1] ** 2);
output = input / (bias + alpha * sqr_sum) ** beta.

    python3 golden_lrn.py > golden_lrn.h
"""
import numpy as np
import torch

torch.manual_seed(7)
x = torch.randn(2, 9, 2, 3, dtype=torch.float64) * 3
dy = torch.randn(2, 9, 2, 3, dtype=torch.float64)


def show(name, values):
    flat = np.asarray(values, dtype=np.float64).ravel()
    rows = [", ".join("%.8g" % v for v in flat[i:i + 8]) for i in range(0, len(flat), 8)]
    print("static const float %s[] = {\n    %s};\n" % (name, ",\n    ".join(rows)))


def nhwc(t):
    return t.detach().permute(0, 2, 3, 1).contiguous().numpy()


print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_lrn.py; numbers from PyTorch %s and TensorFlow's formula. */\n"
      % torch.__version__.split("+")[0])
show("lrn_x", nhwc(x))
for name, size, options in [("default", 5, {}), ("paper", 5, dict(alpha=5e-4, beta=0.75, k=2.0)),
                            ("even", 4, dict(alpha=0.3, beta=0.6, k=1.5))]:
    v = x.clone().requires_grad_()
    y = torch.nn.LocalResponseNorm(size, **options)(v)
    y.backward(dy)
    show("lrn_%s" % name, nhwc(y))


def tensorflow(v, radius=5, bias=1.0, alpha=1.0, beta=0.5):
    out = np.empty_like(v)
    for d in range(v.shape[-1]):
        squares = (v[..., max(0, d - radius):d + radius + 1] ** 2).sum(-1)
        out[..., d] = v[..., d] / (bias + alpha * squares) ** beta
    return out


show("lrn_tensorflow_default", tensorflow(nhwc(x)))
show("lrn_tensorflow", tensorflow(nhwc(x), radius=2, bias=2.0, alpha=1e-4, beta=0.75))
