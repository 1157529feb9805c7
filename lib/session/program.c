/* SPDX-License-Identifier: MIT */
/* From the graph to a list of operations: dead layers go, activations and poolings are folded in, and what ends the
 * model in probabilities is split off, so that losses can work on the logits. */
#include "session/program.h"

#include <string.h>

typedef struct compiler {
    const cnn_model *model;
    cnn__program *program;
    int64_t batch;
    bool *live;          /* node -> its output is used, and no op has taken it over */
    uint32_t *consumers; /* value of the graph -> number of live nodes that read it */
    uint32_t *readers;   /* value of the graph -> the last live node that reads it */
    uint32_t *givers;    /* node -> op whose activation it has taken over; CNN__NO_NODE: none */
} compiler;

cnn_shape cnn__with_batch(const cnn_shape *sample, int64_t batch)
{
    cnn_shape shape = {sample->rank + 1, 0, {batch}};
    memcpy(shape.dims + 1, sample->dims, sizeof(sample->dims) - sizeof(sample->dims[0]));
    return shape;
}

cnn_shape cnn__without_batch(const cnn_shape *shape)
{
    cnn_shape sample = {shape->rank - 1, 0, {0}};
    memcpy(sample.dims, shape->dims + 1, sizeof(shape->dims) - sizeof(shape->dims[0]));
    return sample;
}

/* Marks what the last layer's output depends on; of a whole program, everything. */
static void find_live(compiler *c)
{
    const cnn_model *model = c->model;
    bool whole = (c->program->flags & CNN__PROGRAM_WHOLE) != 0;
    for (uint32_t i = model->node_count; i-- > 0;) {
        const cnn__node *node = &model->nodes[i];
        c->live[i] = c->live[i] || whole || i + 1 == model->node_count;
        for (uint32_t k = 0; c->live[i] && k < node->input_count; k++) {
            if (c->consumers[node->inputs[k]]++ == 0) {
                c->readers[node->inputs[k]] = i;
            }
            if (node->inputs[k] > 0) {
                c->live[node->inputs[k] - 1] = true;
            }
        }
    }
}

static uint32_t add_value(cnn__program *program, const cnn_shape *shape)
{
    program->shapes[program->value_count] = *shape;
    return program->value_count++;
}

static cnn_status fail_shape(const compiler *c, const cnn__op *op, cnn_status status, const char *reason)
{
    char shape[128];
    cnn_shape input = cnn__without_batch(&c->program->shapes[op->inputs[0]]);
    cnn__shape_text(&input, "None", shape, sizeof(shape));
    return cnn__fail(c->model->context, status, "%s: layer \"%s\" (%s), input %s: %s", c->model->name,
                     c->model->nodes[op->node].name, op->kind->type, shape, reason);
}

static cnn_status run_infer(const compiler *c, const cnn__op *op, cnn_layer_spec *spec, char *reason, size_t size)
{
    cnn_shape inputs[CNN_LAYER_MAX_INPUTS];
    const cnn_context *context = c->model->context;
    for (uint32_t i = 0; i < op->input_count; i++) {
        inputs[i] = c->program->shapes[op->inputs[i]];
    }
    memset(spec, 0, sizeof(*spec));
    spec->struct_size = sizeof(*spec);
    reason[0] = '\0';
    return op->kind->infer(op->user, &context->backend, cnn_context_threads(context), inputs, op->input_count, spec,
                           reason, size);
}

/* No value, parameter or workspace is so large that sizes computed from it could wrap. */
static bool is_within_limits(const cnn_layer_spec *spec)
{
    size_t values = 0;
    bool sound = cnn__shape_values(&spec->output, &values) && values > 0 && spec->saved_size <= CNN__MAX_BYTES &&
                 spec->workspace_size <= CNN__MAX_BYTES;
    /* Sides of images are counted in 32 bits in places: windows, padding. */
    for (uint32_t i = 1; sound && spec->output.rank == 4 && i < 3; i++) {
        sound = spec->output.dims[i] <= INT32_MAX;
    }
    for (uint32_t i = 0; sound && i < spec->parameter_count; i++) {
        sound = spec->parameters[i].shape.rank <= CNN_MAX_RANK &&
                cnn__shape_values(&spec->parameters[i].shape, &values);
    }
    return sound;
}

static cnn_status infer(const compiler *c, cnn__op *op)
{
    char reason[256];
    cnn_status status = run_infer(c, op, &op->spec, reason, sizeof(reason));
    if (status != CNN_OK) {
        return fail_shape(c, op, status, reason);
    }
    const cnn_shape *output = &op->spec.output;
    if (output->rank < 1 || output->rank > CNN_MAX_RANK || output->dims[0] != c->batch ||
        op->spec.parameter_count > CNN_LAYER_MAX_PARAMETERS || !is_within_limits(&op->spec)) {
        return fail_shape(c, op, CNN_ERROR_LIMIT, "its output is empty or too large");
    }
    return CNN_OK;
}

/* The layer that alone reads this node's output; NULL if there is none. */
static const cnn__node *only_reader(const compiler *c, uint32_t node)
{
    if (c->consumers[node + 1] != 1 || !c->live[c->readers[node + 1]]) {
        return NULL;
    }
    const cnn__node *reader = &c->model->nodes[c->readers[node + 1]];
    return reader->input_count == 1 ? reader : NULL;
}

/* Lets the op take over the layers behind it as long as it can; returns the last node that it stands for. */
static uint32_t absorb(const compiler *c, cnn__op *op, void *trial)
{
    const bool training = (c->program->flags & CNN__PROGRAM_TRAINING) != 0;
    const cnn__node *nodes = c->model->nodes;
    uint32_t last = op->node;
    while ((c->program->flags & CNN__PROGRAM_WHOLE) == 0 && op->type != NULL && op->type->absorb != NULL) {
        const cnn__node *reader = only_reader(c, last);
        cnn_layer_spec spec;
        char reason[256];
        memcpy(trial, op->state, op->type->state_size);
        if (reader == NULL || !op->type->absorb(trial, training, reader->layer->type, reader->layer->user)) {
            break;
        }
        const void *before = op->user;
        op->user = trial;
        cnn_status status = run_infer(c, op, &spec, reason, sizeof(reason));
        op->user = before;
        if (status != CNN_OK) {
            break;
        }
        memcpy(op->state, trial, op->type->state_size);
        last = (uint32_t)(reader - nodes);
        op->absorbed = reader->parameter_count > 0 ? last : op->absorbed;
        c->live[last] = false; /* it is compiled already */
    }
    return last;
}

static cnn_status open_op(const compiler *c, uint32_t index, cnn__op **out)
{
    const cnn__node *node = &c->model->nodes[index];
    cnn__op *op = &c->program->ops[c->program->op_count];
    memset(op, 0, sizeof(*op));
    op->node = index;
    op->absorbed = CNN__NO_NODE;
    op->type = node->layer->type;
    op->kind = &node->layer->kind;
    op->user = node->layer->user;
    op->input_count = node->input_count;
    for (uint32_t i = 0; i < node->input_count; i++) {
        op->inputs[i] = node->inputs[i] == 0 ? 0 : c->program->node_values[node->inputs[i] - 1];
    }
    if (op->type != NULL) {
        op->state = cnn__alloc(c->model->context, op->type->state_size);
        if (op->state == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        memcpy(op->state, node->layer->user, op->type->state_size);
        op->user = op->state;
    }
    c->program->op_count++;
    *out = op;
    return CNN_OK;
}

/* In inference a call needs less workspace, and may read parameters in another form. */
static void plan_inference(const compiler *c, cnn__op *op)
{
    if ((c->program->flags & CNN__PROGRAM_TRAINING) != 0 || op->type == NULL || op->type->plan_inference == NULL) {
        return;
    }
    const cnn_context *context = c->model->context;
    op->type->plan_inference(op->state, &context->backend, cnn_context_threads(context),
                             &c->program->shapes[op->inputs[0]], &op->preparation);
    op->spec.workspace_size = op->preparation.workspace;
}

/* A layer is frozen by cnn_model_set_trainable() alone: when all that could be trained was frozen, or everything of a
 * layer that has statistics only, such as a normalisation without scale and shift. */
static void note_training(const compiler *c, cnn__op *op)
{
    const cnn__node *node = &c->model->nodes[op->node];
    bool any_trainable = false, all_frozen = true;
    for (uint32_t i = 0; i < node->parameter_count; i++) {
        const cnn__parameter *parameter = &c->model->parameters[node->first_parameter + i];
        any_trainable = any_trainable || parameter->trainable;
        all_frozen = all_frozen && parameter->frozen;
        op->has_trained = op->has_trained || (parameter->trainable && !parameter->frozen);
    }
    op->frozen = node->parameter_count > 0 && !op->has_trained && (any_trainable || all_frozen);
}

static bool is_head(cnn_activation activation)
{
    return activation == CNN_SIGMOID || activation == CNN_SOFTMAX || activation == CNN_LOG_SOFTMAX;
}

/* Appends an op that applies an activation to the output of the op before. */
static cnn_status append_activation(const compiler *c, uint32_t node, uint32_t input, cnn_activation activation,
                                    float alpha)
{
    cnn__op *op = &c->program->ops[c->program->op_count];
    memset(op, 0, sizeof(*op));
    op->node = node;
    op->absorbed = CNN__NO_NODE;
    op->type = &cnn__activate_type;
    op->kind = &cnn__activate_type.kind;
    op->state = cnn__alloc_zero(c->model->context, op->type->state_size);
    if (op->state == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_activate_options *options = op->state;
    options->struct_size = sizeof(*options);
    options->activation = (int32_t)activation;
    options->alpha = alpha;
    op->user = op->state;
    op->input_count = 1;
    op->inputs[0] = input;
    c->program->op_count++;
    CNN__RETURN_IF_ERROR(infer(c, op));
    op->output = add_value(c->program, &op->spec.output);
    return CNN_OK;
}

/* In training an activation that the layer behind can apply to fewer values is left to it: its input need not be kept
 * for the derivative then. `trial` is scratch. */
static void give_activation(const compiler *c, cnn__op *op, uint32_t last, void *trial)
{
    const cnn__node *reader = only_reader(c, last);
    const cnn__layer_type *end = c->model->nodes[last].layer->type;
    const bool pooled = last != op->node && end != NULL && end->take_activation != NULL; /* there it costs nothing */
    float alpha = 0;
    if (c->program->flags != CNN__PROGRAM_TRAINING || reader == NULL || reader->layer->type == NULL ||
        reader->layer->type->take_activation == NULL || op->type == NULL || op->type->drop_activation == NULL ||
        pooled) {
        return;
    }
    const cnn_activation activation = op->type->activation(op->state, &alpha);
    memcpy(trial, reader->layer->user, reader->layer->type->state_size);
    if (activation != CNN_LINEAR && reader->layer->type->take_activation(trial, activation, alpha)) {
        c->givers[reader - c->model->nodes] = (uint32_t)(op - c->program->ops);
    }
}

/* The other half: the op in front loses what this one takes, and perhaps needs less for it. */
static cnn_status take_activation(const compiler *c, cnn__op *op)
{
    const uint32_t number = c->givers[op->node];
    float alpha = 0;
    if (number == CNN__NO_NODE) {
        return CNN_OK;
    }
    cnn__op *giver = &c->program->ops[number];
    const cnn_activation activation = giver->type->activation(giver->state, &alpha);
    op->type->take_activation(op->state, activation, alpha);
    giver->type->drop_activation(giver->state);
    giver->activation = CNN_LINEAR;
    return infer(c, giver);
}

/* Compiles one node; *last is the node whose output the new value is. */
static cnn_status compile_node(const compiler *c, uint32_t index, void *trial, uint32_t *last)
{
    cnn__op *op = NULL;
    CNN__RETURN_IF_ERROR(open_op(c, index, &op));
    CNN__RETURN_IF_ERROR(take_activation(c, op));
    *last = absorb(c, op, trial);
    give_activation(c, op, *last, trial);
    float alpha = 0;
    cnn_activation activation = CNN_LINEAR;
    if (op->type != NULL && op->type->activation != NULL) {
        activation = op->type->activation(op->state, &alpha);
    }
    bool rows = activation == CNN_SOFTMAX || activation == CNN_LOG_SOFTMAX;
    /* Only the model's last layer makes a head, not what the last layer was folded into: what counts as logits must
     * not depend on fusions. */
    bool split = rows || (is_head(activation) && index + 1 == c->model->node_count);
    if (split) {
        op->type->drop_activation(op->state);
    }
    CNN__RETURN_IF_ERROR(infer(c, op));
    note_training(c, op);
    plan_inference(c, op);
    op->output = add_value(c->program, &op->spec.output);
    if (split) {
        return append_activation(c, index, op->output, activation, alpha);
    }
    bool applies = op->type != NULL && op->type->applies_derivative != NULL && op->type->applies_derivative(op->state);
    op->activation = applies ? CNN_LINEAR : activation;
    op->alpha = alpha;
    return CNN_OK;
}

static bool vanishes(const compiler *c, const cnn__node *node)
{
    return c->program->flags == 0 && node->layer->type != NULL && node->layer->type->identity_in_inference;
}

static cnn_status compile_nodes(compiler *c, void *trial)
{
    cnn__program *program = c->program;
    for (uint32_t i = 0; i < c->model->node_count; i++) {
        const cnn__node *node = &c->model->nodes[i];
        if (!c->live[i] || program->node_values[i] != UINT32_MAX) {
            continue; /* unused, or taken over by the op before it */
        }
        if (vanishes(c, node)) {
            program->node_values[i] = node->inputs[0] == 0 ? 0 : program->node_values[node->inputs[0] - 1];
            continue;
        }
        uint32_t last = i;
        CNN__RETURN_IF_ERROR(compile_node(c, i, trial, &last));
        uint32_t value = program->value_count - 1;
        program->node_values[i] = value;
        program->node_values[last] = value;
    }
    program->output = program->node_values[c->model->node_count - 1];
    program->logits = program->output;
    /* A softmax in front of a dropout does not end the model, though its op is the last one where dropout vanishes:
     * what counts as logits must not depend on the kind of session. */
    bool ends = program->op_count > 0 && !vanishes(c, &c->model->nodes[c->model->node_count - 1]);
    const cnn__op *end = ends ? &program->ops[program->op_count - 1] : NULL;
    if (end != NULL && end->type == &cnn__activate_type && end->output == program->output) {
        program->head = is_head((cnn_activation)((const cnn_activate_options *)end->state)->activation);
        program->logits = program->head ? end->inputs[0] : program->output;
    }
    return CNN_OK;
}

static size_t largest_state(const cnn_model *model)
{
    size_t size = 1;
    for (uint32_t i = 0; i < model->node_count; i++) {
        const cnn__layer_type *type = model->nodes[i].layer->type;
        size = type != NULL && type->state_size > size ? type->state_size : size;
    }
    return size;
}

cnn_status cnn__program_compile(const cnn_model *model, uint32_t flags, int64_t batch, cnn__program *program)
{
    cnn_context *context = model->context;
    const size_t nodes = model->node_count;
    size_t values;
    const cnn_shape input = cnn__with_batch(&model->input, batch);
    *program = (cnn__program){.flags = flags};
    if (!cnn__shape_values(&input, &values)) {
        char text[128];
        cnn__shape_text(&input, NULL, text, sizeof(text));
        return cnn__fail(context, CNN_ERROR_LIMIT, "%s: an input %s has more than %zu values", model->name, text,
                         CNN__MAX_VALUES);
    }
    /* A node is one op, or two where its activation is split off; each has one value, and the input one more. */
    program->ops = cnn__alloc_array(context, 2 * nodes, sizeof(*program->ops));
    program->shapes = cnn__alloc_array(context, 2 * nodes + 1, sizeof(*program->shapes));
    program->node_values = cnn__alloc_array(context, nodes, sizeof(*program->node_values));
    compiler c = {model,
                  program,
                  batch,
                  cnn__alloc_zero(context, nodes * sizeof(bool)),
                  cnn__alloc_zero(context, (nodes + 1) * sizeof(uint32_t)),
                  cnn__alloc_zero(context, (nodes + 1) * sizeof(uint32_t)),
                  cnn__alloc_array(context, nodes, sizeof(uint32_t))};
    void *trial = cnn__alloc(context, largest_state(model));
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    if (program->ops != NULL && program->shapes != NULL && program->node_values != NULL && c.live != NULL &&
        c.consumers != NULL && c.readers != NULL && c.givers != NULL && trial != NULL) {
        memset(program->node_values, 0xff, nodes * sizeof(*program->node_values));
        memset(c.givers, 0xff, nodes * sizeof(*c.givers));
        add_value(program, &input);
        find_live(&c);
        status = compile_nodes(&c, trial);
    }
    cnn__free(context, c.live);
    cnn__free(context, c.consumers);
    cnn__free(context, c.readers);
    cnn__free(context, c.givers);
    cnn__free(context, trial);
    if (status != CNN_OK) {
        cnn__program_free(context, program);
    }
    return status;
}

void cnn__program_free(cnn_context *context, cnn__program *program)
{
    for (uint32_t i = 0; i < program->op_count; i++) {
        cnn__free(context, program->ops[i].state);
    }
    cnn__free(context, program->ops);
    cnn__free(context, program->shapes);
    cnn__free(context, program->node_values);
    *program = (cnn__program){0};
}
