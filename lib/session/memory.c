/* SPDX-License-Identifier: MIT */
/* A session's arrays, on both sides of a backend that owns its memory. */
#include "session/memory.h"

#include <string.h>

#include "backend/backend.h"

static bool is_apart(const cnn_session *session) { return cnn__backend_owns_memory(&session->context->backend); }

static size_t parameter_bytes(const cnn_session *session) { return session->model->value_count * sizeof(float); }

static size_t gradient_bytes(const cnn_session *session) { return session->program.gradient_values * sizeof(float); }

static const cnn__value *input_of(const cnn_session *session, uint32_t input)
{
    return &session->program.values[session->program.input_values[input]];
}

static bool create_inputs(cnn_session *session)
{
    cnn_context *context = session->context;
    bool complete = true;
    session->input_memory = cnn__alloc_zero(context, session->program.input_count * sizeof(*session->input_memory));
    for (uint32_t i = 0; i < session->program.input_count && session->input_memory != NULL && complete; i++) {
        session->input_memory[i] = cnn__backend_alloc(context, input_of(session, i)->values * sizeof(float));
        complete = session->input_memory[i] != NULL;
    }
    return session->input_memory != NULL && complete;
}

/* The copies on this side, and the handles that have no plan. */
static bool create_copies(cnn_session *session)
{
    cnn_context *context = session->context;
    session->host = cnn__alloc(context, session->plan.size);
    session->parameters = cnn__backend_alloc(context, parameter_bytes(session));
    if (session->program.parameter_gradients) {
        session->host_gradients = cnn__alloc_zero(context, gradient_bytes(session));
    }
    return session->host != NULL && session->parameters != NULL && create_inputs(session) &&
           (session->host_gradients != NULL || !session->program.parameter_gradients);
}

cnn_status cnn__session_memory_create(cnn_session *session)
{
    cnn_context *context = session->context;
    const bool gradients = session->program.parameter_gradients;
    session->memory = cnn__backend_alloc(context, session->plan.size);
    if (gradients && is_apart(session)) {
        session->gradients = cnn__backend_alloc(context, gradient_bytes(session));
    } else if (gradients) {
        session->gradients = cnn__alloc_zero(context, gradient_bytes(session));
    }
    if (session->memory == NULL || (session->gradients == NULL && gradients)) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    if (!is_apart(session)) {
        session->host = session->memory;
        session->host_gradients = session->gradients;
        return CNN_OK;
    }
    if (!create_copies(session)) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    session->seen = 0; /* versions begin at 1 */
    return gradients
               ? cnn__backend_copy_in(context, session->gradients, session->host_gradients, gradient_bytes(session))
               : CNN_OK;
}

void cnn__session_memory_free(cnn_session *session)
{
    cnn_context *context = session->context;
    if (is_apart(session)) {
        cnn__free(context, session->host);
        cnn__free(context, session->host_gradients);
        cnn__backend_free(context, session->parameters, parameter_bytes(session));
        for (uint32_t i = 0; session->input_memory != NULL && i < session->program.input_count; i++) {
            if (session->input_memory[i] != NULL) {
                cnn__backend_free(context, session->input_memory[i], input_of(session, i)->values * sizeof(float));
            }
        }
        cnn__free(context, session->input_memory);
    }
    cnn__backend_free(context, session->memory, session->plan.size);
    cnn__backend_free(context, session->gradients, gradient_bytes(session));
}

static cnn_status put_parameters(cnn_session *session)
{
    const cnn_model *model = session->model;
    const unsigned long version = cnn__model_version(model);
    for (uint32_t i = 0; i < model->parameter_count && session->seen != version; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        CNN__RETURN_IF_ERROR(cnn__backend_copy_in(session->context, session->parameters + parameter->offset,
                                                  parameter->data, parameter->values * sizeof(float)));
    }
    session->seen = version;
    return CNN_OK;
}

cnn_status cnn__session_memory_enter(cnn_session *session, size_t count)
{
    if (!is_apart(session)) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(put_parameters(session));
    for (uint32_t i = 0; i < session->program.input_count; i++) {
        if (session->inputs[i] != NULL) {
            const size_t values = input_of(session, i)->values / session->batch * count;
            CNN__RETURN_IF_ERROR(cnn__backend_copy_in(session->context, session->input_memory[i], session->inputs[i],
                                                      values * sizeof(float)));
        }
    }
    return CNN_OK;
}

/* Copies what lies at an offset of the block to this side. */
static cnn_status take(const cnn_session *session, size_t at, uint32_t value)
{
    return at == CNN__NOWHERE ? CNN_OK
                              : cnn__backend_copy_out(session->context, session->host + at, session->memory + at,
                                                      cnn__session_values(session, value) * sizeof(float));
}

cnn_status cnn__session_memory_leave(cnn_session *session)
{
    const cnn__program *program = &session->program;
    if (!is_apart(session)) {
        return CNN_OK;
    }
    for (uint32_t v = 0; v < program->value_count; v++) {
        if (program->values[v].kept) {
            CNN__RETURN_IF_ERROR(take(session, program->values[v].place, v));
        }
    }
    return session->training ? cnn__session_memory_take_parameters(session) : CNN_OK;
}

cnn_status cnn__session_memory_put_gradient(const cnn_session *session, uint32_t value)
{
    const size_t at = session->program.values[value].gradient_place;
    return !is_apart(session) || at == CNN__NOWHERE
               ? CNN_OK
               : cnn__backend_copy_in(session->context, session->memory + at, session->host + at,
                                      cnn__session_values(session, value) * sizeof(float));
}

cnn_status cnn__session_memory_stage(const cnn_session *session, const float *values, size_t count, float *room,
                                     const float **staged)
{
    *staged = is_apart(session) ? room : values;
    return is_apart(session) ? cnn__backend_copy_in(session->context, room, values, count * sizeof(float)) : CNN_OK;
}

cnn_status cnn__session_memory_take_gradients(const cnn_session *session)
{
    const cnn__program *program = &session->program;
    if (!is_apart(session)) {
        return CNN_OK;
    }
    for (uint32_t v = 0; v < program->value_count; v++) {
        if (program->values[v].keeps_gradient) {
            CNN__RETURN_IF_ERROR(take(session, program->values[v].gradient_place, v));
        }
    }
    return session->gradients == NULL ? CNN_OK
                                      : cnn__backend_copy_out(session->context, session->host_gradients,
                                                              session->gradients, gradient_bytes(session));
}

cnn_status cnn__session_memory_take_parameters(cnn_session *session)
{
    const cnn_model *model = session->model;
    for (uint32_t i = 0; i < model->parameter_count && is_apart(session); i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        CNN__RETURN_IF_ERROR(cnn__backend_copy_out(session->context, parameter->data,
                                                   session->parameters + parameter->offset,
                                                   parameter->values * sizeof(float)));
    }
    session->seen = cnn__model_version(model);
    return CNN_OK;
}

float *cnn__session_parameter(const cnn_session *session, uint32_t parameter)
{
    const cnn__parameter *p = &session->model->parameters[parameter];
    return session->parameters != NULL ? session->parameters + p->offset : p->data;
}

const float *cnn__session_host_value(const cnn_session *session, uint32_t index)
{
    const cnn__value *value = &session->program.values[index];
    return value->role == CNN__VALUE_INPUT ? session->inputs[value->input]
                                           : (const float *)(session->host + value->place);
}

float *cnn__session_host_gradient(const cnn_session *session, uint32_t value)
{
    const size_t at = session->program.values[value].gradient_place;
    return at == CNN__NOWHERE ? NULL : (float *)(session->host + at);
}
