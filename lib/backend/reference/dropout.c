/* SPDX-License-Identifier: MIT */
/* Dropout, by the decisions that all backends share. */
#include "backend/driver/task.h"
#include "backend/reference/reference.h"

typedef struct dropout_work {
    const cnn_dropout_args *args;
    cnn__dropout_rule rule;
} dropout_work;

/* Decisions made at a time, on the stack. */
enum { DECISIONS = 256 };

static void drop_values(const void *argument, size_t begin, size_t end)
{
    const dropout_work *work = argument;
    uint8_t keep[DECISIONS];
    for (size_t i = begin; i < end; i += DECISIONS) {
        size_t stop = cnn__min_size(end, i + DECISIONS);
        cnn__dropout_decide(work->args, work->rule.threshold, i, stop, keep);
        for (size_t j = i; j < stop; j++) {
            work->args->y[j] = keep[j - i] ? work->args->x[j] * work->rule.scale : 0;
        }
    }
}

/* One decision for each n and c: [begin, end) counts images. */
static void drop_channels(const void *argument, size_t begin, size_t end)
{
    const dropout_work *work = argument;
    size_t c = (size_t)work->args->c, positions = (size_t)work->args->positions;
    uint8_t keep[DECISIONS];
    for (size_t image = begin; image < end; image++) {
        for (size_t first = 0; first < c; first += DECISIONS) {
            size_t stop = cnn__min_size(c, first + DECISIONS);
            cnn__dropout_decide(work->args, work->rule.threshold, image * c + first, image * c + stop, keep);
            for (size_t p = 0; p < positions; p++) {
                size_t at = (image * positions + p) * c;
                for (size_t j = first; j < stop; j++) {
                    work->args->y[at + j] = keep[j - first] ? work->args->x[at + j] * work->rule.scale : 0;
                }
            }
        }
    }
}

cnn_status cnn__reference_dropout(const cnn_backend_call *call, const cnn_dropout_args *args)
{
    const dropout_work work = {args, cnn__dropout_rule_of(args)};
    if (args->channels) {
        cnn__for_spans(call, (size_t)args->n, 1, drop_channels, &work);
    } else {
        cnn__for_spans(call, (size_t)(args->n * args->positions * args->c), CNN__SPAN, drop_values, &work);
    }
    return CNN_OK;
}
