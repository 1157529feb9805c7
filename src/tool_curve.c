/* SPDX-License-Identifier: MIT */
/* Drawing the learning curve: panels with axes, series of points, legends. */
#include "tool_curve.h"
#include "tool_plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 960
#define HEIGHT 800
#define TEXT 10.0 /* height of digits */

static const plot_color white = {255, 255, 255}, ink = {51, 51, 51}, grid = {228, 228, 228}, axis = {150, 150, 150};
static const plot_color faint = {158, 194, 230}, blue = {31, 99, 168}, orange = {224, 114, 22};

const char *const tool_curve_styles[] = {"means", "batches", NULL};

bool tool_curve_is_batches(const char *style) { return style != NULL && strcmp(style, "batches") == 0; }

static bool grow(double **values, size_t capacity)
{
    double *grown = reallocarray(*values, capacity, sizeof(*grown));
    *values = grown != NULL ? grown : *values;
    return grown != NULL;
}

void tool_curve_add(tool_curve *curve, uint64_t step, double loss, double penalty)
{
    if (curve->count == curve->capacity) {
        size_t capacity = curve->capacity > 0 ? 2 * curve->capacity : 1024;
        if (!grow(&curve->losses, capacity) || !grow(&curve->penalties, capacity)) {
            return;
        }
        curve->capacity = capacity;
    }
    curve->first = curve->count == 0 ? step : curve->first;
    curve->penalties[curve->count] = penalty;
    curve->losses[curve->count++] = loss;
}

void tool_curve_free(tool_curve *curve)
{
    free(curve->losses);
    free(curve->penalties);
}

/* A rectangle of the picture and the values at its edges. */
typedef struct panel {
    plot_page *page;
    double left, top, width, height;
    double x0, x1, y0, y1;
} panel;

static double place_x(const panel *p, double x) { return p->left + (x - p->x0) / (p->x1 - p->x0) * p->width; }

/* Values beyond the edges are drawn at the edge. */
static double place_y(const panel *p, double y)
{
    double share = (y - p->y0) / (p->y1 - p->y0);
    return p->top + (1 - (share < 0 ? 0 : share > 1 ? 1 : share)) * p->height;
}

/* Points at equal distances along x; NaN where there is none. */
typedef struct series {
    const double *values;
    size_t count;
    double first, step; /* x of the first point, and from one to the next */
} series;

static const char *number_text(double value, char text[32])
{
    value = fabs(value) < 1e-12 ? 0 : value;
    if (fabs(value) >= 1e5) {
        bool millions = fabs(value) >= 1e7;
        snprintf(text, 32, "%g%s", value / (millions ? 1e6 : 1e3), millions ? "m" : "k");
    } else {
        snprintf(text, 32, "%g", value);
    }
    return text;
}

static void draw_axes(const panel *p, const char *title, const char *x_label, bool whole)
{
    char text[32];
    double right = p->left + p->width, bottom = p->top + p->height;
    double down = plot_tick(p->y1 - p->y0, 5), across = plot_tick(p->x1 - p->x0, 8);
    across = whole && across < 1 ? 1 : across;
    for (double k = ceil(p->y0 / down - 1e-9); k * down <= p->y1 + down * 1e-9; k++) {
        double y = place_y(p, k * down);
        plot_line(p->page, p->left, y, right, y, 1, grid);
        plot_text(p->page, p->left - 10, y - TEXT / 2, TEXT, PLOT_RIGHT, ink, number_text(k * down, text));
    }
    for (double k = ceil(p->x0 / across - 1e-9); k * across <= p->x1 + across * 1e-9; k++) {
        double x = place_x(p, k * across);
        plot_line(p->page, x, p->top, x, bottom, 1, grid);
        plot_line(p->page, x, bottom, x, bottom + 5, 1, axis);
        plot_text(p->page, x, bottom + 11, TEXT, PLOT_MIDDLE, ink, number_text(k * across, text));
    }
    plot_line(p->page, p->left, p->top, p->left, bottom, 1.2, axis);
    plot_line(p->page, p->left, bottom, right, bottom, 1.2, axis);
    plot_text(p->page, p->left, p->top - 26, TEXT * 1.3, PLOT_LEFT, ink, title);
    plot_text(p->page, right, bottom + 30, TEXT, PLOT_RIGHT, ink, x_label);
}

/* A chain of lines through the points; a point without neighbours is a dot. */
static void draw_chain(const panel *p, const series *s, double thickness, plot_color color, bool dots)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!isfinite(s->values[i])) {
            continue;
        }
        double x = place_x(p, s->first + (double)i * s->step), y = place_y(p, s->values[i]);
        size_t next = i + 1 < s->count && isfinite(s->values[i + 1]) ? i + 1 : i;
        plot_line(p->page, x, y, place_x(p, s->first + (double)next * s->step), place_y(p, s->values[next]), thickness,
                  color);
        if (dots || (next == i && (i == 0 || !isfinite(s->values[i - 1])))) {
            plot_line(p->page, x, y, x, y, thickness * 2.4, color);
        }
    }
}

/* More points than columns: what lies in a column becomes one line from the least to the greatest, which reaches to
 * the last point of the column before. */
static void draw_dense(const panel *p, const series *s, double thickness, plot_color color)
{
    double column = -1, least = 0, greatest = 0;
    for (size_t i = 0; i <= s->count; i++) {
        double at = i < s->count ? floor(place_x(p, s->first + (double)i * s->step)) : INFINITY;
        double value = i < s->count ? s->values[i] : NAN;
        if (at > column) {
            if (column >= 0) {
                plot_line(p->page, column + 0.5, place_y(p, least), column + 0.5, place_y(p, greatest), thickness,
                          color);
            }
            double before = i > 0 && isfinite(s->values[i - 1]) ? s->values[i - 1] : value;
            column = at;
            least = fmin(before, value);
            greatest = fmax(before, value);
        }
        least = fmin(least, value);
        greatest = fmax(greatest, value);
    }
}

typedef struct legend_entry {
    const char *text;
    plot_color color;
    double thickness;
} legend_entry;

/* In a row above the panel, on the right. */
static void draw_legend(const panel *p, const legend_entry *entries, size_t count)
{
    double x = p->left + p->width, y = p->top - 24;
    for (size_t i = count; i-- > 0;) {
        plot_text(p->page, x, y, TEXT, PLOT_RIGHT, ink, entries[i].text);
        x -= plot_text_width(p->page, TEXT, entries[i].text) + 8;
        plot_line(p->page, x - 22, y + TEXT / 2, x, y + TEXT / 2, entries[i].thickness, entries[i].color);
        x -= 46;
    }
}

/* Widens [*low, *high] by the finite values of a series. */
static void cover(const series *s, double *low, double *high)
{
    for (size_t i = 0; i < s->count; i++) {
        *low = fmin(*low, s->values[i]); /* fmin() leaves NaN out */
        *high = fmax(*high, s->values[i]);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Some first steps are far above all others; they are cut off so that the rest can be seen. */
static double loss_limit(const series *s, double most)
{
    double *sorted = s->count > 0 ? reallocarray(NULL, s->count, sizeof(*sorted)) : NULL;
    if (sorted == NULL) {
        return most;
    }
    memcpy(sorted, s->values, s->count * sizeof(*sorted));
    qsort(sorted, s->count, sizeof(*sorted), compare_doubles);
    double limit = 2.5 * sorted[(s->count - 1) * 9 / 10];
    free(sorted);
    return limit > 0 && limit < most ? limit : most;
}

/* Losses are drawn from 0 on, but for those that would all lie in the upper half: their axis begins near them. */
static double loss_floor(double low, double high)
{
    const double span = high - low, tick = plot_tick(span > 0 ? span : fmax(fabs(high), 1e-3) * 0.1, 5);
    return low <= 0 || span > high / 2 ? fmin(low, 0) : fmax(0, floor((low - tick / 4) / tick) * tick);
}

/* `means` and `validation` may have no values. */
static void draw_losses(plot_page *page, const series *given, const series *means, const series *validation)
{
    const series steps = *given;
    double low = INFINITY, high = -INFINITY;
    cover(&steps, &low, &high);
    high = loss_limit(&steps, high);
    cover(means, &low, &high);
    cover(validation, &low, &high);
    low = isfinite(low) && isfinite(high) ? loss_floor(low, high) : 0;
    high = isfinite(high) && high > low ? high : low + 1;
    double last = steps.first + (double)steps.count - 1;
    last = means->count > 0 ? fmax(last, means->first + (double)(means->count - 1) * means->step) : last;
    panel p = {page, 84, 58, WIDTH - 84 - 36, 290, 0, last, low, high + (high - low) * 0.04};
    const bool alone = means->count == 0;
    draw_axes(&p, alone ? "loss with its L2 term" : "loss", "step", true);
    if ((double)steps.count > p.width) {
        draw_dense(&p, &steps, 1, alone ? blue : faint);
    } else {
        draw_chain(&p, &steps, 1.2, alone ? blue : faint, false);
    }
    if (alone) {
        return;
    }
    draw_chain(&p, means, 2, blue, means->count < 60);
    draw_chain(&p, validation, 2, orange, validation->count < 60);
    const legend_entry entries[] = {
        {"of each step", faint, 2}, {"mean of the epoch", blue, 2.4}, {"validation", orange, 2.4}};
    bool validated = validation->count > 0 && !isnan(validation->values[0]);
    draw_legend(&p, entries, validated ? 3 : 2);
}

static void draw_scores(plot_page *page, const char *name, const series *training, const series *validation,
                        size_t best, bool batches)
{
    double low = INFINITY, high = -INFINITY;
    cover(training, &low, &high);
    cover(validation, &low, &high);
    low = isfinite(low) ? low : 0;
    if (!isfinite(high) || high <= low) { /* one value, in the middle */
        high = low + fmax(0.1 * fabs(low), 0.05);
        low -= high - low;
    }
    /* Whole tick marks at both ends, so that the picture is steady from epoch to epoch. */
    double tick = plot_tick(high - low, 5);
    low = floor(low / tick + 1e-9) * tick;
    high = ceil(high / tick - 1e-9) * tick;
    double epochs = training->count > 2 ? (double)training->count : 2;
    panel p = {page, 84, 446, WIDTH - 84 - 36, 290, 1, epochs, low, high};
    draw_axes(&p, name, "epoch", true);
    draw_chain(&p, training, 2, blue, training->count < 60);
    draw_chain(&p, validation, 2, orange, validation->count < 60);
    bool validated = validation->count > 0 && !isnan(validation->values[0]);
    const series *shown = validated ? validation : training;
    if (best < shown->count && isfinite(shown->values[best])) {
        plot_circle(page, place_x(&p, (double)best + 1), place_y(&p, shown->values[best]), 6, validated ? orange : blue,
                    white);
    }
    const legend_entry entries[] = {{batches ? "last batch of the epoch" : "training (running)", blue, 2.4},
                                    {"validation", orange, 2.4}};
    draw_legend(&p, entries, validated ? 2 : 1);
}

/* A column of the history into `values`. */
static series read_column(const cnn_history *history, const char *prefix, const char *name, double first, double step,
                          double *values)
{
    char column[160];
    series s = {values, cnn_history_epochs(history), first, step};
    snprintf(column, sizeof(column), "%s%s", prefix, name);
    for (size_t i = 0; i < s.count; i++) {
        values[i] = cnn_history_value(history, column, i);
    }
    return s;
}

/* The loss of each batch with its L2 term into `values`. */
static series add_penalties(const tool_curve *curve, double *values)
{
    for (size_t i = 0; i < curve->count; i++) {
        values[i] = curve->losses[i] + curve->penalties[i];
    }
    return (series){values, curve->count, (double)curve->first, 1};
}

int tool_curve_save(tool *run, const char *path, const tool_curve *curve, const cnn_history *history,
                    uint64_t steps_per_epoch, const char *score, bool batches)
{
    size_t epochs = cnn_history_epochs(history);
    double *values = reallocarray(NULL, 4 * (epochs + 1) + (batches ? curve->count : 0), sizeof(*values));
    const double step = (double)steps_per_epoch;
    if (values == NULL) {
        return tool_fail_memory(run);
    }
    plot_page *page = plot_create(run, path, WIDTH, HEIGHT);
    if (page != NULL) {
        series steps = batches ? add_penalties(curve, values + 4 * epochs)
                               : (series){curve->losses, curve->count, (double)curve->first, 1};
        series means = read_column(history, "", "loss", step, step, values);
        series losses = read_column(history, "val_", "loss", step, step, values + epochs);
        means.count = batches ? 0 : means.count;
        losses.count = batches ? 0 : losses.count;
        draw_losses(page, &steps, &means, &losses);
        series training = read_column(history, "", batches ? "step_score" : score, 1, 1, values + 2 * epochs);
        series validation = read_column(history, "val_", score, 1, 1, values + 3 * epochs);
        draw_scores(page, score, &training, &validation, cnn_history_best_epoch(history), batches);
    }
    int result = page != NULL ? plot_save(run, page, path) : TOOL_FAILED;
    plot_free(page);
    free(values);
    return result;
}
