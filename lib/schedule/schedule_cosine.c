/* SPDX-License-Identifier: MIT */
/* Half a cosine (Loshchilov and Hutter 2017, without restarts). */
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "schedule/schedule.h"

enum { EPOCHS, MINIMUM, PACE };

#define PI 3.14159265358979323846

static double rate(const cnn_schedule *schedule, const cnn__schedule_point *point)
{
    const double *values = schedule->main.values;
    const double length = values[EPOCHS] > 0 ? values[EPOCHS] : point->length;
    const double minimum = values[MINIMUM] < point->base ? values[MINIMUM] : point->base;
    if (point->epochs >= length) {
        return minimum;
    }
    return minimum + (point->base - minimum) * (1 + cos(PI * point->epochs / length)) / 2;
}

const cnn__schedule_kind cnn__schedule_cosine = {
    .name = "cosine",
    .params = {{"epochs", NULL, true, 0, 1e9, 0},
               {"minimum", NULL, false, 0, 1e6, 0},
               {"pace", cnn__schedule_paces, true, CNN_PER_EPOCH, CNN_PER_STEP, CNN_PER_EPOCH}},
    .pace = PACE,
    .needs_length = true,
    .rate = rate,
};

cnn_status cnn_cosine_schedule_create(cnn_context *context, const cnn_cosine_schedule_options *options,
                                      cnn_schedule **schedule)
{
    cnn_cosine_schedule_options given;
    CNN__RETURN_IF_ERROR(cnn__schedule_begin_create(context, schedule));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_cosine_schedule_options", options, &given, sizeof(given)));
    cnn__schedule_part part = {&cnn__schedule_cosine, {given.epochs, cnn__schedule_given(given.minimum), given.pace}};
    return cnn__schedule_make(context, &part, schedule);
}
