/* SPDX-License-Identifier: MIT */
/* Times the convolutions of known networks, pass by pass, next to im2col with the backend's gemm, and measures the
 * error of each against sums in double. Run by hand: bench_conv [layer name prefix] [repetitions]. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/backend.h"
#include "backend/vector/conv2d/conv2d.h"
#include "backend/vector/vector.h"

typedef struct layer {
    const char *name;
    int64_t n, size, in_c, out_c;
    int32_t kernel, stride, pad, pool;
    int64_t groups; /* 0: 1 */
} layer;

static const layer layers[] = {
    {"catdog-1", 20, 150, 3, 32, 3, 1, 0, 2, 0},    {"catdog-2", 20, 74, 32, 64, 3, 1, 0, 2, 0},
    {"catdog-3", 20, 36, 64, 128, 3, 1, 0, 2, 0},   {"catdog-4", 20, 17, 128, 128, 3, 1, 0, 2, 0},
    {"catdog1-1", 1, 150, 3, 32, 3, 1, 0, 2, 0},    {"catdog1-2", 1, 74, 32, 64, 3, 1, 0, 2, 0},
    {"catdog1-3", 1, 36, 64, 128, 3, 1, 0, 2, 0},   {"catdog1-4", 1, 17, 128, 128, 3, 1, 0, 2, 0},
    {"vgg-1", 1, 224, 3, 64, 3, 1, 1, 0, 0},        {"vgg-2", 1, 224, 64, 64, 3, 1, 1, 2, 0},
    {"vgg-4", 1, 112, 128, 128, 3, 1, 1, 2, 0},     {"vgg-6", 1, 56, 256, 256, 3, 1, 1, 0, 0},
    {"vgg-9", 1, 28, 512, 512, 3, 1, 1, 0, 0},      {"vgg-12", 1, 14, 512, 512, 3, 1, 1, 0, 0},
    {"alexnet-1", 64, 227, 3, 96, 11, 4, 0, 0, 0},  {"alexnet-2", 64, 27, 96, 256, 5, 1, 2, 0, 0},
    {"alexnet-3", 64, 13, 256, 384, 3, 1, 1, 0, 0}, {"alexnet-4", 64, 13, 384, 384, 3, 1, 1, 0, 0},
    {"alexnet-5", 64, 13, 384, 256, 3, 1, 1, 0, 0}, {"fashion-1", 100, 28, 1, 32, 3, 1, 1, 2, 0},
    {"fashion-2", 100, 14, 32, 64, 3, 1, 0, 2, 0},  {"resnet-1", 4, 224, 3, 64, 7, 2, 3, 0, 0},
    {"resnet-2", 4, 56, 64, 64, 3, 1, 1, 0, 0},     {"resnet-3", 4, 56, 64, 128, 3, 2, 1, 0, 0},
    {"resnet-4", 4, 7, 512, 512, 3, 1, 1, 0, 0},    {"resnet-5", 4, 56, 64, 128, 1, 2, 0, 0, 0},
    {"bottle-1", 8, 56, 64, 256, 1, 1, 0, 0, 0},    {"bottle-2", 8, 56, 256, 64, 1, 1, 0, 0, 0},
    {"bottle-3", 8, 28, 512, 128, 1, 1, 0, 0, 0},   {"bottle-4", 8, 14, 256, 1024, 1, 1, 0, 0, 0},
    {"bottle-5", 8, 14, 1024, 256, 1, 1, 0, 0, 0},  {"bottle-6", 8, 7, 512, 2048, 1, 1, 0, 0, 0},
    {"bottle-7", 8, 7, 2048, 512, 1, 1, 0, 0, 0},   {"bottle-8", 8, 56, 256, 512, 1, 2, 0, 0, 0},
    {"bottle-9", 8, 56, 128, 128, 3, 2, 1, 0, 0},   {"bottle-10", 8, 14, 512, 512, 3, 2, 1, 0, 0},
    {"mobile-1", 8, 112, 32, 32, 3, 1, 1, 0, 32},   {"mobile-2", 8, 112, 96, 96, 3, 2, 1, 0, 96},
    {"mobile-3", 8, 56, 144, 144, 3, 1, 1, 0, 144}, {"mobile-4", 8, 28, 192, 192, 3, 1, 1, 0, 192},
    {"mobile-5", 8, 14, 576, 576, 3, 1, 1, 0, 576}, {"mobile-6", 8, 7, 960, 960, 3, 1, 1, 0, 960},
    {"mobile-7", 8, 28, 120, 120, 5, 1, 2, 0, 120}, {"mobile-8", 8, 112, 16, 96, 1, 1, 0, 0, 0},
    {"mobile-9", 8, 56, 144, 24, 1, 1, 0, 0, 0},    {"mobile-10", 8, 14, 64, 384, 1, 1, 0, 0, 0},
    {"mobile-11", 8, 7, 160, 960, 1, 1, 0, 0, 0},   {"mobile-12", 8, 7, 960, 320, 1, 1, 0, 0, 0},
    {"resnext-1", 8, 56, 128, 128, 3, 1, 1, 0, 32}, {"resnext-2", 8, 14, 512, 512, 3, 1, 1, 0, 32},
};

typedef struct arrays {
    float *x, *filters, *bias, *y, *dy, *dx, *df, *db;
    uint8_t *argmax;
} arrays;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void *aligned(size_t size)
{
    void *memory = NULL;
    if (posix_memalign(&memory, 64, size) != 0) {
        exit(1);
    }
    memset(memory, 0, size);
    return memory;
}

static float *random_floats(size_t count, float low)
{
    static uint32_t state = 1;
    float *values = aligned(count * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = low + (1 - low) * (float)(state >> 8) / 16777216.0f;
    }
    return values;
}

static cnn_conv2d_shape shape_of(const layer *l)
{
    cnn_conv2d_shape s = {.n = l->n,
                          .in_h = l->size,
                          .in_w = l->size,
                          .in_c = l->in_c,
                          .out_c = l->out_c,
                          .kernel_h = l->kernel,
                          .kernel_w = l->kernel,
                          .stride_h = l->stride,
                          .stride_w = l->stride,
                          .dilation_h = 1,
                          .dilation_w = 1,
                          .groups = (int32_t)(l->groups != 0 ? l->groups : 1),
                          .pad_top = l->pad,
                          .pad_left = l->pad,
                          .epilogue = {.activation = CNN_RELU, .pool = l->pool}};
    s.out_h = s.out_w = (l->size + 2 * l->pad - l->kernel) / l->stride + 1;
    return s;
}

/* Best of `repetitions`, in ms, by this algorithm. */
static double time_pass(cnn_context *context, const cnn_conv2d_shape *s, cnn_pass pass, int32_t algorithm,
                        const arrays *a, int repetitions)
{
    const uint32_t threads = cnn_context_threads(context);
    cnn_op_answer answer;
    cnn_conv2d_args args = {.struct_size = sizeof(args), .shape = *s};
    if (cnn_backend_query(&context->backend, CNN_OP_CONV2D, &args, threads, &answer) != CNN_OK) {
        return NAN;
    }
    if (algorithm == CNN__CONV2D_IM2COL) {
        answer.algorithm[pass] = algorithm;
        answer.workspace[pass] = cnn__im2col_workspace(s, pass, threads);
    }
    const size_t size = answer.workspace[pass];
    void *workspace = aligned(size + 64);
    args = (cnn_conv2d_args){.struct_size = sizeof(args),
                             .answer = &answer,
                             .shape = *s,
                             .x = a->x,
                             .filters = a->filters,
                             .bias = a->bias,
                             .dy = a->dy,
                             .dx = a->dx,
                             .d_filters = a->df,
                             .d_bias = a->db,
                             .y = pass == CNN_PASS_FORWARD ? a->y : NULL,
                             .argmax = s->epilogue.pool != 0 ? a->argmax : NULL};
    cnn_backend_call call;
    cnn__backend_call_init(&call, context, threads, workspace, size);
    double best = INFINITY;
    for (int i = 0; i < repetitions; i++) {
        const double begin = now_ms();
        if (cnn_backend_run(&call, CNN_OP_CONV2D, pass, &args) != CNN_OK) {
            best = NAN;
            break;
        }
        best = fmin(best, now_ms() - begin);
    }
    free(workspace);
    return best;
}

/* max |error| over max |value| at random places: forward without pooling, of dx, of d_filters. */
static double error_of(const cnn_conv2d_shape *s, cnn_pass pass, const arrays *a)
{
    double worst = 0, most = 0;
    const int32_t k = s->kernel_h;
    const int samples = pass == CNN_PASS_BACKWARD_FILTER ? 40 : 400;
    for (int sample = 0; sample < samples; sample++) {
        const int64_t ic = rand() % s->in_c, oc = rand() % s->out_c, n = rand() % s->n, tap = rand() % (k * k);
        const int64_t y = rand() % s->out_h, x = rand() % s->out_w, iy = rand() % s->in_h, ix = rand() % s->in_w;
        double want = 0, got = 0;
        if (pass == CNN_PASS_FORWARD) {
            want = (double)a->bias[oc];
            for (int64_t t = 0; t < k * k; t++) {
                const int64_t r = y * s->stride_h + t / k - s->pad_top, c = x * s->stride_w + t % k - s->pad_left;
                for (int64_t i = 0; r >= 0 && r < s->in_h && c >= 0 && c < s->in_w && i < s->in_c; i++) {
                    want += (double)a->x[((n * s->in_h + r) * s->in_w + c) * s->in_c + i] *
                            (double)a->filters[(t * s->in_c + i) * s->out_c + oc];
                }
            }
            want = fmax(want, 0);
            got = (double)a->y[((n * s->out_h + y) * s->out_w + x) * s->out_c + oc];
        } else if (pass == CNN_PASS_BACKWARD_DATA) {
            for (int64_t t = 0; t < k * k; t++) {
                const int64_t r = iy - t / k + s->pad_top, c = ix - t % k + s->pad_left;
                for (int64_t o = 0; r >= 0 && r < s->out_h && c >= 0 && c < s->out_w && o < s->out_c; o++) {
                    want += (double)a->dy[((n * s->out_h + r) * s->out_w + c) * s->out_c + o] *
                            (double)a->filters[(t * s->in_c + ic) * s->out_c + o];
                }
            }
            got = (double)a->dx[((n * s->in_h + iy) * s->in_w + ix) * s->in_c + ic];
        } else {
            for (int64_t p = 0; p < s->n * s->out_h * s->out_w; p++) {
                const int64_t r = p / s->out_w % s->out_h * s->stride_h + tap / k - s->pad_top;
                const int64_t c = p % s->out_w * s->stride_w + tap % k - s->pad_left;
                if (r >= 0 && r < s->in_h && c >= 0 && c < s->in_w) {
                    want += (double)a->dy[p * s->out_c + oc] *
                            (double)a->x[((p / (s->out_w * s->out_h) * s->in_h + r) * s->in_w + c) * s->in_c + ic];
                }
            }
            got = (double)a->df[(tap * s->in_c + ic) * s->out_c + oc];
        }
        worst = fmax(worst, fabs(got - want));
        most = fmax(most, fabs(want));
    }
    return worst / most;
}

static void bench_layer(cnn_context *const *contexts, const layer *l, int repetitions)
{
    static const char *const names[] = {"forward", "to input", "to filter"};
    const cnn_conv2d_shape s = shape_of(l);
    const size_t x = (size_t)(s.n * s.in_h * s.in_w * s.in_c), y = (size_t)(s.n * s.out_h * s.out_w * s.out_c);
    const size_t f = (size_t)(s.kernel_h * s.kernel_w * (s.in_c / s.groups) * s.out_c);
    arrays a = {random_floats(x, 0), random_floats(f, -1),         random_floats((size_t)s.out_c, -1),
                aligned(y * 4),      random_floats(y, -1),         aligned(x * 4),
                aligned(f * 4),      aligned((size_t)s.out_c * 4), aligned(y)};
    const double gflop = 2e-9 * (double)(s.n * s.out_h * s.out_w) * (double)f;
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        if (pass == CNN_PASS_BACKWARD_DATA && s.in_c <= 4) {
            continue;
        }
        const cnn__conv2d_choice choice = cnn__conv2d_choose(&s, (cnn_pass)pass, false);
        cnn_conv2d_shape plain = s;
        plain.epilogue.pool = 0;
        const cnn_pass p = (cnn_pass)pass;
        const double one = time_pass(contexts[0], &s, p, choice.algorithm, &a, repetitions);
        const double two = time_pass(contexts[1], &s, p, choice.algorithm, &a, repetitions);
        const double matrix = time_pass(contexts[1], &plain, p, CNN__CONV2D_IM2COL, &a, repetitions / 2 + 1);
        time_pass(contexts[0], &plain, p, choice.algorithm, &a, 1);
        const bool plain_sums = s.groups == 1 && (s.stride_h == 1 || pass != CNN_PASS_BACKWARD_DATA);
        const double error = plain_sums ? error_of(&plain, (cnn_pass)pass, &a) : NAN;
        printf("%-10s %-9s %-17s %8.2f %8.2f ms %5.0f %5.0f GFLOP/s  im2col %8.2f ms  error %.1e\n", l->name,
               names[pass], choice.name, one, two, gflop / one * 1e3, gflop / two * 1e3, matrix, error);
    }
    free(a.x);
    free(a.filters);
    free(a.bias);
    free(a.y);
    free(a.dy);
    free(a.dx);
    free(a.df);
    free(a.db);
    free(a.argmax);
}

int main(int argc, char **argv)
{
    const char *prefix = argc > 1 ? argv[1] : "";
    const int repetitions = argc > 2 ? atoi(argv[2]) : 15;
    cnn_context *contexts[2];
    for (uint32_t i = 0; i < 2; i++) {
        if (cnn_context_create(CNN_CONTEXT(.threads = i + 1, .backend = cnn_backend_name(0)), &contexts[i]) != CNN_OK) {
            return 1;
        }
    }
    printf("%-10s %-9s %-17s %8s %8s    %17s (1 and 2 threads)\n", "layer", "pass", "algorithm", "1", "2", "effective");
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        if (strncmp(layers[i].name, prefix, strlen(prefix)) == 0) {
            bench_layer(contexts, &layers[i], repetitions);
        }
    }
    cnn_context_free(contexts[0]);
    cnn_context_free(contexts[1]);
    return 0;
}
