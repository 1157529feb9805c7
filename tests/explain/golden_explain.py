#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Explanations by PyTorch's gradients, written plainly from the papers: golden_explain.py > golden_explain.h

Weights and images are made by the generator of fill() in test_methods.c, so that only results are kept."""
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float32)
STEPS = 16
LABEL = 2


def fill(shape, state, scale=1.0):
    values = np.empty(int(np.prod(shape)), np.float32)
    for i in range(values.size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values[i] = np.float32(np.float32(state >> 8) / np.float32(8388608.0) - np.float32(1)) * np.float32(scale)
    return torch.from_numpy(values.reshape(shape))


k1, b1 = fill((3, 3, 3, 6), 1, 0.4), fill((6,), 2, 0.4)
k2, b2 = fill((3, 3, 6, 8), 3, 0.4), fill((8,), 4, 0.4)
kd, bd = fill((6 * 6 * 8, 4), 5, 0.4), fill((4,), 6, 0.4)


class Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g.clamp(min=0) * (y > 0)


def features(x, relu=torch.relu):
    """[N, H, W, C] to the second convolution's output, channels first."""
    x = x.permute(0, 3, 1, 2)
    x = relu(F.conv2d(x, k1.permute(3, 2, 0, 1), b1, padding=1))
    x = F.max_pool2d(x, 2)
    return relu(F.conv2d(x, k2.permute(3, 2, 0, 1), b2, padding=1))


def head(a):
    return a.permute(0, 2, 3, 1).flatten(1) @ kd + bd


def logits(x, relu=torch.relu):
    return head(features(x, relu))


image = fill((12, 12, 3), 7)


def layer(output):
    a = features(image[None]).detach().requires_grad_()
    z = head(a)
    (F.softmax(z, 1) if output else z)[0, LABEL].backward()
    return a.detach()[0], a.grad[0]


def grad_cam(output):
    a, g = layer(output)
    return (g.mean((1, 2))[:, None, None] * a).sum(0)


def grad_cam_plus_plus():
    a, g = (t.double() for t in layer(False))
    below = 2 * g**2 + a.sum((1, 2))[:, None, None] * g**3
    alpha = torch.where(below != 0, g**2 / torch.where(below != 0, below, torch.ones_like(below)), torch.zeros_like(g))
    return ((alpha * g.clamp(min=0)).sum((1, 2))[:, None, None] * a).sum(0)


def score_cam():
    a = features(image[None]).detach()[0]
    up = F.interpolate(a[None], size=(12, 12), mode="bilinear", align_corners=False)[0]
    scores = []
    for k in range(a.shape[0]):
        low, high = up[k].min(), up[k].max()
        if high > low:
            scores.append(logits((image * ((up[k] - low) / (high - low))[:, :, None])[None])[0, LABEL].detach())
        else:
            scores.append(torch.tensor(-float("inf")))
    return (torch.stack(scores).softmax(0)[:, None, None] * a).sum(0)


def slope(x, relu=torch.relu, output=False):
    x = x.clone()[None].requires_grad_()
    z = logits(x, relu)
    (F.softmax(z, 1) if output else z)[0, LABEL].backward()
    return x.grad[0]


def integrated():
    total = torch.zeros_like(image, dtype=torch.float64)
    for i in range(STEPS):
        total += slope(image * ((i + 0.5) / STEPS)).double()
    return image * total / STEPS


def occlusion(window, stride):
    mean = image.mean((0, 1))
    sums, counts = torch.zeros(12, 12), torch.zeros(12, 12)
    with torch.no_grad():
        whole = logits(image[None])[0, LABEL]
        places = [min(i, 12 - window) for i in range(0, 12 - window + stride, stride)]
        for y in places:
            for x in places:
                covered = image.clone()
                covered[y : y + window, x : x + window] = mean
                sums[y : y + window, x : x + window] += whole - logits(covered[None])[0, LABEL]
                counts[y : y + window, x : x + window] += 1
    return sums / counts


def curve(insertion, steps):
    order = np.argsort(-fill((12, 12), 9).numpy().ravel(), kind="stable")
    plain = image.mean((0, 1)).expand(12, 12, 3)
    begin, end = (plain, image) if insertion else (image, plain)
    scores = []
    with torch.no_grad():
        for step in range(steps + 1):
            x = begin.clone().reshape(-1, 3)
            changed = order[: -(-144 * step // steps)].copy()
            x[changed] = end.reshape(-1, 3)[changed]
            scores.append(F.softmax(logits(x.reshape(1, 12, 12, 3)), 1)[0, LABEL])
    return torch.stack(scores)


def pattern(channel):
    x = fill((1, 10, 10, 3), 8)
    for _ in range(5):
        x = x.detach().requires_grad_()
        features(x)[0, channel].mean().backward()
        g = x.grad
        x = x + 0.5 * g / (g.square().mean().sqrt() + 1e-5)
    return x.detach()[0]


def write(name, values, step=1):
    flat = values.detach().double().flatten().numpy()[::step]
    print(f"static const float {name}[{flat.size}] = {{")
    for i in range(0, flat.size, 8):
        print("    " + " ".join(f"{v:.7g}f," if "." in f"{v:.7g}" or "e" in f"{v:.7g}" else f"{v:.7g}.0f,"
                                for v in flat[i : i + 8]))
    print("};")


print("/* SPDX-License-Identifier: MIT */")
print(f"/* Written by golden_explain.py with PyTorch {torch.__version__}. */")
write("golden_grad_cam", grad_cam(False))
write("golden_grad_cam_output", grad_cam(True))
write("golden_grad_cam_plus_plus", grad_cam_plus_plus())
write("golden_score_cam", score_cam())
write("golden_saliency", slope(image), 5)
write("golden_saliency_output", slope(image, output=True), 5)
write("golden_guided", slope(image, Guided.apply), 5)
write("golden_integrated", integrated(), 5)
write("golden_occlusion", occlusion(5, 2))
write("golden_deletion", curve(False, 10))
write("golden_insertion", curve(True, 10))
write("golden_pattern", pattern(3), 3)
