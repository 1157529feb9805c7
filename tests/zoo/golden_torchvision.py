#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_torchvision.h: what torchvision's networks make of weights and images that a formula gives.

    python3 golden_torchvision.py > golden_torchvision.h

Neither weights nor images are stored: both languages compute them, see draw() here and in test_torchvision.c. A
parameter's number is its place in state_dict(), batch counters left out; an element's index is that of PyTorch's
layout (OIHW; dense layers: out, in), of images and outputs N, H, W, C. Everything is computed in float64 from float32
values. A network is divided into the parts that its parameters' names begin with ("layer1", "features.3"). Of each
there are two numbers, the norm and the projection on a vector of random numbers, for what it makes in training, for the
gradients of its parameters, all together, and for its running statistics.
"""
import re
import warnings

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision

from networks import NETWORKS, named

warnings.simplefilter("ignore")
torch.set_default_dtype(torch.float64)
# Of a parameter's projection its number is added: in front of a normalisation a gradient stands at right angles to the
# weights themselves.
INPUT_STREAM, PROJECTION_STREAM, OUTPUT_STREAM = 30000, 10000, 20000
CLASSES = 10


def draw(stream, count):
    """Numbers in [-1, 1) with 24 bits: the finalizer of MurmurHash3 over index and stream."""
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(stream) * np.uint32(0x9E3779B9)
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
            x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
        x = x ^ (x >> np.uint32(16))
    return (x >> np.uint32(8)).astype(np.float64) * 2.0 ** -23 - 1.0


def set_parameters(net):
    with torch.no_grad():
        for number, (name, tensor) in enumerate(named(net)):
            u = draw(number, tensor.numel())
            if tensor.ndim > 1:  # kernels: the variance of He et al.
                v = u * np.sqrt(6.0 / (tensor.numel() // tensor.shape[0]))
            elif name.endswith("running_var"):
                v = 1 + 0.5 * u
            elif name.endswith("bn3.weight"):  # gamma that ends a bottleneck: small, or float32 loses gradients
                v = 0.2 * (1 + 0.25 * u)
            elif name.endswith("weight"):  # gamma
                v = 1 + 0.25 * u
            else:
                v = 0.1 * u
            tensor.copy_(torch.from_numpy(v.astype(np.float32).astype(np.float64)).reshape(tensor.shape))


def images(count, height, width):
    """In N, H, W, C order."""
    x = draw(INPUT_STREAM, count * height * width * 3).reshape(count, height, width, 3)
    return torch.from_numpy(x).permute(0, 3, 1, 2)


class Measure:
    def __init__(self):
        self.squares, self.projection = 0.0, 0.0

    def add(self, tensor, stream, image=False):
        tensor = tensor.detach()
        v = (tensor.permute(0, 2, 3, 1) if image and tensor.dim() == 4 else tensor).numpy().ravel()
        self.squares += float(v @ v)
        self.projection += float(v @ draw(stream, v.size))
        return self

    def __str__(self):
        return "{%.8g, %.8g}" % (np.sqrt(self.squares), self.projection)


def part_of(name):
    return re.match(r"features\.\w+|block\d+|\w+", name).group()


def module_of(net, part):
    """The module whose output is the part's."""
    modules = dict(net.named_modules())
    return modules[part] if part in modules else modules[part + "_pool"]


def calm(net):
    """No part of it is random in training."""
    for module in net.modules():
        if isinstance(module, nn.Dropout) or type(module).__name__ == "StochasticDepth":
            module.p = 0.0


def compare(name, size, count, reference, make):
    net = make(CLASSES, size)
    calm(net)
    set_parameters(net)
    x = images(count, *size)
    with torch.no_grad():
        inference = Measure().add(net.eval()(x), OUTPUT_STREAM)
    parts = list(dict.fromkeys(part_of(n) for n, _ in named(net)))
    outputs = {}

    def note(part):
        def hook(_module, _inputs, output):  # a relu behind it may work in place
            outputs[part] = Measure().add(output.clone(), OUTPUT_STREAM + 1 + parts.index(part), True)
        return hook
    for part in parts:
        module_of(net, part).register_forward_hook(note(part))
    net.train()
    x.requires_grad_(True)
    z = net(x)
    loss = F.cross_entropy(z, torch.arange(count) * 3 % CLASSES)
    loss.backward()
    rows = []
    trained = dict(net.named_parameters())
    for part in parts:
        gradients, statistics = Measure(), Measure()
        for number, (n, value) in enumerate(named(net)):
            if part_of(n) == part and n in trained:
                gradients.add(trained[n].grad, PROJECTION_STREAM + number)
            elif part_of(n) == part:
                statistics.add(value, PROJECTION_STREAM + number)
        rows.append('        {"%s", %s, %s, %s},' % (part, outputs[part], gradients, statistics))
    training = Measure().add(z, OUTPUT_STREAM)
    pixels = Measure().add(x.grad, OUTPUT_STREAM, True)
    return '    {"%s", {%d, %d}, %d, %s,\n     %s, %s, %.10g, %s, {\n%s\n    }},' % (
        (name,) + size + (count, str(reference).lower(), inference, training, loss.item(), pixels, "\n".join(rows)))


def main():
    torch.set_num_threads(1)
    print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_torchvision.py; numbers from PyTorch %s and "
          "torchvision %s. */\n" % (torch.__version__.split("+")[0], torchvision.__version__.split("+")[0]))
    print("typedef struct measure {\n    double norm, projection;\n} measure;\n")
    print("static const struct golden_network {\n    const char *name;\n    int32_t input[2], count;\n"
          "    bool reference;\n"
          "    measure inference, training;\n    double loss;\n    measure pixels;\n    struct {\n"
          "        const char *name;\n        measure output, gradients, statistics;\n    } parts[32];\n"
          "} golden_networks[] = {")
    for name, _, size, count, reference, make in NETWORKS:
        print(compare(name, size, count, reference, make), flush=True)
    print("};")


main()
