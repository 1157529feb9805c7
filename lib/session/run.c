/* SPDX-License-Identifier: MIT */
/* Running a session forward and backward. */
#include <string.h>

#include "backend/backend.h"
#include "core/float_mode.h"
#include "core/rng.h"
#include "session/trace.h"

/* A layer call with the arrays that it points to. */
typedef struct frame {
    cnn_layer_call call;
    cnn_backend_call backend;
    cnn_shape input_shapes[CNN_LAYER_MAX_INPUTS];
    const float *inputs[CNN_LAYER_MAX_INPUTS];
    float *input_gradients[CNN_LAYER_MAX_INPUTS];
    float *parameters[CNN_LAYER_MAX_PARAMETERS]; /* the op's own, then those of the node that it took over */
    float *parameter_gradients[CNN_LAYER_MAX_PARAMETERS];
} frame;

static void open_frame(const cnn_session *session, uint32_t index, frame *f)
{
    const cnn__op *op = &session->program.ops[index];
    const cnn_model *model = session->model;
    const cnn__node *node = &model->nodes[op->node];
    char *workspace = session->memory + session->plan.workspace;
    cnn__backend_call_init(&f->backend, session->context, session->threads, workspace, session->plan.workspace_size);
    for (uint32_t i = 0; i < op->input_count; i++) {
        f->input_shapes[i] = cnn__session_shape(session, op->inputs[i]);
        f->inputs[i] = cnn__session_value(session, op->inputs[i]);
    }
    for (uint32_t i = 0; i < op->spec.parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[node->first_parameter + i];
        /* Gradients of kernel and bias are one product: where one of them is trained, both have their place. */
        bool wanted = op->type != NULL ? op->has_trained && parameter->trainable
                                       : cnn__session_trains(session, node->first_parameter + i);
        f->parameters[i] = model->values + parameter->offset;
        f->parameter_gradients[i] = session->training && wanted ? session->gradients + parameter->offset : NULL;
    }
    if (op->absorbed != CNN__NO_NODE) {
        const cnn__node *absorbed = &model->nodes[op->absorbed];
        for (uint32_t i = 0; i < absorbed->parameter_count; i++) {
            f->parameters[op->spec.parameter_count + i] = model->values +
                                                          model->parameters[absorbed->first_parameter + i].offset;
        }
    }
    size_t saved = session->plan.saved[index];
    f->call = (cnn_layer_call){
        .struct_size = sizeof(f->call),
        .backend = &f->backend,
        .training = session->training,
        .input_count = op->input_count,
        .input_shapes = f->input_shapes,
        .output_shape = cnn__session_shape(session, op->output),
        .inputs = f->inputs,
        .output = (float *)cnn__session_value(session, op->output),
        .parameters = f->parameters,
        .saved = saved == CNN__NOWHERE ? NULL : session->memory + saved,
        .frozen = op->frozen,
    };
    cnn__rng_key(session->context->seed, CNN__STREAM_DROPOUT, session->passes, op->node, f->call.key);
}

static cnn_status name_failure(const cnn_session *session, const cnn__op *op, cnn_status status, const char *pass)
{
    return cnn__fail(session->context, status, "%s: layer \"%s\" (%s) failed %s: %s", session->model->name,
                     session->model->nodes[op->node].name, op->kind->type, pass, cnn_status_string(status));
}

static cnn_status run_forward(const cnn_session *session, uint32_t index)
{
    const cnn__op *op = &session->program.ops[index];
    const void *prepared = NULL;
    frame f;
    open_frame(session, index, &f);
    double begin = cnn__trace_begin(session);
    cnn_status status = CNN_OK;
    if (session->prepared[index] == NULL) {
        status = op->kind->forward(op->user, &f.call);
    } else {
        bool current = cnn__prepared_is_current(session->model, session->prepared[index]);
        status = cnn__prepared_data(session->model, session->prepared[index], op, &f.call, &prepared);
        if (!current && status == CNN_OK) {
            cnn__trace_report(session, op, CNN_TRACE_PREPARE, begin);
            begin = cnn__trace_begin(session);
        }
        status = status == CNN_OK ? op->type->forward_prepared(op->user, &f.call, prepared) : status;
    }
    if (status == CNN_OK) {
        cnn__trace_report(session, op, CNN_TRACE_FORWARD, begin);
    }
    return status;
}

static cnn_status run_all_forward(cnn_session *session)
{
    for (uint32_t k = 0; k < session->program.op_count; k++) {
        const cnn__op *op = &session->program.ops[k];
        cnn_status status = run_forward(session, k);
        if (status != CNN_OK) {
            session->count = 0;
            return name_failure(session, op, status, "forward");
        }
    }
    return CNN_OK;
}

cnn_status cnn_session_forward(cnn_session *session, const float *inputs, size_t count)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (inputs == NULL || count == 0 || count > session->batch) {
        return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: %zu samples for a session of 1 to %u",
                         session->model->name, inputs == NULL ? 0 : count, session->batch);
    }
    session->input = inputs;
    session->count = count;
    session->has_loss = false;
    session->passes += session->training;
    if (session->training) {
        cnn_model_touch(session->model); /* layers keep statistics of what they see */
    }
    const cnn__float_mode mode = cnn__float_mode_enter();
    cnn_status status = run_all_forward(session);
    cnn__float_mode_set(mode);
    return status;
}

/* Gives each input gradient its place: its own, or a temporary behind the scratch when there is one already to which
 * it is to be added. Returns the mask of the temporaries. */
static uint32_t place_input_gradients(const cnn_session *session, uint32_t index, frame *f)
{
    const cnn__op *op = &session->program.ops[index];
    char *temporary = session->memory + session->plan.workspace + cnn__align_size(op->spec.workspace_size);
    uint32_t added = 0;
    for (uint32_t i = 0; i < op->input_count; i++) {
        uint32_t value = op->inputs[i];
        f->input_gradients[i] = NULL;
        if (!session->wants_gradient[value]) {
            continue;
        }
        f->input_gradients[i] = cnn__session_value_gradient(session, value);
        if (cnn__plan_accumulates(&session->program, session->plan.last_gradient, index, i)) {
            size_t values = 0;
            f->input_gradients[i] = (float *)temporary;
            (void)cnn__shape_values(&session->program.shapes[value], &values);
            temporary += cnn__align_size(values * sizeof(float));
            added |= 1u << i;
        }
    }
    return added;
}

static cnn_status add_up(const cnn_session *session, uint32_t index, const frame *f, uint32_t added)
{
    const cnn__op *op = &session->program.ops[index];
    for (uint32_t i = 0; i < op->input_count; i++) {
        if ((added >> i & 1u) != 0) {
            size_t values = 0;
            (void)cnn__shape_values(&f->input_shapes[i], &values);
            float *sum = cnn__session_value_gradient(session, op->inputs[i]);
            CNN__RETURN_IF_ERROR(f->backend.backend->add(&f->backend, values, sum, f->input_gradients[i], sum));
        }
    }
    return CNN_OK;
}

/* For a trace: the gradients of the parameters, then that of the input, each with its time. */
static cnn_status backward_in_parts(const cnn_session *session, uint32_t index, frame *f, uint32_t added)
{
    static float *const nowhere[CNN_LAYER_MAX_PARAMETERS] = {NULL};
    const cnn__op *op = &session->program.ops[index];
    double begin = cnn__trace_begin(session);
    f->call.input_gradients = nowhere;
    if (op->has_trained) {
        CNN__RETURN_IF_ERROR(op->kind->backward(op->user, &f->call));
        cnn__trace_report(session, op, CNN_TRACE_BACKWARD_FILTER, begin);
    }
    f->call.input_gradients = f->input_gradients;
    f->call.parameter_gradients = nowhere;
    if (f->input_gradients[0] == NULL) {
        return CNN_OK;
    }
    begin = cnn__trace_begin(session);
    CNN__RETURN_IF_ERROR(op->kind->backward(op->user, &f->call));
    CNN__RETURN_IF_ERROR(add_up(session, index, f, added));
    cnn__trace_report(session, op, CNN_TRACE_BACKWARD_DATA, begin);
    return CNN_OK;
}

static cnn_status run_backward(const cnn_session *session, uint32_t index)
{
    const cnn__op *op = &session->program.ops[index];
    const bool in_parts = session->trace != NULL && op->type != NULL && op->type->describe != NULL;
    const double begin = cnn__trace_begin(session);
    frame f;
    open_frame(session, index, &f);
    float *gradient = cnn__session_value_gradient(session, op->output);
    if (op->activation != CNN_LINEAR) {
        size_t values = 0;
        (void)cnn__shape_values(&f.call.output_shape, &values);
        CNN__RETURN_IF_ERROR(f.backend.backend->activation_backward(&f.backend, op->activation, op->alpha, values,
                                                                    f.call.output, gradient, gradient));
        if (in_parts) {
            cnn__trace_report(session, op, CNN_TRACE_BACKWARD, begin);
        }
    }
    f.call.output_gradient = gradient;
    f.call.input_gradients = f.input_gradients;
    f.call.parameter_gradients = f.parameter_gradients;
    uint32_t added = place_input_gradients(session, index, &f);
    if (op->kind->backward == NULL) {
        return CNN_ERROR_UNSUPPORTED;
    }
    if (in_parts) {
        return backward_in_parts(session, index, &f, added);
    }
    CNN__RETURN_IF_ERROR(op->kind->backward(op->user, &f.call));
    CNN__RETURN_IF_ERROR(add_up(session, index, &f, added));
    cnn__trace_report(session, op, CNN_TRACE_BACKWARD, begin);
    return CNN_OK;
}

static cnn_status take_logit_gradient(cnn_session *session, const float *given)
{
    float *place = cnn__session_value_gradient(session, session->program.logits);
    if (given != NULL && place != NULL) {
        cnn_shape shape = cnn__session_shape(session, session->program.logits);
        size_t values = 0;
        (void)cnn__shape_values(&shape, &values);
        memcpy(place, given, values * sizeof(float));
    } else if (given == NULL && !session->has_loss) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: backward needs cnn_session_loss() or a gradient",
                         session->model->name);
    }
    session->has_loss = false;
    return CNN_OK;
}

static cnn_status run_all_backward(const cnn_session *session)
{
    const cnn__program *program = &session->program;
    for (uint32_t k = program->op_count - (program->head ? 1 : 0); k-- > 0;) {
        const cnn__op *op = &program->ops[k];
        if (!session->wants_gradient[op->output]) {
            continue;
        }
        cnn_status status = run_backward(session, k);
        if (status != CNN_OK) {
            return name_failure(session, op, status, "backward");
        }
    }
    return CNN_OK;
}

cnn_status cnn_session_backward(cnn_session *session, const float *logit_gradients)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (!session->training || session->count == 0) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: backward needs a forward pass of a training session",
                         session->model->name);
    }
    CNN__RETURN_IF_ERROR(take_logit_gradient(session, logit_gradients));
    const cnn__float_mode mode = cnn__float_mode_enter();
    cnn_status status = run_all_backward(session);
    cnn__float_mode_set(mode);
    return status;
}

cnn_status cnn__session_head_backward(cnn_session *session, const float *output_gradient, float *logit_gradient)
{
    const cnn__program *program = &session->program;
    frame f;
    open_frame(session, program->op_count - 1, &f);
    f.input_gradients[0] = logit_gradient;
    f.call.output_gradient = output_gradient;
    f.call.input_gradients = f.input_gradients;
    f.call.parameter_gradients = f.parameter_gradients;
    const cnn__op *op = &program->ops[program->op_count - 1];
    return op->kind->backward(op->user, &f.call);
}
