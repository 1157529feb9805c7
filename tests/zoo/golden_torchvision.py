#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_torchvision.h: what torchvision's networks make of weights and images that a formula gives.

    python3 golden_torchvision.py > golden_torchvision.h

Neither weights nor images are stored: both languages compute them, see draw() here and in test_torchvision.c. A
parameter's number is its place in state_dict(), batch counters left out; an element's index is that of PyTorch's
layout (OIHW; dense layers: out, in). Everything is computed in float64 from float32 values.
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision

torch.set_default_dtype(torch.float64)
INPUT_STREAM = 1000
# Added to a parameter's number for projections: in front of a normalisation a gradient stands at right angles to the
# weights themselves.
PROJECTION_STREAM = 500


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
        kept = [(n, t) for n, t in net.state_dict().items() if "num_batches" not in n]
        for number, (name, tensor) in enumerate(kept):
            u = draw(number, tensor.numel())
            if tensor.ndim > 1:  # kernels: the variance of He et al.
                v = u * np.sqrt(6.0 / (tensor.numel() // tensor.shape[0]))
            elif name.endswith("running_var"):
                v = 1 + 0.5 * u
            elif name.endswith("weight"):  # gamma
                v = 1 + 0.25 * u
            else:
                v = 0.1 * u
            tensor.copy_(torch.from_numpy(v.astype(np.float32).astype(np.float64)).reshape(tensor.shape))


def images(count, height, width):
    """In N, H, W, C order."""
    x = draw(INPUT_STREAM, count * height * width * 3).reshape(count, height, width, 3)
    return torch.from_numpy(x).permute(0, 3, 1, 2)


def show(name, values):
    flat = np.asarray(values, dtype=np.float64).ravel()
    rows = [", ".join("%.8g" % v for v in flat[i:i + 8]) for i in range(0, len(flat), 8)]
    print("static const double %s[] = {\n    %s};\n" % (name, ",\n    ".join(rows)))


def measure(tensor, number):
    """Norm, and the projection on a vector of random numbers, which depends on the order of elements."""
    v = tensor.detach().numpy().ravel()
    return np.linalg.norm(v), float(v @ draw(PROJECTION_STREAM + number, v.size))


class Vgg(nn.Module):
    """torchvision's VGG-16 for small images: no average to 7x7, and height, width, channels flattened in this order."""

    def __init__(self, classes, features):
        super().__init__()
        whole = torchvision.models.vgg16(num_classes=classes)
        self.features = whole.features
        self.classifier = whole.classifier
        self.classifier[0] = nn.Linear(features, 4096)

    def forward(self, x):
        return self.classifier(self.features(x).permute(0, 2, 3, 1).flatten(1))


def vgg():
    net = Vgg(10, 2 * 512).eval()
    set_parameters(net)
    x = images(1, 64, 32)
    with torch.no_grad():
        show("golden_vgg16_features", net.features(x).permute(0, 2, 3, 1).numpy().ravel()[::4])
        show("golden_vgg16_logits", net(x).numpy())


def resnet():
    net = torchvision.models.resnet18(num_classes=10)
    set_parameters(net)
    x = images(4, 64, 96)
    with torch.no_grad():
        show("golden_resnet18_logits", net.eval()(x).numpy())
    net.train()
    z = net(x)
    loss = F.cross_entropy(z, torch.tensor([3, 1, 4, 9]))
    loss.backward()
    show("golden_resnet18_training_logits", z.detach().numpy())
    print("static const double golden_resnet18_loss = %.10g;\n" % loss.item())
    print("static const struct {\n    const char *name;\n    double norm, projection;\n} golden_resnet18_gradients[] = {")
    trained = dict(net.named_parameters())
    numbers = {n: i for i, n in enumerate(n for n in net.state_dict() if "num_batches" not in n)}
    for name in ("conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer1.1.conv2.weight",
                 "layer2.0.conv1.weight", "layer2.0.downsample.0.weight", "layer2.0.downsample.1.weight",
                 "layer3.0.bn1.bias", "layer4.0.downsample.0.weight", "layer4.1.conv2.weight", "layer4.1.bn2.weight",
                 "fc.weight", "fc.bias"):
        print('    {"%s", %.9g, %.9g},' % ((name,) + measure(trained[name].grad, numbers[name])))
    print("};\n")
    print("static const struct {\n    const char *name;\n    double norm, projection;\n} golden_resnet18_statistics[] = {")
    state = net.state_dict()
    for name in ("bn1.running_mean", "bn1.running_var", "layer2.0.downsample.1.running_mean",
                 "layer2.0.downsample.1.running_var", "layer4.1.bn2.running_mean", "layer4.1.bn2.running_var"):
        print('    {"%s", %.9g, %.9g},' % ((name,) + measure(state[name], numbers[name])))
    print("};")


print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_torchvision.py; numbers from PyTorch %s and torchvision "
      "%s. */\n" % (torch.__version__.split("+")[0], torchvision.__version__.split("+")[0]))
vgg()
resnet()
