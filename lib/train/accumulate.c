/* SPDX-License-Identifier: MIT */
/* Gradients of several batches as if they were one: their mean, weighted by the samples of each. */
#include "backend/backend.h"
#include "core/float_mode.h"
#include "train/fit.h"

cnn_status cnn__accumulator_create(cnn__accumulator *accumulator, const cnn_session *session)
{
    const size_t values = session->model->value_count;
    *accumulator = (cnn__accumulator){.bytes = values * sizeof(float)};
    accumulator->memory = cnn__backend_alloc(session->context, accumulator->bytes);
    return accumulator->memory != NULL ? CNN_OK : cnn__last_status(session->context);
}

void cnn__accumulator_free(cnn__accumulator *accumulator, cnn_context *context)
{
    if (accumulator->memory != NULL) {
        cnn__backend_free(context, accumulator->memory, accumulator->bytes);
        accumulator->memory = NULL;
    }
}

/* g += share (sum - g), as a step of SGD down their distance. */
static cnn_status join(const cnn_backend_call *call, size_t n, float *g, const float *sum, double share)
{
    const cnn_update_args args = {.struct_size = sizeof(args),
                                  .rule = CNN_UPDATE_SGD,
                                  .n = n,
                                  .w = g,
                                  .g = sum,
                                  .learning_rate = (float)share,
                                  .gradient_scale = -1,
                                  .weight_decay = 1};
    return cnn_backend_run(call, CNN_OP_UPDATE, CNN_PASS_FORWARD, &args);
}

static cnn_status keep(const cnn_backend_call *call, size_t n, const float *g, float *sum)
{
    const cnn_elementwise_args args = {.struct_size = sizeof(args),
                                       .kind = CNN_ELEMENTWISE_COPY,
                                       .outer = 1,
                                       .inner = 1,
                                       .c = (int64_t)n,
                                       .a = g,
                                       .y = sum};
    return cnn_backend_run(call, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, &args);
}

cnn_status cnn__accumulate(cnn__accumulator *accumulator, cnn_session *session, size_t samples, bool more)
{
    cnn_backend_call call;
    cnn_status status = CNN_OK;
    const double share = (double)accumulator->samples / (double)(accumulator->samples + samples);
    cnn__backend_call_init(&call, session->context, session->threads, session->memory + session->plan.workspace,
                           session->plan.workspace_size);
    const cnn__float_mode mode = cnn__float_mode_enter();
    for (uint32_t i = 0; i < session->model->parameter_count && status == CNN_OK; i++) {
        const cnn__parameter *parameter = &session->model->parameters[i];
        float *gradient = cnn__session_parameter_gradient(session, i);
        float *sum = accumulator->memory + parameter->offset;
        if (!cnn__session_trains(session, i) || gradient == NULL || parameter->values == 0) {
            continue;
        }
        status = accumulator->samples > 0 ? join(&call, parameter->values, gradient, sum, share) : CNN_OK;
        status = status == CNN_OK && more ? keep(&call, parameter->values, gradient, sum) : status;
    }
    cnn__float_mode_set(mode);
    accumulator->samples = more ? accumulator->samples + samples : 0;
    return status == CNN_OK ? CNN_OK
                            : cnn__fail(session->context, status, "%s: accumulating gradients: backend %s: %s",
                                        session->model->name, call.backend->name, cnn_status_string(status));
}
