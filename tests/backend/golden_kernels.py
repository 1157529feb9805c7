# SPDX-License-Identifier: MIT
"""Writes golden_kernels.h: what PyTorch gives where frameworks differ. Run by hand: python3 golden_kernels.py"""
import os

import torch
import torch.nn.functional as F

torch.manual_seed(20240229)
torch.set_num_threads(1)
out = []


def emit(name, tensor):
    values = tensor.detach().to(torch.float64).reshape(-1).tolist()
    text = ", ".join("%.9g" % v for v in values)
    lines, line = [], "   "
    for word in text.split(" "):
        if len(line) + len(word) > 115:
            lines.append(line)
            line = "   "
        line += " " + word
    lines.append(line)
    out.append("static const double %s[] = {\n%s,\n};\n" % (name, "\n".join(lines)))


def nhwc(tensor):
    return tensor.permute(0, 2, 3, 1)


def pools():
    x = torch.randn(1, 2, 6, 7, requires_grad=True)
    emit("pool_x", nhwc(x))
    cases = [
        ("average_ceil", dict(kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=True)),
        ("average_ceil_inside", dict(kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False)),
        ("average_uneven", dict(kernel_size=(2, 3), stride=(2, 1), padding=(1, 0), count_include_pad=True)),
    ]
    for name, options in cases:
        y = F.avg_pool2d(x, **options)
        dy = torch.arange(1, y.numel() + 1, dtype=torch.float32).reshape(nhwc(y).shape).permute(0, 3, 1, 2)
        (dx,) = torch.autograd.grad(y, x, dy)
        print(name, tuple(y.shape))
        emit(name + "_y", nhwc(y))
        emit(name + "_dx", nhwc(dx))
    ties = torch.tensor([[1., 1, 0, 2], [1, 1, 2, 2], [0, 0, 0, 0], [0, 0, 0, 0]], requires_grad=True)
    y = F.max_pool2d(ties.reshape(1, 1, 4, 4), 3, 2, 1, ceil_mode=True)
    dy = torch.arange(1, y.numel() + 1, dtype=torch.float32).reshape(y.shape)
    (dx,) = torch.autograd.grad(y, ties, dy)
    print("ties", tuple(y.shape))
    emit("ties_x", ties)
    emit("ties_y", y)
    emit("ties_dx", dx)


def norms():
    x = (torch.randn(2, 3, 4, 5) * 3 + 10).requires_grad_()
    gamma = torch.tensor([0.5, -1.5, 2.0], requires_grad=True)
    beta = torch.tensor([0.1, 0.2, -0.3], requires_grad=True)
    y = F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3)
    dy = torch.randn(y.shape)
    dx, d_gamma, d_beta = torch.autograd.grad(y, (x, gamma, beta), dy)
    for name, value in dict(x=nhwc(x), gamma=gamma, beta=beta, y=nhwc(y), dy=nhwc(dy), dx=nhwc(dx), d_gamma=d_gamma,
                            d_beta=d_beta).items():
        emit("norm_" + name, value)
    emit("norm_variance", x.transpose(0, 1).reshape(3, -1).var(1, unbiased=False))


def convolutions():
    x = torch.randn(1, 4, 7, 6, requires_grad=True)
    w = torch.randn(6, 2, 3, 2, requires_grad=True)
    b = torch.randn(6, requires_grad=True)
    y = F.conv2d(x, w, b, stride=(2, 1), padding=(2, 1), dilation=(1, 2), groups=2)
    dy = torch.randn(y.shape)
    dx, dw, db = torch.autograd.grad(y, (x, w, b), dy)
    print("conv", tuple(y.shape))
    for name, value in dict(x=nhwc(x), w=w.permute(2, 3, 1, 0), b=b, y=nhwc(y), dy=nhwc(dy), dx=nhwc(dx),
                            dw=dw.permute(2, 3, 1, 0), db=db).items():
        emit("conv_" + name, value)


def optimizers():
    start = torch.tensor([1.0, -2.0, 0.5, 3.0])
    gradients = torch.tensor([[0.5, -0.1, 2.0, 0.0], [0.3, 0.2, -1.0, 0.1], [-0.4, 0.1, 0.5, -0.2]])
    rates = [0.1, 0.05, 0.01]
    emit("optimizer_start", start)
    emit("optimizer_gradients", gradients)
    cases = [
        ("sgd_plain", torch.optim.SGD, dict(weight_decay=0.01)),
        ("sgd_momentum", torch.optim.SGD, dict(momentum=0.9)),
        ("sgd_nesterov", torch.optim.SGD, dict(momentum=0.9, nesterov=True, weight_decay=0.01)),
        ("rmsprop", torch.optim.RMSprop, dict(alpha=0.9, eps=1e-2)),
        ("rmsprop_momentum", torch.optim.RMSprop, dict(alpha=0.9, eps=1e-2, momentum=0.8, weight_decay=0.02)),
        ("adam", torch.optim.Adam, dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.01)),
    ]
    for name, kind, options in cases:
        w = start.clone().requires_grad_()
        optimizer = kind([w], lr=rates[0], **options)
        for rate, g in zip(rates, gradients):
            optimizer.param_groups[0]["lr"] = rate
            w.grad = g.clone()
            optimizer.step()
        emit(name, w)


pools()
norms()
convolutions()
optimizers()
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden_kernels.h")
with open(path, "w") as file:
    file.write("/* SPDX-License-Identifier: MIT */\n")
    file.write("/* Written by golden_kernels.py with PyTorch %s. Do not edit. */\n" % torch.__version__)
    file.write("#ifndef CNN_TESTS_BACKEND_GOLDEN_KERNELS_H\n#define CNN_TESTS_BACKEND_GOLDEN_KERNELS_H\n\n")
    file.write("\n".join(out))
    file.write("\n#endif\n")
