#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_steps.h: what torchvision 0.14, Pillow 9.4 and keras_preprocessing 1.1.0 make of small images.

    /usr/bin/python3 golden_steps.py > golden_steps.h
"""
import numpy as np
import keras_preprocessing.image.affine_transformations as keras
import torchvision.transforms.functional as F
from PIL import Image, ImageEnhance
from torchvision.transforms import InterpolationMode as Mode

MODES = [Mode.NEAREST, Mode.BILINEAR, Mode.BICUBIC, Mode.BOX]
FILTERS = [Image.NEAREST, Image.BILINEAR, Image.BICUBIC, Image.BOX]
HEIGHT, WIDTH = 7, 9
rng = np.random.RandomState(7)
base = rng.randint(0, 256, (HEIGHT, WIDTH, 3))
pixels = (base + np.roll(base, 1, 0) + np.roll(base, 1, 1)).clip(0, 600) * 255 // 600
pixels = pixels.astype(np.uint8)
image = Image.fromarray(pixels)
floats = (pixels / np.float32(255)).astype(np.float32)


def array(name, values, kind):
    values = np.asarray(values)
    text = [("%d" % v) if kind == "uint8_t" else ("%.8gf" % v if "." in "%.8g" % v or "e" in "%.8g" % v else "%.8g.0f" % v)
            for v in values.reshape(-1).tolist()]
    if kind == "double":
        text = ["%.17g" % v for v in values.reshape(-1).tolist()]
    print("\nstatic const %s %s[%d] = {" % (kind, name, len(text)))
    line = "   "
    for item in text:
        if len(line) + len(item) + 2 > 118:
            print(line)
            line = "   "
        line += " " + item + ","
    print(line + "\n};")


def bytes_of(name, picture):
    array("golden_" + name, np.asarray(picture), "uint8_t")


def floats_of(name, values):
    array("golden_" + name, np.asarray(values, np.float32), "float")


print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_steps.py. Values are H, W, C. */")
print("#ifndef GOLDEN_STEPS_H\n#define GOLDEN_STEPS_H\n\n#include <stdint.h>\n")
print("#define GOLDEN_HEIGHT %d\n#define GOLDEN_WIDTH %d" % (HEIGHT, WIDTH))
bytes_of("image", pixels)

for name, mode in zip(["nearest", "bilinear", "bicubic", "area"], MODES):
    bytes_of("resize_5x4_" + name, F.resize(image, [5, 4], mode))
    bytes_of("resize_10x14_" + name, F.resize(image, [10, 14], mode))
bytes_of("resize_short_5", F.resize(image, 5))
bytes_of("resize_short_11", F.resize(image, 11))
bytes_of("center_crop_4x5", F.center_crop(image, [4, 5]))
bytes_of("center_crop_6x6", F.center_crop(image, [6, 6]))
bytes_of("center_crop_9x5", F.center_crop(image, [9, 5]))
bytes_of("center_crop_10x13", F.center_crop(image, [10, 13]))
bytes_of("pad_crop", F.crop(F.pad(image, [3, 3, 3, 3]), 1, 6, 7, 8))  # top 1 - 3, left 6 - 3
bytes_of("resized_crop", F.resized_crop(image, 1, 2, 5, 6, [8, 6], Mode.BILINEAR))
bytes_of("resized_crop_bicubic", F.resized_crop(image, 1, 2, 5, 6, [3, 4], Mode.BICUBIC))
bytes_of("ten_crop_4x5", np.stack([np.asarray(p) for p in F.ten_crop(image, [4, 5])]))
bytes_of("resize_crop", F.crop(F.resize(image, [8, 16]), 2, 3, 5, 9))
bytes_of("grey", image.convert("L"))
bytes_of("brightness_13", ImageEnhance.Brightness(image).enhance(1.3))
bytes_of("brightness_04", ImageEnhance.Brightness(image).enhance(0.4))
normal = F.normalize(F.to_tensor(image), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
floats_of("normalize", normal.numpy().transpose(1, 2, 0))

# Pillow's float mode, one channel at a time.
for name, mode in zip(["nearest", "bilinear", "bicubic", "area"], FILTERS):
    for rows, cols in ((4, 5), (9, 11)):
        resized = [Image.fromarray(floats[:, :, c] * 3 - 1, "F").resize((cols, rows), mode) for c in range(3)]
        floats_of("float_%dx%d_%s" % (rows, cols, name), np.stack([np.asarray(r) for r in resized], 2))

floats_of("channel_shift", keras.apply_channel_shift(floats, np.float32(0.2), 2))

AFFINE = [
    dict(theta=30), dict(tx=1.5), dict(ty=-2.25), dict(shear=20), dict(zx=0.8, zy=1.3),
    dict(theta=-25, tx=1, ty=-1.5, shear=15, zx=1.2, zy=0.85),
]
FILLS = ["nearest", "constant", "reflect", "wrap"]
released = keras.transform_matrix_offset_center


def corrected(matrix, x, y):
    return released(matrix, x - 2, y - 2)  # x / 2 + 0.5 becomes x / 2 - 0.5


print("\n/* One row each: theta, tx, ty, shear, zx, zy. */")
print("#define GOLDEN_AFFINE %d" % len(AFFINE))
rows = [[a.get("theta", 0), a.get("tx", 0), a.get("ty", 0), a.get("shear", 0), a.get("zx", 1), a.get("zy", 1)] for a in AFFINE]
array("golden_affine", rows, "double")
for compat in (0, 1):
    keras.transform_matrix_offset_center = released if compat else corrected
    results = [keras.apply_affine_transform(floats, fill_mode="nearest", **a) for a in AFFINE]
    floats_of("affine_nearest_%d" % compat, np.stack(results))
    if compat == 0:
        for fill in FILLS[1:]:
            result = keras.apply_affine_transform(floats, fill_mode=fill, cval=0.25, **AFFINE[-1])
            floats_of("affine_%s" % fill, result)
print("\n#endif")
