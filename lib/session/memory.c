/* SPDX-License-Identifier: MIT */
/* A session's arrays, on both sides of a backend that owns its memory. */
#include "session/memory.h"

#include <string.h>

#include "backend/backend.h"

static bool is_apart(const cnn_session *session) { return cnn__backend_owns_memory(&session->context->backend); }

static size_t parameter_bytes(const cnn_session *session) { return session->model->value_count * sizeof(float); }

/* Of `count` samples of a value. */
static size_t bytes_of(const cnn_session *session, uint32_t value, size_t count)
{
    size_t values = 0;
    (void)cnn__shape_values(&session->program.shapes[value], &values);
    return values / session->batch * count * sizeof(float);
}

/* The copies on this side, and the handles that have no plan. */
static bool create_copies(cnn_session *session)
{
    cnn_context *context = session->context;
    session->host = cnn__alloc(context, session->plan.size);
    session->parameters = cnn__backend_alloc(context, parameter_bytes(session));
    session->input_memory = cnn__backend_alloc(context, bytes_of(session, 0, session->batch));
    if (session->training) {
        session->host_gradients = cnn__alloc_zero(context, parameter_bytes(session));
    }
    return session->host != NULL && session->parameters != NULL && session->input_memory != NULL &&
           (session->host_gradients != NULL || !session->training);
}

cnn_status cnn__session_memory_create(cnn_session *session)
{
    cnn_context *context = session->context;
    session->memory = cnn__backend_alloc(context, session->plan.size);
    if (session->training && is_apart(session)) {
        session->gradients = cnn__backend_alloc(context, parameter_bytes(session));
    } else if (session->training) {
        session->gradients = cnn__alloc_zero(context, parameter_bytes(session));
    }
    if (session->memory == NULL || (session->gradients == NULL && session->training)) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    if (!is_apart(session)) {
        session->host = session->memory;
        session->host_gradients = session->gradients;
        session->parameters = session->model->values;
        return CNN_OK;
    }
    if (!create_copies(session)) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    session->seen = 0; /* versions begin at 1 */
    return session->training
               ? cnn__backend_copy_in(context, session->gradients, session->host_gradients, parameter_bytes(session))
               : CNN_OK;
}

void cnn__session_memory_free(cnn_session *session)
{
    cnn_context *context = session->context;
    if (is_apart(session)) {
        cnn__free(context, session->host);
        cnn__free(context, session->host_gradients);
        cnn__backend_free(context, session->parameters, parameter_bytes(session));
        if (session->input_memory != NULL) {
            cnn__backend_free(context, session->input_memory, bytes_of(session, 0, session->batch));
        }
    }
    cnn__backend_free(context, session->memory, session->plan.size);
    cnn__backend_free(context, session->gradients, parameter_bytes(session));
}

cnn_status cnn__session_memory_enter(cnn_session *session, const float *inputs, size_t count)
{
    session->input = inputs;
    if (!is_apart(session)) {
        return CNN_OK;
    }
    const unsigned long version = atomic_load_explicit(&session->model->version, memory_order_acquire);
    if (session->seen != version) {
        CNN__RETURN_IF_ERROR(cnn__backend_copy_in(session->context, session->parameters, session->model->values,
                                                  parameter_bytes(session)));
        session->seen = version;
    }
    session->host_input = inputs;
    session->input = session->input_memory;
    return cnn__backend_copy_in(session->context, session->input_memory, inputs, bytes_of(session, 0, count));
}

static cnn_status take_value(const cnn_session *session, uint32_t value)
{
    const size_t at = session->plan.values[value];
    return at == CNN__NOWHERE ? CNN_OK
                              : cnn__backend_copy_out(session->context, session->host + at, session->memory + at,
                                                      bytes_of(session, value, session->count));
}

cnn_status cnn__session_memory_leave(cnn_session *session)
{
    const cnn__program *program = &session->program;
    if (!is_apart(session)) {
        return CNN_OK;
    }
    for (uint32_t v = 0; (program->flags & CNN__PROGRAM_WHOLE) != 0 && v < program->value_count; v++) {
        CNN__RETURN_IF_ERROR(take_value(session, v));
    }
    CNN__RETURN_IF_ERROR(take_value(session, program->output));
    CNN__RETURN_IF_ERROR(take_value(session, program->logits));
    return session->training ? cnn__session_memory_take_parameters(session) : CNN_OK;
}

cnn_status cnn__session_memory_put_gradient(const cnn_session *session)
{
    const uint32_t logits = session->program.logits;
    const size_t at = session->plan.gradients[logits];
    return !is_apart(session) || at == CNN__NOWHERE
               ? CNN_OK
               : cnn__backend_copy_in(session->context, session->memory + at, session->host + at,
                                      bytes_of(session, logits, session->count));
}

cnn_status cnn__session_memory_take_gradients(const cnn_session *session)
{
    return is_apart(session) ? cnn__backend_copy_out(session->context, session->host_gradients, session->gradients,
                                                     parameter_bytes(session))
                             : CNN_OK;
}

cnn_status cnn__session_memory_take_parameters(cnn_session *session)
{
    if (!is_apart(session)) {
        return CNN_OK;
    }
    session->seen = atomic_load_explicit(&session->model->version, memory_order_acquire);
    return cnn__backend_copy_out(session->context, session->model->values, session->parameters,
                                 parameter_bytes(session));
}

const float *cnn__session_host_value(const cnn_session *session, uint32_t value)
{
    if (value == 0) {
        return is_apart(session) ? session->host_input : session->input;
    }
    return (const float *)(session->host + session->plan.values[value]);
}

float *cnn__session_host_gradient(const cnn_session *session, uint32_t value)
{
    const size_t at = session->plan.gradients[value];
    return at == CNN__NOWHERE ? NULL : (float *)(session->host + at);
}
