#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Small networks as PyTorch exports them, of the kinds whose training elsewhere ends in an error or trains nothing:

    golden_training.py FOLDER      writes FOLDER/golden_NAME.onnx and FOLDER/golden_training.h

regression  dense layers, Gemm of operator set 10, and one value out
board       convolutions and dense layers with batch normalisations, policy and value as two outputs
folded      an inverted residual block of MobileNet with its normalisations folded away by the exporter
encoder     a transformer's encoder, sequences first: attention by MatMul of two values, layer normalisation in parts

The header has the inputs, what the networks make of them, and the losses (half the mean square, summed over outputs) of
6 steps of plain SGD on them in training, computed in float64. Needs Debian's python3-torch."""
import copy
import sys
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")
STEPS = 6


class Regression(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1, self.layer2, self.logits = nn.Linear(3, 10), nn.Linear(10, 10), nn.Linear(10, 1)

    def forward(self, x):
        return self.logits(torch.relu(self.layer2(torch.relu(self.layer1(x)))))


class Board(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)
        self.fc1, self.bn3 = nn.Linear(36, 12), nn.BatchNorm1d(12)
        self.policy, self.value = nn.Linear(12, 7), nn.Linear(12, 1)

    def forward(self, x):
        x = x.view(-1, 1, 5, 5)
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        x = torch.relu(self.bn3(self.fc1(x.view(-1, 36))))
        return torch.log_softmax(self.policy(x), dim=1), torch.tanh(self.value(x))


class Folded(nn.Module):
    def __init__(self):
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(3, 6, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU6())
        self.depthwise = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False), nn.BatchNorm2d(6), nn.ReLU6())
        self.project = nn.Sequential(nn.Conv2d(6, 3, 1, bias=False), nn.BatchNorm2d(3))
        self.classifier = nn.Linear(3, 4)

    def forward(self, x):
        x = x + self.project(self.depthwise(self.expand(x)))
        return self.classifier(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0), 1)

    def forward(self, x):
        return self.encoder(x)


def losses_of(model, x, rate):
    sgd = torch.optim.SGD(model.parameters(), lr=rate)
    losses = []
    for _ in range(STEPS):
        sgd.zero_grad()
        outputs = model(x)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = sum(((y - 0.25) ** 2).mean() / 2 for y in outputs)
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return losses


def numbers(file, name, values):
    values = [f"{v:.9g}" for v in values.flatten().tolist()]
    file.write(f"static const float {name}[] = {{\n")
    for i in range(0, len(values), 8):
        file.write("    " + ", ".join(v if "." in v or "e" in v else v + ".0" for v in values[i:i + 8]) + ",\n")
    file.write("};\n")


def make(folder, file, name, model, x, rate, opset, **options):
    with torch.no_grad():  # statistics of something
        model.train()
        for _ in range(3):
            model(torch.randn_like(x))
    mode = options.pop("training", torch.onnx.TrainingMode.EVAL)
    batch = {} if name == "encoder" else {"dynamic_axes": {"input": {0: "batch"}}}
    model.eval()
    with warnings.catch_warnings():
        torch.onnx.export(model, x, f"{folder}/golden_{name}.onnx", opset_version=opset, input_names=["input"],
                          training=mode, **batch, **options)
    exact = copy.deepcopy(model).double()
    if name == "folded":  # what there is to train: convolutions with what was folded in
        exact = torch.ao.quantization.fuse_modules(exact.eval(), [["expand.0", "expand.1"], ["depthwise.0", "depthwise.1"],
                                                                  ["project.0", "project.1"]])
    exact.eval()
    for module in exact.modules():  # eval's fast path of an encoder has no gradients
        if isinstance(module, nn.TransformerEncoderLayer):
            module.train()
    with torch.no_grad():
        outputs = exact(x.double())
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    exact.train()
    numbers(file, f"{name}_input", x)
    numbers(file, f"{name}_outputs", torch.cat([y.flatten() for y in outputs]))
    numbers(file, f"{name}_losses", torch.tensor(losses_of(exact, x.double(), rate)))


def main(folder):
    torch.manual_seed(7)
    with open(f"{folder}/golden_training.h", "w") as file:
        file.write("/* SPDX-License-Identifier: MIT */\n/* Written by golden_training.py. */\n")
        make(folder, file, "regression", Regression(), torch.randn(6, 3), 0.1, 10, do_constant_folding=True)
        make(folder, file, "board", Board(), torch.randn(8, 5, 5), 0.02, 13, do_constant_folding=False,
             training=torch.onnx.TrainingMode.PRESERVE)
        make(folder, file, "folded", Folded(), torch.randn(4, 3, 6, 5), 0.05, 11, do_constant_folding=True)
        make(folder, file, "encoder", Encoder(), torch.randn(5, 3, 8), 0.05, 13, do_constant_folding=False,
             training=torch.onnx.TrainingMode.TRAINING)


if __name__ == "__main__":
    main(sys.argv[1])
