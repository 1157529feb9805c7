/* SPDX-License-Identifier: MIT */
/* Values along one axis, picked or weighted, and the gradient: the same in every backend. */
#include <math.h>
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"

/* Columns that a task of the gradient adds up at a time. */
enum { TILE = 256, MOST_TAPS = 4 };

/* What an output is made of: `count` inputs with their weights; none: the value. */
typedef struct taps {
    int count;
    int64_t at[MOST_TAPS];
    float weight[MOST_TAPS];
} taps;

/* Where a place outside [0, in) lies inside; -1: nowhere. */
static int64_t inside(const cnn_sample_args *a, int64_t at)
{
    const int64_t in = a->in, period = 2 * (in - 1);
    if (at >= 0 && at < in) {
        return at;
    }
    switch (a->border) {
    case CNN_BORDER_REFLECT:
        at = period > 0 ? (at % period + period) % period : 0;
        return at < in ? at : period - at;
    case CNN_BORDER_EDGE:
        return at < 0 ? 0 : in - 1;
    case CNN_BORDER_WRAP:
        return (at % in + in) % in;
    default:
        return -1;
    }
}

static int64_t clamp(const cnn_sample_args *a, int64_t at) { return at < 0 ? 0 : at >= a->in ? a->in - 1 : at; }

static int64_t nearest(const cnn_sample_args *a, double place)
{
    switch (a->rounding) {
    case CNN_ROUND_DOWN:
        return (int64_t)floor(place);
    case CNN_ROUND_UP:
        return (int64_t)ceil(place);
    case CNN_ROUND_HALF_UP:
        return (int64_t)floor(place + 0.5);
    default:
        return (int64_t)ceil(place - 0.5);
    }
}

/* Keys's weights of the values at -1, 0, 1 and 2 from the one before the place. */
static void cubic_taps(const cnn_sample_args *args, int64_t first, double t, taps *s)
{
    const double a = (double)args->cubic, far = 1 + t, near = 1 - t, end = 2 - t;
    double weight[MOST_TAPS] = {((a * far - 5 * a) * far + 8 * a) * far - 4 * a, ((a + 2) * t - (a + 3)) * t * t + 1,
                                ((a + 2) * near - (a + 3)) * near * near + 1,
                                ((a * end - 5 * a) * end + 8 * a) * end - 4 * a};
    double sum = 0;
    for (int k = 0; k < MOST_TAPS; k++) {
        const int64_t at = first - 1 + k;
        weight[k] = args->exclude && clamp(args, at) != at ? 0 : weight[k];
        sum += weight[k];
        s->at[k] = clamp(args, at);
    }
    for (int k = 0; k < MOST_TAPS; k++) {
        s->weight[k] = (float)(args->exclude && sum != 0 ? weight[k] / sum : weight[k]);
    }
    s->count = MOST_TAPS;
}

static taps taps_of(const cnn_sample_args *a, int64_t i)
{
    taps s = {.count = 1, .weight = {1}};
    if (a->mode == CNN_SAMPLE_STEP) {
        s.at[0] = inside(a, a->start + i * a->step);
        s.count = s.at[0] >= 0;
        return s;
    }
    double place = ((double)i + a->shift) / a->factor + a->offset;
    if (a->extrapolate && (place < 0 || place > (double)(a->in - 1))) {
        s.count = 0;
        return s;
    }
    place = place < -1e9 ? -1e9 : place > 4e9 ? 4e9 : place;
    const double before = floor(place);
    if (a->mode == CNN_SAMPLE_NEAREST) {
        s.at[0] = clamp(a, nearest(a, place));
    } else if (a->mode == CNN_SAMPLE_CUBIC) {
        cubic_taps(a, (int64_t)before, place - before, &s);
    } else {
        s.count = 2;
        s.at[0] = clamp(a, (int64_t)before);
        s.at[1] = clamp(a, (int64_t)before + 1);
        s.weight[1] = (float)(place - before);
        s.weight[0] = 1 - s.weight[1];
    }
    return s;
}

/* [begin, end) counts rows of y, of `inner` values. */
static void forward_rows(const void *argument, size_t begin, size_t end)
{
    const cnn_sample_args *a = argument;
    const size_t inner = (size_t)a->inner, out = (size_t)a->out;
    for (size_t row = begin; row < end; row++) {
        const taps s = taps_of(a, (int64_t)(row % out));
        const float *x = a->x + row / out * (size_t)a->in * inner;
        float *y = a->y + row * inner;
        if (s.count == 1) {
            memcpy(y, x + (size_t)s.at[0] * inner, inner * sizeof(float));
            continue;
        }
        for (size_t j = 0; j < inner; j++) {
            y[j] = s.count == 0 ? a->value : s.weight[0] * x[(size_t)s.at[0] * inner + j];
        }
        for (int k = 1; k < s.count; k++) {
            const float *from = x + (size_t)s.at[k] * inner, weight = s.weight[k];
            for (size_t j = 0; j < inner; j++) {
                y[j] += weight * from[j];
            }
        }
    }
}

/* Some columns of one of the `outer`: no two tasks write to one place. */
static void backward_tile(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const cnn_sample_args *a = argument;
    const size_t inner = (size_t)a->inner, tiles = cnn__div_up(inner, TILE), outer = index / tiles;
    const cnn__range columns = cnn__grain_range(inner, TILE, index % tiles);
    const size_t width = columns.end - columns.begin;
    const float *dy = a->dy + outer * (size_t)a->out * inner + columns.begin;
    float *dx = a->dx + outer * (size_t)a->in * inner + columns.begin;
    for (int64_t i = 0; i < a->in; i++) {
        memset(dx + (size_t)i * inner, 0, width * sizeof(float));
    }
    for (int64_t i = 0; i < a->out; i++) {
        const taps s = taps_of(a, i);
        for (int k = 0; k < s.count; k++) {
            const float *from = dy + (size_t)i * inner, weight = s.weight[k];
            float *to = dx + (size_t)s.at[k] * inner;
            for (size_t j = 0; j < width; j++) {
                to[j] += weight * from[j];
            }
        }
    }
}

cnn_status cnn__sample_axis(const cnn_backend_call *call, cnn_pass pass, const cnn_sample_args *args)
{
    const size_t inner = (size_t)args->inner;
    if (pass == CNN_PASS_FORWARD) {
        cnn__for_spans(call, (size_t)(args->outer * args->out), cnn__div_up(CNN__SPAN, inner), forward_rows, args);
        return CNN_OK;
    }
    call->parallel(call, (size_t)args->outer * cnn__div_up(inner, TILE), backward_tile, (void *)(uintptr_t)args);
    return pass == CNN_PASS_BACKWARD ? CNN_OK : CNN_ERROR_UNSUPPORTED;
}
