#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_operations.h: what torchvision 0.14 makes of a small PIL image by the operations of RandAugment,
TrivialAugment and ColorJitter with fixed parameters; the magnitudes that it draws from; and what OpenCV and skimage
make of it by resizing without antialiasing.

    /usr/bin/python3 golden_operations.py > golden_operations.h
"""
import math

import cv2
import numpy as np
import torch
import torchvision.transforms.functional as F
from PIL import Image, ImageOps
from skimage.transform import resize
from torchvision.transforms import InterpolationMode, autoaugment

HEIGHT, WIDTH = 17, 21
rng = np.random.RandomState(5)
base = rng.randint(0, 256, (HEIGHT, WIDTH, 3))
pixels = ((base + np.roll(base, 1, 0) + np.roll(base, 1, 1)) * 230 // 765 + 9).astype(np.uint8)
image = Image.fromarray(pixels)
NEAREST = InterpolationMode.NEAREST


def array(kind, name, values, form):
    values = np.asarray(values)
    print("\nstatic const %s %s[%d] = {" % (kind, name, values.size))
    line = "   "
    for v in values.reshape(-1).tolist():
        if len(line) + len(form % v) + 2 > 118:
            print(line)
            line = "   "
        line += " " + form % v + ","
    print(line + "\n};")


CASES = [
    ("shear_x", 0.3), ("shear_x", -0.99), ("shear_y", 0.25), ("shear_y", -0.5), ("translate_x", 3.9),
    ("translate_x", -5.0), ("translate_y", 2.0), ("translate_y", -4.5),
    ("rotate", 9.0), ("rotate", -30.0), ("rotate", 135.0), ("rotate", 180.0),
    ("brightness", 0.1), ("brightness", 1.27), ("brightness", 1.9), ("color", 0.0), ("color", 0.4), ("color", 1.9),
    ("contrast", 0.3), ("contrast", 1.8), ("sharpness", 0.1), ("sharpness", 1.9), ("posterize", 8), ("posterize", 4),
    ("posterize", 2), ("solarize", 178.5), ("solarize", 0.0), ("autocontrast", 0), ("equalize", 0), ("invert", 0),
    ("hue", 0.1), ("hue", -0.4), ("hue", 0.5), ("identity", 0),
]
NAMES = {"shear_x": "ShearX", "shear_y": "ShearY", "translate_x": "TranslateX", "translate_y": "TranslateY",
         "autocontrast": "AutoContrast"}


def run(name, magnitude):
    if name == "hue":
        return F.adjust_hue(image, magnitude)
    if name in ("brightness", "color", "contrast", "sharpness"):
        magnitude -= 1
    if name == "rotate":
        return F.rotate(image, magnitude, interpolation=NEAREST)
    return autoaugment._apply_op(image, NAMES.get(name, name.capitalize()), magnitude, NEAREST, None)


print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_operations.py. Values are H, W, C. */\n")
print("#include <stdint.h>\n\nenum { OPERATION_ROWS = %d, OPERATION_COLS = %d };" % (HEIGHT, WIDTH))
array("uint8_t", "operation_image", pixels, "%d")
def fnv(picture):
    """FNV-1a over the bytes."""
    hash = 0xcbf29ce484222325
    for byte in np.asarray(picture).tobytes():
        hash = (hash ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return hash


print("\n/* By the step, FNV-1a of the bytes that come out. */")
print("static const struct golden_operation {\n    const char *step;\n    uint64_t hash;\n} golden_operations[] = {")
for name, magnitude in CASES:
    print('    {"operation=%s:%r", UINT64_C(0x%016x)},' % (name, magnitude, fnv(run(name, magnitude))))
print("};")

# Magnitudes by operation and bin: of an image of 200 x 100 (height, width).
DRAWN = ["Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast",
         "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize"]
rand = autoaugment.RandAugment()._augmentation_space(31, (200, 100))
wide = autoaugment.TrivialAugmentWide()._augmentation_space(31)
rows = []
for name in DRAWN:
    for space in (rand, wide):
        magnitudes, signed = space[name]
        magnitudes = magnitudes.tolist() if magnitudes.ndim else [float(magnitudes)] * 31
        rows.append([int(signed)] + magnitudes)
print("\n/* By operation, then RandAugment and TrivialAugmentWide: whether it is signed, and 31 bins. */")
array("double", "golden_magnitudes", rows, "%.7g")

for rows, cols in ((5, 6), (23, 3), (2, 28)):
    linear = cv2.resize(pixels, (cols, rows), interpolation=cv2.INTER_LINEAR)
    array("uint8_t", "opencv_%dx%d" % (rows, cols), linear, "%d")
    plain = resize(pixels / 255.0, (rows, cols), order=1, anti_aliasing=False, mode="edge")
    array("float", "skimage_%dx%d" % (rows, cols), plain, "%.7ff")

array("uint8_t", "padded_reflect", np.asarray(F.pad(image, 4, padding_mode="reflect")), "%d")
array("uint8_t", "padded_edge", np.asarray(F.pad(image, 4, padding_mode="edge")), "%d")
