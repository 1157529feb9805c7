/* SPDX-License-Identifier: MIT */
/* ROC and precision-recall curves of one class against the rest. */
#include "report.h"

#include <math.h>
#include <stdlib.h>

/* Points are left out until one axis has moved so far: of any number of predictions a few hundred remain. */
#define APART 0.005

typedef struct scored {
    float score;
    bool positive;
} scored;

static int compare_scored(const void *a, const void *b)
{
    const float x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x < y) - (x > y);
}

static float score_of(const tool_predictions *p, size_t sample, uint32_t label)
{
    if (p->outputs == 1) {
        return label == 1 ? p->values[sample] : 1 - p->values[sample];
    }
    return p->values[sample * p->outputs + label];
}

/* The labelled samples, highest score first; one that is no number loses. */
static scored *sort_samples(const tool_predictions *p, uint32_t label, size_t *count, size_t *positives)
{
    scored *sorted = reallocarray(NULL, p->count + 1, sizeof(*sorted));
    *count = *positives = 0;
    for (size_t i = 0; sorted != NULL && i < p->count; i++) {
        if (p->items[i].label >= 0) {
            const float score = score_of(p, i, label);
            const bool positive = (uint32_t)p->items[i].label == label;
            sorted[(*count)++] = (scored){isnan(score) ? -INFINITY : score, positive};
            *positives += positive;
        }
    }
    if (sorted != NULL) {
        qsort(sorted, *count, sizeof(*sorted), compare_scored);
    }
    return sorted;
}

typedef struct thinned {
    json_t *points;
    double x, y; /* of the last point that was kept */
} thinned;

static void add_point(thinned *curve, double x, double y, bool always)
{
    const bool apart = fabs(x - curve->x) >= APART || fabs(y - curve->y) >= APART;
    if (json_array_size(curve->points) > 0 && !always && !apart) {
        return;
    }
    json_t *point = json_array();
    json_array_append_new(point, report_number(x));
    json_array_append_new(point, report_number(y));
    json_array_append_new(curve->points, point);
    curve->x = x;
    curve->y = y;
}

json_t *report_curves(const tool_predictions *predictions, uint32_t label, double *auc, double *average_precision)
{
    size_t count = 0, positives = 0;
    scored *sorted = sort_samples(predictions, label, &count, &positives);
    const size_t negatives = count - positives;
    if (sorted == NULL || positives == 0 || negatives == 0) {
        free(sorted);
        return NULL;
    }
    thinned roc = {json_array(), 0, 0}, pr = {json_array(), 0, 0};
    double area = 0, average = 0, x = 0, y = 0;
    size_t hits = 0, misses = 0;
    add_point(&roc, 0, 0, true);
    for (size_t i = 0; i < count;) {
        const float score = sorted[i].score; /* equal scores share a threshold */
        for (; i < count && sorted[i].score == score; i++) {
            hits += sorted[i].positive;
            misses += !sorted[i].positive;
        }
        const double recall = (double)hits / (double)positives, rate = (double)misses / (double)negatives;
        const double precision = (double)hits / (double)(hits + misses);
        area += (rate - x) * (recall + y) / 2;
        average += (recall - y) * precision;
        x = rate;
        y = recall;
        add_point(&roc, rate, recall, i == count);
        /* Precision leaps where recall is small: recall alone decides. */
        pr.y = precision;
        add_point(&pr, recall, precision, i == count);
    }
    free(sorted);
    json_t *object = json_object();
    tool_json_count(object, "label", label);
    json_object_set_new(object, "auc", report_number(area));
    json_object_set_new(object, "ap", report_number(average));
    json_object_set_new(object, "roc", roc.points);
    json_object_set_new(object, "pr", pr.points);
    *auc = area;
    *average_precision = average;
    return object;
}
