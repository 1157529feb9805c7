/* SPDX-License-Identifier: MIT */
/* Batch normalisation by given statistics. */
#include "core/memory.h"
#include "functional/functional.h"

/* A parameter that was left out: `count` times a value, or what is given. NULL without memory. */
static float *stand_in(cnn_context *context, const cnn_tensor *mean, float value)
{
    const size_t count = (size_t)mean->shape.dims[0];
    float *values = cnn__alloc_array(context, count, sizeof(*values));
    for (size_t i = 0; values != NULL && i < count; i++) {
        values[i] = value;
    }
    return values;
}

cnn_status cnn_functional_batch_norm(cnn_context *context, const cnn_batch_norm_options *options, const cnn_tensor *x,
                                     const cnn_tensor *gamma, const cnn_tensor *beta, const cnn_tensor *mean,
                                     const cnn_tensor *variance, cnn_tensor *y)
{
    static const char what[] = "cnn_functional_batch_norm";
    const cnn__operand statistics[] = {{"mean", mean}, {"variance", variance}};
    int32_t channels = 0;
    if (context == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    for (int i = 0; i < 2; i++) {
        CNN__RETURN_IF_ERROR(cnn__functional_agree(context, what, &statistics[i], 1, 0, "channels", &channels));
    }
    cnn_tensor one = {gamma == NULL ? stand_in(context, mean, 1) : NULL, mean->shape};
    cnn_tensor zero = {beta == NULL ? stand_in(context, mean, 0) : NULL, mean->shape};
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    if ((gamma != NULL || one.data != NULL) && (beta != NULL || zero.data != NULL)) {
        const cnn__operands operands = {{{"x", x}},
                                        {{"gamma", gamma != NULL ? gamma : &one},
                                         {"beta", beta != NULL ? beta : &zero},
                                         {"mean", mean},
                                         {"variance", variance}}};
        status = cnn__functional_run(context, what, cnn_batch_norm(context, options), &operands, y);
    }
    cnn__free(context, one.data);
    cnn__free(context, zero.data);
    return status;
}
