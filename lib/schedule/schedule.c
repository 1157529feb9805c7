/* SPDX-License-Identifier: MIT */
/* Schedules as handles: checks of their numbers, the rate of a step, and the state of a plateau as text. */
#include "schedule/schedule.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/number.h"

const char *const cnn__schedule_paces[] = {"epoch", "step", NULL};

static double constant_rate(const cnn_schedule *schedule, const cnn__schedule_point *point)
{
    (void)schedule;
    return point->base;
}

const cnn__schedule_kind cnn__schedule_constant = {.name = "constant", .pace = -1, .rate = constant_rate};

/* ---- making ---- */

double cnn__schedule_given(double value) { return value == 0 ? NAN : isnan(value) ? INFINITY : value; }

cnn_status cnn__schedule_part_check(cnn_context *context, cnn__schedule_part *part)
{
    const cnn__schedule_kind *kind = part->kind;
    const char *wrong = kind->check != NULL ? kind->check(part->values) : NULL;
    if (wrong != NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "schedule %s: %s", kind->name, wrong);
    }
    for (size_t i = 0; kind->params[i].name != NULL; i++) {
        const cnn__param *param = &kind->params[i];
        if (isnan(part->values[i]) && isnan(param->unset)) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "schedule %s: %s is missing", kind->name,
                             param->name);
        }
        if (isnan(part->values[i])) {
            part->values[i] = param->unset;
        } else {
            CNN__RETURN_IF_ERROR(cnn__param_check(context, "schedule", kind->name, param, part->values[i]));
        }
    }
    return CNN_OK;
}

cnn_status cnn__schedule_begin_create(cnn_context *context, cnn_schedule **schedule)
{
    if (schedule == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "schedule: no place for the handle");
    }
    *schedule = NULL;
    return context != NULL ? CNN_OK : CNN_ERROR_INVALID_ARGUMENT;
}

cnn_status cnn__schedule_new(cnn_context *context, const cnn__schedule_part *warmup, const cnn__schedule_part *main,
                             cnn_schedule **schedule)
{
    cnn_schedule *made = cnn__alloc_zero(context, sizeof(*made));
    if (made == NULL) {
        return cnn__last_status(context);
    }
    made->context = context;
    made->warmup = *warmup;
    made->main = *main;
    made->text = cnn__schedule_format(made);
    if (made->text == NULL) {
        cnn_schedule_free(made);
        return cnn__last_status(context);
    }
    *schedule = made;
    return CNN_OK;
}

cnn_status cnn__schedule_make(cnn_context *context, cnn__schedule_part *main, cnn_schedule **schedule)
{
    const cnn__schedule_part none = {NULL, {0}};
    CNN__RETURN_IF_ERROR(cnn__schedule_part_check(context, main));
    return cnn__schedule_new(context, &none, main, schedule);
}

void cnn_schedule_free(cnn_schedule *schedule)
{
    if (schedule != NULL) {
        if (schedule->custom.destroy != NULL) {
            schedule->custom.destroy(schedule->user);
        }
        cnn__free(schedule->context, schedule->text);
        cnn__free(schedule->context, schedule);
    }
}

const char *cnn_schedule_text(const cnn_schedule *schedule) { return schedule != NULL ? schedule->text : NULL; }

/* ---- a training ---- */

/* Whether the training must say how long it is. */
static bool needs_length(const cnn__schedule_part *part)
{
    const bool own = part->kind->needs_length && strcmp(part->kind->params[0].name, "epochs") == 0;
    return part->kind->needs_length && !(own && part->values[0] > 0);
}

cnn_status cnn_schedule_begin(cnn_schedule *schedule, double learning_rate, uint64_t steps_per_epoch, uint64_t epochs)
{
    if (schedule == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (!isfinite(learning_rate) || learning_rate < 0 || steps_per_epoch == 0) {
        return cnn__fail(schedule->context, CNN_ERROR_INVALID_ARGUMENT,
                         "schedule %s: cannot begin at a learning rate of %g with %" PRIu64 " steps in an epoch",
                         schedule->text, learning_rate, steps_per_epoch);
    }
    if (epochs == 0 && needs_length(&schedule->main)) {
        return cnn__fail(schedule->context, CNN_ERROR_INVALID_ARGUMENT,
                         "schedule %s: neither it nor the training says how many epochs there are", schedule->text);
    }
    schedule->begun = true;
    schedule->base = learning_rate;
    schedule->steps_per_epoch = steps_per_epoch;
    schedule->epochs = epochs;
    schedule->plateau = (cnn__plateau_state){.rate = learning_rate};
    memset(schedule->custom_state, 0, sizeof(schedule->custom_state));
    return CNN_OK;
}

/* Steps of epochs and step together, or the largest number there is. */
static uint64_t count_steps(const cnn_schedule *schedule, uint64_t epoch, uint64_t step)
{
    uint64_t steps;
    if (__builtin_mul_overflow(epoch, schedule->steps_per_epoch, &steps) ||
        __builtin_add_overflow(steps, step, &steps)) {
        return UINT64_MAX;
    }
    return steps;
}

double cnn_schedule_rate(const cnn_schedule *schedule, uint64_t epoch, uint64_t step)
{
    if (schedule == NULL || !schedule->begun) {
        return NAN;
    }
    const uint64_t steps = count_steps(schedule, epoch, step), warm = cnn__schedule_warmup_steps(schedule);
    if (steps < warm) {
        return schedule->base * cnn__schedule_warmup_share(schedule, steps);
    }
    const cnn__schedule_kind *kind = schedule->main.kind;
    const double per_epoch = (double)schedule->steps_per_epoch, all = (double)schedule->epochs;
    cnn__schedule_point point = {.base = schedule->base, .epoch = epoch, .step = step};
    if (kind->pace == CNN__PACE_BY_STEP || (kind->pace >= 0 && schedule->main.values[kind->pace] == CNN_PER_STEP)) {
        point.epochs = (double)(steps - warm) / per_epoch;
        point.length = all - (double)warm / per_epoch;
    } else {
        const uint64_t warm_epochs = warm / schedule->steps_per_epoch;
        point.epochs = epoch > warm_epochs ? (double)(epoch - warm_epochs) : 0;
        point.length = all - (double)warm_epochs;
    }
    point.length = point.length > 0 ? point.length : 0;
    return kind->rate(schedule, &point);
}

cnn_status cnn_schedule_epoch_end(cnn_schedule *schedule, const cnn_evaluator *evaluator, uint64_t epoch, double score)
{
    if (schedule == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (evaluator == NULL || !schedule->begun) {
        return cnn__fail(schedule->context, evaluator == NULL ? CNN_ERROR_INVALID_ARGUMENT : CNN_ERROR_STATE,
                         "schedule %s: %s", schedule->text,
                         evaluator == NULL ? "no evaluator says which scores are better" : "has not begun");
    }
    const uint64_t last = count_steps(schedule, epoch, schedule->steps_per_epoch - 1);
    if (schedule->main.kind->epoch_end != NULL && last >= cnn__schedule_warmup_steps(schedule)) {
        schedule->main.kind->epoch_end(schedule, evaluator, epoch, score);
    }
    return CNN_OK;
}

/* ---- where it stands ---- */

/* A double's bits: unlike digits they have infinities too. */
static uint64_t double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

const char *cnn_schedule_state(cnn_schedule *schedule)
{
    if (schedule == NULL) {
        return NULL;
    }
    const cnn__plateau_state *plateau = &schedule->plateau;
    char base[32], rate[32], best[32] = "none";
    schedule->state[0] = '\0';
    if (schedule->begun) {
        if (plateau->any) {
            snprintf(best, sizeof(best), "%" PRIu64, double_bits(plateau->best));
        }
        snprintf(schedule->state, sizeof(schedule->state),
                 "base=%s,rate=%s,bad=%" PRIu64 ",cooldown=%" PRIu64 ",best=%s",
                 cnn__format_double(schedule->base, base, sizeof(base)),
                 cnn__format_double(plateau->rate, rate, sizeof(rate)), plateau->bad, plateau->cooldown, best);
        const size_t used = strlen(schedule->state);
        cnn__schedule_write_custom(schedule, schedule->state + used, sizeof(schedule->state) - used);
    }
    return schedule->state;
}

static bool read_real(const char *text, const char *name, double *number)
{
    const char *value, *end, *rest;
    return cnn__schedule_find(text, name, &value, &end) && cnn__parse_double(value, end, number, &rest) &&
           rest == end && *number >= 0;
}

static bool read_count(const char *text, const char *name, uint64_t *number)
{
    const char *value, *end, *rest;
    return cnn__schedule_find(text, name, &value, &end) && cnn__parse_u64(value, end, number, &rest) && rest == end;
}

cnn_status cnn_schedule_set_state(cnn_schedule *schedule, const char *state)
{
    cnn__plateau_state plateau = {.any = true};
    double base = 0, custom[CNN_SCHEDULE_MAX_STATE] = {0};
    uint64_t bits = 0;
    const char *value, *end;
    if (schedule == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (!schedule->begun) {
        return cnn__fail(schedule->context, CNN_ERROR_STATE, "schedule %s: has not begun", schedule->text);
    }
    bool fine = state != NULL && read_real(state, "base", &base) && read_real(state, "rate", &plateau.rate) &&
                read_count(state, "bad", &plateau.bad) && read_count(state, "cooldown", &plateau.cooldown) &&
                cnn__schedule_find(state, "best", &value, &end) && cnn__schedule_read_custom(schedule, state, custom);
    if (fine && end - value == 4 && memcmp(value, "none", 4) == 0) {
        plateau.any = false;
    } else if (fine) {
        fine = read_count(state, "best", &bits);
        memcpy(&plateau.best, &bits, sizeof(bits));
        fine = fine && !isnan(plateau.best);
    }
    if (!fine) {
        char text[256];
        return cnn__fail(schedule->context, CNN_ERROR_FORMAT, "schedule %s: \"%s\" is not where a schedule stands",
                         schedule->text, cnn__printable(state != NULL ? state : "", text, sizeof(text)));
    }
    schedule->base = base;
    schedule->plateau = plateau;
    memcpy(schedule->custom_state, custom, sizeof(custom));
    return CNN_OK;
}
