/* SPDX-License-Identifier: MIT */
/* The search for a learning rate against its definition. */
#include <math.h>
#include <string.h>

#include "common/suite.h"
#include "train/bench.h"

static bool stop_fifth(void *user, const cnn_progress *progress)
{
    (void)user;
    ck_assert_str_eq(progress->score_name, "loss");
    return progress->step == 5;
}

START_TEST(a_rate_is_searched)
{
    static float before[MOST_VALUES], after[MOST_VALUES];
    bench b;
    cnn_history *history = NULL;
    double rate = 0;
    bench_open(&b, BENCH(.threads = 2, .model = bench_noisy, .rule = "sgd"));
    const size_t count = bench_values(b.model, before);
    const cnn_rate_search_options options = {.struct_size = sizeof(options),
                                             .train = b.train,
                                             .optimizer = b.optimizer,
                                             .low = 1e-5,
                                             .high = 1e4,
                                             .steps = 200};
    ck_assert_int_eq(cnn_find_learning_rate(b.model, &options, &rate, &history), CNN_OK);
    (void)bench_values(b.model, after);
    ck_assert_mem_eq(before, after, count * sizeof(float));
    const size_t rows = cnn_history_epochs(history);
    ck_assert(rows > 20 && rows < 200); /* the loss ends it */
    double smooth = 0, weight = 1, steepest = 0, found = NAN;
    size_t lowest = 0;
    for (size_t i = 0; i < rows; i++) {
        const double loss = cnn_history_value(history, "loss", i);
        smooth = 0.9 * smooth + 0.1 * loss;
        weight *= 0.9;
        ck_assert_double_eq_tol(cnn_history_value(history, "smoothed_loss", i), smooth / (1 - weight), 1e-12);
        ck_assert_double_eq_tol(cnn_history_value(history, "learning_rate", i), 1e-5 * pow(1e9, (double)i / 199),
                                1e-9 * pow(1e9, (double)i / 199));
        lowest = smooth / (1 - weight) < cnn_history_value(history, "smoothed_loss", lowest) ? i : lowest;
    }
    for (size_t i = 10; i <= lowest && i + 5 < rows; i++) {
        const double slope = cnn_history_value(history, "smoothed_loss", i + 5) -
                             cnn_history_value(history, "smoothed_loss", i - 5);
        found = slope < steepest ? cnn_history_value(history, "learning_rate", i) : found;
        steepest = fmin(slope, steepest);
    }
    ck_assert_double_eq(rate, found);
    ck_assert_msg(rate > 1e-4 && rate < 1e3, "%g", rate);
    cnn_history_free(history);
    ck_assert_int_eq(cnn_find_learning_rate(
                         b.model, CNN_RATE_SEARCH(.train = b.train, .optimizer = b.optimizer, .on_step = stop_fifth),
                         &rate, &history),
                     CNN_ERROR_CANCELLED);
    ck_assert_uint_eq(cnn_history_epochs(history), 5);
    (void)bench_values(b.model, after);
    ck_assert_mem_eq(before, after, count * sizeof(float));
    cnn_history_free(history);
    ck_assert_int_eq(cnn_find_learning_rate(b.model, CNN_RATE_SEARCH(.train = b.train), &rate, NULL),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(
        cnn_find_learning_rate(
            b.model, CNN_RATE_SEARCH(.train = b.train, .optimizer = b.optimizer, .low = 1, .high = 0.5), &rate, NULL),
        CNN_ERROR_INVALID_ARGUMENT);
    bench_close(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/rate_search");
    TCase *tests = tcase_create("rate_search");
    tcase_add_test(tests, a_rate_is_searched);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
