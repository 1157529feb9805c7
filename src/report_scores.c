/* SPDX-License-Identifier: MIT */
/* What the predictions of a report say: counts, figures of each class, calibration. */
#include "report.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A larger confusion matrix is a list of the most frequent confusions. */
#define MOST_MATRIX 40
#define MOST_CONFUSIONS 100
/* Curves that are drawn; their areas are told of all classes if sorting so many values takes no long time. */
#define MOST_CURVES 20
#define MOST_SORTED 20000000
#define BINS 15

static json_t *pair_row(uint64_t a, uint64_t b, uint64_t c)
{
    json_t *row = json_array();
    json_array_append_new(row, json_integer((int64_t)a));
    json_array_append_new(row, json_integer((int64_t)b));
    json_array_append_new(row, json_integer((int64_t)c));
    return row;
}

typedef struct counts {
    uint64_t *cells; /* labels x labels, row: true class */
    size_t labels;
} counts;

static counts count_predictions(const tool_predictions *p, size_t labels)
{
    counts c = {calloc(labels * labels, sizeof(uint64_t)), labels};
    for (size_t i = 0; c.cells != NULL && i < p->count; i++) {
        const tool_prediction *item = &p->items[i];
        if (item->label >= 0 && (size_t)item->label < labels && item->best >= 0 && (size_t)item->best < labels) {
            c.cells[(size_t)item->label * labels + (size_t)item->best]++;
        }
    }
    return c;
}

static json_t *matrix(const counts *c)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < c->labels; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < c->labels; j++) {
            json_array_append_new(row, json_integer((int64_t)c->cells[i * c->labels + j]));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

typedef struct cell {
    uint64_t count;
    size_t at;
} cell;

static int compare_cells(const void *a, const void *b)
{
    const cell *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : (x->at > y->at) - (x->at < y->at);
}

/* [true class, predicted one, images] of the most frequent ones. */
static json_t *confusions(const counts *c)
{
    const size_t all = c->labels * c->labels;
    cell *cells = reallocarray(NULL, all + 1, sizeof(*cells));
    size_t found = 0;
    for (size_t i = 0; cells != NULL && i < all; i++) {
        if (c->cells[i] > 0 && i / c->labels != i % c->labels) {
            cells[found++] = (cell){c->cells[i], i};
        }
    }
    if (cells == NULL) {
        return NULL;
    }
    qsort(cells, found, sizeof(*cells), compare_cells);
    json_t *rows = json_array();
    for (size_t i = 0; i < found && i < MOST_CONFUSIONS; i++) {
        json_array_append_new(rows, pair_row(cells[i].at / c->labels, cells[i].at % c->labels, cells[i].count));
    }
    free(cells);
    return rows;
}

static double ratio(uint64_t part, uint64_t whole) { return whole > 0 ? (double)part / (double)whole : NAN; }

/* [precision, recall, F1, images, area under ROC, average precision] */
static json_t *class_row(const counts *c, size_t label, double auc, double average)
{
    uint64_t right = c->cells[label * c->labels + label], predicted = 0, support = 0;
    for (size_t i = 0; i < c->labels; i++) {
        support += c->cells[label * c->labels + i];
        predicted += c->cells[i * c->labels + label];
    }
    json_t *row = json_array();
    json_array_append_new(row, report_number(ratio(right, predicted)));
    json_array_append_new(row, report_number(ratio(right, support)));
    json_array_append_new(row, report_number(ratio(2 * right, predicted + support)));
    json_array_append_new(row, json_integer((int64_t)support));
    json_array_append_new(row, report_number(auc));
    json_array_append_new(row, report_number(average));
    return row;
}

/* Figures of each class, and the curves of those that are drawn. */
static void add_classes(json_t *object, const tool_predictions *p, const counts *c)
{
    json_t *rows = json_array(), *curves = json_array();
    const bool known = p->values != NULL && p->count > 0 && c->labels <= MOST_SORTED / p->count;
    double sum = 0;
    size_t areas = 0;
    for (size_t label = 0; label < c->labels; label++) {
        double auc = NAN, average = NAN;
        json_t *curve = known ? report_curves(p, (uint32_t)label, &auc, &average) : NULL;
        /* Of two classes the curve of the second says all: the first is its mirror image. */
        if (curve != NULL && json_array_size(curves) < MOST_CURVES && (c->labels != 2 || label == 1)) {
            json_array_append_new(curves, curve);
        } else {
            json_decref(curve);
        }
        if (isfinite(auc)) {
            sum += auc;
            areas++;
        }
        json_array_append_new(rows, class_row(c, label, auc, average));
    }
    json_object_set_new(object, "auc", report_number(areas > 0 ? sum / (double)areas : NAN));
    json_object_set_new(object, "per_class", rows);
    json_object_set_new(object, "curves", curves);
    if (!known && p->count > 0) {
        tool_json_text(object, "curves_note",
                       "ROC and precision-recall curves are left out: there are too many values.");
    } else if (areas > MOST_CURVES && c->labels > 2) {
        tool_json_text(object, "curves_note", "Curves are drawn of the first 20 classes; the table has all areas.");
    }
}

/* Predictions by their confidence in bins of equal width, [images, mean confidence, accuracy], and the expected
 * calibration error: the mean distance of the two, weighted by images (Guo et al. 2017). */
static void add_calibration(json_t *object, const tool_predictions *p)
{
    double confidence[BINS] = {0}, error = 0;
    uint64_t right[BINS] = {0}, all[BINS] = {0}, total = 0;
    for (size_t i = 0; i < p->count; i++) {
        const tool_prediction *item = &p->items[i];
        if (item->label < 0 || item->best < 0 || !(item->confidence >= 0 && item->confidence <= 1)) {
            continue;
        }
        int bin = (int)ceilf(item->confidence * BINS) - 1;
        bin = bin < 0 ? 0 : bin;
        confidence[bin] += (double)item->confidence;
        right[bin] += item->best == item->label;
        all[bin]++;
        total++;
    }
    json_t *rows = json_array();
    for (int i = 0; i < BINS; i++) {
        if (all[i] > 0) {
            const double mean = confidence[i] / (double)all[i], accuracy = ratio(right[i], all[i]);
            error += fabs(mean - accuracy) * (double)all[i] / (double)total;
            json_t *row = json_array();
            json_array_append_new(row, json_integer((int64_t)all[i]));
            json_array_append_new(row, report_number(mean));
            json_array_append_new(row, report_number(accuracy));
            json_array_append_new(rows, row);
        }
    }
    json_object_set_new(object, "reliability", rows);
    json_object_set_new(object, "ece", report_number(total > 0 ? error : NAN));
}

static void add_scores(json_t *object, const tool_predictions *p)
{
    uint64_t right = 0, labelled = 0;
    double loss = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].label >= 0) {
            const double truth = (double)p->items[i].truth;
            labelled++;
            right += p->items[i].best == p->items[i].label;
            loss -= log(fmin(fmax(truth, (double)FLT_EPSILON), 1 - (double)FLT_EPSILON));
        }
    }
    tool_json_count(object, "images", labelled);
    json_object_set_new(object, "accuracy", report_number(ratio(right, labelled)));
    json_object_set_new(object, "log_loss", report_number(labelled > 0 ? loss / (double)labelled : NAN));
}

json_t *report_evaluation(const tool_predictions *predictions, const cnn_model *model, const char *of)
{
    const size_t labels = tool_model_labels(model);
    counts c = count_predictions(predictions, labels);
    if (c.cells == NULL) {
        return NULL;
    }
    json_t *object = json_object(), *names = json_array();
    for (size_t i = 0; i < labels; i++) {
        char *name = tool_label_text(cnn_model_class_name(model, i), i);
        json_array_append_new(names, name != NULL ? json_string(name) : NULL);
        free(name);
    }
    tool_json_text(object, "of", of);
    json_object_set_new(object, "classes", names);
    add_scores(object, predictions);
    if (labels <= MOST_MATRIX) {
        json_object_set_new(object, "confusion", matrix(&c));
    } else {
        json_object_set_new(object, "confusions", confusions(&c));
    }
    add_classes(object, predictions, &c);
    add_calibration(object, predictions);
    free(c.cells);
    return object;
}
