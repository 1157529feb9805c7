/* SPDX-License-Identifier: MIT */
/* Averages of parameters: EMA, SWA and the last epochs against their formulas; and statistics over batches. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "common/suite.h"
#include "train/bench.h"

typedef struct follower {
    const char *kind;
    size_t count;
    uint64_t taken;
    double average[MOST_VALUES];
    float epochs[8][MOST_VALUES];
    size_t done;
    bool in_validation;
} follower;

/* The formula of each step of EMA, from the parameters that the session has after it. */
static bool follow_step(void *user, const cnn_progress *progress)
{
    follower *f = user;
    static float values[MOST_VALUES];
    if (progress->step == 0 || strcmp(f->kind, "ema") != 0 || progress->epoch < 1) {
        return false;
    }
    f->count = bench_values(cnn_session_model(progress->session), values);
    const double decay = fmin(0.9, (1.0 + (double)f->taken) / (10.0 + (double)f->taken));
    for (size_t i = 0; i < f->count; i++) {
        f->average[i] = f->taken == 0 ? (double)values[i] : decay * f->average[i] + (1 - decay) * (double)values[i];
    }
    f->taken++;
    return false;
}

static bool follow_epoch(void *user, const cnn_progress *progress)
{
    follower *f = user;
    f->count = bench_values(cnn_session_model(progress->session), f->epochs[f->done++]);
    return false;
}

static void check_average(const char *text, const char *kind, size_t from, size_t to)
{
    static follower f;
    static float after[MOST_VALUES];
    bench b;
    f = (follower){.kind = kind};
    bench_open(&b, BENCH(.model = bench_plain, .rule = "momentum:learning_rate=0.05"));
    ck_assert_msg(bench_fit(&b,
                            &(cnn_fit_options){.epochs = 5,
                                               .keep_last = 1,
                                               .average = text,
                                               .on_step = follow_step,
                                               .on_epoch = follow_epoch,
                                               .user = &f},
                            NULL) == CNN_OK,
                  "%s", cnn_last_error(b.context));
    ck_assert_uint_eq(bench_values(b.model, after), f.count);
    double moved = 0;
    for (size_t i = 0; i < f.count; i++) {
        double expected = f.average[i];
        for (size_t e = from; e < to; e++) {
            expected += (double)f.epochs[e][i] / (double)(to - from);
        }
        ck_assert_msg(fabs((double)after[i] - expected) <= 2e-6, "%s: value %zu is %g, not %g", text, i,
                      (double)after[i], expected);
        moved = fmax(moved, fabs(expected - (double)f.epochs[4][i]));
    }
    ck_assert_double_gt(moved, 1e-4); /* the last parameters are others */
    bench_close(&b);
}

START_TEST(averages_are_those_of_their_formulas)
{
    check_average("ema:decay=0.9,start=1", "ema", 0, 0);
    check_average("swa:start=2", "swa", 2, 5);
    check_average("swa", "swa", 3, 5);
    check_average("last:count=2", "last", 3, 5);
    check_average("last:count=4", "last", 1, 5);
}
END_TEST

/* The best model, validation and the file have the averages; the training does not. */
START_TEST(validation_sees_the_averages)
{
    static float with[MOST_VALUES];
    bench b;
    cnn_history *history = NULL;
    char path[512];
    cnn_model *loaded = NULL;
    test_path(path, sizeof(path), "steps.cnn");
    bench_open(&b, BENCH(.model = bench_noisy, .rule = "adam:learning_rate=0.01"));
    ck_assert_int_eq(
        bench_fit(&b, &(cnn_fit_options){.epochs = 1, .average = "ema:decay=0.95", .best_path = path}, &history),
        CNN_OK);
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_evaluate(b.model, CNN_EVALUATE(.loader = b.validation), &result), CNN_OK);
    ck_assert_double_eq(result.loss, cnn_history_value(history, "val_loss", 0));
    (void)bench_values(b.model, with);
    ck_assert_int_eq(cnn_model_load(b.context, path, &loaded), CNN_OK);
    static float file[MOST_VALUES];
    (void)bench_values(loaded, file);
    ck_assert_mem_eq(file, with, sizeof(with));
    cnn_model_free(loaded);
    cnn_history_free(history);
    unlink(path);
    bench_close(&b);
}
END_TEST

/* The first layer's statistics are those of the images: the mean over the batches of one pass. */
START_TEST(statistics_are_the_mean_over_batches)
{
    bench b;
    cnn_batch batch = CNN_BATCH_INIT;
    double mean = 0, variance = 0;
    int batches = 0;
    bench_open(&b, BENCH(.threads = 2, .model = bench_noisy, .rule = "sgd"));
    while (cnn_loader_next(b.train, &batch) == CNN_OK && batch.count > 0) {
        const size_t n = batch.count * TEST_SIDE * TEST_SIDE;
        double sum = 0, squares = 0;
        for (size_t i = 0; i < n; i++) {
            sum += (double)batch.images[i];
        }
        for (size_t i = 0; i < n; i++) {
            const double distance = (double)batch.images[i] - sum / (double)n;
            squares += distance * distance;
        }
        mean += sum / (double)n;
        variance += squares / (double)n;
        batches++;
    }
    const uint64_t position = cnn_loader_position(b.train);
    ck_assert_int_eq(cnn_update_statistics(b.model, b.train), CNN_OK);
    ck_assert_uint_eq(cnn_loader_position(b.train), position);
    int found = 0;
    for (size_t i = 0; i < cnn_model_parameter_count(b.model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(b.model, i, &p), CNN_OK);
        if (strstr(p.name, "mean") != NULL) {
            ck_assert_double_eq_tol((double)p.value.data[0], mean / batches, 1e-5);
            found++;
        } else if (strstr(p.name, "var") != NULL) {
            ck_assert_double_eq_tol((double)p.value.data[0], variance / batches, 1e-4 * variance / batches + 1e-6);
            found++;
        }
    }
    ck_assert_int_eq(found, 2);
    ck_assert_int_eq(cnn_update_statistics(b.model, NULL), CNN_ERROR_INVALID_ARGUMENT);
    bench_close(&b);
}
END_TEST

START_TEST(averages_are_checked)
{
    static const char *const wrong[][2] = {
        {"", "average: character 1: expected one of ema, swa, last"},
        {"ema:decay=1", "decay is 1"},
        {"swa:decay=0.5", "swa has no \"decay\""},
        {"last:count=17", "count is 17"},
        {"ema+swa", "unexpected \"+swa\""},
    };
    bench b;
    bench_open(&b, BENCH(.model = bench_plain, .rule = "sgd"));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_int_eq(bench_fit(&b, &(cnn_fit_options){.average = wrong[i][0]}, NULL), CNN_ERROR_INVALID_ARGUMENT);
        ck_assert_msg(strstr(cnn_last_error(b.context), wrong[i][1]) != NULL, "%s", cnn_last_error(b.context));
    }
    bench_close(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/averages");
    TCase *tests = tcase_create("averages");
    tcase_add_test(tests, averages_are_those_of_their_formulas);
    tcase_add_test(tests, validation_sees_the_averages);
    tcase_add_test(tests, statistics_are_the_mean_over_batches);
    tcase_add_test(tests, averages_are_checked);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
