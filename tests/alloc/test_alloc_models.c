/* SPDX-License-Identifier: MIT */
/* Models made, trained for a step, saved, loaded and explained while each allocation fails in turn. */
#include "alloc/survive.h"
#include "common/fixture.h"

static cnn_status build(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_model_free(model);
    return status;
}

/* Branches, squeeze-excitation and a model inside another one. */
static cnn_status open_networks(cnn_context *context, uint64_t *hash)
{
    static const char *const names[] = {"squeezenet:version=1.0", "mobilenet-v3-large:width=0.1", "catdog-vgg16"};
    cnn_status status = CNN_OK;
    *hash = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && status == CNN_OK; i++) {
        cnn_model *model = NULL;
        status = cnn_zoo_create(context, names[i], CNN_ZOO(.input = {32, 32, 3}, .classes = 2), &model);
        *hash += cnn_model_values(model);
        cnn_model_free(model);
    }
    return status;
}

static cnn_status step(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *optimizer = NULL;
    float images[4 * TEST_PIXELS];
    const int32_t labels[4] = {0, 1, 2, 0};
    double value = 0;
    for (size_t i = 0; i < 4 * TEST_PIXELS; i++) {
        images[i] = (float)(i * 37 % 256) / 255;
    }
    cnn_status status = test_model(context, &model);
    THEN(cnn_session_create(model, CNN_SESSION(.batch = 4, .training = 1), &session));
    THEN(cnn_categorical_cross_entropy_create(context, &loss));
    THEN(cnn_adam_create(context, NULL, &optimizer));
    THEN(cnn_session_forward(session, images, 4));
    THEN(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value));
    THEN(cnn_session_backward(session, NULL));
    THEN(cnn_optimizer_step(optimizer, session));
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_optimizer_free(optimizer);
    cnn_loss_free(loss);
    cnn_session_free(session);
    cnn_model_free(model);
    return status;
}

static cnn_status save_and_load(cnn_context *context, uint64_t *hash)
{
    static const char *const classes[TEST_CLASSES] = {"rows", "columns", "block"};
    cnn_model *model = NULL, *loaded = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_status status = test_model(context, &model);
    THEN(cnn_pipeline_create(context, "resize=12x12:nearest", &pipeline));
    THEN(cnn_model_set_pipeline(model, pipeline));
    THEN(cnn_model_set_classes(model, classes, TEST_CLASSES));
    THEN(cnn_model_save(model, survive_path));
    THEN(cnn_model_load(context, survive_path, &loaded));
    *hash = status == CNN_OK ? test_model_hash(loaded) : 0;
    cnn_model_free(loaded);
    cnn_pipeline_free(pipeline);
    cnn_model_free(model);
    return status;
}

/* A method with a layer and one without, a curve, a pattern, and pictures of them. */
static cnn_status explain(cnn_context *context, uint64_t *hash)
{
    static float input[TEST_SIDE * TEST_SIDE], pattern[TEST_SIDE * TEST_SIDE];
    cnn_model *model = NULL;
    cnn_explainer *cam = NULL, *guided = NULL;
    cnn_image *map = NULL, *overlay = NULL, *drawn = NULL, *grid = NULL;
    cnn_explanation found = CNN_EXPLANATION_INIT;
    const cnn_tensor tensor = {pattern, {3, 0, {TEST_SIDE, TEST_SIDE, 1}}};
    float scores[5], color = 0.5f;
    cnn_status status = test_model(context, &model);
    for (int i = 0; i < TEST_SIDE * TEST_SIDE; i++) {
        input[i] = (float)(i % 7) / 7;
    }
    THEN(cnn_explainer_create(model, CNN_EXPLAINER(.baseline = &color), &cam));
    THEN(cnn_explainer_create(model, CNN_EXPLAINER(.method = CNN_GUIDED_BACKPROPAGATION), &guided));
    THEN(cnn_explainer_run(cam, input, -1, &found));
    THEN(cnn_explain_curve(cnn_explainer_session(cam), input, 0, &found.map, CNN_EXPLAIN_CURVE(.steps = 4), scores,
                           NULL));
    THEN(cnn_explain_patterns(
        model, CNN_EXPLAIN_PATTERNS(.layer = cnn_explainer_layer(cam), .size = TEST_SIDE, .steps = 1), pattern, NULL));
    THEN(cnn_map_image(context, &found.map, CNN_VIRIDIS, TEST_SIDE, TEST_SIDE, &map));
    THEN(cnn_map_overlay(map, &found.map, NULL, &overlay));
    THEN(cnn_activation_image(context, &tensor, NULL, &drawn, NULL));
    if (status == CNN_OK) {
        cnn_image_free(drawn);
        status = cnn_pattern_image(context, &tensor, &drawn);
    }
    THEN(cnn_image_grid((const cnn_image *const[]){map, overlay, drawn}, 3, NULL, &grid));
    *hash = status == CNN_OK ? test_hash(cnn_image_pixels(grid), (size_t)3 * cnn_image_width(grid)) : 0;
    cnn_image_free(grid);
    cnn_image_free(drawn);
    cnn_image_free(overlay);
    cnn_image_free(map);
    cnn_explainer_free(guided);
    cnn_explainer_free(cam);
    cnn_model_free(model);
    return status;
}

int main(void)
{
    static const survivor survivors[] = {
        {"build", build},     {"networks", open_networks}, {"step", step}, {"save and load", save_and_load},
        {"explain", explain},
    };
    return survive_run("allocation failure in models", survivors, sizeof(survivors) / sizeof(survivors[0]));
}
