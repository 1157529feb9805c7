#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_scores.h: scores of several labels, of values and of classes by their published formulas in NumPy, as
scikit-learn defines them: average_precision_score (macro), f1_score (macro, zero_division=0), hamming_loss,
accuracy_score of label sets, r2_score, balanced_accuracy_score and matthews_corrcoef.

Run by hand with NumPy: ./golden_scores.py > golden_scores.h
"""
import numpy as np

rng = np.random.default_rng(11)
SAMPLES, LABELS = 12, 4


def average_precision(truth, score):
    """The sum over thresholds of (R_n - R_n-1) P_n."""
    total, before = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        chosen = score >= threshold
        recall = (truth & chosen).sum() / truth.sum()
        total += (recall - before) * (truth & chosen).sum() / chosen.sum()
        before = recall
    return total


def f1(truth, chosen):
    right = (truth & chosen).sum()
    both = truth.sum() + chosen.sum()
    return 2 * right / both if both else None


def r2(target, output, weight):
    mean = np.average(target, axis=0, weights=weight)
    errors = (weight[:, None] * (target - output) ** 2).sum(0)
    return np.mean(1 - errors / (weight[:, None] * (target - mean) ** 2).sum(0))


def matthews(truth, chosen, classes):
    """Gorodkin's R_K as the correlation of one-hot rows."""
    x, y = np.eye(classes)[truth], np.eye(classes)[chosen]

    def covariance(a, b):
        return ((a - a.mean(0)) * (b - b.mean(0))).sum()
    return covariance(x, y) / np.sqrt(covariance(x, x) * covariance(y, y))


def show(name, values, kind="float"):
    suffix = "f" if kind == "float" else ""
    texts = ["%.9g" % v + suffix if kind == "float" else str(int(v)) for v in np.asarray(values).reshape(-1)]
    texts = [t.replace("f", ".0f") if kind == "float" and "." not in t and "e" not in t else t for t in texts]
    lines = [", ".join(texts[i:i + 8]) for i in range(0, len(texts), 8)]
    print("static const %s golden_%s[] = {\n    %s};" % ("float" if kind == "float" else "int32_t", name,
                                                         ",\n    ".join(lines)))


def number(name, value):
    print("static const double golden_%s = %.17g;" % (name, value))


scores = np.round(rng.random((SAMPLES, LABELS)), 1).astype(np.float32)  # with ties
scores[scores == 0.5] = 0.6
truth = rng.random((SAMPLES, LABELS)) < 0.4
truth[:, 3] = False  # a label that nothing has
chosen = scores > 0.5
print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_scores.py; not to be edited. */")
show("scores", scores)
show("marks", truth.astype(np.float32))
number("map", np.mean([average_precision(truth[:, j], scores[:, j]) for j in range(3)]))
number("exact_match", (truth == chosen).all(1).mean())
number("hamming", (truth != chosen).mean())
number("f1_macro", np.mean([v for v in (f1(truth[:, j], chosen[:, j]) for j in range(LABELS)) if v is not None]))

targets = (1000 + rng.normal(size=(SAMPLES, 2))).astype(np.float32)
outputs = (targets + 0.3 * rng.normal(size=targets.shape)).astype(np.float32)
weights = rng.integers(0, 4, SAMPLES).astype(np.float32)
show("targets", targets)
show("outputs", outputs)
show("weights", weights)
number("r2", r2(targets.astype(float), outputs.astype(float), np.ones(SAMPLES)))
number("r2_weighted", r2(targets.astype(float), outputs.astype(float), weights.astype(float)))

probabilities = rng.random((SAMPLES, 3)).astype(np.float32)
labels = rng.integers(0, 3, SAMPLES)
probabilities[np.arange(SAMPLES), labels] += 0.3
predicted = probabilities.argmax(1)
show("probabilities", probabilities)
show("labels", labels, "int")
number("balanced_accuracy", np.mean([(predicted[labels == c] == c).mean() for c in range(3)]))
number("mcc", matthews(labels, predicted, 3))
