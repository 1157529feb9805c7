# SPDX-License-Identifier: MIT
"""Writes golden_schedule.h: learning rates as torch.optim.lr_scheduler gives them.

Run by hand with Debian's python3-torch: /usr/bin/python3 golden_schedule.py >golden_schedule.h
"""
import math
import random
import warnings

import torch
from torch.optim import lr_scheduler as torch_schedules

warnings.simplefilter('ignore')


def number(value):
    if math.isnan(value):
        return 'NAN'
    if math.isinf(value):
        return '-INFINITY' if value < 0 else 'INFINITY'
    return repr(value)


def numbers(values):
    lines, line = [], ''
    for text in (number(value) for value in values):
        if len(line) + len(text) + 2 > 108:
            lines.append(line)
            line = ''
        line += ('' if line == '' else ' ') + text + ','
    return '\n         '.join(lines + [line])


def optimizer(base):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)


def rates_of(make, base, count):
    """The rate before each of `count` calls of step()."""
    sgd = optimizer(base)
    schedule = make(sgd)
    rates = []
    for _ in range(count):
        rates.append(sgd.param_groups[0]['lr'])
        sgd.step()
        schedule.step()
    return rates


def warm_cosine(sgd):
    first = torch_schedules.LinearLR(sgd, start_factor=0.1, total_iters=4)
    second = torch_schedules.CosineAnnealingLR(sgd, T_max=12, eta_min=1e-4)
    return torch_schedules.SequentialLR(sgd, [first, second], milestones=[4])


def one_cycle(total, **options):
    return lambda o: torch_schedules.OneCycleLR(o, max_lr=0.4, total_steps=total, **options)


def triangle(total, points, values):
    """The lines of airbench's recipes: np.interp over the steps."""
    import numpy
    return lambda o: torch_schedules.LambdaLR(
        o, lambda step: float(numpy.interp(step / total, points, values)))


# text, base, steps in an epoch, epochs, rates by step (else by epoch), PyTorch's
CURVES = [
    ('step:every=3,gamma=0.5', 0.1, 7, 14, 0, lambda o: torch_schedules.StepLR(o, 3, 0.5)),
    ('step:every=5', 0.01, 1, 12, 0, lambda o: torch_schedules.StepLR(o, 5)),
    ('exponential:gamma=0.9', 0.2, 5, 12, 0, lambda o: torch_schedules.ExponentialLR(o, 0.9)),
    ('cosine', 0.1, 3, 10, 0, lambda o: torch_schedules.CosineAnnealingLR(o, 10)),
    ('cosine:epochs=9,minimum=0.01', 0.1, 3, 10, 0, lambda o: torch_schedules.CosineAnnealingLR(o, 9, 0.01)),
    ('cosine:step', 0.05, 4, 5, 1, lambda o: torch_schedules.CosineAnnealingLR(o, 20)),
    ('warmup:steps=6,start=0.25', 0.1, 4, 3, 1, lambda o: torch_schedules.LinearLR(o, 0.25, total_iters=6)),
    ('warmup:epochs=2,start=0.3', 0.1, 4, 3, 1, lambda o: torch_schedules.LinearLR(o, 0.3, total_iters=8)),
    ('warmup:steps=9', 0.1, 4, 3, 1, lambda o: torch_schedules.LinearLR(o, 0.1, total_iters=9)),
    ('warmup:steps=4,start=0.1+cosine:minimum=0.0001,pace=step', 0.02, 8, 2, 1, warm_cosine),
    ('linear', 0.1, 3, 8, 0, lambda o: torch_schedules.LinearLR(o, 1, 0, total_iters=8)),
    ('linear:epochs=5,end=0.25', 0.1, 3, 8, 0, lambda o: torch_schedules.LinearLR(o, 1, 0.25, total_iters=5)),
    ('linear:step,end=0.1', 0.3, 4, 5, 1, lambda o: torch_schedules.LinearLR(o, 1, 0.1, total_iters=20)),
    ('onecycle', 0.4, 4, 5, 1, one_cycle(20)),
    ('onecycle:peak=0.25,div=10,final_div=100,anneal=linear', 0.4, 4, 6, 1,
     one_cycle(24, pct_start=0.25, div_factor=10, final_div_factor=100, anneal_strategy='linear')),
    ('onecycle:peak=0.33,div=4', 0.4, 1, 11, 1, one_cycle(11, pct_start=0.33, div_factor=4)),
    ('triangular:peak=0.2,start=0.2,end=0.05', 0.7, 4, 5, 1, triangle(20, [0, 0.2, 1], [0.2, 1, 0.05])),
    ('triangular', 0.7, 3, 7, 1, triangle(21, [0, 0.3, 1], [0, 1, 0])),
    ('triangular:peak=0,end=0.5', 0.7, 2, 5, 1, triangle(10, [0, 1], [1, 0.5])),
]

# text, mode, base, arguments of ReduceLROnPlateau
PLATEAUS = [
    ('plateau:pytorch', 'min', 0.1, {}),
    ('plateau:pytorch,patience=2', 'min', 0.1, {'patience': 2}),
    ('plateau:pytorch,patience=0,factor=0.5', 'max', 0.1, {'patience': 0, 'factor': 0.5}),
    ('plateau:pytorch,patience=1,cooldown=3', 'min', 0.1, {'patience': 1, 'cooldown': 3}),
    ('plateau:pytorch,patience=1,threshold=0.05', 'max', 0.1, {'patience': 1, 'threshold': 0.05}),
    ('plateau:pytorch,patience=1,threshold=0,minimum=0.002', 'min', 0.1,
     {'patience': 1, 'threshold': 0, 'min_lr': 0.002}),
    ('plateau:pytorch,patience=1,eps=0.0005', 'max', 0.1, {'patience': 1, 'eps': 0.0005}),
]


def plateau(mode, base, arguments, scores):
    sgd = optimizer(base)
    schedule = torch_schedules.ReduceLROnPlateau(sgd, mode=mode, **arguments)
    rates = []
    for score in scores:
        schedule.step(score)
        rates.append(sgd.param_groups[0]['lr'])
    return rates


def curves(random_numbers):
    """Scores that get better, then stay about where they are; some negative; some not a number."""
    for sign in (1, -1):
        level = 2.0
        scores = []
        for _ in range(36):
            level -= random_numbers.choice([0.3, 0.05, 0.0001, 0, 0, -0.1])
            scores.append(round(sign * level, 6))
        yield scores
    yield [1.0, math.nan, 0.5, math.nan, math.nan, 0.5, 0.49999, 0.3, 0.29999, 0.29998, -0.1, -0.10001, -0.2, -0.2,
           math.nan, -0.2, 0.0, -0.3, -0.3, -0.3, -0.3, -0.3, -0.3]


def main():
    print('/* SPDX-License-Identifier: MIT */')
    print('/* Made by golden_schedule.py with PyTorch ' + torch.__version__.split('+')[0] + '. */')
    print('#include <math.h>\n#include <stddef.h>\n')
    print('static const struct golden_curve {\n    const char *text;\n    double base;\n    int steps, epochs, by_step;')
    print('    double rates[24];\n} golden_curves[] = {')
    for text, base, steps, epochs, by_step, make in CURVES:
        count = steps * epochs if by_step else epochs
        print('    {"%s", %r, %d, %d, %d,\n        {%s}},' %
              (text, base, steps, epochs, by_step, numbers(rates_of(make, base, count))))
    print('};\n\n#define GOLDEN_EPOCHS 36\n')
    print('static const struct golden_plateau {\n    const char *text;\n    int high;\n    double base;\n    size_t epochs;')
    print('    double scores[GOLDEN_EPOCHS], rates[GOLDEN_EPOCHS];\n} golden_plateaus[] = {')
    for scores in curves(random.Random(5)):
        for text, mode, base, arguments in PLATEAUS:
            print('    {"%s", %d, %r, %d,\n        {%s},\n        {%s}},' %
                  (text, mode == 'max', base, len(scores), numbers(scores),
                   numbers(plateau(mode, base, arguments, scores))))
    print('};')


main()
