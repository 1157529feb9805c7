/* SPDX-License-Identifier: MIT */
/* A session asks for the workspace of its whole batch and also runs fewer samples: what a query answers covers them. */
#include <check.h>

#include "common/suite.h"
#include "core/context.h"

enum { SHAPES = 400, MOST_SAMPLES = 24 };

static const char *const backends[] = {"reference", NULL}; /* NULL: the default */

static uint32_t state;

static int32_t draw(int32_t least, int32_t most)
{
    state = state * 1664525u + 1013904223u;
    return least + (int32_t)((state >> 8) % (uint32_t)(most - least + 1));
}

static cnn_conv2d_shape draw_convolution(void)
{
    static const int64_t channels[] = {3, 16, 48, 64, 128, 256, 512};
    const int32_t kernel = 1 + 2 * draw(0, 3), pad = draw(0, 1) * (kernel / 2), stride = draw(0, 3) == 0 ? 2 : 1;
    cnn_conv2d_shape s = {
        .struct_size = sizeof(s),
        .in_h = draw(kernel, 48),
        .in_w = draw(kernel, 48),
        .in_c = channels[draw(0, 6)],
        .out_c = channels[draw(0, 6)],
        .kernel_h = kernel,
        .kernel_w = kernel,
        .stride_h = stride,
        .stride_w = stride,
        .dilation_h = 1,
        .dilation_w = 1,
        .groups = 1,
        .pad_top = pad,
        .pad_left = pad,
    };
    s.out_h = (s.in_h + 2 * pad - kernel) / stride + 1;
    s.out_w = (s.in_w + 2 * pad - kernel) / stride + 1;
    return s;
}

static cnn_context *open_context(int backend)
{
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.backend = backends[backend], .threads = 1), &context), CNN_OK);
    state = 1;
    return context;
}

START_TEST(test_convolution)
{
    static const cnn_pass passes[] = {CNN_PASS_FORWARD, CNN_PASS_BACKWARD_DATA, CNN_PASS_BACKWARD_FILTER,
                                      CNN_PASS_FORWARD_PREPARED};
    cnn_context *context = open_context(_i);
    const cnn_backend *b = &context->backend;
    for (int i = 0; i < SHAPES; i++) {
        cnn_conv2d_shape s = draw_convolution();
        const uint32_t threads = (uint32_t)draw(1, 4);
        s.pool = draw(0, 1) && b->conv2d_pools(b, &s) ? 2 : 0;
        for (int pass = 0; pass < 4; pass++) {
            size_t before = 0;
            for (s.n = 1; s.n <= MOST_SAMPLES; s.n++) {
                size_t size = b->conv2d_workspace(b, &s, passes[pass], threads);
                ck_assert_msg(size >= before,
                              "%lldx%lldx%lld to %lld channels by %dx%d, stride %d, pool %d, pass %d: %zu bytes for "
                              "%lld samples, %zu for one less",
                              (long long)s.in_h, (long long)s.in_w, (long long)s.in_c, (long long)s.out_c, s.kernel_h,
                              s.kernel_w, s.stride_h, s.pool, (int)passes[pass], size, (long long)s.n, before);
                before = size;
            }
        }
    }
    cnn_context_free(context);
}
END_TEST

START_TEST(test_dense)
{
    static const cnn_pass passes[] = {CNN_PASS_FORWARD, CNN_PASS_BACKWARD_DATA, CNN_PASS_BACKWARD_FILTER};
    cnn_context *context = open_context(_i);
    const cnn_backend *b = &context->backend;
    for (int i = 0; i < SHAPES; i++) {
        cnn_dense_shape s = {.struct_size = sizeof(s), .in = draw(1, 9216), .out = draw(1, draw(0, 1) ? 4096 : 64)};
        const uint32_t threads = (uint32_t)draw(1, 4);
        for (int pass = 0; pass < 3; pass++) {
            size_t before = 0;
            for (s.n = 1; s.n <= 40 * MOST_SAMPLES; s.n++) {
                size_t size = b->dense_workspace(b, &s, passes[pass], threads);
                ck_assert_msg(size >= before, "%lld to %lld, pass %d: %zu bytes for %lld samples, %zu for one less",
                              (long long)s.in, (long long)s.out, (int)passes[pass], size, (long long)s.n, before);
                before = size;
            }
        }
    }
    cnn_context_free(context);
}
END_TEST

START_TEST(test_norm)
{
    cnn_context *context = open_context(_i);
    const cnn_backend *b = &context->backend;
    for (int i = 0; i < SHAPES; i++) {
        const int64_t positions = (int64_t)draw(1, 40) * draw(1, 40);
        cnn_norm_shape s = {.struct_size = sizeof(s), .c = draw(1, 600), .epsilon = 1e-5f};
        const uint32_t threads = (uint32_t)draw(1, 4);
        size_t before = 0;
        for (int64_t n = 1; n <= MOST_SAMPLES; n++) {
            s.rows = n * positions;
            size_t size = b->norm_workspace(b, &s, threads);
            ck_assert_msg(size >= before, "%lld rows of %lld: %zu bytes, %zu for one sample less", (long long)s.rows,
                          (long long)s.c, size, before);
            before = size;
        }
    }
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backend/workspace");
    TCase *tcase = tcase_create("fewer samples");
    tcase_add_loop_test(tcase, test_convolution, 0, 2);
    tcase_add_loop_test(tcase, test_dense, 0, 2);
    tcase_add_loop_test(tcase, test_norm, 0, 2);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
