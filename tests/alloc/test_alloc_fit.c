/* SPDX-License-Identifier: MIT */
/* Batches and trainings while each allocation fails in turn; test_alloc_training.c has what these may do beside. */
#include "alloc/survive.h"
#include "common/fixture.h"

#include <unistd.h>

static cnn_status load_batches(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL, *rest = NULL, *part = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    *hash = 0;
    cnn_status status = test_dataset(context, 0, 20, &data);
    THEN(cnn_dataset_split(data, CNN_SPLIT(.mode = CNN_SPLIT_STRATIFIED), &rest, &part));
    THEN(cnn_pipeline_create(context, "resize=10x10,flip=0.5", &pipeline));
    THEN(cnn_loader_create(context, rest, CNN_LOADER(.pipeline = pipeline, .batch = 6, .shuffle = 1), &loader));
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
    THEN(cnn_model_save(made, survive_path));
    cnn_model_free(made);
    THEN(cnn_model_load(context, survive_path, model));
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
    THEN(cnn_loader_create(context, data, CNN_LOADER(.batch = 6), &loader));
    THEN(hold(context, &model));
    THEN(cnn_adam_create(context, NULL, &optimizer));
    THEN(cnn_optimizer_add_groups(optimizer, "fc/kernel:factor=0.5+*/bias:weight_decay=0"));
    THEN(
        cnn_fit(model, CNN_FIT(.train = loader, .optimizer = optimizer, .epochs = 1, .last_path = survive_path), NULL));
    THEN(cnn_evaluate(model, CNN_EVALUATE(.loader = loader), &result));
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
    THEN(cnn_loader_create(context, data, CNN_LOADER(.batch = 6, .blocks = 3), &loader));
    THEN(test_model(context, &model));
    THEN(cnn_adam_create(context, NULL, &optimizer));
    THEN(cnn_fit(model,
                 CNN_FIT(.train = loader, .validation = loader, .optimizer = optimizer, .epochs = 1, .blocks = 3,
                         .last_path = survive_path),
                 NULL));
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
    THEN(cnn_loader_create(context, data, CNN_LOADER(.batch = 6, .shuffle = 1), &loader));
    THEN(cnn_loader_create(context, data, CNN_LOADER(.batch = 6), &validation));
    THEN(test_model(context, &model));
    THEN(cnn_rmsprop_create(context, NULL, &optimizer));
    THEN(cnn_fit(model,
                 CNN_FIT(.train = loader, .validation = validation, .optimizer = optimizer, .epochs = 2,
                         .last_path = survive_path),
                 &history));
    THEN(cnn_evaluate(model, CNN_EVALUATE(.loader = validation), &result));
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
    unlink(survive_path);
    cnn_status status = test_dataset(context, 0, 12, &data);
    THEN(test_model(context, &base));
    THEN(cnn_model_replace_head(base, CNN_HEAD(.layers = "dense=4,relu", .classes = TEST_CLASSES), &model));
    THEN(cnn_model_set_trainable(model, "*", false));
    THEN(cnn_model_set_trainable(model, "head_*", true));
    THEN(cnn_features_create(model, CNN_FEATURES(.dataset = data), &memory));
    THEN(cnn_features_create(model, CNN_FEATURES(.dataset = data, .path = survive_path), &file));
    THEN(cnn_loader_create(context, file, CNN_LOADER(.batch = 6, .shuffle = 1), &loader));
    THEN(cnn_rmsprop_create(context, NULL, &optimizer));
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

int main(void)
{
    static const survivor survivors[] = {
        {"batches", load_batches},        {"fit", fit_and_evaluate},        {"head", train_a_head},
        {"fit in blocks", fit_in_blocks}, {"fit by groups", fit_by_groups},
    };
    return survive_run("allocation failure in fit", survivors, sizeof(survivors) / sizeof(survivors[0]));
}
