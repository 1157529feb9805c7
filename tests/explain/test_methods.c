/* SPDX-License-Identifier: MIT */
/* Every method against numbers of PyTorch on the same weights and image, and what is refused. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "common/suite.h"
#include "core/rng.h"
#include "explain/explain_model.h"
#include "explain/golden_explain.h"

enum { LABEL = 2 };

static float image[IMAGE];

/* Compares every `step`-th value, by the largest of them. */
static void compare(const char *what, const float *values, const float *golden, size_t count, size_t step)
{
    float largest = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fabsf(golden[i]) > largest ? fabsf(golden[i]) : largest;
    }
    ck_assert_float_gt(largest, 0);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(fabsf(values[i * step] - golden[i]) <= 1e-4f * largest, "%s[%zu]: %g, not %g", what, i * step,
                      (double)values[i * step], (double)golden[i]);
    }
}

typedef struct golden {
    cnn_explainer_options options;
    const float *values;
    size_t count, step;
} golden;

#define GOLDEN(name, every, ...)                                                                               \
    {                                                                                                          \
        {.struct_size = sizeof(cnn_explainer_options), __VA_ARGS__}, name, sizeof(name) / sizeof(float), every \
    }

static const golden goldens[] = {
    GOLDEN(golden_grad_cam, 1, .method = CNN_GRAD_CAM),
    GOLDEN(golden_grad_cam, 1, .method = CNN_GRAD_CAM, .layer = "conv2"),
    GOLDEN(golden_grad_cam_output, 1, .method = CNN_GRAD_CAM, .score = CNN_SCORE_OUTPUT),
    GOLDEN(golden_grad_cam_plus_plus, 1, .method = CNN_GRAD_CAM_PLUS_PLUS),
    GOLDEN(golden_score_cam, 1, .method = CNN_SCORE_CAM),
    GOLDEN(golden_score_cam, 1, .method = CNN_SCORE_CAM, .batch = 3),
    GOLDEN(golden_saliency, 5, .method = CNN_SALIENCY),
    GOLDEN(golden_saliency_output, 5, .method = CNN_SALIENCY, .score = CNN_SCORE_OUTPUT),
    GOLDEN(golden_guided, 5, .method = CNN_GUIDED_BACKPROPAGATION),
    GOLDEN(golden_integrated, 5, .method = CNN_INTEGRATED_GRADIENTS, .samples = 16),
    GOLDEN(golden_integrated, 5, .method = CNN_INTEGRATED_GRADIENTS, .samples = 16, .batch = 5),
    GOLDEN(golden_occlusion, 1, .method = CNN_OCCLUSION, .window = 5, .stride = 2),
};

START_TEST(methods_agree_with_pytorch)
{
    const golden *g = &goldens[_i];
    cnn_model *model = explained_model(CLASSES, CNN_SOFTMAX);
    cnn_explainer *explainer = open_explainer(model, &g->options);
    fill(image, IMAGE, 7, 1);
    for (int again = 0; again < 2; again++) { /* nothing of a run stays for the next */
        const cnn_explanation e = explain(explainer, image, LABEL);
        compare(cnn_explain_method_name((size_t)g->options.method), e.raw.data, g->values, g->count, g->step);
        ck_assert_int_eq(e.label, LABEL);
        ck_assert_int_eq(e.empty, 0);
        float most = 0;
        for (int64_t i = 0; i < e.map.shape.dims[0] * e.map.shape.dims[1]; i++) {
            ck_assert(e.map.data[i] >= 0 && e.map.data[i] <= 1);
            most = e.map.data[i] > most ? e.map.data[i] : most;
        }
        ck_assert_float_eq(most, 1);
    }
    cnn_explainer_free(explainer);
    cnn_model_free(model);
}
END_TEST

START_TEST(completeness_of_integrated_gradients)
{
    cnn_model *model = explained_model(CLASSES, CNN_SOFTMAX);
    fill(image, IMAGE, 7, 1);
    for (int score = 0; score < 2; score++) {
        const float baseline[COLORS] = {0.2f, -0.1f, 0.3f};
        cnn_explainer *explainer = open_explainer(model, CNN_EXPLAINER(.method = CNN_INTEGRATED_GRADIENTS,
                                                                       .samples = 400, .score = score,
                                                                       .baseline = score == 0 ? baseline : NULL));
        const cnn_explanation e = explain(explainer, image, 1);
        const double whole = e.score - e.baseline_score;
        ck_assert_double_gt(fabs(whole), 0.01);
        ck_assert_msg(fabs(e.sum - whole) < 0.01 * fabs(whole), "%g, not %g", e.sum, whole);
        cnn_explainer_free(explainer);
    }
    cnn_model_free(model);
}
END_TEST

/* The same copies, one by one. */
START_TEST(smooth_grad_is_the_mean_over_noise)
{
    enum { COPIES = 5 };
    static float noisy[IMAGE];
    static double sums[IMAGE];
    cnn_model *model = explained_model(CLASSES, CNN_SOFTMAX);
    cnn_explainer *plain = open_explainer(model, CNN_EXPLAINER(.method = CNN_SALIENCY));
    cnn_explainer *smooth = open_explainer(
        model, CNN_EXPLAINER(.method = CNN_SMOOTH_GRAD, .samples = COPIES, .noise = 0.25f, .batch = 2));
    cnn_explainer *still = open_explainer(model,
                                          CNN_EXPLAINER(.method = CNN_SMOOTH_GRAD, .samples = 2, .noise = CNN_ZERO));
    fill(image, IMAGE, 7, 1);
    float low = image[0], high = image[0];
    for (size_t k = 0; k < IMAGE; k++) {
        low = fminf(low, image[k]);
        high = fmaxf(high, image[k]);
        sums[k] = 0;
    }
    for (size_t i = 0; i < COPIES; i++) {
        cnn__rng rng;
        cnn__rng_init(&rng, cnn_context_seed(context), CNN__STREAM_EXPLAIN, 0, i);
        for (size_t k = 0; k < IMAGE; k++) {
            noisy[k] = (float)((double)image[k] + 0.25 * ((double)high - (double)low) * cnn__rng_normal(&rng));
        }
        const cnn_explanation e = explain(plain, noisy, LABEL);
        for (size_t k = 0; k < IMAGE; k++) {
            sums[k] += (double)e.raw.data[k] / COPIES;
        }
    }
    cnn_explanation e = explain(smooth, image, LABEL);
    for (size_t k = 0; k < IMAGE; k++) {
        ck_assert_double_eq_tol((double)e.raw.data[k], sums[k], 1e-5);
    }
    e = explain(still, image, LABEL);
    compare("without noise", e.raw.data, golden_saliency, sizeof(golden_saliency) / sizeof(float), 5);
    cnn_explainer_free(still);
    cnn_explainer_free(smooth);
    cnn_explainer_free(plain);
    cnn_model_free(model);
}
END_TEST

START_TEST(models_of_two_classes_have_both)
{
    cnn_model *model = explained_model(1, CNN_SIGMOID);
    fill(image, IMAGE, 7, 1);
    for (int score = 0; score < 2; score++) {
        float kept[MAP_SIDE * MAP_SIDE];
        cnn_explainer *explainer = open_explainer(model, CNN_EXPLAINER(.score = score));
        ck_assert_str_eq(cnn_explainer_layer(explainer), "conv2");
        const cnn_explanation one = explain(explainer, image, 1);
        memcpy(kept, one.raw.data, sizeof(kept));
        const cnn_explanation zero = explain(explainer, image, 0);
        for (int i = 0; i < MAP_SIDE * MAP_SIDE; i++) {
            ck_assert_float_eq_tol(zero.raw.data[i], -kept[i], 1e-6f);
        }
        ck_assert_double_eq_tol(zero.score, score == CNN_SCORE_OUTPUT ? 1 - one.score : -one.score, 1e-6);
        const cnn_explanation best = explain(explainer, image, -1);
        ck_assert_int_eq(best.label, one.score > (score == CNN_SCORE_OUTPUT ? 0.5 : 0));
        cnn_explanation none = CNN_EXPLANATION_INIT;
        ck_assert_int_eq(cnn_explainer_run(explainer, image, 2, &none), CNN_ERROR_INVALID_ARGUMENT);
        cnn_explainer_free(explainer);
    }
    cnn_model_free(model);
}
END_TEST

/* Weights that let every channel speak against a class. */
START_TEST(an_empty_map_is_told)
{
    cnn_model *model = explained_model(2, CNN_SOFTMAX);
    cnn_parameter p = CNN_PARAMETER_INIT;
    fill(image, IMAGE, 7, 1);
    ck_assert_int_eq(cnn_model_find_parameter(model, "scores/kernel", &p), CNN_OK);
    for (int i = 0; i < MAP_SIDE * MAP_SIDE * 8; i++) {
        p.value.data[2 * i] = -0.1f;
        p.value.data[2 * i + 1] = 0.1f;
    }
    cnn_model_touch(model);
    cnn_explainer *explainer = open_explainer(model, NULL);
    cnn_explanation e = explain(explainer, image, 0);
    ck_assert_int_eq(e.empty, 1);
    for (int i = 0; i < MAP_SIDE * MAP_SIDE; i++) {
        ck_assert_float_eq(e.map.data[i], 0);
        ck_assert_float_le(e.raw.data[i], 0);
    }
    e = explain(explainer, image, 1);
    ck_assert_int_eq(e.empty, 0);
    cnn_explainer_free(explainer);
    cnn_model_free(model);
}
END_TEST

START_TEST(curves_agree_with_pytorch)
{
    float order[SIDE * SIDE], scores[11];
    cnn_model *model = explained_model(CLASSES, CNN_SOFTMAX);
    cnn_session *session = NULL;
    const cnn_tensor map = {order, {2, 0, {SIDE, SIDE}}};
    double area = 0;
    fill(image, IMAGE, 7, 1);
    fill(order, SIDE * SIDE, 9, 1);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 4), &session), CNN_OK);
    ck_assert_int_eq(cnn_explain_curve(session, image, LABEL, &map, CNN_EXPLAIN_CURVE(.steps = 10), scores, &area),
                     CNN_OK);
    compare("deletion", scores, golden_deletion, 11, 1);
    double sum = 0;
    for (int i = 0; i < 10; i++) {
        sum += ((double)golden_deletion[i] + (double)golden_deletion[i + 1]) / 20;
    }
    ck_assert_double_eq_tol(area, sum, 1e-4);
    ck_assert_int_eq(
        cnn_explain_curve(session, image, LABEL, &map, CNN_EXPLAIN_CURVE(.steps = 10, .insertion = 1), scores, NULL),
        CNN_OK);
    compare("insertion", scores, golden_insertion, 11, 1);
    const cnn_tensor vector = {order, {1, 0, {SIDE}}};
    ck_assert_int_eq(cnn_explain_curve(session, image, LABEL, &vector, NULL, scores, NULL), CNN_ERROR_SHAPE);
    ck_assert_int_eq(cnn_explain_curve(session, image, CLASSES, &map, NULL, scores, NULL), CNN_ERROR_INVALID_ARGUMENT);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

START_TEST(patterns_agree_with_pytorch)
{
    enum { SMALL = 10, VALUES = SMALL * SMALL * COLORS };
    static float start[VALUES], patterns[3 * VALUES], alone[VALUES];
    float means[3];
    const uint32_t channels[] = {0, 3, 7};
    cnn_model *model = explained_model(CLASSES, CNN_SOFTMAX);
    fill(start, VALUES, 8, 1);
    ck_assert_msg(
        cnn_explain_patterns(model,
                             CNN_EXPLAIN_PATTERNS(.layer = "conv2", .channels = channels, .count = 3, .size = SMALL,
                                                  .steps = 5, .step = 0.5f, .start = start, .batch = 2),
                             patterns, means) == CNN_OK,
        "%s", cnn_last_error(context));
    compare("pattern", patterns + VALUES, golden_pattern, sizeof(golden_pattern) / sizeof(float), 3);
    ck_assert_float_gt(means[1], 0);
    /* One alone is what it is among others, from noise too. */
    ck_assert_int_eq(
        cnn_explain_patterns(model, CNN_EXPLAIN_PATTERNS(.layer = "conv2", .count = 3, .size = SMALL), patterns, NULL),
        CNN_OK);
    ck_assert_int_eq(cnn_explain_patterns(model,
                                          CNN_EXPLAIN_PATTERNS(.layer = "conv2", .channels = (const uint32_t[]){2},
                                                               .count = 1, .size = SMALL),
                                          alone, NULL),
                     CNN_OK);
    for (size_t i = 0; i < VALUES; i++) {
        ck_assert_float_eq_tol(alone[i], patterns[2 * VALUES + i], 1e-5f);
    }
    ck_assert_int_eq(cnn_explain_patterns(model, CNN_EXPLAIN_PATTERNS(.layer = "conv2", .count = 9), patterns, NULL),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_explain_patterns(model, CNN_EXPLAIN_PATTERNS(.layer = "conv3"), patterns, NULL),
                     CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_explain_patterns(model, CNN_EXPLAIN_PATTERNS(.layer = "scores", .size = 20), patterns, NULL),
                     CNN_ERROR_SHAPE);
    /* A dense layer needs the model's own size, which is taken where none is asked for. */
    static float unit[IMAGE];
    ck_assert_int_eq(cnn_explain_patterns(model, CNN_EXPLAIN_PATTERNS(.layer = "scores:linear"), unit, means), CNN_OK);
    cnn_model_free(model);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    cnn_model *model = explained_model(CLASSES, CNN_SOFTMAX);
    cnn_explainer *explainer = NULL;
    ck_assert_int_eq(cnn_explainer_create(model, CNN_EXPLAINER(.method = 8), &explainer), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(explainer);
    ck_assert_int_eq(cnn_explainer_create(model, CNN_EXPLAINER(.layer = "conv9"), &explainer), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_explainer_create(model, CNN_EXPLAINER(.layer = "scores"), &explainer), CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "scores"));
    ck_assert_int_eq(cnn_explainer_create(model, CNN_EXPLAINER(.method = CNN_OCCLUSION, .window = 13), &explainer),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_explainer_create(model, CNN_EXPLAINER(.score = 2), &explainer), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(cnn_explain_method_name(8));
    /* Other layers than the last, and the value before an activation. */
    explainer = open_explainer(model, CNN_EXPLAINER(.layer = "conv1:linear"));
    fill(image, IMAGE, 7, 1);
    const cnn_explanation e = explain(explainer, image, 0);
    ck_assert_int_eq(e.map.shape.dims[0], SIDE);
    image[5] = NAN;
    cnn_explanation none = CNN_EXPLANATION_INIT;
    ck_assert_int_eq(cnn_explainer_run(explainer, image, 0, &none), CNN_ERROR_NUMERIC);
    cnn_explainer_free(explainer);
    cnn_model_free(model);
}
END_TEST

/* ---- hooks ---- */

typedef struct seen {
    char names[16][32];
    cnn_hook_pass passes[16];
    int count;
    const char *stop, *clear;
} seen;

static cnn_status look(void *user, const char *name, cnn_hook_pass pass, const cnn_tensor *tensor)
{
    seen *s = user;
    ck_assert_int_lt(s->count, 16);
    strcpy(s->names[s->count], name);
    s->passes[s->count++] = pass;
    if (s->clear != NULL && strcmp(name, s->clear) == 0 && pass == CNN_HOOK_FORWARD) {
        memset(tensor->data, 0, (size_t)(tensor->shape.dims[1] * tensor->shape.dims[2] * tensor->shape.dims[3]) * 4);
    }
    return s->stop != NULL && strcmp(name, s->stop) == 0 ? CNN_ERROR_CANCELLED : CNN_OK;
}

START_TEST(hooks_see_and_change_values)
{
    static const char *const by[] = {"conv1", "input", "conv2:linear"};
    const float one[CLASSES] = {1};
    seen s = {.count = 0};
    cnn_model *model = explained_model(CLASSES, CNN_SOFTMAX);
    cnn_session *session = NULL;
    cnn_parameter bias = CNN_PARAMETER_INIT;
    fill(image, IMAGE, 7, 1);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.gradients = by, .gradient_count = 3), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_set_hook(session, look, &s), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, image, 1), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, one), CNN_OK);
    const char *const order[] = {"conv1", "conv2:linear", "scores", "conv2:linear", "conv1", "input"};
    int found = 0;
    for (int i = 0; i < s.count && found < 6; i++) {
        found += strcmp(s.names[i], order[found]) == 0 && s.passes[i] == (found < 3 ? 0 : 1);
    }
    ck_assert_int_eq(found, 6);
    /* Without conv1 the second convolution sees its bias alone. */
    s = (seen){.clear = "conv1"};
    cnn_tensor value;
    ck_assert_int_eq(cnn_session_forward(session, image, 1), CNN_OK);
    ck_assert_int_eq(cnn_session_activation(session, "conv2:linear", &value), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(model, "conv2/bias", &bias), CNN_OK);
    for (int i = 0; i < MAP_SIDE * MAP_SIDE * 8; i++) {
        ck_assert_float_eq_tol(value.data[i], bias.value.data[i % 8], 1e-6f);
    }
    s = (seen){.stop = "conv2:linear"};
    ck_assert_int_eq(cnn_session_forward(session, image, 1), CNN_ERROR_CANCELLED);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "conv2:linear"));
    ck_assert_int_eq(cnn_session_set_hook(session, NULL, NULL), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, image, 1), CNN_OK);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explain/methods");
    TCase *tests = tcase_create("methods");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, methods_agree_with_pytorch, 0, (int)(sizeof(goldens) / sizeof(goldens[0])));
    tcase_add_test(tests, completeness_of_integrated_gradients);
    tcase_add_test(tests, smooth_grad_is_the_mean_over_noise);
    tcase_add_test(tests, models_of_two_classes_have_both);
    tcase_add_test(tests, an_empty_map_is_told);
    tcase_add_test(tests, curves_agree_with_pytorch);
    tcase_add_test(tests, patterns_agree_with_pytorch);
    tcase_add_test(tests, what_cannot_be_is_refused);
    tcase_add_test(tests, hooks_see_and_change_values);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
