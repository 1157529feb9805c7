#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `cnn convert` writes, read by the programs that it is written for (torchvision, h5py).

    python3 read_written.py CNN FOLDER

Random weights of resnet18 and MobileNetV2 go from PyTorch to model files and back: safetensors must be what
load_state_dict() takes, value by value, and give the network the outputs that `cnn predict` tells; HDF5 must have each
value under Keras's name and in its order."""
import json
import os
import struct
import subprocess
import sys

import h5py
import numpy as np
import torch
import torchvision

cnn, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
os.chdir(folder)


def run(*words):
    return subprocess.run([cnn, *words], check=True, capture_output=True, text=True).stdout


def read_safetensors(path):
    with open(path, "rb") as f:
        data = f.read()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            assert entry["dtype"] == "F32", entry
            begin, end = entry["data_offsets"]
            values = np.frombuffer(data[8 + size + begin:8 + size + end], dtype="<f4")
            tensors[name] = torch.tensor(values.reshape(entry["shape"]))
    return tensors


def make(name):
    torch.manual_seed(5)
    net = getattr(torchvision.models, name)(weights=None)
    for key, value in net.state_dict().items():
        if key.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif key.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    torch.save(net.state_dict(), f"{name}.pth")
    return net.eval()


net = make("resnet18")
run("convert", "resnet18.pth", "resnet18.cnn", "--model", "resnet18", "--names", "imagenet", "--preprocess", "unit")
run("convert", "resnet18.cnn", "resnet18.safetensors")
written, wanted = read_safetensors("resnet18.safetensors"), net.state_dict()
fresh = torchvision.models.resnet18(weights=None).eval()
fresh.load_state_dict(written)  # strict: nothing is missing, nothing is left over
for key, value in wanted.items():
    if not key.endswith("num_batches_tracked"):
        assert torch.equal(fresh.state_dict()[key], value), key
pixels = (np.arange(224 * 224 * 3) * 7919 % 256).astype(np.uint8).reshape(224, 224, 3)
with open("photo.bmp", "wb") as f:  # bottom up, blue first
    f.write(b"BM" + struct.pack("<IHHI", 54 + pixels.size, 0, 0, 54))
    f.write(struct.pack("<IiiHHIIiiII", 40, 224, 224, 1, 24, 0, pixels.size, 0, 0, 0, 0))
    f.write(pixels[::-1, :, ::-1].tobytes())
image = torch.tensor(pixels / 255.0, dtype=torch.float32).permute(2, 0, 1)[None]
with torch.no_grad():
    expected = torch.softmax(fresh(image).double(), 1)[0].numpy()
told = json.loads(run("predict", "resnet18.cnn", "photo.bmp", "--topk", "1000", "--json"))["top"]
found = {entry["number"]: entry["probability"] for entry in told}
assert len(found) == 1000
worst = max(abs(found[i] - expected[i]) / expected[i] for i in range(1000))
assert worst < 1e-4, worst
print(f"resnet18: 1,000 probabilities within {worst:.1e}")

# ---- HDF5 ----
net = make("mobilenet_v2")
run("convert", "mobilenet_v2.pth", "mobilenet_v2.cnn", "--model", "mobilenet-v2")
run("convert", "mobilenet_v2.cnn", "mobilenet_v2.h5")
state, used, count = {k: v.numpy() for k, v in net.state_dict().items()}, set(), 0
with h5py.File("mobilenet_v2.h5") as f:
    config = json.loads(f.attrs["model_config"])
    root = f["model_weights"]
    kinds = {layer["name"]: layer["class_name"] for layer in config["config"]["layers"]}
    depthwise = [n for n, kind in kinds.items() if kind == "DepthwiseConv2D"]
    assert len(depthwise) == 17, depthwise
    names = [n.decode() if isinstance(n, bytes) else n for n in root.attrs["layer_names"]]
    assert names[1:] == [n for n in names if n in kinds][1:] and set(kinds) >= set(names[1:])
    for layer in names:
        for weight in root[layer].attrs["weight_names"]:
            weight = weight.decode() if isinstance(weight, bytes) else weight
            values, role = root[layer][weight][()], weight.split("/")[-1].split(":")[0]
            role = {"kernel": "weight", "depthwise_kernel": "weight", "gamma": "weight", "beta": "bias",
                    "moving_mean": "running_mean", "moving_variance": "running_var"}.get(role, role)
            key = next(k for k in state if k.replace(".", "_") == f"{layer}_{role}".replace(".", "_"))
            theirs = state[key]
            if values.ndim == 4:
                assert ("depthwise_kernel" in weight) == (layer in depthwise), weight
                theirs = theirs.transpose(2, 3, 0, 1) if layer in depthwise else theirs.transpose(2, 3, 1, 0)
            elif values.ndim == 2:
                theirs = theirs.T
            assert values.dtype == np.float32 and np.array_equal(values, theirs), (weight, values.shape, theirs.shape)
            used.add(key)
            count += values.size
assert used == {k for k in state if not k.endswith("num_batches_tracked")}
print(f"mobilenet_v2: {len(used)} arrays of {count} values as they were")
