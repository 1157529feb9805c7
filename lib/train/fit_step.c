/* SPDX-License-Identifier: MIT */
/* One step of a training: one batch or several, forward, loss, backward; then the update. */
#include <math.h>

#include "loader/loader.h"
#include "train/fit.h"

/* Where epochs end with a batch the loader knows it: batches that were left out are no steps. */
bool cnn__fit_is_last_step(const cnn__fit *fit, uint64_t steps)
{
    return fit->counted_steps ? steps >= fit->steps : cnn__loader_at_epoch_end(fit->options.train);
}

/* Counts a batch, and in the epoch's last step finds the score of that batch alone. */
static cnn_status count_batch(cnn__fit *fit, const cnn_batch *batch, double loss)
{
    cnn__running *running = &fit->history->running;
    const cnn_shape output = cnn__session_shape(fit->session, cnn__session_output(fit->session)->value);
    size_t values = 0;
    (void)cnn__shape_values(&output, &values);
    const cnn_evaluation *evaluation = CNN_EVALUATION(.count = batch->count, .outputs = values / batch->count,
                                                      .outputs_data = cnn_session_output(fit->session),
                                                      .labels = batch->labels, .loss = loss, .targets = batch->targets,
                                                      .target_count = batch->target_count, .weights = batch->weights);
    running->step_score = NAN;
    if (cnn__fit_is_last_step(fit, running->steps + 1)) {
        CNN__RETURN_IF_ERROR(cnn__score_alone(fit->best, evaluation, &running->step_score));
    }
    for (size_t i = 0; i < fit->options.evaluator_count; i++) {
        CNN__RETURN_IF_ERROR(cnn_evaluator_update(fit->options.evaluators[i], evaluation));
    }
    running->samples += batch->count;
    running->loss_sum += loss * (double)batch->count;
    running->penalty_sum += fit->session->penalty * (double)batch->count;
    fit->epoch_samples += batch->count;
    return CNN_OK;
}

/* Forward and backward of a batch. */
static cnn_status run_batch(cnn__fit *fit, cnn_batch *batch, double *loss)
{
    cnn_session *session = fit->session;
    *loss = NAN;
    cnn_target target = cnn__batch_target(batch, batch->labels, cnn__fit_batch_weights(fit, batch));
    CNN__RETURN_IF_ERROR(cnn__mix_batch(fit, batch, &target));
    CNN__RETURN_IF_ERROR(cnn_session_forward(session, batch->images, batch->count));
    cnn_status status = cnn_session_loss(session, fit->options.loss, &target, loss);
    if (status == CNN_ERROR_NUMERIC) {
        return cnn__fail(fit->context, status, "%s: the loss is %f in epoch %zu, step %llu, at a learning rate of %g",
                         fit->model->name, *loss, fit->history->epochs + 1,
                         (unsigned long long)fit->history->running.steps + 1,
                         cnn_optimizer_learning_rate(fit->options.optimizer));
    }
    CNN__RETURN_IF_ERROR(status);
    CNN__RETURN_IF_ERROR(cnn__distill_batch(fit, batch, target.weights, loss));
    return cnn_session_backward(session, NULL);
}

/* The next batch; of count 0 at the end of an epoch, unless epochs are so many steps: then the data begin anew, and
 * count 0 says that two passes in a row had nothing. */
static cnn_status next_batch(cnn__fit *fit, cnn_batch *batch)
{
    CNN__RETURN_IF_ERROR(cnn__loader_next(fit->context, fit->options.train, batch));
    return batch->count == 0 && fit->counted_steps ? cnn__loader_next(fit->context, fit->options.train, batch) : CNN_OK;
}

/* The learning rate of the step that comes next. */
static cnn_status follow_schedule(const cnn__fit *fit)
{
    const cnn_schedule *schedule = fit->options.schedule;
    const cnn_history *history = fit->history;
    return schedule == NULL ? CNN_OK
                            : cnn_optimizer_set_learning_rate(
                                  fit->options.optimizer,
                                  (float)cnn_schedule_rate(schedule, history->epochs, history->running.steps));
}

/* Whether the epoch has no batch left for the step that is under way. */
static bool ends_here(const cnn__fit *fit)
{
    return !fit->counted_steps && cnn__loader_at_epoch_end(fit->options.train);
}

cnn_status cnn__fit_step(cnn__fit *fit, bool *done)
{
    cnn__running *running = &fit->history->running;
    cnn_batch batch = CNN_BATCH_INIT;
    double loss = NAN, sum = 0;
    uint64_t samples = 0;
    bool more = true;
    *done = false;
    for (uint32_t i = 0; more; i++) {
        CNN__RETURN_IF_ERROR(next_batch(fit, &batch));
        if (batch.count == 0) {
            return CNN_OK; /* before the first batch: where others would follow it is known */
        }
        CNN__RETURN_IF_ERROR(i == 0 ? follow_schedule(fit) : CNN_OK);
        CNN__RETURN_IF_ERROR(run_batch(fit, &batch, &loss));
        more = i + 1 < fit->options.accumulate && !ends_here(fit);
        if (fit->accumulator.memory != NULL) {
            CNN__RETURN_IF_ERROR(cnn__accumulate(&fit->accumulator, fit->session, batch.count, more));
        }
        CNN__RETURN_IF_ERROR(count_batch(fit, &batch, loss));
        sum += loss * (double)batch.count;
        samples += batch.count;
    }
    CNN__RETURN_IF_ERROR(cnn_optimizer_step(fit->options.optimizer, fit->session));
    cnn__average_step(&fit->history->average, fit->model, fit->history->epochs);
    running->step_loss = samples == batch.count ? loss : sum / (double)samples;
    running->steps++;
    *done = true;
    return CNN_OK;
}
