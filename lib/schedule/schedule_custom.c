/* SPDX-License-Identifier: MIT */
/* Schedules by a custom rule. The numbers that the rule keeps are the library's, so that checkpoints have them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/options.h"
#include "schedule/schedule.h"

#define MAX_NAME 64

static double rate(const cnn_schedule *schedule, const cnn__schedule_point *point)
{
    const cnn_schedule_moment moment = {
        .struct_size = sizeof(moment),
        .base = point->base,
        .epoch = point->epoch,
        .step = point->step,
        .steps_per_epoch = schedule->steps_per_epoch,
        .epochs = schedule->epochs,
        .state = schedule->custom.states > 0 ? schedule->custom_state : NULL,
    };
    const double found = schedule->custom.rate(schedule->user, &moment);
    return isfinite(found) && found >= 0 ? found : NAN;
}

static void epoch_end(cnn_schedule *schedule, const cnn_evaluator *evaluator, uint64_t epoch, double score)
{
    if (schedule->custom.epoch_end != NULL) {
        schedule->custom.epoch_end(schedule->user, evaluator, epoch, score, schedule->custom_state);
    }
}

const cnn__schedule_kind cnn__schedule_custom = {.name = "custom", .pace = -1, .rate = rate, .epoch_end = epoch_end};

/* A double's bits: unlike digits they have infinities too. */
void cnn__schedule_write_custom(const cnn_schedule *schedule, char *text, size_t size)
{
    for (uint32_t i = 0, used = 0; i < schedule->custom.states; i++) {
        uint64_t bits;
        memcpy(&bits, &schedule->custom_state[i], sizeof(bits));
        used += (uint32_t)snprintf(text + used, size - used, ",s%" PRIu32 "=%" PRIu64, i, bits);
    }
}

bool cnn__schedule_read_custom(const cnn_schedule *schedule, const char *text, double state[CNN_SCHEDULE_MAX_STATE])
{
    for (uint32_t i = 0; i < schedule->custom.states; i++) {
        char name[16];
        const char *value, *end, *rest;
        uint64_t bits;
        snprintf(name, sizeof(name), "s%" PRIu32, i);
        if (!cnn__schedule_find(text, name, &value, &end) || !cnn__parse_u64(value, end, &bits, &rest) || rest != end) {
            return false;
        }
        memcpy(&state[i], &bits, sizeof(bits));
    }
    return true;
}

cnn_status cnn_schedule_create_custom(cnn_context *context, const cnn_schedule_kind *kind, void *user,
                                      cnn_schedule **schedule)
{
    cnn_schedule_kind given;
    CNN__RETURN_IF_ERROR(cnn__schedule_begin_create(context, schedule));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_schedule_kind", kind, &given, sizeof(given)));
    if (given.name == NULL || given.name[0] == '\0' || strlen(given.name) > MAX_NAME || given.rate == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "schedule: a kind needs a rate function and a name of 1 to %d characters", MAX_NAME);
    }
    if (given.states > CNN_SCHEDULE_MAX_STATE) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "schedule %s: %" PRIu32 " numbers; at most %d are kept",
                         given.name, given.states, CNN_SCHEDULE_MAX_STATE);
    }
    cnn_schedule *made = cnn__alloc_zero(context, sizeof(*made));
    char *text = cnn__strdup(context, given.name);
    if (made == NULL || text == NULL) {
        cnn__free(context, made);
        cnn__free(context, text);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    made->context = context;
    made->main.kind = &cnn__schedule_custom;
    made->text = text;
    made->custom = given;
    made->user = user;
    *schedule = made;
    return CNN_OK;
}
