/* SPDX-License-Identifier: MIT */
#include "session/penalty.h"

#include "backend/backend.h"
#include "core/float_mode.h"
#include "session/memory.h"

static cnn_penalty_args arguments(const cnn_regularizer *regularizer, size_t n, const float *x)
{
    return (cnn_penalty_args){.struct_size = sizeof(cnn_penalty_args),
                              .n = n,
                              .l1 = regularizer->l1,
                              .l2 = regularizer->l2,
                              .scale = 1,
                              .x = x};
}

static cnn_status failed(const cnn_session *session, cnn_status status)
{
    return status == CNN_OK ? CNN_OK
                            : cnn__fail(session->context, status, "%s: penalties: backend %s: %s", session->model->name,
                                        session->context->backend.name, cnn_status_string(status));
}

static cnn_status run(const cnn_session *session, cnn_pass pass, const cnn_penalty_args *args)
{
    cnn_backend_call call;
    cnn__backend_call_init(&call, session->context, session->threads, NULL, 0);
    return failed(session, cnn_backend_run(&call, CNN_OP_PENALTY, pass, args));
}

cnn_status cnn__penalty_check(const cnn_session *session)
{
    cnn_op_answer answer;
    const cnn_penalty_args args = arguments(&(cnn_regularizer){0, 0}, 1, NULL);
    return session->program.penalties
               ? failed(session, cnn_backend_query(&session->context->backend, CNN_OP_PENALTY, &args, 1, &answer))
               : CNN_OK;
}

cnn_status cnn__penalty_parameters(const cnn_session *session, double *penalty)
{
    const cnn_model *model = session->model;
    *penalty = 0;
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn_regularizer *regularizer = &model->parameters[i].rules.regularizer;
        if (cnn__is_penalty(regularizer)) {
            double one = 0;
            cnn_penalty_args args = arguments(regularizer, model->parameters[i].values,
                                              cnn__session_parameter(session, i));
            args.result = &one;
            CNN__RETURN_IF_ERROR(run(session, CNN_PASS_FORWARD, &args));
            *penalty += one;
        }
    }
    return CNN_OK;
}

cnn_status cnn__penalty_values(cnn_session *session)
{
    const cnn__program *program = &session->program;
    session->activity_penalty = 0;
    for (uint32_t v = 0; v < program->value_count && program->penalties; v++) {
        const cnn_regularizer *regularizer = &program->values[v].penalty;
        if (cnn__is_penalty(regularizer)) {
            double one = 0;
            cnn_penalty_args args = arguments(regularizer, cnn__session_values(session, v),
                                              cnn__session_value(session, v));
            args.result = &one;
            CNN__RETURN_IF_ERROR(run(session, CNN_PASS_FORWARD, &args));
            session->activity_penalty += one / (double)session->count;
        }
    }
    return CNN_OK;
}

/* Whether the gradient of a value is there already, from the loss or from what a caller gave: that of an output's
 * logits. */
static bool is_given(const cnn__program *program, uint32_t value)
{
    for (uint32_t i = 0; i < program->output_count; i++) {
        if (program->outputs[i].logits == value) {
            return true;
        }
    }
    return false;
}

cnn_status cnn__penalty_begin_gradients(const cnn_session *session)
{
    const cnn__program *program = &session->program;
    for (uint32_t v = 0; v < program->value_count && program->penalties; v++) {
        const cnn__value *value = &program->values[v];
        if (cnn__is_penalty(&value->penalty) && value->has_gradient) {
            cnn_penalty_args args = arguments(&value->penalty, cnn__session_values(session, v),
                                              cnn__session_value(session, v));
            args.scale = (float)(session->share / (double)session->count);
            args.accumulate = is_given(program, v);
            args.dx = cnn__session_gradient_of(session, v);
            CNN__RETURN_IF_ERROR(run(session, CNN_PASS_BACKWARD, &args));
        }
    }
    return CNN_OK;
}

cnn_status cnn__penalty_end_gradients(const cnn_session *session)
{
    const cnn__program *program = &session->program;
    const cnn_model *model = session->model;
    for (uint32_t i = 0; i < model->parameter_count && program->penalties; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        if (program->trained[i] && cnn__is_penalty(&parameter->rules.regularizer)) {
            cnn_penalty_args args = arguments(&parameter->rules.regularizer, parameter->values,
                                              cnn__session_parameter(session, i));
            args.accumulate = program->written[i]; /* else nothing depends on it but its penalty */
            args.dx = cnn__session_parameter_gradient(session, i);
            CNN__RETURN_IF_ERROR(run(session, CNN_PASS_BACKWARD, &args));
        }
    }
    return CNN_OK;
}

cnn_status cnn_session_penalty(const cnn_session *session, double *penalty)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (penalty == NULL || session->count == 0) {
        return cnn__fail(session->context, penalty == NULL ? CNN_ERROR_INVALID_ARGUMENT : CNN_ERROR_STATE,
                         penalty == NULL ? "%s: no place for the penalties"
                                         : "%s: penalties are those of a forward pass",
                         session->model->name);
    }
    const cnn__float_mode mode = cnn__float_mode_enter();
    cnn_status status = cnn__penalty_parameters(session, penalty);
    cnn__float_mode_set(mode);
    *penalty += status == CNN_OK ? session->activity_penalty : 0;
    return status;
}
