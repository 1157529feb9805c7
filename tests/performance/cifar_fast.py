#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Trains `cnn train cifar-fast` and its twin in PyTorch by the same recipe, in turn, and compares accuracy and time.

    apt-get install python3-torch python3-pil
    /usr/bin/python3 tests/performance/cifar_fast.py --cnn build/src/cnn --data CIFAR10 --check
    /usr/bin/python3 tests/performance/cifar_fast.py --cnn build/src/cnn --data CIFAR10 [--seeds 5] [--epochs 10]

CIFAR10 holds the folders train and test, with a folder of 32x32 pictures for each class. --check gives both the same
initial parameters and the same images in the same order, and compares the losses of the first steps. Without it both
train with seeds 1, 2, ... Seconds are those of the training, which holds the reading of the images (in libcnn within
the first epoch, in PyTorch before it, which is not counted), but no evaluation; accuracy is that of the test images by
the mean probabilities of six views. PyTorch has the better one of its two memory layouts. Run by hand, on a machine
that does nothing else: a seed takes a quarter of an hour or more in libcnn, and several times that in PyTorch.
"""
import argparse
import copy
import csv
import glob
import json
import os
import random
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

# The recipe, as src/tool_recipe.c has it.
BATCH = 1024
RATE, MOMENTUM, DECAY = 1.5, 0.85, 1.33e-3
BIAS_FACTOR, BIAS_DECAY = 64, 2.08e-5
PEAK, START, END = 0.23, 0.2, 0.07
SMOOTHING, PAD = 0.2, 2
MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)
WHITENED, LEAST_VALUE = 5000, 5e-4
SHIFTS = ((0, 0), (1, 1), (-1, -1))
VIEWS = "shift=0/0/1/1/-1/-1"


class Norm(nn.BatchNorm2d):
    """Without scale."""

    def __init__(self, channels):
        super().__init__(channels, eps=2e-12, momentum=0.4)
        self.weight = None

    def reset_parameters(self):
        self.reset_running_stats()
        nn.init.zeros_(self.bias)


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = Norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = Norm(outputs)
        for conv in (self.conv1, self.conv2):
            nn.init.dirac_(conv.weight.data[:conv.in_channels])

    def forward(self, x):
        x = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.gelu(self.norm2(self.conv2(x)))


class Network(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        self.block1, self.block2, self.block3 = Block(24, 64), Block(64, 256), Block(256, 256)
        self.head = nn.Linear(256, classes, bias=False)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(F.gelu(self.whiten(x)))))
        return self.head(x.amax((2, 3))) / 9


def read_image(path):
    return np.asarray(Image.open(path).convert("RGB"))


def images_of(paths):
    values = torch.from_numpy(np.stack([read_image(path) for path in paths])).permute(0, 3, 1, 2).float() / 255
    return (values - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)


def files_of(folder):
    """(path, label) of all images of a folder of class folders."""
    classes = sorted(os.listdir(folder))
    return [(path, label) for label, name in enumerate(classes)
            for path in sorted(glob.glob(os.path.join(folder, name, "*")))], classes


def whiten(network, images):
    """The kernel becomes the eigenvectors of 2x2 patches, scaled to one strength, and their negatives."""
    patches = F.unfold(images[:WHITENED], 2).permute(0, 2, 1).reshape(-1, 12).double()
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / torch.sqrt(values + LEAST_VALUE)).T.flip(0)
    largest = filters.gather(1, filters.abs().argmax(1, keepdim=True))
    filters = (filters * largest.sign()).float().reshape(12, 3, 2, 2)
    network.whiten.weight.data[:] = torch.cat((filters, -filters))
    network.whiten.weight.requires_grad_(False)


def optimizer_of(network):
    biases = [p for name, p in network.named_parameters() if "norm" in name]
    others = [p for name, p in network.named_parameters() if "norm" not in name and p.requires_grad]
    return torch.optim.SGD([{"params": others, "share": 1, "weight_decay": DECAY},
                            {"params": biases, "share": BIAS_FACTOR, "weight_decay": BIAS_DECAY}],
                           lr=RATE, momentum=MOMENTUM, nesterov=True)


def set_rate(rule, step, steps):
    done = step / steps
    share = START + (1 - START) * done / PEAK if done < PEAK else 1 + (END - 1) * (done - PEAK) / (1 - PEAK)
    for group in rule.param_groups:
        group["lr"] = RATE * group["share"] * share


class Lookahead:
    """Every so many steps slow weights move a part of the way to the others, which go on from there."""

    def __init__(self, network, every, alpha):
        self.fast = [p for p in network.parameters() if p.requires_grad]
        self.slow = [p.detach().clone() for p in self.fast]
        self.every, self.alpha, self.steps = every, alpha, 0

    def step(self):
        self.steps += 1
        if self.every > 0 and self.steps % self.every == 0:
            with torch.no_grad():
                for fast, slow in zip(self.fast, self.slow):
                    slow.lerp_(fast, self.alpha)
                    fast.copy_(slow)


def train_step(network, rule, images, labels):
    loss = F.cross_entropy(network(images), labels, label_smoothing=SMOOTHING)
    rule.zero_grad()
    loss.backward()
    rule.step()
    return loss.item()


def parts_of(padded, flipped, rows):
    """Parts at random places of images that have a mirrored border, some of them mirrored."""
    places = np.random.randint(0, 2 * PAD + 1, (len(rows), 2))
    parts = torch.stack([padded[row, :, y:y + 32, x:x + 32] for row, (y, x) in zip(rows.tolist(), places)])
    return torch.where(flipped[rows].view(-1, 1, 1, 1), parts.flip(3), parts)


def faster_layout(images, labels):
    def seconds(layout):
        network = Network().to(memory_format=layout)
        rule, inputs = optimizer_of(network), images.contiguous(memory_format=layout)
        train_step(network, rule, inputs, labels)
        begin = time.perf_counter()
        train_step(network, rule, inputs, labels)
        return time.perf_counter() - begin

    return min((torch.contiguous_format, torch.channels_last), key=seconds)


def train(images, labels, settings, layout):
    network = Network()
    begin = time.perf_counter()
    whiten(network, images[torch.randperm(len(images))[:WHITENED]])
    network = network.to(memory_format=layout)
    padded = F.pad(images, (PAD,) * 4, mode="reflect")
    flipped = torch.rand(len(images)) < 0.5
    rule, lookahead = optimizer_of(network), Lookahead(network, *settings.lookahead)
    steps = len(images) // BATCH
    for epoch in range(settings.epochs):
        network.train()
        order = torch.randperm(len(images))
        losses = []
        for step in range(steps):
            set_rate(rule, epoch * steps + step, settings.epochs * steps)
            rows = order[step * BATCH:(step + 1) * BATCH]
            batch = parts_of(padded, flipped, rows).contiguous(memory_format=layout)
            losses.append(train_step(network, rule, batch, labels[rows]))
            lookahead.step()
        flipped = ~flipped
        print(f"    epoch {epoch + 1}: loss {np.mean(losses):.4f}, {time.perf_counter() - begin:.0f} s", flush=True)
    return network, time.perf_counter() - begin


def accuracy(network, images, labels):
    """By the mean probabilities of six views: moved, with the border mirrored, and mirrored."""
    network.eval()
    right = 0
    with torch.no_grad():
        for begin in range(0, len(images), 500):
            batch = images[begin:begin + 500]
            padded, sums = F.pad(batch, (1,) * 4, mode="reflect"), 0
            for down, across in SHIFTS:
                moved = padded[:, :, 1 - down:33 - down, 1 - across:33 - across]
                sums = sums + F.softmax(network(moved), 1) + F.softmax(network(moved.flip(3)), 1)
            right += (sums.argmax(1) == labels[begin:begin + 500]).sum().item()
    return right / len(images)


def run(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout


def rule_options(settings):
    """What makes the recipe's rule one with slow weights, all of which has to be said then."""
    every, alpha = settings.lookahead
    return [] if every == 0 else [
        "--optimizer", f"nesterov:momentum={MOMENTUM}+lookahead:every={every},alpha={alpha}", "--convention", "pytorch",
        "--lr", str(RATE), "--weight-decay", str(DECAY), "--groups",
        f"*/beta:factor={BIAS_FACTOR},weight_decay={BIAS_DECAY}", "--schedule",
        f"triangular:peak={PEAK},start={START},end={END}"]


def write_table(path, files, classes):
    with open(path, "w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(("path", "label"))
        writer.writerows((os.path.abspath(file), classes[label]) for file, label in files)


def check(settings):
    """The first steps of both, from the same parameters. True if the losses agree."""
    files, classes = files_of(os.path.join(settings.data, "train"))
    random.Random(1).shuffle(files)
    files = files[:settings.steps * BATCH]
    images, labels = images_of([path for path, _ in files]), torch.tensor([label for _, label in files])
    torch.manual_seed(1)
    network = Network()
    with tempfile.TemporaryDirectory() as folder:
        table, log = os.path.join(folder, "images.csv"), os.path.join(folder, "log.jsonl")
        model = os.path.join(folder, "out.cnn")
        write_table(table, files, classes)
        torch.save(network.state_dict(), os.path.join(folder, "begin.pth"))
        run([settings.cnn, "train", "cifar-fast", "--data", table, "--no-shuffle", "--epochs", "1",
             "--preprocess", f"resize=32x32,normalize=mean={'/'.join(map(str, MEAN))}:std={'/'.join(map(str, DEVIATION))}",
             "--init-from", os.path.join(folder, "begin.pth"), "--whiten", "whiten", "--log", log, "--threads", str(settings.threads), "--out",
             model, "--quiet", *rule_options(settings)])
        with open(log) as lines:
            events = [json.loads(line) for line in lines]
        mine = [event["step_loss"] for event in events if event["event"] == "step"]
        tests, _ = files_of(os.path.join(settings.data, "test"))
        tests = random.Random(1).sample(tests, 1000)
        write_table(table, tests, classes)
        scores = json.loads(run([settings.cnn, "eval", model, "--data", table, "--tta", VIEWS, "--json", "--quiet"]))
    whiten(network, images)
    rule, lookahead = optimizer_of(network), Lookahead(network, *settings.lookahead)
    worst = 0
    for step, loss in enumerate(mine):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        set_rate(rule, step, len(mine))
        theirs = train_step(network, rule, images[rows], labels[rows])
        lookahead.step()
        worst = max(worst, abs(theirs - loss))
        print(f"step {step + 1}: libcnn {loss:.6f}, PyTorch {theirs:.6f}, {loss - theirs:+.1e}", flush=True)
    ours = scores["accuracy"]
    other = accuracy(network, images_of([path for path, _ in tests]), torch.tensor([label for _, label in tests]))
    print(f"1000 test images by six views: libcnn {ours:.4f}, PyTorch {other:.4f}")
    print(f"largest difference of the {len(mine)} losses: {worst:.1e}")
    return len(mine) == settings.steps and worst < 1e-3


def train_libcnn(settings, seed, folder):
    model = os.path.join(folder, f"cifar-fast-{seed}.cnn")
    last = os.path.join(folder, f"cifar-fast-{seed}.last.cnn")
    log = os.path.join(folder, f"cifar-fast-{seed}.jsonl")
    begin = time.perf_counter()
    run([settings.cnn, "train", "cifar-fast", "--data", os.path.join(settings.data, "train"), "--epochs",
         str(settings.epochs), "--seed", str(seed), "--in-memory", "--threads", str(settings.threads), "--log", log,
         "--out", model, "--quiet", *rule_options(settings)])
    seconds = time.perf_counter() - begin
    scores = json.loads(run([settings.cnn, "eval", last, "--data", os.path.join(settings.data, "test"), "--threads",
                             str(settings.threads), "--json", "--quiet"]))  # by the views of the recipe
    return scores["accuracy"], seconds


def compare(settings):
    results = {"libcnn": [], "PyTorch": []}
    if settings.only != "libcnn":
        sets = []
        for part in ("train", "test"):
            files, _ = files_of(os.path.join(settings.data, part))
            sets += [images_of([path for path, _ in files]), torch.tensor([label for _, label in files])]
        layout = faster_layout(sets[0][::len(sets[0]) // BATCH][:BATCH], sets[1][::len(sets[1]) // BATCH][:BATCH])
    os.makedirs(settings.out, exist_ok=True)
    for seed in range(settings.first, settings.first + settings.seeds):
        if settings.only != "PyTorch":
            results["libcnn"].append(train_libcnn(settings, seed, settings.out))
        if settings.only != "libcnn":
            torch.manual_seed(seed)
            np.random.seed(seed)
            network, seconds = train(sets[0], sets[1], settings, layout)
            results["PyTorch"].append((accuracy(copy.deepcopy(network), sets[2], sets[3]), seconds))
        for name, rows in results.items():
            if rows:
                print(f"seed {seed}: {name:8s} accuracy {rows[-1][0]:.4f}, {rows[-1][1]:.0f} s", flush=True)
    for name, rows in results.items():
        if rows:
            scores, times = [row[0] for row in rows], [row[1] for row in rows]
            deviation = statistics.stdev(scores) if len(scores) > 1 else 0
            print(f"{name:8s} accuracy {statistics.mean(scores):.4f} +- {deviation:.4f}, {statistics.mean(times):.0f} s")


def lookahead_text(text):
    every, alpha = text.split("/")
    return int(every), float(alpha)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cnn", default="cnn")
    parser.add_argument("--data", required=True)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--steps", type=int, default=8, help="of --check")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lookahead", type=lookahead_text, default=(0, 0), metavar="EVERY/ALPHA")
    parser.add_argument("--only", choices=("libcnn", "PyTorch"))
    parser.add_argument("--out", default="cifar-fast", help="the folder of models and logs")
    parser.add_argument("--threads", type=int, default=2)
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    if settings.check:
        raise SystemExit(0 if check(settings) else 1)
    compare(settings)


if __name__ == "__main__":
    main()
