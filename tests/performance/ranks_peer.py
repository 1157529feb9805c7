#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""PyTorch's DistributedDataParallel on gloo as the peer of several ranks: the same photos, batch and network, in turn
with `cnn train`, alone with two threads and as two processes of one.

    ranks_peer.py CNN PHOTOS [--batch N] [--steps N] [--rounds N]

PHOTOS is a flat folder of label.N.jpg. Prints images/s of resnet18's steps, reading and decoding in them, and how many
times as fast libcnn is, alone and on two ranks. Run by hand."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

SIDE = 224


def photos(folder, count):
    """As many of each label, in the order of their numbers."""
    names = sorted(os.listdir(folder), key=lambda name: (int(name.split('.')[1]), name))
    return [(os.path.join(folder, name), int(name.startswith('dog'))) for name in names[:count]]


def peer(given, rank, ranks, meeting):
    """One process of PyTorch: prints images/s of all ranks, without the first steps."""
    import torch
    from PIL import Image
    from torchvision import models
    import torch.distributed as dist
    torch.set_num_threads(given.threads)
    torch.manual_seed(1)
    model = models.resnet18(num_classes=2).to(memory_format=torch.channels_last)
    if ranks > 1:
        dist.init_process_group('gloo', init_method=f'file://{meeting}', rank=rank, world_size=ranks)
        model = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    loss_of = torch.nn.CrossEntropyLoss()
    own = photos(given.photos, given.batch * (given.steps + 2))[rank::ranks]
    share = given.batch // ranks

    def read(path):
        with Image.open(path) as image:
            pixels = image.convert('RGB').resize((SIDE, SIDE), Image.BILINEAR).tobytes()
        return torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(SIDE, SIDE, 3).float() / 255

    begin = 0
    for step in range(given.steps + 2):
        if step == 2:
            begin = time.monotonic()
        batch = own[step * share:(step + 1) * share]
        images = torch.stack([read(path) for path, _ in batch]).permute(0, 3, 1, 2)
        optimizer.zero_grad()
        loss_of(model(images), torch.tensor([label for _, label in batch])).backward()
        optimizer.step()
    if rank == 0:
        print(given.batch * given.steps / (time.monotonic() - begin), flush=True)
    if ranks > 1:
        dist.destroy_process_group()


def run_peer(arguments, ranks, folder):
    meeting = os.path.join(folder, f'meeting{time.monotonic_ns()}')
    processes = [subprocess.Popen([sys.executable, __file__] + arguments +
                                  ['--threads', str(2 // ranks), '--rank', str(rank), '--of', str(ranks),
                                   '--meeting', meeting], stdout=subprocess.PIPE, text=True) for rank in range(ranks)]
    texts = [process.communicate()[0] for process in processes]
    if any(process.returncode != 0 for process in processes):
        sys.exit('PyTorch failed')
    return float(texts[0])


def run_cnn(given, ranks, folder):
    batch, limit = given.batch, given.batch * given.steps
    command = [given.cnn, 'train', 'resnet18', '--data', given.photos, '--limit', str(limit), '--batch', str(batch),
               '--epochs', '2', '--size', f'{SIDE}x{SIDE}', '--augment', 'flip=0.5', '--threads', str(2 // ranks),
               '--json', '--quiet', '--replace', '--out', os.path.join(folder, 'model.cnn')]
    if ranks > 1:
        command = ['mpirun', '--bind-to', 'core', '-n', str(ranks)] + command
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}: {done.stderr}')
    return [row['images_per_s'] for row in map(json.loads, done.stdout.splitlines()) if 'epoch' in row][-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('cnn')
    parser.add_argument('photos')
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--steps', type=int, default=6)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument('--rank', type=int, help=argparse.SUPPRESS)
    parser.add_argument('--of', type=int, help=argparse.SUPPRESS)
    parser.add_argument('--meeting', help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.rank is not None:
        peer(given, given.rank, given.of, given.meeting)
        return
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1')
    rows = {(who, ranks): [] for who in ('libcnn', 'PyTorch') for ranks in (1, 2)}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(given.rounds):
            for (who, ranks), speeds in rows.items():
                run = run_cnn if who == 'libcnn' else run_peer
                speeds.append(run(given if who == 'libcnn' else sys.argv[1:], ranks, folder))
                print(f'{who}, {ranks}: {speeds[-1]:.1f} images/s', flush=True)
    middle = {key: statistics.median(speeds) for key, speeds in rows.items()}
    for ranks in (1, 2):
        own, other = middle['libcnn', ranks], middle['PyTorch', ranks]
        print(f'{ranks} processes: libcnn {own:.1f}, PyTorch {other:.1f} images/s: {own / other:.2f} times')


if __name__ == '__main__':
    main()
