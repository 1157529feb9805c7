#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files for fuzz_exchange to begin with: those of tests/exchange/files.zip, each behind the byte that says what it is.

    python3 make_corpus.py FOLDER     (configs within HDF5 files need h5py, and are left out without it)"""
import io
import os
import sys
import zipfile

try:
    import h5py
except ImportError:
    h5py = None

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "exchange", "files.zip")


def write(name, kind, data):
    with open(os.path.join(out, name), "wb") as f:
        f.write(kind + data)


with zipfile.ZipFile(source) as archive:
    for name in archive.namelist():
        data = archive.read(name)
        if name.endswith(".safetensors"):
            write(name, b"S", data)
        elif name.endswith(".pth"):
            write(name, b"T", data)
            if zipfile.is_zipfile(io.BytesIO(data)):  # the pickle alone, of which more is changed
                inner = zipfile.ZipFile(io.BytesIO(data))
                pickle = next(n for n in inner.namelist() if n.endswith("data.pkl"))
                small = io.BytesIO()
                with zipfile.ZipFile(small, "w") as z:
                    z.writestr(zipfile.ZipInfo("archive/data.pkl"), inner.read(pickle))
                write(name + ".pickle", b"T", small.getvalue())
        elif name.endswith(".keras"):
            write(name + ".json", b"K", zipfile.ZipFile(io.BytesIO(data)).read("config.json"))
        elif name.endswith(".h5") and h5py is not None:
            with h5py.File(io.BytesIO(data)) as f:
                config = f.attrs.get("model_config")
            if config is not None:
                write(name + ".json", b"K", config if isinstance(config, bytes) else config.encode())
print(f"{len(os.listdir(out))} files in {out}")
