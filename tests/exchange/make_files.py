#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Small files of PyTorch and Keras, all of one network with random weights, and what it computes.

    python3 make_files.py files     (with numpy, torch and h5py)

The network: 8x12x3 -> 3x3 convolution, 4 filters -> batch normalisation -> relu -> 2x2 max pooling (3x5x4, not square,
so that the order of flattening shows) -> dense 6, relu -> dense 3, softmax. A second network, more2.h5, has layers of
Keras that the first has not, and one that is applied twice. Files are the same bytes when made again, but for the times
in zip archives, which are set to a fixed one."""
import io
import json
import os
import struct
import sys
import zipfile

import h5py
import numpy as np
import torch

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
torch.manual_seed(7)
net = torch.nn.Sequential()
net.add_module("conv1", torch.nn.Conv2d(3, 4, 3))
net.add_module("bn1", torch.nn.BatchNorm2d(4, eps=1e-3))
net.add_module("relu1", torch.nn.ReLU())
net.add_module("pool1", torch.nn.MaxPool2d(2))
net.add_module("flatten", torch.nn.Flatten())
net.add_module("fc1", torch.nn.Linear(60, 6))
net.add_module("relu2", torch.nn.ReLU())
net.add_module("fc2", torch.nn.Linear(6, 3))
for p in net.parameters():
    p.data = torch.randn_like(p) * 0.4
net.bn1.running_mean = torch.randn(4) * 0.3
net.bn1.running_var = torch.rand(4) + 0.5
# Values that half precision has exactly: one expectation for all files.
for t in net.state_dict().values():
    if t.is_floating_point():
        t.copy_((t * 64).round() / 64)
net.eval()

x = (np.arange(8 * 12 * 3).reshape(1, 8, 12, 3) * 37 % 101 / 101.0).astype(np.float32)
expected = {"input": x}
value = torch.tensor(x).double().permute(0, 3, 1, 2)
for name, layer in net.double().named_children():
    value = layer(value)
    if name in ("conv1", "bn1", "relu1", "pool1"):
        expected[name] = value.permute(0, 2, 3, 1).reshape(1, -1).detach().numpy()
expected["output"] = torch.softmax(value, 1).detach().numpy()
net.float()
state = net.state_dict()


def write_zip(path, members):
    with zipfile.ZipFile(path, "w") as z:
        for name, data, method in members:
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.compress_type = method
            z.writestr(info, data)


def npy(array):
    data = io.BytesIO()
    np.save(data, np.ascontiguousarray(array))
    return data.getvalue()


# A second network, of the layers that the first has not, and what it computes; its first layers are applied twice.
torch.manual_seed(11)


def drawn(*shape):
    return (torch.randn(*shape) * 0.4 * 64).round() / 64


more = {"depthwise": drawn(3, 3, 3, 2), "depthwise_bias": drawn(6), "slopes": drawn(6).abs(), "conv": drawn(3, 3, 6, 4),
        "conv_bias": drawn(4).abs(), "units": drawn(28 * 11, 5), "units_bias": drawn(5), "single": drawn(5).abs(),
        "last": drawn(5, 3), "last_bias": drawn(3)}
d = {k: v.double() for k, v in more.items()}
torch_f = torch.nn.functional


def twice(image):
    """Rescaling, DepthwiseConv2D of stride 1 and PReLU; N, C, H, W."""
    kernel = d["depthwise"].permute(2, 3, 0, 1).reshape(6, 1, 3, 3)
    value = torch_f.conv2d(image, kernel, d["depthwise_bias"], padding=1, groups=3)
    return torch_f.prelu(value, d["slopes"])


image = torch.tensor(x).double().permute(0, 3, 1, 2)
value = twice(2 * image - 1) + twice((image - torch.tensor([0.5, 0.25, 0.125]).double().reshape(1, 3, 1, 1)))
value = torch_f.interpolate(value, scale_factor=(2, 1), mode="bilinear", align_corners=False)
value = value[:, :, 1:14, :9].clamp(0, 1.5)
value = torch_f.conv2d(value, d["conv"].permute(3, 2, 0, 1), d["conv_bias"]).clamp(0, 2.25)
value = value.permute(0, 1, 2, 3).reshape(1, 11, 28).reshape(1, -1)  # channels, rows, columns, as Permute leaves them
value = value @ d["units"] + d["units_bias"]
value = torch.where(value > 0, value, value * d["single"])
expected["more"] = torch.softmax(value @ d["last"] + d["last_bias"], 1).numpy()

write_zip(f"{out}/expected.npz", [(k + ".npy", npy(v), zipfile.ZIP_DEFLATED) for k, v in expected.items()])


# ---- PyTorch ----
def safetensors(path, tensors, kind):
    header, blobs, at = {}, [], 0
    for name in sorted(tensors):
        t = tensors[name]
        if t.dtype == torch.int64:
            blob, dtype = t.numpy().tobytes(), "I64"
        elif kind == "BF16":
            blob, dtype = (t.numpy().view(np.uint32) >> 16).astype(np.uint16).tobytes(), kind
        else:
            blob, dtype = t.numpy().astype({"F32": np.float32, "F16": np.float16}[kind]).tobytes(), kind
        header[name] = {"dtype": dtype, "shape": list(t.shape), "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


for kind in ("F32", "F16", "BF16"):
    safetensors(f"{out}/net_{kind}.safetensors", state, kind)
torch.save(state, f"{out}/net.pth")
torch.save({"epoch": 3, "state_dict": {"module." + k: v for k, v in state.items()}}, f"{out}/net_checkpoint.pth")
torch.save(state, f"{out}/net_old.pth", _use_new_zipfile_serialization=False)
torch.save({"a": state["fc2.bias"].t(), "fc1.weight": state["fc1.weight"].t().contiguous().t(),
            **{k: v for k, v in state.items() if k != "fc1.weight"}}, f"{out}/net_strided.pth")
torch.save({"n" * 1024: state["fc2.bias"], **state}, f"{out}/net_named_long.pth")
torch.save(net, f"{out}/whole.pth")
plain = {f"{i}.{k.split('.')[1]}": v for i, n in enumerate(("conv1", "bn1", "fc1", "fc2"))
         for k, v in state.items() if k.startswith(n + ".")}
safetensors(f"{out}/numbered.safetensors", {("10" if k[0] == "3" else k[0]) + k[1:]: v for k, v in plain.items()}, "F32")

# ---- Keras ----
numbers = {k: v.numpy() for k, v in state.items()}
dense = numbers["fc1.weight"].reshape(6, 4, 3, 5).transpose(2, 3, 1, 0).reshape(60, 6)
weights = {
    "conv1": [("kernel", numbers["conv1.weight"].transpose(2, 3, 1, 0)), ("bias", numbers["conv1.bias"])],
    "bn1": [("gamma", numbers["bn1.weight"]), ("beta", numbers["bn1.bias"]),
            ("moving_mean", numbers["bn1.running_mean"]), ("moving_variance", numbers["bn1.running_var"])],
    "relu1": [], "pool1": [], "flatten": [],
    "fc1": [("kernel", dense), ("bias", numbers["fc1.bias"])],
    "fc2": [("kernel", numbers["fc2.weight"].T), ("bias", numbers["fc2.bias"])],
}
pairs = {
    "conv1": ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "strides": [1, 1], "padding": "valid",
                         "data_format": "channels_last", "dilation_rate": [1, 1], "activation": "linear",
                         "use_bias": True, "kernel_initializer": {"class_name": "Zeros", "config": {}}}),
    "bn1": ("BatchNormalization", {"axis": -1, "momentum": 0.99, "epsilon": 0.001, "center": True, "scale": True}),
    "relu1": ("Activation", {"activation": "relu"}),
    "pool1": ("MaxPooling2D", {"pool_size": [2, 2], "padding": "valid", "strides": [2, 2],
                               "data_format": "channels_last"}),
    "flatten": ("Flatten", {"data_format": "channels_last"}),
    "fc1": ("Dense", {"units": 6, "activation": "relu", "use_bias": True}),
    "fc2": ("Dense", {"units": 3, "activation": "softmax", "use_bias": True}),
}


def legacy(path, config, groups, version):
    """groups: layer -> [(name of the weight, values)]."""
    with h5py.File(path, "w", track_order=False) as f:
        root = f
        if config is not None:
            f.attrs["model_config"] = json.dumps(config).encode()
            root = f.create_group("model_weights")
        f.attrs["keras_version"] = version.encode()
        root.attrs["layer_names"] = np.array([n.encode() for n in groups])
        for layer, tensors in groups.items():
            g = root.create_group(layer)
            g.attrs["weight_names"] = np.array([n.encode() for n, _ in tensors]) if tensors else np.zeros(0)
            for name, data in tensors:
                g.create_dataset(name, data=data)


def layer(name, inbound=None, **more):
    kind, config = pairs[name]
    made = {"class_name": kind, "config": {"name": name, "trainable": name != "conv1", **config, **more}}
    if inbound is not None:
        made.update(name=name, inbound_nodes=inbound)
    return made


names = list(pairs)
listed = {n: [(f"{n}/{r}:0", v) for r, v in weights[n]] for n in names}
sequential = [layer(n, **({"batch_input_shape": [None, 8, 12, 3]} if n == "conv1" else {})) for n in names]
legacy(f"{out}/sequential2.h5", {"class_name": "Sequential", "config": {"name": "net", "layers": sequential}}, listed,
       "2.4.0")
# Keras 1: a list without a name, old classes and keys, weights called by layer and letter.
old = json.loads(json.dumps(sequential))
old[0] = {"class_name": "Convolution2D",
          "config": {"name": "conv1", "trainable": True, "batch_input_shape": [None, 8, 12, 3], "nb_filter": 4,
                     "nb_row": 3, "nb_col": 3, "subsample": [1, 1], "border_mode": "valid", "dim_ordering": "tf",
                     "activation": "linear", "bias": True, "init": "glorot_uniform", "W_regularizer": None}}
old[1]["config"]["mode"] = 0
old[3]["config"] = {"name": "pool1", "trainable": True, "pool_size": [2, 2], "border_mode": "valid",
                    "strides": [2, 2], "dim_ordering": "tf"}
for i, units in ((5, 6), (6, 3)):
    c = old[i]["config"]
    old[i]["config"] = {"name": c["name"], "trainable": True, "output_dim": units, "activation": c["activation"],
                        "bias": True, "init": "glorot_uniform", "input_dim": None}
letters = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
legacy(f"{out}/sequential1.h5", {"class_name": "Sequential", "config": old},
       {n: [(f"{n}_{letters.get(r, r)}", v) for r, v in weights[n]] for n in names}, "1.2.0")


def chain(names, first):
    """Layers in the notation of Keras 2, each reading the one before it."""
    made = [{"class_name": "InputLayer", "name": first, "inbound_nodes": [],
             "config": {"name": first, "batch_input_shape": [None, 8, 12, 3], "dtype": "float32"}}]
    for n in names:
        made.append(layer(n, [[[made[-1]["name"], 0, 0, {}]]]))
    return made


functional = chain(names, "input_1")
functional.reverse()  # any order is allowed
legacy(f"{out}/functional2.h5", {"class_name": "Model", "config": {
    "name": "net", "layers": functional, "input_layers": [["input_1", 0, 0]], "output_layers": [["fc2", 0, 0]]}},
       listed, "2.2.4")
# A model inside another, as transfer learning makes them.
inner = {"class_name": "Functional", "config": {"name": "features", "layers": chain(names[:4], "input_2"),
                                                "input_layers": [["input_2", 0, 0]],
                                                "output_layers": [["pool1", 0, 0]]}}
legacy(f"{out}/nested2.h5", {"class_name": "Sequential", "config": {
    "name": "net", "layers": [inner] + [layer(n) for n in names[4:]]}},
       {"features": sum((listed[n] for n in names[:4]), []), **{n: listed[n] for n in names[4:]}}, "2.4.0")


# Keras 3.
def tensor(name):
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 1], "dtype": "float32",
                                                         "keras_history": [name, 0, 0]}}


policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}
layers3 = [{"module": "keras.layers", "class_name": "InputLayer", "name": "image", "inbound_nodes": [],
            "config": {"batch_shape": [None, 8, 12, 3], "dtype": "float32", "sparse": False, "name": "image"}}]
for n in names:
    kind, config = pairs[n]
    layers3.append({"module": "keras.layers", "class_name": kind, "name": n, "registered_name": None,
                    "build_config": {"input_shape": [None, 1]}, "config": {"name": n, "trainable": True,
                                                                          "dtype": policy, **config},
                    "inbound_nodes": [{"args": [tensor(layers3[-1]["name"])], "kwargs": {}}]})
config3 = {"module": "keras", "class_name": "Functional", "registered_name": "Functional", "config": {
    "name": "net", "trainable": True, "layers": layers3, "input_layers": [["image", 0, 0]],
    "output_layers": [["fc2", 0, 0]]}}


def variables(target, named):
    with h5py.File(target, "w") as f:
        counts = {}
        for n in names:
            kind = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization", "MaxPooling2D": "max_pooling2d",
                    "Activation": "activation", "Flatten": "flatten", "Dense": "dense"}[pairs[n][0]]
            number = counts.get(kind, 0)
            counts[kind] = number + 1
            v = f.create_group(f"layers/{kind}_{number}/vars" if number else f"layers/{kind}/vars")
            if named:
                v.attrs["name"] = n
            for i, (_, data) in enumerate(weights[n]):
                v.create_dataset(str(i), data=data)
        f.create_group("optimizer/vars").create_dataset("0", data=np.int64(5))


# The second network.
def hidden(name, kind, inbound, **config):
    return {"class_name": kind, "name": name, "config": {"name": name, "trainable": True, **config},
            "inbound_nodes": [[[i, n, 0, {}] for i, n in node] for node in inbound]}


def ones(count, last):
    return last.reshape([1] * count + [-1])


kernel3 = {"kernel_size": [3, 3], "strides": [1, 1], "data_format": "channels_last", "dilation_rate": [1, 1]}
second = [
    {"class_name": "InputLayer", "name": "image", "inbound_nodes": [],
     "config": {"name": "image", "batch_input_shape": [None, 8, 12, 3], "dtype": "float32"}},
    hidden("scaled", "Rescaling", [[("image", 0)]], scale=2, offset=-1.0),
    hidden("centred", "Rescaling", [[("image", 0)]], scale=[1, 1, 1], offset=[-0.5, -0.25, -0.125]),
    hidden("depthwise", "DepthwiseConv2D", [[("scaled", 0)], [("centred", 0)]], padding="same", depth_multiplier=2,
           activation="linear", use_bias=True, depthwise_regularizer={"class_name": "L2", "config": {"l2": 0.03125}},
           depthwise_constraint={"class_name": "MaxNorm", "config": {"max_value": 3, "axis": [0, 1]}}, **kernel3),
    hidden("slopes", "PReLU", [[("depthwise", 0)], [("depthwise", 1)]], shared_axes=[1, 2], alpha_constraint=None),
    hidden("sum", "Add", [[("slopes", 0), ("slopes", 1)]]),
    hidden("larger", "UpSampling2D", [[("sum", 0)]], size=[2, 1], interpolation="bilinear",
           data_format="channels_last"),
    hidden("cropped", "Cropping2D", [[("larger", 0)]], cropping=[[1, 2], [0, 3]], data_format="channels_last"),
    hidden("cut", "ReLU", [[("cropped", 0)]], max_value=1.5, negative_slope=0.0, threshold=0.0),
    hidden("conv", "Conv2D", [[("cut", 0)]], filters=4, padding="valid", use_bias=True, groups=1,
           activation={"class_name": "ReLU", "config": {"name": "re_lu", "max_value": 2.25, "negative_slope": 0.0}},
           kernel_regularizer={"class_name": "L1L2", "config": {"l1": 0.25, "l2": 0.5}},
           activity_regularizer={"class_name": "L1", "config": {"l1": 0.125}}, bias_regularizer="l2",
           kernel_constraint={"class_name": "MinMaxNorm", "config": {"min_value": 0.5, "max_value": 1.5, "rate": 0.75,
                                                                     "axis": [0, 1, 2]}},
           bias_constraint={"class_name": "NonNeg", "config": {}}, **kernel3),
    hidden("turned", "Permute", [[("conv", 0)]], dims=[3, 1, 2]),
    hidden("shaped", "Reshape", [[("turned", 0)]], target_shape=[11, -1]),
    hidden("flat", "Flatten", [[("shaped", 0)]]),
    hidden("units", "Dense", [[("flat", 0)]], units=5, activation="linear", use_bias=True,
           kernel_constraint={"class_name": "UnitNorm", "config": {"axis": 0}},
           kernel_regularizer={"class_name": "OrthogonalRegularizer", "config": {"factor": 0.01}}),
    hidden("single", "PReLU", [[("units", 0)]], shared_axes=None),
    hidden("last", "Dense", [[("single", 0)]], units=3, activation="softmax", use_bias=True),
]
m = {k: v.numpy() for k, v in more.items()}
more_listed = {n["name"]: [] for n in second}
more_listed["depthwise"] = [("depthwise/depthwise_kernel:0", m["depthwise"]), ("depthwise/bias:0", m["depthwise_bias"])]
more_listed["slopes"] = [("slopes/alpha:0", ones(2, m["slopes"]))]
more_listed["conv"] = [("conv/kernel:0", m["conv"]), ("conv/bias:0", m["conv_bias"])]
more_listed["units"] = [("units/kernel:0", m["units"]), ("units/bias:0", m["units_bias"])]
more_listed["single"] = [("single/alpha:0", m["single"])]
more_listed["last"] = [("last/kernel:0", m["last"]), ("last/bias:0", m["last_bias"])]
second_config = {"name": "more", "layers": second, "input_layers": [["image", 0, 0]], "output_layers": [["last", 0, 0]]}
legacy(f"{out}/more2.h5", {"class_name": "Functional", "config": second_config}, more_listed, "2.12.0")


def refused(name, number, **changed):
    """The second network with another option of a layer, so that it cannot be read."""
    layers = json.loads(json.dumps(second))
    layers[number]["config"].update(changed)
    legacy(f"{out}/{name}.h5", {"class_name": "Functional", "config": {**second_config, "layers": layers}}, {}, "2.12.0")


refused("nothing_left", 1, scale=0)
refused("bicubic", 6, interpolation="bicubic")
refused("columns", 4, shared_axes=[2])
refused("threshold", 8, threshold=0.5)
refused("first_axis", 10, data_format="channels_first")

variables(f"{out}/net.weights.h5", False)
inside = io.BytesIO()
variables(inside, True)
write_zip(f"{out}/functional3.keras", [("metadata.json", '{"keras_version": "3.3.3"}', zipfile.ZIP_STORED),
                                       ("config.json", json.dumps(config3), zipfile.ZIP_STORED),
                                       ("model.weights.h5", inside.getvalue(), zipfile.ZIP_STORED)])
# What is refused: a layer that is a program.
layers3[4] = {"module": "keras.layers", "class_name": "Lambda", "name": "pool1", "config": {"name": "pool1"},
              "inbound_nodes": layers3[4]["inbound_nodes"]}
write_zip(f"{out}/lambda.keras", [("config.json", json.dumps(config3), zipfile.ZIP_STORED),
                                  ("model.weights.h5", inside.getvalue(), zipfile.ZIP_STORED)])

# All of it as one archive, which is small: the tests take it apart.
files = sorted(n for n in os.listdir(out) if not n.endswith(".zip"))
with open(f"{out}/list.txt", "w") as f:
    f.write("".join(n + "\n" for n in files))
write_zip(f"{out}/files.zip", [(n, open(f"{out}/{n}", "rb").read(), zipfile.ZIP_DEFLATED)
                               for n in ["list.txt", *files] if n != "files.zip"])
