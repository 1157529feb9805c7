/* SPDX-License-Identifier: MIT */
/* The report of a training. Predictions of validation are recorded as they are made, so nothing is computed twice. */
#include "report_train.h"

#include "tool_train.h"

#include <stdlib.h>
#include <string.h>

/* Of the time of a training: what figures and pictures of a new best epoch may take while it runs. */
#define SHARE 0.005
/* The page is written after every epoch, but of very short ones not more often than this. */
#define LEAST_SECONDS 1.0

int tool_train_report_name(train_run *train)
{
    const char *folder = train->settings->report;
    train->report.path = folder != NULL ? report_path(folder) : NULL;
    return folder == NULL || train->report.path != NULL ? TOOL_DONE : tool_fail_memory(train->run);
}

int tool_train_report_check(train_run *train)
{
    const char *folder = train->settings->report;
    return folder != NULL ? report_open(train->run, folder, train->report.path) : TOOL_DONE;
}

static json_t *list_facts(const train_run *train)
{
    const train_settings *settings = train->settings;
    json_t *facts = json_array();
    report_add_run(facts, train->run, train->model);
    report_fact(facts, "data", "%s", settings->data);
    report_fact(facts, "training images", "%zu", cnn_dataset_count(train->data));
    if (train->validation_data != NULL) {
        report_fact(facts, "validation images", "%zu", cnn_dataset_count(train->validation_data));
    }
    if (train->training_steps != train->preprocess) {
        report_fact(facts, "steps of training images", "%s", cnn_pipeline_text(train->training_steps));
    }
    report_fact(facts, "epochs", "%u", (unsigned)train->epochs);
    report_fact(facts, "batch", "%u", (unsigned)train->batch);
    report_fact(facts, "optimizer", "%s%s%s%s", train->rule.optimizer, train->rule.convention != NULL ? " (" : "",
                train->rule.convention != NULL ? train->rule.convention : "",
                train->rule.convention != NULL ? ")" : "");
    report_fact(facts, "learning rate", "%g", (double)cnn_optimizer_learning_rate(train->optimizer));
    if (train->schedule != NULL) {
        report_fact(facts, "schedule", "%s", cnn_schedule_text(train->schedule));
    }
    report_fact(facts, "loss", "%s", cnn_loss_name(train->loss));
    report_fact(facts, "best epoch by", "%s", cnn_evaluator_name(train->evaluators[0]));
    char text[24];
    report_fact(facts, "memory of a training step", "%s",
                tool_bytes(cnn_model_session_bytes(train->model, train->batch, true), text));
    return facts;
}

/* Has the accuracy's evaluator recorded by. */
static cnn_status record(train_run *train)
{
    train_report *report = &train->report;
    report->recorded.keeps_values = report->shown.keeps_values = true;
    for (size_t i = 0; i < train->evaluator_count; i++) {
        if (strcmp(cnn_evaluator_name(train->evaluators[i]), "accuracy") == 0) {
            return tool_predictions_wrap(train->run->context, &report->recorded, &train->evaluators[i]);
        }
    }
    return CNN_OK;
}

static void save(train_run *train)
{
    train_report *report = &train->report;
    if (report->result == TOOL_DONE) { /* what cannot be written is told once, as of the log */
        report->result = report_save(train->run, report->path, &report->page);
    }
    report->written = tool_seconds();
}

int tool_train_report_begin(train_run *train)
{
    if (!tool_ranks_first(&train->run->ranks)) {
        return TOOL_DONE;
    }
    train_report *report = &train->report;
    if (report->path == NULL) {
        return TOOL_DONE;
    }
    report->begin = tool_seconds();
    const cnn_status status = record(train);
    if (status != CNN_OK) {
        return tool_fail_library(train->run, status);
    }
    report_layers(train->model, true, &report->page);
    report->page.kind = "train";
    report->page.state = "running";
    report->page.title = train->run->operands[0];
    report->page.wait = 60;
    report->page.facts = list_facts(train);
    if (train->training_steps != train->preprocess) {
        report->page.augmented = report_augmented(train->run, train->data, train->training_steps);
    }
    save(train);
    report->spent = tool_seconds() - report->begin;
    return report->result;
}

/* What was recorded is what is shown from here on; its memory serves the next epoch. */
static void keep_recorded(train_report *report, size_t epoch)
{
    cnn_evaluator *inner = report->recorded.inner;
    const tool_predictions kept = report->shown;
    report->shown = report->recorded;
    report->shown.inner = NULL;
    report->recorded = kept;
    report->recorded.inner = inner;
    report->shown_epoch = epoch;
    report->stale = true;
}

/* Figures and photos of the epoch that is shown; `best` is its model, for maps, or NULL. */
static void show_predictions(train_run *train, cnn_model *best)
{
    train_report *report = &train->report;
    const bool validated = train->validation_loader != NULL;
    if (tool_train_task(train) != CNN_TASK_CLASSES) { /* labels and values have their curves */
        return;
    }
    char *of = tool_format("Of the %s images in epoch %zu%s.", validated ? "validation" : "training",
                           report->shown_epoch,
                           validated ? "" : ", as they were predicted while it ran (there was no validation)");
    json_t *evaluation = of != NULL ? report_evaluation(&report->shown, train->model, of) : NULL;
    free(of);
    if (evaluation != NULL) {
        json_decref(report->page.evaluation);
        report->page.evaluation = evaluation;
    }
    /* Where images were skipped, or come in another order, predictions do not say of which image they are. */
    if (validated && report->shown.count == cnn_dataset_count(train->validation_data)) {
        free(report->page.wrong);
        report->page.wrong = report_wrong(train->run, best != NULL ? best : train->model, train->validation_data,
                                          &report->shown, best != NULL);
    }
    report->stale = false;
}

static void set_history(train_run *train, const cnn_history *history)
{
    report_page *page = &train->report.page;
    const size_t epochs = cnn_history_epochs(history), best = cnn_history_best_epoch(history);
    json_decref(page->history);
    json_decref(page->steps);
    page->history = report_history(history);
    page->steps = report_steps(train->curve.losses, train->curve.count, train->curve.first);
    page->best_epoch = best < epochs ? best + 1 : 0;
}

void tool_train_report_epoch(train_run *train, const cnn_history *history, double seconds)
{
    train_report *report = &train->report;
    const size_t epoch = cnn_history_epochs(history);
    if (report->path == NULL) {
        return;
    }
    const double begin = tool_seconds();
    if (report->shown_epoch == 0 || cnn_history_best_epoch(history) + 1 == epoch) {
        keep_recorded(report, epoch);
    }
    if (report->stale && (report->page.evaluation == NULL || report->spent < SHARE * (begin - report->begin))) {
        show_predictions(train, NULL);
    }
    if (begin - report->written >= LEAST_SECONDS || report->page.history == NULL) {
        set_history(train, history);
        report->page.wait = seconds;
        save(train);
    }
    report->spent += tool_seconds() - begin;
}

int tool_train_report_end(train_run *train, const char *state)
{
    train_report *report = &train->report;
    cnn_model *best = NULL;
    if (report->path == NULL) {
        return TOOL_DONE;
    }
    if (train->history != NULL) {
        set_history(train, train->history);
    }
    /* The model at --out is that of the epoch that is shown, unless a better one was there before. */
    const bool same = report->shown_epoch > 0 && report->shown_epoch == report->page.best_epoch &&
                      tool_train_has_model(train) && !tool_train_start_is_best(train);
    if (same && train->validation_loader != NULL && report->shown.count > 0 &&
        cnn_model_load(train->run->context, train->settings->out, &best) != CNN_OK) {
        best = NULL;
    }
    if (report->shown_epoch > 0) {
        show_predictions(train, best);
    }
    cnn_model_free(best);
    report->page.state = state;
    save(train);
    return report->result;
}

void tool_train_report_close(train_report *report)
{
    report_close(&report->page);
    tool_predictions_free(&report->recorded);
    tool_predictions_free(&report->shown);
    free(report->path);
}
