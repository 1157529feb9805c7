#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_penalties.h: loss and gradients with regularizers, by PyTorch's autograd in float64.

    python3 golden_penalties.py > golden_penalties.h

The network: conv 3x3 with relu, max pool 2x2, batch norm, flatten, dense with tanh; from there a dense with softmax,
whose cross-entropy is the loss, and a dense with sigmoid that has penalties alone. Keras's convention: l1 * sum(|x|) +
l2 * sum(x^2), that of activities divided by the batch size.
"""
import numpy as np
import torch
import torch.nn.functional as F

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
BATCH = 4


def penalty(x, l1, l2):
    return l1 * x.abs().sum() + l2 * (x * x).sum()


def show(name, values):
    flat = np.asarray(values, dtype=np.float64).ravel()
    rows = [", ".join("%.8g" % v for v in flat[i:i + 8]) for i in range(0, len(flat), 8)]
    print("static const float %s[] = {\n    %s};\n" % (name, ",\n    ".join(rows)))


def parameter(*shape):
    return (torch.rand(shape) - 0.5).float().double().requires_grad_()


p = {
    "conv_kernel": parameter(3, 3, 2, 3), "conv_bias": parameter(3),  # HWIO
    "norm_gamma": parameter(3), "norm_beta": parameter(3),
    "hidden_kernel": parameter(18, 4), "hidden_bias": parameter(4),  # in, out
    "main_kernel": parameter(4, 3), "main_bias": parameter(3),
    "side_kernel": parameter(4, 2), "side_bias": parameter(2),
}
x = torch.rand(BATCH, 6, 4, 2).float().double()
y = torch.tensor([0, 2, 1, 2])

conv = F.relu(F.conv2d(x.permute(0, 3, 1, 2), p["conv_kernel"].permute(3, 2, 0, 1), p["conv_bias"], padding=1))
norm = F.batch_norm(F.max_pool2d(conv, 2), None, None, p["norm_gamma"], p["norm_beta"], training=True, eps=1e-5)
hidden = torch.tanh(norm.permute(0, 2, 3, 1).flatten(1) @ p["hidden_kernel"] + p["hidden_bias"])
logits = hidden @ p["main_kernel"] + p["main_bias"]
side = torch.sigmoid(hidden @ p["side_kernel"] + p["side_bias"])

data = F.cross_entropy(logits, y)
weights = (penalty(p["conv_kernel"], 0.01, 0.02) + penalty(p["conv_bias"], 0, 0.03) +
           penalty(p["norm_gamma"], 0, 0.05) + penalty(p["norm_beta"], 0.02, 0) +
           penalty(p["hidden_kernel"], 0, 0.01) + penalty(p["side_bias"], 0.04, 0))
activities = (penalty(conv, 0.004, 0.006) + penalty(hidden, 0, 0.02) + penalty(torch.softmax(logits, 1), 0, 0.3) +
              penalty(side, 0.1, 0.2)) / BATCH
(data + weights + activities).backward()

print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_penalties.py; numbers from PyTorch %s. */\n"
      % torch.__version__.split("+")[0])
print("static const double golden_data_loss = %.10g;" % data.item())
print("static const double golden_parameter_penalty = %.10g;" % weights.item())
print("static const double golden_activity_penalty = %.10g;\n" % activities.item())
show("golden_input", x.numpy())
for name, v in p.items():
    show("golden_" + name, v.detach().numpy())
    show("gradient_" + name, v.grad.numpy())
