#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pictures of docs/explain.md and docs/report.md, of a network that learns to tell drawings of cats from drawings of
dogs, which are made here.

    python3 make.py CNN FOLDER [CHROMIUM]     (with numpy and cv2)

CNN is the command; FOLDER receives the drawings, the model and all that is made of them; methods.jpg, activations.jpg
and report.png are those that stand here. With a browser the page of the report is taken, too."""
import os
import subprocess
import sys

import cv2
import numpy as np

cnn, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
os.makedirs(folder, exist_ok=True)
os.chdir(folder)
SIZE = 192


def color(rng, low=40, high=230):
    return tuple(int(v) for v in rng.integers(low, high, 3))


def draw(rng, cat):
    """A head with ears, eyes, nose and whiskers somewhere on a meadow; ears and whiskers tell."""
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    top, bottom = np.array(color(rng)), np.array(color(rng))
    image[:] = (top + (bottom - top) * np.linspace(0, 1, SIZE)[:, None, None]).astype(np.uint8)
    for _ in range(12):
        at = tuple(int(v) for v in rng.integers(0, SIZE, 2))
        cv2.circle(image, at, int(rng.integers(3, 14)), color(rng), -1, cv2.LINE_AA)
    r = int(rng.integers(30, 46))
    x, y = (int(v) for v in rng.integers(r + 22, SIZE - r - 22, 2))
    fur, dark = color(rng, 90, 220), color(rng, 10, 60)
    ear = tuple(int(0.75 * v) for v in fur)
    for side in (-1, 1):
        if cat:  # pointed, upright
            points = np.array([(x + side * r, y - r // 3), (x + side * int(0.95 * r), y - int(1.55 * r)),
                               (x + side * int(0.2 * r), y - int(0.85 * r))])
            cv2.fillPoly(image, [points], ear, cv2.LINE_AA)
        else:  # hanging
            cv2.ellipse(image, (x + side * r, y), (r // 3, int(0.85 * r)), side * -12, 0, 360, ear, -1, cv2.LINE_AA)
    cv2.circle(image, (x, y), r, fur, -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.circle(image, (x + side * r * 2 // 5, y - r // 5), r // 7, dark, -1, cv2.LINE_AA)
        for k in range(3 if cat else 0):
            cv2.line(image, (x + side * r // 5, y + r // 3 + 2 * k), (x + side * int(1.25 * r), y + r // 5 + 6 * k), dark,
                     1, cv2.LINE_AA)
    if not cat:
        cv2.ellipse(image, (x, y + r * 2 // 5), (r // 2, r // 3), 0, 0, 360, tuple(min(255, v + 25) for v in fur), -1,
                    cv2.LINE_AA)
    cv2.circle(image, (x, y + r // 4), r // (8 if cat else 5), dark, -1, cv2.LINE_AA)
    noise = rng.normal(0, 6, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def run(*words):
    print("$ cnn", *words)
    subprocess.run([cnn, *words], check=True)


for part, count in (("train", 240), ("validation", 60)):
    for label, name in ((0, "cat"), (1, "dog")):
        os.makedirs(f"{part}/{name}", exist_ok=True)
        rng = np.random.default_rng([7, label, count])
        for i in range(count):
            cv2.imwrite(f"{part}/{name}/{name}.{i}.jpg", draw(rng, name == "cat"))

run("train", "catdog", "--data", "train", "--val", "validation", "--size", "96x96", "--epochs", "8", "--batch", "20",
    "--lr", "0.0005", "--augment", "flip,rotate=15,brightness=0.8/1.2", "--out", "pets.cnn", "--replace", "--report", "pets",
    "--seed", "3")
# Two of each that it tells right with ease, as a sheet of photo and maps.
photos = ["validation/cat/cat.3.jpg", "validation/cat/cat.7.jpg", "validation/dog/dog.5.jpg"]
methods = ["gradcam", "saliency", "integrated", "occlusion"]
for method in methods:
    run("explain", method, "pets.cnn", *photos, "--out", method)
rows = []
for photo in photos:
    base = os.path.splitext(os.path.basename(photo))[0]
    row = [cv2.imread(photo)]
    for method in methods:
        row.append(cv2.imread(f"{method}/{base}-{method}.png"))
    rows.append(np.hstack([cv2.resize(p, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for p in row]))
cv2.imwrite("methods.jpg", np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 72])
run("explain", "activations", "pets.cnn", photos[0], "--layers", "conv2d_1", "--out", "activations")
grid = cv2.imread("activations/cat.3-conv2d_1.png")
cv2.imwrite("activations.jpg", cv2.resize(grid, (960, 960 * grid.shape[0] // grid.shape[1]),
                                          interpolation=cv2.INTER_AREA), [cv2.IMWRITE_JPEG_QUALITY, 75])
if len(sys.argv) > 3:
    subprocess.run([sys.argv[3], "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    "--window-size=1100,1400", "--virtual-time-budget=4000", "--screenshot=page.png",
                    "file://" + os.path.abspath("pets/report.html")], check=True, stderr=subprocess.DEVNULL)
    page = cv2.imread("page.png")
    cv2.imwrite("report.png", cv2.resize(page, (770, 980), interpolation=cv2.INTER_AREA))
