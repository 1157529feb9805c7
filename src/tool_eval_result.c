/* SPDX-License-Identifier: MIT */
/* What `cnn eval` found of one model: on stdout, at --csv, and as a page for the browser. */
#include "report.h"
#include "tool_eval.h"
#include "tool_report.h"

#include <math.h>
#include <stdlib.h>

bool tool_eval_tells_others(const eval_run *eval) { return cnn_model_task(eval->model) > CNN_TASK_CLASSES; }

tool_scores_report tool_eval_scores_report(const eval_run *eval)
{
    return (tool_scores_report){.model = eval->model,
                                .loss = eval->result.loss,
                                .seconds = eval->result.seconds,
                                .images = eval->result.count,
                                .skipped = cnn_loader_skipped(eval->loader)};
}

int tool_eval_print(const eval_run *eval)
{
    tool *run = eval->run;
    if (tool_eval_tells_others(eval)) {
        const tool_scores_report scores = tool_eval_scores_report(eval);
        return tool_scores_print(run, &eval->scores, &scores, eval->settings->csv);
    }
    const bool binary = tool_model_labels(eval->model) == 2;
    const cnn_evaluator *top = binary ? NULL : eval->evaluators[1];
    tool_report report = {
        .model = eval->model,
        .data = eval->data,
        .accuracy = eval->result.accuracy,
        .loss = eval->result.loss,
        .penalty = eval->result.penalty,
        .seconds = eval->result.seconds,
        .top_name = top != NULL ? cnn_evaluator_name(top) : NULL,
        .top = top != NULL ? cnn_evaluator_score(top) : 0,
        .auc = binary ? cnn_evaluator_score(eval->evaluators[1]) : NAN,
        .images = eval->result.count,
        .skipped = cnn_loader_skipped(eval->loader),
    };
    report.counts = cnn_confusion_counts(eval->evaluators[0], &report.classes);
    if (eval->decisions.evaluator != NULL) {
        report.counts = eval->decisions.counts;
        report.rejected = eval->decisions.rejected;
        report.accuracy = report.rejected < report.images ? cnn_evaluator_score(eval->decisions.evaluator) : NAN;
    }
    int result = eval->settings->csv != NULL ? tool_report_save_csv(run, &report, eval->settings->csv) : TOOL_DONE;
    if (result != TOOL_DONE) {
        return result;
    }
    return run->common->json ? tool_report_print_json(run, &report) : tool_report_print(run, &report);
}

static void add_figure(void *user, const char *name, const char *text) { report_fact(user, name, "%s", text); }

/* What there is to say of labels and values: a line for each. False without memory. */
static bool add_scores(json_t *facts, const eval_run *eval)
{
    tool_figure figures[TOOL_MOST_FIGURES];
    const tool_scores_report report = tool_eval_scores_report(eval);
    return tool_scores_figures(eval->run, &eval->scores, &report, figures, add_figure, facts) > 0;
}

static void add_facts(json_t *facts, const eval_run *eval)
{
    report_add_run(facts, eval->run, eval->model);
    report_fact(facts, "data", "%s", eval->settings->data);
    report_fact(facts, "images", "%llu", (unsigned long long)eval->result.count);
    if (cnn_loader_skipped(eval->loader) > 0) {
        report_fact(facts, "skipped", "%llu", (unsigned long long)cnn_loader_skipped(eval->loader));
    }
    report_fact(facts, "loss", "%.6f", eval->result.loss);
    report_fact(facts, "images per second", "%.1f", (double)eval->result.count / eval->result.seconds);
}

/* What there is to say of classes. False without memory. */
static bool show_classes(const eval_run *eval, report_page *page)
{
    char *of = tool_format("Of the %llu images of %s.", (unsigned long long)eval->result.count, eval->settings->data);
    page->evaluation = of != NULL ? report_evaluation(&eval->predictions, eval->model, of) : NULL;
    free(of);
    if (eval->predictions.count == cnn_dataset_count(eval->data)) { /* else they say not of which image they are */
        page->wrong = report_wrong(eval->run, eval->model, eval->data, &eval->predictions, true);
    }
    return page->evaluation != NULL;
}

int tool_eval_save_report(const eval_run *eval)
{
    tool *run = eval->run;
    report_page page = {.kind = "eval", .state = "finished", .title = eval->path, .facts = json_array()};
    if (eval->report_path == NULL) {
        json_decref(page.facts);
        return TOOL_DONE;
    }
    report_layers(eval->model, false, &page);
    add_facts(page.facts, eval);
    const bool whole = tool_eval_tells_others(eval) ? add_scores(page.facts, eval) : show_classes(eval, &page);
    int result = whole ? report_save(run, eval->report_path, &page) : tool_fail_memory(run);
    report_close(&page);
    return result;
}
