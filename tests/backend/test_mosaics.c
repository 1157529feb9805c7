/* SPDX-License-Identifier: MIT */
/* Winograd convolution with the images of a batch side by side. */
#include <check.h>
#include <malloc.h>

#include "backend/fast_conv2d.h"
#include "backend/vector/conv2d/mosaic.h"
#include "common/suite.h"

/* Images of a batch side by side: rows and columns of them, last tiles that hang over, batches of a prime number. */
START_TEST(mosaics)
{
    static const int algorithms[] = {CNN__CONV2D_WINOGRAD_4X3, CNN__CONV2D_WINOGRAD_6X3, CNN__CONV2D_WINOGRAD_2X5,
                                     CNN__CONV2D_WINOGRAD_4X5};
    static const int64_t batches[] = {2, 4, 5, 6, 12};
    fast_instruction_set sets[FAST_INSTRUCTION_SETS];
    const size_t set_count = fast_instruction_sets(sets);
    for (int k = 0; k < 24; k++) {
        const int algorithm = algorithms[k % 4];
        const int32_t taps = algorithm < CNN__CONV2D_WINOGRAD_2X5 ? 3 : 5;
        cnn_conv2d_shape shape = fast_random_shape(taps, taps, 40);
        do {
            shape.n = batches[fast_random() % 5];
            shape.in_h = fast_random_in(6, 15);
            shape.in_w = fast_random_in(6, 15);
            shape.in_c = fast_random_in(8, 40);
            shape.epilogue.pool = 0;
        } while (!fast_finish_shape(&shape, fast_random_in(0, 2), fast_random_in(0, 2)));
        for (size_t i = 0; i < set_count; i++) {
            fast_check(&sets[i].table[algorithm], &shape, fast_tolerances[algorithm]);
        }
    }
}
END_TEST

/* 8 x 8 images of 13 x 13 with a shared row of padding take 19 x 19 tiles of 6 x 6, alone 9 each. */
START_TEST(mosaic_plans)
{
    cnn__mosaic_request request = {.n = 64, .source_h = 13, .source_w = 13, .target_h = 13, .target_w = 13,
                                   .before_y = 1, .before_x = 1, .taps = 3, .out = 6, .allowed = true};
    cnn__mosaic plan = cnn__mosaic_plan(&request);
    ck_assert_int_eq(plan.columns, 8);
    ck_assert_int_eq(plan.period_y, 14);
    ck_assert_int_eq(plan.tiles, 361);
    ck_assert_int_eq(plan.most_tiles, 576);
    request.n = 61; /* in one row */
    plan = cnn__mosaic_plan(&request);
    ck_assert_int_eq(plan.columns, 61);
    ck_assert_int_eq(plan.tile_rows, 3);
    request.allowed = false;
    ck_assert_int_eq(cnn__mosaic_plan(&request).period_y, 0);
    request.allowed = true;
    request.n = 1;
    ck_assert_int_eq(cnn__mosaic_plan(&request).tiles, 9);
    request = (cnn__mosaic_request){.n = 64, .source_h = 24, .source_w = 24, .target_h = 24, .target_w = 24,
                                    .before_y = 1, .before_x = 1, .taps = 3, .out = 6, .allowed = true};
    ck_assert_int_eq(cnn__mosaic_plan(&request).period_y, 0); /* whole tiles: nothing to save */
}
END_TEST

int main(void)
{
    /* Large blocks are reused instead of being mapped anew for every case. */
    mallopt(M_MMAP_THRESHOLD, 1 << 28);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    Suite *suite = suite_create("backend/mosaics");
    TCase *tests = tcase_create("mosaics");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, mosaics);
    tcase_add_test(tests, mosaic_plans);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
