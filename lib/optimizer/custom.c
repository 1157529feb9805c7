/* SPDX-License-Identifier: MIT */
/* Optimizers whose update is the caller's. */
#include "backend/backend.h"
#include "core/error.h"
#include "core/options.h"
#include "optimizer/optimizer.h"

static cnn_status update(const cnn_optimizer *optimizer, const cnn_backend_call *call, uint64_t step,
                         const cnn__update_item *item, const cnn_update_args *args, float *const *slots)
{
    (void)call;
    (void)item;
    cnn_status status = optimizer->custom.update(optimizer->user, step, args->learning_rate, args->n, args->w, args->g,
                                                 slots);
    if (status == CNN_OK) {
        return CNN_OK;
    }
    return cnn__fail(optimizer->context, status, "optimizer %s: its update in step %llu returned: %s",
                     optimizer->custom.name, (unsigned long long)step, cnn_status_string(status));
}

static void destroy(cnn_optimizer *optimizer)
{
    if (optimizer->custom.destroy != NULL) {
        optimizer->custom.destroy(optimizer->user);
    }
}

static const cnn__optimizer_kind custom_kind = {.update = update, .destroy = destroy};

cnn_status cnn_optimizer_create_custom(cnn_context *context, const cnn_optimizer_kind *kind, void *user,
                                       cnn_optimizer **optimizer)
{
    cnn_optimizer_kind given;
    CNN__RETURN_IF_ERROR(cnn__optimizer_begin(context, "optimizer", optimizer));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_optimizer_kind", kind, &given, sizeof(given)));
    if (given.name == NULL || given.name[0] == '\0' || given.update == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "optimizer: a kind needs a name and an update function");
    }
    if (given.slots > CNN__OPTIMIZER_RULE_SLOTS) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "optimizer %s: %u slots; at most %d are kept", given.name,
                         given.slots, CNN__OPTIMIZER_RULE_SLOTS);
    }
    if (cnn__backend_owns_memory(&context->backend)) {
        return cnn__fail(context, CNN_ERROR_UNSUPPORTED,
                         "optimizer %s: backend %s owns its memory, which an update function cannot read", given.name,
                         context->backend.name);
    }
    const cnn__optimizer_common common = {.learning_rate = given.learning_rate};
    CNN__RETURN_IF_ERROR(cnn__optimizer_new(context, &custom_kind, &common, optimizer));
    (*optimizer)->slots = given.slots;
    (*optimizer)->custom = given;
    (*optimizer)->user = user;
    return CNN_OK;
}
