/* SPDX-License-Identifier: MIT */
/* Graph convolution: act(A' X W + b) with the normalised adjacency A' of each sample's graph.
 *
 * It is two dense products: X W over the nodes of all samples, and then for each sample A' as the input and its part of
 * X W as the weights, with bias and activation. Normalising is an operation of its own. */
#include <stdio.h>

#include "layer/layer.h"

#define TYPE "GraphConvolution"

typedef struct graph_state {
    cnn_graph_conv_options options;
    cnn_epilogue epilogue;
} graph_state;

/* Inputs. */
enum { FEATURES, ADJACENCY, INPUTS };

static const char *const normalization_names[] = {"undirected", "directed", "given", NULL};

static const cnn__field fields[] = {
    {"units", offsetof(cnn_graph_conv_options, units), CNN__FIELD_INT, 1, NULL},
    {"normalization", offsetof(cnn_graph_conv_options, normalization), CNN__FIELD_ENUM, 1, normalization_names},
    {"activation", offsetof(cnn_graph_conv_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_graph_conv_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {"no_bias", offsetof(cnn_graph_conv_options, no_bias), CNN__FIELD_INT, 1, NULL},
    {"kernel_init", offsetof(cnn_graph_conv_options, kernel_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {"bias_init", offsetof(cnn_graph_conv_options, bias_init), CNN__FIELD_INITIALIZER, 1, NULL},
    CNN__KERNEL_RULES(cnn_graph_conv_options),
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    graph_state *graph = state;
    cnn_graph_conv_options *o = &graph->options;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "units", o->units, 1, 1 << 24));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "normalization", o->normalization, 0, CNN_GRAPH_GIVEN));
    CNN__RETURN_IF_ERROR(cnn__check_activation(context, TYPE, o->activation, &o->alpha));
    graph->epilogue = (cnn_epilogue){.activation = o->activation, .alpha = o->alpha};
    CNN__RETURN_IF_ERROR(
        cnn__check_initializer(context, TYPE, "kernel_init", &o->kernel_init, CNN_INIT_GLOROT_UNIFORM));
    return cnn__check_initializer(context, TYPE, "bias_init", &o->bias_init, CNN_INIT_CONSTANT);
}

/* ---- sizes ---- */

typedef struct graph {
    int64_t n, nodes, in, out;
    size_t adjacency_bytes; /* of all samples' normalised ones; 0: they are given */
    size_t product_bytes;   /* of X W */
    size_t bias_bytes;      /* of the bias's gradient, for each sample */
} graph;

static size_t bytes_of(int64_t a, int64_t b, int64_t c) { return cnn__align_size((size_t)(a * b * c) * sizeof(float)); }

static graph graph_of(const graph_state *state, const cnn_shape *features)
{
    graph g = {features->dims[0], features->dims[1], features->dims[2], state->options.units, 0, 0, 0};
    const bool given = state->options.normalization == CNN_GRAPH_GIVEN;
    g.adjacency_bytes = given ? 0 : bytes_of(g.n, g.nodes, g.nodes);
    g.product_bytes = bytes_of(g.n, g.nodes, g.out);
    g.bias_bytes = bytes_of(g.n, 1, g.out);
    return g;
}

/* A', X W, and in backward in their place their gradients; then the bias's. */
static size_t own_bytes(const graph *g)
{
    return bytes_of(g->n, g->nodes, g->nodes) + g->product_bytes + g->bias_bytes;
}

/* ---- arguments ---- */

static cnn_adjacency_args adjacency_args(const graph_state *state, const graph *g)
{
    return (cnn_adjacency_args){.struct_size = sizeof(cnn_adjacency_args),
                                .n = g->n,
                                .nodes = g->nodes,
                                .directed = state->options.normalization == CNN_GRAPH_DIRECTED};
}

/* X W. */
static cnn_dense_args features_args(const graph *g)
{
    return (cnn_dense_args){.struct_size = sizeof(cnn_dense_args), .shape = {g->n * g->nodes, g->in, g->out, {0}}};
}

/* A' times that, of one sample. */
static cnn_dense_args sample_args(const graph_state *state, const graph *g)
{
    return (cnn_dense_args){.struct_size = sizeof(cnn_dense_args),
                            .shape = {g->nodes, g->nodes, g->out, cnn__run_epilogue(&state->epilogue)}};
}

/* The sum of the samples' gradients of the bias. */
static cnn_reduce_args sum_args(const graph *g)
{
    return (cnn_reduce_args){
        .struct_size = sizeof(cnn_reduce_args), .kind = CNN_REDUCE_SUM_INNER, .outer = 1, .inner = g->n, .c = g->out};
}

/* ---- shapes ---- */

static cnn_status check_inputs(const cnn_shape *inputs, uint32_t input_count, char *reason, size_t reason_size)
{
    if (input_count != INPUTS) {
        snprintf(reason, reason_size, "needs two inputs, features and adjacency, has %u", input_count);
        return CNN_ERROR_SHAPE;
    }
    CNN__RETURN_IF_ERROR(
        cnn__infer_rank(&inputs[FEATURES], 3, "features (None, nodes, channels) first", reason, reason_size));
    const int64_t nodes = inputs[FEATURES].dims[1];
    const cnn_shape expected = cnn__shape3(inputs[FEATURES].dims[0], nodes, nodes);
    if (!cnn__shape_equal(&expected, &inputs[ADJACENCY])) {
        snprintf(reason, reason_size, "the adjacency of %lld nodes must be (None, %lld, %lld)", (long long)nodes,
                 (long long)nodes, (long long)nodes);
        return CNN_ERROR_SHAPE;
    }
    return CNN_OK;
}

/* What all of its calls ask of the backend; the answer that stays is that of a sample's product. */
static cnn_status ask(const graph_state *state, const graph *g, const cnn_backend *backend, uint32_t threads,
                      cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_adjacency_args adjacency = adjacency_args(state, g);
    const cnn_dense_args features = features_args(g), sample = sample_args(state, g);
    const cnn_reduce_args sum = sum_args(g);
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_ADJACENCY, &adjacency, threads, spec, reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_REDUCE, &sum, threads, spec, reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_DENSE, &features, threads, spec, reason, reason_size));
    return cnn__layer_ask(backend, CNN_OP_DENSE, &sample, threads, spec, reason, reason_size);
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const graph_state *state = user;
    const cnn_graph_conv_options *o = &state->options;
    CNN__RETURN_IF_ERROR(check_inputs(inputs, input_count, reason, reason_size));
    const int64_t in = inputs[FEATURES].dims[2];
    const cnn_shape weights = cnn__shape2(in, o->units);
    spec->output = cnn__shape3(inputs[FEATURES].dims[0], inputs[FEATURES].dims[1], o->units);
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&weights, "weights", reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&spec->output, "the output", reason, reason_size));
    const graph g = graph_of(state, &inputs[FEATURES]);
    CNN__RETURN_IF_ERROR(ask(state, &g, backend, threads, spec, reason, reason_size));
    spec->parameters[0] = (cnn_parameter_spec){"kernel", weights, o->kernel_init, in, o->units, 1, 1, CNN_FLOAT32, 0};
    spec->parameters[1] = (cnn_parameter_spec){
        "bias", {1, 0, {o->units}}, o->bias_init, in, o->units, 1, 0, CNN_FLOAT32, 0};
    spec->parameter_count = o->no_bias ? 1 : 2;
    CNN__SET_KERNEL_RULES(spec, o);
    spec->saved_size = g.adjacency_bytes + g.product_bytes;
    spec->workspace_size += own_bytes(&g);
    spec->backward_needs_input = 1;
    spec->backward_needs_output = state->epilogue.activation != CNN_LINEAR;
    return CNN_OK;
}

/* ---- passes ---- */

static void *after(void *base, size_t bytes) { return (char *)base + bytes; }

/* What forward keeps for backward, or has in the workspace. */
typedef struct kept {
    float *adjacency; /* normalised, or the input */
    float *product;
} kept;

static kept kept_of(const graph *g, const cnn_layer_call *call)
{
    char *base = call->saved != NULL ? call->saved : call->backend->workspace;
    return (kept){g->adjacency_bytes > 0 ? (float *)base : (float *)call->inputs[ADJACENCY],
                  (float *)(base + g->adjacency_bytes)};
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const graph_state *state = user;
    const graph g = graph_of(state, &call->input_shapes[FEATURES]);
    const cnn_backend_call backend = cnn__after_own(call, own_bytes(&g));
    const kept k = kept_of(&g, call);
    cnn_adjacency_args adjacency = adjacency_args(state, &g);
    cnn_dense_args product = features_args(&g), sample = sample_args(state, &g);
    if (g.adjacency_bytes > 0) {
        adjacency.x = call->inputs[ADJACENCY];
        adjacency.y = k.adjacency;
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_ADJACENCY, CNN_PASS_FORWARD, &adjacency));
    }
    product.x = call->inputs[FEATURES];
    product.weights = call->parameters[0];
    product.y = k.product;
    CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_DENSE, CNN_PASS_FORWARD, &product));
    sample.answer = call->answer;
    sample.bias = state->options.no_bias ? NULL : call->parameters[1];
    for (int64_t i = 0; i < g.n; i++) {
        sample.x = k.adjacency + i * g.nodes * g.nodes;
        sample.weights = k.product + i * g.nodes * g.out;
        sample.y = call->output + i * g.nodes * g.out;
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_DENSE, CNN_PASS_FORWARD, &sample));
    }
    return CNN_OK;
}

/* Gradients of X W, of the bias of each sample, and of A' where there is a place. */
static cnn_status backward_samples(const graph_state *state, const graph *g, const cnn_layer_call *call,
                                   const cnn_backend_call *backend, float *d_product, float *d_bias, float *d_adjacency)
{
    const kept k = kept_of(g, call);
    cnn_dense_args sample = sample_args(state, g);
    sample.answer = call->answer;
    for (int64_t i = 0; i < g->n; i++) {
        const int64_t values = i * g->nodes * g->out, edges = i * g->nodes * g->nodes;
        sample.x = k.adjacency + edges;
        sample.weights = k.product + values;
        sample.y = call->derived ? NULL : call->output + values;
        sample.dy = call->output_gradient + values;
        sample.d_weights = d_product + values;
        sample.d_bias = d_bias + i * g->out;
        CNN__RETURN_IF_ERROR(cnn_backend_run(backend, CNN_OP_DENSE, CNN_PASS_BACKWARD_FILTER, &sample));
        if (d_adjacency != NULL) {
            sample.y = NULL; /* dy is the gradient before the activation by now */
            sample.dx = d_adjacency + edges;
            CNN__RETURN_IF_ERROR(cnn_backend_run(backend, CNN_OP_DENSE, CNN_PASS_BACKWARD_DATA, &sample));
        }
    }
    return CNN_OK;
}

static cnn_status backward_parameters(const graph_state *state, const graph *g, const cnn_layer_call *call,
                                      const cnn_backend_call *backend, float *d_product, const float *d_bias)
{
    cnn_dense_args product = features_args(g);
    product.x = call->inputs[FEATURES];
    product.dy = d_product;
    product.d_weights = call->parameter_gradients[0];
    CNN__RETURN_IF_ERROR(cnn_backend_run(backend, CNN_OP_DENSE, CNN_PASS_BACKWARD_FILTER, &product));
    if (state->options.no_bias) {
        return CNN_OK;
    }
    cnn_reduce_args sum = sum_args(g);
    sum.x = d_bias;
    sum.y = call->parameter_gradients[1];
    return cnn_backend_run(backend, CNN_OP_REDUCE, CNN_PASS_FORWARD, &sum);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const graph_state *state = user;
    const graph g = graph_of(state, &call->input_shapes[FEATURES]);
    const cnn_backend_call backend = cnn__after_own(call, own_bytes(&g));
    float *d_product = call->backend->workspace;
    float *d_bias = after(d_product, g.product_bytes);
    float *const d_input = call->input_gradients[ADJACENCY];
    float *d_adjacency = d_input != NULL && g.adjacency_bytes > 0 ? after(d_bias, g.bias_bytes) : d_input;
    CNN__RETURN_IF_ERROR(backward_samples(state, &g, call, &backend, d_product, d_bias, d_adjacency));
    if (call->parameter_gradients[0] != NULL) {
        CNN__RETURN_IF_ERROR(backward_parameters(state, &g, call, &backend, d_product, d_bias));
    }
    if (call->input_gradients[FEATURES] != NULL) {
        cnn_dense_args product = features_args(&g);
        product.weights = call->parameters[0];
        product.dy = d_product;
        product.dx = call->input_gradients[FEATURES];
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_DENSE, CNN_PASS_BACKWARD_DATA, &product));
    }
    if (d_adjacency == d_input) { /* none is asked for, or they were given normalised */
        return CNN_OK;
    }
    cnn_adjacency_args adjacency = adjacency_args(state, &g);
    adjacency.x = call->inputs[ADJACENCY];
    adjacency.dy = d_adjacency;
    adjacency.dx = d_input;
    return cnn_backend_run(&backend, CNN_OP_ADJACENCY, CNN_PASS_BACKWARD, &adjacency);
}

const cnn__layer_type cnn__graph_conv_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "graph_conv", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_graph_conv_options),
    .state_size = sizeof(graph_state),
    .fields = fields,
    .check = check,
    .epilogue = offsetof(graph_state, epilogue),
};

cnn_layer *cnn_graph_conv(cnn_context *context, const cnn_graph_conv_options *options)
{
    return cnn__layer_create(context, &cnn__graph_conv_type, "cnn_graph_conv", options);
}
