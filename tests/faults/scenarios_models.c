/* SPDX-License-Identifier: MIT */
/* Scenarios of models and of the files that hold them. */
#include "faults/scenarios.h"

#include "common/fixture.h"

const char *scenario_network;

static cnn_status network(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = cnn_zoo_create(context, scenario_network, NULL, &model);
    *hash = status == CNN_OK ? cnn_model_values(model) + cnn_model_parameter_count(model) : 0;
    cnn_model_free(model);
    return status;
}

const scenario scenario_zoo = {"zoo", network, NULL};

cnn_status scenario_build(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_model_free(model);
    return status;
}

cnn_status scenario_nothing(cnn_context *context, uint64_t *hash)
{
    *hash = cnn_context_threads(context);
    return CNN_OK;
}

cnn_status scenario_save(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    THEN(cnn_model_save(model, scenario_path("saved.cnn")));
    *hash = 1;
    cnn_model_free(model);
    return status;
}

static cnn_status load_from(cnn_context *context, const char *name, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = cnn_model_load(context, scenario_path(name), &model);
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_model_free(model);
    return status;
}

cnn_status scenario_load(cnn_context *context, uint64_t *hash) { return load_from(context, "model.cnn", hash); }

cnn_status scenario_load_checkpoint(cnn_context *context, uint64_t *hash)
{
    return load_from(context, "checkpoint.cnn", hash);
}

/* Into the file that the model came from. */
cnn_status scenario_save_over(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = cnn_model_load(context, scenario_path("saved.cnn"), &model);
    THEN(cnn_model_save(model, scenario_path("saved.cnn")));
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_model_free(model);
    return status;
}

cnn_status scenario_load_weights(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    cnn_status status = test_model(context, &model);
    THEN(cnn_model_load_weights(model, scenario_path("model.cnn"), &report));
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_model_free(model);
    return status;
}

cnn_status scenario_replace_head(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL, *made = NULL;
    cnn_status status = test_model(context, &model);
    THEN(cnn_model_replace_head(model, CNN_HEAD(.layers = "dense=4,relu", .classes = 2), &made));
    *hash = status == CNN_OK ? test_model_hash(made) : 0;
    cnn_model_free(made);
    cnn_model_free(model);
    return status;
}

/* ---- other programs' files ---- */

cnn_status scenario_save_tensors(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    THEN(cnn_model_save_tensors(model, CNN_WEIGHTS_PYTORCH, scenario_path("tensors.out")));
    *hash = 1;
    cnn_model_free(model);
    return status;
}

static cnn_status import_from(cnn_context *context, const char *name, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_weights *weights = NULL;
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    cnn_status status = test_model(context, &model);
    THEN(cnn_weights_open(context, scenario_path(name), &weights));
    THEN(cnn_model_import(model, weights, NULL, &report));
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_weights_free(weights);
    cnn_model_free(model);
    return status;
}

cnn_status scenario_import_tensors(cnn_context *context, uint64_t *hash)
{
    return import_from(context, "tensors.safetensors", hash);
}

static cnn_status count_bytes(void *user, const void *data, size_t size)
{
    *(uint64_t *)user = *(uint64_t *)user * 31 + test_hash(data, size);
    return CNN_OK;
}

cnn_status scenario_keras_config(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    *hash = 0;
    THEN(cnn_keras_config(model, count_bytes, hash));
    cnn_model_free(model);
    return status;
}
