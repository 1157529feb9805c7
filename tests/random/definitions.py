# SPDX-License-Identifier: MIT
"""What random networks are made of: numbers, parameters, windows and activations. Layers are written by their definition
(windows cut out and summed) where PyTorch's own has no word for what libcnn can do: padding on four sides, the odd pixel
of SAME at either end, the divisors of means.
"""
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def draw(stream, count):
    """Numbers in [-1, 1) with 24 bits: the finalizer of MurmurHash3 over index and stream."""
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(stream) * np.uint32(0x9E3779B9)
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
            x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
        x = x ^ (x >> np.uint32(16))
    return (x >> np.uint32(8)).astype(np.float64) * 2.0 ** -23 - 1.0


def exact(value):
    """What float32 keeps of a number, so that both sides compute with the same."""
    return float(np.float32(value))


def activate(x, name, alpha):
    """`x` is N, H, W, C or N, C; softmax is over the last dimension."""
    return {"linear": lambda: x, "relu": lambda: torch.relu(x), "leaky_relu": lambda: F.leaky_relu(x, alpha),
            "sigmoid": lambda: torch.sigmoid(x), "tanh": lambda: torch.tanh(x), "relu6": lambda: F.relu6(x),
            "silu": lambda: F.silu(x), "gelu": lambda: F.gelu(x), "gelu_tanh": lambda: F.gelu(x, approximate="tanh"),
            "elu": lambda: F.elu(x, alpha), "selu": lambda: F.selu(x), "softplus": lambda: F.softplus(x, 1, 1e9),
            "hard_sigmoid": lambda: torch.clamp(alpha * x + 0.5, 0, 1), "hard_swish": lambda: F.hardswish(x),
            "clipped_relu": lambda: F.hardtanh(x, 0, alpha),
            "softmax": lambda: torch.softmax(x, -1), "log_softmax": lambda: torch.log_softmax(x, -1)}[name]()


def depth_space_values(layer, x):
    """PyTorch's order is channel by channel; else all channels of a pixel of the block stay together."""
    b, first = layer["block"], layer["channels_first"]
    n, h, w, c = x.shape
    if layer["kind"] == "space_to_depth":
        y = x.reshape(n, h // b, b, w // b, b, c)
        return y.permute((0, 1, 3, 5, 2, 4) if first else (0, 1, 3, 2, 4, 5)).reshape(n, h // b, w // b, c * b * b)
    y = x.reshape((n, h, w, c // b // b, b, b) if first else (n, h, w, b, b, c // b // b))
    return y.permute((0, 1, 4, 2, 5, 3) if first else (0, 1, 3, 2, 4, 5)).reshape(n, h * b, w * b, c // b // b)


class Parameters:
    """In the order in which libcnn lists them; kernels in its layout."""

    def __init__(self):
        self.values, self.trained = [], []

    def add(self, shape, kind, trained=True):
        number, count = len(self.values), int(np.prod(shape))
        u = draw(number, count)
        fan_in = count // shape[-1]
        v = {"kernel": u * np.sqrt(6.0 / fan_in), "bias": 0.1 * u, "gamma": 1 + 0.25 * u, "beta": 0.1 * u,
             "mean": 0.1 * u, "variance": 1 + 0.5 * u, "one": 0 * u + 1, "zero": 0 * u, "slope": 0.25 + 0.2 * u}[kind]
        t = torch.from_numpy(v.astype(np.float32).astype(np.float64)).reshape(shape)
        t.requires_grad_(trained)
        self.values.append(t)
        self.trained.append(trained)
        return number


def spatial_pads(layer, h, w):
    """top, bottom, left, right, as the layer's padding says."""
    (kh, kw), (sh, sw), (dh, dw) = layer["kernel"], layer["stride"], layer.get("dilation", (1, 1))
    if layer["padding"] == "explicit":
        return layer["pads"]
    if layer["padding"] == "valid":
        return (0, 0, 0, 0)
    pads = []
    for size, k, s, d in ((h, kh, sh, dh), (w, kw, sw, dw)):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        small, large = total // 2, total - total // 2
        pads += [small, large] if layer["padding"] == "same" else [large, small]
    return tuple(pads)


def pad(x, pads, value=0.0):
    top, bottom, left, right = pads
    return F.pad(x, (0, 0, left, right, top, bottom), value=value)


def windows(x, kernel, stride, out):
    """N, out_h, out_w, C, cells of x that is N, H, W, C."""
    x = x[:, : (out[0] - 1) * stride[0] + kernel[0], : (out[1] - 1) * stride[1] + kernel[1]]
    cut = x.unfold(1, kernel[0], stride[0]).unfold(2, kernel[1], stride[1])
    return cut.flatten(4)


def pooled_size(size, k, s, before, after, ceil):
    """Caffe's rounding up, and PyTorch's rule that a last window begins inside the input or its first padding."""
    span = size + before + after - k
    out = (-(-span // s) if ceil else span // s) + 1
    return out - 1 if ceil and (out - 1) * s >= size + before else out


class Layer(dict):
    """A layer's options, `inputs` (0: the network's input; i: layer i) and parameter numbers."""

    def text(self):
        words = ["layer", self["kind"], "in=" + "/".join(map(str, self["inputs"]))]
        for key, value in self.items():
            if key in ("kind", "inputs", "parameters", "out") or value is None or value is False:
                continue
            if isinstance(value, tuple):
                value = "/".join(map(str, value))
            words.append("%s=%s" % (key, repr(value) if isinstance(value, float) else int(value) if value is True
                                    else value))
        return " ".join(words)
