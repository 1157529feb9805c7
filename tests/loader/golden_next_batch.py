#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_next_batch.h: what next_batch() of the AlexNet article's DataSet gives for small sets.

An index stands for itself as (epoch, place): its place in the order that the epoch's shuffle made. How the order is
shuffled is then left open, and the same list holds for any generator. Without shuffling the order is that of epoch 0
for ever. Batches that the article leaves short (the rest of an epoch and more than one whole epoch after it) are not
taken up.

    /usr/bin/python3 golden_next_batch.py > golden_next_batch.h
"""


class DataSet:
    def __init__(self, count):
        self.count = count
        self.epoch = -1  # of the last shuffle
        self.indices = None
        self.shuffle()
        self.epoch = -1
        self.epochs_completed = 0
        self.index_in_epoch = 0

    def shuffle(self):
        self.epoch += 1
        self.indices = [(self.epoch, place) for place in range(self.count)]

    def next_batch(self, size, shuffle):
        start = self.index_in_epoch
        if self.epochs_completed == 0 and start == 0 and shuffle:
            self.shuffle()
        if start + size > self.count:
            self.epochs_completed += 1
            rest = self.indices[start:self.count]
            if shuffle:
                self.shuffle()
            self.index_in_epoch = size - len(rest)
            return rest + self.indices[0:self.index_in_epoch]
        self.index_in_epoch += size
        return self.indices[start:self.index_in_epoch]


CASES = [(5, 1), (5, 2), (5, 5), (6, 4), (7, 3), (8, 4), (3, 2), (10, 7), (4, 6), (5, 6), (2, 4), (1, 1), (1, 2)]

print("/* SPDX-License-Identifier: MIT */\n/* Written by golden_next_batch.py. */")
print("#ifndef GOLDEN_NEXT_BATCH_H\n#define GOLDEN_NEXT_BATCH_H\n")
print("typedef struct golden_batch {\n    int count, batch, shuffle, number, epochs_completed, size;")
print("    struct {\n        int epoch, place;\n    } samples[8];\n} golden_batch;\n")
print("static const golden_batch golden_batches[] = {")
for count, batch in CASES:
    for shuffle in (1, 0):
        data = DataSet(count)
        for number in range(2 * count // batch + 3):
            samples = data.next_batch(batch, shuffle)
            if len(samples) < batch:
                break
            text = ", ".join("{%d, %d}" % (epoch if shuffle else 0, place) for epoch, place in samples)
            print("    {%d, %d, %d, %d, %d, %d, {%s}}," % (count, batch, shuffle, number, data.epochs_completed, len(samples), text))
print("};\n\n#endif")
