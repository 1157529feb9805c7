#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_loss.h: values and gradients of PyTorch's losses in float64, at float32 inputs.

Run by hand with PyTorch 1.13 and torchvision: ./golden_loss.py > golden_loss.h
"""
import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

torch.manual_seed(7)


def float32(tensor):
    return tensor.float().double()


def one_hot(labels, outputs):
    if outputs == 1:
        return labels.double().reshape(-1, 1)
    return F.one_hot(labels, outputs).double()


def bce(z, labels, values):
    target = values if values is not None else one_hot(labels, z.shape[1])
    return F.binary_cross_entropy_with_logits(z, target)


def cce(z, labels, values):
    return F.cross_entropy(z, labels if labels is not None else values)


def nll(z, labels, values):
    if labels is not None:
        return F.nll_loss(z, labels)
    return -(z * values).sum(1).mean()


def mse(z, labels, values):
    return F.mse_loss(z, values if values is not None else one_hot(labels, z.shape[1]))


def targets_of(z, labels, values):
    return values if values is not None else one_hot(labels, z.shape[1])


def mae(z, labels, values):
    return F.l1_loss(z, targets_of(z, labels, values))


def huber(delta):
    return lambda z, labels, values: F.huber_loss(z, targets_of(z, labels, values), delta=delta)


def binary_focal(gamma, alpha):
    return lambda z, labels, values: sigmoid_focal_loss(z, targets_of(z, labels, values), alpha, gamma, "mean")


def categorical_focal(gamma, alpha):
    """Keras's CategoricalFocalCrossentropy by its formula: alpha (1 - p)^gamma (-y log p), summed over classes."""
    def loss(z, labels, values):
        logarithms = torch.log_softmax(z, 1)
        weights = alpha * (1 - logarithms.exp()) ** gamma
        return -(weights * targets_of(z, labels, values) * logarithms).sum(1).mean()
    return loss


def labels(count, outputs):
    return torch.randint(0, max(outputs, 2), (count,))


def soft(count, outputs):
    return float32(torch.softmax(torch.randn(count, outputs), 1))


def logits(count, outputs, scale=2.0):
    return float32(torch.randn(count, outputs) * scale)


EXTREME = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 30.0], [88.0, 89.0, -200.0]], dtype=torch.float64)

CASES = [
    ("one sigmoid output, labels", "binary_crossentropy", bce, logits(7, 1), labels(7, 1), None),
    ("one sample", "binary_crossentropy", bce, logits(1, 1), labels(1, 1), None),
    ("several sigmoid outputs, labels", "binary_crossentropy", bce, logits(4, 3), labels(4, 3), None),
    ("several sigmoid outputs, soft targets", "binary_crossentropy", bce, logits(4, 5),
     None, float32(torch.rand(4, 5))),
    ("extreme logits", "binary_crossentropy", bce, EXTREME, torch.tensor([1, 1, 2]), None),
    ("ten classes, labels", "categorical_crossentropy", cce, logits(6, 10), labels(6, 10), None),
    ("two classes, one sample", "categorical_crossentropy", cce, logits(1, 2), labels(1, 2), None),
    ("soft targets", "categorical_crossentropy", cce, logits(5, 4), None, soft(5, 4)),
    ("targets that do not sum to 1", "categorical_crossentropy", cce, logits(3, 4),
     None, float32(torch.rand(3, 4))),
    ("extreme logits", "categorical_crossentropy", cce, EXTREME, torch.tensor([1, 1, 0]), None),
    ("log-probabilities, labels", "nll", nll, float32(torch.log_softmax(logits(5, 6), 1)), labels(5, 6), None),
    ("log-probabilities, soft targets", "nll", nll, float32(torch.log_softmax(logits(3, 4), 1)), None, soft(3, 4)),
    ("regression", "mse", mse, logits(6, 3), None, logits(6, 3, 10)),
    ("labels", "mse", mse, float32(torch.softmax(logits(4, 5), 1)), labels(4, 5), None),
    ("one output, labels", "mse", mse, float32(torch.sigmoid(logits(5, 1))), labels(5, 1), None),
    ("regression", "mae", mae, logits(6, 3), None, logits(6, 3, 10)),
    ("regression", "huber", huber(1), logits(6, 3), None, logits(6, 3)),
    ("another delta", "huber:delta=0.25", huber(0.25), logits(4, 2), None, logits(4, 2)),
    ("labels", "binary_focal", binary_focal(2, 0.25), logits(7, 1), labels(7, 1), None),
    ("several labels", "binary_focal:gamma=0.5,alpha=0.75", binary_focal(0.5, 0.75), logits(4, 5), None,
     (torch.rand(4, 5) > 0.5).double()),
    ("soft targets", "binary_focal:gamma=1.5,alpha=0", binary_focal(1.5, -1), logits(4, 3), None,
     float32(torch.rand(4, 3))),
    ("no gamma", "binary_focal:gamma=0,alpha=0", binary_focal(0, -1), logits(4, 3), labels(4, 3), None),
    ("labels", "categorical_focal", categorical_focal(2, 1), logits(6, 4), labels(6, 4), None),
    ("soft targets", "categorical_focal:gamma=0.5,alpha=0.25", categorical_focal(0.5, 0.25), logits(3, 4), None,
     soft(3, 4)),
]


def array(kind, suffix, numbers):
    text = ", ".join(number + suffix for number in numbers)
    lines, line = [], "        "
    for word in text.split(" "):
        if len(line) + len(word) + 1 > 116:
            lines.append(line.rstrip())
            line = "        "
        line += word + " "
    lines.append(line.rstrip())
    return "(const %s[]){\n%s}" % (kind, "\n".join(lines))


def floats(tensor):
    numbers = ["%.9g" % v for v in tensor.reshape(-1).tolist()]
    return array("float", "f", [n if "." in n or "e" in n else n + ".0" for n in numbers])


print("/* SPDX-License-Identifier: MIT */")
print("/* Written by golden_loss.py with PyTorch %s; not to be edited. */" % torch.__version__)
print("static const golden_loss golden_losses[] = {")
for name, loss, function, z, label, values in CASES:
    z = z.clone().requires_grad_(True)
    value = function(z, label, values)
    value.backward()
    print('    {"%s: %s", "%s", %d, %d,' % (loss, name, loss, z.shape[0], z.shape[1]))
    print("     .z = %s," % floats(z.detach()))
    if label is not None:
        print("     .labels = %s," % array("int32_t", "", ["%d" % v for v in label.tolist()]))
    else:
        print("     .values = %s," % floats(values))
    print("     .value = %.17g," % value.item())
    print("     .gradient = %s}," % array("double", "", ["%.12g" % v for v in z.grad.reshape(-1).tolist()]))
print("};")
