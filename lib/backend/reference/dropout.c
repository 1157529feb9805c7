/* SPDX-License-Identifier: MIT */
/* Dropout by Philox 4x32-10, laid out as core/rng.c lays out a stream: key[0] is the generator's key (low word
 * first), key[1] the upper half of the counter, the block's number the lower half. */
#include <math.h>

#include "backend/reference/reference.h"
#include "backend/task.h"
#include "core/rng.h"

typedef struct dropout_work {
    const cnn_dropout_shape *shape;
    cnn__dropout_rule rule;
    const float *x;
    float *y;
} dropout_work;

cnn__dropout_rule cnn__dropout_rule_of(const cnn_dropout_shape *shape)
{
    /* The product is exact; rounded up, comparing integers gives the same as comparing with the product. */
    cnn__dropout_rule rule = {
        .threshold = (uint32_t)ceil((double)shape->rate * 0x1p32),
        .scale = (float)(1 / (1 - (double)shape->rate)),
    };
    return rule;
}

static void random_block(const uint64_t key[2], uint64_t block, uint32_t words[4])
{
    const uint32_t philox_key[2] = {(uint32_t)key[0], (uint32_t)(key[0] >> 32)};
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)key[1], (uint32_t)(key[1] >> 32)};
    cnn__philox(philox_key, counter, words);
}

void cnn__dropout_decide(const cnn_dropout_shape *shape, uint32_t threshold, size_t begin, size_t end, uint8_t *keep)
{
    uint32_t words[4];
    for (size_t i = begin; i < end; i++) {
        if (i == begin || i % 4 == 0) {
            random_block(shape->key, i / 4, words);
        }
        keep[i - begin] = words[i % 4] >= threshold;
    }
}

/* Decisions made at a time, on the stack. */
enum { DECISIONS = 256 };

static void drop_values(const void *argument, size_t begin, size_t end)
{
    const dropout_work *work = argument;
    uint8_t keep[DECISIONS];
    for (size_t i = begin; i < end; i += DECISIONS) {
        size_t stop = cnn__min_size(end, i + DECISIONS);
        cnn__dropout_decide(work->shape, work->rule.threshold, i, stop, keep);
        for (size_t j = i; j < stop; j++) {
            work->y[j] = keep[j - i] ? work->x[j] * work->rule.scale : 0;
        }
    }
}

/* One decision for each n and c: [begin, end) counts images. */
static void drop_channels(const void *argument, size_t begin, size_t end)
{
    const dropout_work *work = argument;
    size_t c = (size_t)work->shape->c, positions = (size_t)work->shape->positions;
    uint8_t keep[DECISIONS];
    for (size_t image = begin; image < end; image++) {
        for (size_t first = 0; first < c; first += DECISIONS) {
            size_t stop = cnn__min_size(c, first + DECISIONS);
            cnn__dropout_decide(work->shape, work->rule.threshold, image * c + first, image * c + stop, keep);
            for (size_t p = 0; p < positions; p++) {
                size_t at = (image * positions + p) * c;
                for (size_t j = first; j < stop; j++) {
                    work->y[at + j] = keep[j - first] ? work->x[at + j] * work->rule.scale : 0;
                }
            }
        }
    }
}

cnn_status cnn__reference_dropout(const cnn_backend_call *call, const cnn_dropout_shape *shape, const float *x,
                                  float *y)
{
    const dropout_work work = {shape, cnn__dropout_rule_of(shape), x, y};
    if (shape->channels) {
        cnn__for_spans(call, (size_t)shape->n, 1, drop_channels, &work);
    } else {
        cnn__for_spans(call, (size_t)(shape->n * shape->positions * shape->c), CNN__SPAN, drop_values, &work);
    }
    return CNN_OK;
}
