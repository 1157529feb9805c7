#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_components.h: mean, covariance and principal components of the colours of small images, by numpy.

    /usr/bin/python3 golden_components.py > golden_components.h
"""
import numpy as np

COUNT, HEIGHT, WIDTH = 6, 5, 7
rng = np.random.RandomState(3)
mix = np.array([[60, 12, 3], [58, -4, -9], [50, -15, 6]])  # bright and dark, then two weaker directions
pixels = 120 + rng.standard_normal((COUNT * HEIGHT * WIDTH, 3)) @ mix.T
pixels = pixels.clip(0, 255).round().astype(np.uint8)
values = (pixels.astype(np.float32) / np.float32(255)).astype(np.float64)
covariance = np.cov(values, rowvar=False, bias=True)
eigenvalues, eigenvectors = np.linalg.eigh(covariance)
order = np.argsort(eigenvalues)[::-1]
eigenvalues, eigenvectors = eigenvalues[order], eigenvectors[:, order]
for i in range(3):
    eigenvectors[:, i] *= np.sign(eigenvectors[np.argmax(np.abs(eigenvectors[:, i])), i])


def array(kind, name, numbers, form):
    text = [form % v for v in np.asarray(numbers).reshape(-1).tolist()]
    print("\nstatic const %s %s[%d] = {" % (kind, name, len(text)))
    line = "   "
    for item in text:
        if len(line) + len(item) + 2 > 118:
            print(line)
            line = "   "
        line += " " + item + ","
    print(line + "\n};")


print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_components.py. */")
print("#ifndef GOLDEN_COMPONENTS_H\n#define GOLDEN_COMPONENTS_H\n\n#include <stdint.h>\n")
print("#define GOLDEN_COUNT %d\n#define GOLDEN_HEIGHT %d\n#define GOLDEN_WIDTH %d" % (COUNT, HEIGHT, WIDTH))
array("uint8_t", "golden_pixels", pixels, "%d")
array("double", "golden_mean", values.mean(axis=0), "%.17g")
array("double", "golden_deviation", values.std(axis=0), "%.17g")
array("double", "golden_covariance", covariance, "%.17g")
array("double", "golden_values", eigenvalues, "%.17g")
array("double", "golden_vectors", eigenvectors, "%.17g")
print("\n#endif")
