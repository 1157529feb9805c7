/* SPDX-License-Identifier: MIT */
/* Several models on the same data, and which is the best. */
#include "tool_eval.h"
#include "tool_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What of each model is compared. */
typedef struct eval_scores {
    tool_figure first;  /* it decides */
    double loss, other; /* other: NaN: none */
    char name[32];      /* of that one */
    uint64_t images;
} eval_scores;

/* False without memory. */
static bool take_scores(const eval_run *eval, eval_scores *scores)
{
    const cnn_evaluator *second = eval->evaluators[1];
    *scores = (eval_scores){.first = {"accuracy", eval->result.accuracy, false},
                            .loss = eval->result.loss,
                            .other = second != NULL ? cnn_evaluator_score(second) : NAN,
                            .images = eval->result.count};
    if (tool_eval_tells_others(eval)) {
        tool_figure figures[TOOL_MOST_FIGURES];
        const tool_scores_report report = tool_eval_scores_report(eval);
        if (tool_scores_figures(eval->run, &eval->scores, &report, figures, NULL, NULL) == 0) {
            return false;
        }
        scores->first = figures[0];
        scores->other = figures[1].value;
        snprintf(scores->name, sizeof(scores->name), "%s", figures[1].name);
    } else if (second != NULL) {
        snprintf(scores->name, sizeof(scores->name), "%s", cnn_evaluator_name(second));
    }
    return true;
}

/* By the first score; of the same one, by the loss. */
static bool is_better(const eval_scores *a, const eval_scores *b)
{
    const double sign = a->first.least ? -1 : 1, x = sign * a->first.value, y = sign * b->first.value;
    return x > y || (x == y && a->loss < b->loss) || isnan(y);
}

static void add_scores_json(json_t *row, const eval_scores *scores)
{
    tool_json_real(row, scores->first.name, scores->first.value);
    tool_json_real(row, "loss", scores->loss);
}

static void tell_model(tool *run, const char *path, const eval_scores *scores, json_t *list)
{
    char *printable = tool_printable(path);
    if (list == NULL) {
        tool_print(run, "%s: %s %.4f, loss %.4f", printable, scores->first.name, scores->first.value, scores->loss);
        if (!isnan(scores->other)) {
            tool_print(run, ", %s %.4f", scores->name, scores->other);
        }
        tool_print(run, ", %llu images\n", (unsigned long long)scores->images);
        tool_flush(run);
    } else {
        json_t *row = json_object();
        tool_json_text(row, "path", path);
        add_scores_json(row, scores);
        if (!isnan(scores->other)) {
            tool_json_real(row, scores->name, scores->other);
        }
        tool_json_count(row, "images", scores->images);
        json_array_append_new(list, row);
    }
    free(printable);
}

int tool_eval_compare(tool *run, const eval_settings *settings)
{
    json_t *list = run->common->json ? json_array() : NULL;
    eval_scores best = {.first = {"", NAN, false}};
    size_t best_index = 0;
    int result = TOOL_DONE;
    for (size_t i = 0; i < run->operand_count && result == TOOL_DONE; i++) {
        eval_run eval = {
            .run = run, .settings = settings, .path = run->operands[i], .result = CNN_EVALUATE_RESULT_INIT};
        result = tool_eval_run(&eval);
        if (result == TOOL_DONE) {
            eval_scores scores;
            result = take_scores(&eval, &scores) ? TOOL_DONE : tool_fail_memory(run);
            if (result != TOOL_DONE) {
                tool_eval_close(&eval);
                break;
            }
            tell_model(run, eval.path, &scores, list);
            best_index = i == 0 || is_better(&scores, &best) ? i : best_index;
            best = best_index == i ? scores : best;
        }
        tool_eval_close(&eval);
    }
    const char *path = run->operands[best_index];
    if (result == TOOL_DONE && list != NULL) {
        json_t *object = json_object();
        tool_json_text(object, "best", path);
        add_scores_json(object, &best);
        json_object_set(object, "models", list);
        result = tool_json_print(run, object);
    } else if (result == TOOL_DONE) {
        char *printable = tool_printable(path);
        tool_print(run, "best: %s, %s %.4f, loss %.4f\n", printable, best.first.name, best.first.value, best.loss);
        free(printable);
    }
    json_decref(list);
    return result;
}
