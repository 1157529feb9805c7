/* SPDX-License-Identifier: MIT */
/* Evaluation and prediction of all that a loader has: what is checked, and the public calls. */
#include <string.h>

#include "core/options.h"
#include "loader/loader.h"
#include "session/session.h"
#include "train/ranks.h"
#include "train/train.h"

cnn_status cnn__check_targets(const cnn_model *model, const cnn_loader *loader)
{
    const size_t targets = cnn_dataset_target_count(cnn_loader_dataset(loader)), outputs = cnn__output_values(model);
    return targets == 0 || targets == outputs
               ? CNN_OK
               : cnn__fail(model->context, CNN_ERROR_MISMATCH,
                           "%s: samples have %zu target values, the model %zu outputs", model->name, targets, outputs);
}

cnn_status cnn__default_loss(const cnn_model *model, const cnn_loader *loader, cnn_loss **loss)
{
    const cnn_task task = cnn_dataset_task(cnn_loader_dataset(loader));
    if (task == CNN_TASK_LABELS || task == CNN_TASK_VALUES) {
        return cnn_loss_create(model->context, task == CNN_TASK_LABELS ? "binary_crossentropy" : "mse", loss);
    }
    if (cnn_dataset_target_count(cnn_loader_dataset(loader)) > 0) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT,
                         "%s: samples have target values: a loss has to be chosen", model->name);
    }
    return cnn_loss_create(model->context,
                           cnn__output_values(model) == 1 ? "binary_crossentropy" : "categorical_crossentropy", loss);
}

cnn_status cnn__check_shape(const cnn_model *model, const char *from, const cnn_loader *loader)
{
    if (model->input_count > 1 && from == NULL) {
        return cnn__fail(model->context, CNN_ERROR_UNSUPPORTED,
                         "%s: has %u inputs, and a loader has samples for one: set the others with "
                         "cnn_session_set_input() in a loop of your own",
                         model->name, (unsigned)model->input_count);
    }
    const cnn_shape sample = cnn_loader_sample_shape(loader);
    const cnn_shape input = from != NULL ? cnn_model_value_shape(model, from) : *cnn__model_input(model);
    if (input.rank == 0) {
        return cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\"", model->name, from);
    }
    /* Vectors, and what was computed before, are told by the number of values alone. */
    size_t have = 0, want = 0;
    const bool vector = (input.rank == 1 || from != NULL) && cnn__shape_values(&sample, &have) &&
                        cnn__shape_values(&input, &want) && have == want;
    if (vector || cnn__shape_equal(&sample, &input)) {
        return CNN_OK;
    }
    char given[64], wanted[64];
    cnn__shape_text(&sample, NULL, given, sizeof(given));
    cnn__shape_text(&input, NULL, wanted, sizeof(wanted));
    return cnn__fail(model->context, CNN_ERROR_SHAPE, "%s: the loader gives %s, %s%s%s is %s", model->name, given,
                     from != NULL ? "\"" : "the input", from != NULL ? from : "", from != NULL ? "\"" : "", wanted);
}

cnn_status cnn__check_ends(const cnn_context *context, const cnn_loader *loader)
{
    return cnn_loader_mode(loader) == CNN_BATCH_EPOCH
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                           "evaluation needs a loader in CNN_BATCH_EPOCH mode: one in CNN_BATCH_WRAP mode never comes "
                           "to the end of an epoch");
}

/* Images that one pass takes when there are several views of each: those of a batch, or as many as keep the kernels
 * busy. */
#define VIEWS_AT_ONCE 64

uint32_t cnn__evaluation_batch(const cnn_loader *loader, uint32_t blocks)
{
    const size_t whole = cnn_loader_batch_size(loader);
    const size_t batch = blocks > 0 ? (whole + blocks - 1) / blocks : cnn__loader_share(loader);
    size_t images = batch * cnn__loader_views(loader);
    size_t least = batch > VIEWS_AT_ONCE ? batch : VIEWS_AT_ONCE;
    return (uint32_t)(images < least ? images : least);
}

static cnn_status check_model(const cnn_model *model, const char *call)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    return model->built ? CNN_OK
                        : cnn__fail(model->context, CNN_ERROR_STATE, "%s: %s is not built yet", call, model->name);
}

cnn_status cnn__check_evaluators(const cnn_context *context, cnn_evaluator *const *evaluators, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (evaluators == NULL || evaluators[i] == NULL) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "evaluator %zu of %zu is NULL", i, count);
        }
    }
    return CNN_OK;
}

/* Checks what is given and prepares meetings; *ranks is to be freed in any case. */
static cnn_status open_ranks(const cnn_model *model, const cnn_evaluate_options *options,
                             const cnn_evaluate_result *result, cnn__ranks *ranks)
{
    *ranks = (cnn__ranks){.context = NULL};
    if (options->loader == NULL || result == NULL || result->struct_size < sizeof(size_t)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_evaluate: loader and result are required");
    }
    CNN__RETURN_IF_ERROR(cnn__check_evaluators(model->context, options->evaluators, options->evaluator_count));
    CNN__RETURN_IF_ERROR(cnn__check_ends(model->context, options->loader));
    CNN__RETURN_IF_ERROR(cnn__check_shape(model, options->from, options->loader));
    CNN__RETURN_IF_ERROR(cnn__check_targets(model, options->loader));
    return cnn__ranks_create(ranks, model->context, options->communicator, 0, NULL, options->loader,
                             cnn__output_values(model));
}

cnn_status cnn_evaluate(cnn_model *model, const cnn_evaluate_options *given, cnn_evaluate_result *result)
{
    cnn_evaluate_options options;
    cnn_evaluate_result found = {.struct_size = sizeof(found)};
    CNN__RETURN_IF_ERROR(check_model(model, "cnn_evaluate"));
    CNN__RETURN_IF_ERROR(cnn__options_copy(model->context, "cnn_evaluate", given, &options, sizeof(options)));
    cnn_communicator communicator; /* whoever fails before it is known cannot tell the others */
    CNN__RETURN_IF_ERROR(cnn__communicator_copy(model->context, options.communicator, &communicator));
    cnn_loss *own = NULL;
    cnn__evaluation_run run = {
        .loader = options.loader,
        .loss = options.loss,
        .evaluators = options.evaluators,
        .evaluator_count = options.evaluator_count,
        .on_step = options.on_step,
        .user = options.user,
    };
    cnn__ranks ranks;
    run.ranks = &ranks;
    cnn_status status = open_ranks(model, &options, result, &ranks);
    if (status != CNN_OK) {
        cnn__ranks_free(&ranks);
        return cnn_communicator_agree(model->context, &communicator, status);
    }
    status = cnn__check_task_fits(model, cnn_loader_dataset(options.loader));
    status = status == CNN_OK ? cnn__evaluate_labels(&run, model, NULL) : status;
    if (status == CNN_OK && run.loss == NULL) {
        status = cnn__default_loss(model, options.loader, &own);
        run.loss = own;
    }
    if (status == CNN_OK) {
        status = cnn_session_create(model,
                                    CNN_SESSION(.batch = cnn__evaluation_batch(options.loader, 0),
                                                .penalties = cnn__penalties(options.penalties),
                                                .training_behavior = options.training_behavior, .from = options.from),
                                    &run.session);
    }
    status = cnn__ranks_meet(&ranks, status);
    if (status == CNN_OK) {
        status = cnn__ranks_meet(&ranks, cnn__evaluate_run(&run, &found));
    }
    cnn__ranks_free(&ranks);
    cnn_session_free(run.session);
    cnn__evaluate_labels_free(&run, model);
    cnn_loss_free(own);
    if (status == CNN_OK) {
        size_t size = result->struct_size < sizeof(found) ? result->struct_size : sizeof(found);
        memcpy((char *)result + sizeof(size_t), (char *)&found + sizeof(size_t), size - sizeof(size_t));
    }
    return status;
}

static cnn_status predict_all(cnn_session *session, cnn_loader *loader, float *outputs, size_t capacity)
{
    size_t each = cnn__output_values(session->model), used = 0;
    cnn_batch batch = CNN_BATCH_INIT;
    CNN__RETURN_IF_ERROR(cnn__loader_rewind(session->context, loader));
    for (;;) {
        CNN__RETURN_IF_ERROR(cnn__loader_next(session->context, loader, &batch));
        if (batch.whole == 0) {
            return CNN_OK;
        }
        if (batch.count == 0) {
            continue; /* this shard has nothing of it */
        }
        if (capacity - used < batch.count * each) {
            return cnn__fail(session->context, CNN_ERROR_LIMIT, "cnn_predict: room for %zu values is too little",
                             capacity);
        }
        cnn__view_means means;
        CNN__RETURN_IF_ERROR(
            cnn__session_forward_views(session, batch.images, batch.count, cnn__loader_views(loader), &means));
        memcpy(outputs + used, means.outputs, batch.count * each * sizeof(float));
        used += batch.count * each;
    }
}

cnn_status cnn_predict(cnn_model *model, cnn_loader *loader, float *outputs, size_t capacity)
{
    cnn_session *session = NULL;
    CNN__RETURN_IF_ERROR(check_model(model, "cnn_predict"));
    if (loader == NULL || outputs == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_predict: %s is NULL",
                         loader == NULL ? "loader" : "outputs");
    }
    CNN__RETURN_IF_ERROR(cnn__check_ends(model->context, loader));
    CNN__RETURN_IF_ERROR(cnn__check_shape(model, NULL, loader));
    CNN__RETURN_IF_ERROR(cnn_session_create(model, CNN_SESSION(.batch = cnn__evaluation_batch(loader, 0)), &session));
    cnn_status status = predict_all(session, loader, outputs, capacity);
    cnn_session_free(session);
    return status;
}
