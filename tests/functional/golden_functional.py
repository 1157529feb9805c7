#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_functional.h: what torch.nn.functional makes of arrays that both languages compute from a formula.

    python3 golden_functional.py > golden_functional.h

Keras's sizes of a transposed convolution ("valid" with a stride larger than the kernel, "same") and its separable
convolution are PyTorch's operations in the order and with the padding that Keras documents: tf.nn.conv2d_transpose is
the gradient of tf.nn.conv2d with the same padding.
"""
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def draw(stream, shape):
    """Numbers in [-1, 1) with 24 bits: the finalizer of MurmurHash3 over index and stream."""
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(stream) * np.uint32(0x9E3779B9)
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
            x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
        x = x ^ (x >> np.uint32(16))
    return torch.from_numpy(((x >> np.uint32(8)).astype(np.float64) * 2.0 ** -23 - 1.0).reshape(shape))


X, W, B, P = 1, 2, 3, 4  # streams


def first(t):
    """Channels from the last dimension to the second."""
    return t.movedim(-1, 1)


def last(t):
    return t.movedim(1, -1)


def filters(shape):
    """Channels last, as libcnn has them, to PyTorch's: output, input, window."""
    return draw(W, shape).movedim(-2, 0).movedim(-1, 0)


def transposed(shape):
    """[h, w, out / groups, in] to PyTorch's [in, out / groups, h, w]."""
    return draw(W, shape).permute(3, 2, 0, 1)


def show(name, t):
    flat = t.detach().contiguous().numpy().ravel()
    rows = [", ".join("%.8g" % v for v in flat[i:i + 8]) for i in range(0, len(flat), 8)]
    print("/* %s */" % " x ".join(map(str, t.shape)))
    print("static const float golden_%s[] = {\n    %s};\n" % (name, ",\n    ".join(rows)))


print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_functional.py; numbers from PyTorch %s in float64. */\n"
      % torch.__version__.split("+")[0])

x = first(draw(X, (2, 9, 4)))
show("conv1d", last(F.conv1d(x, filters((3, 4, 5)), draw(B, (5,)))))
show("conv1d_groups", last(F.conv1d(F.pad(x, (2, 1)), filters((3, 2, 6)), None, 2, 0, 2, 2)))
show("conv1d_causal", last(F.conv1d(F.pad(x, (4, 0)), filters((3, 4, 3)), draw(B, (3,)), 1, 0, 2)))
show("max_pool1d", last(F.max_pool1d(x, 3, 2, 1)))
show("average_pool1d", last(F.avg_pool1d(x, 3, 2, 1, True, False)))

x = first(draw(X, (1, 5, 6, 4)))
show("conv2d", last(F.relu(F.conv2d(x, filters((3, 3, 4, 3)), draw(B, (3,)), 2, 1))))
show("conv2d_softmax", F.softmax(last(F.conv2d(x, filters((3, 3, 4, 3)), draw(B, (3,)), 2, 1)), -1))
show("depthwise", last(F.conv2d(x, filters((3, 3, 1, 8)), draw(B, (8,)), (2, 1), 1, 1, 4)))
depth = F.conv2d(F.pad(x, (1, 1, 1, 1)), filters((3, 3, 1, 8)), None, 1, 0, 1, 4)
show("separable", last(torch.tanh(F.conv2d(depth, draw(P, (1, 1, 8, 2)).permute(3, 2, 0, 1), draw(B, (2,))))))
show("max_pool2d", last(F.max_pool2d(x, (2, 3), (2, 1), (1, 0), 1, True)))
show("average_pool2d", last(F.avg_pool2d(x, 3, 2, 1, True, True)))
show("batch_norm", last(F.batch_norm(x, draw(B, (4,)), draw(P, (4,)).abs() + 0.5, draw(W, (4,)), None, False, 0, 1e-5)))
show("local_response_norm", last(F.local_response_norm(x, 3, 0.5, 0.75, 2)))

x = first(draw(X, (1, 3, 4, 4)))
show("transpose", last(F.conv_transpose2d(x, transposed((3, 3, 3, 4)), draw(B, (3,)))))
show("transpose_strided", last(F.conv_transpose2d(x, transposed((4, 3, 2, 4)), draw(B, (2,)), 2, 1, (1, 0), 1, 1)))
show("transpose_dilated", last(F.conv_transpose2d(x, transposed((2, 3, 3, 4)), None, (3, 2), (1, 0), (2, 1), 2, (1, 2))))
wide = F.conv_transpose2d(x, transposed((2, 2, 2, 4)), draw(B, (2,)), 3)
show("transpose_keras_valid", last(F.pad(wide - draw(B, (2,))[None, :, None, None], (0, 1, 0, 1))
                                   + draw(B, (2,))[None, :, None, None]))
full = F.conv_transpose2d(x, transposed((3, 3, 2, 4)), draw(B, (2,)), 2)
show("transpose_keras_same", last(full[:, :, 0:6, 0:8]))  # total padding k - s = 1: none before, one after
full = F.conv_transpose2d(x, transposed((4, 4, 2, 4)), draw(B, (2,)), 1)
show("transpose_keras_same_1", last(full[:, :, 1:4, 1:5]))  # k - s = 3: one before, two after

x = first(draw(X, (1, 4, 3, 5, 2)))
show("conv3d", last(F.conv3d(x, filters((3, 2, 3, 2, 3)), draw(B, (3,)), (2, 1, 2), (1, 1, 1))))
show("conv3d_groups", last(F.conv3d(x, filters((2, 1, 2, 1, 4)), None, 1, 0, (2, 1, 3), 2)))
show("conv3d_one", last(torch.sigmoid(F.conv3d(x, filters((1, 1, 1, 2, 3)), draw(B, (3,))))))
show("max_pool3d", last(F.max_pool3d(x, (2, 3, 2), (1, 2, 2), (1, 1, 0))))
show("average_pool3d", last(F.avg_pool3d(x, 3, 2, 1, True, True)))
show("average_pool3d_exclude", last(F.avg_pool3d(x, 3, 2, 1, True, False)))

x = first(draw(X, (1, 5, 6, 4)))
show("resize_nearest", last(F.interpolate(x, (7, 4))))
show("resize_bilinear", last(F.interpolate(x, (3, 8), mode="bilinear", align_corners=False)))
show("resize_corners", last(F.interpolate(x, (7, 3), mode="bilinear", align_corners=True)))

x = draw(X, (3, 6))
show("dense", torch.sigmoid(x @ draw(W, (6, 4)) + draw(B, (4,))))
show("softmax", F.softmax(4 * x, -1))

# Graphs: Kipf and Welling's formula, and the mean over neighbours. The second graph has a node without edges.
a = torch.zeros(2, 5, 5)
for i, j, w in ((0, 1, 1), (1, 2, 2), (2, 3, 0.5), (3, 4, 1), (4, 0, 1)):
    a[0, i, j] = w
    a[1, i % 4, j % 4] = w if i % 4 != j % 4 else 0
features, weights, bias = draw(X, (2, 5, 3)), draw(W, (3, 2)), draw(B, (2,))
loops = a + torch.eye(5)
scale = loops.sum(-1) ** -0.5
show("adjacency", a)
show("graph_undirected", torch.tanh(scale[:, :, None] * loops * scale[:, None, :] @ features @ weights + bias))
degree = a.sum(-1, keepdim=True)
show("graph_directed", torch.where(degree > 0, a / degree, torch.zeros(())) @ features @ weights + bias)
show("graph_given", a @ features @ weights)
