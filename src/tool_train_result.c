/* SPDX-License-Identifier: MIT */
/* What `cnn train` says at its end. */
#include "tool_json.h"
#include "tool_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double best_value(const train_run *train, const char *name, bool *running)
{
    size_t epoch = cnn_history_best_epoch(train->history);
    char *column = tool_format("val_%s", name);
    double value = column != NULL ? cnn_history_value(train->history, column, epoch) : NAN;
    free(column);
    *running = isnan(value);
    return *running ? cnn_history_value(train->history, name, epoch) : value;
}

/* Of all epochs, those before a resumed checkpoint included. */
static double total_seconds(const cnn_history *history)
{
    double sum = 0;
    for (size_t epoch = 0; epoch < cnn_history_epochs(history); epoch++) {
        double seconds = cnn_history_value(history, "seconds", epoch);
        sum += isnan(seconds) ? 0 : seconds;
    }
    return sum;
}

/* What the model at --out has: the scores of the best epoch, or those that it began with. */
typedef struct best_scores {
    bool running; /* of the training images: there was no validation */
    double accuracy, loss, score;
    size_t epoch; /* from 1; 0: none was better than the beginning */
} best_scores;

static best_scores find_best(const train_run *train)
{
    best_scores best = {0};
    size_t epochs = cnn_history_epochs(train->history), epoch = cnn_history_best_epoch(train->history);
    if (tool_train_start_is_best(train)) {
        return (best_scores){false, train->start_accuracy, train->start_loss, train->start_score, 0};
    }
    best.epoch = epoch < epochs ? epoch + 1 : 0;
    best.accuracy = best_value(train, "accuracy", &best.running);
    best.loss = best_value(train, "loss", &best.running);
    best.score = best_value(train, cnn_evaluator_name(train->evaluators[0]), &best.running);
    return best;
}

static int print_json(train_run *train, const best_scores *best, bool done, const char *metric)
{
    const bool model = tool_train_has_model(train);
    json_t *object = json_object();
    json_object_set_new(object, "done", json_boolean(done));
    tool_json_count(object, "epochs", cnn_history_epochs(train->history));
    json_object_set_new(object, "best_epoch", best->epoch > 0 ? json_integer((int64_t)best->epoch) : json_null());
    if (tool_train_task(train) == CNN_TASK_CLASSES) {
        tool_json_real(object, "accuracy", best->accuracy);
    }
    tool_json_real(object, "loss", best->loss);
    if (metric != NULL) {
        tool_json_real(object, metric, best->score);
    }
    json_object_set_new(object, "running", json_boolean(best->running));
    tool_json_real(object, "seconds", total_seconds(train->history));
    tool_json_count(object, "skipped", cnn_loader_skipped(train->loader));
    tool_json_text(object, "model", model ? train->settings->out : NULL);
    tool_json_text(object, "checkpoint", train->last_path);
    if (train->report.path != NULL) {
        tool_json_text(object, "report", train->report.path);
    }
    return tool_json_print(train->run, object);
}

int tool_train_print_result(train_run *train, bool done)
{
    tool *run = train->run;
    const char *name = cnn_evaluator_name(train->evaluators[0]);
    const char *metric = strcmp(name, "accuracy") != 0 && strcmp(name, "loss") != 0 ? name : NULL;
    const best_scores best = find_best(train);
    if (run->common->json) {
        return print_json(train, &best, done, metric);
    }
    const char *prefix = best.running ? "running " : "val_";
    if (best.epoch > 0) {
        tool_print(run, "best epoch  %zu of %zu: ", best.epoch, cnn_history_epochs(train->history));
    } else if (train->has_start) {
        tool_print(run, "best epoch  none of %zu: the model stays as it was, ", cnn_history_epochs(train->history));
    } else {
        tool_print(run, "best epoch  none of %zu: no %s was better than the worst; the model is that of the last\n",
                   cnn_history_epochs(train->history), name);
    }
    if (best.epoch > 0 || train->has_start) {
        if (!isnan(best.accuracy)) { /* of labels and values there is none */
            tool_print(run, "%saccuracy %.4f, ", prefix, best.accuracy);
        }
        tool_print(run, "%sloss %.4f", prefix, best.loss);
        if (metric != NULL) {
            tool_print(run, ", %s%s %.4f", prefix, metric, best.score);
        }
        tool_print(run, "\n");
    }
    char duration[24], *out = tool_printable(train->settings->out), *last = tool_printable(train->last_path);
    tool_print(run, "time        %s\n", tool_duration(total_seconds(train->history), duration));
    tool_print(run, "model       %s\ncheckpoint  %s\n", out, last);
    free(out);
    free(last);
    if (train->report.path != NULL) {
        char *report = tool_printable(train->report.path);
        tool_print(run, "report      %s\n", report);
        free(report);
    }
    return TOOL_DONE;
}
