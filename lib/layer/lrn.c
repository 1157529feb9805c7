/* SPDX-License-Identifier: MIT */
/* Local response normalisation across channels, with the window and the meaning of alpha of two traditions. */
#include "layer/layer.h"

#define TYPE "LocalResponseNorm"
#define LARGEST_SIZE 65535

static const cnn__field fields[] = {
    {"convention", offsetof(cnn_lrn_options, convention), CNN__FIELD_ENUM, 1, cnn__convention_names},
    {"size", offsetof(cnn_lrn_options, size), CNN__FIELD_INT, 1, NULL},
    {"alpha", offsetof(cnn_lrn_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {"beta", offsetof(cnn_lrn_options, beta), CNN__FIELD_FLOAT, 1, NULL},
    {"bias", offsetof(cnn_lrn_options, bias), CNN__FIELD_FLOAT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    cnn_lrn_options *o = state;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "convention", o->convention, 0, CNN_TENSORFLOW1));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "size", o->size, 0, LARGEST_SIZE));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "radius", o->radius, 0, (LARGEST_SIZE - 1) / 2.0));
    if (o->size != 0 && o->radius != 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": size and radius exclude each other");
    }
    bool pytorch = o->convention == CNN_PYTORCH;
    if (o->size == 0) {
        o->size = o->radius != 0 ? 2 * o->radius + 1 : pytorch ? 5 : 11;
    }
    o->radius = 0; /* it is in the size now */
    o->alpha = o->alpha != 0 ? o->alpha : pytorch ? 1e-4f : 1;
    o->beta = o->beta != 0 ? o->beta : pytorch ? 0.75f : 0.5f;
    o->bias = o->bias != 0 ? o->bias : 1;
    /* With these the root is always of a positive number. */
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "alpha", o->alpha, 0, 1e6));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "beta", o->beta, 0, 100));
    return cnn__layer_check_range(context, TYPE, "bias", o->bias, 1e-6, 1e6);
}

static cnn_lrn_shape lrn_shape(const cnn_lrn_options *o, const cnn_shape *input)
{
    return (cnn_lrn_shape){
        .rows = cnn__layer_rows(input),
        .c = input->dims[input->rank - 1],
        .before = o->size / 2,
        .after = (o->size - 1) / 2,
        .alpha = o->convention == CNN_PYTORCH ? o->alpha / (float)o->size : o->alpha,
        .beta = o->beta,
        .bias = o->bias,
    };
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)input_count;
    const cnn_lrn_options *o = user;
    const double channels = (double)inputs->dims[inputs->rank - 1];
    CNN__RETURN_IF_ERROR(cnn__infer_reads(o->size < channels ? o->size : channels, 1, reason, reason_size));
    spec->output = *inputs;
    spec->backward_needs_input = 1;
    const cnn_lrn_args args = {.struct_size = sizeof(args), .shape = lrn_shape(user, inputs)};
    return cnn__layer_ask(backend, CNN_OP_LRN, &args, threads, spec, reason, reason_size);
}

static cnn_lrn_args arguments(const void *user, const cnn_layer_call *call)
{
    return (cnn_lrn_args){.struct_size = sizeof(cnn_lrn_args),
                          .answer = call->answer,
                          .shape = lrn_shape(user, call->input_shapes),
                          .x = call->inputs[0]};
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    cnn_lrn_args args = arguments(user, call);
    args.y = call->output;
    return cnn_backend_run(call->backend, CNN_OP_LRN, CNN_PASS_FORWARD, &args);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    cnn_lrn_args args = arguments(user, call);
    args.dy = call->output_gradient;
    args.dx = call->input_gradients[0];
    return args.dx == NULL ? CNN_OK : cnn_backend_run(call->backend, CNN_OP_LRN, CNN_PASS_BACKWARD, &args);
}

const cnn__layer_type cnn__lrn_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "local_response_norm", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_lrn_options),
    .state_size = sizeof(cnn_lrn_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_local_response_norm(cnn_context *context, const cnn_lrn_options *options)
{
    return cnn__layer_create(context, &cnn__lrn_type, "cnn_local_response_norm", options);
}
