/* SPDX-License-Identifier: MIT */
/* Running a session forward. */
#include "backend/backend.h"
#include "core/float_mode.h"
#include "core/rng.h"
#include "session/exchange.h"
#include "session/frame.h"
#include "session/hook.h"
#include "session/memory.h"
#include "session/penalty.h"
#include "session/request.h"
#include "session/trace.h"

void cnn__frame_open(const cnn_session *session, uint32_t index, cnn__frame *f)
{
    const cnn__op *op = &session->program.ops[index];
    const size_t samples = session->part > 0 ? session->part : session->count;
    cnn__backend_call_init(&f->backend, session->context, session->threads, session->memory + session->plan.workspace,
                           session->plan.workspace_size);
    for (uint32_t i = 0; i < op->input_count; i++) {
        f->input_shapes[i] = cnn__session_shape_of(session, op->inputs[i], samples);
        f->inputs[i] = cnn__session_value(session, op->inputs[i]);
    }
    for (uint32_t i = 0; i < op->parameter_count; i++) {
        f->parameters[i] = cnn__session_parameter(session, op->parameters[i]);
        f->parameter_gradients[i] = op->has_trained ? cnn__session_parameter_gradient(session, op->parameters[i])
                                                    : NULL;
    }
    f->call = (cnn_layer_call){
        .struct_size = sizeof(f->call),
        .backend = &f->backend,
        .training = session->training && !op->settled,
        .input_count = op->input_count,
        .input_shapes = f->input_shapes,
        .output_shape = cnn__session_shape_of(session, op->output, samples),
        .inputs = f->inputs,
        .output = (float *)cnn__session_value(session, op->output),
        .parameters = f->parameters,
        .saved = op->saved == CNN__NOWHERE ? NULL : session->memory + op->saved,
        .frozen = op->frozen,
        .answer = op->spec.answer.backend != NULL ? &op->spec.answer : NULL,
        .before = session->before,
        .sum = cnn__exchange_shares(session, op) ? cnn__exchange_sum : NULL,
        .sum_user = (void *)session,
    };
    cnn__rng_key(session->context->seed, CNN__STREAM_DROPOUT, session->passes, op->node, f->call.key);
}

cnn_status cnn__session_name_failure(const cnn_session *session, const cnn__op *op, cnn_status status, const char *pass)
{
    return cnn__fail(session->context, status, "%s: layer \"%s\" (%s) failed %s: %s", session->model->name,
                     session->model->nodes[op->node].name, op->kind->type, pass, cnn_status_string(status));
}

/* Adds to `seconds` what it took, if that is asked. */
static cnn_status run_forward(const cnn_session *session, uint32_t index, double *seconds)
{
    const cnn__op *op = &session->program.ops[index];
    const void *prepared = NULL;
    cnn__frame f;
    cnn__frame_open(session, index, &f);
    double begin = cnn__trace_begin(session);
    cnn_status status = CNN_OK;
    if (session->prepared[index] == NULL) {
        status = op->kind->forward(op->user, &f.call);
    } else {
        bool current = cnn__prepared_is_current(session->model, session->prepared[index], op);
        status = cnn__prepared_data(session->model, session->prepared[index], op, &f.call, &prepared);
        if (!current && status == CNN_OK) {
            cnn__trace_report(session, op, CNN_TRACE_PREPARE, begin);
            begin = cnn__trace_begin(session);
        }
        status = status == CNN_OK ? op->type->forward_prepared(op->user, &f.call, prepared) : status;
    }
    *seconds += cnn__trace_begin(session) - begin;
    return status == CNN_OK ? CNN_OK : cnn__session_name_failure(session, op, status, "forward");
}

cnn_status cnn_session_set_input(cnn_session *session, const char *name, const float *values)
{
    cnn__wanted wanted;
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    CNN__RETURN_IF_ERROR(cnn__request_find(session->model, name, &wanted));
    const bool given = wanted.reference == session->program.given && !wanted.linear;
    if ((wanted.reference & CNN__INPUT) == 0 && !given) {
        return cnn__fail(session->context, CNN_ERROR_NOT_FOUND, "%s: \"%s\" is a layer, not an input",
                         session->model->name, name);
    }
    if (values == NULL) {
        return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no samples are given for input \"%s\"",
                         session->model->name, name);
    }
    session->inputs[given ? session->program.input_count - 1 : wanted.reference & ~CNN__INPUT] = values;
    return CNN_OK;
}

/* Inputs that no operation reads may be left out. */
static cnn_status check_inputs(const cnn_session *session)
{
    const cnn__program *program = &session->program;
    for (uint32_t i = 0; i < program->input_count; i++) {
        const cnn__value *value = &program->values[program->input_values[i]];
        if (session->inputs[i] == NULL && (value->is_read || value->kept)) {
            return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: there are no samples for input \"%s\"",
                             session->model->name,
                             i < session->model->input_count ? session->model->inputs[i].name
                                                             : session->model->nodes[program->given].name);
        }
    }
    return CNN_OK;
}

/* Reports an operation that has run on all samples. */
static cnn_status finish_forward(const cnn_session *session, const cnn__op *op, double seconds)
{
    cnn__trace_report(session, op, CNN_TRACE_FORWARD, cnn__trace_begin(session) - seconds);
    return cnn__hook_forward(session, op->output);
}

static cnn_status run_stretch(cnn_session *session, const cnn__stretch *stretch)
{
    cnn__op *ops = session->program.ops;
    cnn_status status = CNN_OK;
    for (uint32_t k = stretch->begin; k < stretch->end; k++) {
        ops[k].seconds = 0;
    }
    for (size_t first = 0; first < session->count && status == CNN_OK; first += stretch->samples) {
        const size_t rest = session->count - first;
        session->first = first;
        session->part = rest < stretch->samples ? rest : stretch->samples;
        for (uint32_t k = stretch->begin; k < stretch->end && status == CNN_OK; k++) {
            status = run_forward(session, k, &ops[k].seconds);
        }
    }
    session->first = session->part = 0;
    for (uint32_t k = stretch->begin; k < stretch->end && status == CNN_OK; k++) {
        status = finish_forward(session, &ops[k], ops[k].seconds);
    }
    return status;
}

static cnn_status run_all(cnn_session *session)
{
    const cnn__program *program = &session->program;
    uint32_t next;
    for (uint32_t k = 0; k < program->op_count; k = next) {
        const cnn__stretch stretch = program->ops[k].stretch;
        double seconds = 0;
        next = stretch.samples > 0 ? stretch.end : k + 1;
        if (stretch.samples > 0) {
            CNN__RETURN_IF_ERROR(run_stretch(session, &stretch));
            continue;
        }
        CNN__RETURN_IF_ERROR(run_forward(session, k, &seconds));
        CNN__RETURN_IF_ERROR(finish_forward(session, &program->ops[k], seconds));
    }
    return CNN_OK;
}

cnn_status cnn_session_forward(cnn_session *session, const float *inputs, size_t count)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (count == 0 || count > session->batch) {
        return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: %zu samples for a session of 1 to %u",
                         session->model->name, count, session->batch);
    }
    const uint32_t first = cnn__program_first_input(&session->program);
    session->inputs[first] = inputs != NULL ? inputs : session->inputs[first];
    CNN__RETURN_IF_ERROR(check_inputs(session));
    session->count = 0;
    cnn__session_forget_losses(session);
    session->has_gradients = session->can_go_back = false;
    CNN__RETURN_IF_ERROR(cnn__session_memory_enter(session, count));
    session->count = count;
    session->passes += session->training;
    if (session->training) {
        cnn__model_note_changes(session->model, session->program.observed);
    }
    const cnn__float_mode mode = cnn__float_mode_enter();
    cnn_status status = run_all(session);
    status = status == CNN_OK ? cnn__penalty_values(session) : status;
    cnn__float_mode_set(mode);
    status = status == CNN_OK ? cnn__session_memory_leave(session) : status;
    session->count = status == CNN_OK ? count : 0;
    session->can_go_back = status == CNN_OK;
    return status;
}
