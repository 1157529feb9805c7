/* SPDX-License-Identifier: MIT */
/* One step of a training: the passes of one batch or of several, then the update. */
#include <math.h>

#include "loader/loader.h"
#include "train/fit.h"

/* Where epochs end with a batch the loader knows it: batches that were left out are no steps. */
bool cnn__fit_is_last_step(const cnn__fit *fit, uint64_t steps)
{
    return fit->counted_steps ? steps >= fit->steps : cnn__loader_at_epoch_end(fit->options.train);
}

static cnn_status load(cnn__fit *fit, cnn_batch *batch, bool *stop)
{
    const uint64_t position = cnn_loader_position(fit->options.train);
    const cnn_status status = cnn__loader_next(fit->context, fit->options.train, batch);
    if (!fit->passed) {
        fit->in_step = status == CNN_OK && batch->whole > 0;
        fit->step_position = position;
    }
    return cnn__ranks_load(&fit->ranks, status, batch, fit->options.train, stop);
}

/* Where epochs are so many steps the data begin anew; two ends in a row say that there are none. */
cnn_status cnn__fit_load(cnn__fit *fit, cnn_batch *batch, bool *stop)
{
    CNN__RETURN_IF_ERROR(load(fit, batch, stop));
    return fit->ranks.whole == 0 && fit->counted_steps ? load(fit, batch, stop) : CNN_OK;
}

/* Counts a batch, and in the epoch's last step finds the score of that batch alone. */
static cnn_status count_batch(cnn__fit *fit, const cnn__samples *batch, double loss, double penalty)
{
    cnn__running *running = &fit->history->running;
    const cnn_evaluation *evaluation = CNN_EVALUATION(.count = batch->count, .outputs = cnn__output_values(fit->model),
                                                      .outputs_data = batch->outputs, .labels = batch->labels,
                                                      .loss = loss, .targets = batch->targets,
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
    running->penalty_sum += penalty * (double)batch->count;
    fit->epoch_samples += batch->count;
    return CNN_OK;
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

/* Whether batch number `taken` of a step is followed by another one of it. */
static bool has_more(const cnn__fit *fit, uint32_t taken)
{
    return taken < fit->options.accumulate && (fit->counted_steps || !cnn__loader_at_epoch_end(fit->options.train));
}

static cnn_status update(cnn__fit *fit)
{
    CNN__RETURN_IF_ERROR(cnn_optimizer_step(fit->options.optimizer, fit->session));
    cnn__average_step(&fit->history->average, fit->model, fit->history->epochs);
    fit->in_step = fit->passed = false;
    return CNN_OK;
}

/* The next batch of a step that has samples. *more: there is one before the epoch ends. */
static cnn_status load_more(cnn__fit *fit, cnn_batch *batch, bool *more)
{
    bool ignored = false;
    do { /* one process does not see batches of which nothing could be read */
        CNN__RETURN_IF_ERROR(cnn__fit_load(fit, batch, &ignored));
    } while (fit->ranks.whole > 0 && fit->ranks.samples == 0);
    *more = fit->ranks.samples > 0;
    fit->ended = !*more;
    return CNN_OK;
}

cnn_status cnn__fit_step(cnn__fit *fit, cnn_batch *batch)
{
    cnn__running *running = &fit->history->running;
    double sum = 0;
    uint64_t samples = 0, batches = 0;
    bool more = true;
    CNN__RETURN_IF_ERROR(follow_schedule(fit));
    if (fit->options.decay_penalty != 0) {
        CNN__RETURN_IF_ERROR(
            cnn_optimizer_decay_penalty(fit->options.optimizer, fit->session, &running->decay_penalty));
    }
    for (uint32_t i = 1; more; i++) {
        double loss = NAN, penalty = 0;
        cnn__samples whole;
        CNN__RETURN_IF_ERROR(cnn__fit_pass(fit, batch, &whole, &loss, &penalty));
        more = has_more(fit, i);
        if (fit->accumulator.memory != NULL) {
            CNN__RETURN_IF_ERROR(cnn__accumulate(&fit->accumulator, fit->session, whole.count, more));
        }
        CNN__RETURN_IF_ERROR(more ? CNN_OK : update(fit));
        CNN__RETURN_IF_ERROR(count_batch(fit, &whole, loss, penalty));
        sum += loss * (double)whole.count;
        samples += whole.count;
        batches++;
        running->step_loss = batches == 1 ? loss : sum / (double)samples;
        if (more) {
            CNN__RETURN_IF_ERROR(load_more(fit, batch, &more));
            fit->accumulator.samples = more ? fit->accumulator.samples : 0;
            CNN__RETURN_IF_ERROR(more ? CNN_OK : update(fit)); /* those that were left could not be read */
        }
    }
    running->steps++;
    return CNN_OK;
}
