/* SPDX-License-Identifier: MIT */
/* One training step's two halves that join model, loss and optimizer. */
#include <math.h>

#include "backend/backend.h"
#include "core/float_mode.h"
#include "core/options.h"
#include "loss/loss.h"
#include "optimizer/optimizer.h"
#include "session/memory.h"
#include "session/penalty.h"
#include "session/trace.h"
#include "train/numeric.h"
#include "train/train.h"

/* Probabilities taken for their logarithms give a loss that falls without end. What ends a model in some other way may
 * be a logarithm. */
static cnn_status check_head(const cnn_session *session, const cnn__output *output, const cnn_loss *loss)
{
    const uint32_t op = output->head;
    const cnn_activate_options *head = op != CNN__NO_OP ? session->program.ops[op].state : NULL;
    if (head == NULL || head->activation == CNN_LOG_SOFTMAX || !cnn__loss_on_logarithms(loss)) {
        return CNN_OK;
    }
    return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT,
                     "%s: the loss %s takes log-probabilities, and the model ends in %s: end it in log_softmax, or use "
                     "categorical_crossentropy",
                     session->model->name, cnn_loss_name(loss), cnn__activation_names[head->activation]);
}

/* Logits can hold the gradient of one loss: a second would take its place. */
static cnn_status check_logits(const cnn_session *session, const cnn__output *output)
{
    for (uint32_t i = 0; i < session->program.output_count; i++) {
        const cnn__output *other = &session->program.outputs[i];
        if (other != output && other->has_loss && other->logits == output->logits) {
            return cnn__fail(session->context, CNN_ERROR_STATE,
                             "%s: outputs %u and %u end in the same values, which have a loss already",
                             session->model->name, (unsigned)i, (unsigned)(output - session->program.outputs));
        }
    }
    return CNN_OK;
}

/* Penalties belong to all losses together, and go with the first. */
static bool has_other_loss(const cnn_session *session, const cnn__output *output)
{
    bool any = false;
    for (uint32_t i = 0; i < session->program.output_count; i++) {
        any = any || (&session->program.outputs[i] != output && session->program.outputs[i].has_loss);
    }
    return any;
}

static cnn_status compute_loss(cnn_session *session, const cnn__output *output, const cnn_loss *loss,
                               const cnn_target *target, double *value)
{
    bool on_output = cnn__loss_on_output(loss);
    uint32_t at = on_output ? output->value : output->logits;
    float *gradient = cnn__session_host_gradient(session, output->logits);
    size_t outputs = cnn__session_values(session, at) / session->count;
    CNN__RETURN_IF_ERROR(
        cnn_loss_compute(loss, cnn__session_host_value(session, at), target, session->count, outputs, gradient, value));
    if (session->share != 1 && gradient != NULL) { /* of the mean over the whole batch */
        const float share = (float)session->share;
        for (size_t i = 0; i < session->count * outputs; i++) {
            gradient[i] *= share;
        }
    }
    session->penalty = 0;
    if (session->program.penalties && !has_other_loss(session, output)) {
        CNN__RETURN_IF_ERROR(cnn__penalty_parameters(session, &session->penalty));
        session->penalty += session->activity_penalty;
        *value += session->penalty;
    }
    if (!isfinite(*value)) {
        char where[512];
        cnn__session_tell_odd(session, where, sizeof(where));
        return cnn__fail(session->context, CNN_ERROR_NUMERIC, "%s: the loss is %f: %s", session->model->name, *value,
                         where);
    }
    CNN__RETURN_IF_ERROR(cnn__session_memory_put_gradient(session, output->logits));
    float *there = cnn__session_gradient_of(session, output->logits);
    return there != NULL && on_output && output->head != CNN__NO_OP
               ? cnn__session_head_backward(session, output, there, there)
               : CNN_OK;
}

cnn_status cnn_session_loss(cnn_session *session, const cnn_loss *loss, const cnn_target *target, double *value)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (loss == NULL || target == NULL || value == NULL) {
        return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s", session->model->name,
                         loss == NULL     ? "no loss given"
                         : target == NULL ? "no target given for the loss"
                                          : "no place for the loss");
    }
    if (session->count == 0) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: a loss needs a forward pass before it",
                         session->model->name);
    }
    cnn_target wanted;
    cnn__output *output = NULL;
    CNN__RETURN_IF_ERROR(cnn__options_copy(session->context, "cnn_target", target, &wanted, sizeof(wanted)));
    CNN__RETURN_IF_ERROR(cnn__session_find_output(session, wanted.output, &output));
    CNN__RETURN_IF_ERROR(cnn__session_check_one_row(session, output, "a loss"));
    CNN__RETURN_IF_ERROR(check_head(session, output, loss));
    CNN__RETURN_IF_ERROR(check_logits(session, output));
    const cnn__float_mode mode = cnn__float_mode_enter();
    cnn_status status = compute_loss(session, output, loss, target, value);
    cnn__float_mode_set(mode);
    output->has_loss = output->has_loss || status == CNN_OK;
    session->has_loss = session->has_loss || output->has_loss;
    return status;
}

/* Holds what was updated to its constraints. */
static cnn_status constrain(const cnn_session *session, const cnn_backend_call *call)
{
    const cnn_model *model = session->model;
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        const cnn_constraint *constraint = &parameter->rules.constraint;
        if (constraint->kind == CNN_CONSTRAINT_NONE || !cnn__session_trains(session, i)) {
            continue;
        }
        const cnn_constrain_args args = {.struct_size = sizeof(args),
                                         .kind = constraint->kind,
                                         .axes = constraint->axes,
                                         .low = constraint->low,
                                         .high = constraint->high,
                                         .rate = constraint->rate,
                                         .shape = parameter->shape,
                                         .w = cnn__session_parameter(session, i)};
        const cnn_status status = cnn_backend_run(call, CNN_OP_CONSTRAIN, CNN_PASS_FORWARD, &args);
        if (status != CNN_OK) {
            return cnn__fail(session->context, status, "%s: the constraint of \"%s\": backend %s: %s", model->name,
                             parameter->name, call->backend->name, cnn_status_string(status));
        }
    }
    return CNN_OK;
}

/* A group that means nothing is a slip of the pen. */
cnn_status cnn__check_groups(const cnn_optimizer *optimizer, const cnn_model *model)
{
    const cnn__optimizer_group *groups = NULL;
    const size_t count = cnn__optimizer_groups(optimizer, &groups);
    for (size_t k = 0; k < count; k++) {
        uint32_t i = 0;
        while (i < model->parameter_count && !cnn__parameter_matches(&model->parameters[i], groups[k].pattern)) {
            i++;
        }
        if (i == model->parameter_count) {
            char text[200];
            return cnn__fail(model->context, CNN_ERROR_NOT_FOUND,
                             "%s: no parameter matches \"%s\", a group of the optimizer", model->name,
                             cnn__printable(groups[k].pattern, text, sizeof(text)));
        }
    }
    return CNN_OK;
}

static cnn__update_item update_item(const cnn_session *session, const cnn_optimizer *optimizer, uint32_t index)
{
    const cnn__parameter *parameter = &session->model->parameters[index];
    const cnn__optimizer_group *groups = NULL;
    const size_t count = cnn__optimizer_groups(optimizer, &groups);
    cnn__update_item item = {
        .n = parameter->values,
        .w = cnn__session_parameter(session, index),
        .g = cnn__session_parameter_gradient(session, index),
        .decay_kernel = parameter->decay,
        .factor = 1,
        .weight_decay = NAN,
        .parameter = index,
        .filters = parameter->decay && parameter->shape.rank >= 3
                       ? (size_t)parameter->shape.dims[parameter->shape.rank - 1]
                       : 0,
    };
    for (size_t k = 0; k < count; k++) {
        if (cnn__parameter_matches(parameter, groups[k].pattern)) {
            item.factor = isnan(groups[k].factor) ? item.factor : groups[k].factor;
            item.weight_decay = isnan(groups[k].weight_decay) ? item.weight_decay : groups[k].weight_decay;
        }
    }
    return item;
}

/* Whether both are given, and fit each other. */
static cnn_status check_pair(const cnn_optimizer *optimizer, const cnn_session *session)
{
    if (session == NULL) {
        return optimizer == NULL ? CNN_ERROR_INVALID_ARGUMENT
                                 : cnn__fail(optimizer->context, CNN_ERROR_INVALID_ARGUMENT,
                                             "%s: no session given to step in", cnn_optimizer_name(optimizer));
    }
    const cnn_model *model = session->model;
    if (optimizer == NULL) {
        return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no optimizer given", model->name);
    }
    const void *owner = cnn__optimizer_owner(optimizer);
    if (session->gradients == NULL || (owner != NULL && owner != model)) {
        return cnn__fail(session->context, CNN_ERROR_STATE,
                         session->gradients != NULL ? "%s: the optimizer belongs to another model"
                                                    : "%s: an optimizer steps in a training session",
                         model->name);
    }
    return cnn__check_groups(optimizer, model);
}

/* Lists what is trained, in memory that the session keeps. */
static cnn_status list_items(const cnn_optimizer *optimizer, cnn_session *session, size_t *count)
{
    const cnn_model *model = session->model;
    if (session->items == NULL) {
        session->items = cnn__alloc_array(session->context, model->parameter_count + 1, sizeof(*session->items));
        if (session->items == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
    }
    *count = 0;
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        if (cnn__session_trains(session, i)) {
            session->items[(*count)++] = update_item(session, optimizer, i);
        }
    }
    return CNN_OK;
}

cnn_status cnn_optimizer_step(cnn_optimizer *optimizer, cnn_session *session)
{
    size_t count = 0;
    CNN__RETURN_IF_ERROR(check_pair(optimizer, session));
    CNN__RETURN_IF_ERROR(list_items(optimizer, session, &count));
    cnn_model *model = session->model;
    CNN__RETURN_IF_ERROR(cnn__optimizer_place(optimizer, session->items, count, model->parameter_count));
    cnn_backend_call call;
    cnn__backend_call_init(&call, session->context, session->threads, session->memory + session->plan.workspace,
                           session->plan.workspace_size);
    const double begin = cnn__trace_begin(session);
    cnn__model_note_changes(model, session->program.trained); /* first: a step that fails may have changed some */
    const cnn__float_mode mode = cnn__float_mode_enter();
    cnn_status status = cnn__lookahead_place(optimizer, &call, session->items, count);
    if (status == CNN_OK) {
        status = cnn__optimizer_update(optimizer, &call, session->items, count, cnn__optimizer_values(optimizer));
    }
    status = status == CNN_OK ? constrain(session, &call) : status;
    cnn__float_mode_set(mode);
    CNN__RETURN_IF_ERROR(status);
    cnn__optimizer_set_owner(optimizer, model);
    CNN__RETURN_IF_ERROR(cnn__session_memory_take_parameters(session));
    cnn__trace_report_update(session, cnn_optimizer_name(optimizer), begin);
    return CNN_OK;
}

cnn_status cnn_optimizer_decay_penalty(const cnn_optimizer *optimizer, cnn_session *session, double *penalty)
{
    size_t count = 0;
    CNN__RETURN_IF_ERROR(check_pair(optimizer, session));
    if (penalty == NULL) {
        return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no place for the penalty",
                         session->model->name);
    }
    CNN__RETURN_IF_ERROR(list_items(optimizer, session, &count));
    cnn_backend_call call;
    cnn__backend_call_init(&call, session->context, session->threads, session->memory + session->plan.workspace,
                           session->plan.workspace_size);
    const cnn__float_mode mode = cnn__float_mode_enter();
    cnn_status status = cnn__optimizer_decay_penalty(optimizer, &call, session->items, count, penalty);
    cnn__float_mode_set(mode);
    return status;
}
