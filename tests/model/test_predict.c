/* SPDX-License-Identifier: MIT */
/* Prediction of single images: which are an input at all, which classes are given in which order, what is refused. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"

static cnn_context *context;

static void setup(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3), &context), CNN_OK);
}
static void teardown(void) { cnn_context_free(context); }

/* An input of this shape, a dense layer, and logits of `units` classes. */
static cnn_session *new_session(const int32_t input[3], int32_t units, const char *steps, cnn_model **model)
{
    cnn_pipeline *pipeline = NULL;
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {input[0], input[1], input[2]}), model), CNN_OK);
    cnn_model_add(*model, cnn_flatten(context, NULL));
    cnn_model_add(*model, cnn_dense(context, CNN_DENSE(.units = units, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(*model) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_pipeline_create(context, steps, &pipeline), CNN_OK);
    ck_assert_msg(cnn_model_set_pipeline(*model, pipeline) == CNN_OK, "%s", cnn_last_error(context));
    cnn_pipeline_free(pipeline);
    ck_assert_int_eq(cnn_session_create(*model, CNN_SESSION(.batch = 1), &session), CNN_OK);
    return session;
}

/* ---- which images are an input ---- */

static const struct {
    int32_t input[3];
    uint32_t height, width, channels;
    cnn_status status;
} images[] = {
    {{16}, 4, 4, 1, CNN_OK},
    {{16}, 2, 8, 3, CNN_OK}, /* becomes grey */
    {{16}, 2, 2, 1, CNN_ERROR_SHAPE},
    {{16}, 2, 2, 3, CNN_ERROR_SHAPE},
    {{16}, 4, 3, 1, CNN_ERROR_SHAPE},
    {{16}, 5, 4, 1, CNN_ERROR_LIMIT}, /* there is no room for them */
    {{48}, 4, 4, 3, CNN_OK},          /* as it is */
    {{48}, 4, 4, 1, CNN_OK},          /* becomes RGB */
    {{48}, 4, 12, 1, CNN_OK},
    {{4, 4, 1}, 4, 4, 1, CNN_OK},
    {{4, 4, 1}, 4, 4, 3, CNN_OK},
    {{4, 4, 1}, 2, 8, 1, CNN_ERROR_SHAPE},
    {{4, 4, 1}, 2, 2, 1, CNN_ERROR_SHAPE},
    {{4, 4, 3}, 4, 4, 1, CNN_OK},
    {{4, 4, 3}, 3, 4, 3, CNN_ERROR_SHAPE},
    {{4, 4, 5}, 4, 4, 5, CNN_OK},
    {{80}, 4, 4, 5, CNN_OK},
    {{4, 4, 5}, 4, 4, 3, CNN_ERROR_SHAPE},
    {{4, 4, 5}, 4, 4, 1, CNN_ERROR_SHAPE},
    {{4, 4, 3}, 4, 4, 5, CNN_ERROR_LIMIT}, /* there is no room for them */
    {{4, 4, 1}, 4, 4, 2, CNN_ERROR_LIMIT},
    {{4, 4, 5}, 4, 4, 4, CNN_ERROR_SHAPE},
};

START_TEST(only_whole_inputs_are_predicted)
{
    cnn_model *model = NULL;
    cnn_session *session = new_session(images[_i].input, 3, "", &model);
    cnn_image *image = NULL;
    cnn_prediction best[3];
    size_t count = 3;
    ck_assert_int_eq(cnn_image_create(context, images[_i].width, images[_i].height, images[_i].channels, &image),
                     CNN_OK);
    cnn_status status = cnn_session_predict_image(session, image, best, &count);
    ck_assert_msg(status == images[_i].status, "%d: %s", status, cnn_last_error(context));
    cnn_image_free(image);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* ---- which classes ---- */

#define UNITS 1000

/* Probabilities and their order as they are defined, found the slow way. */
START_TEST(classes_are_the_best_in_order)
{
    cnn_model *model = NULL;
    cnn_session *session = new_session((const int32_t[]){3, 3, 1}, UNITS, "", &model);
    cnn_image *image = NULL;
    ck_assert_int_eq(cnn_image_create(context, 3, 3, 1, &image), CNN_OK);
    memset(cnn_image_pixels(image), 200, 9);
    static cnn_prediction all[UNITS], some[UNITS];
    static bool seen[UNITS];
    size_t count = UNITS;
    ck_assert_int_eq(cnn_session_predict_image(session, image, all, &count), CNN_OK);
    ck_assert_uint_eq(count, UNITS);
    const float *logits = cnn_session_logits(session);
    double sum = 0, most = logits[0];
    for (size_t i = 0; i < UNITS; i++) {
        most = fmax(most, (double)logits[i]);
    }
    for (size_t i = 0; i < UNITS; i++) {
        sum += exp(logits[i] - most);
    }
    for (size_t i = 0; i < UNITS; i++) {
        ck_assert(all[i].probability == (float)(exp(logits[all[i].label] - most) / sum));
        ck_assert(!seen[all[i].label]);
        seen[all[i].label] = true;
        ck_assert(i == 0 || all[i - 1].probability > all[i].probability ||
                  (all[i - 1].probability == all[i].probability && all[i - 1].label < all[i].label));
    }
    for (size_t room = 0; room <= 40; room++) {
        count = room;
        ck_assert_int_eq(cnn_session_predict_image(session, image, room > 0 ? some : NULL, &count), CNN_OK);
        ck_assert_uint_eq(count, room);
        for (size_t i = 0; i < room; i++) {
            ck_assert(some[i].label == all[i].label && some[i].probability == all[i].probability);
        }
    }
    count = UNITS + 5;
    ck_assert_int_eq(cnn_session_predict_image(session, image, some, &count), CNN_OK);
    ck_assert_uint_eq(count, UNITS);
    cnn_image_free(image);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* A black image: without biases all classes are equally probable, and come by their numbers. */
START_TEST(equal_classes_come_in_order)
{
    cnn_model *model = NULL;
    cnn_session *session = new_session((const int32_t[]){2, 2, 1}, 37, "", &model);
    cnn_image *image = NULL;
    cnn_prediction best[37];
    ck_assert_int_eq(cnn_image_create(context, 2, 2, 1, &image), CNN_OK);
    for (size_t room = 1; room <= 37; room++) {
        size_t count = room;
        ck_assert_int_eq(cnn_session_predict_image(session, image, best, &count), CNN_OK);
        for (size_t i = 0; i < count; i++) {
            ck_assert_int_eq(best[i].label, (int32_t)i);
        }
    }
    cnn_image_free(image);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* ---- misuse ---- */

/* Of outputs that are no numbers no class is the best. */
START_TEST(no_numbers_are_an_error)
{
    static const float damaged[] = {NAN, INFINITY, 3e38F};
    static const cnn_task tasks[] = {CNN_TASK_CLASSES, CNN_TASK_LABELS, CNN_TASK_VALUES};
    cnn_model *model = NULL;
    cnn_parameter kernel = CNN_PARAMETER_INIT;
    cnn_prediction best[2];
    size_t count = 2;
    cnn_image *image = NULL;
    cnn_session *session = new_session((const int32_t[]){4, 4, 1}, _i % 2 == 0 ? 3 : 1, "", &model);
    ck_assert_int_eq(cnn_image_create(context, 4, 4, 1, &image), CNN_OK);
    memset(cnn_image_pixels(image), 255, 16);
    ck_assert_int_eq(cnn_model_set_task(model, tasks[_i / 6]), CNN_OK);
    ck_assert_int_eq(cnn_session_predict_image(session, image, best, &count), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(model, "dense_1/kernel", &kernel), CNN_OK);
    for (size_t i = 0; i < 16; i++) { /* their sum is beyond all floats */
        kernel.value.data[i * (size_t)kernel.value.shape.dims[1]] = damaged[_i / 2 % 3];
    }
    cnn_model_touch(model);
    const cnn_status status = cnn_session_predict_image(session, image, best, &count);
    const bool certain = _i / 2 % 3 != 0 && tasks[_i / 6] != CNN_TASK_VALUES &&
                         (_i % 2 == 1 || tasks[_i / 6] == CNN_TASK_LABELS); /* the sigmoid of infinity is 1 */
    ck_assert_msg(status == (certain ? CNN_OK : CNN_ERROR_NUMERIC), "%d: %s", _i, cnn_last_error(context));
    if (!certain) {
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "output 0 is not a finite number"));
    }
    cnn_image_free(image);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

START_TEST(nothing_is_refused)
{
    const cnn_status invalid = CNN_ERROR_INVALID_ARGUMENT;
    cnn_model *model = NULL;
    cnn_session *session = new_session((const int32_t[]){2, 2, 1}, 2, "", &model);
    cnn_image *image = NULL;
    cnn_prediction best;
    size_t count = 1;
    ck_assert_int_eq(cnn_image_create(context, 2, 2, 1, &image), CNN_OK);
    ck_assert_int_eq(cnn_session_predict_image(NULL, image, &best, &count), invalid);
    ck_assert_int_eq(cnn_session_predict_image(session, NULL, &best, &count), invalid);
    ck_assert_int_eq(cnn_session_predict_image(session, image, NULL, &count), invalid);
    ck_assert_int_eq(cnn_session_predict_image(session, image, &best, NULL), invalid);
    ck_assert_int_eq(cnn_session_predict_file(NULL, "a.jpg", &best, &count), invalid);
    ck_assert_int_eq(cnn_session_predict_file(session, NULL, &best, &count), invalid);
    ck_assert_int_eq(cnn_session_predict_file(session, "a.jpg", &best, NULL), invalid);
    ck_assert_int_eq(cnn_session_predict_memory(NULL, "a", 1, &best, &count), invalid);
    ck_assert_int_eq(cnn_session_predict_memory(session, NULL, 1, &best, &count), invalid);
    ck_assert_int_eq(cnn_session_predict_memory(session, "a", 1, &best, NULL), invalid);
    ck_assert_int_eq(cnn_session_predict_image(session, image, &best, &count), CNN_OK);
    cnn_image_free(image);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("predict");
    TCase *tests = tcase_create("predict");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, only_whole_inputs_are_predicted, 0, sizeof(images) / sizeof(images[0]));
    tcase_add_test(tests, classes_are_the_best_in_order);
    tcase_add_test(tests, equal_classes_come_in_order);
    tcase_add_loop_test(tests, no_numbers_are_an_error, 0, 18);
    tcase_add_test(tests, nothing_is_refused);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
