#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_calibration.h: temperatures, Platt's slope and offset, and Wilson's intervals, by minimising the
published formulas with SciPy.

Run by hand with SciPy: ./golden_calibration.py > golden_calibration.h
"""
import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax
from scipy.stats import norm

rng = np.random.default_rng(5)
COUNT, CLASSES = 40, 3


def show(name, values, kind="float"):
    texts = [("%.9g" % v) + ("f" if kind == "float" else "") for v in np.asarray(values).reshape(-1)]
    texts = [t if kind != "float" or "." in t or "e" in t else t.replace("f", ".0f") for t in texts]
    lines = [", ".join(texts[i:i + 8]) for i in range(0, len(texts), 8)]
    print("static const %s golden_%s[] = {\n    %s};" % (kind, name, ",\n    ".join(lines)))


def number(name, value):
    print("static const double golden_%s = %.12g;" % (name, value))


def bce(z, y):
    return np.sum(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


def best(loss):
    found = minimize_scalar(lambda t: loss(np.exp(t)), bounds=(np.log(0.01), np.log(100)), method="bounded",
                            options={"xatol": 1e-12})
    return np.exp(found.x)


print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_calibration.py; not to be edited. */")
z = (rng.normal(size=(COUNT, CLASSES)) * 4).astype(np.float32).astype(float)
labels = np.array([rng.choice(CLASSES, p=np.exp(log_softmax(row / 2))) for row in z])
show("logits", z)
show("labels", labels, "int32_t")
number("temperature", best(lambda t: -log_softmax(z / t, axis=1)[np.arange(COUNT), labels].sum()))

x = z[:, 0]
y = (rng.random(COUNT) < 1 / (1 + np.exp(-(0.4 * x + 1)))).astype(int)
show("binary", x)
show("truth", y, "int32_t")
number("binary_temperature", best(lambda t: bce(x / t, y)))
high, low = (y.sum() + 1) / (y.sum() + 2), 1 / (COUNT - y.sum() + 2)
targets = np.where(y == 1, high, low)
fit = minimize(lambda p: bce(p[0] * x + p[1], targets), [0.0, 0.0], method="BFGS", options={"gtol": 1e-10})
number("slope", fit.x[0])
number("offset", fit.x[1])

marks = (rng.random((COUNT, CLASSES)) < 1 / (1 + np.exp(-z / 3))).astype(float)
show("marks", marks)
number("marks_temperature", best(lambda t: bce(z / t, marks)))


def wilson(right, count, confidence):
    """Wilson 1927, solved for the share by the quadratic formula."""
    c = norm.ppf(1 - (1 - confidence) / 2)
    p = right / count
    roots = np.roots([1 + c * c / count, -(2 * p + c * c / count), p * p])
    return sorted(roots.real)


for name, right, count, confidence in [("a", 80, 100, 0.95), ("b", 3, 7, 0.9), ("c", 9981, 10000, 0.99)]:
    number("low_" + name, wilson(right, count, confidence)[0])
    number("high_" + name, wilson(right, count, confidence)[1])
