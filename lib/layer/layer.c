/* SPDX-License-Identifier: MIT */
/* Making and freeing layers, and what their kinds share. */
#include "layer/layer.h"

#include <math.h>
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

/* Names are parts of parameter names and of text in files: plain characters only. */
bool cnn__is_plain_name(const char *name, size_t length)
{
    bool plain = length > 0 && length < 256;
    for (size_t i = 0; plain && i < length; i++) {
        const char c = name[i];
        plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                c == '.';
    }
    return plain;
}

cnn_status cnn__check_name(const cnn_context *context, const char *what, const char *name)
{
    if (name == NULL || cnn__is_plain_name(name, strlen(name))) {
        return CNN_OK;
    }
    char text[300];
    return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                     "%s: the name \"%s\" must have 1 to 255 letters, digits, '_', '-' or '.'", what,
                     cnn__printable(name, text, sizeof(text)));
}

static cnn_status check_regularizer(const cnn_context *context, const char *type, const char *field,
                                    const cnn_regularizer *regularizer)
{
    const float factors[] = {regularizer->l1, regularizer->l2};
    for (size_t i = 0; i < 2; i++) {
        if (!isfinite(factors[i]) || factors[i] < 0) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s has the l%zu %g; expected a number from 0 on",
                             type, field, i + 1, (double)factors[i]);
        }
    }
    return CNN_OK;
}

/* Fills in defaults, and clears what its kind does not have, so that two that do the same are the same. */
static cnn_status check_constraint(const cnn_context *context, const char *type, const char *field, cnn_constraint *c)
{
    char name[80];
    snprintf(name, sizeof(name), "kind of %s", field);
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, name, c->kind, 0, CNN_CONSTRAINT_MIN_MAX_NORM));
    const bool bounded = c->kind == CNN_CONSTRAINT_MAX_NORM || c->kind == CNN_CONSTRAINT_MIN_MAX_NORM;
    const bool between = c->kind == CNN_CONSTRAINT_MIN_MAX_NORM;
    const bool normed = bounded || c->kind == CNN_CONSTRAINT_UNIT_NORM;
    c->axes = !normed ? 0 : c->axes == 0 ? 1 : c->axes;
    c->high = !bounded ? 0 : c->high != 0 ? c->high : between ? 1 : 2;
    c->low = between ? c->low : 0;
    c->rate = !between ? 0 : c->rate == 0 ? 1 : c->rate;
    snprintf(name, sizeof(name), "high of %s", field);
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, name, c->high, bounded ? 1e-30 : 0, 1e30));
    snprintf(name, sizeof(name), "low of %s", field);
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, name, c->low, 0, c->high));
    snprintf(name, sizeof(name), "rate of %s", field);
    return cnn__layer_check_range(context, type, name, c->rate, 0, 1);
}

/* Regularizers and constraints are the same for all kinds. */
static cnn_status check_rules(const cnn_context *context, const cnn__layer_type *type, void *state)
{
    cnn_status status = CNN_OK;
    for (const cnn__field *f = type->fields; f != NULL && f->name != NULL && status == CNN_OK; f++) {
        void *place = (char *)state + f->offset;
        status = f->type == CNN__FIELD_REGULARIZER  ? check_regularizer(context, type->kind.type, f->name, place)
                 : f->type == CNN__FIELD_CONSTRAINT ? check_constraint(context, type->kind.type, f->name, place)
                                                    : CNN_OK;
    }
    return status;
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
    status = status == CNN_OK ? check_rules(context, type, state) : status;
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

int64_t cnn__window_output(cnn__window *window, int64_t input)
{
    int64_t extent = (int64_t)(window->kernel - 1) * window->dilation + 1;
    if (window->padding == CNN_PADDING_SAME || window->padding == CNN_PADDING_SAME_LOWER) {
        int64_t output = (input + window->stride - 1) / window->stride;
        /* With a stride larger than the window nothing is padded, never a negative amount. */
        int64_t total = (output - 1) * window->stride + extent - input;
        total = total < 0 ? 0 : total;
        int64_t smaller = total / 2;
        window->pad_before = (int32_t)(window->padding == CNN_PADDING_SAME ? smaller : total - smaller);
        window->pad_after = (int32_t)(total - window->pad_before);
        return output;
    }
    if (window->padding == CNN_PADDING_VALID) {
        window->pad_before = window->pad_after = 0;
    }
    int64_t room = input + window->pad_before + window->pad_after - extent;
    if (room < 0) {
        return 0;
    }
    int64_t output = (room + (window->ceil ? window->stride - 1 : 0)) / window->stride + 1;
    /* A last window that begins outside the input and the padding before it is dropped. */
    if (window->ceil && (output - 1) * window->stride >= input + window->pad_before) {
        output--;
    }
    return output;
}

void cnn__dilations_default(int32_t *dilations, int count)
{
    bool ones = true;
    cnn__sides_default(dilations, count, 1);
    for (int i = 0; i < count; i++) {
        ones = ones && dilations[i] == 1;
    }
    for (int i = 0; ones && i < count; i++) {
        dilations[i] = 0;
    }
}

void cnn__sides_default(int32_t *sides, int count, int32_t standard)
{
    for (int i = 0; i < count; i++) {
        sides[i] = sides[i] != 0 ? sides[i] : i == 0 ? standard : sides[i - 1];
    }
}

cnn_status cnn__layer_check_range(const cnn_context *context, const char *type, const char *field, double value,
                                  double low, double high)
{
    if (value >= low && value <= high) {
        return CNN_OK;
    }
    return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s is %g, must be %g to %g", type, field, value, low,
                     high);
}

cnn_status cnn__check_pads(const cnn_context *context, const char *type, int32_t *padding, const int32_t *pads,
                           int count)
{
    bool any = false;
    for (int i = 0; i < count; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "a value of pads", pads[i], 0, 65536));
        any = any || pads[i] != 0;
    }
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "padding", *padding, 0, CNN_PADDING_EXPLICIT));
    if (*padding == CNN_PADDING_DEFAULT) {
        *padding = any ? CNN_PADDING_EXPLICIT : CNN_PADDING_VALID;
    }
    if (any && *padding != CNN_PADDING_EXPLICIT) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: pads are given, but padding is \"%s\"", type,
                         cnn__padding_names[*padding]);
    }
    return CNN_OK;
}

cnn_status cnn__check_activation(const cnn_context *context, const char *type, int32_t activation, float *alpha)
{
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "activation", activation, 0, CNN__LAST_ACTIVATION));
    const float standard = activation == CNN_ELU            ? 1
                           : activation == CNN_HARD_SIGMOID ? CNN__SIXTH
                           : activation == CNN_CLIPPED_RELU ? 6
                                                            : 0.01f;
    *alpha = *alpha == 0 ? standard : *alpha;
    /* With a slope below 0 the sign of the output would no longer tell that of the input. */
    return cnn__layer_check_range(context, type, "alpha", *alpha, 0, 1e6);
}

cnn_status cnn__check_initializer(const cnn_context *context, const char *type, const char *field,
                                  cnn_initializer *init, cnn_initializer_kind standard)
{
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, field, init->kind, 0, CNN_INIT_DIRAC));
    if (init->kind == CNN_INIT_DEFAULT) {
        init->kind = (int32_t)standard;
        init->value = 0;
    }
    if (!isfinite(init->value) || (init->value < 0 && init->kind != CNN_INIT_CONSTANT)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s has the value %g", type, field, init->value);
    }
    return CNN_OK;
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
