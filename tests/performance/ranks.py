#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two processes of one thread against one process of two, in turn, with the same batch:
    ranks.py CNN DATA [--model NAME] [--batch N] [--limit N] [--rounds N] [--prefix COMMAND] [--options TEXT]
Prints images/s of the second epoch's steps, the median of all rounds, and of the ratios within each. Run by hand."""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile


def speed(command, out):
    """Images per second of the last epoch that `command` trains."""
    done = subprocess.run(command + ['--out', out], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}: {done.stderr}')
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [row['images_per_s'] for row in rows if 'epoch' in row][-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('cnn')
    parser.add_argument('data')
    parser.add_argument('--model', default='catdog')
    parser.add_argument('--batch', type=int, default=40)
    parser.add_argument('--limit', type=int, default=400)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--prefix', default='', help='in front of both commands')
    parser.add_argument('--options', default='', help='of cnn train, for both')
    given = parser.parse_args()
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1')
    train = [given.cnn, 'train', given.model, '--data', given.data, '--limit', str(given.limit), '--batch',
             str(given.batch), '--epochs', '2', '--json', '--quiet', '--replace'] + shlex.split(given.options)
    prefix = shlex.split(given.prefix)
    one, two = [], []
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, 'model.cnn')
        for _ in range(given.rounds):
            one.append(speed(prefix + train + ['--threads', '2'], out))
            two.append(speed(prefix + ['mpirun', '--bind-to', 'core', '-n', '2'] + train + ['--threads', '1'], out))
            print(f'one process {one[-1]:.1f}, two {two[-1]:.1f} images/s', flush=True)
    ratio = statistics.median(b / a for a, b in zip(one, two))
    one, two = statistics.median(one), statistics.median(two)
    print(f'{given.model}: one process {one:.1f}, two {two:.1f} images/s: {ratio:.3f}')


if __name__ == '__main__':
    main()
