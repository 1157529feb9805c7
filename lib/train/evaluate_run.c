/* SPDX-License-Identifier: MIT */
/* A pass of an evaluation: batch after batch, on all ranks, into losses, evaluators and totals. */
#include <math.h>
#include <string.h>

#include "evaluate/evaluator.h"
#include "loader/loader.h"
#include "loss/loss.h"
#include "session/penalty.h"
#include "train/clock.h"
#include "train/ranks.h"
#include "train/train.h"

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

/* Counts the samples of a batch, of all ranks; `penalty` as batch_penalty() has it. */
static cnn_status count_batch(const cnn__evaluation_run *run, const cnn__samples *batch, double penalty, totals *sum)
{
    cnn_session *session = run->session;
    size_t outputs = cnn__output_values(session->model), counted = 0;
    double loss = NAN;
    const int32_t *labels = batch->labels;
    const float *values = cnn__loss_on_output(run->loss) ? batch->outputs : batch->logits;
    const cnn_target target = {.struct_size = sizeof(target),
                               .labels = batch->targets == NULL ? labels : NULL,
                               .values = batch->targets,
                               .weights = batch->weights};
    CNN__RETURN_IF_ERROR(
        cnn__loss_compute(session->context, run->loss, values, &target, batch->count, outputs, NULL, &loss, &counted));
    loss += penalty;
    const float *output = batch->outputs;
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

/* Runs the model on samples [begin, end) of a batch. */
static cnn_status run_part(const cnn__evaluation_run *run, const cnn_batch *batch, size_t begin, size_t end,
                           totals *sum, double *penalty, cnn__view_means *means)
{
    const uint32_t views = cnn__loader_views(run->loader);
    const cnn_shape shape = cnn_loader_sample_shape(run->loader);
    size_t input = 0;
    (void)cnn__shape_values(&shape, &input);
    run->session->before = run->ranks->before + begin; /* random numbers are those of the whole batch */
    CNN__RETURN_IF_ERROR(
        cnn__session_forward_views(run->session, batch->images + begin * views * input, end - begin, views, means));
    return batch_penalty(run->session, sum, penalty);
}

/* Runs the model on this rank's samples; what is summed over blocks goes to own_sums. */
static cnn_status run_share(const cnn__evaluation_run *run, const cnn_batch *batch, totals *sum, cnn__samples *own,
                            double *penalty)
{
    const cnn__ranks *ranks = run->ranks;
    const size_t outputs = ranks->outputs;
    cnn__view_means means = {NULL, NULL};
    const cnn__output *output = cnn__session_output(run->session);
    *own = (cnn__samples){.count = batch->count,
                          .apart = output->value != output->logits || cnn__loader_views(run->loader) > 1,
                          .targets = batch->targets,
                          .weights = batch->weights,
                          .target_count = batch->target_count};
    *penalty = 0;
    /* In a fixed tree of blocks each is a pass of its own, so that it is the same one on any rank. */
    for (uint32_t block = ranks->first; block < ranks->end && ranks->fixed; block++) {
        size_t begin, end;
        double one = 0;
        cnn__ranks_block(ranks, batch, block, &begin, &end);
        if (begin < end) {
            CNN__RETURN_IF_ERROR(run_part(run, batch, begin, end, sum, &one, &means));
            ranks->own_sums[block - ranks->first].penalty = one * (double)(end - begin);
            memcpy(ranks->block_outputs + begin * outputs, means.outputs, (end - begin) * outputs * sizeof(float));
            memcpy(ranks->block_outputs + (ranks->room + begin) * outputs, means.logits,
                   (end - begin) * outputs * sizeof(float));
        }
    }
    if (ranks->fixed) {
        means = (cnn__view_means){ranks->block_outputs, ranks->block_outputs + ranks->room * outputs};
    } else if (batch->count > 0) {
        CNN__RETURN_IF_ERROR(run_part(run, batch, 0, batch->count, sum, penalty, &means));
    }
    own->outputs = means.outputs;
    own->logits = own->apart ? means.logits : means.outputs;
    own->labels = batch_labels(run, batch);
    return CNN_OK;
}

/* The same, and the samples of all others. */
static cnn_status run_batch(const cnn__evaluation_run *run, const cnn_batch *batch, totals *sum)
{
    cnn__ranks *ranks = run->ranks;
    cnn__samples own, whole;
    double penalty = 0;
    for (uint32_t i = 0; i < ranks->end - ranks->first && !cnn__is_alone(ranks); i++) {
        ranks->own_sums[i] = (cnn__block_sums){0, 0};
    }
    cnn_status status = run_share(run, batch, sum, &own, &penalty);
    if (cnn__is_alone(ranks)) {
        CNN__RETURN_IF_ERROR(status);
        return count_batch(run, &own, penalty, sum);
    }
    CNN__RETURN_IF_ERROR(cnn__ranks_meet(ranks, status));
    if (!ranks->fixed) {
        ranks->own_sums[0].penalty = penalty * (double)batch->count;
    }
    CNN__RETURN_IF_ERROR(cnn__ranks_gather(ranks, &own, ranks->own_sums, &whole));
    return count_batch(run, &whole, cnn__ranks_sums(ranks).penalty / (double)ranks->samples, sum);
}

/* Tells the callback; true if it wants to stop. */
static bool report_step(const cnn__evaluation_run *run, const totals *sum, uint64_t step, double seconds)
{
    if (run->on_step == NULL) {
        return false;
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
    return run->on_step(run->user, &progress);
}

/* The next batch; *stop: after the one before a callback wanted to stop, on some rank then. */
static cnn_status next_batch(const cnn__evaluation_run *run, cnn_batch *batch, bool *stop)
{
    if (*stop && cnn__is_alone(run->ranks)) {
        return CNN_OK;
    }
    const cnn_status status = cnn__loader_next(run->session->context, run->loader, batch);
    return cnn__ranks_load(run->ranks, status, batch, run->loader, stop);
}

static void tell_result(const totals *sum, double begin, cnn_evaluate_result *result)
{
    result->count = sum->samples;
    result->loss = sum->counted > 0 ? sum->loss_sum / (double)sum->counted : NAN;
    result->penalty = sum->counted > 0 ? sum->penalty_sum / (double)sum->counted : 0;
    result->accuracy = sum->labelled > 0 ? (double)sum->right / (double)sum->labelled : NAN;
    result->seconds = cnn__seconds() - begin;
}

cnn_status cnn__evaluate_run(const cnn__evaluation_run *run, cnn_evaluate_result *result)
{
    totals sum = {.parameters = NAN};
    cnn_batch batch = CNN_BATCH_INIT;
    bool stop = false;
    double begin = cnn__seconds();
    cnn_status status = cnn__loader_rewind(run->session->context, run->loader);
    for (size_t i = 0; i < run->evaluator_count; i++) {
        cnn_evaluator_reset(run->evaluators[i]);
    }
    for (uint64_t step = 1; status == CNN_OK && (run->steps == 0 || step <= run->steps); step++) {
        status = next_batch(run, &batch, &stop);
        /* Of another pass, if there is one. */
        if (status == CNN_OK && run->steps > 0 && run->ranks->whole == 0 && !stop) {
            status = next_batch(run, &batch, &stop);
        }
        if (status != CNN_OK || run->ranks->whole == 0 || stop) {
            break;
        }
        if (run->ranks->samples > 0) {
            status = run_batch(run, &batch, &sum);
            stop = status == CNN_OK && report_step(run, &sum, step, cnn__seconds() - begin);
        }
    }
    if (status == CNN_OK && run->steps > 0) { /* the last batch's callback was not heard of yet */
        status = cnn__ranks_agree(run->ranks, status, &stop);
    }
    CNN__RETURN_IF_ERROR(status);
    if (stop) {
        return cnn__fail(run->session->context, CNN_ERROR_CANCELLED, "the evaluation was cancelled");
    }
    tell_result(&sum, begin, result);
    return CNN_OK;
}

cnn_status cnn__evaluate_labels(cnn__evaluation_run *run, const cnn_model *model, const cnn_dataset *train)
{
    CNN__RETURN_IF_ERROR(cnn__label_map(model, train, cnn_loader_dataset(run->loader), &run->label_map));
    if (run->label_map == NULL) {
        return CNN_OK;
    }
    run->labels = cnn__alloc_array(model->context, cnn__loader_share(run->loader), sizeof(*run->labels));
    return run->labels != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

void cnn__evaluate_labels_free(cnn__evaluation_run *run, const cnn_model *model)
{
    cnn__free(model->context, run->label_map);
    cnn__free(model->context, run->labels);
    run->label_map = run->labels = NULL;
}
