/* SPDX-License-Identifier: MIT */
/* The training itself: what it is told, and how it ends: finished, stopped by a signal, or failed. */
#include "tool_train.h"

#include <math.h>
#include <stdlib.h>

static int tell_stopped(train_run *train)
{
    char *last = tool_printable(train->last_path);
    int result = tool_fail(train->run,
                           "stopped by a signal in epoch %zu of %u; the training is in %s:\n"
                           "to go on, give the same command again with --resume %s",
                           cnn_history_epochs(train->history) + 1, (unsigned)train->epochs, last, last);
    free(last);
    if (train->run->common->json) {
        tool_train_print_result(train, false);
    }
    return result;
}

/* What follows a training that reached its end. */
static int conclude(train_run *train)
{
    tool *run = train->run;
    const char *already = train->epochs_done == 0 ? "already complete: " : "";
    if (cnn_history_epochs(train->history) < train->epochs) {
        tool_note(run, "%s%llu epochs without a better one; a larger --patience goes on", already,
                  (unsigned long long)train->settings->patience);
    } else if (train->epochs_done == 0 && train->settings->resume != NULL) {
        tool_note(run, "%sthe checkpoint has %zu of %u epochs; a larger --epochs goes on", already,
                  cnn_history_epochs(train->history), (unsigned)train->epochs);
    }
    if (cnn_loader_skipped(train->loader) > 0) {
        tool_note(run, "%llu times an image was left out because it could not be read",
                  (unsigned long long)cnn_loader_skipped(train->loader));
    }
    int result = tool_train_print_result(train, true);
    result = result == TOOL_DONE ? train->log_result : result;
    result = result == TOOL_DONE ? train->curve_result : result;
    result = result == TOOL_DONE ? train->events_result : result;
    return result == TOOL_DONE ? train->keep_result : result;
}

static void end_log(train_run *train, const char *state)
{
    if (train->log_result == TOOL_DONE) {
        train->log_result = tool_log_end(train->run, &train->log, train->history, state);
    }
}

/* The ranks after the first have nothing to write, and to tell only why they failed. */
static int end_rank(const train_run *train, cnn_status status)
{
    if (status == CNN_ERROR_CANCELLED && tool_signal() == 0) {
        return TOOL_FAILED; /* the signal was another rank's */
    }
    if (status == CNN_OK || status == CNN_ERROR_CANCELLED || status == CNN_ERROR_PEER) {
        return status == CNN_OK ? TOOL_DONE : TOOL_FAILED;
    }
    return tool_fail_library(train->run, status);
}

static float option_or_none(double given) { return isnan(given) ? 0 : (float)given; }

int tool_train_fit(train_run *train)
{
    const train_settings *settings = train->settings;
    const size_t classes = cnn_dataset_class_count(train->data);
    cnn_status status = cnn_fit(
        train->model,
        CNN_FIT(.train = train->loader, .validation = train->validation_loader, .loss = train->loss,
                .optimizer = train->optimizer, .evaluators = train->evaluators,
                .evaluator_count = train->evaluator_count, .epochs = train->epochs, .schedule = train->schedule,
                .patience = (uint32_t)settings->patience, .on_step = tool_train_on_step,
                .on_epoch = tool_train_on_epoch, .user = train, .best_path = settings->out,
                .last_path = train->last_path, .resume_path = settings->resume, .class_weights = train->class_weights,
                .class_weight_count = train->class_weights != NULL ? classes : 0, .from = train->from,
                .label_smoothing = option_or_none(isnan(settings->label_smoothing) ? train->recipe->label_smoothing
                                                                                   : settings->label_smoothing),
                .mixup = option_or_none(settings->mixup), .cutmix = option_or_none(settings->cutmix),
                .teacher = train->teacher, .teacher_weight = option_or_none(settings->teacher_weight),
                .temperature = option_or_none(settings->temperature), .accumulate = (uint32_t)settings->accumulate,
                .average = settings->average, .steps_per_epoch = (uint32_t)settings->steps_per_epoch,
                .validation_steps = (uint32_t)settings->validation_steps,
                .evaluate_every = (uint32_t)settings->eval_every, .on_evaluation = tool_train_on_evaluation,
                .penalties = settings->no_penalties ? CNN_NO : CNN_BY_DEFAULT,
                .communicator = train->run->ranks.communicator, .blocks = (uint32_t)settings->blocks,
                .sync_batch_norm = settings->sync_bn, .last_batch_scores = tool_train_tells_batches(train),
                .validation_behavior = settings->training_mode ? CNN_YES : CNN_BY_DEFAULT,
                .decay_penalty = tool_train_wants_penalty(train)),
        &train->history);
    tool_progress_end(train->run);
    if (!tool_ranks_first(&train->run->ranks)) {
        return end_rank(train, status);
    }
    int closed = tool_events_close(train->run, &train->events);
    train->events_result = train->events_result == TOOL_DONE ? closed : train->events_result;
    int settled = tool_train_settle_files(train);
    if (status == CNN_ERROR_PEER) { /* that one tells why, unless it is gone */
        end_log(train, "failed");
        (void)tool_train_report_end(train, "failed");
        return TOOL_FAILED;
    }
    const bool stopped = status == CNN_ERROR_CANCELLED && (tool_signal() != 0 || train->run->ranks.size > 1);
    if (status != CNN_OK && !stopped) { /* neither log nor report may replace the message */
        int failed = tool_fail_library(train->run, status);
        end_log(train, "failed");
        (void)tool_train_report_end(train, "failed");
        return failed;
    }
    end_log(train, stopped ? "stopped" : "finished");
    int reported = tool_train_report_end(train, stopped ? "stopped" : "finished");
    if (stopped) {
        return tell_stopped(train);
    }
    settled = settled == TOOL_DONE ? reported : settled;
    int result = conclude(train);
    return result != TOOL_DONE ? result : settled;
}
