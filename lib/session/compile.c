/* SPDX-License-Identifier: MIT */
/* From the graph and a request to a program, in passes. */
#include "session/fuse.h"
#include "session/program.h"
#include "session/stretch.h"

/* What an output's logits are: what comes before the activation that makes it, unless a dropout that vanishes in
 * inference follows that one: what counts as logits must not depend on how layers behave. */
static void list_output(cnn__program *program, const cnn__wanted *wanted, cnn__output *output)
{
    *output = (cnn__output){.wanted = *wanted, .value = cnn__program_value(program, *wanted), .head = CNN__NO_OP};
    output->logits = output->value;
    const uint32_t producer = program->values[output->value].producer;
    if (producer == CNN__NO_OP || program->ops[producer].node != wanted->reference || wanted->linear) {
        return;
    }
    const cnn__op *op = &program->ops[producer];
    if (op->type == &cnn__activate_type &&
        cnn__activation_is_head(((const cnn_activate_options *)op->state)->activation)) {
        output->head = producer;
        output->logits = op->inputs[0];
    }
}

/* A value with a penalty is read after the forward pass, and its gradient begins with that of the penalty. */
static void mark_penalties(const cnn_model *model, cnn__program *program)
{
    for (uint32_t i = 0; i < model->node_count && program->penalties; i++) {
        const cnn_regularizer *activity = &model->nodes[i].activity;
        if (program->node_values[i] != CNN__NO_VALUE && cnn__is_penalty(activity)) {
            cnn__value *value = &program->values[program->node_values[i]];
            value->penalty = *activity;
            value->kept = value->begins = true;
        }
    }
}

/* Marks what somebody outside reads, before and after a backward pass. */
static void mark_values(const cnn_model *model, const cnn__request *request, cnn__program *program)
{
    for (uint32_t i = 0; i < program->output_count; i++) {
        list_output(program, &request->outputs[i], &program->outputs[i]);
        program->values[program->outputs[i].value].kept = true;
        program->values[program->outputs[i].logits].kept = true;
        program->values[program->outputs[i].logits].begins = true;
    }
    for (size_t i = 0; i < request->keep_count; i++) {
        program->values[cnn__program_value(program, request->keep[i])].kept = true;
    }
    for (size_t i = 0; i < request->gradient_count; i++) {
        cnn__value *value = &program->values[cnn__program_value(program, request->asked[i])];
        value->kept = value->keeps_gradient = true;
    }
    for (uint32_t i = 0; i < model->node_count && request->keep_all; i++) {
        if (program->node_values[i] != CNN__NO_VALUE) {
            program->values[program->node_values[i]].kept = true;
        }
    }
    mark_penalties(model, program);
}

/* Closes the gaps that fused operations left. */
static void compact(cnn_context *context, cnn__program *program)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < program->op_count; k++) {
        cnn__op *op = &program->ops[k];
        if (op->gone) {
            cnn__free(context, op->state);
            continue;
        }
        for (uint32_t i = 0; i < program->output_count; i++) {
            program->outputs[i].head = program->outputs[i].head == k ? count : program->outputs[i].head;
        }
        program->values[op->output].producer = count;
        program->ops[count++] = *op;
    }
    program->op_count = count;
}

/* In training, filters in another form are not worth their memory: of a batch they save next to nothing (VGG-16 of 20
 * images of 150x150: 1 % of the time, 200 MB). Those that a normalisation is folded into are, for its pass. */
static void spare_preparation(const cnn__program *program, cnn__op *op)
{
    cnn__preparation *preparation = &op->preparation;
    if (program->training && op->parameter_count == op->spec.parameter_count) {
        preparation->workspace = preparation->answer.workspace[CNN_PASS_FORWARD];
        preparation->size = preparation->scratch = 0;
    }
}

/* A settled operation needs less workspace, and may read parameters in another form. */
static void ask_backend(const cnn_context *context, const cnn__program *program)
{
    for (uint32_t k = 0; k < program->op_count; k++) {
        cnn__op *op = &program->ops[k];
        if (!op->settled || op->type == NULL || op->type->plan_inference == NULL) {
            continue;
        }
        op->type->plan_inference(op->state, &context->backend, cnn_context_threads(context),
                                 &program->values[op->inputs[0]].shape, &op->preparation);
        spare_preparation(program, op);
        op->spec.workspace_size = op->preparation.workspace;
        op->spec.answer = op->preparation.answer;
    }
}

static cnn_status run_passes(const cnn_model *model, const cnn__request *request, cnn__program *program)
{
    mark_values(model, request, program);
    CNN__RETURN_IF_ERROR(cnn__program_infer(model, request, program));
    CNN__RETURN_IF_ERROR(cnn__program_find_gradients(model, request, program));
    CNN__RETURN_IF_ERROR(cnn__program_fuse(model, program));
    compact(model->context, program);
    ask_backend(model->context, program);
    cnn__program_find_stretches(model, program);
    return CNN_OK;
}

cnn_status cnn__program_compile(const cnn_model *model, const cnn__request *request, cnn__program *program)
{
    const bool given = request->given != CNN__NO_NODE;
    *program = (cnn__program){.training = request->training,
                              .batch = (uint32_t)request->batch,
                              .given = request->given,
                              .input_count = model->input_count + given,
                              .keeps_all = request->keep_all,
                              .repeats = request->gradient_count > 0,
                              .penalties = request->penalties,
                              .parameter_gradients = request->parameter_gradients};
    cnn_status status = cnn__program_list(model, request, program);
    if (status == CNN_OK) {
        status = run_passes(model, request, program);
    }
    if (status != CNN_OK) {
        cnn__program_free(model->context, program);
    }
    return status;
}

void cnn__program_free(cnn_context *context, cnn__program *program)
{
    for (uint32_t i = 0; i < program->op_count; i++) {
        cnn__free(context, program->ops[i].state);
    }
    cnn__free(context, program->ops);
    cnn__free(context, program->values);
    cnn__free(context, program->input_values);
    cnn__free(context, program->node_values);
    cnn__free(context, program->linear_values);
    cnn__free(context, program->outputs);
    cnn__free(context, program->trained);
    cnn__free(context, program->gradient_offsets);
    *program = (cnn__program){0};
}

uint32_t cnn__program_value(const cnn__program *program, cnn__wanted wanted)
{
    if ((wanted.reference & CNN__INPUT) != 0) {
        return program->input_values[wanted.reference & ~CNN__INPUT];
    }
    const uint32_t linear = program->linear_values[wanted.reference];
    return wanted.linear && linear != CNN__NO_VALUE ? linear : program->node_values[wanted.reference];
}
