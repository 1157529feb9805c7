/* SPDX-License-Identifier: MIT */
/* 1x1 and depthwise convolution over random and extreme shapes: strides, dilation, groups, depth multipliers. */
#include <check.h>
#include <malloc.h>

#include "backend/fast_conv2d.h"
#include "common/suite.h"

static void check_all(const cnn_conv2d_shape *shape, int algorithm)
{
    fast_instruction_set sets[FAST_INSTRUCTION_SETS];
    const size_t set_count = fast_instruction_sets(sets);
    for (size_t i = 0; i < set_count; i++) {
        const cnn__conv2d_functions *functions = &sets[i].table[algorithm];
        ck_assert(functions->supports(functions, shape, CNN_PASS_FORWARD));
        fast_check(functions, shape, fast_tolerances[algorithm]);
    }
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_INFERENCE; pass++) {
        ck_assert_int_eq(cnn__conv2d_choose(shape, (cnn_pass)pass, true).algorithm, algorithm);
    }
}

/* Rows that lie 4 KB apart, more groups than vectors, images of one pixel, and any others. */
START_TEST(pointwise)
{
    static const int64_t channels[][2] = {{1024, 5}, {3, 1024}, {1, 1}, {33, 65}, {64, 96}};
    for (int k = 0; k < 45; k++) {
        cnn_conv2d_shape s = fast_random_shape(1, 1, 90);
        s.epilogue.pool = 0;
        s.pad_top = s.pad_left = 0;
        if (k < 5) {
            s.in_c = channels[k][0];
            s.out_c = channels[k][1];
        } else if (k % 3 == 0) {
            s.groups = (int32_t)fast_random_in(2, 5);
            s.in_c = s.groups * fast_random_in(1, 20);
            s.out_c = s.groups * fast_random_in(1, 40);
        }
        s.stride_h = k % 2 == 0 ? 1 : (int32_t)fast_random_in(1, 3);
        s.stride_w = k % 2 == 0 ? 1 : (int32_t)fast_random_in(1, 3);
        ck_assert(fast_finish_shape(&s, 0, 0));
        if (k % 7 == 6) { /* outputs that leave pixels at the end unread */
            s.out_h = (s.out_h + 1) / 2;
        }
        if (s.groups != s.in_c || s.groups == 1) {
            check_all(&s, CNN__CONV2D_POINTWISE);
        }
    }
}
END_TEST

START_TEST(depthwise)
{
    static const int32_t kernels[][2] = {{3, 3}, {5, 5}, {7, 7}, {1, 1}, {2, 4}, {3, 1}, {1, 16}, {9, 3}};
    for (int k = 0; k < 80; k++) {
        const int32_t *kernel = kernels[k % 8];
        cnn_conv2d_shape s = fast_random_shape(kernel[0], kernel[1], 4);
        s.in_h += 8;
        s.in_w += 8;
        s.epilogue.pool = 0;
        s.in_c = fast_random_in(2, k % 3 == 0 ? 70 : 20);
        s.groups = (int32_t)s.in_c;
        s.out_c = s.in_c * (k % 4 == 3 ? fast_random_in(2, 3) : 1);
        s.stride_h = k % 2 == 0 ? 1 : (int32_t)fast_random_in(1, 3);
        s.stride_w = k % 2 == 0 ? s.stride_h : (int32_t)fast_random_in(1, 3);
        s.dilation_h = k % 5 == 4 ? (int32_t)fast_random_in(1, 3) : 1;
        s.dilation_w = k % 5 == 4 ? (int32_t)fast_random_in(1, 3) : 1;
        s.pad_top = (int32_t)fast_random_in(0, kernel[0] * s.dilation_h);
        s.pad_left = (int32_t)fast_random_in(0, kernel[1] * s.dilation_w);
        if (fast_finish_shape(&s, fast_random_in(0, 3), fast_random_in(0, 3))) {
            check_all(&s, CNN__CONV2D_DEPTHWISE);
        }
    }
}
END_TEST

/* Images smaller than the kernel, and padding that is wider than the image. */
START_TEST(depthwise_extremes)
{
    static const struct {
        int64_t h, w, channels;
        int32_t kernel, stride, pad;
    } cases[] = {{1, 1, 2, 3, 1, 1},   {1, 1, 960, 3, 1, 1}, {2, 1, 17, 5, 1, 2}, {1, 9, 16, 5, 2, 4},
                 {7, 7, 33, 3, 2, 1},  {14, 14, 8, 3, 2, 0}, {3, 3, 5, 3, 3, 3},  {2, 2, 48, 7, 4, 6},
                 {20, 20, 4, 1, 3, 0}, {6, 40, 31, 3, 1, 1}};
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        cnn_conv2d_shape s = {.n = 3,
                              .in_h = cases[k].h,
                              .in_w = cases[k].w,
                              .in_c = cases[k].channels,
                              .out_c = cases[k].channels,
                              .kernel_h = cases[k].kernel,
                              .kernel_w = cases[k].kernel,
                              .stride_h = cases[k].stride,
                              .stride_w = cases[k].stride,
                              .dilation_h = 1,
                              .dilation_w = 1,
                              .groups = (int32_t)cases[k].channels,
                              .pad_top = cases[k].pad,
                              .pad_left = cases[k].pad,
                              .epilogue = {.activation = CNN_RELU6}};
        ck_assert(fast_finish_shape(&s, cases[k].pad, cases[k].pad));
        check_all(&s, CNN__CONV2D_DEPTHWISE);
    }
}
END_TEST

int main(void)
{
    /* Large blocks are reused instead of being mapped anew for every case. */
    mallopt(M_MMAP_THRESHOLD, 1 << 28);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    Suite *suite = suite_create("backend/groups");
    TCase *tests = tcase_create("convolution");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, pointwise);
    tcase_add_test(tests, depthwise);
    tcase_add_test(tests, depthwise_extremes);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
