#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_step.h: a small network trained for three steps by PyTorch, in float64, with the layouts of libcnn.

    python3 golden_step.py > golden_step.h

The network: conv 3x3 (stride 2, padding 1) with leaky relu, batch norm, relu, max pool 3x3 (stride 2, padding 1),
conv 3x3 in two groups with sigmoid, average pool 2x2, flatten, dense with tanh, dense; cross-entropy; SGD.
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
RATE = 0.1


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.c2 = nn.Conv2d(4, 6, 3, padding=1, groups=2)
        self.d1 = nn.Linear(24, 5)
        self.d2 = nn.Linear(5, 3)

    def forward(self, x):
        x = F.relu(self.bn(F.leaky_relu(self.c1(x), 0.01)))
        x = F.max_pool2d(x, 3, 2, 1)
        x = F.avg_pool2d(torch.sigmoid(self.c2(x)), 2)
        x = x.permute(0, 2, 3, 1).flatten(1)  # H, W, C order, as libcnn flattens
        return self.d2(torch.tanh(self.d1(x)))


def show(name, values):
    flat = np.asarray(values, dtype=np.float64).ravel()
    rows = [", ".join("%.8g" % v for v in flat[i:i + 8]) for i in range(0, len(flat), 8)]
    print("static const float %s[] = {\n    %s};\n" % (name, ",\n    ".join(rows)))


def parameters(net):
    for name, p in net.state_dict().items():
        if "num_batches" in name:
            continue
        v = p.detach().numpy()
        if v.ndim == 4:
            v = v.transpose(2, 3, 1, 0)
        if v.ndim == 2:
            v = v.T
        yield name.replace(".", "_"), v


net = Net()
x = torch.rand(4, 3, 15, 13)
y = torch.tensor([0, 2, 1, 2])
print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_step.py; numbers from PyTorch %s. */\n" % torch.__version__.split("+")[0])
show("golden_input", x.permute(0, 2, 3, 1).numpy())
for name, v in parameters(net):
    show("before_" + name, v)
optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=0.9, weight_decay=0.01)
losses = []
for step in range(3):
    optimizer.zero_grad()
    z = net(x)
    loss = F.cross_entropy(z, y)
    losses.append(loss.item())
    loss.backward()
    if step == 0:
        show("golden_logits", z.detach().numpy())
    optimizer.step()
show("golden_losses", losses)
for name, v in parameters(net):
    show("after_" + name, v)
net.eval()
show("golden_evaluation", torch.softmax(net(x), 1).detach().numpy())
