/* SPDX-License-Identifier: MIT */
/* From the graph and a request to a program, in passes. */
#include <string.h>

#include "session/fuse.h"
#include "session/program.h"

typedef struct compiler {
    const cnn_model *model;
    const cnn__request *request;
    cnn__program *program;
    bool *needed;        /* node -> something that is asked for depends on it */
    bool *is_output;     /* node -> an output of the program is its output */
    bool *linear;        /* node -> its value before its own activation is asked for */
    bool *sees_gradient; /* node -> the gradient of its output is asked for */
} compiler;

/* ---- what is needed ---- */

static void need(compiler *c, const cnn__wanted *wanted, size_t count, bool *mark)
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

static void find_needed(compiler *c)
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

/* ---- the list of operations ---- */

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
static bool splits(const compiler *c, uint32_t index)
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

static bool does_nothing(const compiler *c, uint32_t index)
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

static cnn_status add_op(const compiler *c, uint32_t node, const cnn_layer *layer, const cnn__layer_type *type,
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
static cnn_status add_activation(const compiler *c, uint32_t node, const cnn_epilogue *epilogue, uint32_t input)
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

static cnn_status add_node(const compiler *c, uint32_t index)
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

static void list_inputs(const compiler *c)
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

static cnn_status list_operations(const compiler *c)
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

/* What an output's logits are: what comes before the activation that makes it, unless a dropout that vanishes in
 * inference follows that one: what counts as logits must not depend on how layers behave. */
static void list_output(const compiler *c, const cnn__wanted *wanted, cnn__output *output)
{
    cnn__program *program = c->program;
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
static void mark_penalties(const compiler *c)
{
    cnn__program *program = c->program;
    for (uint32_t i = 0; i < c->model->node_count && program->penalties; i++) {
        const cnn_regularizer *activity = &c->model->nodes[i].activity;
        if (program->node_values[i] != CNN__NO_VALUE && cnn__is_penalty(activity)) {
            cnn__value *value = &program->values[program->node_values[i]];
            value->penalty = *activity;
            value->kept = value->begins = true;
        }
    }
}

/* Marks what somebody outside reads, before and after a backward pass. */
static void mark_values(const compiler *c)
{
    cnn__program *program = c->program;
    const cnn__request *r = c->request;
    for (uint32_t i = 0; i < program->output_count; i++) {
        list_output(c, &r->outputs[i], &program->outputs[i]);
        program->values[program->outputs[i].value].kept = true;
        program->values[program->outputs[i].logits].kept = true;
        program->values[program->outputs[i].logits].begins = true;
    }
    for (size_t i = 0; i < r->keep_count; i++) {
        program->values[cnn__program_value(program, r->keep[i])].kept = true;
    }
    for (size_t i = 0; i < r->gradient_count; i++) {
        cnn__value *value = &program->values[cnn__program_value(program, r->asked[i])];
        value->kept = value->keeps_gradient = true;
    }
    for (uint32_t i = 0; i < c->model->node_count && r->keep_all; i++) {
        if (program->node_values[i] != CNN__NO_VALUE) {
            program->values[program->node_values[i]].kept = true;
        }
    }
    mark_penalties(c);
}

/* ---- shapes ---- */

static void input_shapes(const cnn__program *program, const cnn__op *op, cnn_shape shapes[CNN_LAYER_MAX_INPUTS])
{
    for (uint32_t i = 0; i < op->input_count; i++) {
        shapes[i] = program->values[op->inputs[i]].shape;
    }
}

cnn_status cnn__op_infer(const cnn_model *model, const cnn__program *program, cnn__op *op)
{
    cnn_shape shapes[CNN_LAYER_MAX_INPUTS];
    cnn_layer_spec spec;
    char reason[256];
    input_shapes(program, op, shapes);
    CNN__RETURN_IF_ERROR(
        cnn__infer_layer(model->context, op->kind, op->user, shapes, op->input_count, &spec, reason, sizeof(reason)));
    op->spec = spec;
    return CNN_OK;
}

static void set_shape(cnn__value *value, const cnn_shape *shape)
{
    value->shape = *shape;
    (void)cnn__shape_values(shape, &value->values); /* checked when it was inferred */
}

/* The shape of a sample of an input, which may be of another size than the model's. */
static cnn_status choose_input(const compiler *c, uint32_t i, cnn_shape *shape)
{
    const cnn__request *r = c->request;
    if (i >= c->model->input_count) { /* what a layer makes */
        *shape = c->model->nodes[c->program->given].output;
        return CNN_OK;
    }
    const cnn_shape *own = &c->model->inputs[i].shape;
    const bool given = i < r->input_shape_count && r->input_shapes[i].rank != 0;
    *shape = given ? r->input_shapes[i] : *own;
    bool fits = shape->rank == own->rank;
    for (uint32_t k = 0; fits && k < shape->rank; k++) {
        fits = shape->dims[k] > 0 && shape->dims[k] <= INT32_MAX;
    }
    if (!fits) {
        return cnn__fail(c->model->context, CNN_ERROR_SHAPE,
                         "%s: the shape given for input \"%s\" has %u dimensions, or one that is none; expected %u",
                         c->model->name, c->model->inputs[i].name, shape->rank, own->rank);
    }
    return CNN_OK;
}

static cnn_status infer_inputs(const compiler *c)
{
    const cnn__program *program = c->program;
    for (uint32_t i = 0; i < program->input_count; i++) {
        cnn__value *value = &program->values[program->input_values[i]];
        cnn_shape shape;
        CNN__RETURN_IF_ERROR(choose_input(c, i, &shape));
        shape = cnn__with_batch(&shape, c->request->batch);
        if (!cnn__shape_values(&shape, &value->values)) {
            char text[128];
            cnn__shape_text(&shape, NULL, text, sizeof(text));
            return cnn__fail(c->model->context, CNN_ERROR_LIMIT, "%s: an input %s has more than %zu values",
                             c->model->name, text, CNN__MAX_VALUES);
        }
        set_shape(value, &shape);
    }
    return CNN_OK;
}

static cnn_status infer(const compiler *c)
{
    cnn__program *program = c->program;
    CNN__RETURN_IF_ERROR(infer_inputs(c));
    for (uint32_t k = 0; k < program->op_count; k++) {
        cnn__op *op = &program->ops[k];
        cnn_shape shapes[CNN_LAYER_MAX_INPUTS];
        input_shapes(program, op, shapes);
        CNN__RETURN_IF_ERROR(
            cnn__infer_node(c->model, op->node, op->kind, op->user, shapes, op->input_count, &op->spec));
        if (op->parameter_count > 0 && c->request->input_shape_count > 0) {
            CNN__RETURN_IF_ERROR(cnn__infer_same_parameters(c->model, op->node, shapes, &op->spec));
        }
        set_shape(&program->values[op->output], &op->spec.output);
    }
    return CNN_OK;
}

/* ---- the end ---- */

/* Closes the gaps that fused operations left. */
static void compact(const compiler *c)
{
    cnn__program *program = c->program;
    uint32_t count = 0;
    for (uint32_t k = 0; k < program->op_count; k++) {
        cnn__op *op = &program->ops[k];
        if (op->gone) {
            cnn__free(c->model->context, op->state);
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
static void ask_backend(const compiler *c)
{
    const cnn_context *context = c->model->context;
    for (uint32_t k = 0; k < c->program->op_count; k++) {
        cnn__op *op = &c->program->ops[k];
        if (!op->settled || op->type == NULL || op->type->plan_inference == NULL) {
            continue;
        }
        op->type->plan_inference(op->state, &context->backend, cnn_context_threads(context),
                                 &c->program->values[op->inputs[0]].shape, &op->preparation);
        spare_preparation(c->program, op);
        op->spec.workspace_size = op->preparation.workspace;
        op->spec.answer = op->preparation.answer;
    }
}

static cnn_status run_passes(compiler *c)
{
    mark_values(c);
    CNN__RETURN_IF_ERROR(infer(c));
    CNN__RETURN_IF_ERROR(cnn__program_find_gradients(c->model, c->request, c->program));
    CNN__RETURN_IF_ERROR(cnn__program_fuse(c->model, c->program));
    compact(c);
    ask_backend(c);
    return CNN_OK;
}

/* Room for as many operations as there will be, each with one value. */
static bool allocate_program(compiler *c)
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
    program->written = program->trained + c->model->parameter_count;
    program->observed = program->written + c->model->parameter_count;
    program->gradient_offsets = cnn__alloc_array(context, (size_t)c->model->parameter_count + 1, sizeof(size_t));
    program->output_count = (uint32_t)c->request->output_count;
    if (program->ops == NULL || program->values == NULL || program->input_values == NULL ||
        program->node_values == NULL || program->linear_values == NULL || program->outputs == NULL ||
        program->trained == NULL || program->gradient_offsets == NULL) {
        return false;
    }
    memset(program->node_values, 0xff, nodes * sizeof(uint32_t));
    memset(program->linear_values, 0xff, nodes * sizeof(uint32_t));
    return true;
}

static bool allocate_marks(compiler *c)
{
    const size_t nodes = c->model->node_count;
    c->needed = cnn__alloc_zero(c->model->context, 4 * nodes * sizeof(bool));
    c->is_output = c->needed + nodes;
    c->linear = c->needed + 2 * nodes;
    c->sees_gradient = c->needed + 3 * nodes;
    return c->needed != NULL;
}

cnn_status cnn__program_compile(const cnn_model *model, const cnn__request *request, cnn__program *program)
{
    const bool given = request->given != CNN__NO_NODE;
    *program = (cnn__program){.training = request->training,
                              .given = request->given,
                              .input_count = model->input_count + given,
                              .keeps_all = request->keep_all,
                              .repeats = request->gradient_count > 0,
                              .penalties = request->penalties,
                              .parameter_gradients = request->parameter_gradients};
    compiler c = {.model = model, .request = request, .program = program};
    cnn_status status = allocate_marks(&c) ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        find_needed(&c);
        status = allocate_program(&c) ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    if (status == CNN_OK) {
        list_inputs(&c);
        status = list_operations(&c);
    }
    if (status == CNN_OK) {
        status = run_passes(&c);
    }
    cnn__free(model->context, c.needed);
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
