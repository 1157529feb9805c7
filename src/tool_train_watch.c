/* SPDX-License-Identifier: MIT */
/* What is seen of a training while it runs. */
#include "tool_counts.h"
#include "tool_json.h"
#include "tool_table.h"
#include "tool_train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rest of this epoch and of the training by the speed so far, or of the training alone. */
static void format_left(const train_run *train, const cnn_progress *progress, char text[64], bool both)
{
    char epoch[24], all[24];
    double step = progress->step > 0 ? progress->seconds / (double)progress->step : 0;
    double left = step * (double)(progress->steps - progress->step);
    double whole = train->epoch_seconds > 0 ? train->epoch_seconds : step * (double)progress->steps;
    uint64_t later = progress->epochs > progress->epoch + 1 ? progress->epochs - progress->epoch - 1 : 0;
    const double total = left + whole * (double)later;
    if (later > 0 && both) {
        snprintf(text, 64, "%s left, %s in all", tool_duration(left, epoch), tool_duration(total, all));
    } else {
        snprintf(text, 64, "%s left", tool_duration(both ? left : total, epoch));
    }
}

/* What stands behind the bar: as much of it as leaves room for a bar. */
static void format_step(const train_run *train, const cnn_progress *progress, const char *head, char *tail, size_t size)
{
    char left[64], curve[3 * TOOL_SPARK_CELLS + 1], speed[48];
    tool_spark_text(&train->spark, curve);
    for (int shorter = 0; shorter < 3; shorter++) {
        format_left(train, progress, left, shorter < 2);
        snprintf(speed, sizeof(speed), shorter < 1 ? "%.0f images/s  " : "", progress->images_per_second);
        snprintf(tail, size, "%llu/%llu  loss %.4f%s%s  %s %.4f  %s%s", (unsigned long long)progress->step,
                 (unsigned long long)progress->steps, progress->loss, *curve != '\0' ? " " : "", curve,
                 progress->score_name, progress->score, speed, left);
        if (tool_columns(head) + tool_columns(tail) + 15 < tool_progress_width()) {
            return;
        }
    }
}

static void draw_progress(const train_run *train, const cnn_progress *progress)
{
    char head[64], tail[256];
    snprintf(head, sizeof(head), "epoch %llu/%llu", (unsigned long long)progress->epoch + 1,
             (unsigned long long)progress->epochs);
    if (progress->step > 0) {
        format_step(train, progress, head, tail, sizeof(tail));
        tool_progress_draw(train->run, head, progress->step, progress->steps, tail);
    } else {
        const uint64_t own = train->settings->validation_steps;
        tool_progress_draw(train->run, head, train->validation_steps,
                           own > 0 ? own : cnn_loader_batches(train->validation_loader), "validation");
    }
}

bool tool_train_tells_batches(const train_run *train)
{
    const char *values = train->settings->values;
    return values != NULL ? strcmp(values, "batches") == 0 : train->recipe->batch_values;
}

/* Whether the learning curve is that of batches. */
static bool draws_batches(const train_run *train)
{
    const char *style = train->settings->curve_style;
    return style != NULL ? tool_curve_is_batches(style) : tool_train_tells_batches(train);
}

/* Whether some parameter is given a weight decay. */
static bool decays(const train_run *train)
{
    const char *groups = train->settings->groups != NULL ? train->settings->groups : train->recipe->groups;
    return train->rule.weight_decay > 0 || strstr(train->rule.optimizer, "weight_decay=") != NULL ||
           (groups != NULL && strstr(groups, "weight_decay=") != NULL);
}

bool tool_train_wants_penalty(const train_run *train)
{
    const train_settings *settings = train->settings;
    const bool curve = settings->curve != NULL || settings->report != NULL;
    return tool_train_tells_batches(train) || (curve && draws_batches(train)) ||
           (settings->log != NULL && decays(train));
}

/* Whether the epoch ends with an evaluation that was due anyway: it is that of the epoch. */
static bool ends_evaluated(const train_run *train, const cnn_progress *progress)
{
    const uint64_t every = train->settings->eval_every;
    return every > 0 && progress->total_steps % every == 0 && !isnan(progress->validation_loss);
}

/* What is kept of a step. What cannot be written is told once and ends in exit status 1, but the training goes on. */
static void note_step(train_run *train, const cnn_progress *progress)
{
    const train_settings *settings = train->settings;
    tool_spark_add(&train->spark, progress->step_loss);
    if (settings->curve != NULL || train->report.path != NULL) {
        tool_curve_add(&train->curve, progress->total_steps, progress->step_loss, progress->decay_penalty);
    }
    if (settings->log != NULL && train->log_result == TOOL_DONE) {
        train->log_result = tool_log_step(train->run, &train->log, progress);
    }
    if (settings->tensorboard != NULL && train->events_result == TOOL_DONE) {
        train->events_result = tool_events_step(train->run, &train->events, settings->tensorboard, progress);
    }
}

bool tool_train_on_step(void *user, const cnn_progress *progress)
{
    train_run *train = user;
    if (!tool_ranks_first(&train->run->ranks)) {
        return tool_signal() != 0;
    }
    train->validation_steps = progress->step > 0 ? 0 : train->validation_steps + 1;
    if (progress->step > 0) {
        note_step(train, progress);
    }
    if (tool_progress_due(train->run)) {
        draw_progress(train, progress);
    }
    return tool_signal() != 0;
}

/* Appends ", name value" if there is a value. */
static void add_value(char *text, size_t size, const cnn_history *history, const char *prefix, const char *name,
                      size_t epoch)
{
    char column[64];
    snprintf(column, sizeof(column), "%s%s", prefix, name);
    double value = cnn_history_value(history, column, epoch);
    size_t used = strlen(text);
    if (!isnan(value)) {
        snprintf(text + used, size - used, "%s%s %.4f", used > 0 ? ", " : "", column, value);
    }
}

/* Appends what of the loss before it is the penalty of regularizers, if there is one and a loss was told. */
static void add_penalty(char *text, size_t size, double penalty)
{
    const size_t used = text != NULL ? strlen(text) : 0;
    if (used > 0 && penalty > 0) {
        snprintf(text + used, size - used, " (penalty %.4f)", penalty);
    }
}

bool tool_train_on_evaluation(void *user, const cnn_progress *progress)
{
    train_run *train = user;
    tool_note(train->run,
              "epoch %llu/%llu, step %llu: loss %.4f of the step, %.4f (running), val_loss %.4f, val_%s %.4f",
              (unsigned long long)progress->epoch + 1, (unsigned long long)progress->epochs,
              (unsigned long long)progress->step, progress->step_loss, progress->loss, progress->validation_loss,
              progress->score_name, progress->validation_score);
    if (tool_ranks_first(&train->run->ranks) && train->settings->log != NULL && train->log_result == TOOL_DONE) {
        train->log_result = tool_log_evaluation(train->run, &train->log, progress);
    }
    if (train->run->common->json) {
        json_t *row = json_object();
        tool_json_count(row, "step", progress->total_steps);
        tool_json_count(row, "epoch", progress->epoch + 1);
        tool_json_real(row, "step_loss", progress->step_loss);
        tool_json_real(row, "loss", progress->loss);
        tool_json_real(row, "val_loss", progress->validation_loss);
        char *name = tool_format("val_%s", progress->score_name);
        if (name != NULL && strcmp(progress->score_name, "loss") != 0) {
            tool_json_real(row, name, progress->validation_score);
        }
        tool_json_print(train->run, row);
        free(name);
    }
    return tool_signal() != 0;
}

/* What the epoch's last batch gave: "loss 1.1534, accuracy 0.5117 (last batch, L2 0.4603), lr 0.01". */
static void format_batch(const cnn_progress *progress, char *text, size_t size)
{
    const size_t epoch = (size_t)progress->epoch;
    const double score = cnn_history_value(progress->history, "step_score", epoch);
    const double penalty = isnan(progress->decay_penalty) ? 0 : progress->decay_penalty;
    char scored[96] = "";
    if (!isnan(score) && strcmp(progress->score_name, "loss") != 0) {
        snprintf(scored, sizeof(scored), ", %s %.4f", progress->score_name, score);
    }
    snprintf(text, size, "loss %.6f%s (last batch, L2 %.4f), lr %.6g",
             cnn_history_value(progress->history, "step_loss", epoch) + penalty, scored, penalty,
             progress->learning_rate);
}

/* One plain line for an epoch. What was measured while training, dropout on, is called running. */
static void tell_epoch(train_run *train, const cnn_progress *progress, bool best)
{
    char running[192] = "", validation[192] = "", duration[24];
    const bool batches = tool_train_tells_batches(train);
    for (size_t i = 0; i <= train->evaluator_count; i++) {
        const char *name = i == 0 ? "loss" : cnn_evaluator_name(train->evaluators[i - 1]);
        if (i > 0 && strcmp(name, "loss") == 0) {
            continue;
        }
        if (!batches) {
            add_value(running, sizeof(running), progress->history, "", name, progress->epoch);
        }
        add_value(validation, sizeof(validation), progress->history, "val_", name, progress->epoch);
        if (i == 0) {
            add_penalty(batches ? NULL : running, sizeof(running), progress->penalty);
            add_penalty(validation, sizeof(validation), progress->validation_penalty);
        }
    }
    if (batches) {
        format_batch(progress, running, sizeof(running));
    }
    tool_note(train->run, "epoch %llu/%llu: %s%s%s%s%s; %.0f images/s, %.1f %% waiting for data, %s",
              (unsigned long long)progress->epoch + 1, (unsigned long long)progress->epochs, running,
              batches ? "" : " (running)", *validation != '\0' ? "; " : "", validation, best ? " (best)" : "",
              progress->images_per_second, 100 * cnn_history_value(progress->history, "wait_share", progress->epoch),
              tool_duration(progress->seconds, duration));
}

static void print_epoch(train_run *train, const cnn_progress *progress, bool best)
{
    json_t *row = json_object();
    tool_json_count(row, "epoch", progress->epoch + 1);
    tool_json_count(row, "epochs", progress->epochs);
    for (size_t i = 0; i < cnn_history_columns(progress->history); i++) {
        const char *column = cnn_history_column(progress->history, i);
        const char *key = strcmp(column, "images_per_second") == 0 ? "images_per_s" : column;
        tool_json_real(row, key, cnn_history_value(progress->history, column, progress->epoch));
    }
    json_object_set_new(row, "best", json_boolean(best));
    tool_json_print(train->run, row);
}

/* --keep-epochs. What cannot be written is told once, as of the log. */
static void keep_epoch(train_run *train, const cnn_progress *progress)
{
    char word[32], digits[24];
    const int width = snprintf(digits, sizeof(digits), "%u", (unsigned)train->epochs);
    snprintf(word, sizeof(word), "epoch%0*llu", width, (unsigned long long)progress->epoch + 1);
    char *path = tool_name_with(train->settings->out, word);
    const cnn_status status = path != NULL ? cnn_model_save(train->model, path) : CNN_ERROR_OUT_OF_MEMORY;
    if (status != CNN_OK) {
        train->keep_result = path != NULL ? tool_fail_library(train->run, status) : tool_fail_memory(train->run);
    }
    free(path);
}

bool tool_train_on_epoch(void *user, const cnn_progress *progress)
{
    train_run *train = user;
    if (!tool_ranks_first(&train->run->ranks)) {
        train->epochs_done++;
        return tool_signal() != 0 && progress->epoch + 1 < progress->epochs;
    }
    const double best_score = cnn_history_best_score(progress->history);
    bool best = cnn_history_best_epoch(progress->history) == progress->epoch &&
                (!train->has_start || cnn_evaluator_is_better(train->evaluators[0], best_score, train->start_score));
    train->epoch_seconds = progress->seconds;
    tell_epoch(train, progress, best);
    if (train->run->common->json) {
        print_epoch(train, progress, best);
    }
    if (train->settings->log != NULL && train->log_result == TOOL_DONE && ends_evaluated(train, progress)) {
        train->log_result = tool_log_evaluation(train->run, &train->log, progress);
    }
    if (train->settings->log != NULL && train->log_result == TOOL_DONE) {
        train->log_result = tool_log_epoch(train->run, &train->log, progress);
    }
    if (train->settings->curve != NULL && train->curve_result == TOOL_DONE) {
        train->curve_result = tool_curve_save(train->run, train->settings->curve, &train->curve, progress->history,
                                              progress->steps, cnn_evaluator_name(train->evaluators[0]),
                                              draws_batches(train));
    }
    if (train->settings->tensorboard != NULL && train->events_result == TOOL_DONE) {
        train->events_result = tool_events_epoch(train->run, &train->events, train->settings->tensorboard, progress);
    }
    tool_train_report_epoch(train, progress->history, progress->seconds);
    if (train->settings->keep_epochs && train->keep_result == TOOL_DONE) {
        keep_epoch(train, progress);
    }
    train->epochs_done++;
    return tool_signal() != 0 && progress->epoch + 1 < progress->epochs;
}

/* The least, mean and largest of each value. */
static void tell_ranges(tool *run, const cnn_dataset *dataset, bool training)
{
    const size_t values = cnn_dataset_target_count(dataset), count = cnn_dataset_count(dataset);
    float *targets = calloc(values + 1, sizeof(*targets));
    for (size_t v = 0; targets != NULL && v < values && v < 12; v++) {
        double least = INFINITY, most = -INFINITY, sum = 0;
        for (size_t i = 0; i < count; i++) {
            if (cnn_dataset_targets(dataset, i, targets, values) != CNN_OK) {
                free(targets);
                return;
            }
            least = targets[v] < least ? targets[v] : least;
            most = targets[v] > most ? targets[v] : most;
            sum += (double)targets[v];
        }
        char *name = tool_label_text(cnn_dataset_class_name(dataset, v), v);
        tool_note(run, "%s %s from %.6g to %.6g, mean %.6g", training ? "training on" : "validation ", name, least,
                  most, sum / (double)count);
        free(name);
    }
    free(targets);
}

/* The images of each class, and what is odd about their numbers. */
static void tell_counts(tool *run, const cnn_dataset *dataset, bool training)
{
    if (cnn_dataset_task(dataset) == CNN_TASK_VALUES) {
        tell_ranges(run, dataset, training);
        return;
    }
    tool_class_counts counts;
    char *text = tool_count_classes(dataset, &counts) ? tool_counts_text(&counts) : NULL;
    if (text != NULL) {
        tool_note(run, "%s %s", training ? "training on" : "validation ", text);
        tool_warn_of_empty(run, &counts, training ? "training" : "validation");
    }
    free(text);
    tool_free_counts(&counts);
}

/* Steps of an epoch. */
static uint64_t count_steps(const train_run *train)
{
    const train_settings *settings = train->settings;
    const uint64_t batches = cnn_loader_batches(train->loader), joined = settings->accumulate;
    if (settings->steps_per_epoch > 0) {
        return settings->steps_per_epoch;
    }
    return joined > 0 ? (batches + joined - 1) / joined : batches;
}

static void tell_rule(const train_run *train)
{
    const char *convention = train->rule.convention;
    char steps[48] = "";
    if (train->settings->views == 0) { /* else it is not known yet how many there will be */
        const unsigned long long count = count_steps(train);
        snprintf(steps, sizeof(steps), " of %llu step%s", count, count == 1 ? "" : "s");
    }
    char numbers[96];
    tool_rule_numbers(&train->rule, numbers, sizeof(numbers));
    tool_note(train->run, "training    %u epoch%s%s, batch %u, %s%s%s%s, learning rate %g%s, %s",
              (unsigned)train->epochs, train->epochs == 1 ? "" : "s", steps, (unsigned)train->batch,
              train->rule.optimizer, convention != NULL ? " (" : "", convention != NULL ? convention : "",
              convention != NULL ? ")" : "", (double)cnn_optimizer_learning_rate(train->optimizer), numbers,
              cnn_loss_name(train->loss));
}

void tool_train_introduce(train_run *train)
{
    tool *run = train->run;
    char memory[24], augment[512] = "";
    char *classes = tool_model_classes(train->model), *operand = tool_printable(run->operands[0]);
    tool_note(run, "model       %s, %llu parameters, %llu of them trained", operand != NULL ? operand : "",
              (unsigned long long)cnn_model_values(train->model),
              (unsigned long long)cnn_model_trainable_values(train->model));
    if (train->settings->freeze != NULL || !tool_is_zoo(run->operands[0])) { /* files say what is frozen, too */
        char *names = tool_trained_names(train->model);
        tool_note(run, "trained     %zu of %zu arrays: %s", cnn_model_trainable_count(train->model),
                  cnn_model_parameter_count(train->model), names != NULL ? names : "");
        free(names);
    }
    tool_note(run, "%-11s %s", tool_task_name(tool_train_task(train)), classes != NULL ? classes : "");
    if (train->validation_data != NULL) {
        tool_note(run, "images      %zu for training, %zu for validation", cnn_dataset_count(train->data),
                  cnn_dataset_count(train->validation_data));
    } else {
        tool_note(run, "images      %zu for training, none for validation: the best epoch is chosen by %s",
                  cnn_dataset_count(train->data),
                  tool_train_tells_batches(train) ? "its last batch" : "running values");
    }
    tell_counts(run, train->data, true);
    if (train->validation_data != NULL) {
        tell_counts(run, train->validation_data, false);
    }
    if (train->batch > cnn_dataset_count(train->data)) {
        tool_note(run,
                  "warning: a batch of %u is more than the %zu training images: each epoch is one step of all of them",
                  (unsigned)train->batch, cnn_dataset_count(train->data));
    }
    if (train->training_steps != train->evaluation) {
        snprintf(augment, sizeof(augment), "; in training %s", cnn_pipeline_text(train->training_steps));
    }
    tool_note(run, "preprocess  %s%s", cnn_pipeline_text(train->evaluation), augment);
    tool_check_range(run, train->evaluation);
    tell_rule(train);
    if (run->ranks.size > 1) {
        tool_note(run, "processes   %u, %u threads each; a batch is that of all together, and so is the learning rate",
                  (unsigned)run->ranks.size, (unsigned)cnn_context_threads(run->context));
    }
    if (train->schedule != NULL) {
        tool_note(run, "schedule    %s", cnn_schedule_text(train->schedule));
    }
    tool_note(run, "running on  backend %s (%s), %u threads, %s for activations and gradients",
              cnn_context_backend(run->context), cnn_cpu_level(), (unsigned)cnn_context_threads(run->context),
              tool_bytes(cnn_model_session_bytes(train->model, train->batch, true), memory));
    free(classes);
    free(operand);
}
