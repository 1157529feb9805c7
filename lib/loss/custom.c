/* SPDX-License-Identifier: MIT */
/* Losses whose formula is a program's own. */
#include "core/error.h"
#include "core/memory.h"
#include "core/options.h"
#include "loss/loss.h"

static double row_loss(cnn__loss_row *row)
{
    const cnn_loss *loss = row->loss;
    const cnn_loss_sample sample = {
        .struct_size = sizeof(sample),
        .outputs = row->outputs,
        .z = row->z,
        .label = row->label,
        .values = row->values,
        .gradient = row->gradient,
    };
    double value = 0;
    row->status = loss->custom.sample(loss->user, &sample, &value);
    for (size_t j = 0; row->gradient != NULL && j < row->outputs; j++) {
        row->gradient[j] = (float)(row->gradient[j] * row->scale);
    }
    return value;
}

cnn_status cnn_loss_create_custom(cnn_context *context, const cnn_loss_kind *kind, void *user, cnn_loss **loss)
{
    cnn_loss_kind given;
    if (loss == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "loss: no place for the handle");
    }
    *loss = NULL;
    if (context == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_loss_kind", kind, &given, sizeof(given)));
    if (given.name == NULL || given.name[0] == '\0' || given.sample == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "loss: a kind needs a name and a sample function");
    }
    cnn_loss *made = cnn__alloc_zero(context, sizeof(*made));
    if (made == NULL) {
        return cnn__last_status(context);
    }
    made->context = context;
    made->custom = given;
    made->user = user;
    made->own = (cnn__loss_kind){
        .name = given.name,
        .on_output = given.on_output != 0,
        .probabilities = given.probabilities != 0,
        .least_outputs = given.least_outputs > 0 ? given.least_outputs : 1,
        .row = row_loss,
    };
    made->kind = &made->own;
    *loss = made;
    return CNN_OK;
}
