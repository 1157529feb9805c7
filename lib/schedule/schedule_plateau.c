/* SPDX-License-Identifier: MIT */
/* Cutting the learning rate where the score stays as it is, in three forms. */
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "schedule/schedule.h"

enum { FORM, PATIENCE, FACTOR, THRESHOLD, COOLDOWN, MINIMUM, EPS };

static const char *const forms[] = {"simple", "pytorch", "keras", NULL}; /* by cnn_plateau_form */

static double rate(const cnn_schedule *schedule, const cnn__schedule_point *point)
{
    (void)point;
    return schedule->plateau.rate;
}

/* What begins as the best score: the worst there is, of the evaluator or of all numbers. */
static double best_before(const cnn_schedule *schedule, const cnn_evaluator *evaluator)
{
    if (schedule->plateau.any) {
        return schedule->plateau.best;
    }
    if (schedule->main.values[FORM] == CNN_PLATEAU_SIMPLE) {
        return cnn_evaluator_worst_score(evaluator);
    }
    return cnn_evaluator_mode(evaluator) == CNN_SCORE_MAX ? -INFINITY : INFINITY;
}

static bool is_better(const cnn_schedule *schedule, const cnn_evaluator *evaluator, double score)
{
    const double best = best_before(schedule, evaluator), threshold = schedule->main.values[THRESHOLD];
    const bool high = cnn_evaluator_mode(evaluator) == CNN_SCORE_MAX;
    switch ((int)schedule->main.values[FORM]) {
    case CNN_PLATEAU_PYTORCH: /* against infinity 1 - threshold = 0 would make NaN of it */
        return isinf(best) ? (high ? score > best : score < best)
                           : (high ? score > best * (1 + threshold) : score < best * (1 - threshold));
    case CNN_PLATEAU_KERAS:
        return high ? score > best + threshold : score < best - threshold;
    default:
        return cnn_evaluator_is_better(evaluator, score, best);
    }
}

static double lower_rate(const cnn_schedule *schedule)
{
    const double *values = schedule->main.values;
    const double lower = schedule->plateau.rate * values[FACTOR];
    return lower > values[MINIMUM] ? lower : values[MINIMUM];
}

/* PyTorch's rules; the simple form is they without a cooldown. */
static void count_pytorch(cnn_schedule *schedule, bool better)
{
    const double *values = schedule->main.values;
    cnn__plateau_state *state = &schedule->plateau;
    state->bad = better ? 0 : state->bad + 1;
    if (state->cooldown > 0) {
        state->cooldown--;
        state->bad = 0;
    }
    if ((double)state->bad > values[PATIENCE]) {
        const double lower = lower_rate(schedule);
        state->rate = state->rate - lower > values[EPS] ? lower : state->rate;
        state->cooldown = (uint64_t)values[COOLDOWN];
        state->bad = 0;
    }
}

static void count_keras(cnn_schedule *schedule, bool better)
{
    const double *values = schedule->main.values;
    cnn__plateau_state *state = &schedule->plateau;
    if (state->cooldown > 0) {
        state->cooldown--;
        state->bad = 0;
    }
    if (better) {
        state->bad = 0;
    } else if (state->cooldown == 0) {
        state->bad++;
        if ((double)state->bad >= values[PATIENCE] && state->rate > values[MINIMUM]) {
            state->rate = lower_rate(schedule);
            state->cooldown = (uint64_t)values[COOLDOWN];
            state->bad = 0;
        }
    }
}

static void epoch_end(cnn_schedule *schedule, const cnn_evaluator *evaluator, uint64_t epoch, double score)
{
    (void)epoch;
    const bool better = !isnan(score) && is_better(schedule, evaluator, score);
    if (schedule->main.values[FORM] == CNN_PLATEAU_KERAS) {
        count_keras(schedule, better);
    } else {
        count_pytorch(schedule, better);
    }
    if (better) {
        schedule->plateau.any = true;
        schedule->plateau.best = score;
    }
}

static const char *check(const double values[CNN__SCHEDULE_PARAMS])
{
    const bool simple = isnan(values[FORM]) || values[FORM] == CNN_PLATEAU_SIMPLE;
    if (simple && (!isnan(values[THRESHOLD]) || !isnan(values[COOLDOWN]) || !isnan(values[MINIMUM]))) {
        return "the simple form has no threshold but the evaluator's, no cooldown and no minimum";
    }
    if (values[FORM] == CNN_PLATEAU_KERAS && !isnan(values[EPS])) {
        return "the form keras has no eps";
    }
    return NULL;
}

const cnn__schedule_kind cnn__schedule_plateau = {
    .name = "plateau",
    .params = {{"form", forms, true, CNN_PLATEAU_SIMPLE, CNN_PLATEAU_KERAS, CNN_PLATEAU_SIMPLE},
               {"patience", NULL, true, 0, 1e9, 10},
               {"factor", NULL, false, 0, 0.999999999, 0.1},
               {"threshold", NULL, false, 0, 1e12, 1e-4},
               {"cooldown", NULL, true, 0, 1e9, 0},
               {"minimum", NULL, false, 0, 1e6, 0},
               {"eps", NULL, false, 0, 1e6, 1e-8}},
    .pace = -1,
    .check = check,
    .rate = rate,
    .epoch_end = epoch_end,
};

/* 0: not given; -1: 0. */
static double given_or_none(double value) { return value == -1 ? 0 : cnn__schedule_given(value); }

cnn_status cnn_plateau_schedule_create(cnn_context *context, const cnn_plateau_schedule_options *options,
                                       cnn_schedule **schedule)
{
    cnn_plateau_schedule_options given;
    CNN__RETURN_IF_ERROR(cnn__schedule_begin_create(context, schedule));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_plateau_schedule_options", options, &given, sizeof(given)));
    cnn__schedule_part part = {
        &cnn__schedule_plateau,
        {given.form, given_or_none(given.patience), cnn__schedule_given(given.factor), given_or_none(given.threshold),
         cnn__schedule_given(given.cooldown), cnn__schedule_given(given.minimum), cnn__schedule_given(given.eps)},
    };
    return cnn__schedule_make(context, &part, schedule);
}
