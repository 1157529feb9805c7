/* SPDX-License-Identifier: MIT */
/* Preparing a training: everything is checked and allocated before the first step. */
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/options.h"
#include "loader/loader.h"
#include "train/checkpoint.h"
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

/* What the outputs tell, by the training data unless the model knows it. A decision was about other parameters. */
static cnn_status adopt_task(cnn__fit *fit)
{
    const cnn_task task = cnn_dataset_task(cnn_loader_dataset(fit->options.train));
    if (fit->model->task == CNN_TASK_UNKNOWN && task != CNN_TASK_CLASSES) { /* classes need not be said */
        fit->model->task = task;
    }
    if (fit->model->decides) {
        cnn__log(fit->context, CNN_LOG_WARNING,
                 "%s: what was set of its decisions (calibration, thresholds) is dropped: its parameters change",
                 fit->model->name);
    }
    return cnn_model_set_decision(fit->model, NULL);
}

/* Class names from the training data, unless the model has some. */
static cnn_status adopt_classes(cnn__fit *fit)
{
    const cnn_dataset *dataset = cnn_loader_dataset(fit->options.train);
    size_t count = cnn_dataset_class_count(dataset);
    if (!cnn__adopts_classes(fit->model, dataset)) {
        return CNN_OK;
    }
    const char **names = cnn__alloc_array(fit->context, count, sizeof(*names));
    if (names == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = cnn_dataset_class_name(dataset, i);
    }
    cnn_status status = cnn_model_set_classes(fit->model, names, count);
    cnn__free(fit->context, names);
    return status;
}

/* Preprocessing from the loaders, unless the model has some. Of that the model gets the turning of photos all the same:
 * a dataset may do that beside the pipeline, and what was learnt from turned photos cannot tell others. */
static cnn_status adopt_pipeline(cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    const cnn_loader *source = options->validation != NULL ? options->validation : options->train;
    const bool orient = cnn__loader_orients(options->train) || cnn__loader_orients(source);
    cnn_pipeline *steady = NULL;
    if (options->from != NULL) {
        return CNN_OK; /* the loaders do not say what becomes of images */
    }
    cnn_status status = cnn__loader_preprocessing(source, fit->model->pipeline, orient, &steady);
    if (status == CNN_OK && steady != NULL) {
        status = cnn_model_set_pipeline(fit->model, steady);
    }
    cnn_pipeline_free(steady);
    return status;
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

/* Takes the rows of a resumed history over into this one, whose columns are those of this training. */
static cnn_status take_rows(cnn__fit *fit, cnn_history *from)
{
    cnn_history *to = fit->history;
    for (size_t epoch = 0; epoch < from->epochs; epoch++) {
        CNN__RETURN_IF_ERROR(cnn__history_add_row(to));
        for (size_t i = 0; i < to->column_count; i++) {
            cnn__history_set(to, to->columns[i], cnn_history_value(from, to->columns[i], epoch));
        }
    }
    if (from->best_epoch != SIZE_MAX) { /* else the worst score stays: a file cannot hold that of a loss */
        to->best_epoch = from->best_epoch;
        to->best_score = from->best_score;
    }
    to->running = from->running;
    to->running_scores = from->running_scores;
    from->running_scores = NULL;
    if (from->average.text != NULL) {
        cnn__average_free(&to->average, fit->context);
        to->average = from->average;
        from->average = (cnn__average){.text = NULL};
    }
    if (from->best_values != NULL) {
        return cnn__history_keep_best(to, from->best_values, from->best_count);
    }
    /* A training of one epoch keeps no copy of the best parameters: they are its only ones. */
    if (to->best_epoch != SIZE_MAX && to->best_epoch + 1 == to->epochs && to->running.steps == 0 &&
        (cnn__fit_keeps_best(fit) || fit->options.best_path != NULL)) {
        return cnn__average_any(&to->average) ? cnn__history_keep_best(to, to->average.values, fit->model->value_count)
                                              : cnn__history_keep_model(to, fit->model);
    }
    return CNN_OK;
}

/* Whether the checkpoint's best score is of the evaluator that decides here: the scores of two cannot be compared.
 * Checkpoints did not always say. */
static cnn_status check_metric(const cnn__fit *fit, const cnn_history *before)
{
    const char *name = cnn_evaluator_name(fit->best);
    if (before->metric == NULL || strcmp(before->metric, name) == 0) {
        return CNN_OK;
    }
    char theirs[256], ours[256];
    return cnn__fail(fit->context, CNN_ERROR_MISMATCH,
                     "%s: was trained with \"%s\" as the evaluator that decides what is best, not \"%s\"",
                     fit->options.resume_path, cnn__printable(before->metric, theirs, sizeof(theirs)),
                     cnn__printable(name, ours, sizeof(ours)));
}

static cnn_status check_average(const cnn__fit *fit, const cnn_history *before)
{
    const char *theirs = before->average.text, *ours = fit->history->average.text;
    char text[128];
    if (theirs == NULL ? ours == NULL : ours != NULL && strcmp(theirs, ours) == 0) {
        return CNN_OK;
    }
    return cnn__fail(fit->context, CNN_ERROR_MISMATCH, "%s: was trained with the average \"%s\", not \"%s\"",
                     fit->options.resume_path, theirs != NULL ? cnn__printable(theirs, text, sizeof(text)) : "none",
                     ours != NULL ? ours : "none");
}

/* What steps and epochs are must be the same. */
static cnn_status check_steps(const cnn__fit *fit, const cnn_history *before)
{
    const cnn_history *ours = fit->history;
    if (before->epoch_steps == ours->epoch_steps && before->accumulate == ours->accumulate) {
        return CNN_OK;
    }
    const bool epochs = before->epoch_steps != ours->epoch_steps;
    return cnn__fail(fit->context, CNN_ERROR_MISMATCH, "%s: was trained with %s %llu, not %llu",
                     fit->options.resume_path, epochs ? "steps_per_epoch" : "accumulate",
                     (unsigned long long)(epochs ? before->epoch_steps : before->accumulate),
                     (unsigned long long)(epochs ? ours->epoch_steps : ours->accumulate));
}

/* Whether the checkpoint's evaluator and schedule are those given; if so, the schedule goes on where it stood. A
 * checkpoint without one fits any: that one then begins at the checkpoint's learning rate. */
static cnn_status take_schedule(void *user, const cnn_history *before)
{
    const cnn__fit *fit = user;
    cnn_schedule *schedule = fit->options.schedule;
    CNN__RETURN_IF_ERROR(check_metric(fit, before));
    CNN__RETURN_IF_ERROR(check_average(fit, before));
    CNN__RETURN_IF_ERROR(check_steps(fit, before));
    if (strcmp(before->class_weights, fit->history->class_weights) != 0) {
        cnn__log(fit->context, CNN_LOG_WARNING, "%s: was trained with %s class weights", fit->options.resume_path,
                 before->class_weights[0] == '\0' ? "no" : "other");
    }
    if (before->schedule == NULL) {
        return CNN_OK;
    }
    if (schedule == NULL || strcmp(before->schedule, cnn_schedule_text(schedule)) != 0) {
        char text[256];
        return cnn__fail(fit->context, CNN_ERROR_MISMATCH, "%s: was trained with the schedule \"%s\", not %s%s%s",
                         fit->options.resume_path, cnn__printable(before->schedule, text, sizeof(text)),
                         schedule != NULL ? "\"" : "without one", schedule != NULL ? cnn_schedule_text(schedule) : "",
                         schedule != NULL ? "\"" : "");
    }
    return cnn_schedule_set_state(schedule, before->schedule_state);
}

static cnn_status begin_schedule(const cnn__fit *fit)
{
    return fit->options.schedule == NULL
               ? CNN_OK
               : cnn_schedule_begin(fit->options.schedule, (double)cnn_optimizer_learning_rate(fit->options.optimizer),
                                    fit->steps, fit->options.epochs);
}

/* Before the first step of an epoch the loader is at the start of one, wherever it was left. */
static cnn_status place_loader(cnn__fit *fit)
{
    return fit->history->running.steps > 0 || fit->options.steps_per_epoch > 0
               ? CNN_OK
               : cnn__loader_begin_epoch(fit->context, fit->options.train);
}

static cnn_status resume(cnn__fit *fit)
{
    cnn_history *before = NULL;
    CNN__RETURN_IF_ERROR(begin_schedule(fit));
    if (fit->options.resume_path == NULL) {
        return place_loader(fit);
    }
    CNN__RETURN_IF_ERROR(cnn__checkpoint_load(fit->options.resume_path, fit->session, fit->options.optimizer,
                                              fit->options.train, take_schedule, fit, &before));
    if (before->schedule == NULL && fit->options.schedule != NULL) {
        (void)begin_schedule(fit); /* again, at the rate that the optimizer now has; it was possible before */
    }
    cnn_status status = take_rows(fit, before);
    cnn_history_free(before);
    return status == CNN_OK ? place_loader(fit) : status;
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
    CNN__RETURN_IF_ERROR(resume(fit));
    if (cnn__ranks_is_first(&fit->ranks)) {
        cnn__fit_tell_classes(fit);
    }
    /* After the checkpoint was accepted: one that does not fit leaves the model as it was. */
    CNN__RETURN_IF_ERROR(adopt_task(fit));
    CNN__RETURN_IF_ERROR(adopt_classes(fit));
    return adopt_pipeline(fit);
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
