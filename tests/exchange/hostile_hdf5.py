#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hostile_hdf5.py GOOD.h5 FOLDER: files of Keras that lead out of themselves, or hold less than they say. One line each:
the file, a tab, and words of the message that refuses it."""
import json
import os
import shutil
import sys

import h5py
import numpy as np

good, folder = sys.argv[1:]


def first_dataset(group):
    """The path of the first dataset of floats."""
    found = []
    group.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found[0]


def make(name, message, change):
    path = os.path.join(folder, name + ".h5")
    shutil.copy(good, path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights"] if "model_weights" in file else file
        where = first_dataset(group)
        values = group[where][...]
        del group[where]
        change(file, group, where, values)
    print(f"{name}.h5\t{message}")


def soft_link(_, group, where, values):
    group["elsewhere"] = values
    group[where] = h5py.SoftLink(group.name.rstrip("/") + "/elsewhere")


def external_link(_, group, where, values):
    with h5py.File(os.path.join(folder, "other.data"), "w") as other:
        other["values"] = values
    group[where] = h5py.ExternalLink("other.data", "/values")


def external_data(_, group, where, values):
    path = os.path.join(folder, "raw.data")
    values.astype("f4").tofile(path)
    group.create_dataset(where, values.shape, "f4", external=[(path, 0, values.size * 4)])


def virtual_data(_, group, where, values):
    layout = h5py.VirtualLayout(values.shape, "f4")
    path = os.path.join(folder, "source.data")
    with h5py.File(path, "w") as other:
        other["values"] = values
    layout[...] = h5py.VirtualSource(path, "values", values.shape)
    group.create_virtual_dataset(where, layout)


def terabyte(_, group, where, values):
    group.create_dataset(where, (1 << 19, 1 << 19), "f4", chunks=(1 << 9, 1 << 9))


def overflow(_, group, where, values):
    group.create_dataset(where, (1 << 40, 1 << 40), "u1", chunks=(1 << 9, 1 << 9))


def text(_, group, where, values):
    group.create_dataset(where, data=np.array([b"words"] * values.size).reshape(values.shape))


def nowhere(_, group, where, values):
    group[where] = h5py.SoftLink("/nothing/is/here")


OUT = "its links lead out of it, or nowhere"
AWAY = "has its data in another file, and such files are not opened"
make("soft", OUT, soft_link)
make("nowhere", OUT, nowhere)
make("external_link", OUT, external_link)
make("external_data", AWAY, external_data)
make("virtual", AWAY, virtual_data)
make("terabyte", "says it has far more values than are stored", terabyte)
make("overflow", "has a size that overflows", overflow)
make("text", "does not hold numbers", text)

path = os.path.join(folder, "program.h5")
shutil.copy(good, path)
with h5py.File(path, "r+") as file:
    if "model_config" in file.attrs:
        config = json.loads(file.attrs["model_config"])
        layers = config["config"] if isinstance(config["config"], list) else config["config"]["layers"]
        layers[-1]["class_name"] = "Lambda"
        file.attrs["model_config"] = json.dumps(config)
        print("program.h5\tis a program, and no program of a file is run")
