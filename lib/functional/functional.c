/* SPDX-License-Identifier: MIT */
/* Running a layer on a caller's arrays. */
#include "functional/functional.h"

#include "backend/backend.h"
#include "core/float_mode.h"
#include "core/memory.h"
#include "model/model.h"

enum { MOST_INPUTS = 2, MOST_PARAMETERS = 4 };

typedef struct run {
    cnn_context *context;
    const char *what;
    const cnn_layer *layer;
    cnn_layer_spec spec;
    cnn_shape input_shapes[MOST_INPUTS];
    uint32_t input_count, parameter_count;
    const cnn_tensor *tensors[MOST_INPUTS + MOST_PARAMETERS]; /* inputs, then parameters */
    float *arrays[MOST_INPUTS + MOST_PARAMETERS];             /* where the backend computes */
    float *output;
    void *workspace;
} run;

cnn_status cnn__functional_open(const cnn_context *context, const char *what, const void *options, void *copy,
                                size_t size)
{
    return context == NULL ? CNN_ERROR_INVALID_ARGUMENT : cnn__options_copy(context, what, options, copy, size);
}

static cnn_status check_tensor(const cnn_context *context, const char *what, const cnn__operand *operand)
{
    size_t values;
    const cnn_tensor *tensor = operand->tensor;
    if (tensor == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", what, operand->name);
    }
    bool sound = tensor->shape.rank >= 1 && tensor->shape.rank <= CNN_MAX_RANK;
    for (uint32_t i = 0; sound && i < tensor->shape.rank; i++) {
        sound = tensor->shape.dims[i] >= 1;
    }
    if (!sound || !cnn__shape_values(&tensor->shape, &values)) {
        return cnn__fail(context, CNN_ERROR_SHAPE, "%s: the shape of %s has no sizes, one below 1, or too many values",
                         what, operand->name);
    }
    return CNN_OK;
}

cnn_status cnn__functional_agree(const cnn_context *context, const char *what, const cnn__operand *operand,
                                 uint32_t rank, uint32_t dimension, const char *option, int32_t *value)
{
    CNN__RETURN_IF_ERROR(check_tensor(context, what, operand));
    const cnn_shape *shape = &operand->tensor->shape;
    char text[128];
    cnn__shape_text(shape, NULL, text, sizeof(text));
    if (shape->rank != rank) {
        return cnn__fail(context, CNN_ERROR_SHAPE, "%s: %s has the shape %s, but %u dimensions are required", what,
                         operand->name, text, rank);
    }
    const int64_t size = shape->dims[dimension];
    if (size > INT32_MAX || (*value != 0 && *value != size)) {
        return cnn__fail(context, CNN_ERROR_SHAPE, "%s: %s has the shape %s, but the option %s is %d", what,
                         operand->name, text, option, *value);
    }
    *value = (int32_t)size;
    return CNN_OK;
}

/* ---- shapes ---- */

static cnn_status expect_shape(const run *r, const char *name, const cnn_shape *found, const cnn_shape *expected)
{
    if (cnn__shape_equal(found, expected)) {
        return CNN_OK;
    }
    char found_text[128], expected_text[128];
    cnn__shape_text(found, NULL, found_text, sizeof(found_text));
    cnn__shape_text(expected, NULL, expected_text, sizeof(expected_text));
    return cnn__fail(r->context, CNN_ERROR_SHAPE, "%s: %s has the shape %s, must be %s", r->what, name, found_text,
                     expected_text);
}

static cnn_status infer(run *r, const cnn__operand *inputs)
{
    char reason[256], text[128];
    for (; inputs[r->input_count].name != NULL; r->input_count++) {
        CNN__RETURN_IF_ERROR(check_tensor(r->context, r->what, &inputs[r->input_count]));
        r->tensors[r->input_count] = inputs[r->input_count].tensor;
        r->input_shapes[r->input_count] = inputs[r->input_count].tensor->shape;
    }
    const cnn_status status = cnn__infer_layer(r->context, &r->layer->kind, r->layer->user, r->input_shapes,
                                               r->input_count, &r->spec, reason, sizeof(reason));
    if (status == CNN_OK) {
        return CNN_OK;
    }
    cnn__shape_text(&r->input_shapes[0], NULL, text, sizeof(text));
    return cnn__fail(r->context, status, "%s: %s %s: %s", r->what, inputs[0].name, text, reason);
}

static cnn_status take_parameters(run *r, const cnn__operand *parameters)
{
    for (const cnn__operand *p = parameters; p->name != NULL; p++) {
        if (p->tensor == NULL) {
            continue;
        }
        CNN__RETURN_IF_ERROR(check_tensor(r->context, r->what, p));
        if (r->parameter_count == r->spec.parameter_count) {
            return cnn__fail(r->context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s is given, but the options say no_bias",
                             r->what, p->name);
        }
        CNN__RETURN_IF_ERROR(
            expect_shape(r, p->name, &p->tensor->shape, &r->spec.parameters[r->parameter_count].shape));
        r->tensors[r->input_count + r->parameter_count++] = p->tensor;
    }
    return CNN_OK;
}

/* ---- memory ---- */

static size_t bytes_of(const cnn_shape *shape)
{
    size_t values = 0;
    (void)cnn__shape_values(shape, &values);
    return values * sizeof(float);
}

static bool owns(const run *r) { return cnn__backend_owns_memory(&r->context->backend); }

/* Arrays where the backend computes: the caller's, or copies. */
static cnn_status bring(run *r, const cnn_tensor *y)
{
    for (uint32_t i = 0; i < r->input_count + r->parameter_count; i++) {
        const size_t bytes = bytes_of(&r->tensors[i]->shape);
        if (r->tensors[i]->data == NULL) {
            return cnn__fail(r->context, CNN_ERROR_INVALID_ARGUMENT, "%s: a tensor to be read has no data", r->what);
        }
        r->arrays[i] = owns(r) ? cnn__backend_alloc(r->context, bytes) : r->tensors[i]->data;
        if (r->arrays[i] == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        CNN__RETURN_IF_ERROR(cnn__backend_copy_in(r->context, r->arrays[i], r->tensors[i]->data, bytes));
    }
    r->output = owns(r) ? cnn__backend_alloc(r->context, bytes_of(&y->shape)) : y->data;
    r->workspace = cnn__backend_alloc(r->context, r->spec.workspace_size);
    return r->output != NULL && r->workspace != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

static void release(run *r, const cnn_tensor *y)
{
    cnn__backend_free(r->context, r->workspace, r->spec.workspace_size);
    if (!owns(r)) {
        return;
    }
    cnn__backend_free(r->context, r->output, bytes_of(&y->shape));
    for (uint32_t i = 0; i < r->input_count + r->parameter_count; i++) {
        cnn__backend_free(r->context, r->arrays[i], bytes_of(&r->tensors[i]->shape));
    }
}

/* ---- computing ---- */

/* Softmax and its logarithm are no epilogue: a model runs them as an operation of their own, too. */
static cnn_status finish(const run *r, const cnn_backend_call *backend, const cnn_tensor *y)
{
    const cnn_epilogue *epilogue = cnn__layer_epilogue(r->layer->type, r->layer->user);
    if (epilogue == NULL || cnn__run_epilogue(epilogue).activation == epilogue->activation) {
        return CNN_OK;
    }
    const cnn_softmax_args args = {.struct_size = sizeof(args),
                                   .rows = (size_t)cnn__layer_rows(&y->shape),
                                   .columns = (size_t)y->shape.dims[y->shape.rank - 1],
                                   .logarithm = epilogue->activation == CNN_LOG_SOFTMAX,
                                   .x = r->output,
                                   .y = r->output};
    return cnn_backend_run(backend, CNN_OP_SOFTMAX, CNN_PASS_FORWARD, &args);
}

static cnn_status compute(run *r, const cnn_tensor *y)
{
    cnn_backend_call backend;
    cnn__backend_call_init(&backend, r->context, 0, r->workspace, r->spec.workspace_size);
    const cnn_layer_call call = {.struct_size = sizeof(call),
                                 .backend = &backend,
                                 .input_count = r->input_count,
                                 .input_shapes = r->input_shapes,
                                 .output_shape = y->shape,
                                 .inputs = (const float *const *)r->arrays,
                                 .output = r->output,
                                 .parameters = r->arrays + r->input_count,
                                 .answer = r->spec.answer.backend != NULL ? &r->spec.answer : NULL};
    const cnn__float_mode mode = cnn__float_mode_enter();
    cnn_status status = r->layer->kind.forward(r->layer->user, &call);
    status = status == CNN_OK ? finish(r, &backend, y) : status;
    cnn__float_mode_set(mode);
    if (status != CNN_OK) {
        return cnn__fail(r->context, status, "%s: %s", r->what, cnn_status_string(status));
    }
    return owns(r) ? cnn__backend_copy_out(r->context, y->data, r->output, bytes_of(&y->shape)) : CNN_OK;
}

static cnn_status run_layer(run *r, const cnn__operands *operands, cnn_tensor *y)
{
    if (y == NULL) {
        return cnn__fail(r->context, CNN_ERROR_INVALID_ARGUMENT, "%s: y is NULL", r->what);
    }
    CNN__RETURN_IF_ERROR(infer(r, operands->inputs));
    CNN__RETURN_IF_ERROR(take_parameters(r, operands->parameters));
    if (y->data == NULL) {
        y->shape = r->spec.output;
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(expect_shape(r, "y", &y->shape, &r->spec.output));
    cnn_status status = bring(r, y);
    status = status == CNN_OK ? compute(r, y) : status;
    release(r, y);
    return status;
}

cnn_status cnn__functional_run(cnn_context *context, const char *what, cnn_layer *layer, const cnn__operands *operands,
                               cnn_tensor *y)
{
    if (context == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (layer == NULL) {
        return cnn__last_status(context);
    }
    run r = {.context = context, .what = what, .layer = layer};
    const cnn_status status = run_layer(&r, operands, y);
    cnn_layer_free(layer);
    return status;
}

cnn_status cnn__functional_run_plain(cnn_context *context, const char *what, cnn_layer *layer, const cnn_tensor *x,
                                     cnn_tensor *y)
{
    const cnn__operands operands = {.inputs = {{"x", x}}};
    return cnn__functional_run(context, what, layer, &operands, y);
}
