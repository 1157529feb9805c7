# SPDX-License-Identifier: MIT
"""torchvision's networks, by their names in the zoo: what golden_networks.py and golden_torchvision.py share."""
from collections import OrderedDict

import torch
import torch.nn as nn
import torchvision.models as models


class Hidden(nn.Linear):
    """A dense layer with relu, which is one layer in the zoo."""

    def forward(self, x):
        return torch.relu(super().forward(x))


class Vgg(nn.Module):
    """torchvision's VGG with Keras's names and without the average to 7x7."""

    def __init__(self, depth, classes, size):
        super().__init__()
        whole = getattr(models, "vgg%d" % depth)(num_classes=classes)
        layers = OrderedDict()
        block, number = 1, 1
        for layer in whole.features:
            if isinstance(layer, nn.Conv2d):
                layers["block%d_conv%d" % (block, number)] = layer
                number += 1
            elif isinstance(layer, nn.MaxPool2d):
                layers["block%d_pool" % block] = layer
                block, number = block + 1, 1
            else:
                layers["block%d_relu%d" % (block, number)] = layer
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.chain = list(layers.values())
        values = 512 * (size[0] // 32) * (size[1] // 32)
        self.fc1, self.fc2, self.predictions = Hidden(values, 4096), Hidden(4096, 4096), whole.classifier[6]
        for layer in (self.fc1, self.fc2):
            nn.init.normal_(layer.weight, 0, 0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.chain:
            x = layer(x)
        return self.predictions(self.fc2(self.fc1(torch.flatten(x, 1))))


def vgg(depth):
    return lambda classes, size: Vgg(depth, classes, size)


def plain(name, **options):
    return lambda classes, size: getattr(models, name)(num_classes=classes, **options)


def small_stem(name):
    """A 3x3 convolution at full size and no pooling, as is usual for images of 32x32."""

    def make(classes, size):
        net = getattr(models, name)(num_classes=classes)
        net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
        net.maxpool = nn.Identity()
        return net
    return make


class Xai(nn.Module):
    """A network of a text on explaining, whose name in the zoo is the text's."""

    def __init__(self, classes):
        super().__init__()
        layers, inputs = [], 3
        for i, (filters, pooled) in enumerate(((64, 0), (64, 1), (128, 0), (128, 1), (256, 0), (256, 0), (256, 1),
                                               (512, 0), (512, 0), (512, 1), (512, 0), (512, 0), (512, 1))):
            layers += [nn.Conv2d(inputs, filters, 3, padding=int(i > 0), bias=False), nn.BatchNorm2d(filters),
                       nn.ReLU(), nn.MaxPool2d(2) if pooled else nn.Dropout(0.4)]
            inputs = filters
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Linear(512, 512, bias=False), nn.Dropout(0.5), nn.BatchNorm1d(512),
                                        nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, classes))

    def forward(self, x):
        return self.classifier(self.features(x).view(-1, 512))


# Name in the zoo, its own size, a size for comparisons, how many images of that, whether the reference backend is
# compared too, which takes its time, and how it is made.
NETWORKS = (
    ("alexnet-torchvision", (224, 224), (96, 80), 2, True, plain("alexnet")),
    ("densenet121", (224, 224), (64, 64), 3, False, plain("densenet121")),
    ("efficientnet-b0", (224, 224), (64, 96), 3, True, plain("efficientnet_b0")),
    ("googlenet", (224, 224), (64, 64), 3, True, plain("googlenet", aux_logits=False, init_weights=True)),
    ("googlenet:input=transformed", (224, 224), (64, 64), 3, False,
     plain("googlenet", aux_logits=False, init_weights=True, transform_input=True)),
    ("inception-v3", (299, 299), (139, 107), 3, False, plain("inception_v3", aux_logits=False, init_weights=True)),
    ("mobilenet-v2", (224, 224), (64, 96), 3, False, plain("mobilenet_v2")),
    ("mobilenet-v2:width=0.5", (224, 224), (64, 64), 3, True, plain("mobilenet_v2", width_mult=0.5)),
    ("mobilenet-v3-large", (224, 224), (64, 96), 3, True, plain("mobilenet_v3_large")),
    ("resnet18", (224, 224), (64, 96), 4, True, plain("resnet18")),
    ("resnet18:stem=cifar", (32, 32), (32, 24), 3, False, small_stem("resnet18")),
    ("resnet34", (224, 224), (64, 96), 3, False, plain("resnet34")),
    ("resnet50", (224, 224), (64, 96), 3, True, plain("resnet50")),
    ("resnet50:stem=cifar", (32, 32), (24, 16), 3, True, small_stem("resnet50")),
    ("resnet101", (224, 224), (64, 64), 3, False, plain("resnet101")),
    ("resnet152", (224, 224), (64, 64), 3, False, plain("resnet152")),
    ("squeezenet", (224, 224), (64, 48), 2, True, plain("squeezenet1_1")),
    ("squeezenet:version=1.0", (224, 224), (64, 48), 2, False, plain("squeezenet1_0")),
    ("vgg11", (224, 224), (32, 64), 2, True, vgg(11)),
    ("vgg13", (224, 224), (32, 64), 2, False, vgg(13)),
    ("vgg16", (224, 224), (64, 32), 2, False, vgg(16)),
    ("vgg19", (224, 224), (32, 64), 2, False, vgg(19)),
    ("xai", (64, 64), (40, 56), 4, True, lambda classes, size: Xai(classes)),
)

torch_flatten = torch.flatten


def flatten(x, start_dim=0):
    """Height, width, channels in this order, as libcnn flattens."""
    return torch_flatten(x.permute(0, 2, 3, 1) if x.dim() == 4 else x, start_dim)


torch.flatten = flatten


def named(net):
    """Parameters and statistics in the order of state_dict()."""
    return [(name, value) for name, value in net.state_dict().items() if "num_batches" not in name]
