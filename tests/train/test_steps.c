/* SPDX-License-Identifier: MIT */
/* What a step and an epoch are, and averages of parameters: gradients accumulated as those of one batch, epochs of so
 * many steps, parts of validations, validations in between; EMA, SWA and the last epochs against their formulas; and
 * all of it resumed to the same bits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "common/values.h"

#define TRAIN 44
#define MOST_VALUES 4096

typedef struct bench {
    cnn_context *context;
    cnn_dataset *data, *more;
    cnn_loader *train, *validation;
    cnn_model *model;
    cnn_optimizer *optimizer;
    cnn_schedule *schedule;
} bench;

static cnn_model *make_model(cnn_context *context, bool norm)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &model), CNN_OK);
    if (norm) {
        cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm")));
    }
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "conv", .filters = 4, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(context, NULL));
    cnn_model_add(model, cnn_flatten(context, NULL));
    if (norm) {
        cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.2f)));
    }
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "fc", .units = TEST_CLASSES, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static void open_bench(bench *b, uint32_t threads, uint32_t batch, bool norm, const char *rule, const char *schedule)
{
    memset(b, 0, sizeof(*b));
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = threads, .seed = 6), &b->context), CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, 0, TRAIN, &b->data), CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, TRAIN, 20, &b->more), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->data, CNN_LOADER(.batch = batch, .shuffle = 1), &b->train),
                     CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->more, CNN_LOADER(.batch = 8), &b->validation), CNN_OK);
    b->model = make_model(b->context, norm);
    ck_assert_msg(cnn_optimizer_create(b->context, rule, &b->optimizer) == CNN_OK, "%s", cnn_last_error(b->context));
    if (schedule != NULL) {
        ck_assert_int_eq(cnn_schedule_create(b->context, schedule, &b->schedule), CNN_OK);
    }
}

static void close_bench(bench *b)
{
    cnn_schedule_free(b->schedule);
    cnn_optimizer_free(b->optimizer);
    cnn_model_free(b->model);
    cnn_loader_free(b->validation);
    cnn_loader_free(b->train);
    cnn_dataset_free(b->more);
    cnn_dataset_free(b->data);
    cnn_context_free(b->context);
}

/* All parameters one after the other. */
static size_t copy_values(const cnn_model *model, float values[MOST_VALUES])
{
    size_t count = 0;
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter((cnn_model *)model, i, &p), CNN_OK);
        const size_t n = test_shape_values(p.value.shape);
        ck_assert_uint_le(count + n, MOST_VALUES);
        memcpy(values + count, p.value.data, n * sizeof(float));
        count += n;
    }
    return count;
}

static cnn_status fit(bench *b, cnn_fit_options *options, cnn_history **history)
{
    options->struct_size = sizeof(*options);
    options->train = b->train;
    options->validation = b->validation;
    options->optimizer = b->optimizer;
    options->schedule = b->schedule;
    return cnn_fit(b->model, options, history);
}

/* ---- accumulation ---- */

/* 44 samples in batches of 4 by 3, and in batches of 12: both have a last step of 8. */
START_TEST(accumulated_gradients_are_those_of_one_batch)
{
    static float one[MOST_VALUES], several[MOST_VALUES];
    const char *rule = "momentum:pytorch,learning_rate=0.1";
    bench b;
    cnn_history *history = NULL;
    open_bench(&b, 1, 12, false, rule, "cosine:step");
    ck_assert_int_eq(fit(&b, &(cnn_fit_options){.epochs = 3, .keep_last = 1}, NULL), CNN_OK);
    ck_assert_uint_eq(cnn_optimizer_steps(b.optimizer), 12);
    const size_t count = copy_values(b.model, one);
    close_bench(&b);
    open_bench(&b, 2, 4, false, rule, "cosine:step");
    ck_assert_int_eq(fit(&b, &(cnn_fit_options){.epochs = 3, .keep_last = 1, .accumulate = 3}, &history), CNN_OK);
    ck_assert_uint_eq(cnn_optimizer_steps(b.optimizer), 12);
    ck_assert_uint_eq(copy_values(b.model, several), count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_float_eq_tol(several[i], one[i], 2e-5f);
    }
    ck_assert(isfinite(cnn_history_value(history, "step_loss", 2)));
    cnn_history_free(history);
    close_bench(&b);
}
END_TEST

/* ---- steps and validations ---- */

typedef struct counts {
    uint64_t steps, evaluations, stop_at;
    uint64_t most; /* steps of an epoch as told */
    double first_loss;
} counts;

static bool count_step(void *user, const cnn_progress *progress)
{
    counts *c = user;
    if (progress->step > 0) {
        c->steps++;
        c->most = progress->steps;
        ck_assert_uint_le(progress->step, progress->steps);
    }
    return c->stop_at > 0 && progress->step > 0 && progress->total_steps == c->stop_at;
}

static bool count_evaluation(void *user, const cnn_progress *progress)
{
    counts *c = user;
    c->evaluations++;
    ck_assert_uint_gt(progress->step, 0);
    ck_assert(isfinite(progress->validation_loss) && isfinite(progress->validation_score));
    return false;
}

START_TEST(an_epoch_can_be_so_many_steps)
{
    bench b;
    counts c = {0};
    cnn_history *history = NULL;
    open_bench(&b, 1, 8, false, "sgd", "step:every=1,gamma=0.5"); /* a pass has 6 batches, the last of 4 */
    ck_assert_int_eq(
        fit(&b, &(cnn_fit_options){.epochs = 4, .steps_per_epoch = 4, .on_step = count_step, .user = &c}, &history),
        CNN_OK);
    ck_assert_uint_eq(c.steps, 16);
    ck_assert_uint_eq(c.most, 4);
    ck_assert_uint_eq(cnn_loader_position(b.train), 16);
    ck_assert_uint_eq(cnn_history_epochs(history), 4);
    ck_assert_double_eq_tol(cnn_history_value(history, "learning_rate", 3), 0.01 / 8, 1e-9);
    cnn_history_free(history);
    /* More steps than a pass has batches. */
    ck_assert_int_eq(fit(&b, &(cnn_fit_options){.epochs = 2, .steps_per_epoch = 9, .accumulate = 2}, NULL), CNN_OK);
    ck_assert_uint_eq(cnn_loader_position(b.train), 16 + 36);
    close_bench(&b);
}
END_TEST

START_TEST(a_validation_can_be_so_many_batches)
{
    bench b;
    cnn_history *history = NULL;
    double loss[3];
    const uint32_t steps[] = {2, 3, 4}; /* of 8, 8 and 4 samples: two batches, all, and the first again */
    for (int i = 0; i < 3; i++) {
        open_bench(&b, 1, 8, false, "sgd:learning_rate=0", NULL);
        ck_assert_int_eq(fit(&b, &(cnn_fit_options){.epochs = 1, .validation_steps = steps[i]}, &history), CNN_OK);
        loss[i] = cnn_history_value(history, "val_loss", 0);
        cnn_history_free(history);
        close_bench(&b);
    }
    open_bench(&b, 1, 8, false, "sgd:learning_rate=0", NULL);
    cnn_evaluate_result all = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_evaluate(b.model, CNN_EVALUATE(.loader = b.validation), &all), CNN_OK);
    ck_assert_double_eq_tol(loss[1], all.loss, 1e-12);
    /* Sums over 16, 20 and 28 samples: the last has the first 8 twice. */
    cnn_session *session;
    cnn_loss *rule;
    cnn_batch batch = CNN_BATCH_INIT;
    double sums[3];
    ck_assert_int_eq(cnn_session_create(b.model, CNN_SESSION(.batch = 8), &session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(b.context, &rule), CNN_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cnn_loader_next(b.validation, &batch), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(session, batch.images, batch.count), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, rule, CNN_TARGET(.labels = batch.labels), &sums[i]), CNN_OK);
        sums[i] *= (double)batch.count;
    }
    ck_assert_double_eq_tol(loss[0], (sums[0] + sums[1]) / 16, 1e-6);
    ck_assert_double_eq_tol(loss[2], (2 * sums[0] + sums[1] + sums[2]) / 28, 1e-6);
    cnn_loss_free(rule);
    cnn_session_free(session);
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer, .validation_steps = 1), NULL),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(b.context), "validation_steps without a validation loader"));
    close_bench(&b);
}
END_TEST

START_TEST(validations_in_between_change_nothing)
{
    static float with[MOST_VALUES], without[MOST_VALUES];
    double running[2];
    counts c = {0};
    for (int i = 0; i < 2; i++) {
        bench b;
        cnn_history *history = NULL;
        open_bench(&b, 2, 8, true, "adam", NULL);
        cnn_fit_options options = {.epochs = 3,
                                   .keep_last = 1,
                                   .user = &c,
                                   .average = "ema",
                                   .on_evaluation = count_evaluation,
                                   .evaluate_every = i == 0 ? 0 : 4};
        ck_assert_int_eq(fit(&b, &options, &history), CNN_OK);
        (void)copy_values(b.model, i == 0 ? without : with);
        running[i] = cnn_history_value(history, "accuracy", 2);
        cnn_history_free(history);
        close_bench(&b);
    }
    ck_assert_uint_eq(c.evaluations, 3); /* after 4, 8 and 16 steps: 12 is an epoch's end */
    ck_assert_mem_eq(with, without, sizeof(with));
    ck_assert_double_eq(running[0], running[1]);
}
END_TEST

/* ---- averages ---- */

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
    f->count = copy_values(cnn_session_model(progress->session), values);
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
    f->count = copy_values(cnn_session_model(progress->session), f->epochs[f->done++]);
    return false;
}

static void check_average(const char *text, const char *kind, size_t from, size_t to)
{
    static follower f;
    static float after[MOST_VALUES];
    bench b;
    f = (follower){.kind = kind};
    open_bench(&b, 1, 8, false, "momentum:learning_rate=0.05", NULL);
    ck_assert_msg(fit(&b,
                      &(cnn_fit_options){.epochs = 5,
                                         .keep_last = 1,
                                         .average = text,
                                         .on_step = follow_step,
                                         .on_epoch = follow_epoch,
                                         .user = &f},
                      NULL) == CNN_OK,
                  "%s", cnn_last_error(b.context));
    ck_assert_uint_eq(copy_values(b.model, after), f.count);
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
    close_bench(&b);
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
    open_bench(&b, 1, 8, true, "adam:learning_rate=0.01", NULL);
    ck_assert_int_eq(fit(&b, &(cnn_fit_options){.epochs = 1, .average = "ema:decay=0.95", .best_path = path}, &history),
                     CNN_OK);
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_evaluate(b.model, CNN_EVALUATE(.loader = b.validation), &result), CNN_OK);
    ck_assert_double_eq(result.loss, cnn_history_value(history, "val_loss", 0));
    (void)copy_values(b.model, with);
    ck_assert_int_eq(cnn_model_load(b.context, path, &loaded), CNN_OK);
    static float file[MOST_VALUES];
    (void)copy_values(loaded, file);
    ck_assert_mem_eq(file, with, sizeof(with));
    cnn_model_free(loaded);
    cnn_history_free(history);
    unlink(path);
    close_bench(&b);
}
END_TEST

/* The first layer's statistics are those of the images: the mean over the batches of one pass. */
START_TEST(statistics_are_the_mean_over_batches)
{
    bench b;
    cnn_batch batch = CNN_BATCH_INIT;
    double mean = 0, variance = 0;
    int batches = 0;
    open_bench(&b, 2, 8, true, "sgd", NULL);
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
    close_bench(&b);
}
END_TEST

/* ---- the search for a learning rate ---- */

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
    open_bench(&b, 2, 8, true, "sgd", NULL);
    const size_t count = copy_values(b.model, before);
    const cnn_rate_search_options options = {.struct_size = sizeof(options),
                                             .train = b.train,
                                             .optimizer = b.optimizer,
                                             .low = 1e-5,
                                             .high = 1e4,
                                             .steps = 200};
    ck_assert_int_eq(cnn_find_learning_rate(b.model, &options, &rate, &history), CNN_OK);
    (void)copy_values(b.model, after);
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
    (void)copy_values(b.model, after);
    ck_assert_mem_eq(before, after, count * sizeof(float));
    cnn_history_free(history);
    ck_assert_int_eq(cnn_find_learning_rate(b.model, CNN_RATE_SEARCH(.train = b.train), &rate, NULL),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(
        cnn_find_learning_rate(
            b.model, CNN_RATE_SEARCH(.train = b.train, .optimizer = b.optimizer, .low = 1, .high = 0.5), &rate, NULL),
        CNN_ERROR_INVALID_ARGUMENT);
    close_bench(&b);
}
END_TEST

/* ---- resuming ---- */

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

/* Trains, stopping after `stop` steps (0: not), and going on with another bench. */
static size_t train(const setting *s, uint64_t stop, uint32_t threads, const char *path, float values[MOST_VALUES])
{
    bench b;
    counts c = {.stop_at = stop};
    cnn_fit_options options = s->options;
    options.epochs = 4;
    options.keep_last = 1;
    options.on_step = count_step;
    options.user = &c;
    options.last_path = path;
    if (stop > 0) {
        open_bench(&b, 1, 8, true, s->rule, s->schedule);
        ck_assert_int_eq(fit(&b, &options, NULL), CNN_ERROR_CANCELLED);
        close_bench(&b);
        options.resume_path = path;
        c.stop_at = 0;
    }
    open_bench(&b, threads, 8, true, s->rule, s->schedule);
    ck_assert_msg(fit(&b, &options, NULL) == CNN_OK, "%s", cnn_last_error(b.context));
    const size_t count = copy_values(b.model, values);
    close_bench(&b);
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
    open_bench(&b, 1, 8, true, "sgd", NULL);
    ck_assert_int_eq(fit(&b, &(cnn_fit_options){.epochs = 1, .last_path = path}, NULL), CNN_OK);
    close_bench(&b);
    for (size_t i = 0; i < 3; i++) {
        cnn_fit_options options = others[i].options;
        options.epochs = 2;
        options.resume_path = path;
        open_bench(&b, 1, 8, true, "sgd", NULL);
        ck_assert_msg(fit(&b, &options, NULL) == CNN_ERROR_MISMATCH, "%s", others[i].message);
        ck_assert_msg(strstr(cnn_last_error(b.context), others[i].message) != NULL, "%s", cnn_last_error(b.context));
        close_bench(&b);
    }
    unlink(path);
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
    open_bench(&b, 1, 8, false, "sgd", NULL);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_int_eq(fit(&b, &(cnn_fit_options){.average = wrong[i][0]}, NULL), CNN_ERROR_INVALID_ARGUMENT);
        ck_assert_msg(strstr(cnn_last_error(b.context), wrong[i][1]) != NULL, "%s", cnn_last_error(b.context));
    }
    close_bench(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/steps");
    TCase *tests = tcase_create("steps");
    tcase_add_test(tests, accumulated_gradients_are_those_of_one_batch);
    tcase_add_test(tests, an_epoch_can_be_so_many_steps);
    tcase_add_test(tests, a_validation_can_be_so_many_batches);
    tcase_add_test(tests, validations_in_between_change_nothing);
    tcase_add_test(tests, averages_are_those_of_their_formulas);
    tcase_add_test(tests, validation_sees_the_averages);
    tcase_add_test(tests, statistics_are_the_mean_over_batches);
    tcase_add_loop_test(tests, a_resumed_training_has_the_same_bits, 0, (int)(sizeof(settings) / sizeof(settings[0])));
    tcase_add_test(tests, a_checkpoint_of_other_settings_is_refused);
    tcase_add_test(tests, averages_are_checked);
    tcase_add_test(tests, a_rate_is_searched);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
