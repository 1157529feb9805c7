/* SPDX-License-Identifier: MIT */
#include "common/weak_layer.h"

#include <string.h>

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)user, (void)backend, (void)threads, (void)input_count, (void)reason, (void)reason_size;
    spec->output = inputs[0];
    return CNN_OK;
}

static size_t bytes_of(const cnn_shape *shape)
{
    size_t bytes = sizeof(float);
    for (uint32_t i = 0; i < shape->rank; i++) {
        bytes *= (size_t)shape->dims[i];
    }
    return bytes;
}

static bool comes(uint32_t *left) { return *left > 0 && --*left == 0; }

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    test_weak_layer *weak = (test_weak_layer *)user;
    memcpy(call->output, call->inputs[0], bytes_of(&call->output_shape));
    /* What a rank without samples could not give zeros for, no caller's layer may ask of the others. */
    return call->sum != NULL || (call->training && comes(&weak->forward)) ? CNN_ERROR_CALLBACK : CNN_OK;
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    test_weak_layer *weak = (test_weak_layer *)user;
    memcpy(call->input_gradients[0], call->output_gradient, bytes_of(&call->output_shape));
    return comes(&weak->backward) ? CNN_ERROR_CALLBACK : CNN_OK;
}

cnn_layer *test_weak(cnn_context *context, test_weak_layer *weak)
{
    static const cnn_layer_kind kind = {.struct_size = sizeof(kind),
                                        .type = "Weak",
                                        .prefix = "weak",
                                        .infer = infer,
                                        .forward = forward,
                                        .backward = backward};
    return cnn_custom_layer(context, &kind, weak, NULL);
}
