/* SPDX-License-Identifier: MIT */
/* Training targets that are not what the data say: smoothed labels against PyTorch's formula, mixup and cutmix against
 * torchvision's with the same draws, a teacher against the formula of its loss and finite differences; what is refused,
 * and the same bits when resumed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "core/rng.h"

#define BATCH 6
#define SEED 6
#define VALUES (BATCH * TEST_PIXELS)

typedef struct bench {
    cnn_context *context;
    cnn_dataset *data;
    cnn_loader *train;
    cnn_model *model, *teacher;
    cnn_optimizer *optimizer;
} bench;

static cnn_model *make_model(cnn_context *context, const char *name, uint32_t outputs)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = name, .input = {TEST_SIDE, TEST_SIDE, 1}), &model),
                     CNN_OK);
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "fc", .units = outputs,
                                                      .activation = outputs == 1 ? CNN_SIGMOID : CNN_SOFTMAX)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    return model;
}

static cnn_dataset *make_data(cnn_context *context, size_t samples, size_t classes)
{
    static const char *const names[TEST_CLASSES] = {"rows", "columns", "block"};
    static uint8_t pixels[32 * TEST_PIXELS];
    int32_t labels[32];
    cnn_dataset *data = NULL;
    for (size_t i = 0; i < samples; i++) {
        const size_t label = i % classes;
        test_draw(TEST_CLASSES * i + label, pixels + i * TEST_PIXELS);
        labels[i] = (int32_t)label;
    }
    ck_assert_int_eq(
        cnn_dataset_create(context,
                           CNN_ARRAYS(.bytes = pixels, .labels = labels, .count = samples, .height = TEST_SIDE,
                                      .width = TEST_SIDE, .channels = 1, .classes = names, .class_count = classes),
                           &data),
        CNN_OK);
    return data;
}

static void open_bench(bench *b, size_t samples, uint32_t outputs, const char *rule)
{
    memset(b, 0, sizeof(*b));
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = SEED), &b->context), CNN_OK);
    b->data = make_data(b->context, samples, outputs == 1 ? 2 : TEST_CLASSES);
    ck_assert_int_eq(cnn_loader_create(b->context, b->data, CNN_LOADER(.batch = BATCH), &b->train), CNN_OK);
    b->model = make_model(b->context, "student", outputs);
    b->teacher = make_model(b->context, "teacher", outputs);
    const cnn_initializer wide = {CNN_INIT_HE_NORMAL, 0};
    ck_assert_int_eq(cnn_model_initialize(b->teacher, "fc/kernel", &wide), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_create(b->context, rule, &b->optimizer), CNN_OK);
}

static void close_bench(bench *b)
{
    cnn_optimizer_free(b->optimizer);
    cnn_model_free(b->teacher);
    cnn_model_free(b->model);
    cnn_loader_free(b->train);
    cnn_dataset_free(b->data);
    cnn_context_free(b->context);
}

static double fit(bench *b, cnn_fit_options *options)
{
    cnn_history *history = NULL;
    options->struct_size = sizeof(*options);
    options->train = b->train;
    options->optimizer = b->optimizer;
    options->keep_last = 1;
    ck_assert_msg(cnn_fit(b->model, options, &history) == CNN_OK, "%s", cnn_last_error(b->context));
    const double loss = cnn_history_value(history, "loss", cnn_history_epochs(history) - 1);
    cnn_history_free(history);
    return loss;
}

/* Softmax outputs of a model for a batch of images, as logarithms; in double from its float32 probabilities. */
static void log_outputs(cnn_model *model, const float *images, size_t outputs, double *logs)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    for (size_t i = 0; i < BATCH * outputs; i++) {
        logs[i] = log((double)cnn_session_output(session)[i]);
    }
    cnn_session_free(session);
}

/* The mean over the batch of -sum t log p. */
static double cross_entropy(const double *logs, const double *targets)
{
    double sum = 0;
    for (size_t i = 0; i < BATCH * TEST_CLASSES; i++) {
        sum -= targets[i] * logs[i] / BATCH;
    }
    return sum;
}

static void first_batch(bench *b, float *images, double *one_hot)
{
    cnn_batch batch = CNN_BATCH_INIT;
    ck_assert_int_eq(cnn_loader_next(b->train, &batch), CNN_OK);
    ck_assert_uint_eq(batch.count, BATCH);
    memcpy(images, batch.images, VALUES * sizeof(float));
    for (size_t i = 0; i < BATCH * TEST_CLASSES; i++) {
        one_hot[i] = (size_t)batch.labels[i / TEST_CLASSES] == i % TEST_CLASSES;
    }
    ck_assert_int_eq(cnn_loader_seek(b->train, 0), CNN_OK);
}

START_TEST(labels_are_smoothed)
{
    static float images[VALUES];
    double targets[BATCH * TEST_CLASSES], logs[BATCH * TEST_CLASSES];
    bench b;
    open_bench(&b, BATCH, TEST_CLASSES, "sgd:learning_rate=0");
    first_batch(&b, images, targets);
    log_outputs(b.model, images, TEST_CLASSES, logs);
    for (size_t i = 0; i < BATCH * TEST_CLASSES; i++) {
        targets[i] = targets[i] * 0.8 + 0.2 / TEST_CLASSES;
    }
    ck_assert_double_eq_tol(fit(&b, &(cnn_fit_options){.label_smoothing = 0.2f}), cross_entropy(logs, targets), 1e-5);
    close_bench(&b);
}
END_TEST

/* With one output y becomes y (1 - s) + s / 2. */
START_TEST(binary_labels_are_smoothed)
{
    static float images[VALUES];
    double logs[BATCH];
    bench b;
    open_bench(&b, BATCH, 1, "sgd:learning_rate=0");
    cnn_batch batch = CNN_BATCH_INIT;
    ck_assert_int_eq(cnn_loader_next(b.train, &batch), CNN_OK);
    memcpy(images, batch.images, sizeof(images));
    log_outputs(b.model, images, 1, logs);
    double expected = 0;
    for (size_t i = 0; i < BATCH; i++) {
        const double y = batch.labels[i] * 0.9 + 0.05;
        expected -= (y * logs[i] + (1 - y) * log(1 - exp(logs[i]))) / BATCH;
    }
    ck_assert_int_eq(cnn_loader_seek(b.train, 0), CNN_OK);
    ck_assert_double_eq_tol(fit(&b, &(cnn_fit_options){.label_smoothing = 0.1f}), expected, 1e-5);
    close_bench(&b);
}
END_TEST

/* What RandomMixup of torchvision's reference training does with this share. */
START_TEST(mixup_as_torchvision)
{
    static float images[VALUES], mixed[VALUES];
    double one_hot[BATCH * TEST_CLASSES], targets[BATCH * TEST_CLASSES], logs[BATCH * TEST_CLASSES];
    bench b;
    cnn__rng rng;
    open_bench(&b, BATCH, TEST_CLASSES, "sgd:learning_rate=0");
    first_batch(&b, images, one_hot);
    cnn__rng_init(&rng, SEED, CNN__STREAM_MIX, 1, 0);
    const double share = cnn__rng_beta(&rng, 0.4, 0.4);
    ck_assert(share > 0 && share < 1);
    for (size_t i = 0; i < BATCH; i++) {
        const size_t other = (i + BATCH - 1) % BATCH;
        for (size_t k = 0; k < TEST_PIXELS; k++) {
            mixed[i * TEST_PIXELS + k] = (float)(share * (double)images[i * TEST_PIXELS + k] +
                                                 (1 - share) * (double)images[other * TEST_PIXELS + k]);
        }
        for (size_t k = 0; k < TEST_CLASSES; k++) {
            targets[i * TEST_CLASSES + k] = share * one_hot[i * TEST_CLASSES + k] +
                                            (1 - share) * one_hot[other * TEST_CLASSES + k];
        }
    }
    log_outputs(b.model, mixed, TEST_CLASSES, logs);
    ck_assert_double_eq_tol(fit(&b, &(cnn_fit_options){.mixup = 0.4f}), cross_entropy(logs, targets), 1e-5);
    close_bench(&b);
}
END_TEST

/* The same of RandomCutmix: its rectangle is around a point, as wide as its root of the area says. */
START_TEST(cutmix_as_torchvision)
{
    static float images[VALUES], mixed[VALUES];
    double one_hot[BATCH * TEST_CLASSES], targets[BATCH * TEST_CLASSES], logs[BATCH * TEST_CLASSES];
    bench b;
    cnn__rng rng;
    open_bench(&b, BATCH, TEST_CLASSES, "sgd:learning_rate=0");
    first_batch(&b, images, one_hot);
    cnn__rng_init(&rng, SEED, CNN__STREAM_MIX, 1, 0);
    const double lambda = cnn__rng_beta(&rng, 1, 1);
    const int x = (int)cnn__rng_below(&rng, TEST_SIDE), y = (int)cnn__rng_below(&rng, TEST_SIDE);
    const int half = (int)(0.5 * sqrt(1 - lambda) * TEST_SIDE);
    const int x1 = x - half > 0 ? x - half : 0, x2 = x + half < TEST_SIDE ? x + half : TEST_SIDE;
    const int y1 = y - half > 0 ? y - half : 0, y2 = y + half < TEST_SIDE ? y + half : TEST_SIDE;
    const double share = 1 - (double)((x2 - x1) * (y2 - y1)) / TEST_PIXELS;
    ck_assert(share > 0 && share < 1);
    for (size_t i = 0; i < BATCH; i++) {
        const size_t other = (i + BATCH - 1) % BATCH;
        for (int k = 0; k < TEST_PIXELS; k++) {
            const int row = k / TEST_SIDE, col = k % TEST_SIDE;
            const bool cut = row >= y1 && row < y2 && col >= x1 && col < x2;
            mixed[i * TEST_PIXELS + (size_t)k] = images[(cut ? other : i) * TEST_PIXELS + (size_t)k];
        }
        for (size_t k = 0; k < TEST_CLASSES; k++) {
            targets[i * TEST_CLASSES + k] = share * one_hot[i * TEST_CLASSES + k] +
                                            (1 - share) * one_hot[other * TEST_CLASSES + k];
        }
    }
    log_outputs(b.model, mixed, TEST_CLASSES, logs);
    ck_assert_double_eq_tol(fit(&b, &(cnn_fit_options){.cutmix = 1}), cross_entropy(logs, targets), 1e-5);
    close_bench(&b);
}
END_TEST

START_TEST(beta_is_beta)
{
    static const double shapes[][2] = {{0.2, 0.2}, {1, 1}, {2, 5}, {0.05, 3}};
    for (size_t s = 0; s < 4; s++) {
        const double a = shapes[s][0], b = shapes[s][1];
        double sum = 0, squares = 0;
        for (uint64_t i = 0; i < 20000; i++) {
            cnn__rng rng;
            cnn__rng_init(&rng, 1, CNN__STREAM_MIX, i, s);
            const double x = cnn__rng_beta(&rng, a, b);
            ck_assert(x >= 0 && x <= 1);
            sum += x;
            squares += x * x;
        }
        const double mean = sum / 20000, variance = squares / 20000 - mean * mean;
        ck_assert_double_eq_tol(mean, a / (a + b), 0.012);
        ck_assert_double_eq_tol(variance, a * b / ((a + b) * (a + b) * (a + b + 1)), 0.01);
    }
}
END_TEST

/* ---- the teacher ---- */

static double distilled(const double *student, const double *teacher, double temperature)
{
    double sum = 0;
    for (size_t i = 0; i < BATCH; i++) {
        double all_s = 0, all_t = 0;
        for (size_t j = 0; j < TEST_CLASSES; j++) {
            all_s += exp(student[i * TEST_CLASSES + j] / temperature);
            all_t += exp(teacher[i * TEST_CLASSES + j] / temperature);
        }
        for (size_t j = 0; j < TEST_CLASSES; j++) {
            const double log_q = student[i * TEST_CLASSES + j] / temperature - log(all_s);
            const double log_p = teacher[i * TEST_CLASSES + j] / temperature - log(all_t);
            sum += exp(log_p) * (log_p - log_q) / BATCH;
        }
    }
    return temperature * temperature * sum;
}

START_TEST(a_teacher_is_learnt_from)
{
    static float images[VALUES];
    double one_hot[BATCH * TEST_CLASSES], student[BATCH * TEST_CLASSES], teacher[BATCH * TEST_CLASSES];
    bench b;
    open_bench(&b, BATCH, TEST_CLASSES, "sgd:learning_rate=0");
    first_batch(&b, images, one_hot);
    log_outputs(b.model, images, TEST_CLASSES, student);
    log_outputs(b.teacher, images, TEST_CLASSES, teacher);
    const double labels = cross_entropy(student, one_hot), soft = distilled(student, teacher, 3);
    ck_assert_double_gt(soft, 1e-3);
    cnn_fit_options options = {.teacher = b.teacher, .teacher_weight = 0.25f, .temperature = 3};
    ck_assert_double_eq_tol(fit(&b, &options), 0.75 * labels + 0.25 * soft, 2e-5);
    ck_assert_double_eq_tol(fit(&b, &(cnn_fit_options){.teacher = b.teacher}),
                            0.5 * labels + 0.5 * distilled(student, teacher, 4), 2e-5);
    close_bench(&b);
}
END_TEST

static float *bias_of(cnn_model *model, size_t *count)
{
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &p), CNN_OK);
        if (strcmp(p.name, "fc/bias") == 0) {
            *count = (size_t)p.value.shape.dims[0];
            return p.value.data;
        }
    }
    ck_abort_msg("no bias");
    return NULL;
}

/* A step of rate 1 takes the gradient off; the loss at two biases says what it is. */
START_TEST(the_gradient_is_that_of_both_losses)
{
    const uint32_t outputs = _i == 0 ? TEST_CLASSES : 1;
    const double h = 0.02;
    for (size_t k = 0; k < outputs; k++) {
        double loss[2], before = 0;
        size_t count = 0;
        for (int side = 0; side < 2; side++) {
            bench b;
            open_bench(&b, _i == 0 ? BATCH : 2, outputs, "sgd:learning_rate=0");
            bias_of(b.model, &count)[k] += (float)(side == 0 ? -h : h);
            cnn_model_touch(b.model);
            loss[side] = fit(&b, &(cnn_fit_options){.teacher = b.teacher, .teacher_weight = 0.6f, .temperature = 2});
            close_bench(&b);
        }
        bench b;
        open_bench(&b, _i == 0 ? BATCH : 2, outputs, "sgd:learning_rate=1");
        before = (double)bias_of(b.model, &count)[k];
        (void)fit(&b, &(cnn_fit_options){.teacher = b.teacher, .teacher_weight = 0.6f, .temperature = 2});
        ck_assert_double_eq_tol(before - (double)bias_of(b.model, &count)[k], (loss[1] - loss[0]) / (2 * h), 2e-4);
        ck_assert_double_gt(fabs(loss[1] - loss[0]), 1e-5);
        close_bench(&b);
    }
}
END_TEST

/* ---- all of it ---- */

static bool stop_third(void *user, const cnn_progress *progress)
{
    return user != NULL && progress->step > 0 && progress->total_steps == 3;
}

START_TEST(a_resumed_training_has_the_same_bits)
{
    char path[512];
    uint64_t hash[2];
    test_path(path, sizeof(path), "mix.cnn");
    for (int part = 0; part < 2; part++) {
        cnn_fit_options options = {.epochs = 3,
                                   .label_smoothing = 0.1f,
                                   .mixup = 0.3f,
                                   .cutmix = 1,
                                   .last_path = path,
                                   .on_step = stop_third,
                                   .keep_last = 1};
        bench b;
        if (part == 1) {
            open_bench(&b, 20, TEST_CLASSES, "adam");
            options.train = b.train;
            options.optimizer = b.optimizer;
            options.teacher = b.teacher;
            options.struct_size = sizeof(options);
            options.user = path;
            ck_assert_int_eq(cnn_fit(b.model, &options, NULL), CNN_ERROR_CANCELLED);
            close_bench(&b);
            options.user = NULL;
            options.resume_path = path;
        }
        open_bench(&b, 20, TEST_CLASSES, "adam");
        options.teacher = b.teacher;
        (void)fit(&b, &options);
        hash[part] = test_model_hash(b.model);
        close_bench(&b);
    }
    ck_assert_uint_eq(hash[0], hash[1]);
    unlink(path);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    bench b;
    cnn_loss *mse = NULL;
    open_bench(&b, BATCH, TEST_CLASSES, "sgd");
    ck_assert_int_eq(cnn_mean_squared_error_create(b.context, &mse), CNN_OK);
    cnn_model *other = make_model(b.context, "other", 2);
    const struct {
        cnn_fit_options options;
        cnn_status status;
        const char *message;
    } table[] = {
        {{.label_smoothing = 1.5f}, CNN_ERROR_INVALID_ARGUMENT, "label_smoothing is 1.5"},
        {{.mixup = -1}, CNN_ERROR_INVALID_ARGUMENT, "mixup is -1"},
        {{.cutmix = NAN}, CNN_ERROR_INVALID_ARGUMENT, "cutmix is"},
        {{.mixup = 1, .loss = mse}, CNN_ERROR_INVALID_ARGUMENT, "need a loss of probabilities, which mse is not"},
        {{.teacher = b.teacher, .loss = mse}, CNN_ERROR_INVALID_ARGUMENT, "a teacher goes with"},
        {{.teacher = b.model}, CNN_ERROR_INVALID_ARGUMENT, "another model"},
        {{.teacher = other}, CNN_ERROR_MISMATCH, "a teacher of 2 outputs for a model of 3"},
        {{.teacher = b.teacher, .teacher_weight = 2}, CNN_ERROR_INVALID_ARGUMENT, "teacher_weight is 2"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        cnn_fit_options options = table[i].options;
        options.struct_size = sizeof(options);
        options.train = b.train;
        options.optimizer = b.optimizer;
        ck_assert_int_eq(cnn_fit(b.model, &options, NULL), table[i].status);
        ck_assert_msg(strstr(cnn_last_error(b.context), table[i].message) != NULL, "%s", cnn_last_error(b.context));
    }
    cnn_model_free(other);
    cnn_loss_free(mse);
    close_bench(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/mix");
    TCase *tests = tcase_create("mix");
    tcase_add_test(tests, labels_are_smoothed);
    tcase_add_test(tests, binary_labels_are_smoothed);
    tcase_add_test(tests, mixup_as_torchvision);
    tcase_add_test(tests, cutmix_as_torchvision);
    tcase_add_test(tests, beta_is_beta);
    tcase_add_test(tests, a_teacher_is_learnt_from);
    tcase_add_loop_test(tests, the_gradient_is_that_of_both_losses, 0, 2);
    tcase_add_test(tests, a_resumed_training_has_the_same_bits);
    tcase_add_test(tests, what_does_not_fit_is_refused);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
