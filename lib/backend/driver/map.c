/* SPDX-License-Identifier: MIT */
/* Functions of single values of one or two arrays, which may be repeated along axes: the same in every backend. */
#include <math.h>
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"

/* The axes, those that lie as one made one. */
typedef struct map_work {
    const cnn_map_args *args;
    uint32_t rank;
    size_t dims[CNN_MAX_RANK], a_steps[CNN_MAX_RANK], b_steps[CNN_MAX_RANK];
} map_work;

static void join_axes(const cnn_map_args *args, map_work *work)
{
    *work = (map_work){.args = args};
    for (uint32_t i = 0; i < args->rank; i++) {
        const uint32_t last = work->rank - 1;
        const size_t dim = (size_t)args->dims[i], a = (size_t)args->a_steps[i], b = (size_t)args->b_steps[i];
        if (dim == 1) {
            continue;
        }
        if (work->rank > 0 && work->a_steps[last] == a * dim && work->b_steps[last] == b * dim) {
            work->dims[last] *= dim;
            work->a_steps[last] = a;
            work->b_steps[last] = b;
        } else {
            work->dims[work->rank] = dim;
            work->a_steps[work->rank] = a;
            work->b_steps[work->rank++] = b;
        }
    }
    if (work->rank == 0) {
        work->dims[work->rank++] = 1;
    }
}

static float power(float base, float exponent)
{
    return exponent == 2 ? base * base : exponent == 1 ? base : exponent == 0.5f ? sqrtf(base) : powf(base, exponent);
}

static float power_exponent(float a, float b) { return a > 0 ? powf(a, b) * logf(a) : 0; }

/* n values: `u` is one of a, `v` one of b. Arrays without gaps, and a single b, are loops of their own, for which the
 * compiler has vectors. */
#define EACH(expression)                              \
    if (sa == 1 && sb == 1) {                         \
        for (size_t i = 0; i < n; i++) {              \
            const float u = a[i], v = b[i];           \
            y[i] = (expression);                      \
        }                                             \
    } else if (sa == 1 && sb == 0) {                  \
        const float v = b[0];                         \
        for (size_t i = 0; i < n; i++) {              \
            const float u = a[i];                     \
            y[i] = (expression);                      \
        }                                             \
    } else {                                          \
        for (size_t i = 0; i < n; i++) {              \
            const float u = a[i * sa], v = b[i * sb]; \
            y[i] = (expression);                      \
        }                                             \
    }                                                 \
    break

/* The same of a alone. */
#define SINGLE(expression)           \
    for (size_t i = 0; i < n; i++) { \
        const float u = a[i * sa];   \
        y[i] = (expression);         \
    }                                \
    break

static void map_single(const cnn_map_args *args, size_t n, const float *a, size_t sa, float *y)
{
    const float p = args->p, q = args->q;
    switch ((cnn_map_function)args->function) {
    case CNN_MAP_SCALE:
        SINGLE(p * u);
    case CNN_MAP_ABS:
        SINGLE(fabsf(u));
    case CNN_MAP_EXP:
        SINGLE(expf(u));
    case CNN_MAP_LOG:
        SINGLE(logf(u));
    case CNN_MAP_SQRT:
        SINGLE(sqrtf(u));
    case CNN_MAP_POWER:
        SINGLE(power(u, p));
    case CNN_MAP_CLIP: /* the upper bound counts where they cross; what is no number stays so */
        SINGLE(u > q || p > q ? q : u < p ? p : u);
    case CNN_MAP_ERF:
        SINGLE(erff(u));
    default:
        SINGLE(u);
    }
}

static void map_pair(const cnn_map_args *args, size_t n, const float *a, size_t sa, const float *b, size_t sb, float *y)
{
    const float p = args->p, q = args->q, slope = 1.12837917f; /* 2 / sqrt(pi) */
    switch ((cnn_map_function)args->function) {
    case CNN_MAP_ADD:
        EACH(u + v);
    case CNN_MAP_SUBTRACT:
        EACH(u - v);
    case CNN_MAP_MULTIPLY:
        EACH(u * v);
    case CNN_MAP_DIVIDE:
        EACH(u / v);
    case CNN_MAP_POW:
        EACH(power(u, v));
    case CNN_MAP_MIN:
        EACH(u < v || u != u ? u : v);
    case CNN_MAP_MAX:
        EACH(u > v || u != u ? u : v);
    case CNN_MAP_EQUAL:
        EACH(u == v ? 1.0f : 0.0f);
    case CNN_MAP_LESS:
        EACH(u < v ? 1.0f : u == v ? 0.5f : 0.0f);
    case CNN_MAP_SIGN:
        EACH(u > 0 ? v : u < 0 ? -v : 0);
    case CNN_MAP_SQRT_GRADIENT:
        EACH(v / (2 * u));
    case CNN_MAP_POWER_GRADIENT:
        EACH(p * power(u, p - 1) * v);
    case CNN_MAP_CLIP_GRADIENT:
        EACH(u >= p && u <= q ? v : 0);
    case CNN_MAP_ERF_GRADIENT:
        EACH(v * slope * expf(-u * u));
    case CNN_MAP_POW_BASE:
        EACH(v * power(u, v - 1));
    case CNN_MAP_POW_EXPONENT:
        EACH(power_exponent(u, v));
    default:
        break;
    }
}

/* [begin, end) counts values of y. */
static void map_span(const void *argument, size_t begin, size_t end)
{
    const map_work *work = argument;
    const cnn_map_args *args = work->args;
    const uint32_t last = work->rank - 1;
    const size_t row = work->dims[last];
    while (begin < end) {
        size_t a = begin % row * work->a_steps[last], b = begin % row * work->b_steps[last], rest = begin / row;
        const size_t n = cnn__min_size(end - begin, row - begin % row);
        for (uint32_t d = last; d-- > 0;) {
            const size_t at = rest % work->dims[d];
            rest /= work->dims[d];
            a += at * work->a_steps[d];
            b += at * work->b_steps[d];
        }
        if (args->function <= CNN_MAP_ERF) {
            map_single(args, n, args->a + a, work->a_steps[last], args->y + begin);
        } else {
            map_pair(args, n, args->a + a, work->a_steps[last], args->b + b, work->b_steps[last], args->y + begin);
        }
        begin += n;
    }
}

cnn_status cnn__map(const cnn_backend_call *call, const cnn_map_args *args)
{
    map_work work;
    size_t values = 1;
    join_axes(args, &work);
    for (uint32_t i = 0; i < work.rank; i++) {
        values *= work.dims[i];
    }
    cnn__for_spans(call, values, CNN__SPAN / 4, map_span, &work);
    return CNN_OK;
}
