/* SPDX-License-Identifier: MIT */
/* Whether explanations explain: a network that is trained to find a bright spot in one corner, where everything else is
 * noise, is asked where it looks. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "common/suite.h"
#include "explain/explain_model.h"

enum { SAMPLES = 64, STEPS = 100, HALF = SIDE / 2 };

static float images[SAMPLES * IMAGE];
static int32_t labels[SAMPLES];

/* Noise, and of half of them a bright spot in the upper left corner. */
static void draw(uint32_t state)
{
    fill(images, SAMPLES * IMAGE, state, 0.3f);
    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = i % 2;
        for (int y = 1; y < 4 && labels[i] == 1; y++) {
            for (int x = 1; x < 4 * COLORS; x++) {
                images[i * IMAGE + y * SIDE * COLORS + x] += 1;
            }
        }
    }
}

static cnn_model *trained_model(void)
{
    cnn_model *model = pooled_model(2, CNN_SOFTMAX);
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *optimizer = NULL;
    double value = 1;
    ck_assert_int_eq(cnn_loss_create(context, "categorical_crossentropy", &loss), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_create(context, "adam:learning_rate=0.01", &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = SAMPLES, .training = 1), &session), CNN_OK);
    for (uint32_t step = 0; step < STEPS; step++) {
        draw(step + 1);
        ck_assert_int_eq(cnn_session_forward(session, images, SAMPLES), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    }
    ck_assert_double_lt(value, 0.2);
    cnn_optimizer_free(optimizer);
    cnn_loss_free(loss);
    cnn_session_free(session);
    return model;
}

/* The part of a map that lies in the upper left quarter, by the value of its pixels. */
static double quarter(const cnn_tensor *map)
{
    double inside = 0, all = 0;
    const int64_t h = map->shape.dims[0], w = map->shape.dims[1];
    for (int64_t i = 0; i < h * w; i++) {
        all += (double)map->data[i];
        inside += i / w < h / 2 && i % w < w / 2 ? (double)map->data[i] : 0;
    }
    return all > 0 ? inside / all : 0;
}

static double correlation(const float *a, const float *b, size_t count)
{
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < count; i++) {
        ma += (double)a[i] / (double)count;
        mb += (double)b[i] / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        aa += ((double)a[i] - ma) * ((double)a[i] - ma);
        bb += ((double)b[i] - mb) * ((double)b[i] - mb);
        ab += ((double)a[i] - ma) * ((double)b[i] - mb);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

START_TEST(methods_find_the_corner)
{
    cnn_model *model = trained_model();
    cnn_session *session = NULL;
    double deletion = 0, insertion = 0, worse = 0;
    float scores[51], upside[SIDE * SIDE], large[SIDE * SIDE];
    draw(1000);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 8), &session), CNN_OK);
    for (int32_t method = 0; cnn_explain_method_name((size_t)method) != NULL; method++) {
        cnn_explainer *explainer = open_explainer(model, CNN_EXPLAINER(.method = method, .window = 3));
        const cnn_explanation e = explain(explainer, images + IMAGE, 1);
        ck_assert_msg(quarter(&e.map) > 0.35, "%s: %g", cnn_explain_method_name((size_t)method), quarter(&e.map));
        cnn_explainer_free(explainer);
    }
    /* Grad-CAM and occlusion agree, and pixels in their order are better than in the reverse one. */
    cnn_explainer *cam = open_explainer(model, NULL);
    cnn_explainer *cover = open_explainer(model, CNN_EXPLAINER(.method = CNN_OCCLUSION, .window = 3));
    const cnn_explanation a = explain(cam, images + IMAGE, 1), b = explain(cover, images + IMAGE, 1);
    ck_assert_int_eq(cnn_map_resize(&a.map, SIDE, SIDE, large), CNN_OK);
    ck_assert_double_gt(correlation(large, b.map.data, SIDE * SIDE), 0.5);
    for (int i = 0; i < SIDE * SIDE; i++) {
        upside[i] = -b.map.data[i];
    }
    const cnn_tensor reverse = {upside, {2, 0, {SIDE, SIDE}}};
    ck_assert_int_eq(cnn_explain_curve(session, images + IMAGE, 1, &b.map, NULL, scores, &deletion), CNN_OK);
    ck_assert_float_gt(scores[0], 0.8f);
    ck_assert_int_eq(
        cnn_explain_curve(session, images + IMAGE, 1, &b.map, CNN_EXPLAIN_CURVE(.insertion = 1), scores, &insertion),
        CNN_OK);
    ck_assert_int_eq(cnn_explain_curve(session, images + IMAGE, 1, &reverse, NULL, scores, &worse), CNN_OK);
    ck_assert_msg(deletion + 0.2 < worse && deletion + 0.2 < insertion, "%g, %g, %g", deletion, worse, insertion);
    cnn_explainer_free(cover);
    cnn_explainer_free(cam);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* Adebayo et al. 2018: an explanation that stays the same when the network's weights are drawn anew explains the image,
 * not the network. Guided backpropagation is known to be of that kind, and is left out; so is occlusion, as any network
 * notices the only bright spot being covered. */
START_TEST(maps_change_with_the_weights)
{
    static const int32_t methods[] = {CNN_GRAD_CAM, CNN_GRAD_CAM_PLUS_PLUS, CNN_SALIENCY, CNN_SMOOTH_GRAD,
                                      CNN_INTEGRATED_GRADIENTS};
    const int32_t method = methods[_i];
    static float kept[IMAGE];
    cnn_model *model = trained_model();
    cnn_explainer *explainer = open_explainer(model, CNN_EXPLAINER(.method = method, .window = 3));
    draw(1000);
    const cnn_explanation before = explain(explainer, images + IMAGE, 1);
    const size_t values = (size_t)(before.raw.shape.dims[0] * before.raw.shape.dims[1] *
                                   (before.raw.shape.rank == 3 ? COLORS : 1));
    memcpy(kept, before.raw.data, values * sizeof(float));
    const cnn_explanation same = explain(explainer, images + IMAGE, 1);
    ck_assert_double_gt(correlation(kept, same.raw.data, values), 0.999);
    ck_assert_int_eq(cnn_model_initialize(model, "*kernel", &(cnn_initializer){CNN_INIT_HE_NORMAL, 0}), CNN_OK);
    cnn_model_touch(model);
    const cnn_explanation after = explain(explainer, images + IMAGE, 1);
    const double alike = correlation(kept, after.raw.data, values);
    ck_assert_msg(alike < 0.7, "%s: %g", cnn_explain_method_name((size_t)method), alike);
    cnn_explainer_free(explainer);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explain/sense");
    TCase *tests = tcase_create("sense");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, methods_find_the_corner);
    tcase_add_loop_test(tests, maps_change_with_the_weights, 0, 5);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
