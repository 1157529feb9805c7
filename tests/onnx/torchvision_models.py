#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Networks of torchvision with made-up weights as PyTorch's exporter writes them, what they compute, and how they train:

    torchvision_models.py FOLDER [NAME...]

For each there is NAME.onnx (the batch open, convolutions and normalisations apart), NAME.in.f32 (images, N, C, H, W),
NAME.out.f32 (what it makes of them), NAME.losses.txt (20 steps of plain SGD on that batch with the labels 0, 3, 6, 9,
normalisations in training, dropout and stochastic depth off) and NAME.after.f32 (what it makes of them then).

Normalisations over four images make the course of a training depend on the last bits: PyTorch in float32 and in float64
differ by percents after a few steps. So networks with such are trained in both; the file has both losses of each step,
and before them the number of images, their side, the rate, and how much the outputs differ afterwards. Needs
Debian's python3-torch and python3-torchvision."""
import copy
import sys
import warnings

import torch
import torchvision

warnings.filterwarnings("ignore")
STEPS, CLASSES = 20, 10

# Number of images and their side, rate of learning, and arguments of the constructor. The exporter knows adaptive poolings
# to sizes that divide alone: AlexNet and VGG-16 need their own images.
MODELS = {
    "alexnet": (4, 224, 0.01, {}),
    "vgg16": (2, 224, 0.005, {}),
    "resnet50": (4, 64, 0.001, {}),
    "mobilenet_v2": (4, 64, 0.01, {}),
    "mobilenet_v3_large": (4, 64, 0.01, {}),
    "densenet121": (4, 64, 0.01, {}),
    "googlenet": (4, 64, 0.01, {"aux_logits": False, "init_weights": True}),
    "inception_v3": (4, 96, 0.01, {"aux_logits": False, "init_weights": True}),
    "shufflenet_v2_x1_0": (4, 64, 0.01, {}),
    "squeezenet1_1": (4, 64, 0.001, {}),
    "efficientnet_b0": (4, 64, 0.01, {}),
    "regnet_y_400mf": (4, 64, 0.01, {}),
    "convnext_tiny": (4, 64, 0.01, {}),
}


def still(model):
    """What draws random numbers in training draws none."""
    for module in model.modules():
        if isinstance(module, (torch.nn.Dropout, torchvision.ops.StochasticDepth)):
            module.p = 0.0


def write(path, values):
    values.detach().contiguous().numpy().astype("<f4").tofile(path)


def train(model, images, labels, rate):
    """Losses of all steps, and what the model makes of the images then."""
    model.train()
    sgd = torch.optim.SGD(model.parameters(), lr=rate)
    losses = []
    for _ in range(STEPS):
        sgd.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        return losses, model(images).double()


def make(folder, name):
    count, side, rate, arguments = MODELS[name]
    torch.manual_seed(len(name))
    model = getattr(torchvision.models, name)(num_classes=CLASSES, **arguments)
    still(model)
    for parameter in model.parameters():  # biases that begin with 0 would hide mistakes
        if parameter.dim() == 1:
            parameter.data += 0.02 * torch.randn_like(parameter)
    images = torch.rand(count, 3, side, side) * 2 - 1
    labels = torch.tensor([0, 3, 6, 9])[:count]
    model.train()
    with torch.no_grad():  # statistics of something
        for _ in range(3):
            model(torch.randn(8, 3, side, side))
    model.eval()
    torch.onnx.export(model, images, f"{folder}/{name}.onnx", opset_version=13, input_names=["input"],
                      output_names=["output"], dynamic_axes={"input": {0: "N"}, "output": {0: "N"}},
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    write(f"{folder}/{name}.in.f32", images)
    with torch.no_grad():
        write(f"{folder}/{name}.out.f32", model(images))
    exact = copy.deepcopy(model).double()
    losses, after = train(model, images, labels, rate)
    right, right_after = losses, after
    if any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules()):
        right, right_after = train(exact, images.double(), labels, rate)
    write(f"{folder}/{name}.after.f32", right_after)
    with open(f"{folder}/{name}.losses.txt", "w") as file:
        off = (after - right_after).abs().max().item() / right_after.abs().max().item()
        file.write(f"{count} {side} {rate} {off:.3g}\n")
        for pair in zip(right, losses):
            file.write("%.9g %.9g\n" % pair)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for model_name in sys.argv[2:] or MODELS:
        make(sys.argv[1], model_name)
        print(model_name, flush=True)
