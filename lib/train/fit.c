/* SPDX-License-Identifier: MIT */
/* The training loop: batches, forward, loss, backward, update; then validation, the best model, the files. */
#include "train/fit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "loader/loader.h"
#include "train/clock.h"
#include "train/numeric.h"

/* Where several ranks train, a checkpoint is written at least so often: the more there are, the sooner one is gone. */
#define SAVE_SECONDS 600

static double mean_loss(const cnn__running *running)
{
    return running->samples > 0 ? running->loss_sum / (double)running->samples : NAN;
}

static double mean_penalty(const cnn__running *running)
{
    return running->samples > 0 ? running->penalty_sum / (double)running->samples : 0;
}

static cnn_progress make_progress(const cnn__fit *fit)
{
    const cnn_history *history = fit->history;
    double seconds = cnn__seconds() - fit->epoch_begin;
    return (cnn_progress){
        .struct_size = sizeof(cnn_progress),
        .epoch = history->epochs,
        .epochs = fit->options.epochs,
        .step = history->running.steps,
        .steps = fit->steps,
        .total_steps = cnn_optimizer_steps(fit->options.optimizer),
        .loss = mean_loss(&history->running),
        .score = cnn_evaluator_score(fit->best),
        .validation_loss = NAN,
        .validation_score = NAN,
        .best_score = history->best_score,
        .seconds = seconds,
        .images_per_second = seconds > 0 ? (double)fit->epoch_samples / seconds : 0,
        .wait_seconds = cnn_loader_wait_seconds(fit->options.train) - fit->wait_begin,
        .learning_rate = cnn_optimizer_learning_rate(fit->options.optimizer),
        .score_name = cnn_evaluator_name(fit->best),
        .history = history,
        .session = fit->session,
        .step_loss = history->running.step_loss,
        .step_score = history->running.step_score,
        .penalty = mean_penalty(&history->running),
        .decay_penalty = fit->options.decay_penalty != 0 ? history->running.decay_penalty : 0,
    };
}

cnn_status cnn__fit_not_finite(const cnn__fit *fit, uint64_t step, const char *what, const char *where)
{
    char kept[512] = "";
    if (fit->kept_epochs > 0) {
        snprintf(kept, sizeof(kept), "; \"%s\" still holds the state after epoch %zu", fit->options.last_path,
                 fit->kept_epochs);
    }
    return cnn__fail(fit->context, CNN_ERROR_NUMERIC, "%s: %s in epoch %zu, step %llu, at a learning rate of %g: %s%s",
                     fit->model->name, what, fit->history->epochs + 1, (unsigned long long)step,
                     cnn_optimizer_learning_rate(fit->options.optimizer), where, kept);
}

/* A step can spoil the parameters whose loss was still a number; they are neither kept as the best nor saved. */
static cnn_status check_parameters(const cnn__fit *fit)
{
    char where[320], shown[256];
    const char *name = cnn__model_odd_parameter(fit->model);
    if (name == NULL) {
        return CNN_OK;
    }
    snprintf(where, sizeof(where), "the parameter \"%s\" is not finite any more",
             cnn__printable(name, shown, sizeof(shown)));
    return cnn__fit_not_finite(fit, fit->history->running.steps, "a step spoilt the model", where);
}

static cnn_status stopped(const cnn__fit *fit)
{
    return cnn__fail(fit->context, CNN_ERROR_CANCELLED, "%s: the training was stopped by a callback", fit->model->name);
}

/* A batch that was read. *stop: a callback wants to stop, on some rank. */
static cnn_status take_batch(cnn__fit *fit, cnn_batch *batch, bool *stop)
{
    cnn_status status = cnn__fit_step(fit, batch);
    if (status == CNN_OK && fit->options.on_step != NULL) {
        const cnn_progress progress = make_progress(fit);
        *stop = fit->options.on_step(fit->options.user, &progress);
    }
    if (status == CNN_OK && cnn__has_peers(&fit->ranks.communicator) && cnn__seconds() - fit->saved_at > SAVE_SECONDS) {
        status = cnn__fit_save_last(fit);
    }
    return cnn__ranks_agree(&fit->ranks, status, stop);
}

/* A validation within an epoch: what was counted of that goes on afterwards. */
static cnn_status evaluate_between(cnn__fit *fit)
{
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    cnn_history *history = fit->history;
    bool stop = false;
    CNN__RETURN_IF_ERROR(cnn__running_pack(history, fit->options.evaluators, fit->options.evaluator_count));
    cnn_progress progress = make_progress(fit);
    fit->validated = history->epochs;
    cnn__average_enter(&history->average, fit->model);
    cnn_status status = cnn__fit_evaluate(fit, &result);
    cnn__average_leave(&history->average, fit->model);
    progress.validation_loss = result.loss;
    progress.validation_score = cnn_evaluator_score(fit->best);
    progress.validation_penalty = result.penalty;
    if (status == CNN_OK && fit->options.on_evaluation != NULL) {
        stop = fit->options.on_evaluation(fit->options.user, &progress);
    }
    const cnn_status back = cnn__running_unpack(history, fit->options.evaluators, fit->options.evaluator_count);
    CNN__RETURN_IF_ERROR(cnn__ranks_agree(&fit->ranks, status == CNN_OK ? back : status, &stop));
    return stop ? stopped(fit) : CNN_OK;
}

static bool evaluation_is_due(const cnn__fit *fit)
{
    const uint32_t every = fit->options.evaluate_every;
    return every > 0 && cnn_optimizer_steps(fit->options.optimizer) % every == 0 &&
           !cnn__fit_is_last_step(fit, fit->history->running.steps);
}

static cnn_status no_steps(const cnn__fit *fit)
{
    return cnn__fail(fit->context, CNN_ERROR_FORMAT,
                     "%s: epoch %zu has no steps: none of its samples can be used (%llu left out so far)",
                     fit->model->name, fit->history->epochs + 1,
                     (unsigned long long)cnn_loader_skipped(fit->options.train));
}

/* Trains to the end of the epoch, from wherever the loader and the running numbers are. */
static cnn_status train_epoch(cnn__fit *fit)
{
    const cnn__running *running = &fit->history->running;
    cnn_batch batch = CNN_BATCH_INIT;
    fit->epoch_begin = cnn__seconds();
    fit->wait_begin = cnn_loader_wait_seconds(fit->options.train);
    fit->epoch_samples = 0;
    fit->saved_at = fit->saved_at > 0 ? fit->saved_at : fit->epoch_begin;
    cnn_status status = cnn__running_unpack(fit->history, fit->options.evaluators, fit->options.evaluator_count);
    CNN__RETURN_IF_ERROR(cnn__ranks_meet(&fit->ranks, status));
    /* A training that was stopped after the last step of an epoch has none left to do in it. */
    bool complete = running->steps > 0 && cnn__fit_is_last_step(fit, running->steps);
    fit->ended = false;
    while (!complete) {
        bool stop = false;
        CNN__RETURN_IF_ERROR(cnn__fit_load(fit, &batch, &stop));
        if (fit->ranks.whole == 0) {
            break;
        }
        if (fit->ranks.samples == 0) {
            continue; /* none of the batch could be read, on any rank */
        }
        CNN__RETURN_IF_ERROR(take_batch(fit, &batch, &stop));
        if (stop) {
            return stopped(fit);
        }
        if (evaluation_is_due(fit)) {
            CNN__RETURN_IF_ERROR(evaluate_between(fit));
        }
        /* Where epochs end with a batch the loader says so, once more, unless a step has heard it. */
        complete = fit->counted_steps ? cnn__fit_is_last_step(fit, running->steps) : fit->ended;
    }
    return running->steps > 0 ? check_parameters(fit) : no_steps(fit);
}

static void record_scores(cnn__fit *fit, const char *prefix, double loss)
{
    char name[128];
    snprintf(name, sizeof(name), "%sloss", prefix);
    cnn__history_set(fit->history, name, loss);
    for (size_t i = 0; i < fit->options.evaluator_count; i++) {
        const cnn_evaluator *evaluator = fit->options.evaluators[i];
        snprintf(name, sizeof(name), "%s%s", prefix, cnn_evaluator_name(evaluator));
        if (strcmp(cnn_evaluator_name(evaluator), "loss") != 0) {
            cnn__history_set(fit->history, name, cnn_evaluator_score(evaluator));
        }
    }
}

bool cnn__fit_validation_step(void *user, const cnn_progress *validation)
{
    const cnn__fit *fit = user;
    cnn_progress progress = make_progress(fit);
    progress.epoch = fit->validated;
    progress.step = 0;
    progress.validation_loss = validation->loss;
    progress.validation_score = validation->score;
    progress.validation_penalty = validation->penalty;
    return fit->options.on_step(fit->options.user, &progress);
}

/* Validates the epoch just trained. A stop takes its row back: a resumed training validates it again. */
static cnn_status validate(cnn__fit *fit, cnn_progress *progress)
{
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    CNN__RETURN_IF_ERROR(cnn__running_pack(fit->history, fit->options.evaluators, fit->options.evaluator_count));
    fit->validated = fit->history->epochs - 1; /* whose row is there already */
    cnn_status status = cnn__fit_evaluate(fit, &result);
    if (status != CNN_OK) {
        cnn_status back = cnn__running_unpack(fit->history, fit->options.evaluators, fit->options.evaluator_count);
        fit->history->epochs--;
        return back == CNN_OK ? status : back;
    }
    record_scores(fit, "val_", result.loss);
    cnn__history_set(fit->history, "val_penalty", result.penalty);
    progress->validation_loss = result.loss;
    progress->validation_score = cnn_evaluator_score(fit->best);
    progress->validation_penalty = result.penalty;
    return CNN_OK;
}

/* Validates, and keeps the parameters that the model now has if they are the best so far. */
static cnn_status judge(cnn__fit *fit, cnn_progress *progress)
{
    cnn_history *history = fit->history;
    if (fit->validation.session != NULL) {
        CNN__RETURN_IF_ERROR(validate(fit, progress));
    }
    cnn__history_set(history, "seconds", cnn__seconds() - fit->epoch_begin);
    fit->score = cnn_evaluator_score(fit->best);
    if (fit->validation.session == NULL && fit->options.last_batch_scores != 0 && !isnan(progress->step_score)) {
        fit->score = progress->step_score;
    }
    fit->improved = cnn_evaluator_is_better(fit->best, fit->score, history->best_score);
    if (fit->improved) {
        history->best_epoch = history->epochs - 1;
        history->best_score = fit->score;
        return cnn__fit_keeps_best(fit) ? cnn__history_keep_model(history, fit->model) : CNN_OK;
    }
    return CNN_OK;
}

/* Writes the epoch's row, with validation if there is one, and keeps the parameters if they are the best so far. */
static cnn_status finish_epoch(cnn__fit *fit, cnn_progress *progress)
{
    cnn_history *history = fit->history;
    *progress = make_progress(fit);
    CNN__RETURN_IF_ERROR(cnn__history_add_row(history));
    record_scores(fit, "", progress->loss);
    cnn__history_set(history, "penalty", progress->penalty);
    cnn__history_set(history, "learning_rate", progress->learning_rate);
    cnn__history_set(history, "images_per_second", progress->images_per_second);
    cnn__history_set(history, "wait_seconds", progress->wait_seconds);
    cnn__history_set(history, "wait_share", progress->seconds > 0 ? progress->wait_seconds / progress->seconds : 0);
    cnn__history_set(history, "step_loss", progress->step_loss);
    cnn__history_set(history, "step_score", progress->step_score);
    cnn__history_set(history, "decay_penalty", progress->decay_penalty);
    const cnn_status averaged = cnn__average_epoch(&history->average, fit->model, history->epochs - 1,
                                                   fit->options.train, fit->options.from, &fit->ranks);
    if (averaged != CNN_OK) {
        history->epochs--; /* as validate() does */
        return averaged;
    }
    cnn__average_enter(&history->average, fit->model);
    const cnn_status status = judge(fit, progress);
    cnn__average_leave(&history->average, fit->model);
    CNN__RETURN_IF_ERROR(status);
    const double score = fit->score;
    if (fit->options.schedule != NULL) {
        CNN__RETURN_IF_ERROR(cnn_schedule_epoch_end(fit->options.schedule, fit->best, history->epochs - 1, score));
    }
    progress->best_score = history->best_score;
    progress->seconds = cnn__seconds() - fit->epoch_begin;
    history->running = CNN__RUNNING_INIT;
    cnn__free(fit->context, history->running_scores);
    history->running_scores = NULL;
    return CNN_OK;
}

/* All epochs are done, or too many since the best one. */
static bool is_complete(const cnn__fit *fit)
{
    const cnn_history *history = fit->history;
    const size_t best = history->best_epoch == SIZE_MAX ? 0 : history->best_epoch + 1; /* epochs up to it */
    return history->epochs >= fit->options.epochs ||
           (fit->options.patience > 0 && history->epochs - best >= fit->options.patience);
}

/* What follows the steps of an epoch, up to the callback. */
static cnn_status close_epoch(cnn__fit *fit, cnn_progress *progress, bool *stop)
{
    cnn_status status = finish_epoch(fit, progress);
    fit->last_saved = false;
    if (status == CNN_OK && fit->improved && fit->options.best_path != NULL) {
        status = cnn__fit_save_best(fit, NULL);
    }
    CNN__RETURN_IF_ERROR(cnn__ranks_meet(&fit->ranks, status));
    *stop = fit->options.on_epoch != NULL && fit->options.on_epoch(fit->options.user, progress);
    return cnn__ranks_agree(&fit->ranks, CNN_OK, stop);
}

static cnn_status run_epochs(cnn__fit *fit)
{
    cnn_status status = cnn__fit_save_best_so_far(fit);
    if (status == CNN_OK && cnn__has_peers(&fit->ranks.communicator) && fit->options.last_path != NULL &&
        access(fit->options.last_path, F_OK) != 0) {
        status = cnn__fit_save_last(fit); /* whichever rank is gone, there is something to go on from */
        fit->last_saved = false;
    }
    CNN__RETURN_IF_ERROR(cnn__ranks_meet(&fit->ranks, status));
    while (!is_complete(fit)) {
        cnn_progress progress;
        bool stop = false;
        CNN__RETURN_IF_ERROR(train_epoch(fit));
        CNN__RETURN_IF_ERROR(close_epoch(fit, &progress, &stop));
        if (stop) {
            return is_complete(fit) ? cnn__ranks_meet(&fit->ranks, cnn__fit_leave_files(fit)) : stopped(fit);
        }
        CNN__RETURN_IF_ERROR(cnn__ranks_meet(&fit->ranks, cnn__fit_save_last(fit)));
    }
    return cnn__ranks_meet(&fit->ranks, cnn__fit_leave_files(fit));
}

/* What the model ends with, if it is not what it has. */
static void end_with(const cnn__fit *fit)
{
    const cnn_history *history = fit->history;
    const bool best = history->best_values != NULL && !fit->options.keep_last;
    const float *values = best                                  ? history->best_values
                          : cnn__average_any(&history->average) ? history->average.values
                                                                : NULL;
    if (values != NULL) {
        cnn__model_set_values(fit->model, values);
        cnn_model_touch(fit->model);
    }
}

cnn_status cnn_fit(cnn_model *model, const cnn_fit_options *options, cnn_history **history)
{
    cnn__fit fit;
    if (history != NULL) {
        *history = NULL;
    }
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_status status = cnn__fit_open(&fit, model, options);
    if (status == CNN_OK) {
        status = run_epochs(&fit);
        if (status == CNN_ERROR_CANCELLED || (fit.ranks.lost && cnn__fit_undo(&fit) == CNN_OK)) {
            cnn_status saved = check_parameters(&fit);
            saved = saved == CNN_OK ? cnn__fit_save_last(&fit) : saved;
            status = saved == CNN_OK ? status : saved;
        }
        end_with(&fit);
    }
    if (history != NULL) {
        *history = fit.history;
        fit.history = NULL;
    }
    cnn__fit_close(&fit);
    return status;
}
