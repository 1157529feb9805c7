/* SPDX-License-Identifier: MIT */
/* Tables of an evaluation. */
#include "tool_report.h"

#include "tool_json.h"

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
    print_value(run, "accuracy", report->accuracy);
    if (report->top_name != NULL) {
        print_value(run, report->top_name, report->top);
    }
    if (!isnan(report->auc)) {
        print_value(run, "auc", report->auc);
    }
    print_value(run, "loss", report->loss);
    if (report->penalty > 0) {
        print_value(run, "penalty", report->penalty); /* a part of the loss */
    }
    tool_print(run, "%-10s%llu", "images", (unsigned long long)report->images);
    if (report->skipped > 0) {
        tool_print(run, ", %llu skipped", (unsigned long long)report->skipped);
    }
    tool_print(run, "\n\n");
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

/* A name as a CSV field. */
static void write_field(FILE *file, const char *text)
{
    char *printable = tool_printable(text != NULL ? text : "");
    bool quoted = strpbrk(printable, ",\"") != NULL;
    fputs(quoted ? "\"" : "", file);
    for (const char *c = printable; *c != '\0'; c++) {
        fputs(*c == '"' ? "\"\"" : (char[]){*c, '\0'}, file);
    }
    fputs(quoted ? "\"" : "", file);
    free(printable);
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
        write_field(file, label);
        free(label);
    }
    for (uint32_t i = 0; i < report->classes; i++) {
        class_scores scores = score_class(report, i);
        fputc('\n', file);
        write_field(file, class_name(report, i));
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
