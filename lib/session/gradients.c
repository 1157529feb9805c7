/* SPDX-License-Identifier: MIT */
/* Which values of a program have a gradient, and which operations run backward. */
#include "session/program.h"

typedef struct search {
    const cnn_model *model;
    const cnn__request *request;
    cnn__program *program;
} search;

static const cnn__node *owner_of(const search *c, const cnn__op *op)
{
    return &c->model->nodes[c->model->nodes[op->node].owner];
}

/* A layer is frozen by cnn_model_set_trainable() alone: when all that could be trained was frozen, or everything of a
 * layer that has statistics only, such as a normalisation without scale and shift. Unless it is said what becomes of
 * its statistics, they stay when it is frozen. */
static void note_parameters(const search *c, cnn__op *op)
{
    bool any_trainable = false, all_frozen = true, any_trained = false;
    for (uint32_t i = 0; i < op->parameter_count; i++) {
        const cnn__parameter *parameter = &c->model->parameters[op->parameters[i]];
        any_trainable = any_trainable || parameter->trainable;
        all_frozen = all_frozen && parameter->frozen;
        any_trained = any_trained || (parameter->trainable && !parameter->frozen);
    }
    op->frozen = op->parameter_count > 0 && !any_trained && (any_trainable || all_frozen);
    const cnn_statistics statistics = op->parameter_count > 0 ? owner_of(c, op)->statistics
                                                              : CNN_STATISTICS_BY_TRAINABLE;
    op->frozen = statistics == CNN_STATISTICS_BY_TRAINABLE ? op->frozen : statistics == CNN_STATISTICS_KEEP;
    op->has_trained = any_trained && c->request->parameter_gradients;
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
    for (uint32_t i = 0; i < c->model->input_count; i++) {
        cnn__value *input = &program->values[program->input_values[i]];
        input->has_gradient = input->has_gradient && reached[program->input_values[i]];
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

cnn_status cnn__program_find_gradients(const cnn_model *model, const cnn__request *request, cnn__program *program)
{
    const search all = {model, request, program}, *c = &all;
    for (uint32_t i = 0; i < c->model->parameter_count; i++) {
        const cnn__parameter *parameter = &c->model->parameters[i];
        program->trained[i] = c->request->parameter_gradients && parameter->trainable && !parameter->frozen;
    }
    bool *reached = cnn__alloc_zero(c->model->context, program->value_count * sizeof(bool));
    if (reached == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    find_moved(c);
    find_reached(c, reached);
    cnn__free(c->model->context, reached);
    return check_gradients(c);
}
