# SPDX-License-Identifier: MIT
"""Which networks there are, at random: layers one after the other, branches, and an end that a loss fits."""
import numpy as np

from definitions import Layer, Parameters, exact, pooled_size, spatial_pads

ELEMENTWISE = ["linear", "relu", "leaky_relu", "sigmoid", "tanh", "relu6"]
NEWER = ["silu", "gelu", "gelu_tanh", "elu", "selu", "hard_sigmoid", "hard_swish", "softplus", "clipped_relu"]
ALPHAS = {"leaky_relu": [0.1, 0.3], "elu": [0.5, 1.0], "hard_sigmoid": [0.2, 0.25], "clipped_relu": [0.5, 2.0]}
ROWWISE = ["softmax", "log_softmax"]


class Choice:
    def __init__(self, rng):
        self.rng, self.parameters, self.layers = rng, Parameters(), []
        self.batch = rng.randint(1, 5)
        self.shapes = [(rng.randint(1, 13), rng.randint(1, 13), rng.choice([1, 2, 3, 4, 5, 8]))]
        if rng.random() < 0.08:
            self.shapes = [(rng.randint(1, 20),)]
        for _ in range(rng.randint(1, 7)):
            self.grow()
        self.finish()

    def add(self, kind, inputs, shape, parameters=(), **options):
        self.layers.append(Layer(kind=kind, inputs=inputs, parameters=list(parameters), out=shape[:2], **options))
        self.shapes.append(shape)

    def activation(self, also=()):
        name = self.rng.choice((NEWER if self.rng.random() < 0.35 else ELEMENTWISE + ["relu", "linear"]) + list(also))
        return {"activation": name, "alpha": exact(self.rng.choice(ALPHAS[name])) if name in ALPHAS else None}

    def grow(self):
        source = len(self.shapes) - 1
        shape = self.shapes[source]
        images = [self.conv, self.conv, self.conv, self.depthwise, self.separable, self.transposed, self.norm, self.pool,
                  self.pool, self.activate, self.lrn, self.zero_pad, self.flatten, self.global_average, self.branch]
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
