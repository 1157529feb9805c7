/* SPDX-License-Identifier: MIT */
/* The learning rate along lines: down one, or up one and down another. */
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "schedule/schedule.h"

/* ---- linear ---- */

enum { EPOCHS, END, PACE };

static double linear_rate(const cnn_schedule *schedule, const cnn__schedule_point *point)
{
    const double *values = schedule->main.values;
    const double length = values[EPOCHS] > 0 ? values[EPOCHS] : point->length;
    const double done = point->epochs >= length ? 1 : point->epochs / length;
    return point->base * (1 + (values[END] - 1) * done);
}

const cnn__schedule_kind cnn__schedule_linear = {
    .name = "linear",
    .params = {{"epochs", NULL, true, 0, 1e9, 0},
               {"end", NULL, false, 0, 1000, 0},
               {"pace", cnn__schedule_paces, true, CNN_PER_EPOCH, CNN_PER_STEP, CNN_PER_EPOCH}},
    .pace = PACE,
    .needs_length = true,
    .rate = linear_rate,
};

cnn_status cnn_linear_schedule_create(cnn_context *context, const cnn_linear_schedule_options *options,
                                      cnn_schedule **schedule)
{
    cnn_linear_schedule_options given;
    CNN__RETURN_IF_ERROR(cnn__schedule_begin_create(context, schedule));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_linear_schedule_options", options, &given, sizeof(given)));
    cnn__schedule_part part = {&cnn__schedule_linear, {given.epochs, cnn__schedule_given(given.end), given.pace}};
    return cnn__schedule_make(context, &part, schedule);
}

/* ---- triangular ---- */

enum { PEAK, FROM, TO };

/* The share of the training's steps that are done, from 0 to 1. */
static double share_done(const cnn__schedule_point *point)
{
    return point->length > 0 && point->epochs < point->length ? point->epochs / point->length : 1;
}

static double triangular_rate(const cnn_schedule *schedule, const cnn__schedule_point *point)
{
    const double *values = schedule->main.values, done = share_done(point);
    const double share = done < values[PEAK] ? values[FROM] + (1 - values[FROM]) * done / values[PEAK]
                                             : 1 + (values[TO] - 1) * (done - values[PEAK]) / (1 - values[PEAK]);
    return point->base * share;
}

const cnn__schedule_kind cnn__schedule_triangular = {
    .name = "triangular",
    .params = {{"peak", NULL, false, 0, 1, 0.3, 0, true},
               {"start", NULL, false, 0, 1000, 0},
               {"end", NULL, false, 0, 1000, 0}},
    .pace = CNN__PACE_BY_STEP,
    .needs_length = true,
    .rate = triangular_rate,
};

cnn_status cnn_triangular_schedule_create(cnn_context *context, const cnn_triangular_schedule_options *options,
                                          cnn_schedule **schedule)
{
    cnn_triangular_schedule_options given;
    CNN__RETURN_IF_ERROR(cnn__schedule_begin_create(context, schedule));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_triangular_schedule_options", options, &given, sizeof(given)));
    cnn__schedule_part part = {
        &cnn__schedule_triangular,
        {cnn__schedule_given(given.peak), cnn__schedule_given(given.start), cnn__schedule_given(given.end)},
    };
    return cnn__schedule_make(context, &part, schedule);
}
