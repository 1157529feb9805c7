/* SPDX-License-Identifier: MIT */
/* Making and freeing layers, and what their kinds share. */
#include "layer/layer.h"

#include <stdio.h>
#include <string.h>

/* The part that all option structs of layers begin with. */
typedef cnn_named_options options_head;

static cnn_layer *layer_allocate(cnn_context *context, const char *name)
{
    cnn_layer *layer = cnn__alloc_zero(context, sizeof(*layer));
    if (layer == NULL) {
        return NULL;
    }
    layer->context = context;
    atomic_init(&layer->references, 1);
    if (name != NULL) {
        layer->name = cnn__strdup(context, name);
        if (layer->name == NULL) {
            cnn__free(context, layer);
            return NULL;
        }
    }
    return layer;
}

cnn_layer *cnn__layer_create(cnn_context *context, const cnn__layer_type *type, const char *what, const void *options)
{
    if (context == NULL) {
        return NULL;
    }
    void *state = cnn__alloc_zero(context, type->state_size);
    if (state == NULL) {
        return NULL;
    }
    cnn_layer *layer = NULL;
    options_head *head = state;
    cnn_status status = cnn__options_copy(context, what, options, state, type->options_size);
    if (status == CNN_OK) {
        status = cnn__check_name(context, what, head->name);
    }
    status = status == CNN_OK ? cnn__check_rules(context, type, state) : status;
    if (status == CNN_OK && type->check != NULL) {
        status = type->check(context, state);
    }
    if (status == CNN_OK) {
        layer = layer_allocate(context, head->name);
    }
    if (layer == NULL) {
        cnn__free(context, state);
        return NULL;
    }
    head->name = NULL; /* the caller's; the layer has its own copy */
    layer->type = type;
    layer->kind = type->kind;
    layer->user = state;
    return layer;
}

cnn_layer *cnn_custom_layer(cnn_context *context, const cnn_layer_kind *kind, void *user, const char *name)
{
    cnn_layer_kind copy;
    if (context == NULL) {
        return NULL;
    }
    if (cnn__options_copy(context, "cnn_custom_layer", kind, &copy, sizeof(copy)) != CNN_OK ||
        cnn__check_name(context, "cnn_custom_layer", name) != CNN_OK) {
        return NULL;
    }
    if (copy.type == NULL || copy.prefix == NULL || copy.infer == NULL || copy.forward == NULL) {
        cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                  "cnn_custom_layer: type, prefix, infer and forward are required");
        return NULL;
    }
    cnn_layer *layer = layer_allocate(context, name);
    if (layer != NULL) {
        layer->kind = copy;
        layer->user = user;
    }
    return layer;
}

cnn_layer *cnn__layer_create_inner(cnn_context *context, struct cnn_model *inner, void (*release)(void *),
                                   const char *name)
{
    cnn_layer *layer = layer_allocate(context, name);
    if (layer == NULL) {
        release(inner);
        return NULL;
    }
    layer->inner = inner;
    layer->user = inner;
    layer->kind = (cnn_layer_kind){
        .struct_size = sizeof(layer->kind), .type = "Model", .prefix = "model", .destroy = release};
    return layer;
}

cnn_layer *cnn__layer_retain(cnn_layer *layer)
{
    atomic_fetch_add_explicit(&layer->references, 1, memory_order_relaxed);
    return layer;
}

void cnn_layer_free(cnn_layer *layer)
{
    if (layer != NULL && !layer->added) { /* else it is its model's to free */
        cnn__layer_destroy(layer);
    }
}

void cnn__layer_destroy(cnn_layer *layer)
{
    if (atomic_fetch_sub_explicit(&layer->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    cnn_context *context = layer->context;
    if (layer->type != NULL) {
        cnn__free(context, layer->user);
    } else if (layer->kind.destroy != NULL) {
        layer->kind.destroy(layer->user);
    }
    cnn__free(context, layer->name);
    cnn__free(context, layer);
}

cnn_status cnn__infer_rank(const cnn_shape *input, uint32_t rank, const char *expected, char *reason,
                           size_t reason_size)
{
    if (input->rank == rank) {
        return CNN_OK;
    }
    char text[128];
    cnn_shape sample = {input->rank - 1, 0, {0}};
    memcpy(sample.dims, input->dims + 1, sizeof(input->dims) - sizeof(input->dims[0]));
    cnn__shape_text(&sample, "None", text, sizeof(text));
    snprintf(reason, reason_size, "expects %s, got %s", expected, text);
    return CNN_ERROR_SHAPE;
}

cnn_status cnn__layer_ask(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                          cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_status status = cnn_backend_query(backend, op, args, threads, &spec->answer);
    if (status == CNN_ERROR_INVALID_ARGUMENT) {
        snprintf(reason, reason_size, "its output or a parameter is empty or too large");
        return CNN_ERROR_LIMIT;
    }
    if (status != CNN_OK) {
        snprintf(reason, reason_size, "backend %s: %s", backend->name,
                 status == CNN_ERROR_UNSUPPORTED ? "does not do this" : cnn_status_string(status));
        return status;
    }
    static const cnn_pass training[] = {CNN_PASS_FORWARD, CNN_PASS_BACKWARD_DATA, CNN_PASS_BACKWARD_FILTER,
                                        CNN_PASS_BACKWARD};
    for (size_t i = 0; i < sizeof(training) / sizeof(training[0]); i++) {
        const size_t size = spec->answer.workspace[training[i]];
        spec->workspace_size = size > spec->workspace_size ? size : spec->workspace_size;
    }
    return CNN_OK;
}

size_t cnn__layer_values(const cnn_shape *shape)
{
    size_t values = 0;
    (void)cnn__shape_values(shape, &values);
    return values;
}

int64_t cnn__layer_rows(const cnn_shape *shape)
{
    int64_t rows = 1;
    for (uint32_t i = 0; i + 1 < shape->rank; i++) {
        rows *= shape->dims[i];
    }
    return rows;
}

cnn_status cnn__layer_copy(const cnn_layer_call *call, size_t values, const float *x, float *y)
{
    const cnn_elementwise_args args = {.struct_size = sizeof(args),
                                       .kind = CNN_ELEMENTWISE_COPY,
                                       .outer = 1,
                                       .inner = 1,
                                       .c = (int64_t)values,
                                       .a = x,
                                       .y = y};
    return x == y ? CNN_OK : cnn_backend_run(call->backend, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, &args);
}

cnn_status cnn__infer_limit(const cnn_shape *shape, const char *what, char *reason, size_t reason_size)
{
    size_t values;
    if (cnn__shape_values(shape, &values)) {
        return CNN_OK;
    }
    char text[128];
    cnn__shape_text(shape, NULL, text, sizeof(text));
    snprintf(reason, reason_size, "%s %s would have more than %zu values", what, text, CNN__MAX_VALUES);
    return CNN_ERROR_LIMIT;
}

cnn_status cnn__layer_bias_gradient(const cnn_layer_call *call, int32_t activation, float alpha, float *d_bias)
{
    const int64_t c = call->output_shape.dims[call->output_shape.rank - 1];
    const int64_t n = (int64_t)cnn__layer_values(&call->output_shape);
    if (activation != CNN_LINEAR && !call->derived) {
        const cnn_activation_args derive = {.struct_size = sizeof(derive),
                                            .activation = activation,
                                            .alpha = alpha,
                                            .n = (size_t)n,
                                            .y = call->output,
                                            .dy = call->output_gradient,
                                            .dx = call->output_gradient};
        CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_ACTIVATION, CNN_PASS_BACKWARD, &derive));
    }
    const cnn_reduce_args sum = {.struct_size = sizeof(sum),
                                 .kind = CNN_REDUCE_SUM_INNER,
                                 .outer = 1,
                                 .inner = n / c,
                                 .c = c,
                                 .x = call->output_gradient,
                                 .y = d_bias};
    return cnn_backend_run(call->backend, CNN_OP_REDUCE, CNN_PASS_FORWARD, &sum);
}

cnn_status cnn__infer_reads(double reads, double values, char *reason, size_t reason_size)
{
    if (reads <= CNN__MOST_READS * values) {
        return CNN_OK;
    }
    snprintf(
        reason, reason_size,
        "its windows overlap so much that each value is read %.0f times, at most %d: take smaller ones, or a larger "
        "stride",
        reads / values, CNN__MOST_READS);
    return CNN_ERROR_LIMIT;
}
