/* SPDX-License-Identifier: MIT */
/* Running a model over a loader: evaluation and prediction. */
#include <math.h>
#include <string.h>

#include "core/options.h"
#include "evaluate/evaluator.h"
#include "loader/loader.h"
#include "loss/loss.h"
#include "session/penalty.h"
#include "train/clock.h"
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

/* Totals of an evaluation under way. */
typedef struct totals {
    uint64_t samples, counted; /* counted: by the loss */
    uint64_t labelled, right;
    double loss_sum;
    double penalty_sum;
    double parameters; /* penalties of the model's parameters, the same in all batches; NaN: not known yet */
} totals;

/* The labels of a batch as the model numbers them. */
static const int32_t *batch_labels(const cnn__evaluation_run *run, const cnn_batch *batch)
{
    if (run->label_map == NULL) {
        return batch->labels;
    }
    for (size_t i = 0; i < batch->count; i++) {
        run->labels[i] = batch->labels[i] >= 0 ? run->label_map[batch->labels[i]] : -1;
    }
    return run->labels;
}

/* What regularizers add to the loss of a batch. */
static cnn_status batch_penalty(const cnn_session *session, totals *sum, double *penalty)
{
    *penalty = 0;
    if (!session->program.penalties) {
        return CNN_OK;
    }
    if (isnan(sum->parameters)) {
        CNN__RETURN_IF_ERROR(cnn__penalty_parameters(session, &sum->parameters));
    }
    *penalty = sum->parameters + session->activity_penalty;
    return CNN_OK;
}

static cnn_status count_batch(const cnn__evaluation_run *run, const cnn_batch *batch, const cnn__view_means *means,
                              totals *sum)
{
    cnn_session *session = run->session;
    size_t outputs = cnn__output_values(session->model), counted = 0;
    double loss = NAN, penalty = 0;
    bool on_output = cnn__loss_on_output(run->loss);
    const int32_t *labels = batch_labels(run, batch);
    const float *values = on_output ? means->outputs : means->logits;
    const cnn_target target = cnn__batch_target(batch, labels, batch->weights);
    CNN__RETURN_IF_ERROR(
        cnn__loss_compute(session->context, run->loss, values, &target, batch->count, outputs, NULL, &loss, &counted));
    CNN__RETURN_IF_ERROR(batch_penalty(session, sum, &penalty));
    loss += penalty;
    const float *output = means->outputs;
    for (size_t i = 0; i < batch->count; i++) {
        sum->labelled += labels[i] >= 0;
        sum->right += labels[i] >= 0 && cnn__predicted_class(output + i * outputs, outputs) == labels[i];
    }
    sum->samples += batch->count;
    sum->counted += counted;
    sum->loss_sum += counted > 0 ? loss * (double)counted : 0.0;
    sum->penalty_sum += penalty * (double)counted;
    const cnn_evaluation *evaluation = CNN_EVALUATION(.count = batch->count, .outputs = outputs, .outputs_data = output,
                                                      .labels = labels, .loss = loss, .targets = batch->targets,
                                                      .target_count = batch->target_count, .weights = batch->weights);
    for (size_t i = 0; i < run->evaluator_count; i++) {
        CNN__RETURN_IF_ERROR(cnn_evaluator_update(run->evaluators[i], evaluation));
    }
    return CNN_OK;
}

static cnn_status report_step(const cnn__evaluation_run *run, const totals *sum, uint64_t step, double seconds)
{
    if (run->on_step == NULL) {
        return CNN_OK;
    }
    const cnn_evaluator *first = run->evaluator_count > 0 ? run->evaluators[0] : NULL;
    cnn_progress progress = {
        .struct_size = sizeof(progress),
        .step = step,
        .steps = run->steps > 0 ? run->steps : cnn_loader_batches(run->loader),
        .loss = sum->counted > 0 ? sum->loss_sum / (double)sum->counted : NAN,
        .score = first != NULL ? cnn_evaluator_score(first)
                               : (sum->labelled > 0 ? (double)sum->right / (double)sum->labelled : NAN),
        .validation_loss = NAN,
        .validation_score = NAN,
        .best_score = NAN,
        .seconds = seconds,
        .images_per_second = seconds > 0 ? (double)sum->samples / seconds : 0,
        .score_name = first != NULL ? cnn_evaluator_name(first) : "accuracy",
        .session = run->session,
        .step_loss = NAN,
        .penalty = sum->counted > 0 ? sum->penalty_sum / (double)sum->counted : 0,
    };
    return run->on_step(run->user, &progress)
               ? cnn__fail(run->session->context, CNN_ERROR_CANCELLED, "the evaluation was cancelled")
               : CNN_OK;
}

cnn_status cnn__check_ends(const cnn_context *context, const cnn_loader *loader)
{
    return cnn_loader_mode(loader) == CNN_BATCH_EPOCH
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                           "evaluation needs a loader in CNN_BATCH_EPOCH mode: one in CNN_BATCH_WRAP mode never comes "
                           "to the end of an epoch");
}

cnn_status cnn__evaluate_run(const cnn__evaluation_run *run, cnn_evaluate_result *result)
{
    totals sum = {.parameters = NAN};
    cnn_batch batch = CNN_BATCH_INIT;
    const uint32_t views = cnn__loader_views(run->loader);
    double begin = cnn__seconds();
    CNN__RETURN_IF_ERROR(cnn__loader_rewind(run->session->context, run->loader));
    for (size_t i = 0; i < run->evaluator_count; i++) {
        cnn_evaluator_reset(run->evaluators[i]);
    }
    for (uint64_t step = 1; run->steps == 0 || step <= run->steps; step++) {
        CNN__RETURN_IF_ERROR(cnn__loader_next(run->session->context, run->loader, &batch));
        if (batch.count == 0 && run->steps > 0) { /* another pass, if this one had anything */
            CNN__RETURN_IF_ERROR(cnn__loader_next(run->session->context, run->loader, &batch));
        }
        if (batch.count == 0) {
            break;
        }
        cnn__view_means means;
        CNN__RETURN_IF_ERROR(cnn__session_forward_views(run->session, batch.images, batch.count, views, &means));
        CNN__RETURN_IF_ERROR(count_batch(run, &batch, &means, &sum));
        CNN__RETURN_IF_ERROR(report_step(run, &sum, step, cnn__seconds() - begin));
    }
    result->count = sum.samples;
    result->loss = sum.counted > 0 ? sum.loss_sum / (double)sum.counted : NAN;
    result->penalty = sum.counted > 0 ? sum.penalty_sum / (double)sum.counted : 0;
    result->accuracy = sum.labelled > 0 ? (double)sum.right / (double)sum.labelled : NAN;
    result->seconds = cnn__seconds() - begin;
    return CNN_OK;
}

cnn_status cnn__evaluate_labels(cnn__evaluation_run *run, const cnn_model *model, const cnn_dataset *train)
{
    CNN__RETURN_IF_ERROR(cnn__label_map(model, train, cnn_loader_dataset(run->loader), &run->label_map));
    if (run->label_map == NULL) {
        return CNN_OK;
    }
    run->labels = cnn__alloc_array(model->context, cnn_loader_batch_size(run->loader), sizeof(*run->labels));
    return run->labels != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

void cnn__evaluate_labels_free(cnn__evaluation_run *run, const cnn_model *model)
{
    cnn__free(model->context, run->label_map);
    cnn__free(model->context, run->labels);
    run->label_map = run->labels = NULL;
}

/* Images that one pass takes when there are several views of each: those of a batch, or as many as keep the kernels
 * busy. */
#define VIEWS_AT_ONCE 64

uint32_t cnn__evaluation_batch(const cnn_loader *loader)
{
    size_t batch = cnn_loader_batch_size(loader), images = batch * cnn__loader_views(loader);
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

cnn_status cnn_evaluate(cnn_model *model, const cnn_evaluate_options *given, cnn_evaluate_result *result)
{
    cnn_evaluate_options options;
    cnn_evaluate_result found = {.struct_size = sizeof(found)};
    CNN__RETURN_IF_ERROR(check_model(model, "cnn_evaluate"));
    CNN__RETURN_IF_ERROR(cnn__options_copy(model->context, "cnn_evaluate", given, &options, sizeof(options)));
    if (options.loader == NULL || result == NULL || result->struct_size < sizeof(size_t)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_evaluate: loader and result are required");
    }
    CNN__RETURN_IF_ERROR(cnn__check_evaluators(model->context, options.evaluators, options.evaluator_count));
    CNN__RETURN_IF_ERROR(cnn__check_ends(model->context, options.loader));
    CNN__RETURN_IF_ERROR(cnn__check_shape(model, options.from, options.loader));
    CNN__RETURN_IF_ERROR(cnn__check_targets(model, options.loader));
    cnn_loss *own = NULL;
    cnn__evaluation_run run = {
        .loader = options.loader,
        .loss = options.loss,
        .evaluators = options.evaluators,
        .evaluator_count = options.evaluator_count,
        .on_step = options.on_step,
        .user = options.user,
    };
    cnn_status status = cnn__check_task_fits(model, cnn_loader_dataset(options.loader));
    if (status == CNN_OK) {
        status = cnn__evaluate_labels(&run, model, NULL);
    }
    if (status == CNN_OK && run.loss == NULL) {
        status = cnn__default_loss(model, options.loader, &own);
        run.loss = own;
    }
    if (status == CNN_OK) {
        status = cnn_session_create(model,
                                    CNN_SESSION(.batch = cnn__evaluation_batch(options.loader),
                                                .penalties = cnn__penalties(options.penalties),
                                                .training_behavior = options.training_behavior, .from = options.from),
                                    &run.session);
    }
    if (status == CNN_OK) {
        status = cnn__evaluate_run(&run, &found);
    }
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
        if (batch.count == 0) {
            return CNN_OK;
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
    CNN__RETURN_IF_ERROR(cnn_session_create(model, CNN_SESSION(.batch = cnn__evaluation_batch(loader)), &session));
    cnn_status status = predict_all(session, loader, outputs, capacity);
    cnn_session_free(session);
    return status;
}
