/* SPDX-License-Identifier: MIT */
/* Ten crops: what evaluation and prediction say is the mean of ten single predictions, for every kind of output and
 * any batch. */
#include <check.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/suite.h"

#define SAMPLES 7
#define VIEWS 10
#define SIDE 8
#define MOST_OUTPUTS 3

static cnn_context *context;
static cnn_dataset *dataset;
static cnn_pipeline *ten;

static void open_all(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 21), &context), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, SAMPLES, &dataset), CNN_OK);
    ck_assert_int_eq(cnn_pipeline_create(context, "ten_crop=8x8,subtract=0.3", &ten), CNN_OK);
}

static void close_all(void)
{
    cnn_pipeline_free(ten);
    cnn_dataset_free(dataset);
    cnn_context_free(context);
}

/* The ends that a model can have. */
static const struct {
    int32_t units;
    cnn_activation activation;
    const char *loss; /* NULL: the default */
} ends[] = {
    {3, CNN_SOFTMAX, NULL},
    {1, CNN_SIGMOID, NULL},
    {3, CNN_LOG_SOFTMAX, "nll"},
    {3, CNN_LINEAR, "mse"},
    {3, CNN_SIGMOID, "binary_crossentropy"},
};

static cnn_model *make_model(size_t end)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, 1}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 6, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model,
                  cnn_dense(context, CNN_DENSE(.units = ends[end].units, .activation = (int32_t)ends[end].activation,
                                               .kernel_init = {CNN_INIT_NORMAL, 0.7f})));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

/* The mean of ten predictions, each of one crop by itself: of probabilities, also where the model gives their
 * logarithms. */
static void expect_mean(cnn_model *model, size_t end, size_t sample, double *mean)
{
    float values[VIEWS * SIDE * SIDE];
    cnn_image *image = NULL;
    cnn_session *session = NULL;
    cnn_shape shape;
    bool logarithms = ends[end].activation == CNN_LOG_SOFTMAX;
    ck_assert_int_eq(cnn_dataset_image(dataset, sample, &image), CNN_OK);
    ck_assert_int_eq(cnn_pipeline_apply(ten, image, sample, values, VIEWS * SIDE * SIDE, &shape), CNN_OK);
    ck_assert_uint_eq(shape.rank, 4);
    ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_OK);
    memset(mean, 0, MOST_OUTPUTS * sizeof(*mean));
    for (size_t view = 0; view < VIEWS; view++) {
        ck_assert_int_eq(cnn_session_forward(session, values + view * SIDE * SIDE, 1), CNN_OK);
        for (int32_t k = 0; k < ends[end].units; k++) {
            double value = cnn_session_output(session)[k];
            mean[k] += (logarithms ? exp(value) : value) / VIEWS;
        }
    }
    for (int32_t k = 0; k < ends[end].units && logarithms; k++) {
        mean[k] = log(mean[k]);
    }
    cnn_session_free(session);
    cnn_image_free(image);
}

static double loss_of(size_t end, const double *mean, int32_t label)
{
    double sum = 0;
    int32_t units = ends[end].units;
    switch (ends[end].activation) {
    case CNN_SOFTMAX:
        return -log(mean[label]);
    case CNN_LOG_SOFTMAX:
        return -mean[label];
    case CNN_SIGMOID:
        for (int32_t k = 0; k < units; k++) {
            sum -= log((units == 1 ? label : k == label) ? mean[k] : 1 - mean[k]) / units;
        }
        return sum;
    default:
        for (int32_t k = 0; k < units; k++) {
            sum += (mean[k] - (k == label)) * (mean[k] - (k == label)) / units;
        }
        return sum;
    }
}

static cnn_loader *open_loader(const cnn_dataset *from, uint32_t batch)
{
    cnn_loader *loader = NULL;
    cnn_status status = cnn_loader_create(context, from, CNN_LOADER(.pipeline = ten, .batch = batch), &loader);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    return loader;
}

START_TEST(test_predict)
{
    static const uint32_t batches[] = {1, 3, 32};
    size_t end = (size_t)_i, units = (size_t)ends[end].units;
    cnn_model *model = make_model(end);
    for (size_t b = 0; b < 3; b++) {
        float outputs[SAMPLES * MOST_OUTPUTS];
        cnn_loader *loader = open_loader(dataset, batches[b]);
        ck_assert_int_eq(cnn_predict(model, loader, outputs, SAMPLES * units - 1), CNN_ERROR_LIMIT);
        ck_assert_int_eq(cnn_predict(model, loader, outputs, SAMPLES * units), CNN_OK);
        for (size_t i = 0; i < SAMPLES; i++) {
            double mean[MOST_OUTPUTS];
            expect_mean(model, end, i, mean);
            for (size_t k = 0; k < units; k++) {
                ck_assert_msg(fabs(outputs[i * units + k] - mean[k]) < 1e-6 * (1 + fabs(mean[k])),
                              "batch %u, sample %zu: %.8g, mean %.8g", batches[b], i, outputs[i * units + k], mean[k]);
            }
        }
        cnn_loader_free(loader);
    }
    cnn_model_free(model);
}
END_TEST

/* Two classes of the three for a model with one output. */
static void two_classes(cnn_dataset **out)
{
    static uint8_t pixels[SAMPLES][TEST_PIXELS];
    static int32_t labels[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++) {
        test_draw(i, pixels[i]);
        labels[i] = (int32_t)(i % 2);
    }
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = pixels[0], .labels = labels, .count = SAMPLES,
                                                   .height = TEST_SIDE, .width = TEST_SIDE, .channels = 1),
                                        out),
                     CNN_OK);
}

START_TEST(test_evaluate)
{
    size_t end = (size_t)_i;
    cnn_model *model = make_model(end);
    cnn_dataset *other = NULL;
    cnn_loss *loss = NULL;
    cnn_evaluator *accuracy = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    bool binary = ends[end].units == 1;
    if (binary) {
        two_classes(&other);
    }
    cnn_loader *loader = open_loader(binary ? other : dataset, 3);
    ck_assert_int_eq(cnn_accuracy_create(context, &accuracy), CNN_OK);
    if (ends[end].loss != NULL) {
        ck_assert_int_eq(cnn_loss_create(context, ends[end].loss, &loss), CNN_OK);
    }
    ck_assert_msg(
        cnn_evaluate(model, CNN_EVALUATE(.loader = loader, .loss = loss, .evaluators = &accuracy, .evaluator_count = 1),
                     &result) == CNN_OK,
        "%s", cnn_last_error(context));
    double sum = 0, right = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        double mean[MOST_OUTPUTS];
        expect_mean(model, end, i, mean);
        int32_t label = binary ? (int32_t)(i % 2) : (int32_t)(i % TEST_CLASSES), best = 0;
        for (int32_t k = 1; k < ends[end].units; k++) {
            best = mean[k] > mean[best] ? k : best;
        }
        right += (binary ? mean[0] > 0.5 : best) == label;
        sum += loss_of(end, mean, label);
    }
    ck_assert_uint_eq(result.count, SAMPLES);
    ck_assert_double_eq(result.accuracy, right / SAMPLES);
    ck_assert_double_eq(cnn_evaluator_score(accuracy), right / SAMPLES);
    ck_assert_msg(fabs(result.loss - sum / SAMPLES) < 2e-6 * (1 + sum), "loss %.9g, expected %.9g", result.loss,
                  sum / SAMPLES);
    cnn_evaluator_free(accuracy);
    cnn_loss_free(loss);
    cnn_loader_free(loader);
    cnn_dataset_free(other);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_image)
{
    /* The model's own pipeline has the views, also behind a model file; sessions of any batch agree. */
    char path[256];
    cnn_model *model = make_model(0), *loaded = NULL;
    cnn_pipeline *wrong = NULL;
    ck_assert_int_eq(cnn_pipeline_create(context, "ten_crop=9x8", &wrong), CNN_OK);
    ck_assert_int_eq(cnn_model_set_pipeline(model, wrong), CNN_ERROR_SHAPE);
    cnn_pipeline_free(wrong);
    ck_assert_msg(cnn_model_set_pipeline(model, ten) == CNN_OK, "%s", cnn_last_error(context));
    test_path(path, sizeof(path), "views.cnn");
    ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
    ck_assert_int_eq(cnn_model_load(context, path, &loaded), CNN_OK);
    unlink(path);
    for (uint32_t batch = 1; batch <= 13; batch += 4) {
        cnn_session *session = NULL;
        ck_assert_int_eq(cnn_session_create(loaded, CNN_SESSION(.batch = batch), &session), CNN_OK);
        for (size_t i = 0; i < SAMPLES; i++) {
            cnn_image *image = NULL;
            cnn_prediction list[MOST_OUTPUTS];
            size_t count = MOST_OUTPUTS;
            double mean[MOST_OUTPUTS];
            expect_mean(model, 0, i, mean);
            ck_assert_int_eq(cnn_dataset_image(dataset, i, &image), CNN_OK);
            ck_assert_msg(cnn_session_predict_image(session, image, list, &count) == CNN_OK, "%s",
                          cnn_last_error(context));
            ck_assert_uint_eq(count, MOST_OUTPUTS);
            for (size_t k = 0; k < count; k++) {
                ck_assert_msg(fabs(list[k].probability - mean[list[k].label]) < 1e-6, "%.8g, mean %.8g",
                              (double)list[k].probability, mean[list[k].label]);
                ck_assert(k == 0 || list[k].probability <= list[k - 1].probability);
            }
            cnn_image_free(image);
        }
        cnn_session_free(session);
    }
    cnn_model_free(loaded);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_fit)
{
    cnn_model *model = make_model(0);
    cnn_optimizer *optimizer = NULL;
    cnn_history *history = NULL;
    cnn_pipeline *one = NULL;
    cnn_loader *views = open_loader(dataset, 4), *train = NULL;
    ck_assert_int_eq(cnn_sgd_create(context, NULL, &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = views, .optimizer = optimizer), NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "10 views"));
    ck_assert_int_eq(cnn_pipeline_create(context, "random_crop=8x8,subtract=0.3", &one), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = one, .batch = 4), &train), CNN_OK);
    ck_assert_msg(cnn_fit(model, CNN_FIT(.train = train, .validation = views, .optimizer = optimizer, .keep_last = 1),
                          &history) == CNN_OK,
                  "%s", cnn_last_error(context));
    ck_assert_str_eq(cnn_pipeline_text(cnn_model_pipeline(model)), cnn_pipeline_text(ten));
    double sum = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        double mean[MOST_OUTPUTS];
        expect_mean(model, 0, i, mean);
        sum += loss_of(0, mean, (int32_t)(i % TEST_CLASSES));
    }
    double found = cnn_history_value(history, "val_loss", 0);
    ck_assert_msg(fabs(found - sum / SAMPLES) < 1e-5, "validation loss %.9g, expected %.9g", found, sum / SAMPLES);
    cnn_history_free(history);
    cnn_loader_free(train);
    cnn_pipeline_free(one);
    cnn_loader_free(views);
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/views");
    TCase *tcase = tcase_create("ten crops");
    int count = (int)(sizeof(ends) / sizeof(ends[0]));
    tcase_add_checked_fixture(tcase, open_all, close_all);
    tcase_add_loop_test(tcase, test_predict, 0, count);
    tcase_add_loop_test(tcase, test_evaluate, 0, count);
    tcase_add_test(tcase, test_image);
    tcase_add_test(tcase, test_fit);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
