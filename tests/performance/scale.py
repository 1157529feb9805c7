#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cost model of docs/scale.md against measurements: predicts the step of several ranks from what one rank and an
empty network do, then trains on them.

    scale.py CNN PINGPONG DATA [--model NAME] [--batch N] [--ranks 2,4] [--rates local,1gbit,200mbit] [--rounds N]

PINGPONG is tests/mpi/pingpong of a build. `local` is one machine's memory; a rate is that of links between "hosts"
which tests/mpi/hosts.sh makes, as root. Prints for each a line: predicted and measured milliseconds of a step, and their
difference. Run by hand, on a quiet machine."""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile

HOSTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'mpi', 'hosts.sh')
# How much of a step, from its end, the exchange goes on beside: until the first layers' gradients are there.
BESIDE = 2 / 3


def output(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}: {done.stderr}')
    return done.stdout


def launcher(ranks, rate):
    """What starts ranks: on this machine, or on hosts with links of that rate."""
    if rate == 'local':
        return ['mpirun', '--oversubscribe', '--bind-to', 'none', '-n', str(ranks)]
    return ['sh', HOSTS, str(ranks), rate]


class Training:
    """A model on data: the seconds of its steps."""

    def __init__(self, given, folder):
        self.given = given
        self.out = ['--out', os.path.join(folder, 'model.cnn')]

    def command(self, batch):
        given = self.given
        return [given.cnn, 'train', given.model, '--data', given.data, '--limit', str(batch * 6), '--batch', str(batch),
                '--epochs', '2', '--threads', '1', '--json', '--quiet', '--replace'] + self.out

    def seconds(self, before, batch):
        """Of a step of the last epoch."""
        rows = [json.loads(line) for line in output(before + self.command(batch)).splitlines()]
        return batch / [row['images_per_s'] for row in rows if 'epoch' in row][-1]

    def gradient_bytes(self):
        text = output([self.given.cnn, 'summary', self.given.model, '--classes', '2', '--json'])
        return 4 * json.loads(text)['trainable']


def predict(own, network, ranks, gradients, cores, rate):
    """Seconds of a step: `own` is one rank's with its share of the batch, on a core of its own. Up to 16 ranks each
    sends to all others at once, so that the latency counts twice, whatever the number of blocks."""
    crowd = max(1, ranks / cores)
    moved = (ranks - 1) / ranks * gradients
    exchange = 2 * moved / network['bandwidth'] + 2 * network['latency']
    meetings = 4 * network['latency'] * math.log2(ranks)
    adding = moved / network['add'] * crowd
    if rate == 'local':  # moving bytes is the ranks' own work
        return own * crowd + exchange + adding + meetings
    return own * crowd + adding + max(0, exchange - BESIDE * own * crowd) + meetings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('cnn', 'pingpong', 'data'):
        parser.add_argument(name)
    parser.add_argument('--model', default='catdog')
    parser.add_argument('--batch', type=int, default=40)
    parser.add_argument('--ranks', default='2,4')
    parser.add_argument('--rates', default='local')
    parser.add_argument('--rounds', type=int, default=3)
    given = parser.parse_args()
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1')
    cores = os.cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        training = Training(given, folder)
        gradients = training.gradient_bytes()
        messages = str(max(2, min(32, gradients // (2 << 20))))
        print(f'{given.model}: batch {given.batch}, {gradients / 1e6:.1f} MB of gradients, {cores} cores')
        for ranks in map(int, given.ranks.split(',')):
            for rate in given.rates.split(','):
                start = launcher(ranks, rate)
                predicted, measured = [], []
                for _ in range(given.rounds):  # in turn: other work on the machine is then the same for both
                    own = training.seconds([], given.batch // ranks)
                    network = json.loads(output(start + [given.pingpong, messages]))
                    predicted.append(predict(own, network, ranks, gradients, cores, rate))
                    measured.append(training.seconds(start, given.batch))
                    print(f'  # own {own * 1e3:.1f} ms, {network["bandwidth"] / 1e6:.0f} MB/s, '
                          f'{network["latency"] * 1e6:.0f} us: {predicted[-1] * 1e3:.1f}, measured '
                          f'{measured[-1] * 1e3:.1f} ms', flush=True)
                p, m = statistics.median(predicted), statistics.median(measured)
                print(f'{given.model} {ranks} ranks {rate}: predicted {p * 1e3:.1f} ms, measured {m * 1e3:.1f} ms, '
                      f'{100 * (p / m - 1):+.0f} %', flush=True)


if __name__ == '__main__':
    main()
