#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Times the workloads of `cnn bench` in PyTorch and in turn with it, and prints the ratios of the medians.

    apt-get install python3-torch python3-torchvision
    /usr/bin/python3 tests/performance/compare.py --cnn build/src/cnn [--rounds 5] [--threads 2] [--only catdog]
    /usr/bin/python3 tests/performance/compare.py --export DIR     # the inference networks as ONNX, for onnx_runtime.js

Each figure of PyTorch is the better one of its two memory layouts. A training step is forward, loss, backward and
update; inference is forward alone, without gradients. Run by hand, on a machine that does nothing else.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

import torch
from torch import nn
from torchvision import models


def conv_relu(inputs, outputs, kernel, **options):
    return [nn.Conv2d(inputs, outputs, kernel, **options), nn.ReLU()]


def catdog():
    layers, inputs = [], 3
    for outputs in (32, 64, 128, 128):
        layers += conv_relu(inputs, outputs, 3) + [nn.MaxPool2d(2)]
        inputs = outputs
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5), nn.Linear(6272, 512), nn.ReLU(), nn.Linear(512, 1))


def alexnet():
    return nn.Sequential(
        *conv_relu(3, 96, 11, stride=4), nn.MaxPool2d(3, 2), *conv_relu(96, 256, 5, padding=2), nn.MaxPool2d(3, 2),
        *conv_relu(256, 384, 3, padding=1), *conv_relu(384, 384, 3, padding=1), *conv_relu(384, 256, 3, padding=1),
        nn.MaxPool2d(3, 2), nn.Flatten(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, 4096),
        nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, 2))


def fashion():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3),
        nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2304, 600), nn.Dropout(0.25),
        nn.Linear(600, 120), nn.Linear(120, 10))


def resnet18():
    return models.resnet18(num_classes=2)


def resnet50():
    return models.resnet50()


def mobilenet_v2():
    return models.mobilenet_v2()


def vgg16():
    return models.vgg16().features


def vgg16_finetune():
    base = models.vgg16().features
    for index, layer in enumerate(base):
        layer.requires_grad_(index >= 24)  # block 5
    return nn.Sequential(base, nn.Flatten(), nn.Linear(8192, 256), nn.ReLU(), nn.Linear(256, 1))


def rmsprop(parameters):
    return torch.optim.RMSprop(parameters, lr=1e-4, alpha=0.9, eps=1e-7)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3)


def momentum(parameters):
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=5e-4)


# name: network, batch, channels, side, classes, optimizer (None: inference), steps
WORKLOADS = {
    "catdog-train": (catdog, 20, 3, 150, 1, rmsprop, 7),
    "alexnet-train": (alexnet, 64, 3, 227, 2, momentum, 4),
    "fashion-train": (fashion, 100, 1, 28, 10, adam, 15),
    "resnet18-train": (resnet18, 16, 3, 224, 2, adam, 4),
    "vgg16-finetune-20": (vgg16_finetune, 20, 3, 150, 1, rmsprop, 4),
    "catdog-infer-20": (catdog, 20, 3, 150, 1, None, 9),
    "catdog-infer-1": (catdog, 1, 3, 150, 1, None, 25),
    "alexnet-infer-64": (alexnet, 64, 3, 227, 2, None, 4),
    "alexnet-infer-1": (alexnet, 1, 3, 227, 2, None, 15),
    "vgg16-notop-infer-20": (vgg16, 20, 3, 150, 0, None, 3),
    "vgg16-notop-infer-1": (vgg16, 1, 3, 150, 0, None, 9),
    "resnet18-infer-8": (resnet18, 8, 3, 224, 2, None, 5),
    "resnet18-infer-1": (resnet18, 1, 3, 224, 2, None, 15),
    "resnet50-train-16": (resnet50, 16, 3, 224, 1000, momentum, 3),
    "resnet50-infer-8": (resnet50, 8, 3, 224, 1000, None, 5),
    "resnet50-infer-1": (resnet50, 1, 3, 224, 1000, None, 15),
    "mobilenet-v2-train-32": (mobilenet_v2, 32, 3, 224, 1000, momentum, 4),
    "mobilenet-v2-infer-16": (mobilenet_v2, 16, 3, 224, 1000, None, 9),
    "mobilenet-v2-infer-1": (mobilenet_v2, 1, 3, 224, 1000, None, 25),
}


def step_of(workload, layout):
    """A function that does one step."""
    network, batch, channels, side, classes, optimizer, _ = workload
    model = network().to(memory_format=layout)
    images = torch.rand(batch, channels, side, side).to(memory_format=layout)
    if optimizer is None:
        model.eval()
        return lambda: model(images)
    rule = optimizer([parameter for parameter in model.parameters() if parameter.requires_grad])
    if classes == 1:
        labels, loss = torch.randint(2, (batch, 1)).float(), nn.BCEWithLogitsLoss()
    else:
        labels, loss = torch.randint(classes, (batch,)), nn.CrossEntropyLoss()

    def train():
        rule.zero_grad()
        loss(model(images), labels).backward()
        rule.step()

    return train


def milliseconds(workload, layout):
    times = []
    with torch.set_grad_enabled(workload[5] is not None):
        step = step_of(workload, layout)
        for _ in range(2 + workload[6]):
            begin = time.perf_counter()
            step()
            times.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(times[2:])


def ours(cnn, name, threads):
    command = [cnn, "bench", name, "--threads", str(threads), "--json", "--quiet"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["ms"]


def compare(arguments):
    torch.set_num_threads(arguments.threads)
    print(f"{'workload':22s} {'libcnn ms':>10s} {'PyTorch ms':>11s} {'ratio':>6s}")
    for name, workload in WORKLOADS.items():
        if arguments.only not in name:
            continue
        mine, theirs = [], []
        for _ in range(arguments.rounds):
            mine.append(ours(arguments.cnn, name, arguments.threads))
            theirs.append(min(milliseconds(workload, layout) for layout in (torch.contiguous_format,
                                                                            torch.channels_last)))
        a, b = statistics.median(mine), statistics.median(theirs)
        print(f"{name:22s} {a:10.2f} {b:11.2f} {b / a:5.2f}x", flush=True)


def export(folder):
    os.makedirs(folder, exist_ok=True)
    for name, (network, batch, channels, side, _, optimizer, _) in WORKLOADS.items():
        if optimizer is None:
            torch.onnx.export(network().eval(), torch.rand(batch, channels, side, side),
                              os.path.join(folder, name + ".onnx"), opset_version=13, input_names=["x"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cnn", default="cnn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="workloads with this in their name")
    parser.add_argument("--export", metavar="DIR")
    arguments = parser.parse_args()
    if arguments.export:
        export(arguments.export)
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
