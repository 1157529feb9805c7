/* SPDX-License-Identifier: MIT */
/* Winograd and direct convolution over random and extreme shapes, and which of them is chosen. */
#include <check.h>
#include <malloc.h>

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
            ck_assert(functions->supports(&shape, CNN_PASS_FORWARD));
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
        cnn_conv2d_shape shape = {.struct_size = sizeof(shape),
                                  .n = 2,
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
                                  .activation = CNN_RELU,
                                  .pool = cases[k].pool};
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
    cnn_conv2d_shape s = {.struct_size = sizeof(s),
                          .n = 1,
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
        ck_assert_int_eq(choice(16, 64, 64, 1, 1, (cnn_pass)pass, true), CNN__CONV2D_IM2COL);
        ck_assert_int_eq(choice(74, 32, 64, 3, 1, (cnn_pass)pass, false), CNN__CONV2D_WINOGRAD_6X3);
        ck_assert_int_eq(choice(16, 64, 64, 1, 1, (cnn_pass)pass, false), CNN__CONV2D_IM2COL);
        ck_assert_int_eq(choice(150, 3, 32, 3, 1, (cnn_pass)pass, false), CNN__CONV2D_DIRECT);
    }
    ck_assert_int_eq(choice(18, 128, 128, 3, 1, CNN_PASS_FORWARD, false), CNN__CONV2D_WINOGRAD_4X3);
    ck_assert_int_eq(choice(27, 96, 256, 5, 1, CNN_PASS_FORWARD, false), CNN__CONV2D_WINOGRAD_4X5);
    ck_assert_int_eq(choice(227, 3, 96, 11, 4, CNN_PASS_FORWARD, false), CNN__CONV2D_DIRECT);
    ck_assert_int_eq(choice(56, 64, 128, 3, 2, CNN_PASS_BACKWARD_DATA, false), CNN__CONV2D_IM2COL);
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
    tcase_add_test(tests, direct_first_layer);
    tcase_add_test(tests, direct_strides);
    tcase_add_test(tests, extreme_shapes);
    tcase_add_test(tests, choices);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
