/* SPDX-License-Identifier: MIT */
/* Which values of a program have a gradient, and which operations run backward. */
#include "session/program.h"

typedef struct search {
    const cnn_model *model;
    const cnn__request *request;
    cnn__program *program;
} search;

static void note_parameters(const search *c, cnn__op *op)
{
    bool trained = false;
    op->frozen = op->parameter_count > 0 && cnn__node_is_frozen(c->model, c->model->nodes[op->node].owner, &trained);
    op->has_trained = trained && c->request->parameter_gradients;
}

/* Going forward: which values depend on something whose gradient is wanted. */
static void find_moved(const search *c)
{
    cnn__program *program = c->program;
    for (uint32_t v = 0; v < program->value_count; v++) {
        program->values[v].has_gradient = program->values[v].keeps_gradient;
    }
    for (uint32_t k = 0; k < program->op_count; k++) {
        cnn__op *op = &program->ops[k];
        note_parameters(c, op);
        bool moved = op->has_trained;
        for (uint32_t i = 0; i < op->input_count; i++) {
            moved = moved || program->values[op->inputs[i]].has_gradient;
        }
        program->values[op->output].has_gradient = program->values[op->output].has_gradient || moved;
    }
}

/* Going back: a gradient is computed only where what gradients begin with depends on the value, not in branches that
 * lead nowhere, nor after the logits, unless there is a penalty. `reached` is zero at first. */
static void find_reached(const search *c, bool *reached)
{
    cnn__program *program = c->program;
    for (uint32_t i = 0; i < program->output_count; i++) {
        reached[program->outputs[i].logits] = true;
    }
    for (uint32_t v = 0; v < program->value_count; v++) {
        reached[v] = reached[v] || cnn__is_penalty(&program->values[v].penalty);
    }
    for (uint32_t k = program->op_count; k-- > 0;) {
        cnn__op *op = &program->ops[k];
        cnn__value *output = &program->values[op->output];
        output->has_gradient = output->has_gradient && reached[op->output];
        op->has_backward = output->has_gradient && op->has_trained;
        for (uint32_t i = 0; i < op->input_count && output->has_gradient; i++) {
            reached[op->inputs[i]] = true;
            op->has_backward = op->has_backward || program->values[op->inputs[i]].has_gradient;
        }
        program->has_backward = program->has_backward || op->has_backward;
        for (uint32_t i = 0; i < op->parameter_count && op->has_backward && op->has_trained; i++) {
            program->written[op->parameters[i]] = true;
        }
    }
    for (uint32_t i = 0; i < program->input_count; i++) {
        cnn__value *input = &program->values[program->input_values[i]];
        input->has_gradient = input->has_gradient && reached[program->input_values[i]];
    }
}

/* In inference behaviour all operations without a backward are settled, and in training those that behave alike: what
 * lies before the first trained parameter, if no dropout and no normalisation that is to learn lies there. */
static bool is_settled(const cnn__program *program, const cnn__op *op)
{
    if (op->has_backward || !program->training) {
        return !op->has_backward;
    }
    return op->type != NULL &&
           (op->type->in_training == CNN__ALIKE || (op->type->in_training == CNN__OTHER_UNLESS_FROZEN && op->frozen));
}

static void find_settled(const search *c)
{
    cnn__program *program = c->program;
    for (uint32_t k = 0; k < program->op_count; k++) {
        cnn__op *op = &program->ops[k];
        op->settled = is_settled(program, op);
        for (uint32_t i = 0; i < op->parameter_count && program->training && !op->settled; i++) {
            const bool statistics = !c->model->parameters[op->parameters[i]].trainable && !op->frozen;
            program->observed[op->parameters[i]] |= statistics || op->type == NULL;
        }
    }
}

/* Gradients of kernel and bias are one product: where the kernel is trained, both have their place. Many kinds have
 * that of a bias alone without the product. A caller's kind gets places for what is trained alone. */
static void place_gradients(const search *c)
{
    cnn__program *program = c->program;
    for (uint32_t i = 0; i < c->model->parameter_count; i++) {
        program->gradient_offsets[i] = program->trained[i] ? 0 : CNN__NOWHERE;
    }
    for (uint32_t k = 0; k < program->op_count; k++) {
        cnn__op *op = &program->ops[k];
        op->bias_alone = op->has_trained && op->type != NULL && op->type->bias_apart && op->parameter_count == 2 &&
                         !program->trained[op->parameters[0]];
        for (uint32_t i = op->bias_alone; i < op->parameter_count && op->has_trained && op->type != NULL; i++) {
            if (c->model->parameters[op->parameters[i]].trainable) {
                program->gradient_offsets[op->parameters[i]] = 0;
            }
        }
    }
    for (uint32_t i = 0; i < c->model->parameter_count; i++) {
        if (program->gradient_offsets[i] != CNN__NOWHERE) {
            program->gradient_offsets[i] = program->gradient_values;
            program->gradient_values += cnn__align_size(c->model->parameters[i].values * sizeof(float)) / sizeof(float);
        }
    }
}

static cnn_status check_gradients(const search *c)
{
    const cnn__request *r = c->request;
    for (size_t i = 0; i < r->gradient_count; i++) {
        const cnn__value *value = &c->program->values[cnn__program_value(c->program, r->asked[i])];
        if (!value->has_gradient) {
            return cnn__fail(c->model->context, CNN_ERROR_INVALID_ARGUMENT,
                             "%s: no gradient by \"%s%s\": no output's logits depend on it", c->model->name,
                             cnn__value_name(c->model, r->asked[i].reference), r->asked[i].linear ? ":linear" : "");
        }
        c->program->has_backward = true;
    }
    return CNN_OK;
}

/* What lies before a layer whose output is given is not there to be trained. */
static void leave_out(const search *c)
{
    cnn__program *program = c->program;
    for (uint32_t k = 0; k < program->op_count; k++) {
        for (uint32_t i = 0; i < program->ops[k].parameter_count; i++) {
            program->observed[program->ops[k].parameters[i]] = true; /* for the moment: it is there */
        }
    }
    for (uint32_t i = 0; i < c->model->parameter_count; i++) {
        program->trained[i] = program->trained[i] && program->observed[i];
        program->observed[i] = false;
    }
}

cnn_status cnn__program_find_gradients(const cnn_model *model, const cnn__request *request, cnn__program *program)
{
    const search all = {model, request, program}, *c = &all;
    for (uint32_t i = 0; i < c->model->parameter_count; i++) {
        const cnn__parameter *parameter = &c->model->parameters[i];
        program->trained[i] = c->request->parameter_gradients && parameter->trainable && !parameter->frozen;
    }
    if (program->given != CNN__NO_NODE) {
        leave_out(c);
    }
    bool *reached = cnn__alloc_zero(c->model->context, program->value_count * sizeof(bool));
    if (reached == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    find_moved(c);
    find_reached(c, reached);
    find_settled(c);
    place_gradients(c);
    cnn__free(c->model->context, reached);
    return check_gradients(c);
}
