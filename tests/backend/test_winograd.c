/* SPDX-License-Identifier: MIT */
/* Winograd and direct convolution over random and extreme shapes, and which of them is chosen. */
#include <check.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/fast_conv2d.h"
#include "common/suite.h"

static void check_random(int algorithm, int32_t kernel_h, int32_t kernel_w, int64_t most_channels, int count)
{
    fast_instruction_set sets[FAST_INSTRUCTION_SETS];
    const size_t set_count = fast_instruction_sets(sets);
    for (size_t i = 0; i < set_count; i++) {
        for (int k = 0; k < count; k++) {
            const cnn_conv2d_shape shape = fast_random_shape(kernel_h, kernel_w, most_channels);
            const cnn__conv2d_functions *functions = &sets[i].table[algorithm];
            ck_assert(functions->supports(functions, &shape, CNN_PASS_FORWARD));
            fast_check(functions, &shape, fast_tolerances[algorithm]);
        }
    }
}

START_TEST(winograd_3x3)
{
    check_random(CNN__CONV2D_WINOGRAD_4X3, 3, 3, 70, 40);
    check_random(CNN__CONV2D_WINOGRAD_6X3, 3, 3, 70, 40);
    check_random(CNN__CONV2D_WINOGRAD_2X3, 3, 3, 70, 20);
}
END_TEST

START_TEST(winograd_5x5)
{
    check_random(CNN__CONV2D_WINOGRAD_2X5, 5, 5, 40, 25);
    check_random(CNN__CONV2D_WINOGRAD_4X5, 5, 5, 40, 25);
}
END_TEST

static void filter_gradient(const cnn__conv2d_functions *functions, const cnn_conv2d_shape *shape, uint32_t threads,
                            const float *x, const float *dy, float *d_filters)
{
    const size_t size = functions->workspace(functions, shape, CNN_PASS_BACKWARD_FILTER, threads);
    float *workspace = fast_random_floats(size / sizeof(float) + 1), d_bias[128];
    memset(workspace, 0xFF, size); /* NaN */
    const cnn_backend_call call = {.struct_size = sizeof(call),
                                   .threads = threads,
                                   .workspace = workspace,
                                   .workspace_size = size,
                                   .parallel = fast_parallel};
    const cnn_conv2d_args args = {.struct_size = sizeof(args),
                                  .shape = *shape,
                                  .x = x,
                                  .dy = (float *)dy,
                                  .d_filters = d_filters,
                                  .d_bias = d_bias};
    ck_assert_int_eq(functions->run(functions, &call, CNN_PASS_BACKWARD_FILTER, &args), CNN_OK);
    free(workspace);
}

/* Sums over tiles that are too large for each worker to have its own: few tiles, which are one chunk, and more. */
START_TEST(large_sums)
{
    static const int64_t sizes[][2] = {{3, 7}, {24, 19}};
    fast_instruction_set sets[FAST_INSTRUCTION_SETS];
    const size_t set_count = fast_instruction_sets(sets), count = 9 * 113 * 97;
    float *plain = fast_random_floats(count), *got = fast_random_floats(count), *again = fast_random_floats(count);
    for (size_t k = 0; k < 2; k++) {
        cnn_conv2d_shape s = {.n = sizes[k][0],
                              .in_h = sizes[k][1],
                              .in_w = sizes[k][1],
                              .in_c = 113,
                              .out_c = 97,
                              .kernel_h = 3,
                              .kernel_w = 3,
                              .stride_h = 1,
                              .stride_w = 1,
                              .dilation_h = 1,
                              .dilation_w = 1,
                              .groups = 1,
                              .pad_top = 1,
                              .pad_left = 1};
        ck_assert(fast_finish_shape(&s, 1, 1));
        const size_t pixels = (size_t)(s.n * s.in_h * s.in_w);
        float *x = fast_random_floats(pixels * 113), *dy = fast_random_floats(pixels * 97);
        for (size_t i = 0; i < set_count; i++) {
            filter_gradient(&sets[i].table[CNN__CONV2D_DIRECT], &s, 2, x, dy, plain);
            for (int algorithm = CNN__CONV2D_WINOGRAD_4X3; algorithm <= CNN__CONV2D_WINOGRAD_6X3; algorithm++) {
                const double allowed = (fast_tolerances[algorithm] + fast_tolerances[CNN__CONV2D_DIRECT]) *
                                       (double)pixels;
                filter_gradient(&sets[i].table[algorithm], &s, 1, x, dy, got);
                filter_gradient(&sets[i].table[algorithm], &s, 3, x, dy, again);
                ck_assert_int_eq(memcmp(got, again, count * sizeof(float)), 0);
                for (size_t j = 0; j < count; j++) {
                    if (!(fabs((double)got[j] - plain[j]) <= allowed)) {
                        ck_abort_msg("%s: %g, not %g", sets[i].name, (double)got[j], (double)plain[j]);
                    }
                }
            }
        }
        free(x);
        free(dy);
    }
    free(plain);
    free(got);
    free(again);
}
END_TEST

START_TEST(direct_first_layer)
{
    check_random(CNN__CONV2D_DIRECT, 3, 3, 4, 40);
    check_random(CNN__CONV2D_DIRECT, 5, 5, 4, 20);
    check_random(CNN__CONV2D_DIRECT, 1, 1, 40, 10);
    check_random(CNN__CONV2D_DIRECT, 2, 4, 30, 20);
}
END_TEST

START_TEST(direct_strides)
{
    fast_instruction_set sets[FAST_INSTRUCTION_SETS];
    const size_t set_count = fast_instruction_sets(sets);
    for (int k = 0; k < 40; k++) {
        cnn_conv2d_shape shape = fast_random_shape((int32_t)fast_random_in(1, 11), (int32_t)fast_random_in(1, 11), 6);
        shape.in_h += 12;
        shape.in_w += 12;
        shape.stride_h = (int32_t)fast_random_in(1, 4);
        shape.stride_w = (int32_t)fast_random_in(1, 4);
        shape.dilation_h = (int32_t)fast_random_in(1, 2);
        if (!fast_finish_shape(&shape, fast_random_in(0, 2), fast_random_in(0, 2))) {
            continue;
        }
        for (size_t i = 0; i < set_count; i++) {
            fast_check(&sets[i].table[CNN__CONV2D_DIRECT], &shape, fast_tolerances[CNN__CONV2D_DIRECT]);
        }
    }
}
END_TEST

/* One output, one channel, images smaller than a tile, padding wider than the image. */
START_TEST(extreme_shapes)
{
    static const struct {
        int64_t h, w, in_c, out_c;
        int32_t pad, pool;
    } cases[] = {{1, 1, 1, 1, 1, 0},  {1, 1, 70, 1, 2, 2},   {3, 3, 1, 70, 0, 0},  {4, 4, 8, 16, 0, 2},
                 {2, 50, 3, 5, 1, 2}, {50, 2, 16, 17, 1, 2}, {9, 9, 64, 64, 0, 2}, {5, 5, 33, 31, 2, 0}};
    fast_instruction_set sets[FAST_INSTRUCTION_SETS];
    const size_t set_count = fast_instruction_sets(sets);
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        cnn_conv2d_shape shape = {.n = 2,
                                  .in_h = cases[k].h,
                                  .in_w = cases[k].w,
                                  .in_c = cases[k].in_c,
                                  .out_c = cases[k].out_c,
                                  .kernel_h = 3,
                                  .kernel_w = 3,
                                  .stride_h = 1,
                                  .stride_w = 1,
                                  .dilation_h = 1,
                                  .dilation_w = 1,
                                  .groups = 1,
                                  .pad_top = cases[k].pad,
                                  .pad_left = cases[k].pad,
                                  .epilogue = {.activation = CNN_RELU, .pool = cases[k].pool}};
        ck_assert(fast_finish_shape(&shape, cases[k].pad, cases[k].pad));
        for (size_t i = 0; i < set_count; i++) {
            fast_check(&sets[i].table[CNN__CONV2D_WINOGRAD_4X3], &shape, fast_tolerances[CNN__CONV2D_WINOGRAD_4X3]);
            fast_check(&sets[i].table[CNN__CONV2D_WINOGRAD_6X3], &shape, fast_tolerances[CNN__CONV2D_WINOGRAD_6X3]);
            fast_check(&sets[i].table[CNN__CONV2D_DIRECT], &shape, fast_tolerances[CNN__CONV2D_DIRECT]);
        }
    }
}
END_TEST

static cnn__conv2d_algorithm choice(int64_t size, int64_t in_c, int64_t out_c, int32_t kernel, int32_t stride,
                                    cnn_pass pass, bool strict)
{
    cnn_conv2d_shape s = {.n = 1,
                          .in_h = size,
                          .in_w = size,
                          .in_c = in_c,
                          .out_c = out_c,
                          .kernel_h = kernel,
                          .kernel_w = kernel,
                          .stride_h = stride,
                          .stride_w = stride,
                          .dilation_h = 1,
                          .dilation_w = 1,
                          .groups = 1};
    ck_assert(fast_finish_shape(&s, 0, 0));
    const cnn__conv2d_choice single = cnn__conv2d_choose(&s, pass, strict);
    s.n = 100;
    ck_assert_int_eq(cnn__conv2d_choose(&s, pass, strict).algorithm, single.algorithm); /* the same for any batch */
    ck_assert_ptr_nonnull(single.name);
    ck_assert_ptr_nonnull(single.reason);
    return single.algorithm;
}

START_TEST(choices)
{
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        ck_assert_int_eq(choice(74, 32, 64, 3, 1, (cnn_pass)pass, true), CNN__CONV2D_DIRECT);
        ck_assert_int_eq(choice(27, 96, 256, 5, 1, (cnn_pass)pass, true), CNN__CONV2D_DIRECT);
        ck_assert_int_eq(choice(16, 64, 64, 1, 1, (cnn_pass)pass, true), CNN__CONV2D_POINTWISE);
        ck_assert_int_eq(choice(74, 32, 64, 3, 1, (cnn_pass)pass, false), CNN__CONV2D_WINOGRAD_6X3);
        ck_assert_int_eq(choice(16, 64, 64, 1, 1, (cnn_pass)pass, false), CNN__CONV2D_POINTWISE);
        ck_assert_int_eq(choice(150, 3, 32, 3, 1, (cnn_pass)pass, false), CNN__CONV2D_DIRECT);
    }
    ck_assert_int_eq(choice(18, 128, 128, 3, 1, CNN_PASS_FORWARD, false), CNN__CONV2D_WINOGRAD_4X3);
    ck_assert_int_eq(choice(27, 96, 256, 5, 1, CNN_PASS_FORWARD, false), CNN__CONV2D_WINOGRAD_4X5);
    ck_assert_int_eq(choice(227, 3, 96, 11, 4, CNN_PASS_FORWARD, false), CNN__CONV2D_DIRECT);
    ck_assert_int_eq(choice(56, 64, 128, 3, 2, CNN_PASS_BACKWARD_DATA, false), CNN__CONV2D_DIRECT);
}
END_TEST

int main(void)
{
    /* Large blocks are reused instead of being mapped anew for every case. */
    mallopt(M_MMAP_THRESHOLD, 1 << 28);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    Suite *suite = suite_create("backend/winograd");
    TCase *tests = tcase_create("convolution");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, winograd_3x3);
    tcase_add_test(tests, winograd_5x5);
    tcase_add_test(tests, large_sums);
    tcase_add_test(tests, direct_first_layer);
    tcase_add_test(tests, direct_strides);
    tcase_add_test(tests, extreme_shapes);
    tcase_add_test(tests, choices);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
