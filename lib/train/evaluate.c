/* SPDX-License-Identifier: MIT */
/* Running a model over a loader: evaluation and prediction. */
#include <math.h>
#include <string.h>

#include "loader/loader.h"
#include "core/options.h"
#include "evaluate/evaluator.h"
#include "loss/loss.h"
#include "session/session.h"
#include "train/clock.h"
#include "train/train.h"

static size_t output_values(const cnn_model *model)
{
    cnn_shape shape = cnn_model_output_shape(model);
    size_t values = 0;
    return cnn__shape_values(&shape, &values) ? values : 0;
}

cnn_status cnn__default_loss(const cnn_model *model, cnn_loss **loss)
{
    return cnn_loss_create(model->context,
                           output_values(model) == 1 ? "binary_crossentropy" : "categorical_crossentropy", loss);
}

cnn_status cnn__check_shape(const cnn_model *model, const cnn_loader *loader)
{
    cnn_shape sample = cnn_loader_sample_shape(loader);
    size_t have = 0, want = 0;
    bool vector = cnn__model_input(model)->rank == 1 && cnn__shape_values(&sample, &have) &&
                  cnn__shape_values(cnn__model_input(model), &want) && have == want;
    if (vector || cnn__shape_equal(&sample, cnn__model_input(model))) {
        return CNN_OK;
    }
    char given[64], wanted[64];
    cnn__shape_text(&sample, NULL, given, sizeof(given));
    cnn__shape_text(cnn__model_input(model), NULL, wanted, sizeof(wanted));
    return cnn__fail(model->context, CNN_ERROR_SHAPE, "%s: the loader gives %s, the input is %s", model->name, given,
                     wanted);
}

cnn_status cnn__check_classes(const cnn_model *model, const cnn_dataset *dataset)
{
    size_t count = cnn_dataset_class_count(dataset), outputs = output_values(model);
    if (count > outputs && !(outputs == 1 && count == 2)) {
        return cnn__fail(model->context, CNN_ERROR_MISMATCH, "%s: the dataset has %zu classes, the model %zu outputs",
                         model->name, count, outputs);
    }
    if (model->class_count == 0) {
        return CNN_OK;
    }
    if (model->class_count != count) {
        return cnn__fail(model->context, CNN_ERROR_MISMATCH, "%s: the dataset has %zu classes, the model %zu",
                         model->name, count, model->class_count);
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = cnn_dataset_class_name(dataset, i);
        if (strcmp(name, model->classes[i]) != 0) {
            return cnn__fail(model->context, CNN_ERROR_MISMATCH,
                             "%s: class %zu is \"%s\" in the dataset and \"%s\" in the model", model->name, i, name,
                             model->classes[i]);
        }
    }
    return CNN_OK;
}

/* Totals of an evaluation under way. */
typedef struct totals {
    uint64_t samples, labelled, right;
    double loss_sum;
} totals;

static cnn_status count_batch(const cnn__evaluation_run *run, const cnn_batch *batch, const cnn__view_means *means,
                              totals *sum)
{
    cnn_session *session = run->session;
    size_t outputs = output_values(session->model), labelled = 0;
    double loss = NAN;
    bool on_output = cnn__loss_on_output(run->loss);
    const float *values = on_output ? means->outputs : means->logits;
    CNN__RETURN_IF_ERROR(cnn__loss_compute(session->context, run->loss->kind, values,
                                           CNN_TARGET(.labels = batch->labels), batch->count, outputs, NULL, &loss,
                                           &labelled));
    const float *output = means->outputs;
    for (size_t i = 0; i < batch->count; i++) {
        sum->right += batch->labels[i] >= 0 && cnn__predicted_class(output + i * outputs, outputs) == batch->labels[i];
    }
    sum->samples += batch->count;
    sum->labelled += labelled;
    sum->loss_sum += labelled > 0 ? loss * (double)labelled : 0.0;
    const cnn_evaluation *evaluation = CNN_EVALUATION(.count = batch->count, .outputs = outputs, .outputs_data = output,
                                                      .labels = batch->labels, .loss = loss);
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
        .steps = cnn_loader_batches(run->loader),
        .loss = sum->labelled > 0 ? sum->loss_sum / (double)sum->labelled : NAN,
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
    };
    return run->on_step(run->user, &progress)
               ? cnn__fail(run->session->context, CNN_ERROR_CANCELLED, "the evaluation was cancelled")
               : CNN_OK;
}

/* An evaluation begins with the first sample, wherever the loader was left. */
static cnn_status rewind_loader(cnn_loader *loader)
{
    return cnn__loader_at_epoch_start(loader) ? CNN_OK : cnn_loader_seek(loader, 0);
}

cnn_status cnn__evaluate_run(const cnn__evaluation_run *run, cnn_evaluate_result *result)
{
    totals sum = {0};
    cnn_batch batch = CNN_BATCH_INIT;
    const uint32_t views = cnn__loader_views(run->loader);
    double begin = cnn__seconds();
    CNN__RETURN_IF_ERROR(rewind_loader(run->loader));
    for (size_t i = 0; i < run->evaluator_count; i++) {
        cnn_evaluator_reset(run->evaluators[i]);
    }
    for (uint64_t step = 1;; step++) {
        CNN__RETURN_IF_ERROR(cnn_loader_next(run->loader, &batch));
        if (batch.count == 0) {
            break;
        }
        cnn__view_means means;
        CNN__RETURN_IF_ERROR(cnn__session_forward_views(run->session, batch.images, batch.count, views, &means));
        CNN__RETURN_IF_ERROR(count_batch(run, &batch, &means, &sum));
        CNN__RETURN_IF_ERROR(report_step(run, &sum, step, cnn__seconds() - begin));
    }
    result->count = sum.samples;
    result->loss = sum.labelled > 0 ? sum.loss_sum / (double)sum.labelled : NAN;
    result->accuracy = sum.labelled > 0 ? (double)sum.right / (double)sum.labelled : NAN;
    result->seconds = cnn__seconds() - begin;
    return CNN_OK;
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

cnn_status cnn_evaluate(cnn_model *model, const cnn_evaluate_options *given, cnn_evaluate_result *result)
{
    cnn_evaluate_options options;
    cnn_evaluate_result found = {.struct_size = sizeof(found)};
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(model->context, "cnn_evaluate", given, &options, sizeof(options)));
    if (options.loader == NULL || result == NULL || result->struct_size < sizeof(size_t)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_evaluate: loader and result are required");
    }
    CNN__RETURN_IF_ERROR(cnn__check_shape(model, options.loader));
    CNN__RETURN_IF_ERROR(cnn__check_classes(model, cnn_loader_dataset(options.loader)));
    cnn_loss *own = NULL;
    cnn__evaluation_run run = {
        NULL, options.loader, options.loss, options.evaluators, options.evaluator_count, options.on_step, options.user};
    cnn_status status = CNN_OK;
    if (run.loss == NULL) {
        status = cnn__default_loss(model, &own);
        run.loss = own;
    }
    if (status == CNN_OK) {
        status = cnn_session_create(model, CNN_SESSION(.batch = cnn__evaluation_batch(options.loader)), &run.session);
    }
    if (status == CNN_OK) {
        status = cnn__evaluate_run(&run, &found);
    }
    cnn_session_free(run.session);
    cnn_loss_free(own);
    if (status == CNN_OK) {
        size_t size = result->struct_size < sizeof(found) ? result->struct_size : sizeof(found);
        memcpy((char *)result + sizeof(size_t), (char *)&found + sizeof(size_t), size - sizeof(size_t));
    }
    return status;
}

static cnn_status predict_all(cnn_session *session, cnn_loader *loader, float *outputs, size_t capacity)
{
    size_t each = output_values(session->model), used = 0;
    cnn_batch batch = CNN_BATCH_INIT;
    CNN__RETURN_IF_ERROR(rewind_loader(loader));
    for (;;) {
        CNN__RETURN_IF_ERROR(cnn_loader_next(loader, &batch));
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
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (loader == NULL || (outputs == NULL && capacity > 0)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_predict: no loader, or no place for outputs");
    }
    CNN__RETURN_IF_ERROR(cnn__check_shape(model, loader));
    CNN__RETURN_IF_ERROR(cnn_session_create(model, CNN_SESSION(.batch = cnn__evaluation_batch(loader)), &session));
    cnn_status status = predict_all(session, loader, outputs, capacity);
    cnn_session_free(session);
    return status;
}
