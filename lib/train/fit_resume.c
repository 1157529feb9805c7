/* SPDX-License-Identifier: MIT */
/* Where a training begins: at its start, or where a checkpoint of the same one stands. */
#include <string.h>

#include "core/text.h"
#include "loader/loader.h"
#include "train/checkpoint.h"
#include "train/fit.h"

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

cnn_status cnn__fit_resume(cnn__fit *fit)
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
