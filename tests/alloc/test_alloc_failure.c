/* SPDX-License-Identifier: MIT */
/* Every allocation fails in turn, once and for good: each call ends with CNN_ERROR_OUT_OF_MEMORY or succeeds, nothing
 * is left behind, and the same work done again gives the same bits. */
#include "alloc/survive.h"
#include "common/fixture.h"
#include "common/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[512];

static void set_up(void) { test_path(path, sizeof(path), "alloc.cnn"); }

static void tear_down(void) { unlink(path); }

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
    if (status == CNN_OK) {
        status = cnn_session_create(model, CNN_SESSION(.batch = 4, .training = 1), &session);
    }
    if (status == CNN_OK) {
        status = cnn_categorical_cross_entropy_create(context, &loss);
    }
    if (status == CNN_OK) {
        status = cnn_adam_create(context, NULL, &optimizer);
    }
    if (status == CNN_OK) {
        status = cnn_session_forward(session, images, 4);
    }
    if (status == CNN_OK) {
        status = cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value);
    }
    if (status == CNN_OK) {
        status = cnn_session_backward(session, NULL);
    }
    if (status == CNN_OK) {
        status = cnn_optimizer_step(optimizer, session);
    }
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
    if (status == CNN_OK) {
        status = cnn_pipeline_create(context, "resize=12x12:nearest", &pipeline);
    }
    if (status == CNN_OK) {
        status = cnn_model_set_pipeline(model, pipeline);
    }
    if (status == CNN_OK) {
        status = cnn_model_set_classes(model, classes, TEST_CLASSES);
    }
    if (status == CNN_OK) {
        status = cnn_model_save(model, path);
    }
    if (status == CNN_OK) {
        status = cnn_model_load(context, path, &loaded);
    }
    *hash = status == CNN_OK ? test_model_hash(loaded) : 0;
    cnn_model_free(loaded);
    cnn_pipeline_free(pipeline);
    cnn_model_free(model);
    return status;
}

static cnn_status load_batches(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL, *rest = NULL, *part = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    *hash = 0;
    cnn_status status = test_dataset(context, 0, 20, &data);
    if (status == CNN_OK) {
        status = cnn_dataset_split(data, CNN_SPLIT(.mode = CNN_SPLIT_STRATIFIED), &rest, &part);
    }
    if (status == CNN_OK) {
        status = cnn_pipeline_create(context, "resize=10x10,flip=0.5", &pipeline);
    }
    if (status == CNN_OK) {
        status = cnn_loader_create(context, rest, CNN_LOADER(.pipeline = pipeline, .batch = 6, .shuffle = 1), &loader);
    }
    while (status == CNN_OK && (status = cnn_loader_next(loader, &batch)) == CNN_OK && batch.count > 0) {
        *hash = *hash * 31 + test_hash(batch.images, batch.count * 100 * sizeof(float));
    }
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(part);
    cnn_dataset_free(rest);
    cnn_dataset_free(data);
    return status;
}

/* A model with regularizers and constraints, of which the head is trained, in a file of its own. */
static cnn_status hold(cnn_context *context, cnn_model **model)
{
    cnn_model *made = NULL;
    *model = NULL;
    cnn_status status = cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &made);
    if (status == CNN_OK) {
        cnn_model_add(made, cnn_conv2d(context, CNN_CONV2D(.filters = 2, .activation = CNN_RELU,
                                                           .kernel_regularizer = {.l2 = 0.01f})));
        cnn_model_add(made, cnn_flatten(context, NULL));
        cnn_model_add(made, cnn_dense(context, CNN_DENSE(.name = "fc", .units = TEST_CLASSES, .activation = CNN_SOFTMAX,
                                                         .activity_regularizer = {.l1 = 0.1f},
                                                         .kernel_constraint = {CNN_CONSTRAINT_UNIT_NORM, 0, 0, 0, 0})));
        status = cnn_model_build(made);
    }
    if (status == CNN_OK) {
        status = cnn_model_save(made, path);
    }
    cnn_model_free(made);
    if (status == CNN_OK) {
        status = cnn_model_load(context, path, model);
    }
    return status == CNN_OK ? cnn_model_train_head(*model) : status;
}

static cnn_status fit_by_groups(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    cnn_status status = test_dataset(context, 0, 12, &data);
    if (status == CNN_OK) {
        status = cnn_loader_create(context, data, CNN_LOADER(.batch = 6), &loader);
    }
    if (status == CNN_OK) {
        status = hold(context, &model);
    }
    if (status == CNN_OK) {
        status = cnn_adam_create(context, NULL, &optimizer);
    }
    if (status == CNN_OK) {
        status = cnn_optimizer_add_groups(optimizer, "fc/kernel:factor=0.5+*/bias:weight_decay=0");
    }
    if (status == CNN_OK) {
        status = cnn_fit(model, CNN_FIT(.train = loader, .optimizer = optimizer, .epochs = 1, .last_path = path), NULL);
    }
    if (status == CNN_OK) {
        status = cnn_evaluate(model, CNN_EVALUATE(.loader = loader), &result);
    }
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    return status;
}

/* What several ranks take, as far as one has it: batches in blocks, whose gradients are summed in a tree. */
static cnn_status fit_in_blocks(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_status status = test_dataset(context, 0, 10, &data);
    if (status == CNN_OK) {
        status = cnn_loader_create(context, data, CNN_LOADER(.batch = 6, .blocks = 3), &loader);
    }
    if (status == CNN_OK) {
        status = test_model(context, &model);
    }
    if (status == CNN_OK) {
        status = cnn_adam_create(context, NULL, &optimizer);
    }
    if (status == CNN_OK) {
        status = cnn_fit(model,
                         CNN_FIT(.train = loader, .validation = loader, .optimizer = optimizer, .epochs = 1,
                                 .blocks = 3, .last_path = path),
                         NULL);
    }
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    return status;
}

static cnn_status fit_and_evaluate(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL, *validation = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_history *history = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    cnn_status status = test_dataset(context, 0, 12, &data);
    if (status == CNN_OK) {
        status = cnn_loader_create(context, data, CNN_LOADER(.batch = 6, .shuffle = 1), &loader);
    }
    if (status == CNN_OK) {
        status = cnn_loader_create(context, data, CNN_LOADER(.batch = 6), &validation);
    }
    if (status == CNN_OK) {
        status = test_model(context, &model);
    }
    if (status == CNN_OK) {
        status = cnn_rmsprop_create(context, NULL, &optimizer);
    }
    if (status == CNN_OK) {
        status = cnn_fit(
            model,
            CNN_FIT(.train = loader, .validation = validation, .optimizer = optimizer, .epochs = 2, .last_path = path),
            &history);
    }
    if (status == CNN_OK) {
        status = cnn_evaluate(model, CNN_EVALUATE(.loader = validation), &result);
    }
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_history_free(history);
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(validation);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    return status;
}

/* A new head, features of what is before it in memory and in a file, and a training on them. */
static cnn_status train_a_head(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL, *memory = NULL, *file = NULL;
    cnn_model *base = NULL, *model = NULL;
    cnn_loader *loader = NULL;
    cnn_optimizer *optimizer = NULL;
    unlink(path);
    cnn_status status = test_dataset(context, 0, 12, &data);
    status = status == CNN_OK ? test_model(context, &base) : status;
    if (status == CNN_OK) {
        status = cnn_model_replace_head(base, CNN_HEAD(.layers = "dense=4,relu", .classes = TEST_CLASSES), &model);
    }
    status = status == CNN_OK ? cnn_model_set_trainable(model, "*", false) : status;
    status = status == CNN_OK ? cnn_model_set_trainable(model, "head_*", true) : status;
    if (status == CNN_OK) {
        status = cnn_features_create(model, CNN_FEATURES(.dataset = data), &memory);
    }
    if (status == CNN_OK) {
        status = cnn_features_create(model, CNN_FEATURES(.dataset = data, .path = path), &file);
    }
    if (status == CNN_OK) {
        status = cnn_loader_create(context, file, CNN_LOADER(.batch = 6, .shuffle = 1), &loader);
    }
    status = status == CNN_OK ? cnn_rmsprop_create(context, NULL, &optimizer) : status;
    if (status == CNN_OK) {
        const char *from = cnn_model_frozen_layer(model);
        status = from == NULL ? CNN_ERROR_OUT_OF_MEMORY
                              : cnn_fit(model, CNN_FIT(.train = loader, .optimizer = optimizer, .from = from), NULL);
    }
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_optimizer_free(optimizer);
    cnn_loader_free(loader);
    cnn_dataset_free(file);
    cnn_dataset_free(memory);
    cnn_model_free(model);
    cnn_model_free(base);
    cnn_dataset_free(data);
    return status;
}

typedef struct memory_file {
    unsigned char bytes[8192];
    size_t size;
} memory_file;

static cnn_status append(void *user, const void *bytes, size_t size)
{
    memory_file *file = user;
    if (size > sizeof(file->bytes) - file->size) {
        return CNN_ERROR_LIMIT;
    }
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
    return CNN_OK;
}

/* Encodes an image, decodes it from memory and predicts it. */
static cnn_status predict(cnn_context *context, uint64_t *hash, int32_t format)
{
    cnn_image *image = NULL, *decoded = NULL;
    cnn_model *model = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_session *session = NULL;
    cnn_prediction predictions[TEST_CLASSES];
    size_t count = TEST_CLASSES;
    static memory_file file;
    file.size = 0;
    cnn_status status = cnn_image_create(context, 20, 16, 1, &image);
    if (status == CNN_OK) {
        memset(cnn_image_pixels(image), 77, 20 * 16 / 2);
        status = cnn_image_encode(image, CNN_ENCODE(.format = format), append, &file);
    }
    if (status == CNN_OK) {
        status = cnn_image_decode(context, file.bytes, file.size, CNN_DECODE(.channels = 1), &decoded);
    }
    if (status == CNN_OK) {
        status = cnn_pipeline_create(context, "resize=12x12:bicubic", &pipeline);
    }
    if (status == CNN_OK) {
        status = test_model(context, &model);
    }
    if (status == CNN_OK) {
        status = cnn_model_set_pipeline(model, pipeline);
    }
    if (status == CNN_OK) {
        status = cnn_session_create(model, NULL, &session);
    }
    if (status == CNN_OK) {
        status = cnn_session_predict_image(session, decoded, predictions, &count);
    }
    *hash = status == CNN_OK ? test_hash(&predictions[0].probability, sizeof(float)) + count : 0;
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_pipeline_free(pipeline);
    cnn_image_free(decoded);
    cnn_image_free(image);
    return status;
}

static cnn_status predict_png(cnn_context *context, uint64_t *hash) { return predict(context, hash, CNN_IMAGE_PNG); }

static cnn_status predict_jpeg(cnn_context *context, uint64_t *hash) { return predict(context, hash, CNN_IMAGE_JPEG); }

/* Weights on their way through the other programs' forms. */
typedef struct exchanged {
    cnn_weight weights[32];
    char names[32][2][64];
    float *values[32];
    size_t count;
    char config[16384];
    size_t size;
} exchanged;

static cnn_status keep_tensor(void *user, const cnn_weight *weight, const float *values)
{
    exchanged *e = user;
    size_t bytes = sizeof(float), at = e->count++;
    for (uint32_t d = 0; d < weight->shape.rank; d++) {
        bytes *= (size_t)weight->shape.dims[d];
    }
    e->weights[at] = *weight;
    snprintf(e->names[at][0], 64, "%s", weight->name);
    snprintf(e->names[at][1], 64, "%s", weight->group);
    e->weights[at].name = e->names[at][0];
    e->weights[at].group = e->names[at][1];
    e->values[at] = malloc(bytes);
    ck_assert_ptr_nonnull(e->values[at]);
    memcpy(e->values[at], values, bytes);
    return CNN_OK;
}

static cnn_status keep_config(void *user, const void *data, size_t size)
{
    exchanged *e = user;
    ck_assert_uint_lt(e->size + size, sizeof(e->config));
    memcpy(e->config + e->size, data, size);
    e->size += size;
    return CNN_OK;
}

static cnn_status give_tensor(void *user, uint64_t id, float *values)
{
    const exchanged *e = user;
    size_t bytes = sizeof(float);
    for (uint32_t d = 0; d < e->weights[id].shape.rank; d++) {
        bytes *= (size_t)e->weights[id].shape.dims[d];
    }
    memcpy(values, e->values[id], bytes);
    return CNN_OK;
}

/* As Keras has it, and back as another model. */
static cnn_status through_keras(cnn_context *context, const cnn_model *model, exchanged *e, cnn_model **back)
{
    cnn_weights *weights = NULL;
    cnn_status status = cnn_keras_config(model, keep_config, e);
    if (status == CNN_OK) {
        status = cnn_model_export(model, CNN_WEIGHTS_KERAS, keep_tensor, e);
    }
    if (status == CNN_OK) {
        status = cnn_weights_create(context, CNN_WEIGHTS(.layout = CNN_WEIGHTS_KERAS, .read = give_tensor, .user = e),
                                    &weights);
    }
    for (size_t i = 0; i < e->count && status == CNN_OK; i++) {
        status = cnn_weights_add(weights, &e->weights[i], i);
    }
    if (status == CNN_OK) {
        status = cnn_keras_load(context, "keras", e->config, e->size, weights, NULL, NULL, back);
    }
    cnn_weights_free(weights);
    return status;
}

static cnn_status exchange(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL, *back = NULL;
    cnn_weights *weights = NULL;
    exchanged *e = calloc(1, sizeof(*e));
    ck_assert_ptr_nonnull(e);
    cnn_status status = test_model(context, &model);
    if (status == CNN_OK) {
        status = cnn_model_save_tensors(model, CNN_WEIGHTS_PYTORCH, path);
    }
    if (status == CNN_OK) {
        status = through_keras(context, model, e, &back);
    }
    if (status == CNN_OK) {
        status = cnn_weights_open(context, path, &weights);
    }
    if (status == CNN_OK) {
        status = cnn_model_import(back, weights, NULL, NULL);
    }
    if (status == CNN_OK) {
        *hash = test_model_hash(back);
        ck_assert_uint_eq(*hash, test_model_hash(model));
    }
    cnn_weights_free(weights);
    cnn_model_free(back);
    cnn_model_free(model);
    for (size_t i = 0; i < e->count; i++) {
        free(e->values[i]);
    }
    free(e);
    return status;
}

static cnn_status write_part(void *user, const void *data, size_t size)
{
    return fwrite(data, 1, size, user) == size ? CNN_OK : CNN_ERROR_IO;
}

/* What torch.save() wrote, out of an archive. */
static cnn_status open_torch(cnn_context *context, uint64_t *hash)
{
    char archive[1024];
    cnn_weights *weights = NULL;
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    snprintf(archive, sizeof(archive), "%s/tests/exchange/files.zip", getenv("CNN_SOURCE"));
    cnn_status status = cnn_archive_read(context, archive, "net.pth", 1 << 20, write_part, file);
    ck_assert_int_eq(fclose(file), 0);
    if (status == CNN_OK) {
        status = cnn_weights_open(context, path, &weights);
    }
    *hash = cnn_weights_count(weights);
    cnn_weights_free(weights);
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
    if (status == CNN_OK) {
        status = cnn_explainer_create(model, CNN_EXPLAINER(.baseline = &color), &cam);
    }
    if (status == CNN_OK) {
        status = cnn_explainer_create(model, CNN_EXPLAINER(.method = CNN_GUIDED_BACKPROPAGATION), &guided);
    }
    if (status == CNN_OK) {
        status = cnn_explainer_run(cam, input, -1, &found);
    }
    if (status == CNN_OK) {
        status = cnn_explain_curve(cnn_explainer_session(cam), input, 0, &found.map, CNN_EXPLAIN_CURVE(.steps = 4),
                                   scores, NULL);
    }
    if (status == CNN_OK) {
        status = cnn_explain_patterns(
            model, CNN_EXPLAIN_PATTERNS(.layer = cnn_explainer_layer(cam), .size = TEST_SIDE, .steps = 1), pattern,
            NULL);
    }
    if (status == CNN_OK) {
        status = cnn_map_image(context, &found.map, CNN_VIRIDIS, TEST_SIDE, TEST_SIDE, &map);
    }
    if (status == CNN_OK) {
        status = cnn_map_overlay(map, &found.map, NULL, &overlay);
    }
    if (status == CNN_OK) {
        status = cnn_activation_image(context, &tensor, NULL, &drawn, NULL);
    }
    if (status == CNN_OK) {
        cnn_image_free(drawn);
        status = cnn_pattern_image(context, &tensor, &drawn);
    }
    if (status == CNN_OK) {
        status = cnn_image_grid((const cnn_image *const[]){map, overlay, drawn}, 3, NULL, &grid);
    }
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

START_TEST(explaining_survives) { test_survives("explain", explain); }
END_TEST

START_TEST(building_survives) { test_survives("build", build); }
END_TEST

START_TEST(networks_survive) { test_survives("networks", open_networks); }
END_TEST

START_TEST(a_training_step_survives) { test_survives("step", step); }
END_TEST

START_TEST(saving_and_loading_survive) { test_survives("save and load", save_and_load); }
END_TEST

START_TEST(loading_batches_survives) { test_survives("batches", load_batches); }
END_TEST

START_TEST(fitting_survives) { test_survives("fit", fit_and_evaluate); }
END_TEST

START_TEST(training_a_head_survives) { test_survives("head", train_a_head); }
END_TEST

START_TEST(fitting_in_blocks_survives) { test_survives("fit in blocks", fit_in_blocks); }
END_TEST

START_TEST(fitting_by_groups_survives) { test_survives("fit by groups", fit_by_groups); }
END_TEST

START_TEST(prediction_survives)
{
    test_survives("predict a PNG", predict_png);
    test_survives("predict a JPEG", predict_jpeg);
}
END_TEST

START_TEST(exchange_survives)
{
    test_survives("exchange", exchange);
    test_survives("open PyTorch's file", open_torch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("allocation failure");
    TCase *tests = tcase_create("allocation failure");
    tcase_set_timeout(tests, 240);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, building_survives);
    tcase_add_test(tests, networks_survive);
    tcase_add_test(tests, a_training_step_survives);
    tcase_add_test(tests, saving_and_loading_survive);
    tcase_add_test(tests, loading_batches_survives);
    tcase_add_test(tests, fitting_survives);
    tcase_add_test(tests, training_a_head_survives);
    tcase_add_test(tests, fitting_in_blocks_survives);
    tcase_add_test(tests, fitting_by_groups_survives);
    tcase_add_test(tests, prediction_survives);
    tcase_add_test(tests, exchange_survives);
    tcase_add_test(tests, explaining_survives);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
