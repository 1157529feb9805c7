/* SPDX-License-Identifier: MIT */
/* Models that were written are read again: they compute the same, and are models as any other. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/suite.h"
#include "common/values.h"
#include "core/memory.h"
#include "onnx/collect.h"
#include "onnx/models.h"

enum { BATCH = 3 };

static cnn_context *context;

static void set_up(void) { ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK); }
static void tear_down(void) { cnn_context_free(context); }

/* All outputs of a model for the same random inputs. */
static float *run(cnn_model *model, size_t *count)
{
    cnn_session *session = NULL;
    float *inputs[CNN_MODEL_MAX_PORTS] = {NULL}, *all = NULL;
    *count = 0;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH), &session), CNN_OK);
    for (size_t i = 0; i < cnn_model_input_count(model); i++) {
        const cnn_shape shape = cnn_model_value_shape(model, cnn_model_input_name(model, i));
        inputs[i] = malloc(BATCH * test_shape_values(shape) * sizeof(float));
        onnx_random_values((uint32_t)i, inputs[i], BATCH * test_shape_values(shape));
        ck_assert_int_eq(cnn_session_set_input(session, cnn_model_input_name(model, i), inputs[i]), CNN_OK);
    }
    ck_assert_int_eq(cnn_session_forward(session, NULL, BATCH), CNN_OK);
    for (size_t i = 0; i < cnn_model_output_count(model); i++) {
        cnn_tensor value;
        ck_assert_int_eq(cnn_session_activation(session, cnn_model_output_name(model, i), &value), CNN_OK);
        const size_t values = test_shape_values(value.shape);
        all = realloc(all, (*count + values) * sizeof(float));
        memcpy(all + *count, value.data, values * sizeof(float));
        *count += values;
    }
    for (size_t i = 0; i < CNN_MODEL_MAX_PORTS; i++) {
        free(inputs[i]);
    }
    cnn_session_free(session);
    return all;
}

static double difference(cnn_model *a, cnn_model *b)
{
    size_t count = 0, other = 0;
    float *left = run(a, &count), *right = run(b, &other);
    double largest = 0, most = 0;
    ck_assert_uint_eq(count, other);
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)left[i]));
        most = fmax(most, fabs((double)left[i] - (double)right[i]));
        ck_assert(isfinite(right[i]));
    }
    free(left);
    free(right);
    return largest > 0 ? most / largest : most;
}

static cnn_model *read_again(cnn_model *model)
{
    cnn__string bytes = {.context = context};
    cnn_model *again = NULL;
    ck_assert_msg(cnn_model_write_onnx(model, NULL, collect, &bytes) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_msg(cnn_model_load_onnx_memory(context, "again", bytes.data, bytes.size, NULL, &again) == CNN_OK,
                  "%s: %s", cnn_model_name(model), cnn_last_error(context));
    cnn__string_free(&bytes);
    return again;
}

/* All but graphs: normalising compares values, and their inputs are N, V, C in the file, which reading turns. */
static bool is_read(const char *name) { return strncmp(name, "graph_", 6) != 0; }

START_TEST(test_cases)
{
    cnn_model *model = NULL;
    const char *name = NULL;
    for (size_t i = 0; (name = onnx_case(context, i, &model)) != NULL; i++) {
        ck_assert_msg(model != NULL, "%s: %s", name, cnn_last_error(context));
        if (is_read(name)) {
            cnn_model *again = read_again(model);
            const double most = difference(model, again);
            ck_assert_msg(most < 1e-5, "%s: outputs differ by %g", name, most);
            cnn_model_free(again);
        }
        cnn_model_free(model);
    }
}
END_TEST

/* A model that was read is saved, trained by a step, frozen, described, and written once more. */
/* Class names and preprocessing come back with the model. */
START_TEST(test_metadata)
{
    static const char *const classes[] = {"cat \"of\" the house", "d\xc3\xb6g", "x"};
    cnn_model *model = NULL;
    cnn_pipeline *pipeline = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "pets", .input = {8, 9, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3, .activation = CNN_SOFTMAX)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_pipeline_create(context, "resize=8x9,scale=2", &pipeline), CNN_OK);
    ck_assert_int_eq(cnn_model_set_pipeline(model, pipeline), CNN_OK);
    ck_assert_int_eq(cnn_model_set_classes(model, classes, 3), CNN_OK);
    cnn_model *again = read_again(model);
    ck_assert_str_eq(cnn_model_name(again), "pets");
    ck_assert_uint_eq(cnn_model_class_count(again), 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_str_eq(cnn_model_class_name(again, i), classes[i]);
    }
    ck_assert_ptr_nonnull(cnn_model_pipeline(again));
    ck_assert_str_eq(cnn_pipeline_text(cnn_model_pipeline(again)), cnn_pipeline_text(pipeline));
    cnn_pipeline_free(pipeline);
    cnn_model_free(model);
    cnn_model_free(again);
}
END_TEST

START_TEST(test_ordinary)
{
    char path[] = "/tmp/cnn-onnx-XXXXXX";
    cnn_model *model = NULL, *again = NULL, *loaded = NULL, *third = NULL;
    size_t index = 0;
    while (strcmp(onnx_case(context, index, &model), "functions") != 0) {
        cnn_model_free(model);
        index++;
    }
    again = read_again(model);
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    ck_assert_msg(cnn_model_save(again, path) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_msg(cnn_model_load(context, path, &loaded) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert(difference(again, loaded) == 0);
    ck_assert_int_gt((int)cnn_model_trainable_values(loaded), 0);
    third = read_again(loaded);
    ck_assert(difference(loaded, third) < 1e-5);
    unlink(path);
    cnn_model_free(model);
    cnn_model_free(again);
    cnn_model_free(loaded);
    cnn_model_free(third);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("onnx/import");
    TCase *tests = tcase_create("read again");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_cases);
    tcase_add_test(tests, test_metadata);
    tcase_add_test(tests, test_ordinary);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
