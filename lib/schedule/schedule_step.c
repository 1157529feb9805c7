/* SPDX-License-Identifier: MIT */
/* The learning rate in steps: times gamma every so many epochs. */
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "schedule/schedule.h"

enum { EVERY, GAMMA };

static double rate(const cnn_schedule *schedule, const cnn__schedule_point *point)
{
    const double *values = schedule->main.values;
    return point->base * pow(values[GAMMA], floor(point->epochs / values[EVERY]));
}

const cnn__schedule_kind cnn__schedule_step = {
    .name = "step",
    .params = {{"every", NULL, true, 1, 1e9, NAN}, {"gamma", NULL, false, 1e-12, 1000, 0.1}},
    .pace = -1,
    .rate = rate,
};

cnn_status cnn_step_schedule_create(cnn_context *context, const cnn_step_schedule_options *options,
                                    cnn_schedule **schedule)
{
    cnn_step_schedule_options given;
    CNN__RETURN_IF_ERROR(cnn__schedule_begin_create(context, schedule));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_step_schedule_options", options, &given, sizeof(given)));
    cnn__schedule_part part = {
        &cnn__schedule_step,
        {cnn__schedule_given(given.every), cnn__schedule_given(given.gamma)},
    };
    return cnn__schedule_make(context, &part, schedule);
}
