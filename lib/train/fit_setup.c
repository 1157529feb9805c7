/* SPDX-License-Identifier: MIT */
/* Preparing a training: everything is checked and allocated before the first step. */
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/options.h"
#include "loader/loader.h"
#include "train/fit.h"

/* A loss for the first output would train nothing of what the others alone need, without a word. */
static cnn_status check_outputs(const cnn_model *model)
{
    const uint32_t outputs = cnn__model_outputs(model);
    return outputs == 1 ? CNN_OK
                        : cnn__fail(model->context, CNN_ERROR_UNSUPPORTED,
                                    "%s: has %u outputs, and cnn_fit() has a loss for one: compute one for each with "
                                    "cnn_session_loss() in a loop of your own, or name one by cnn_model_set_outputs()",
                                    model->name, (unsigned)outputs);
}

/* What has to be known before the ranks can meet. */
static cnn_status check_required(const cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    if (!fit->model->built) {
        return cnn__fail(fit->context, CNN_ERROR_STATE, "%s: is not built yet", fit->model->name);
    }
    if (options->train == NULL || options->optimizer == NULL) {
        return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_fit: train and optimizer are required");
    }
    return CNN_OK;
}

/* The statistics that normalisations get of SWA's parameters are of whole shares, which depend on the ranks. */
static cnn_status check_blocks(const cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    return options->blocks == 0 || options->average == NULL || strncmp(options->average, "swa", 3) != 0
               ? CNN_OK
               : cnn__fail(fit->context, CNN_ERROR_UNSUPPORTED,
                           "cnn_fit: the average swa with blocks: its statistics would not be those of any number of "
                           "ranks; ema and last go with blocks");
}

static cnn_status check_options(cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    if (options->evaluators != NULL && options->evaluator_count == 0) {
        return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_fit: evaluators without evaluator_count");
    }
    CNN__RETURN_IF_ERROR(cnn__check_evaluators(fit->context, options->evaluators,
                                               options->evaluators != NULL ? options->evaluator_count : 0));
    if (cnn__loader_views(options->train) > 1) {
        return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_fit: the training loader makes %u views of each image; these are for evaluation",
                         cnn__loader_views(options->train));
    }
    if ((options->validation_steps > 0 || options->evaluate_every > 0) && options->validation == NULL) {
        return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_fit: %s without a validation loader",
                         options->validation_steps > 0 ? "validation_steps" : "evaluate_every");
    }
    CNN__RETURN_IF_ERROR(check_blocks(fit));
    if (options->best_path != NULL && cnn__ranks_is_first(&fit->ranks)) {
        CNN__RETURN_IF_ERROR(cnn__writer_probe(fit->context, options->best_path));
    }
    if (options->last_path != NULL && cnn__ranks_is_first(&fit->ranks)) {
        CNN__RETURN_IF_ERROR(cnn__writer_probe(fit->context, options->last_path));
    }
    CNN__RETURN_IF_ERROR(check_outputs(fit->model));
    CNN__RETURN_IF_ERROR(cnn__check_groups(options->optimizer, fit->model));
    CNN__RETURN_IF_ERROR(cnn__check_shape(fit->model, options->from, options->train));
    CNN__RETURN_IF_ERROR(cnn__check_targets(fit->model, options->train));
    CNN__RETURN_IF_ERROR(cnn__check_task_fits(fit->model, cnn_loader_dataset(options->train)));
    CNN__RETURN_IF_ERROR(cnn__check_classes(fit->model, cnn_loader_dataset(options->train)));
    if (options->validation != NULL) {
        CNN__RETURN_IF_ERROR(cnn__check_ends(fit->context, options->validation));
        CNN__RETURN_IF_ERROR(cnn__check_shape(fit->model, options->from, options->validation));
        CNN__RETURN_IF_ERROR(cnn__check_targets(fit->model, options->validation));
    }
    return CNN_OK;
}

static cnn_status complete_options(cnn__fit *fit)
{
    cnn_fit_options *options = &fit->options;
    options->epochs = options->epochs == 0 ? 1 : options->epochs;
    options->accumulate = options->accumulate == 0 ? 1 : options->accumulate;
    if (options->loss == NULL) {
        CNN__RETURN_IF_ERROR(cnn__default_loss(fit->model, options->train, &fit->own_loss));
        options->loss = fit->own_loss;
    }
    if (options->evaluators == NULL) {
        static const char *const names[] = {"loss", "accuracy", "map", "mae"}; /* by cnn_task */
        const cnn_task task = cnn_dataset_task(cnn_loader_dataset(options->train));
        CNN__RETURN_IF_ERROR(cnn_evaluator_create(fit->context, names[task], &fit->own_evaluator));
        options->evaluators = &fit->own_evaluator;
        options->evaluator_count = 1;
    }
    fit->best = options->evaluators[0];
    return CNN_OK;
}

bool cnn__fit_keeps_best(const cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    return options->epochs > 1 && (!options->keep_last || options->best_path != NULL);
}

/* What lies before the samples cannot be trained on them. */
static cnn_status check_left_out(const cnn__fit *fit)
{
    for (uint32_t i = 0; i < fit->model->parameter_count && fit->options.from != NULL; i++) {
        const cnn__parameter *parameter = &fit->model->parameters[i];
        if (parameter->trainable && !parameter->frozen && !cnn__session_trains(fit->session, i)) {
            return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                             "%s: \"%s\" is to be trained, but samples are given from \"%s\" on: freeze all before it",
                             fit->model->name, parameter->name, fit->options.from);
        }
    }
    return CNN_OK;
}

/* How many steps an epoch has. With steps_per_epoch, and where batches span epochs, it ends after them. */
static void count_steps(cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    const uint64_t batches = cnn_loader_batches(options->train), each = options->accumulate;
    const bool wraps = cnn_loader_mode(options->train) == CNN_BATCH_WRAP;
    fit->counted_steps = wraps || options->steps_per_epoch > 0;
    fit->steps = options->steps_per_epoch > 0 ? options->steps_per_epoch
                 : !wraps                     ? (batches + each - 1) / each
                 : batches > each             ? batches / each
                                              : 1;
}

static cnn_status make_sessions(cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    const size_t share = cnn__loader_share(options->train), batch = cnn_loader_batch_size(options->train);
    const size_t block = options->blocks > 0 ? (batch + options->blocks - 1) / options->blocks : share;
    CNN__RETURN_IF_ERROR(
        cnn_session_create(fit->model,
                           CNN_SESSION(.batch = (uint32_t)block, .training = 1,
                                       .penalties = cnn__penalties(options->penalties), .from = options->from),
                           &fit->session));
    CNN__RETURN_IF_ERROR(check_left_out(fit));
    CNN__RETURN_IF_ERROR(cnn__fit_join(fit));
    if (options->accumulate > 1) {
        CNN__RETURN_IF_ERROR(cnn__accumulator_create(&fit->accumulator, fit->session));
    }
    if (options->validation == NULL) {
        return CNN_OK;
    }
    fit->validation = (cnn__evaluation_run){
        .loader = options->validation,
        .loss = options->loss,
        .evaluators = options->evaluators,
        .evaluator_count = options->evaluator_count,
        .steps = options->validation_steps,
        .on_step = options->on_step != NULL ? cnn__fit_validation_step : NULL,
        .user = fit,
        .ranks = &fit->ranks,
    };
    CNN__RETURN_IF_ERROR(cnn__evaluate_labels(&fit->validation, fit->model, cnn_loader_dataset(options->train)));
    return cnn_session_create(fit->model,
                              CNN_SESSION(.batch = cnn__evaluation_batch(options->validation, options->blocks),
                                          .penalties = cnn__penalties(options->penalties),
                                          .training_behavior = options->validation_behavior, .from = options->from),
                              &fit->validation.session);
}

static cnn_status add_columns(cnn__fit *fit, const char *prefix)
{
    char name[128];
    snprintf(name, sizeof(name), "%sloss", prefix);
    CNN__RETURN_IF_ERROR(cnn__history_add_column(fit->history, name));
    for (size_t i = 0; i < fit->options.evaluator_count; i++) {
        const char *score = cnn_evaluator_name(fit->options.evaluators[i]);
        snprintf(name, sizeof(name), "%s%s", prefix, score);
        if (strcmp(score, "loss") != 0) {
            CNN__RETURN_IF_ERROR(cnn__history_add_column(fit->history, name));
        }
    }
    return CNN_OK;
}

static cnn_status make_history(cnn__fit *fit)
{
    static const char *const always[] = {"learning_rate", "seconds",   "images_per_second", "wait_seconds",
                                         "wait_share",    "step_loss", "step_score"};
    CNN__RETURN_IF_ERROR(cnn__history_create(fit->context, &fit->history));
    CNN__RETURN_IF_ERROR(add_columns(fit, ""));
    if (fit->options.validation != NULL) {
        CNN__RETURN_IF_ERROR(add_columns(fit, "val_"));
    }
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        CNN__RETURN_IF_ERROR(cnn__history_add_column(fit->history, always[i]));
    }
    if (fit->options.decay_penalty != 0) {
        CNN__RETURN_IF_ERROR(cnn__history_add_column(fit->history, "decay_penalty"));
    }
    if (fit->session->program.penalties) {
        CNN__RETURN_IF_ERROR(cnn__history_add_column(fit->history, "penalty"));
        if (fit->options.validation != NULL) {
            CNN__RETURN_IF_ERROR(cnn__history_add_column(fit->history, "val_penalty"));
        }
    }
    CNN__RETURN_IF_ERROR(
        cnn__average_create(&fit->history->average, fit->model, fit->options.average, fit->options.epochs));
    fit->history->epoch_steps = fit->options.steps_per_epoch;
    fit->history->accumulate = fit->options.accumulate > 1 ? fit->options.accumulate : 0;
    fit->history->best_score = cnn_evaluator_worst_score(fit->best);
    return cnn__history_set_metric(fit->history, cnn_evaluator_name(fit->best));
}

static cnn_status open_ranks(cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    if (options->blocks > 0 && options->sync_batch_norm != 0) {
        return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_fit: sync_batch_norm and blocks exclude each other: a block knows its own samples alone");
    }
    return cnn__ranks_create(&fit->ranks, fit->context, options->communicator, options->blocks, options->train,
                             options->validation, cnn__output_values(fit->model));
}

/* All ranks begin with the parameters of the first. */
static cnn_status share_parameters(cnn__fit *fit)
{
    const cnn_model *model = fit->model;
    const cnn_communicator *c = &fit->ranks.communicator;
    for (uint32_t i = 0; i < model->parameter_count && cnn__has_peers(c); i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        CNN__RETURN_IF_ERROR(
            cnn_communicator_broadcast(fit->context, c, 0, parameter->data, parameter->values * sizeof(float)));
    }
    if (cnn__has_peers(c)) {
        cnn_model_touch(fit->model);
    }
    return CNN_OK;
}

static cnn_status open_all(cnn__fit *fit)
{
    CNN__RETURN_IF_ERROR(check_options(fit));
    CNN__RETURN_IF_ERROR(complete_options(fit));
    count_steps(fit);
    CNN__RETURN_IF_ERROR(make_sessions(fit));
    CNN__RETURN_IF_ERROR(make_history(fit));
    CNN__RETURN_IF_ERROR(cnn__fit_weights(fit));
    CNN__RETURN_IF_ERROR(cnn__mix_create(fit));
    CNN__RETURN_IF_ERROR(cnn__distill_create(fit));
    CNN__RETURN_IF_ERROR(cnn__fit_resume(fit));
    if (cnn__ranks_is_first(&fit->ranks)) {
        cnn__fit_tell_classes(fit);
    }
    /* After the checkpoint was accepted: one that does not fit leaves the model as it was. */
    return cnn__fit_adopt(fit);
}

cnn_status cnn__fit_open(cnn__fit *fit, cnn_model *model, const cnn_fit_options *options)
{
    *fit = (cnn__fit){0};
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    *fit = (cnn__fit){.context = model->context, .model = model};
    CNN__RETURN_IF_ERROR(cnn__options_copy(model->context, "cnn_fit", options, &fit->options, sizeof(fit->options)));
    cnn_communicator communicator; /* whoever fails before it is known cannot tell the others */
    CNN__RETURN_IF_ERROR(cnn__communicator_copy(fit->context, fit->options.communicator, &communicator));
    cnn_status status = check_required(fit);
    status = status == CNN_OK ? open_ranks(fit) : status;
    if (status != CNN_OK) {
        return cnn_communicator_agree(fit->context, &communicator, status);
    }
    status = open_all(fit);
    CNN__RETURN_IF_ERROR(cnn__ranks_meet(&fit->ranks, status));
    return share_parameters(fit);
}

void cnn__fit_close(cnn__fit *fit)
{
    cnn__ranks_free(&fit->ranks);
    cnn__free(fit->context, fit->moving);
    cnn__free(fit->context, fit->step_moving);
    cnn_session_free(fit->validation.session);
    cnn__evaluate_labels_free(&fit->validation, fit->model);
    cnn__free(fit->context, fit->weights);
    cnn__accumulator_free(&fit->accumulator, fit->context);
    cnn__mix_free(fit);
    cnn_session_free(fit->teacher);
    cnn_session_free(fit->session);
    cnn_evaluator_free(fit->own_evaluator);
    cnn_loss_free(fit->own_loss);
    cnn_history_free(fit->history);
}
