/* SPDX-License-Identifier: MIT */
/* `cnn train --find-lr`: the loss over learning rates that grow from step to step, as a picture, and the rate where it
 * falls most steeply. */
#include "tool_json.h"
#include "tool_plot.h"
#include "tool_train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDTH 960
#define HEIGHT 480
#define LEFT 84.0
#define TOP 58.0
#define BOTTOM 60.0
#define RIGHT 36.0

static const plot_color black = {40, 40, 40}, grey = {225, 225, 225}, blue = {31, 90, 180}, faint = {170, 190, 220},
                        orange = {230, 120, 20}, white = {255, 255, 255};

typedef struct area {
    plot_page *page;
    double first, last; /* logarithms to base 10 of the rates */
    double low, high;   /* losses */
} area;

static double place_x(const area *a, double rate)
{
    return LEFT + (log10(rate) - a->first) / (a->last - a->first) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const area *a, double loss)
{
    const double share = (fmin(loss, a->high) - a->low) / (a->high - a->low);
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
}

static void draw_axes(const area *a)
{
    char text[32];
    const double tick = plot_tick(a->high - a->low, 5), right = WIDTH - RIGHT, bottom = HEIGHT - BOTTOM;
    for (double loss = ceil(a->low / tick) * tick; loss <= a->high; loss += tick) {
        plot_line(a->page, LEFT, place_y(a, loss), right, place_y(a, loss), 1, grey);
        snprintf(text, sizeof(text), "%g", loss);
        plot_text(a->page, LEFT - 8, place_y(a, loss) - 6, 12, PLOT_RIGHT, black, text);
    }
    for (double power = ceil(a->first); power <= a->last; power++) {
        const double x = place_x(a, pow(10, power));
        plot_line(a->page, x, TOP, x, bottom, 1, grey);
        snprintf(text, sizeof(text), "1e%g", power);
        plot_text(a->page, x, bottom + 10, 12, PLOT_MIDDLE, black, text);
    }
    plot_line(a->page, LEFT, TOP, LEFT, bottom, 1.2, black);
    plot_line(a->page, LEFT, bottom, right, bottom, 1.2, black);
    plot_text(a->page, LEFT, TOP - 24, 13, PLOT_LEFT, black, "loss");
    plot_text(a->page, right, bottom + 32, 13, PLOT_RIGHT, black, "learning rate");
}

static void draw_chain(const area *a, const cnn_history *history, const char *column, double thickness,
                       plot_color color)
{
    for (size_t i = 1; i < cnn_history_epochs(history); i++) {
        plot_line(a->page, place_x(a, cnn_history_value(history, "learning_rate", i - 1)),
                  place_y(a, cnn_history_value(history, column, i - 1)),
                  place_x(a, cnn_history_value(history, "learning_rate", i)),
                  place_y(a, cnn_history_value(history, column, i)), thickness, color);
    }
}

/* What the loss begins with, and the lowest of it, are in the picture; what is far above is cut off. */
static area find_area(const cnn_history *history, plot_page *page)
{
    const size_t rows = cnn_history_epochs(history);
    area a = {page, log10(cnn_history_value(history, "learning_rate", 0)),
              log10(cnn_history_value(history, "learning_rate", rows - 1)), INFINITY, 0};
    for (size_t i = 0; i < rows; i++) {
        a.low = fmin(a.low, cnn_history_value(history, "smoothed_loss", i));
    }
    const double begin = cnn_history_value(history, "smoothed_loss", 0);
    a.high = begin + 0.75 * (begin - a.low);
    a.low -= 0.1 * (a.high - a.low);
    a.high = a.high > a.low ? a.high : a.low + 1;
    return a;
}

static int draw(tool *run, const char *path, const cnn_history *history, double rate)
{
    plot_page *page = plot_create(run, path, WIDTH, HEIGHT);
    if (page == NULL) {
        return TOOL_FAILED;
    }
    const area a = find_area(history, page);
    draw_axes(&a);
    draw_chain(&a, history, "loss", 1.2, faint);
    draw_chain(&a, history, "smoothed_loss", 2.2, blue);
    for (size_t i = 0; i < cnn_history_epochs(history); i++) {
        const double own = cnn_history_value(history, "learning_rate", i);
        if (own == rate) {
            char text[64];
            const double y = place_y(&a, cnn_history_value(history, "smoothed_loss", i));
            plot_circle(page, place_x(&a, own), y, 6, orange, white);
            snprintf(text, sizeof(text), "steepest at %.2g", rate);
            plot_text(page, WIDTH - RIGHT, TOP - 24, 13, PLOT_RIGHT, orange, text);
        }
    }
    int result = plot_save(run, page, path);
    plot_free(page);
    return result;
}

static bool on_step(void *user, const cnn_progress *progress)
{
    train_run *train = user;
    if (tool_progress_due(train->run)) {
        char tail[96];
        snprintf(tail, sizeof(tail), "%llu/%llu  rate %.2g  loss %.4f", (unsigned long long)progress->step,
                 (unsigned long long)progress->steps, progress->learning_rate, progress->loss);
        tool_progress_draw(train->run, "rates", progress->step, progress->steps, tail);
    }
    return tool_signal() != 0;
}

static int tell(train_run *train, double rate)
{
    tool *run = train->run;
    const size_t rows = cnn_history_epochs(train->history);
    if (run->common->json) {
        json_t *object = json_object();
        tool_json_real(object, "learning_rate", rate);
        tool_json_count(object, "steps", rows);
        tool_json_text(object, "picture", train->settings->find_lr);
        return tool_json_print(run, object);
    }
    if (isnan(rate)) {
        tool_print(run, "learning rate  none: the loss never falls between %g and %g\n",
                   cnn_history_value(train->history, "learning_rate", 0),
                   rows > 0 ? cnn_history_value(train->history, "learning_rate", rows - 1) : NAN);
    } else {
        tool_print(run, "learning rate  %.2g, where the loss falls most steeply\n", rate);
    }
    char *picture = tool_printable(train->settings->find_lr);
    tool_print(run, "picture        %s\n", picture);
    free(picture);
    return TOOL_DONE;
}

int tool_train_find_rate(train_run *train)
{
    double rate = NAN;
    tool *run = train->run;
    cnn_status status = cnn_find_learning_rate(train->model,
                                               CNN_RATE_SEARCH(.train = train->loader, .loss = train->loss,
                                                               .optimizer = train->optimizer, .on_step = on_step,
                                                               .user = train),
                                               &rate, &train->history);
    tool_progress_end(run);
    if (status == CNN_ERROR_CANCELLED) {
        return tool_fail(run, "stopped by a signal; nothing was written");
    }
    if (status != CNN_OK) {
        return tool_fail_library(run, status);
    }
    if (cnn_history_epochs(train->history) < 2) {
        return tool_fail(run, "the loss is not finite after the first steps: there is nothing to draw");
    }
    int result = draw(run, train->settings->find_lr, train->history, rate);
    return result == TOOL_DONE ? tell(train, rate) : result;
}
