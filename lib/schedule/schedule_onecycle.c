/* SPDX-License-Identifier: MIT */
/* The one-cycle policy, as PyTorch's OneCycleLR with two phases. */
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "schedule/schedule.h"

#define PI 3.14159265358979323846

enum { PEAK, DIV, FINAL_DIV, ANNEAL };

static const char *const anneals[] = {"cos", "linear", NULL};

static double between(double from, double to, double share, bool linear)
{
    return linear ? from + (to - from) * share : to + (from - to) * (1 + cos(PI * share)) / 2;
}

/* Steps are counted such that the last one has the last rate; the first phase ends a step before its share of all. */
static double rate(const cnn_schedule *schedule, const cnn__schedule_point *point)
{
    const double *values = schedule->main.values, per_epoch = (double)schedule->steps_per_epoch;
    const double last = fmax(rint(point->length * per_epoch) - 1, 1),
                 step = fmin(rint(point->epochs * per_epoch), last);
    const double peak = fmax(values[PEAK] * (last + 1) - 1, 0);
    const double first = point->base / values[DIV], lowest = first / values[FINAL_DIV];
    const bool linear = values[ANNEAL] == 1;
    return step <= peak && peak > 0 ? between(first, point->base, step / peak, linear)
                                    : between(point->base, lowest, (step - peak) / (last - peak), linear);
}

const cnn__schedule_kind cnn__schedule_onecycle = {
    .name = "onecycle",
    .params = {{"peak", NULL, false, 0, 1, 0.3, 0, true},
               {"div", NULL, false, 1, 1e12, 25},
               {"final_div", NULL, false, 1, 1e12, 1e4},
               {"anneal", anneals, true, 0, 1, 0}},
    .pace = CNN__PACE_BY_STEP,
    .needs_length = true,
    .rate = rate,
};

cnn_status cnn_onecycle_schedule_create(cnn_context *context, const cnn_onecycle_schedule_options *options,
                                        cnn_schedule **schedule)
{
    cnn_onecycle_schedule_options given;
    CNN__RETURN_IF_ERROR(cnn__schedule_begin_create(context, schedule));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_onecycle_schedule_options", options, &given, sizeof(given)));
    cnn__schedule_part part = {
        &cnn__schedule_onecycle,
        {cnn__schedule_given(given.peak), cnn__schedule_given(given.div), cnn__schedule_given(given.final_div),
         given.linear},
    };
    return cnn__schedule_make(context, &part, schedule);
}
