/* SPDX-License-Identifier: MIT */
/* Another shape for the same values; with `rows` another number of rows, too. */
#include <stdio.h>

#include "layer/layer.h"

#define TYPE "Reshape"

enum { MOST_SIZES = sizeof(((cnn_reshape_options *)0)->shape) / sizeof(int32_t) };

static const cnn__field fields[] = {
    {"shape", offsetof(cnn_reshape_options, shape), CNN__FIELD_INT, MOST_SIZES, NULL},
    {"rows", offsetof(cnn_reshape_options, rows), CNN__FIELD_INT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    const cnn_reshape_options *o = state;
    int open = 0;
    bool ended = false;
    for (int i = 0; i < MOST_SIZES; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "a size of shape", o->shape[i], -1, INT32_MAX));
        if (ended && o->shape[i] != 0) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": the shape has a size after a 0");
        }
        ended = ended || o->shape[i] == 0;
        open += o->shape[i] == -1;
    }
    if (o->shape[0] == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": a shape is required");
    }
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "rows", o->rows, 0, 1));
    return open + o->rows <= 1 ? CNN_OK
                               : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                                           TYPE ": more than one size is to follow from the others (-1, or rows)");
}

/* The output's shape; false where the values do not fill it. */
static bool find_shape(const cnn_reshape_options *o, const cnn_shape *input, cnn_shape *output)
{
    const int64_t values = (int64_t)cnn__layer_values(input);
    int64_t given = o->rows ? 1 : input->dims[0];
    *output = (cnn_shape){.rank = 1, .dims = {input->dims[0]}};
    uint32_t open = o->rows ? 0 : CNN_MAX_RANK;
    for (int i = 0; i < MOST_SIZES && o->shape[i] != 0; i++) {
        output->dims[output->rank] = o->shape[i];
        open = o->shape[i] == -1 ? output->rank : open;
        output->rank++;
        given *= o->shape[i] == -1 ? 1 : o->shape[i];
        if (given > values) {
            return false;
        }
    }
    if (open < CNN_MAX_RANK) {
        output->dims[open] = values / given;
        return values % given == 0;
    }
    return values == given;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_reshape_options *o = user;
    (void)backend;
    (void)threads;
    (void)input_count;
    if (!find_shape(o, inputs, &spec->output)) {
        char text[96];
        cnn_shape asked = {0};
        for (; asked.rank < MOST_SIZES && o->shape[asked.rank] != 0; asked.rank++) {
            asked.dims[asked.rank] = o->shape[asked.rank];
        }
        cnn__shape_text(&asked, NULL, text, sizeof(text));
        snprintf(reason, reason_size, "the values of a sample do not make %s%s", o->rows ? "rows of " : "", text);
        return CNN_ERROR_SHAPE;
    }
    spec->in_place = 1;
    spec->changes_rows = o->rows;
    return CNN_OK;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    return cnn__layer_copy(call, cnn__layer_values(&call->output_shape), call->inputs[0], call->output);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    return call->input_gradients[0] == NULL ? CNN_OK
                                            : cnn__layer_copy(call, cnn__layer_values(&call->output_shape),
                                                              call->output_gradient, call->input_gradients[0]);
}

const cnn__layer_type cnn__reshape_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "reshape", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_reshape_options),
    .state_size = sizeof(cnn_reshape_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_reshape(cnn_context *context, const cnn_reshape_options *options)
{
    return cnn__layer_create(context, &cnn__reshape_type, "cnn_reshape", options);
}
