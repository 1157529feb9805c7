#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cost model of docs/scale.md against measurements: predicts the step of several ranks from what ranks that do not
speak to each other and an empty network do, then trains on them.

    scale.py CNN PINGPONG DATA [--model NAME] [--batch N] [--ranks 2,4] [--rates local,1gbit] [--rounds N]

PINGPONG is tests/mpi/pingpong of a build. `local` is one machine's memory; a rate is that of links between "hosts"
which tests/mpi/hosts.sh makes, as root. Prints for each a line: predicted and measured milliseconds of a step, and
their difference. Ranks compute at the same time, so that what they have to share, memory, processors, other work on the
machine, is in both figures. Run by hand."""
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
        self.folder = folder

    def command(self, batch, number=0):
        given = self.given
        return [given.cnn, 'train', given.model, '--data', given.data, '--limit', str(batch * 6), '--batch', str(batch),
                '--epochs', '2', '--threads', '1', '--json', '--quiet', '--replace',
                '--out', os.path.join(self.folder, f'model{number}.cnn')]

    @staticmethod
    def step(text, batch):
        """Seconds of a step of the last epoch."""
        return batch / [row['images_per_s'] for row in map(json.loads, text.splitlines()) if 'epoch' in row][-1]

    def together(self, start, batch):
        return self.step(output(start + self.command(batch)), batch)

    def apart(self, ranks, batch):
        """The same of so many trainings that know nothing of each other: the mean."""
        running = [subprocess.Popen(self.command(batch, number), stdout=subprocess.PIPE, text=True)
                   for number in range(ranks)]
        texts = [process.communicate()[0] for process in running]
        if any(process.returncode != 0 for process in running):
            sys.exit('cnn train failed')
        return statistics.mean(self.step(text, batch) for text in texts)

    def gradient_bytes(self):
        text = output([self.given.cnn, 'summary', self.given.model, '--classes', '2', '--json'])
        return 4 * json.loads(text)['trainable']


def predict(own, network, ranks, gradients, cores, rate):
    """Seconds of a step: `own` is that of ranks without exchange, each with its share of the batch. Up to 16 ranks each
    sends to all others at once, so that the latency counts twice, whatever the number of blocks."""
    crowd = max(1, ranks / cores)
    moved = (ranks - 1) / ranks * gradients
    exchange = 2 * moved / network['bandwidth'] + 2 * network['latency']
    adding = moved / network['add'] * crowd
    computing = own * network['jitter'] + adding + 4 * network['latency'] * math.log2(ranks)
    if rate == 'local':  # moving bytes is the ranks' own work, as adding is
        return computing + exchange * crowd
    return computing + max(0, exchange - BESIDE * own)


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
                few = launcher(min(ranks, cores) if rate == 'local' else ranks, rate)  # a crowd would wait for turns
                predicted, measured = [], []
                for _ in range(given.rounds):  # in turn: other work on the machine is then the same for both
                    own = training.apart(ranks, given.batch // ranks)
                    network = json.loads(output(few + [given.pingpong, messages]))
                    predicted.append(predict(own, network, ranks, gradients, cores, rate))
                    measured.append(training.together(start, given.batch))
                    print(f'  # alone {own * 1e3:.1f} ms, {network["bandwidth"] / 1e6:.0f} MB/s, '
                          f'{network["latency"] * 1e6:.0f} us, jitter {network["jitter"]:.2f}: '
                          f'{predicted[-1] * 1e3:.1f}, measured {measured[-1] * 1e3:.1f} ms', flush=True)
                p, m = statistics.median(predicted), statistics.median(measured)
                shared = f' on {cores} cores' if ranks > cores else ''
                print(f'{given.model} {ranks} ranks{shared} {rate}: predicted {p * 1e3:.1f} ms, '
                      f'measured {m * 1e3:.1f} ms, {100 * (p / m - 1):+.0f} %', flush=True)


if __name__ == '__main__':
    main()
