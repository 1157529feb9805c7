/* SPDX-License-Identifier: MIT */
/* Constraints of parameters: norms along any of the axes.
 *
 * A norm belongs to one place along the axes that are not summed over. Those places are cut into tiles of neighbours in
 * the last axis, so that rows of memory are read, whichever axes are summed over: if the last one is, it moves to the
 * others and an axis of one value takes its place. */
#include <math.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"

/* What Keras adds to norms before it divides by them. */
#define EPSILON 1e-7

enum { TILE = 64 };

/* Axes that are summed over and axes that are not, but for the last one, each with the distance of its neighbours. */
typedef struct axes {
    uint32_t count;
    size_t size[CNN_MAX_RANK], stride[CNN_MAX_RANK];
} axes;

typedef struct norm_work {
    const cnn_constrain_args *args;
    axes kept, summed;
    size_t columns; /* the last axis */
} norm_work;

static size_t places(const axes *a)
{
    size_t count = 1;
    for (uint32_t i = 0; i < a->count; i++) {
        count *= a->size[i];
    }
    return count;
}

/* From the last axis to the first; neighbours become one. */
static void push(axes *a, size_t size, size_t stride)
{
    if (a->count > 0 && a->stride[a->count - 1] * a->size[a->count - 1] == stride) {
        a->size[a->count - 1] *= size;
        return;
    }
    a->size[a->count] = size;
    a->stride[a->count++] = stride;
}

static size_t offset_of(const axes *a, size_t place)
{
    size_t offset = 0;
    if (a->count == 1) { /* nearly always */
        return place * a->stride[0];
    }
    for (uint32_t i = 0; i < a->count; i++) {
        offset += place % a->size[i] * a->stride[i];
        place /= a->size[i];
    }
    return offset;
}

/* The norm that one of `s` is to become. */
static double bounded(const cnn_constrain_args *args, double s)
{
    double t = s;
    switch (args->kind) {
    case CNN_CONSTRAINT_MAX_NORM:
        return s > args->high ? args->high : s;
    case CNN_CONSTRAINT_UNIT_NORM:
        return 1;
    default:
        t = t > args->high ? args->high : t;
        t = t < args->low ? args->low : t;
        return (double)args->rate * t + (1 - (double)args->rate) * s;
    }
}

static void constrain_tile(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const norm_work *work = argument;
    const size_t tiles = cnn__div_up(work->columns, TILE), rows = places(&work->summed);
    const cnn__range columns = cnn__grain_range(work->columns, TILE, index % tiles);
    const size_t width = columns.end - columns.begin;
    float *base = work->args->w + offset_of(&work->kept, index / tiles) + columns.begin;
    double sums[TILE] = {0};
    float factors[TILE];
    for (size_t row = 0; row < rows; row++) {
        const float *w = base + offset_of(&work->summed, row);
        for (size_t j = 0; j < width; j++) {
            sums[j] += (double)w[j] * w[j];
        }
    }
    for (size_t j = 0; j < width; j++) {
        const double norm = sqrt(sums[j]);
        factors[j] = (float)(bounded(work->args, norm) / (EPSILON + norm));
    }
    for (size_t row = 0; row < rows; row++) {
        float *w = base + offset_of(&work->summed, row);
        for (size_t j = 0; j < width; j++) {
            w[j] *= factors[j];
        }
    }
}

static void clear_negative(const void *argument, size_t begin, size_t end)
{
    const cnn_constrain_args *args = argument;
    for (size_t i = begin; i < end; i++) {
        args->w[i] = args->w[i] < 0 ? 0 : args->w[i]; /* a NaN stays one */
    }
}

cnn_status cnn__constrain(const cnn_backend_call *call, const cnn_constrain_args *args)
{
    norm_work work = {.args = args, .columns = 1};
    const uint32_t rank = args->shape.rank;
    size_t stride = 1;
    for (uint32_t i = rank; i-- > 0;) {
        const size_t size = (size_t)args->shape.dims[i];
        if ((args->axes >> i & 1u) != 0) {
            push(&work.summed, size, stride);
        } else if (i + 1 == rank) {
            work.columns = size;
        } else {
            push(&work.kept, size, stride);
        }
        stride *= size;
    }
    if (args->kind == CNN_CONSTRAINT_NON_NEGATIVE) {
        cnn__for_spans(call, stride, CNN__SPAN, clear_negative, args);
    } else {
        call->parallel(call, places(&work.kept) * cnn__div_up(work.columns, TILE), constrain_tile, &work);
    }
    return CNN_OK;
}
