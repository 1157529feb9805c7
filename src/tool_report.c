/* SPDX-License-Identifier: MIT */
/* Tables of an evaluation. */
#include "tool_report.h"

#include "tool_json.h"
#include "tool_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A larger confusion matrix is left to --csv and --json. */
#define MOST_COLUMNS 20
#define MOST_WIDTH 100

/* What the counts say of one class; NaN where there is nothing to divide by. */
typedef struct class_scores {
    double precision, recall, f1;
    uint64_t support;
} class_scores;

static double ratio(uint64_t part, uint64_t whole) { return whole > 0 ? (double)part / (double)whole : NAN; }

static class_scores score_class(const tool_report *report, uint32_t label)
{
    uint64_t right = report->counts[(size_t)label * report->classes + label], predicted = 0, support = 0;
    for (uint32_t i = 0; i < report->classes; i++) {
        support += report->counts[(size_t)label * report->classes + i];
        predicted += report->counts[(size_t)i * report->classes + label];
    }
    return (class_scores){ratio(right, predicted), ratio(right, support), ratio(2 * right, predicted + support),
                          support};
}

/* The mean over classes that occur, as labels or as predictions, each counting the same. */
static class_scores score_macro(const tool_report *report)
{
    class_scores mean = {0};
    uint32_t occurring = 0;
    for (uint32_t i = 0; i < report->classes; i++) {
        class_scores scores = score_class(report, i);
        mean.support += scores.support;
        if (!isnan(scores.f1)) {
            mean.precision += isnan(scores.precision) ? 0 : scores.precision;
            mean.recall += isnan(scores.recall) ? 0 : scores.recall;
            mean.f1 += scores.f1;
            occurring++;
        }
    }
    mean.precision /= occurring;
    mean.recall /= occurring;
    mean.f1 /= occurring;
    return mean;
}

/* The scores of all counts together. */
static class_scores score_micro(const tool_report *report)
{
    uint64_t right = 0, all = 0;
    for (uint32_t i = 0; i < report->classes; i++) {
        right += report->counts[(size_t)i * report->classes + i];
        for (uint32_t j = 0; j < report->classes; j++) {
            all += report->counts[(size_t)i * report->classes + j];
        }
    }
    return (class_scores){ratio(right, all), ratio(right, all), ratio(right, all), all};
}

/* What the counts say of all classes together. */
typedef struct whole_scores {
    double low, high; /* Wilson's interval of the accuracy, 95 % */
    double balanced, mcc;
    double false_positive, false_negative; /* rates of two classes, of which the second is positive; else NaN */
} whole_scores;

static double matthews(const tool_report *report)
{
    double right = 0, both = 0, labels = 0, predictions = 0, all = 0;
    for (uint32_t i = 0; i < report->classes; i++) {
        double predicted = 0, labelled = 0;
        for (uint32_t j = 0; j < report->classes; j++) {
            labelled += (double)report->counts[(size_t)i * report->classes + j];
            predicted += (double)report->counts[(size_t)j * report->classes + i];
        }
        right += (double)report->counts[(size_t)i * report->classes + i];
        both += labelled * predicted;
        labels += labelled * labelled;
        predictions += predicted * predicted;
        all += labelled;
    }
    const double spread = (all * all - predictions) * (all * all - labels);
    return spread > 0 ? (right * all - both) / sqrt(spread) : 0;
}

static whole_scores score_whole(const tool_report *report)
{
    whole_scores whole = {.false_positive = NAN, .false_negative = NAN};
    uint64_t right = 0, all = 0;
    uint32_t labelled = 0;
    for (uint32_t i = 0; i < report->classes; i++) {
        const class_scores one = score_class(report, i);
        right += report->counts[(size_t)i * report->classes + i];
        all += one.support;
        whole.balanced += one.support > 0 ? one.recall : 0;
        labelled += one.support > 0;
    }
    whole.balanced = labelled > 0 ? whole.balanced / labelled : NAN;
    whole.mcc = matthews(report);
    (void)cnn_wilson_interval(right, all, 0, &whole.low, &whole.high);
    if (report->classes == 2) {
        whole.false_positive = ratio(report->counts[1], report->counts[0] + report->counts[1]);
        whole.false_negative = ratio(report->counts[2], report->counts[2] + report->counts[3]);
    }
    return whole;
}

static const char *class_name(const tool_report *report, uint32_t label)
{
    const char *name = cnn_model_class_name(report->model, label);
    return name != NULL ? name : cnn_dataset_class_name(report->data, label);
}

static void print_number(tool *run, double value)
{
    if (isnan(value)) {
        tool_print(run, " %9s", "-");
    } else {
        tool_print(run, " %9.4f", value);
    }
}

static void print_value(tool *run, const char *name, double value)
{
    if (isnan(value)) {
        tool_print(run, "%-10s-\n", name);
    } else {
        tool_print(run, "%-10s%.4f\n", name, value);
    }
}

static void print_name(tool *run, const char *name, size_t width)
{
    tool_print(run, "%s%*s", name, (int)(width - tool_columns(name)), "");
}

static void print_scores(tool *run, const char *name, size_t width, const class_scores *scores)
{
    print_name(run, name, width);
    print_number(run, scores->precision);
    print_number(run, scores->recall);
    print_number(run, scores->f1);
    tool_print(run, " %9llu\n", (unsigned long long)scores->support);
}

static void print_confusion(tool *run, const tool_report *report, char *const *names, size_t width)
{
    if (report->classes > MOST_COLUMNS) {
        tool_print(run, "\nThe confusion matrix of %u classes is written by --csv FILE or --json.\n",
                   (unsigned)report->classes);
        return;
    }
    size_t cell = 7;
    for (uint32_t i = 0; i < report->classes; i++) {
        cell = tool_columns(names[i]) > cell ? tool_columns(names[i]) : cell;
    }
    /* Where names would make the table too wide, columns are headed by the labels, which then stand in the rows too. */
    bool numbered = width + report->classes * (cell + 2) > MOST_WIDTH;
    cell = numbered ? 5 : cell;
    tool_print(run, "\nconfusion matrix (row: true class, column: predicted class)\n%*s",
               (int)(numbered ? width + 3 : width), "");
    for (uint32_t i = 0; i < report->classes; i++) {
        if (numbered) {
            tool_print(run, "%*u", (int)cell + 2, (unsigned)i);
        } else {
            tool_print(run, "%*s%s", (int)(cell + 2 - tool_columns(names[i])), "", names[i]);
        }
    }
    for (uint32_t i = 0; i < report->classes; i++) {
        tool_print(run, "\n");
        if (numbered) {
            tool_print(run, "%2u ", (unsigned)i);
        }
        print_name(run, names[i], width);
        for (uint32_t j = 0; j < report->classes; j++) {
            uint64_t images = report->counts[(size_t)i * report->classes + j];
            tool_print(run, "%*llu", (int)cell + 2, (unsigned long long)images);
        }
    }
    tool_print(run, "\n");
}

int tool_report_print(tool *run, const tool_report *report)
{
    tool_list names = {0};
    size_t width = strlen("macro mean");
    for (uint32_t i = 0; i < report->classes; i++) {
        if (!tool_list_add(&names, tool_label_text(class_name(report, i), i))) {
            tool_list_free(&names);
            return tool_fail_memory(run);
        }
        width = tool_columns(names.items[i]) > width ? tool_columns(names.items[i]) : width;
    }
    const whole_scores whole = score_whole(report);
    print_value(run, "accuracy", report->accuracy);
    tool_print(run, "%-10s%.4f to %.4f, Wilson's of 95 %%\n", "interval", whole.low, whole.high);
    if (report->top_name != NULL) {
        print_value(run, report->top_name, report->top);
    }
    if (!isnan(report->auc)) {
        print_value(run, "auc", report->auc);
    }
    print_value(run, "balanced", whole.balanced);
    print_value(run, "mcc", whole.mcc);
    if (report->classes == 2) { /* of the second class, as AUC */
        print_value(run, "FPR", whole.false_positive);
        print_value(run, "FNR", whole.false_negative);
    }
    print_value(run, "loss", report->loss);
    if (report->penalty > 0) {
        print_value(run, "penalty", report->penalty); /* a part of the loss */
    }
    tool_print(run, "%-10s%llu", "images", (unsigned long long)report->images);
    if (report->skipped > 0) {
        tool_print(run, ", %llu skipped", (unsigned long long)report->skipped);
    }
    if (report->rejected > 0) {
        tool_print(run, ", %llu rejected: figures are of the others", (unsigned long long)report->rejected);
    }
    tool_print(run, "\n%-10s%.2f s\n\n", "time", report->seconds);
    print_name(run, "class", width);
    tool_print(run, " %9s %9s %9s %9s\n", "precision", "recall", "F1", "support");
    for (uint32_t i = 0; i < report->classes; i++) {
        class_scores scores = score_class(report, i);
        print_scores(run, names.items[i], width, &scores);
    }
    class_scores macro = score_macro(report), micro = score_micro(report);
    print_scores(run, "macro mean", width, &macro);
    print_scores(run, "micro mean", width, &micro);
    print_confusion(run, report, names.items, width);
    tool_list_free(&names);
    return TOOL_DONE;
}

static void set_scores(json_t *object, const class_scores *scores)
{
    tool_json_real(object, "precision", scores->precision);
    tool_json_real(object, "recall", scores->recall);
    tool_json_real(object, "f1", scores->f1);
    tool_json_count(object, "support", scores->support);
}

int tool_report_print_json(tool *run, const tool_report *report)
{
    json_t *object = json_object(), *classes = json_array(), *confusion = json_array(), *macro = json_object(),
           *micro = json_object();
    class_scores mean = score_macro(report), together = score_micro(report);
    set_scores(macro, &mean);
    set_scores(micro, &together);
    for (uint32_t i = 0; i < report->classes; i++) {
        json_t *row = json_object(), *counts = json_array();
        class_scores scores = score_class(report, i);
        char *label = tool_label_text(class_name(report, i), i);
        tool_json_text(row, "label", label);
        free(label);
        set_scores(row, &scores);
        json_array_append_new(classes, row);
        for (uint32_t j = 0; j < report->classes; j++) {
            json_array_append_new(counts, json_integer((int64_t)report->counts[(size_t)i * report->classes + j]));
        }
        json_array_append_new(confusion, counts);
    }
    tool_json_real(object, "accuracy", report->accuracy);
    const whole_scores whole = score_whole(report);
    tool_json_real(object, "accuracy_low", whole.low);
    tool_json_real(object, "accuracy_high", whole.high);
    tool_json_real(object, "balanced_accuracy", whole.balanced);
    tool_json_real(object, "mcc", whole.mcc);
    if (report->classes == 2) {
        tool_json_real(object, "false_positive_rate", whole.false_positive);
        tool_json_real(object, "false_negative_rate", whole.false_negative);
    }
    tool_json_count(object, "rejected", report->rejected);
    tool_json_real(object, "loss", report->loss);
    if (report->penalty > 0) {
        tool_json_real(object, "penalty", report->penalty);
    }
    if (report->top_name != NULL) {
        tool_json_real(object, report->top_name, report->top);
    }
    if (!isnan(report->auc)) {
        tool_json_real(object, "auc", report->auc);
    }
    tool_json_count(object, "images", report->images);
    tool_json_count(object, "skipped", report->skipped);
    tool_json_real(object, "seconds", report->seconds);
    tool_json_real(object, "images_per_s", (double)report->images / report->seconds);
    json_object_set_new(object, "macro", macro);
    json_object_set_new(object, "micro", micro);
    json_object_set_new(object, "classes", classes);
    json_object_set_new(object, "confusion", confusion);
    return tool_json_print(run, object);
}

static void write_value(FILE *file, double value) { fprintf(file, isnan(value) ? "," : ",%.6f", value); }

/* One row for each class: its scores, then its row of the confusion matrix. */
int tool_report_save_csv(tool *run, const tool_report *report, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) {
        return tool_fail_memory(run);
    }
    fputs("class,precision,recall,f1,support", file);
    for (uint32_t i = 0; i < report->classes; i++) {
        char *label = tool_format("predicted %s", class_name(report, i) != NULL ? class_name(report, i) : "");
        fputc(',', file);
        tool_write_field(file, label);
        free(label);
    }
    for (uint32_t i = 0; i < report->classes; i++) {
        class_scores scores = score_class(report, i);
        fputc('\n', file);
        tool_write_field(file, class_name(report, i));
        write_value(file, scores.precision);
        write_value(file, scores.recall);
        write_value(file, scores.f1);
        fprintf(file, ",%llu", (unsigned long long)scores.support);
        for (uint32_t j = 0; j < report->classes; j++) {
            fprintf(file, ",%llu", (unsigned long long)report->counts[(size_t)i * report->classes + j]);
        }
    }
    fputc('\n', file);
    bool whole = fclose(file) == 0;
    int result = tool_save_bytes(run, path, whole ? text : NULL, size);
    free(text);
    return result;
}
