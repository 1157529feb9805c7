/* SPDX-License-Identifier: MIT */
/* One case of a fast convolution: its passes, alone and with prepared filters, on several numbers of threads. */
#include "backend/fast_conv2d.h"

#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const double fast_tolerances[CNN__CONV2D_ALGORITHMS] = {
    [CNN__CONV2D_WINOGRAD_4X3] = 2e-6,   [CNN__CONV2D_WINOGRAD_6X3] = 6e-6, [CNN__CONV2D_WINOGRAD_2X5] = 2e-6,
    [CNN__CONV2D_WINOGRAD_4X5] = 1.5e-5, [CNN__CONV2D_WINOGRAD_2X3] = 5e-7, [CNN__CONV2D_DIRECT] = 5e-7,
    [CNN__CONV2D_POINTWISE] = 5e-7,      [CNN__CONV2D_DEPTHWISE] = 5e-7,
};

#define CANARY 64      /* bytes on each side of a result */
#define MOST_THREADS 2 /* more workers run one after the other, the first last: quicker, and another order */

static uint64_t random_state = 88172645463325252ull;

uint32_t fast_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16);
}

int64_t fast_random_in(int64_t low, int64_t high)
{
    return low + (int64_t)(fast_random() % (uint32_t)(high - low + 1));
}

/* --- results with canaries ----------------------------------------------------------------------------------- */

typedef struct result {
    char *block;
    size_t size;
    void *data;
} result;

static result result_new(size_t size)
{
    result r = {NULL, size, NULL};
    ck_assert_int_eq(posix_memalign((void **)&r.block, 64, size + 2 * CANARY), 0);
    memset(r.block, 0xA5, size + 2 * CANARY);
    r.data = r.block + CANARY;
    return r;
}

static void result_check_free(result *r)
{
    size_t damaged = 0;
    for (size_t i = 0; i < CANARY; i++) {
        damaged += (uint8_t)r->block[i] != 0xA5 || (uint8_t)r->block[CANARY + r->size + i] != 0xA5;
    }
    ck_assert_uint_eq(damaged, 0);
    free(r->block);
}

float *fast_random_floats(size_t count)
{
    float *values = NULL;
    ck_assert_int_eq(posix_memalign((void **)&values, 64, count * sizeof(float)), 0);
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)((double)fast_random() / 2147483648.0 - 1);
    }
    return values;
}

/* --- workers ------------------------------------------------------------------------------------------------- */

typedef struct span {
    const cnn_backend_call *call;
    size_t begin, end;
    void (*task)(void *argument, size_t index, uint32_t worker);
    void *argument;
    uint32_t worker;
} span;

static void *span_run(void *argument)
{
    const span *s = argument;
    for (size_t i = s->begin; i < s->end; i++) {
        s->task(s->argument, i, s->worker);
    }
    return NULL;
}

void fast_parallel(const cnn_backend_call *call, size_t tasks,
                   void (*task)(void *argument, size_t index, uint32_t worker), void *argument)
{
    pthread_t threads[8];
    span spans[8];
    for (uint32_t i = 0; i < call->threads; i++) {
        spans[i] = (span){call, i * tasks / call->threads, (i + 1) * tasks / call->threads, task, argument, i};
        if (i > 0 && call->threads <= MOST_THREADS) {
            ck_assert_int_eq(pthread_create(&threads[i], NULL, span_run, &spans[i]), 0);
        } else if (i > 0) {
            span_run(&spans[i]);
        }
    }
    span_run(&spans[0]);
    for (uint32_t i = 1; i < call->threads && call->threads <= MOST_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* --- one case ------------------------------------------------------------------------------------------------ */

typedef struct sizes {
    size_t x, y, filters, pixels; /* pixels: unpooled outputs */
    int64_t rows, columns;        /* of y as stored */
} sizes;

static sizes sizes_of(const cnn_conv2d_shape *s)
{
    const int64_t cell = s->epilogue.pool != 0 ? 2 : 1;
    sizes z = {.rows = s->out_h / cell, .columns = s->out_w / cell};
    z.x = (size_t)(s->n * s->in_h * s->in_w * s->in_c);
    z.y = (size_t)(s->n * z.rows * z.columns * s->out_c);
    z.pixels = (size_t)(s->n * s->out_h * s->out_w * s->out_c);
    z.filters = (size_t)(s->kernel_h * s->kernel_w * (s->in_c / s->groups) * s->out_c);
    return z;
}

/* Calls visit(x index, filter index, output index) for every product of the convolution. */
typedef struct sums {
    const float *x, *filters;
    const double *dy;
    double *y, *y_size, *dx, *dx_size, *df, *df_size;
} sums;

static void add_products(const cnn_conv2d_shape *s, int64_t pixel, int64_t out_c, size_t out, const sums *to)
{
    const int64_t n = pixel / (s->out_h * s->out_w), oy = pixel / s->out_w % s->out_h, ox = pixel % s->out_w;
    const int64_t group_in = s->in_c / s->groups, group = out_c / (s->out_c / s->groups);
    for (int64_t tap = 0; tap < s->kernel_h * s->kernel_w; tap++) {
        const int64_t y = oy * s->stride_h + tap / s->kernel_w * s->dilation_h - s->pad_top;
        const int64_t x = ox * s->stride_w + tap % s->kernel_w * s->dilation_w - s->pad_left;
        if (y < 0 || y >= s->in_h || x < 0 || x >= s->in_w) {
            continue;
        }
        const size_t from = (size_t)(((n * s->in_h + y) * s->in_w + x) * s->in_c + group * group_in);
        const size_t weight = (size_t)(tap * group_in * s->out_c + out_c);
        for (int64_t c = 0; c < group_in; c++) {
            const size_t xi = from + (size_t)c, fi = weight + (size_t)(c * s->out_c);
            const double product = (double)to->x[xi] * to->filters[fi];
            to->y[out] += product;
            to->y_size[out] += fabs(product);
            to->dx[xi] += to->dy[out] * to->filters[fi];
            to->dx_size[xi] += fabs(to->dy[out] * to->filters[fi]);
            to->df[fi] += to->dy[out] * to->x[xi];
            to->df_size[fi] += fabs(to->dy[out] * to->x[xi]);
        }
    }
}

static double activate(const cnn_conv2d_shape *s, double x)
{
    switch (s->epilogue.activation) {
    case CNN_RELU:
        return x > 0 ? x : 0;
    case CNN_LEAKY_RELU:
        return x > 0 ? x : (double)s->epilogue.alpha * x;
    case CNN_SIGMOID:
        return 1 / (1 + exp(-x));
    case CNN_TANH:
        return tanh(x);
    case CNN_RELU6:
        return fmin(fmax(x, 0), 6);
    default:
        return x;
    }
}

static double largest(const double *values, size_t count)
{
    double most = 1e-30;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, values[i]);
    }
    return most;
}

static void check_near(const char *what, const float *got, const double *want, size_t count, double allowed)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fabs(got[i] - want[i]) <= allowed)) { /* an assertion that passes costs a system call */
            ck_abort_msg("%s[%zu] is %g, not %g (allowed: %g)", what, i, (double)got[i], want[i], allowed);
        }
    }
}

typedef struct test_case {
    const cnn__conv2d_functions *functions;
    const cnn_conv2d_shape *shape;
    double tolerance; /* of an error, in the largest sum of absolute products */
    float *x, *filters, *bias, *dy;
    uint8_t *places; /* random argmax for the gradients */
} test_case;

/* Runs the three passes on `threads` workers. */
static void run_passes(const test_case *t, uint32_t threads, result *y, result *argmax, result *dx, result *df,
                       result *db)
{
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        if (!t->functions->supports(t->functions, t->shape, (cnn_pass)pass)) {
            continue;
        }
        const size_t size = t->functions->workspace(t->functions, t->shape, (cnn_pass)pass, threads);
        result workspace = result_new(size);
        memset(workspace.data, 0xFF, size); /* NaN: memory that is read must have been written */
        cnn_backend_call call = {.struct_size = sizeof(call),
                                 .threads = threads,
                                 .workspace = workspace.data,
                                 .workspace_size = size,
                                 .parallel = fast_parallel};
        const bool pooled = t->shape->epilogue.pool != 0;
        cnn_conv2d_args args = {.struct_size = sizeof(args),
                                .shape = *t->shape,
                                .x = t->x,
                                .filters = t->filters,
                                .bias = t->bias,
                                .y = y->data,
                                .dy = t->dy,
                                .dx = dx->data,
                                .d_filters = df->data,
                                .d_bias = db->data};
        args.argmax = !pooled ? NULL : pass == CNN_PASS_FORWARD ? argmax->data : t->places;
        cnn_status status = t->functions->run(t->functions, &call, (cnn_pass)pass, &args);
        ck_assert_int_eq(status, CNN_OK);
        result_check_free(&workspace);
    }
}

static void run_prepared(const test_case *t, const cnn_conv2d_shape *shape, const float *x, const result *prepared,
                         result *y)
{
    const size_t whole = t->functions->workspace(t->functions, shape, CNN_PASS_FORWARD, 2);
    const size_t size = t->functions->workspace(t->functions, shape, CNN_PASS_INFERENCE, 2);
    ck_assert_uint_eq(size + prepared->size, whole);
    result workspace = result_new(size);
    memset(workspace.data, 0xFF, workspace.size);
    cnn_backend_call call = {.struct_size = sizeof(call),
                             .threads = 2,
                             .workspace = workspace.data,
                             .workspace_size = workspace.size,
                             .parallel = fast_parallel};
    const cnn_conv2d_args args = {.struct_size = sizeof(args),
                                  .shape = *shape,
                                  .x = x,
                                  .prepared = prepared->data,
                                  .bias = t->bias,
                                  .y = y->data};
    ck_assert_int_eq(t->functions->run(t->functions, &call, CNN_PASS_INFERENCE, &args), CNN_OK);
    result_check_free(&workspace);
}

/* With filters prepared once, in less workspace, an image gives the same bits alone and in a batch; and those of
 * filters that come anew with each call, unless these passes join the images of a batch. */
static void check_prepared(const test_case *t, const result *y)
{
    result prepared = result_new(t->functions->prepared_size(t->functions, t->shape)), again = result_new(y->size);
    cnn_backend_call call = {.struct_size = sizeof(call), .threads = 2, .parallel = fast_parallel};
    const cnn_conv2d_args args = {
        .struct_size = sizeof(args), .shape = *t->shape, .filters = t->filters, .prepared = prepared.data};
    ck_assert_int_eq(t->functions->run(t->functions, &call, CNN_PASS_PREPARE, &args), CNN_OK);
    run_prepared(t, t->shape, t->x, &prepared, &again);
    if (t->shape->epilogue.pool != 0 || t->shape->n == 1) {
        ck_assert_int_eq(memcmp(again.data, y->data, y->size), 0);
    }
    cnn_conv2d_shape single = *t->shape;
    single.n = 1;
    const size_t size = y->size / (size_t)t->shape->n;
    /* Values are at most 1: so large can a sum of absolute products be, and either side may err. */
    const double products = (double)(t->shape->kernel_h * t->shape->kernel_w) * (double)t->shape->in_c;
    const double allowed = 2 * t->tolerance * (1 + products);
    result alone = result_new(size);
    for (int64_t n = 0; n < t->shape->n; n++) {
        const float *x = t->x + n * t->shape->in_h * t->shape->in_w * t->shape->in_c;
        run_prepared(t, &single, x, &prepared, &alone);
        ck_assert_int_eq(memcmp(alone.data, (const char *)again.data + (size_t)n * size, size), 0);
        for (size_t i = 0; i < size / sizeof(float); i++) {
            const double got = ((const float *)alone.data)[i];
            const double want = ((const float *)y->data)[(size_t)n * size / sizeof(float) + i];
            ck_assert_double_le(fabs(got - want), allowed);
        }
    }
    result_check_free(&alone);
    result_check_free(&prepared);
    result_check_free(&again);
}

/* Index of the unpooled output that place `place` of stored output i is. */
static size_t unpooled(const cnn_conv2d_shape *s, const sizes *z, size_t i, int place)
{
    const size_t c = i % (size_t)s->out_c, pixel = i / (size_t)s->out_c;
    const int64_t column = (int64_t)pixel % z->columns, row = (int64_t)pixel / z->columns % z->rows;
    const int64_t n = (int64_t)pixel / z->columns / z->rows;
    return (size_t)(((n * s->out_h + 2 * row + place / 2) * s->out_w + 2 * column + place % 2) * s->out_c) + c;
}

static void check_forward(const test_case *t, const sizes *z, const double *value, double allowed, const float *y,
                          const uint8_t *argmax)
{
    const cnn_conv2d_shape *s = t->shape;
    for (size_t i = 0; i < z->y; i++) {
        double want = s->epilogue.pool == 0 ? value[i] : -INFINITY;
        for (int place = 0; s->epilogue.pool != 0 && place < 4; place++) {
            want = fmax(want, value[unpooled(s, z, i, place)]);
        }
        if (!(fabs(y[i] - want) <= allowed)) {
            ck_abort_msg("y[%zu] is %g, not %g (allowed: %g)", i, (double)y[i], want, allowed);
        }
        const bool dead = (s->epilogue.activation == CNN_RELU && !(y[i] > 0)) ||
                          (s->epilogue.activation == CNN_RELU6 && !(y[i] > 0 && y[i] < 6));
        if (s->epilogue.pool != 0 &&
            (dead ? argmax[i] != 4 : argmax[i] > 3 || value[unpooled(s, z, i, argmax[i])] < want - 2 * allowed)) {
            ck_abort_msg("argmax[%zu] is %d where y is %g", i, argmax[i], (double)y[i]);
        }
    }
}

/* Spreads dy to the unpooled outputs, sums everything in double, and compares. */
static void check_values(const test_case *t, const sizes *z, const float *y, const uint8_t *argmax, const float *dx,
                         const float *df, const float *db)
{
    const cnn_conv2d_shape *s = t->shape;
    double *memory = calloc(3 * z->pixels + 2 * z->x + 2 * z->filters + (size_t)s->out_c, sizeof(double));
    ck_assert_ptr_nonnull(memory);
    double *dy = memory, *value = dy + z->pixels, *value_size = value + z->pixels, *bias = value_size + z->pixels;
    sums to = {t->x, t->filters, dy, value, value_size, bias + s->out_c, NULL, NULL, NULL};
    to.dx_size = to.dx + z->x;
    to.df = to.dx_size + z->x;
    to.df_size = to.df + z->filters;
    for (size_t i = 0; i < z->y; i++) {
        if (s->epilogue.pool == 0 || t->places[i] < 4) {
            dy[s->epilogue.pool == 0 ? i : unpooled(s, z, i, t->places[i])] = t->dy[i];
            bias[i % (size_t)s->out_c] += t->dy[i];
        }
    }
    for (size_t i = 0; i < z->pixels; i++) {
        const size_t c = i % (size_t)s->out_c;
        add_products(s, (int64_t)(i / (size_t)s->out_c), (int64_t)c, i, &to);
        value[i] = activate(s, value[i] + (t->bias != NULL ? (double)t->bias[c] : 0));
    }
    const double steep = s->epilogue.activation == CNN_LEAKY_RELU ? fmax(1, fabs((double)s->epilogue.alpha)) : 1;
    check_forward(t, z, value, steep * (t->tolerance * (1 + largest(value_size, z->pixels))), y, argmax);
    if (t->functions->supports(t->functions, s, CNN_PASS_BACKWARD_DATA)) {
        check_near("dx", dx, to.dx, z->x, t->tolerance * largest(to.dx_size, z->x));
    }
    check_near("d_filters", df, to.df, z->filters, t->tolerance * largest(to.df_size, z->filters));
    check_near("d_bias", db, bias, (size_t)s->out_c, 1e-6 * (double)(z->pixels / (size_t)s->out_c));
    free(memory);
}

/* A session's workspace is planned for its whole batch and used for less. */
static void check_workspace(const cnn__conv2d_functions *functions, const cnn_conv2d_shape *shape)
{
    cnn_conv2d_shape part = *shape;
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        const size_t whole = functions->workspace(functions, shape, (cnn_pass)pass, 3);
        for (part.n = 1; part.n < shape->n; part.n++) {
            ck_assert_uint_le(functions->workspace(functions, &part, (cnn_pass)pass, 3), whole);
        }
    }
}

void fast_check(const cnn__conv2d_functions *functions, const cnn_conv2d_shape *shape, double tolerance)
{
    check_workspace(functions, shape);
    static const uint32_t threads[] = {1, 2, 3, 4, 7};
    const sizes z = sizes_of(shape);
    test_case t = {.functions = functions, .shape = shape, .tolerance = tolerance};
    t.x = fast_random_floats(z.x);
    t.filters = fast_random_floats(z.filters);
    t.dy = fast_random_floats(z.y);
    t.places = malloc(z.y);
    t.bias = fast_random() % 4 == 0 ? NULL : fast_random_floats((size_t)shape->out_c);
    for (size_t i = 0; i < z.y; i++) {
        t.places[i] = (uint8_t)(fast_random() % 5);
    }
    const size_t bytes[5] = {z.y * sizeof(float), shape->epilogue.pool != 0 ? z.y : 0, z.x * sizeof(float),
                             z.filters * sizeof(float), (size_t)shape->out_c * sizeof(float)};
    result first[5];
    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
        result other[5];
        result *now = i == 0 ? first : other;
        for (int k = 0; k < 5; k++) {
            now[k] = result_new(bytes[k]);
        }
        run_passes(&t, threads[i], &now[0], &now[1], &now[2], &now[3], &now[4]);
        if (i == 0) {
            check_values(&t, &z, first[0].data, first[1].data, first[2].data, first[3].data, first[4].data);
            check_prepared(&t, &first[0]);
            continue;
        }
        for (int k = 0; k < 5; k++) {
            ck_assert_msg(memcmp(now[k].data, first[k].data, bytes[k]) == 0, "result %d differs on %u threads", k,
                          (unsigned)threads[i]);
            result_check_free(&now[k]);
        }
    }
    for (int k = 0; k < 5; k++) {
        result_check_free(&first[k]);
    }
    free(t.x);
    free(t.filters);
    free(t.bias);
    free(t.dy);
    free(t.places);
}

/* --- shapes -------------------------------------------------------------------------------------------------- */

size_t fast_instruction_sets(fast_instruction_set *sets)
{
    size_t count = 0;
    sets[count++] = (fast_instruction_set){"baseline", cnn__conv2d_table_baseline};
#if defined(__x86_64__) || defined(__i386__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        sets[count++] = (fast_instruction_set){"avx2", cnn__conv2d_table_avx2};
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        sets[count++] = (fast_instruction_set){"avx512", cnn__conv2d_table_avx512};
    }
#endif
    return count;
}

/* Sizes of outputs follow; false if there would be none. */
bool fast_finish_shape(cnn_conv2d_shape *s, int64_t pad_bottom, int64_t pad_right)
{
    const int64_t h = s->in_h + s->pad_top + pad_bottom - (s->kernel_h - 1) * s->dilation_h - 1;
    const int64_t w = s->in_w + s->pad_left + pad_right - (s->kernel_w - 1) * s->dilation_w - 1;
    s->out_h = h < 0 ? 0 : h / s->stride_h + 1;
    s->out_w = w < 0 ? 0 : w / s->stride_w + 1;
    const int64_t least = s->epilogue.pool != 0 ? 2 : 1;
    return s->out_h >= least && s->out_w >= least;
}

cnn_conv2d_shape fast_random_shape(int32_t kernel_h, int32_t kernel_w, int64_t most_channels)
{
    static const int32_t elementwise[] = {CNN_LINEAR, CNN_RELU, CNN_LEAKY_RELU, CNN_SIGMOID, CNN_TANH, CNN_RELU6};
    cnn_conv2d_shape s = {.kernel_h = kernel_h,
                          .kernel_w = kernel_w,
                          .stride_h = 1,
                          .stride_w = 1,
                          .dilation_h = 1,
                          .dilation_w = 1,
                          .groups = 1};
    do {
        s.n = fast_random_in(1, 3);
        s.in_h = fast_random_in(1, fast_random() % 4 == 0 ? 30 : 13);
        s.in_w = fast_random_in(1, fast_random() % 4 == 0 ? 30 : 13);
        s.in_c = fast_random_in(1, fast_random() % 2 == 0 ? most_channels : (most_channels + 7) / 8);
        s.out_c = fast_random_in(1, fast_random() % 2 == 0 ? 70 : 9);
        s.pad_top = (int32_t)fast_random_in(0, 2);
        s.pad_left = (int32_t)fast_random_in(0, 2);
        s.epilogue.activation = elementwise[fast_random_in(0, 5)];
        s.epilogue.alpha = 0.25f;
        s.epilogue.pool = fast_random() % 2 == 0 ? 0 : 2;
    } while (!fast_finish_shape(&s, fast_random_in(0, 2), fast_random_in(0, 2)));
    return s;
}
