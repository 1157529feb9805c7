/* SPDX-License-Identifier: MIT */
/* Optimizers as handles: checks of options, creation, the public accessors. */
#include "optimizer/optimizer.h"

#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

cnn_status cnn__optimizer_check(const cnn_context *context, const char *name, const cnn__number_check *checks,
                                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const cnn__number_check *check = &checks[i];
        if (!isfinite(check->value) || check->value < 0) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s is %g; expected a finite number from 0 on",
                             name, check->name, (double)check->value);
        }
        if (check->limit > 0 && check->value >= check->limit) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s is %g; expected less than %g", name,
                             check->name, (double)check->value, (double)check->limit);
        }
    }
    return CNN_OK;
}

cnn_status cnn__optimizer_check_switch(const cnn_context *context, const char *name, const char *option, int32_t value)
{
    if (value != 0 && value != 1) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s is %d; expected 0 or 1", name, option,
                         (int)value);
    }
    return CNN_OK;
}

cnn_status cnn__optimizer_check_convention(const cnn_context *context, const char *name, int32_t convention)
{
    if (convention < CNN_KERAS || convention > CNN_TENSORFLOW1) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "%s: convention %d is none of CNN_KERAS, CNN_PYTORCH and CNN_TENSORFLOW1", name,
                         (int)convention);
    }
    return CNN_OK;
}

cnn_status cnn__optimizer_begin(cnn_context *context, const char *name, cnn_optimizer **optimizer)
{
    if (optimizer == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: no place for the handle", name);
    }
    *optimizer = NULL;
    return context != NULL ? CNN_OK : CNN_ERROR_INVALID_ARGUMENT;
}

cnn_status cnn__optimizer_new(cnn_context *context, const cnn__optimizer_kind *kind,
                              const cnn__optimizer_common *common, cnn_optimizer **optimizer)
{
    const char *name = kind->name != NULL ? kind->name : "optimizer";
    const cnn__number_check checks[] = {
        {"learning_rate", common->learning_rate, 0},
        {"weight_decay", common->weight_decay, 0},
        {"clip_norm", common->clip_norm, 0},
        {"clip_value", common->clip_value, 0},
    };
    CNN__RETURN_IF_ERROR(cnn__optimizer_check(context, name, checks, sizeof(checks) / sizeof(checks[0])));
    CNN__RETURN_IF_ERROR(cnn__optimizer_check_switch(context, name, "decay_kernels_only", common->decay_kernels_only));
    cnn_optimizer *made = cnn__alloc_zero(context, sizeof(*made));
    if (made == NULL) {
        return cnn__last_status(context);
    }
    made->context = context;
    made->kind = kind;
    made->decay_kernels_only = common->decay_kernels_only != 0;
    made->clip_norm = common->clip_norm;
    made->args.struct_size = sizeof(made->args);
    made->args.learning_rate = common->learning_rate;
    made->args.weight_decay = common->weight_decay;
    made->args.clip = common->clip_value;
    *optimizer = made;
    return CNN_OK;
}

void cnn_optimizer_free(cnn_optimizer *optimizer)
{
    if (optimizer == NULL) {
        return;
    }
    if (optimizer->kind->destroy != NULL) {
        optimizer->kind->destroy(optimizer);
    }
    cnn__optimizer_release(optimizer);
    cnn__optimizer_free_groups(optimizer);
    cnn__free(optimizer->context, optimizer);
}

const char *cnn_optimizer_name(const cnn_optimizer *optimizer)
{
    if (optimizer == NULL) {
        return NULL;
    }
    return optimizer->kind->name != NULL ? optimizer->kind->name : optimizer->custom.name;
}

float cnn_optimizer_learning_rate(const cnn_optimizer *optimizer)
{
    return optimizer != NULL ? optimizer->args.learning_rate : 0;
}

cnn_status cnn_optimizer_set_learning_rate(cnn_optimizer *optimizer, float learning_rate)
{
    const cnn__number_check check = {"learning_rate", learning_rate, 0};
    if (optimizer == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    CNN__RETURN_IF_ERROR(cnn__optimizer_check(optimizer->context, cnn_optimizer_name(optimizer), &check, 1));
    optimizer->args.learning_rate = learning_rate;
    return CNN_OK;
}

uint64_t cnn_optimizer_steps(const cnn_optimizer *optimizer) { return optimizer != NULL ? optimizer->steps : 0; }

uint32_t cnn__optimizer_slots(const cnn_optimizer *optimizer) { return optimizer->slots; }

size_t cnn__optimizer_values(const cnn_optimizer *optimizer) { return optimizer->values; }

float *cnn__optimizer_slot(const cnn_optimizer *optimizer, uint32_t slot)
{
    return optimizer->memory != NULL ? optimizer->host + slot * optimizer->stride : NULL;
}

void cnn__optimizer_numbers(const cnn_optimizer *optimizer, cnn__optimizer_number numbers[CNN__OPTIMIZER_NUMBERS])
{
    const cnn_update_args *args = &optimizer->args;
    const char *beta2 = optimizer->kind->beta2_name != NULL ? optimizer->kind->beta2_name : "beta2";
    const cnn__optimizer_number all[CNN__OPTIMIZER_NUMBERS] = {
        {"momentum", args->momentum},
        {"nesterov", args->nesterov},
        {"beta1", args->beta1},
        {beta2, args->beta2},
        {"epsilon", args->epsilon},
        {"variant", args->variant},
        {"weight_decay", args->weight_decay},
        {"decay_kernels_only", optimizer->decay_kernels_only},
        {"clip_norm", optimizer->clip_norm},
        {"clip_value", args->clip},
        {"iterations", optimizer->muon.iterations},
        {"other_factor", optimizer->muon.other_factor},
        {"other_momentum", optimizer->muon.other_momentum},
        {"normalize", optimizer->muon.normalize},
        {"lookahead_every", optimizer->lookahead_every},
        {"lookahead_alpha", optimizer->lookahead_alpha},
    };
    memcpy(numbers, all, sizeof(all));
}

void cnn__optimizer_set_steps(cnn_optimizer *optimizer, uint64_t steps) { optimizer->steps = steps; }

const void *cnn__optimizer_owner(const cnn_optimizer *optimizer) { return optimizer->owner; }

void cnn__optimizer_set_owner(cnn_optimizer *optimizer, const void *owner) { optimizer->owner = owner; }
