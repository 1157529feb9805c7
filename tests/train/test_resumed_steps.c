/* SPDX-License-Identifier: MIT */
/* Trainings with averages, accumulated gradients, steps in an epoch and rates by steps, resumed to the same bits. */
#include <string.h>
#include <unistd.h>

#include "common/suite.h"
#include "train/bench.h"

typedef struct setting {
    const char *rule, *schedule;
    cnn_fit_options options;
} setting;

static const setting settings[] = {
    {"adamw:learning_rate=0.01+lookahead:every=4", "triangular", {.average = "ema:decay=0.9"}},
    {"muon:learning_rate=0.05", "onecycle", {.accumulate = 3, .average = "last:count=3"}},
    {"momentum:learning_rate=0.02", "linear:step", {.steps_per_epoch = 8, .average = "swa:start=1"}},
    {"rmsprop+lookahead", NULL, {.steps_per_epoch = 5, .accumulate = 2, .evaluate_every = 3, .validation_steps = 2}},
};

/* Stops after so many steps, 0: not. */
static bool stop_at(void *user, const cnn_progress *progress)
{
    const uint64_t *stop = user;
    ck_assert_uint_le(progress->step, progress->steps);
    return *stop > 0 && progress->step > 0 && progress->total_steps == *stop;
}

/* Trains, stopping after `stop` steps (0: not), and going on with another bench. */
static size_t train(const setting *s, uint64_t stop, uint32_t threads, const char *path, float values[MOST_VALUES])
{
    bench b;
    cnn_fit_options options = s->options;
    options.epochs = 4;
    options.keep_last = 1;
    options.on_step = stop_at;
    options.user = &stop;
    options.last_path = path;
    if (stop > 0) {
        bench_open(&b, BENCH(.model = bench_noisy, .rule = s->rule, .schedule = s->schedule));
        ck_assert_int_eq(bench_fit(&b, &options, NULL), CNN_ERROR_CANCELLED);
        bench_close(&b);
        options.resume_path = path;
        stop = 0;
    }
    bench_open(&b, BENCH(.threads = threads, .model = bench_noisy, .rule = s->rule, .schedule = s->schedule));
    ck_assert_msg(bench_fit(&b, &options, NULL) == CNN_OK, "%s", cnn_last_error(b.context));
    const size_t count = bench_values(b.model, values);
    bench_close(&b);
    return count;
}

START_TEST(a_resumed_training_has_the_same_bits)
{
    static float whole[MOST_VALUES], resumed[MOST_VALUES];
    char path[512];
    test_path(path, sizeof(path), "steps.cnn");
    const size_t count = train(&settings[_i], 0, 2, path, whole);
    const uint64_t stops[] = {1, 6, 7};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(train(&settings[_i], stops[i], 3, path, resumed), count);
        ck_assert_msg(memcmp(whole, resumed, count * sizeof(float)) == 0, "%s stopped after %d steps",
                      settings[_i].rule, (int)stops[i]);
    }
    unlink(path);
}
END_TEST

START_TEST(a_checkpoint_of_other_settings_is_refused)
{
    static const struct {
        cnn_fit_options options;
        const char *message;
    } others[] = {
        {{.average = "ema"}, "was trained with the average \"none\", not \"ema:decay=0.999,start=0\""},
        {{.steps_per_epoch = 3}, "was trained with steps_per_epoch 0, not 3"},
        {{.accumulate = 2}, "was trained with accumulate 0, not 2"},
    };
    char path[512];
    bench b;
    test_path(path, sizeof(path), "steps.cnn");
    bench_open(&b, BENCH(.model = bench_noisy, .rule = "sgd"));
    ck_assert_int_eq(bench_fit(&b, &(cnn_fit_options){.epochs = 1, .last_path = path}, NULL), CNN_OK);
    bench_close(&b);
    for (size_t i = 0; i < 3; i++) {
        cnn_fit_options options = others[i].options;
        options.epochs = 2;
        options.resume_path = path;
        bench_open(&b, BENCH(.model = bench_noisy, .rule = "sgd"));
        ck_assert_msg(bench_fit(&b, &options, NULL) == CNN_ERROR_MISMATCH, "%s", others[i].message);
        ck_assert_msg(strstr(cnn_last_error(b.context), others[i].message) != NULL, "%s", cnn_last_error(b.context));
        bench_close(&b);
    }
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/resumed_steps");
    TCase *tests = tcase_create("resumed_steps");
    tcase_add_loop_test(tests, a_resumed_training_has_the_same_bits, 0, (int)(sizeof(settings) / sizeof(settings[0])));
    tcase_add_test(tests, a_checkpoint_of_other_settings_is_refused);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
