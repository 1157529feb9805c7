#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes random small networks and what PyTorch makes of them in float64: see README.md for the lines.

    networks.py COUNT [SEED] > networks.txt

Weights and inputs are not stored: both languages compute them from a formula, draw(). Layers are written here by their
definition (windows cut out and summed) where PyTorch's own has no word for what libcnn can do: padding on four sides,
the odd pixel of SAME at either end, the divisors of means.
"""
import random
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
INPUT_STREAM, TARGET_STREAM, PROJECTION_STREAM = 1000, 2000, 500
ELEMENTWISE = ["linear", "relu", "leaky_relu", "sigmoid", "tanh", "relu6"]
NEWER = ["silu", "gelu", "gelu_tanh", "elu", "selu", "hard_sigmoid", "hard_swish", "softplus", "clipped_relu"]
ALPHAS = {"leaky_relu": [0.1, 0.3], "elu": [0.5, 1.0], "hard_sigmoid": [0.2, 0.25], "clipped_relu": [0.5, 2.0]}
# Where the derivative jumps.
KINKS = {"relu": [0], "leaky_relu": [0], "relu6": [0, 6], "elu": [0], "selu": [0], "hard_swish": [-3, 3]}
ROWWISE = ["softmax", "log_softmax"]
STEPS = 3
NEAREST, LARGEST_LOSS = 2e-5, 1e3


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


class Network:
    def __init__(self, rng):
        self.rng, self.parameters, self.layers, self.margin = rng, Parameters(), [], np.inf
        self.batch = rng.randint(1, 5)
        self.shapes = [(rng.randint(1, 13), rng.randint(1, 13), rng.choice([1, 2, 3, 4, 5, 8]))]
        if rng.random() < 0.08:
            self.shapes = [(rng.randint(1, 20),)]
        for _ in range(rng.randint(1, 7)):
            self.grow()
        self.finish()

    # ---- choosing layers ----

    def add(self, kind, inputs, shape, parameters=(), **options):
        self.layers.append(Layer(kind=kind, inputs=inputs, parameters=list(parameters), out=shape[:2], **options))
        self.shapes.append(shape)

    def activation(self, also=()):
        name = self.rng.choice((NEWER if self.rng.random() < 0.35 else ELEMENTWISE + ["relu", "linear"]) + list(also))
        return {"activation": name, "alpha": exact(self.rng.choice(ALPHAS[name])) if name in ALPHAS else None}

    def grow(self):
        source = len(self.shapes) - 1
        shape = self.shapes[source]
        images = [self.conv, self.conv, self.conv, self.depthwise, self.separable, self.transposed, self.norm, self.pool, self.pool, self.activate, self.lrn, self.zero_pad,
                  self.flatten, self.global_average, self.branch]
        if self.rng.random() < 0.25:
            images = [self.global_max, self.adaptive, self.prelu, self.up_sampling, self.shuffle, self.rescale, self.crop,
                      self.permute, self.gates, self.depth_space, self.depth_space, self.instance_norm]
        vectors = [self.dense, self.dense, self.norm, self.activate, self.prelu]
        self.rng.choice(images if len(shape) == 3 else vectors)(source, shape)

    def conv(self, source, shape):
        rng, (h, w, c) = self.rng, shape
        groups = rng.choice([g for g in range(1, c + 1) if c % g == 0]) if rng.random() < 0.3 else 1
        options = {"filters": groups * rng.randint(1, 9), "kernel": (rng.randint(1, 5), rng.randint(1, 5)),
                   "stride": (rng.randint(1, 3), rng.randint(1, 3)) if rng.random() < 0.4 else (1, 1),
                   "dilation": (rng.randint(1, 2), rng.randint(1, 2)), "groups": groups,
                   "padding": rng.choice(["same", "same_lower", "valid", "explicit"])}
        if rng.random() < 0.4:
            options.update(kernel=(3, 3), dilation=(1, 1))
        options["pads"] = tuple(rng.randint(0, 3) for _ in range(4)) if options["padding"] == "explicit" else None
        top, bottom, left, right = spatial_pads(options, h, w)
        out = []
        for size, k, s, d in ((h + top + bottom, options["kernel"][0], options["stride"][0], options["dilation"][0]),
                              (w + left + right, options["kernel"][1], options["stride"][1], options["dilation"][1])):
            if size < (k - 1) * d + 1:
                return
            out.append((size - (k - 1) * d - 1) // s + 1)
        no_bias = rng.random() < 0.2
        numbers = [self.parameters.add(options["kernel"] + (c // groups, options["filters"]), "kernel")]
        numbers += [] if no_bias else [self.parameters.add((options["filters"],), "bias")]
        self.add("conv2d", [source], tuple(out) + (options["filters"],), numbers, no_bias=no_bias,
                 **self.activation(ROWWISE), **options)
        if rng.random() < 0.5 and out[0] > 1 and out[1] > 1:  # what may become one operation
            rng.choice([self.norm, self.halve, self.halve])(len(self.shapes) - 1, self.shapes[-1])

    def window(self, h, w):
        """Options of a window that fits, and the size of its output; None if it does not."""
        rng = self.rng
        options = {"kernel": (rng.randint(1, 4), rng.randint(1, 4)), "stride": (rng.randint(1, 2), rng.randint(1, 2)),
                   "dilation": (rng.randint(1, 2), rng.randint(1, 2)),
                   "padding": rng.choice(["same", "same_lower", "valid", "explicit"])}
        options["pads"] = tuple(rng.randint(0, 2) for _ in range(4)) if options["padding"] == "explicit" else None
        top, bottom, left, right = spatial_pads(options, h, w)
        spans = [size - (k - 1) * d - 1 for size, k, d in zip((h + top + bottom, w + left + right), options["kernel"],
                                                              options["dilation"])]
        return (options, tuple(span // s + 1 for span, s in zip(spans, options["stride"]))) if min(spans) >= 0 else None

    def depthwise(self, source, shape):
        fits = self.window(*shape[:2])
        if fits is None:
            return
        options, out = fits
        multiplier, no_bias = self.rng.randint(1, 3), self.rng.random() < 0.2
        filters = shape[2] * multiplier
        numbers = [self.parameters.add(options["kernel"] + (1, filters), "kernel")]
        numbers += [] if no_bias else [self.parameters.add((filters,), "bias")]
        self.add("depthwise_conv2d", [source], out + (filters,), numbers, multiplier=multiplier, no_bias=no_bias,
                 **self.activation(ROWWISE), **options)
        if self.rng.random() < 0.5:
            self.norm(len(self.shapes) - 1, self.shapes[-1])

    def separable(self, source, shape):
        fits = self.window(*shape[:2])
        if fits is None:
            return
        options, out = fits
        multiplier, filters, no_bias = self.rng.randint(1, 3), self.rng.randint(1, 9), self.rng.random() < 0.2
        middle = shape[2] * multiplier
        numbers = [self.parameters.add(options["kernel"] + (1, middle), "kernel"),
                   self.parameters.add((1, 1, middle, filters), "kernel")]
        numbers += [] if no_bias else [self.parameters.add((filters,), "bias")]
        self.add("separable_conv2d", [source], out + (filters,), numbers, filters=filters, multiplier=multiplier,
                 no_bias=no_bias, **self.activation(ROWWISE), **options)
        if self.rng.random() < 0.5:
            self.norm(len(self.shapes) - 1, self.shapes[-1])

    def transposed(self, source, shape):
        rng, (h, w, c) = self.rng, shape
        groups = rng.choice([g for g in range(1, c + 1) if c % g == 0]) if rng.random() < 0.3 else 1
        options = {"kernel": (rng.randint(1, 4), rng.randint(1, 4)), "stride": (rng.randint(1, 2), rng.randint(1, 2)),
                   "dilation": (rng.randint(1, 2), rng.randint(1, 2)), "padding": "explicit", "groups": groups,
                   "pads": tuple(rng.randint(0, 1) for _ in range(4)), "filters": groups * rng.randint(1, 4)}
        options["output_padding"] = tuple(rng.randint(0, max(s, d) - 1)
                                          for s, d in zip(options["stride"], options["dilation"]))
        out = tuple((size - 1) * s + (k - 1) * d + 1 + more - sum(options["pads"][2 * i:2 * i + 2])
                    for i, (size, s, k, d, more) in enumerate(zip((h, w), options["stride"], options["kernel"],
                                                                  options["dilation"], options["output_padding"])))
        if min(out) < 1 or max(out) > 24:
            return
        no_bias = rng.random() < 0.2
        numbers = [self.parameters.add(options["kernel"] + (options["filters"] // groups, c), "kernel")]
        numbers += [] if no_bias else [self.parameters.add((options["filters"],), "bias")]
        self.add("conv2d_transpose", [source], out + (options["filters"],), numbers, no_bias=no_bias,
                 **self.activation(ROWWISE), **options)
        if rng.random() < 0.5:
            self.norm(len(self.shapes) - 1, self.shapes[-1])

    def halve(self, source, shape):
        self.pool(source, shape, {"kind": "max_pool2d", "kernel": (2, 2), "stride": (2, 2), "padding": "valid"})

    def pool(self, source, shape, given=None):
        rng, (h, w, c) = self.rng, shape
        options = given or {"kind": rng.choice(["max_pool2d", "average_pool2d"]), "kernel": (rng.randint(1, 4), rng.randint(1, 4)),
                            "stride": (rng.randint(1, 3), rng.randint(1, 3)),
                            "padding": rng.choice(["same", "same_lower", "valid", "explicit"])}
        kh, kw = options["kernel"]
        if options["padding"] == "explicit":
            options["pads"] = tuple(rng.randint(0, k - 1) for k in (kh, kh, kw, kw))
        top, bottom, left, right = spatial_pads(options, h, w)
        ceil = given is None and options["padding"] in ("valid", "explicit") and rng.random() < 0.4
        if h + top + bottom < kh or w + left + right < kw:
            return
        out = (pooled_size(h, kh, options["stride"][0], top, bottom, ceil),
               pooled_size(w, kw, options["stride"][1], left, right, ceil))
        include = options["kind"] == "average_pool2d" and rng.random() < 0.5
        self.add(inputs=[source], shape=out + (c,), ceil=ceil, count_include_pad=include, **options)

    def norm(self, source, shape):
        rng, c = self.rng, shape[-1]
        no_scale, no_shift = rng.random() < 0.25, rng.random() < 0.25
        numbers = [self.parameters.add((c,), "one" if no_scale else "gamma", not no_scale),
                   self.parameters.add((c,), "zero" if no_shift else "beta", not no_shift)]
        numbers += [self.parameters.add((c,), "mean", False), self.parameters.add((c,), "variance", False)]
        self.add("batch_norm", [source], shape, numbers, keep=exact(rng.choice([0.9, 0.5])),
                 epsilon=exact(rng.choice([1e-2, 0.1])), unbiased=rng.choice([1, 2]), no_scale=no_scale,
                 no_shift=no_shift, activation=rng.choice(["linear", "relu", "relu6", "silu", "hard_swish"]))
        if len(shape) == 3 and shape[0] > 1 and shape[1] > 1 and rng.random() < 0.4:
            self.halve(len(self.shapes) - 1, shape)

    def activate(self, source, shape):
        self.add("activate", [source], shape, **self.activation(ROWWISE))

    def lrn(self, source, shape):
        rng = self.rng
        self.add("lrn", [source], shape, size=rng.randint(1, 6), alpha=exact(rng.choice([0.1, 0.5])),
                 beta=exact(rng.choice([0.5, 0.75, 1.0])), bias=exact(rng.choice([1.0, 2.0])),
                 convention=rng.choice(["pytorch", "tensorflow1"]))

    def zero_pad(self, source, shape):
        pads = tuple(self.rng.randint(0, 2) for _ in range(4))
        self.add("zero_pad2d", [source], (shape[0] + pads[0] + pads[1], shape[1] + pads[2] + pads[3], shape[2]), pads=pads)

    def flatten(self, source, shape):
        if len(self.layers) > 1:
            self.add("flatten", [source], (int(np.prod(shape)),))

    def global_average(self, source, shape):
        if len(self.layers) > 1:
            self.add("global_average_pool2d", [source], (shape[2],))

    def global_max(self, source, shape):
        if len(self.layers) > 1:
            self.add("global_max_pool2d", [source], (shape[2],))

    def adaptive(self, source, shape):
        size = (self.rng.randint(1, 7), self.rng.randint(1, 7))
        self.add(self.rng.choice(["adaptive_average_pool2d", "adaptive_max_pool2d"]), [source], size + (shape[2],), size=size)

    def prelu(self, source, shape):
        slopes = self.rng.choice(["channel", "one", "position"])
        sizes = {"channel": shape[-1:], "one": (1,), "position": shape}[slopes]
        self.add("prelu", [source], shape, [self.parameters.add(sizes, "slope")], slopes=slopes)

    def up_sampling(self, source, shape):
        factor = (self.rng.randint(1, 3), self.rng.randint(1, 3))
        mode = self.rng.choice(["nearest", "bilinear"])
        if shape[0] * factor[0] <= 24 and shape[1] * factor[1] <= 24:
            self.add("up_sampling2d", [source], (shape[0] * factor[0], shape[1] * factor[1], shape[2]), factor=factor,
                     interpolation=mode, align_corners=mode == "bilinear" and self.rng.random() < 0.5)

    def shuffle(self, source, shape):
        self.add("channel_shuffle", [source], shape,
                 groups=self.rng.choice([g for g in range(1, shape[2] + 1) if shape[2] % g == 0]))

    def rescale(self, source, shape):
        count = shape[2] if shape[2] <= 16 and self.rng.random() < 0.5 else 1
        self.add("rescale", [source], shape, scale=tuple(exact(self.rng.choice([0.5, -0.75, 1.5])) for _ in range(count)),
                 offset=tuple(exact(self.rng.choice([0.0, 0.25, -1.0])) for _ in range(count)),
                 channels=count if count == shape[2] else None)

    def crop(self, source, shape):
        crops = tuple(self.rng.randint(0, 1) for _ in range(4))
        out = (shape[0] - crops[0] - crops[1], shape[1] - crops[2] - crops[3], shape[2])
        if min(out) > 0:
            self.add("cropping2d", [source], out, crops=crops)

    def permute(self, source, shape):
        order = [1, 2, 3]
        self.rng.shuffle(order)
        if all(shape[axis - 1] <= 24 for axis in order):
            self.add("permute", [source], tuple(shape[axis - 1] for axis in order), order=tuple(order))

    def depth_space(self, source, shape):
        """Blocks of pixels become channels, or the other way round."""
        block, (h, w, c) = self.rng.choice([2, 3]), shape
        order = self.rng.randint(0, 1)
        if h % block == 0 and w % block == 0 and c * block ** 2 <= 40:
            self.add("space_to_depth", [source], (h // block, w // block, c * block ** 2), block=block, channels_first=order)
        elif c % block ** 2 == 0 and h * block <= 24 and w * block <= 24:
            self.add("depth_to_space", [source], (h * block, w * block, c // block ** 2), block=block, channels_first=order)

    def instance_norm(self, source, shape):
        if shape[0] * shape[1] > 3:
            numbers = [self.parameters.add(shape[2:], "gamma"), self.parameters.add(shape[2:], "beta")]
            self.add("instance_norm", [source], shape, numbers, epsilon=exact(self.rng.choice([1e-2, 0.1])))

    def gates(self, source, shape):
        """Squeeze and excitation."""
        self.add("global_average_pool2d", [source], (shape[2],))
        self.dense(len(self.shapes) - 1, (shape[2],), self.rng.randint(1, 4), "relu")
        self.dense(len(self.shapes) - 1, self.shapes[-1], shape[2], "sigmoid")
        self.add("multiply", [source, len(self.shapes) - 1], shape)

    def branch(self, source, shape):
        """Two ways that meet: the second is a convolution that keeps the size."""
        self.add_same_size(source, shape)
        second = len(self.shapes) - 1
        like = [i for i, s in enumerate(self.shapes) if s == self.shapes[second] and i != second]
        if like and self.rng.random() < 0.7:
            inputs = [self.rng.choice(like), second]
            kind = self.rng.choice(["add", "add", "subtract", "multiply"])
            if kind != "subtract" and self.rng.random() < 0.3:
                inputs.append(self.rng.choice(like))
            self.add(kind, inputs, self.shapes[second])
        else:
            total = shape[2] + self.shapes[second][2]
            self.add("concatenate", [source, second], shape[:2] + (total,))

    def add_same_size(self, source, shape):
        filters = shape[2] if self.rng.random() < 0.6 else self.rng.randint(1, 6)
        k = self.rng.choice([1, 3])
        numbers = [self.parameters.add((k, k, shape[2], filters), "kernel"), self.parameters.add((filters,), "bias")]
        self.add("conv2d", [source], shape[:2] + (filters,), numbers, filters=filters, kernel=(k, k), stride=(1, 1),
                 dilation=(1, 1), groups=1, padding="same", **self.activation())

    def dense(self, source, shape, units=None, activation=None):
        units = units or self.rng.randint(1, 20)
        no_bias = self.rng.random() < 0.2
        numbers = [self.parameters.add((shape[0], units), "kernel")]
        numbers += [] if no_bias else [self.parameters.add((units,), "bias")]
        chosen = {"activation": activation} if activation else self.activation(ROWWISE)
        self.add("dense", [source], (units,), numbers, units=units, no_bias=no_bias, **chosen)

    def finish(self):
        """An end that a loss fits."""
        if len(self.shapes[-1]) == 3:
            self.rng.choice([self.flatten, self.global_average])(len(self.shapes) - 1, self.shapes[-1])
            if len(self.shapes[-1]) == 3:
                self.add("flatten", [len(self.shapes) - 1], (int(np.prod(self.shapes[-1])),))
        self.loss = self.rng.choice(["categorical_crossentropy", "binary_crossentropy", "nll", "mse"])
        units = self.rng.randint(2, 7)
        end = {"categorical_crossentropy": ["linear", "softmax", "log_softmax"], "nll": ["log_softmax"],
               "binary_crossentropy": ["linear", "sigmoid"], "mse": ["linear", "sigmoid", "softmax", "tanh", "relu"]}
        self.dense(len(self.shapes) - 1, self.shapes[-1], units, self.rng.choice(end[self.loss]))
        self.optimizer = self.choose_optimizer()

    def choose_optimizer(self):
        rng = self.rng
        rate, decay = exact(rng.choice([0.01, 0.05])), exact(rng.choice([0.0, 0.01]))
        kind = rng.choice(["sgd", "rmsprop", "adam"])
        if kind == "adam":
            return {"kind": kind, "rate": exact(0.01), "decay": decay, "epsilon": exact(0.01)}
        if kind == "rmsprop":
            return {"kind": kind, "rate": exact(0.01), "decay": decay, "momentum": exact(rng.choice([0.0, 0.5])),
                    "epsilon": exact(0.1)}
        momentum = exact(rng.choice([0.0, 0.9]))
        return {"kind": kind, "rate": rate, "decay": decay, "momentum": momentum,
                "nesterov": momentum > 0 and rng.random() < 0.5}

    # ---- computing ----

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


def measure(tensor, number):
    """Norm, and the projection on a vector of random numbers, which depends on the order of elements."""
    v = tensor.detach().numpy().ravel()
    return "%.9g %.9g" % (np.linalg.norm(v), v @ draw(PROJECTION_STREAM + number, v.size))


def lines(network, number):
    """The network and what is expected of it; None if rounding would decide, or if it diverges."""
    n = network
    shape = (n.batch,) + n.shapes[0]
    outputs = n.shapes[-1][0]
    x = torch.from_numpy(draw(INPUT_STREAM, int(np.prod(shape)))).reshape(shape)
    y = torch.arange(n.batch) * 7 % outputs
    targets = F.one_hot(y, outputs).double()
    options = " ".join("%s=%s" % (k, int(v) if isinstance(v, bool) else repr(v)) for k, v in n.optimizer.items() if k != "kind")
    text = ["network %d input=%s batch=%d loss=%s" % (number, "/".join(map(str, n.shapes[0])), n.batch, n.loss),
            "optimizer %s %s" % (n.optimizer["kind"], options)] + [layer.text() for layer in n.layers]
    with torch.no_grad():
        text.append("expect output 0 " + measure(n.forward(x, False)[0], 0))
    optimizer = n.torch_optimizer()
    for step in range(STEPS):
        optimizer.zero_grad()
        output, logits = n.forward(x, True)
        loss = n.loss_value(output, logits, y, targets)
        loss.backward()
        if step == 0:
            text.append("expect training 0 " + measure(output, 0))
            for i, v in enumerate(n.parameters.values):
                if n.parameters.trained[i]:
                    v.grad = torch.zeros_like(v) if v.grad is None else v.grad
                    text.append("expect gradient %d " % i + measure(v.grad, i))
        if n.margin < NEAREST or not loss.item() < LARGEST_LOSS:
            return None
        text.append("expect loss %d %.9g 0" % (step, loss.item()))
        optimizer.step()
    text += ["expect parameter %d " % i + measure(v, i) for i, v in enumerate(n.parameters.values)]
    return text + ["end"]


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print("# Written by networks.py %d %d; numbers from PyTorch %s in float64." % (count, seed, torch.__version__))
    number = 0
    while count > 0:
        text = lines(Network(random.Random(seed * 1000003 + number)), number)
        if text is not None:
            print("\n".join(text))
            count -= 1
        number += 1


main()
