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

cnn_status cnn__check_ends(const cnn_context *context, const cnn_loader *loader)
{
    return cnn_loader_mode(loader) == CNN_BATCH_EPOCH
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                           "evaluation needs a loader in CNN_BATCH_EPOCH mode: one in CNN_BATCH_WRAP mode never comes "
                           "to the end of an epoch");
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
