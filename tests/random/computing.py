# SPDX-License-Identifier: MIT
"""What PyTorch makes of a network in float64."""
import numpy as np
import torch
import torch.nn.functional as F

from choice import Choice
from definitions import Layer, activate, depth_space_values, exact, pad, spatial_pads, windows

# Where the derivative jumps.
KINKS = {"relu": [0], "leaky_relu": [0], "relu6": [0, 6], "elu": [0], "selu": [0], "hard_swish": [-3, 3]}


class Network(Choice):
    def __init__(self, rng):
        super().__init__(rng)
        self.margin = np.inf

    def run_layer(self, layer, xs, training):
        x, kind, p = xs[0], layer["kind"], [self.parameters.values[i] for i in layer["parameters"]]
        if kind == "conv2d":
            y = pad(x, spatial_pads(layer, *x.shape[1:3])).permute(0, 3, 1, 2).contiguous()
            y = F.conv2d(y, p[0].permute(3, 2, 0, 1).contiguous(), None if layer.get("no_bias") else p[1], layer["stride"], 0,
                         layer["dilation"], layer["groups"]).permute(0, 2, 3, 1)
        elif kind in ("depthwise_conv2d", "separable_conv2d"):
            y = pad(x, spatial_pads(layer, *x.shape[1:3])).permute(0, 3, 1, 2).contiguous()
            y = F.conv2d(y, p[0].permute(3, 2, 0, 1).contiguous(), None, layer["stride"], 0, layer["dilation"],
                         x.shape[3]).permute(0, 2, 3, 1)
            y = y @ p[1][0, 0] if kind == "separable_conv2d" else y
            y = y + (0 if layer.get("no_bias") else p[-1])
        elif kind == "conv2d_transpose":
            top, bottom, left, right = layer["pads"]
            y = F.conv_transpose2d(x.permute(0, 3, 1, 2).contiguous(), p[0].permute(3, 2, 0, 1).contiguous(), None,
                                   layer["stride"], 0, 0, layer["groups"], layer["dilation"]).permute(0, 2, 3, 1)
            more = layer["output_padding"]
            y = F.pad(y, (0, 0, 0, more[1], 0, more[0]))
            y = y[:, top:y.shape[1] - bottom, left:y.shape[2] - right] + (0 if layer.get("no_bias") else p[1])
        elif kind == "dense":
            y = x @ p[0] + (0 if layer.get("no_bias") else p[1])
        elif kind in ("max_pool2d", "average_pool2d"):
            y = self.pool_values(layer, x)
        elif kind == "batch_norm":
            y = self.norm_values(layer, x, p, training)
        elif kind == "lrn":
            y = self.lrn_values(layer, x)
        elif kind == "zero_pad2d":
            y = pad(x, layer["pads"])
        elif kind == "flatten":
            y = x.flatten(1)
        elif kind == "global_average_pool2d":
            y = x.mean((1, 2))
        elif kind == "add":
            y = sum(xs[1:], xs[0])
        elif kind == "subtract":
            y = xs[0] - xs[1]
        elif kind == "multiply":
            y = x
            for other in xs[1:]:
                y = y * (other if other.dim() == y.dim() else other[:, None, None, :])
        elif kind == "global_max_pool2d":
            y = self.adaptive_values(x, (1, 1), True)[:, 0, 0]
        elif kind in ("adaptive_average_pool2d", "adaptive_max_pool2d"):
            y = self.adaptive_values(x, layer["size"], kind == "adaptive_max_pool2d")
        elif kind == "prelu":
            self.near(x.abs(), x)
            y = torch.where(x > 0, x, p[0] * x)
        elif kind == "up_sampling2d":
            options = {} if layer["interpolation"] == "nearest" else {"align_corners": bool(layer["align_corners"])}
            y = F.interpolate(x.permute(0, 3, 1, 2), scale_factor=layer["factor"], mode=layer["interpolation"],
                              **options).permute(0, 2, 3, 1)
        elif kind == "channel_shuffle":
            n, h, w, c = x.shape
            y = x.reshape(n, h, w, layer["groups"], -1).transpose(3, 4).reshape(n, h, w, c)
        elif kind == "rescale":
            y = x * torch.tensor(layer["scale"]) + torch.tensor(layer["offset"])
        elif kind == "cropping2d":
            top, bottom, left, right = layer["crops"]
            y = x[:, top:x.shape[1] - bottom, left:x.shape[2] - right]
        elif kind == "permute":
            y = x.permute(0, *layer["order"])
        elif kind in ("space_to_depth", "depth_to_space"):
            y = depth_space_values(layer, x)
        elif kind == "instance_norm":
            variance, mean = torch.var_mean(x, (1, 2), unbiased=False, keepdim=True)
            y = (x - mean) / torch.sqrt(variance + layer["epsilon"]) * p[0] + p[1]
        elif kind == "concatenate":
            y = torch.cat(xs, -1)
        else:
            y = x
        kinks = KINKS.get(layer.get("activation"), [])
        if layer.get("activation") == "hard_sigmoid":
            kinks = [-0.5 / layer["alpha"], 0.5 / layer["alpha"]]
        if layer.get("activation") == "clipped_relu":
            kinks = [0, layer["alpha"]]
        for kink in kinks:
            self.near((y - kink).abs(), y)
        return activate(y, layer.get("activation", "linear"), layer.get("alpha") or 0.01)

    def near(self, gaps, values):
        """Notes how near a value is to where a derivative jumps, as a part of the largest: float32 may land on the other
        side. Exact ties are no matter of rounding."""
        gaps = gaps.detach()[gaps > 0]
        if gaps.numel() > 0:
            self.margin = min(self.margin, float(gaps.min() / values.detach()[values.isfinite()].abs().max()))

    def adaptive_values(self, x, size, maximum):
        """PyTorch's; of maxima the two largest of each window are compared."""
        h, w = x.shape[1:3]
        for i in range(size[0] if maximum else 0):
            for j in range(size[1]):
                cell = x[:, i * h // size[0]:-(-(i + 1) * h // size[0]), j * w // size[1]:-(-(j + 1) * w // size[1])]
                best = cell.flatten(1, 2)
                if best.shape[1] > 1:
                    best = best.topk(2, 1).values
                    self.near(best[:, 0] - best[:, 1], x)
        run = F.adaptive_max_pool2d if maximum else F.adaptive_avg_pool2d
        return run(x.permute(0, 3, 1, 2), size).permute(0, 2, 3, 1)

    def pool_values(self, layer, x):
        h, w, _ = x.shape[1:]
        top, bottom, left, right = spatial_pads(layer, h, w)
        out = layer["out"]
        reach = [(out[i] - 1) * layer["stride"][i] + layer["kernel"][i] for i in range(2)]
        over = (max(reach[0] - h - top - bottom, 0), max(reach[1] - w - left - right, 0))
        whole = (top, bottom + over[0], left, right + over[1])
        if layer["kind"] == "max_pool2d":
            cells = windows(pad(x, whole, -np.inf), layer["kernel"], layer["stride"], out)
            if cells.shape[-1] > 1:
                best = cells.topk(2).values
                self.near(best[..., 0] - best[..., 1], x)
            return cells.max(-1).values
        include = layer["count_include_pad"] and layer["padding"] == "explicit"  # SAME's padding never counts
        ones = torch.ones_like(x[:1, :, :, :1])
        counted = pad(pad(ones, (top, bottom, left, right), 1.0 if include else 0.0),
                      (0, over[0], 0, over[1]))
        sums = windows(pad(x, whole), layer["kernel"], layer["stride"], out).sum(-1)
        return sums / windows(counted, layer["kernel"], layer["stride"], out).sum(-1)

    def norm_values(self, layer, x, p, training):
        gamma, beta, mean, variance = p
        if training:
            rows = x.reshape(-1, x.shape[-1])
            n, keep = len(rows), layer["keep"]
            now_mean, now_variance = rows.mean(0), rows.var(0, unbiased=False)
            stored = now_variance * (n / (n - 1) if layer["unbiased"] == 1 and n > 1 else 1.0)
            with torch.no_grad():
                mean.copy_(keep * mean + (1 - keep) * now_mean)
                variance.copy_(keep * variance + (1 - keep) * stored)
            mean, variance = now_mean, now_variance
        return gamma * (x - mean) / torch.sqrt(variance + layer["epsilon"]) + beta

    def lrn_values(self, layer, x):
        size, c = layer["size"], x.shape[-1]
        before = size // 2
        squares = F.pad(x * x, (before, size - 1 - before))
        sums = sum(squares[..., i:i + c] for i in range(size))
        alpha = layer["alpha"] / (size if layer["convention"] == "pytorch" else 1)
        return x / (layer["bias"] + alpha * sums) ** layer["beta"]

    def live(self):
        """The layers that the output depends on: the others are not run, and their statistics stay."""
        live = {len(self.layers)}
        for i in range(len(self.layers), 0, -1):
            if i in live:
                live.update(self.layers[i - 1]["inputs"])
        return live

    def forward(self, x, training):
        """The output and what the losses read: logits before a sigmoid or softmax at the end."""
        values, live = [x], self.live()
        for i, layer in enumerate(self.layers[:-1]):
            xs = [values[k] for k in layer["inputs"]]
            values.append(self.run_layer(layer, xs, training) if i + 1 in live else None)
        last = Layer(self.layers[-1])
        name = last["activation"]
        if name in ("sigmoid", "softmax", "log_softmax"):
            last["activation"] = "linear"
        logits = self.run_layer(last, [values[last["inputs"][0]]], training)
        return (activate(logits, name, 0) if name != last["activation"] else logits), logits

    def loss_value(self, output, logits, y, targets):
        if self.loss in ("categorical_crossentropy", "nll"):
            return F.cross_entropy(logits, y)
        if self.loss == "binary_crossentropy":
            return F.binary_cross_entropy_with_logits(logits, targets)
        return F.mse_loss(output, targets)

    def torch_optimizer(self):
        o, trained = self.optimizer, [v for v, t in zip(self.parameters.values, self.parameters.trained) if t]
        if o["kind"] == "sgd":
            return torch.optim.SGD(trained, lr=o["rate"], momentum=o["momentum"], nesterov=o["nesterov"], weight_decay=o["decay"])
        if o["kind"] == "adam":
            return torch.optim.Adam(trained, lr=o["rate"], eps=o["epsilon"], weight_decay=o["decay"],
                                    betas=(exact(0.9), exact(0.999)))
        return torch.optim.RMSprop(trained, lr=o["rate"], eps=o["epsilon"], weight_decay=o["decay"],
                                   momentum=o["momentum"], alpha=exact(0.99))
