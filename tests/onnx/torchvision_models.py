#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Networks of torchvision with made-up weights as PyTorch's exporter writes them, what they compute, and how they train:

    torchvision_models.py FOLDER [NAME...]

For each there is NAME.onnx (the batch open, convolutions and normalisations apart), NAME.in.f32 (images, N, C, H, W),
NAME.out.f32 (what it makes of them), NAME.gradients.f32 (those of a training, see write_gradients()), NAME.losses.txt
(20 steps of plain SGD on that batch, dropout and stochastic depth off) and NAME.after.f32 (what it makes of the images
then). All but the weights is computed in float64 and rounded to float32.

Rectifiers and normalisations over few images make a training depend on the last bits: of resnet50 float32's gradients
are 2 % off float64's, for here and there a value is on the other side of 0, and after 20 steps nothing is alike. So
networks with such kinks are made twice. As they are, the gradients are compared by how large they are along the
right ones, where such accidents do not add up, and the steps leave statistics as they are, as fine-tuning does. As
NAME_smooth every rectifier is an ELU (or SiLU, or sigmoid) and every largest value of a pooling the mean: float32 is
then 1e-5 off at most, so the rest, each convolution and each normalisation with the graph around them, has to be that
right in every parameter, for 20 steps in training. Needs Debian's python3-torch and python3-torchvision."""
import copy
import sys
import warnings

import numpy
import torch
import torchvision

warnings.filterwarnings("ignore")
STEPS, CLASSES = 20, 10

# Number of images and their side, rate of learning, and arguments of the constructor. The exporter knows adaptive
# poolings to sizes that divide alone: AlexNet and VGG-16 need their own images. Rates are such that PyTorch's own float32
# stays within the bounds of train_models.c of its float64: at 0.01 it is 15 % off after 20 steps of EfficientNet and 10 %
# of DenseNet, the losses of VGG-16 swing at 0.005 and are 3e-4 off at 0.001, and Inception with its initial weights has
# no finite loss after two steps.
MODELS = {
    "alexnet": (4, 224, 0.01, {}),
    "vgg16": (2, 224, 0.0002, {}),
    "resnet50": (4, 64, 0.0002, {}),
    "mobilenet_v2": (4, 64, 0.01, {}),
    "mobilenet_v3_large": (4, 64, 0.01, {}),
    "densenet121": (4, 64, 0.0005, {}),
    "googlenet": (4, 64, 0.01, {"aux_logits": False, "init_weights": True}),
    "inception_v3": (8, 128, 0.002, {"aux_logits": False, "init_weights": False}),
    "shufflenet_v2_x1_0": (4, 64, 0.01, {}),
    "squeezenet1_1": (4, 64, 0.001, {}),
    "efficientnet_b0": (4, 64, 0.0001, {}),
    "regnet_y_400mf": (4, 64, 0.01, {}),
    "convnext_tiny": (4, 64, 0.01, {}),
}

KINKS = (torch.nn.ReLU, torch.nn.ReLU6, torch.nn.MaxPool2d, torch.nn.Hardswish, torch.nn.Hardsigmoid)


def still(model):
    """What draws random numbers in training draws none."""
    for module in model.modules():
        if isinstance(module, (torch.nn.Dropout, torchvision.ops.StochasticDepth)):
            module.p = 0.0


def smooth():
    """From now on no function of PyTorch that is used here has a kink."""
    functional = torch.nn.functional

    def mean(x, kernel_size, stride=None, padding=0, ceil_mode=False, **_):
        return functional.avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad=False)

    functional.relu = torch.relu = lambda x, inplace=False: functional.elu(x)
    functional.max_pool2d = mean
    torch.nn.ReLU.forward = torch.nn.ReLU6.forward = lambda self, x: functional.elu(x)
    torch.nn.Hardswish.forward = lambda self, x: functional.silu(x)
    torch.nn.Hardsigmoid.forward = lambda self, x: torch.sigmoid(x)
    torch.nn.MaxPool2d.forward = lambda self, x: mean(x, self.kernel_size, self.stride, self.padding, self.ceil_mode)


def write(path, values):
    values.detach().contiguous().numpy().astype("<f4").tofile(path)


def write_gradients(path, model, gradients):
    """For each parameter how many values, the first 16 of them, by which it is found, and the gradient."""
    with open(path, "wb") as file:
        for parameter, gradient in zip(model.parameters(), gradients):
            values = parameter.detach().numpy().ravel()
            file.write(numpy.array([values.size], "<i4").tobytes())
            file.write(values[:16].astype("<f4").tobytes())
            file.write(gradient.numpy().ravel().astype("<f4").tobytes())


def train(model, images, labels, rate, keep_statistics):
    """Losses of all steps, the gradients of a training's first, and what the model makes of the images then."""
    sgd = torch.optim.SGD(model.parameters(), lr=rate)
    model.train()
    torch.nn.functional.cross_entropy(model(images), labels).backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.train(not keep_statistics)
    losses = []
    for _ in range(STEPS):
        sgd.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        return losses, gradients, model(images)


def make(folder, name, is_smooth):
    """Whether the network should be made smooth, too."""
    count, side, rate, arguments = MODELS[name]
    torch.manual_seed(len(name))
    model = getattr(torchvision.models, name)(num_classes=CLASSES, **arguments)
    kinks = any(isinstance(module, KINKS) for module in model.modules())
    name, count = (name + "_smooth", 8) if is_smooth else (name, count)
    still(model)
    for parameter in model.parameters():  # biases that begin with 0 would hide mistakes
        if parameter.dim() == 1:
            parameter.data += 0.02 * torch.randn_like(parameter)
    images = torch.rand(count, 3, side, side) * 2 - 1
    labels = torch.tensor([0, 3, 6, 9, 1, 4, 7, 2])[:count]
    model.train()
    with torch.no_grad():  # statistics of something
        for _ in range(3):
            model(torch.randn(8, 3, side, side))
    model.eval()
    torch.onnx.export(model, images, f"{folder}/{name}.onnx", opset_version=13, input_names=["input"],
                      output_names=["output"], dynamic_axes={"input": {0: "N"}, "output": {0: "N"}},
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    write(f"{folder}/{name}.in.f32", images)
    exact = copy.deepcopy(model).double()
    images = images.double()
    with torch.no_grad():
        write(f"{folder}/{name}.out.f32", exact(images))
    keep_statistics = kinks and not is_smooth
    losses, gradients, after = train(exact, images, labels, rate, keep_statistics)
    write_gradients(f"{folder}/{name}.gradients.f32", model, gradients)
    write(f"{folder}/{name}.after.f32", after)
    with open(f"{folder}/{name}.losses.txt", "w") as file:
        file.write(f"{count} {side} {rate} {int(keep_statistics)}\n")
        for loss in losses:
            file.write("%.9g\n" % loss)
    return keep_statistics


if __name__ == "__main__":
    torch.set_num_threads(1)
    twice = [name for name in sys.argv[2:] or MODELS if make(sys.argv[1], name, False)]
    smooth()
    for model_name in twice:
        make(sys.argv[1], model_name, True)
