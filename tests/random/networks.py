#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes random small networks and what PyTorch makes of them in float64: see README.md for the lines.

    networks.py COUNT [SEED] > networks.txt

Weights and inputs are not stored: both languages compute them from a formula, draw(). Layers are in definitions.py, the
choice of networks in choice.py, what comes out of them in computing.py.
"""
import random
import sys

import numpy as np
import torch
import torch.nn.functional as F

from computing import Network
from definitions import draw

INPUT_STREAM, PROJECTION_STREAM = 1000, 500
STEPS = 3
NEAREST, LARGEST_LOSS = 2e-5, 1e3


def measure(tensor, number):
    """Norm, and the projection on a vector of random numbers, which depends on the order of elements."""
    v = tensor.detach().numpy().ravel()
    return "%.9g %.9g" % (np.linalg.norm(v), v @ draw(PROJECTION_STREAM + number, v.size))


def lines(network, number):
    """The network and what is expected of it; None if rounding would decide, or if it diverges."""
    n = network
    shape = (n.batch,) + n.shapes[0]
    outputs = n.shapes[-1][0]
    x = torch.from_numpy(draw(INPUT_STREAM, int(np.prod(shape)))).reshape(shape)
    y = torch.arange(n.batch) * 7 % outputs
    targets = F.one_hot(y, outputs).double()
    options = " ".join("%s=%s" % (k, int(v) if isinstance(v, bool) else repr(v)) for k, v in n.optimizer.items() if k != "kind")
    text = ["network %d input=%s batch=%d loss=%s" % (number, "/".join(map(str, n.shapes[0])), n.batch, n.loss),
            "optimizer %s %s" % (n.optimizer["kind"], options)] + [layer.text() for layer in n.layers]
    with torch.no_grad():
        text.append("expect output 0 " + measure(n.forward(x, False)[0], 0))
    optimizer = n.torch_optimizer()
    for step in range(STEPS):
        optimizer.zero_grad()
        output, logits = n.forward(x, True)
        loss = n.loss_value(output, logits, y, targets)
        loss.backward()
        if step == 0:
            text.append("expect training 0 " + measure(output, 0))
            for i, v in enumerate(n.parameters.values):
                if n.parameters.trained[i]:
                    v.grad = torch.zeros_like(v) if v.grad is None else v.grad
                    text.append("expect gradient %d " % i + measure(v.grad, i))
        if n.margin < NEAREST or not loss.item() < LARGEST_LOSS:
            return None
        text.append("expect loss %d %.9g 0" % (step, loss.item()))
        optimizer.step()
    text += ["expect parameter %d " % i + measure(v, i) for i, v in enumerate(n.parameters.values)]
    return text + ["end"]


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print("# Written by networks.py %d %d; numbers from PyTorch %s in float64." % (count, seed, torch.__version__))
    number = 0
    while count > 0:
        text = lines(Network(random.Random(seed * 1000003 + number)), number)
        if text is not None:
            print("\n".join(text))
            count -= 1
        number += 1


main()
