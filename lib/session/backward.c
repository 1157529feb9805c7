/* SPDX-License-Identifier: MIT */
/* Running a session backward, from gradients of its outputs. */
#include <string.h>

#include "backend/backend.h"
#include "core/float_mode.h"
#include "session/exchange.h"
#include "session/frame.h"
#include "session/hook.h"
#include "session/memory.h"
#include "session/penalty.h"
#include "session/request.h"
#include "session/trace.h"

/* Hands out temporaries after an op's scratch. */
static float *take_temporary(char **temporary, size_t values)
{
    float *taken = (float *)*temporary;
    *temporary += cnn__align_size(values * sizeof(float));
    return taken;
}

/* Gives each gradient its place: its own, or a temporary where the plan says that it is added to what is there. */
static void place_gradients(const cnn_session *session, const cnn__op *op, cnn__frame *f)
{
    char *temporary = session->memory + session->plan.workspace + cnn__align_size(op->spec.workspace_size);
    for (uint32_t i = 0; i < op->input_count; i++) {
        const cnn__value *input = &session->program.values[op->inputs[i]];
        f->input_gradients[i] = !input->has_gradient               ? NULL
                                : (op->accumulates >> i & 1u) != 0 ? take_temporary(&temporary, input->values)
                                                                   : cnn__session_gradient_of(session, op->inputs[i]);
    }
    for (uint32_t i = 0; i < op->parameter_count && op->adds_parameters; i++) {
        if (f->parameter_gradients[i] != NULL) {
            f->parameter_gradients[i] = take_temporary(&temporary,
                                                       session->model->parameters[op->parameters[i]].values);
        }
    }
}

static cnn_status add(const cnn_backend_call *call, size_t values, float *sum, const float *term)
{
    const cnn_elementwise_args args = {.struct_size = sizeof(args),
                                       .kind = CNN_ELEMENTWISE_ADD,
                                       .outer = 1,
                                       .inner = 1,
                                       .c = (int64_t)values,
                                       .a = sum,
                                       .b = term,
                                       .y = sum};
    return cnn_backend_run(call, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, &args);
}

static cnn_status add_inputs(const cnn_session *session, const cnn__op *op, const cnn__frame *f)
{
    for (uint32_t i = 0; i < op->input_count; i++) {
        if ((op->accumulates >> i & 1u) != 0) {
            CNN__RETURN_IF_ERROR(add(&f->backend, cnn__session_values(session, op->inputs[i]),
                                     cnn__session_gradient_of(session, op->inputs[i]), f->input_gradients[i]));
        }
    }
    return CNN_OK;
}

static cnn_status add_parameters(const cnn_session *session, const cnn__op *op, const cnn__frame *f)
{
    for (uint32_t i = 0; i < op->parameter_count && op->adds_parameters; i++) {
        const cnn__parameter *parameter = &session->model->parameters[op->parameters[i]];
        if (f->parameter_gradients[i] != NULL) {
            CNN__RETURN_IF_ERROR(add(&f->backend, parameter->values,
                                     cnn__session_parameter_gradient(session, op->parameters[i]),
                                     f->parameter_gradients[i]));
        }
    }
    return CNN_OK;
}

static float *const nowhere[CNN_LAYER_MAX_INPUTS + CNN_LAYER_MAX_PARAMETERS] = {NULL};

/* For a trace: the gradients of the parameters, then that of the input, each with its time. The first of them replaces
 * the gradient of the output by that before the epilogue's activation. */
static cnn_status backward_in_parts(const cnn_session *session, const cnn__op *op, cnn__frame *f)
{
    double begin = cnn__trace_begin(session);
    f->call.input_gradients = nowhere;
    if (op->has_trained) {
        f->call.parameter_gradients = f->parameter_gradients;
        CNN__RETURN_IF_ERROR(op->kind->backward(op->user, &f->call));
        CNN__RETURN_IF_ERROR(add_parameters(session, op, f));
        cnn__trace_report(session, op, CNN_TRACE_BACKWARD_FILTER, begin);
        f->call.derived = 1;
    }
    f->call.input_gradients = f->input_gradients;
    f->call.parameter_gradients = nowhere;
    if (f->input_gradients[0] == NULL) {
        return CNN_OK;
    }
    begin = cnn__trace_begin(session);
    CNN__RETURN_IF_ERROR(op->kind->backward(op->user, &f->call));
    CNN__RETURN_IF_ERROR(add_inputs(session, op, f));
    cnn__trace_report(session, op, CNN_TRACE_BACKWARD_DATA, begin);
    return CNN_OK;
}

static cnn_status run_backward(const cnn_session *session, uint32_t index)
{
    const cnn__op *op = &session->program.ops[index];
    const double begin = cnn__trace_begin(session);
    cnn__frame f;
    if (op->kind->backward == NULL) {
        return CNN_ERROR_UNSUPPORTED;
    }
    cnn__frame_open(session, index, &f);
    place_gradients(session, op, &f);
    f.call.output_gradient = cnn__session_gradient_of(session, op->output);
    if (session->trace != NULL && op->type != NULL && op->type->describe != NULL) {
        return backward_in_parts(session, op, &f);
    }
    f.call.input_gradients = f.input_gradients;
    f.call.parameter_gradients = f.parameter_gradients;
    CNN__RETURN_IF_ERROR(op->kind->backward(op->user, &f.call));
    CNN__RETURN_IF_ERROR(add_inputs(session, op, &f));
    CNN__RETURN_IF_ERROR(add_parameters(session, op, &f));
    cnn__trace_report(session, op, CNN_TRACE_BACKWARD, begin);
    return CNN_OK;
}

static cnn_status run_ops(cnn_session *session)
{
    for (uint32_t k = session->program.op_count; k-- > 0;) {
        const cnn__op *op = &session->program.ops[k];
        CNN__RETURN_IF_ERROR(cnn__hook_backward(session, op->output));
        cnn_status status = op->has_backward ? run_backward(session, k) : CNN_OK;
        if (status != CNN_OK) {
            return cnn__session_name_failure(session, op, status, "backward");
        }
        CNN__RETURN_IF_ERROR(cnn__exchange_after(session, k));
    }
    return cnn__hook_inputs(session);
}

static cnn_status run_all(cnn_session *session)
{
    session->can_go_back = session->program.repeats;
    cnn_status status = cnn__penalty_begin_gradients(session);
    status = status == CNN_OK ? run_ops(session) : status;
    status = status == CNN_OK ? cnn__exchange_end(session) : status;
    if (session->exchange == NULL || !session->exchange->held) {
        status = status == CNN_OK ? cnn__penalty_end_gradients(session) : status;
    }
    status = status == CNN_OK ? cnn__session_memory_take_gradients(session) : status;
    session->has_gradients = status == CNN_OK;
    return status;
}

static cnn_status check_backward(const cnn_session *session)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (session->count > 0 && !session->can_go_back) {
        return cnn__fail(session->context, CNN_ERROR_STATE,
                         "%s: a second backward pass needs a forward pass before it, or a session that lists values in "
                         "`gradients`",
                         session->model->name);
    }
    if (session->count == 0 || (!session->program.has_backward && session->gradients == NULL)) {
        return cnn__fail(session->context, CNN_ERROR_STATE,
                         "%s: backward needs a forward pass of a training session, or of one with gradients",
                         session->model->name);
    }
    return CNN_OK;
}

void cnn__session_forget_losses(cnn_session *session)
{
    session->has_loss = false;
    for (uint32_t i = 0; i < session->program.output_count; i++) {
        session->program.outputs[i].has_loss = false;
    }
}

/* Whether these logits have a gradient already, by a loss of an output that ends in them. */
static bool has_loss(const cnn_session *session, uint32_t logits)
{
    for (uint32_t i = 0; i < session->program.output_count; i++) {
        if (session->program.outputs[i].has_loss && session->program.outputs[i].logits == logits) {
            return true;
        }
    }
    return false;
}

/* Outputs that nothing is said of: their logits' gradient is zero, where no other output has the same ones. */
static cnn_status clear_others(const cnn_session *session)
{
    for (uint32_t i = 0; i < session->program.output_count; i++) {
        const cnn__output *output = &session->program.outputs[i];
        float *place = cnn__session_gradient_of(session, output->logits);
        if (place != NULL && !has_loss(session, output->logits)) {
            cnn_backend_call call;
            const cnn_fill_args args = {
                .struct_size = sizeof(args), .n = cnn__session_values(session, output->logits), .y = place};
            cnn__backend_call_init(&call, session->context, session->threads, NULL, 0);
            CNN__RETURN_IF_ERROR(cnn_backend_run(&call, CNN_OP_FILL, CNN_PASS_FORWARD, &args));
        }
    }
    return CNN_OK;
}

static cnn_status go_back(cnn_session *session, const float *given)
{
    cnn__output *output = cnn__session_output(session);
    float *place = cnn__session_host_gradient(session, output->logits);
    if (given != NULL) {
        cnn__session_forget_losses(session);
        output->has_loss = true;
    }
    if (given != NULL && place != NULL) {
        memcpy(place, given, cnn__session_values(session, output->logits) * sizeof(float)); /* to this side */
        CNN__RETURN_IF_ERROR(cnn__session_memory_put_gradient(session, output->logits));
    }
    CNN__RETURN_IF_ERROR(clear_others(session));
    cnn__session_forget_losses(session);
    return run_all(session);
}

/* What fails on one rank leaves no other waiting: zeros take the place of what was not given. */
static cnn_status settle(cnn_session *session, cnn_status status)
{
    if (status != CNN_OK && session->exchange != NULL) {
        (void)cnn__exchange_nothing(session); /* the first failure is the one to tell */
        session->has_gradients = false;
    }
    return status;
}

/* The pass of a rank that has no samples of the batch. */
static cnn_status go_back_without(cnn_session *session)
{
    session->passes += session->training; /* the next random numbers are those that the others have */
    return cnn__exchange_nothing(session);
}

cnn_status cnn_session_backward(cnn_session *session, const float *logit_gradients)
{
    const bool nothing = session != NULL && cnn__exchange_has_no_samples(session);
    CNN__RETURN_IF_ERROR(nothing ? CNN_OK : check_backward(session));
    if (logit_gradients == NULL && !session->has_loss && !nothing) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: backward needs cnn_session_loss() or a gradient",
                         session->model->name);
    }
    const cnn__float_mode mode = cnn__float_mode_enter();
    cnn__exchange_begin(session);
    cnn_status status = nothing ? go_back_without(session) : settle(session, go_back(session, logit_gradients));
    cnn__float_mode_set(mode);
    return status;
}

cnn_status cnn__session_head_backward(cnn_session *session, const cnn__output *output, const float *output_gradient,
                                      float *logit_gradient)
{
    cnn__frame f;
    cnn__frame_open(session, output->head, &f);
    f.input_gradients[0] = logit_gradient;
    f.call.output_gradient = (float *)output_gradient; /* an activation alone only reads it */
    f.call.input_gradients = f.input_gradients;
    f.call.parameter_gradients = f.parameter_gradients;
    const cnn__op *op = &session->program.ops[output->head];
    return op->kind->backward(op->user, &f.call);
}

cnn_status cnn__session_find_output(const cnn_session *session, const char *name, cnn__output **output)
{
    cnn__wanted wanted;
    *output = cnn__session_output(session);
    if (name == NULL) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(cnn__request_find(session->model, name, &wanted));
    for (uint32_t i = 0; i < session->program.output_count; i++) {
        *output = &session->program.outputs[i];
        if ((*output)->wanted.reference == wanted.reference && (*output)->wanted.linear == wanted.linear) {
            return CNN_OK;
        }
    }
    return cnn__fail(session->context, CNN_ERROR_NOT_FOUND, "%s: \"%s\" is not an output of the session",
                     session->model->name, name);
}

/* Adds a gradient from outside to those that the logits of an output have; by way of the workspace. */
static cnn_status add_given(cnn_session *session, const cnn_output_gradient *given)
{
    cnn__output *output = NULL;
    CNN__RETURN_IF_ERROR(cnn__session_find_output(session, given->output, &output));
    float *place = cnn__session_gradient_of(session, output->logits);
    if (place == NULL) {
        return CNN_OK; /* nothing before it has a gradient */
    }
    const size_t values = cnn__session_values(session, output->logits);
    float *temporary = (float *)(session->memory + session->plan.workspace);
    const float *gradient = NULL;
    CNN__RETURN_IF_ERROR(cnn__session_memory_stage(session, given->values, values, temporary, &gradient));
    if (output->head != CNN__NO_OP && !given->of_logits) {
        CNN__RETURN_IF_ERROR(cnn__session_head_backward(session, output, gradient, temporary));
        gradient = temporary;
    }
    cnn_backend_call call;
    cnn__backend_call_init(&call, session->context, session->threads, NULL, 0);
    return add(&call, values, place, gradient);
}

cnn_status cnn_session_backward_from(cnn_session *session, const cnn_output_gradient *gradients, size_t count)
{
    CNN__RETURN_IF_ERROR(check_backward(session));
    bool sound = gradients != NULL && count > 0;
    for (size_t i = 0; sound && i < count; i++) {
        sound = gradients[i].values != NULL;
    }
    if (!sound) {
        return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no gradient to begin with",
                         session->model->name);
    }
    const cnn__float_mode mode = cnn__float_mode_enter();
    cnn__session_forget_losses(session);
    cnn__exchange_begin(session);
    cnn_status status = clear_others(session);
    for (size_t i = 0; i < count && status == CNN_OK; i++) {
        status = add_given(session, &gradients[i]);
    }
    status = settle(session, status == CNN_OK ? run_all(session) : status);
    cnn__float_mode_set(mode);
    return status;
}
