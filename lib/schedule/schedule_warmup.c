/* SPDX-License-Identifier: MIT */
/* A linear warm-up before another schedule. */
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "schedule/schedule.h"

/* Of `start`: such that all steps are of one height. */
#define AUTOMATIC (-1)

uint64_t cnn__schedule_warmup_steps(const cnn_schedule *schedule)
{
    uint64_t steps;
    if (schedule->warmup.kind == NULL) {
        return 0;
    }
    const double *values = schedule->warmup.values;
    if (values[CNN__WARMUP_STEPS] > 0) {
        return (uint64_t)values[CNN__WARMUP_STEPS];
    }
    return __builtin_mul_overflow((uint64_t)values[CNN__WARMUP_EPOCHS], schedule->steps_per_epoch, &steps) ? UINT64_MAX
                                                                                                           : steps;
}

double cnn__schedule_warmup_share(const cnn_schedule *schedule, uint64_t step)
{
    const double steps = (double)cnn__schedule_warmup_steps(schedule);
    const double given = schedule->warmup.values[CNN__WARMUP_START];
    const double start = given >= 0 ? given : 1 / (steps + 1);
    return start + (1 - start) * (double)step / steps;
}

static const char *check(const double values[CNN__SCHEDULE_PARAMS])
{
    if (isnan(values[CNN__WARMUP_STEPS]) == isnan(values[CNN__WARMUP_EPOCHS])) {
        return "expected either steps or epochs";
    }
    return NULL;
}

const cnn__schedule_kind cnn__schedule_warmup = {
    .name = "warmup",
    .params = {{"steps", NULL, true, 1, 1e15, 0},
               {"epochs", NULL, true, 1, 1e9, 0},
               {"start", NULL, false, 0, 1, AUTOMATIC}},
    .pace = -1,
    .check = check,
};

cnn_status cnn_warmup_schedule_create(cnn_context *context, const cnn_warmup_schedule_options *options,
                                      cnn_schedule **schedule)
{
    cnn_warmup_schedule_options given;
    CNN__RETURN_IF_ERROR(cnn__schedule_begin_create(context, schedule));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_warmup_schedule_options", options, &given, sizeof(given)));
    if (given.next != NULL && given.next->warmup.kind != NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "schedule warmup: what follows has a warm-up already");
    }
    if (given.next != NULL && given.next->main.kind == &cnn__schedule_custom) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "schedule warmup: a custom schedule has a beginning of its own");
    }
    cnn__schedule_part part = {
        &cnn__schedule_warmup,
        {cnn__schedule_given((double)given.steps), cnn__schedule_given(given.epochs), cnn__schedule_given(given.start)},
    };
    CNN__RETURN_IF_ERROR(cnn__schedule_part_check(context, &part));
    const cnn__schedule_part constant = {&cnn__schedule_constant, {0}};
    return cnn__schedule_new(context, &part, given.next != NULL ? &given.next->main : &constant, schedule);
}
