/* SPDX-License-Identifier: MIT */
/* The learning rate falling exponentially. */
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "schedule/schedule.h"

enum { GAMMA, EVERY, PACE };

static double rate(const cnn_schedule *schedule, const cnn__schedule_point *point)
{
    const double *values = schedule->main.values;
    return point->base * pow(values[GAMMA], point->epochs / values[EVERY]);
}

const cnn__schedule_kind cnn__schedule_exponential = {
    .name = "exponential",
    .params = {{"gamma", NULL, false, 1e-12, 1000, NAN},
               {"every", NULL, true, 1, 1e9, 1},
               {"pace", cnn__schedule_paces, true, CNN_PER_EPOCH, CNN_PER_STEP, CNN_PER_EPOCH}},
    .pace = PACE,
    .rate = rate,
};

cnn_status cnn_exponential_schedule_create(cnn_context *context, const cnn_exponential_schedule_options *options,
                                           cnn_schedule **schedule)
{
    cnn_exponential_schedule_options given;
    CNN__RETURN_IF_ERROR(cnn__schedule_begin_create(context, schedule));
    CNN__RETURN_IF_ERROR(
        cnn__options_copy(context, "cnn_exponential_schedule_options", options, &given, sizeof(given)));
    cnn__schedule_part part = {
        &cnn__schedule_exponential,
        {cnn__schedule_given(given.gamma), cnn__schedule_given(given.every), given.pace},
    };
    return cnn__schedule_make(context, &part, schedule);
}
