/* SPDX-License-Identifier: MIT */
/* Which operations a program has: those of the layers that something asked for depends on, and activations that are to
 * be apart. */
#include <string.h>

#include "session/program.h"

typedef struct listing {
    const cnn_model *model;
    const cnn__request *request;
    cnn__program *program;
    bool *needed;        /* node -> something that is asked for depends on it */
    bool *is_output;     /* node -> an output of the program is its output */
    bool *linear;        /* node -> its value before its own activation is asked for */
    bool *sees_gradient; /* node -> the gradient of its output is asked for */
} listing;

/* ---- what is needed ---- */

static void need(listing *c, const cnn__wanted *wanted, size_t count, bool *mark)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t reference = wanted[i].reference;
        if ((reference & CNN__INPUT) == 0) {
            c->needed[reference] = true;
            c->linear[reference] = c->linear[reference] || wanted[i].linear;
            if (mark != NULL && !wanted[i].linear) {
                mark[reference] = true;
            }
        }
    }
}

static void find_needed(listing *c)
{
    const cnn__request *r = c->request;
    need(c, r->outputs, r->output_count, c->is_output);
    need(c, r->keep, r->keep_count, NULL);
    need(c, r->asked, r->gradient_count, c->sees_gradient);
    for (uint32_t i = c->model->node_count; i-- > 0;) {
        const cnn__node *node = &c->model->nodes[i];
        c->needed[i] = c->needed[i] || (r->keep_all && r->given == CNN__NO_NODE);
        for (uint32_t k = 0; c->needed[i] && i != r->given && k < node->input_count; k++) {
            if ((node->inputs[k] & CNN__INPUT) == 0) {
                c->needed[node->inputs[k]] = true;
            }
        }
    }
}

/* ---- the list ---- */

/* Whether the layer's backward applies the derivative of its activation, told by what forward stores. */
static bool derives(const cnn__layer_type *type, int32_t activation)
{
    return !cnn__activation_reads_input(activation) &&
           (type->derived_activations == 0 || (type->derived_activations >> activation & 1u) != 0);
}

/* Whether a node's own activation becomes an operation of its own: one over rows always; one that ends an output in
 * probabilities, for the sake of the logits; one whose derivative the layer cannot apply, unless a fusion of inference
 * puts it back; and one whose input somebody reads, or whose output's gradient is asked for: as an epilogue it would
 * overwrite that. */
static bool splits(const listing *c, uint32_t index)
{
    const cnn_layer *layer = c->model->nodes[index].layer;
    const cnn_epilogue *epilogue = cnn__layer_epilogue(layer->type, layer->user);
    if (epilogue == NULL || epilogue->activation == CNN_LINEAR) {
        return false;
    }
    return cnn__activation_is_over_rows(epilogue->activation) || !derives(layer->type, epilogue->activation) ||
           (cnn__activation_is_head(epilogue->activation) && c->is_output[index]) || c->linear[index] ||
           c->sees_gradient[index];
}

static bool does_nothing(const listing *c, uint32_t index)
{
    const cnn__layer_type *type = c->model->nodes[index].layer->type;
    return !c->program->training && type != NULL && type->identity_in_inference;
}

static uint32_t add_value(cnn__program *program, cnn__value_role role, uint32_t producer)
{
    program->values[program->value_count] = (cnn__value){
        .role = role, .type = CNN_FLOAT32, .producer = producer, .place = CNN__NOWHERE, .gradient_place = CNN__NOWHERE};
    return program->value_count++;
}

static uint32_t value_of(const cnn__program *program, uint32_t reference)
{
    return (reference & CNN__INPUT) != 0 ? program->input_values[reference & ~CNN__INPUT]
                                         : program->node_values[reference];
}

static cnn_status add_op(const listing *c, uint32_t node, const cnn_layer *layer, const cnn__layer_type *type,
                         cnn__op **out)
{
    cnn__op *op = &c->program->ops[c->program->op_count];
    *op = (cnn__op){.node = node, .type = type, .kind = type != NULL ? &type->kind : &layer->kind, .user = layer->user};
    if (type != NULL) {
        op->state = cnn__alloc_zero(c->model->context, type->state_size);
        if (op->state == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        op->user = op->state;
    }
    op->output = add_value(c->program, CNN__VALUE_INNER, c->program->op_count++);
    *out = op;
    return CNN_OK;
}

/* An operation that applies an activation to the output of the one before. */
static cnn_status add_activation(const listing *c, uint32_t node, const cnn_epilogue *epilogue, uint32_t input)
{
    cnn__op *op = NULL;
    CNN__RETURN_IF_ERROR(add_op(c, node, c->model->nodes[node].layer, &cnn__activate_type, &op));
    cnn_activate_options *options = op->state;
    options->struct_size = sizeof(*options);
    options->activation = epilogue->activation;
    options->alpha = epilogue->alpha;
    op->input_count = 1;
    op->inputs[0] = input;
    c->program->values[input].is_read = true;
    return CNN_OK;
}

static cnn_status add_node(const listing *c, uint32_t index)
{
    const cnn__node *node = &c->model->nodes[index], *owner = &c->model->nodes[node->owner];
    cnn__op *op = NULL;
    CNN__RETURN_IF_ERROR(add_op(c, index, node->layer, node->layer->type, &op));
    op->input_count = node->input_count;
    for (uint32_t i = 0; i < node->input_count; i++) {
        op->inputs[i] = value_of(c->program, node->inputs[i]);
        c->program->values[op->inputs[i]].is_read = true;
    }
    op->parameter_count = owner->parameter_count;
    for (uint32_t i = 0; i < owner->parameter_count; i++) {
        op->parameters[i] = owner->first_parameter + i;
    }
    if (op->type != NULL) {
        memcpy(op->state, node->layer->user, op->type->state_size);
    }
    if (splits(c, index)) {
        cnn_epilogue *epilogue = cnn__layer_epilogue(op->type, op->state);
        const cnn_epilogue own = *epilogue;
        epilogue->activation = CNN_LINEAR;
        c->program->linear_values[index] = op->output;
        CNN__RETURN_IF_ERROR(add_activation(c, index, &own, op->output));
    }
    c->program->node_values[index] = c->program->ops[c->program->op_count - 1].output;
    return CNN_OK;
}

static void list_inputs(const listing *c)
{
    for (uint32_t i = 0; i < c->program->input_count; i++) {
        const uint32_t value = add_value(c->program, CNN__VALUE_INPUT, CNN__NO_OP);
        c->program->values[value].input = i;
        c->program->input_values[i] = value;
    }
    if (c->program->given != CNN__NO_NODE) {
        c->program->node_values[c->program->given] = c->program->input_values[c->program->input_count - 1];
    }
}

static cnn_status list_operations(const listing *c)
{
    for (uint32_t i = 0; i < c->model->node_count; i++) {
        if (!c->needed[i] || i == c->program->given) {
            continue;
        }
        if (does_nothing(c, i)) {
            c->program->node_values[i] = value_of(c->program, c->model->nodes[i].inputs[0]);
        } else {
            CNN__RETURN_IF_ERROR(add_node(c, i));
        }
    }
    return CNN_OK;
}

/* ---- memory ---- */

/* Room for as many operations as there will be, each with one value. */
static bool allocate_program(listing *c)
{
    cnn_context *context = c->model->context;
    cnn__program *program = c->program;
    const size_t nodes = c->model->node_count, inputs = program->input_count;
    size_t ops = 0;
    for (uint32_t i = 0; i < nodes; i++) {
        ops += c->needed[i] ? 1 + (size_t)splits(c, i) : 0;
    }
    program->ops = cnn__alloc_array(context, ops, sizeof(*program->ops));
    program->values = cnn__alloc_array(context, ops + inputs, sizeof(*program->values));
    program->input_values = cnn__alloc_array(context, inputs, sizeof(uint32_t));
    program->node_values = cnn__alloc_array(context, nodes, sizeof(uint32_t));
    program->linear_values = cnn__alloc_array(context, nodes, sizeof(uint32_t));
    program->outputs = cnn__alloc_array(context, c->request->output_count, sizeof(*program->outputs));
    program->trained = cnn__alloc_zero(context, 3 * c->model->parameter_count * sizeof(bool));
    program->gradient_offsets = cnn__alloc_array(context, (size_t)c->model->parameter_count + 1, sizeof(size_t));
    program->output_count = (uint32_t)c->request->output_count;
    if (program->ops == NULL || program->values == NULL || program->input_values == NULL ||
        program->node_values == NULL || program->linear_values == NULL || program->outputs == NULL ||
        program->trained == NULL || program->gradient_offsets == NULL) {
        return false;
    }
    program->written = program->trained + c->model->parameter_count;
    program->observed = program->written + c->model->parameter_count;
    memset(program->node_values, 0xff, nodes * sizeof(uint32_t));
    memset(program->linear_values, 0xff, nodes * sizeof(uint32_t));
    return true;
}

static bool allocate_marks(listing *c)
{
    const size_t nodes = c->model->node_count;
    c->needed = cnn__alloc_zero(c->model->context, 4 * nodes * sizeof(bool));
    if (c->needed == NULL) {
        return false;
    }
    c->is_output = c->needed + nodes;
    c->linear = c->needed + 2 * nodes;
    c->sees_gradient = c->needed + 3 * nodes;
    return true;
}

cnn_status cnn__program_list(const cnn_model *model, const cnn__request *request, cnn__program *program)
{
    listing c = {.model = model, .request = request, .program = program};
    cnn_status status = allocate_marks(&c) ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        find_needed(&c);
        status = allocate_program(&c) ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    if (status == CNN_OK) {
        list_inputs(&c);
        status = list_operations(&c);
    }
    cnn__free(model->context, c.needed);
    return status;
}
