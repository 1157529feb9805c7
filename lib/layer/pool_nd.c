/* SPDX-License-Identifier: MIT */
/* Poolings of sequences and of volumes, in windows and over all positions, by the operation for images.
 *
 * A sequence is an image of one row. A volume is pooled twice: each of its pictures by height and width, and what that
 * gives, [depth, the rest] of each sample, by depth. The maximum of maxima is the maximum, and the first one in reading
 * order is found, since depth comes first in that order; a mean's divisor is the product of those of the sides. */
#include <stdio.h>

#include "layer/pool2d.h"

/* What a kind pools. */
typedef struct form {
    uint32_t rank; /* of the input: 3 or 5 */
    bool average, global;
} form;

typedef struct pool_state {
    union {
        cnn_named_options named;
        cnn_pool1d_options sequence;
        cnn_pool3d_options volume;
    } options;
    form form;
    cnn_pool2d_options picture, depth; /* of windows */
} pool_state;

static const cnn__field sequence_fields[] = {
    {"size", offsetof(cnn_pool1d_options, size), CNN__FIELD_INT, 1, NULL},
    {"stride", offsetof(cnn_pool1d_options, stride), CNN__FIELD_INT, 1, NULL},
    {"padding", offsetof(cnn_pool1d_options, padding), CNN__FIELD_ENUM, 1, cnn__padding_names},
    {"pads", offsetof(cnn_pool1d_options, pads), CNN__FIELD_INT, 2, NULL},
    {"ceil", offsetof(cnn_pool1d_options, ceil), CNN__FIELD_INT, 1, NULL},
    {"count_include_pad", offsetof(cnn_pool1d_options, count_include_pad), CNN__FIELD_INT, 1, NULL},
    {"dilation", offsetof(cnn_pool1d_options, dilation), CNN__FIELD_MORE_INTS, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static const cnn__field volume_fields[] = {
    {"size", offsetof(cnn_pool3d_options, size), CNN__FIELD_INT, 3, NULL},
    {"stride", offsetof(cnn_pool3d_options, stride), CNN__FIELD_INT, 3, NULL},
    {"padding", offsetof(cnn_pool3d_options, padding), CNN__FIELD_ENUM, 1, cnn__padding_names},
    {"pads", offsetof(cnn_pool3d_options, pads), CNN__FIELD_INT, 6, NULL},
    {"ceil", offsetof(cnn_pool3d_options, ceil), CNN__FIELD_INT, 1, NULL},
    {"count_include_pad", offsetof(cnn_pool3d_options, count_include_pad), CNN__FIELD_INT, 1, NULL},
    {"dilation", offsetof(cnn_pool3d_options, dilation), CNN__FIELD_MORE_INTS, 3, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

/* ---- options ---- */

static cnn_status check_sequence(const cnn_context *context, pool_state *state)
{
    cnn_pool1d_options *o = &state->options.sequence;
    o->size = o->size == 0 ? 2 : o->size;
    o->stride = o->stride == 0 ? o->size : o->stride;
    cnn__dilations_default(&o->dilation, 1);
    state->picture = (cnn_pool2d_options){.size = {1, o->size},
                                          .dilation = {1, o->dilation},
                                          .stride = {1, o->stride},
                                          .padding = o->padding,
                                          .pads = {0, 0, o->pads[0], o->pads[1]},
                                          .ceil = o->ceil,
                                          .count_include_pad = o->count_include_pad};
    CNN__RETURN_IF_ERROR(cnn__pool2d_check(context, "Pooling1D", &state->picture));
    o->padding = state->picture.padding;
    return CNN_OK;
}

static cnn_status check_volume(const cnn_context *context, pool_state *state)
{
    static const char type[] = "Pooling3D";
    cnn_pool3d_options *o = &state->options.volume;
    cnn__sides_default(o->size, 3, 2);
    const bool as_window = o->stride[0] == 0 && o->stride[1] == 0 && o->stride[2] == 0;
    for (int i = 0; i < 3; i++) {
        o->stride[i] = o->stride[i] != 0 ? o->stride[i] : as_window || i == 0 ? o->size[i] : o->stride[i - 1];
    }
    CNN__RETURN_IF_ERROR(cnn__check_pads(context, type, &o->padding, o->pads, 6));
    cnn__dilations_default(o->dilation, 3);
    state->picture = (cnn_pool2d_options){.size = {o->size[1], o->size[2]},
                                          .dilation = {o->dilation[1], o->dilation[2]},
                                          .stride = {o->stride[1], o->stride[2]},
                                          .padding = o->padding,
                                          .pads = {o->pads[2], o->pads[3], o->pads[4], o->pads[5]},
                                          .ceil = o->ceil,
                                          .count_include_pad = o->count_include_pad};
    state->depth = (cnn_pool2d_options){.size = {o->size[0], 1},
                                        .dilation = {o->dilation[0], 1},
                                        .stride = {o->stride[0], 1},
                                        .padding = o->padding,
                                        .pads = {o->pads[0], o->pads[1], 0, 0},
                                        .ceil = o->ceil,
                                        .count_include_pad = o->count_include_pad};
    CNN__RETURN_IF_ERROR(cnn__pool2d_check(context, type, &state->picture));
    return cnn__pool2d_check(context, type, &state->depth);
}

static cnn_status check(const cnn_context *context, pool_state *state, form pooled)
{
    state->form = pooled;
    return pooled.global ? CNN_OK : pooled.rank == 3 ? check_sequence(context, state) : check_volume(context, state);
}

/* ---- shapes ---- */

/* The poolings of images that it is made of, one after the other. */
typedef struct plan {
    cnn_pool2d_shape passes[2];
    int count;
    cnn_shape output;
} plan;

static plan plan_global(const form *f, const cnn_shape *input)
{
    const bool sequence = f->rank == 3;
    const int64_t *dims = input->dims, c = dims[f->rank - 1];
    const cnn_shape whole = sequence ? cnn__one_row(input) : cnn__shape4(dims[0], dims[1], dims[2] * dims[3], c);
    const cnn_pool2d_options window = {
        .size = {(int32_t)whole.dims[1], (int32_t)whole.dims[2]}, .stride = {1, 1}, .padding = CNN_PADDING_VALID};
    return (plan){{cnn__pool2d_shape_of(&window, &whole, f->average)}, 1, cnn__shape2(dims[0], c)};
}

static plan plan_of(const pool_state *state, const cnn_shape *input)
{
    const int64_t *dims = input->dims, c = dims[state->form.rank - 1];
    const bool average = state->form.average;
    if (state->form.global) {
        return plan_global(&state->form, input);
    }
    if (state->form.rank == 3) {
        const cnn_shape rows = cnn__one_row(input);
        plan p = {{cnn__pool2d_shape_of(&state->picture, &rows, average)}, 1, {0}};
        p.output = cnn__shape3(dims[0], p.passes[0].out_w, c);
        return p;
    }
    const cnn_shape pictures = cnn__shape4(dims[0] * dims[1], dims[2], dims[3], c);
    plan p = {{cnn__pool2d_shape_of(&state->picture, &pictures, average)}, 2, {0}};
    const cnn_shape columns = cnn__shape4(dims[0], dims[1], p.passes[0].out_h * p.passes[0].out_w, c);
    p.passes[1] = cnn__pool2d_shape_of(&state->depth, &columns, average);
    p.output = (cnn_shape){5, 0, {dims[0], p.passes[1].out_h, p.passes[0].out_h, p.passes[0].out_w, c}};
    return p;
}

static size_t outputs_of(const cnn_pool2d_shape *s) { return (size_t)(s->n * s->out_h * s->out_w * s->c); }

/* Bytes of the places of the maxima of one pass. */
static size_t argmax_bytes(const cnn_pool2d_shape *s)
{
    return s->average ? 0 : cnn__align_size(outputs_of(s) * (size_t)s->argmax_bytes);
}

/* Bytes of the values between the passes. */
static size_t between_bytes(const plan *p)
{
    return p->count == 1 ? 0 : cnn__align_size(outputs_of(&p->passes[0]) * sizeof(float));
}

static cnn_status check_plan(const pool_state *state, const plan *p, char *reason, size_t reason_size)
{
    const cnn_pool2d_shape *first = &p->passes[0], *last = &p->passes[p->count - 1];
    if (first->in_h > INT32_MAX || first->in_w > INT32_MAX || last->in_w > INT32_MAX) {
        snprintf(reason, reason_size, "a side of the input is too large");
        return CNN_ERROR_LIMIT;
    }
    if (first->out_h >= 1 && first->out_w >= 1 && last->out_h >= 1) {
        return cnn__infer_limit(&p->output, "the output", reason, reason_size);
    }
    if (state->form.rank == 3) {
        snprintf(reason, reason_size, "a window of %d does not fit into %lld steps", first->kernel_w,
                 (long long)first->in_w);
    } else {
        snprintf(reason, reason_size, "a %dx%dx%d window does not fit into an input of %lldx%lldx%lld", last->kernel_h,
                 first->kernel_h, first->kernel_w, (long long)last->in_h, (long long)first->in_h,
                 (long long)first->in_w);
    }
    return CNN_ERROR_SHAPE;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const pool_state *state = user;
    (void)input_count;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, state->form.rank,
                                         state->form.rank == 3 ? "sequences (None, steps, channels)"
                                                               : "volumes (None, depth, height, width, channels)",
                                         reason, reason_size));
    const plan p = plan_of(state, inputs);
    CNN__RETURN_IF_ERROR(check_plan(state, &p, reason, reason_size));
    for (int i = 0; i < p.count; i++) {
        const cnn_pool2d_args args = {.struct_size = sizeof(args), .shape = p.passes[i]};
        CNN__RETURN_IF_ERROR(cnn__pool2d_check_reads(&p.passes[i], reason, reason_size));
        CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_POOL2D, &args, threads, spec, reason, reason_size));
        spec->saved_size += argmax_bytes(&p.passes[i]);
    }
    spec->answer = (cnn_op_answer){0}; /* it would be that of the last of several */
    spec->workspace_size += between_bytes(&p);
    spec->output = p.output;
    return CNN_OK;
}

/* ---- passes ---- */

static cnn_pool2d_args args_of(const plan *p, int pass, const cnn_layer_call *call)
{
    cnn_pool2d_args args = {.struct_size = sizeof(args), .shape = p->passes[pass]};
    if (call->saved != NULL && !args.shape.average) {
        args.argmax = (char *)call->saved + (pass == 0 ? 0 : argmax_bytes(&p->passes[0]));
    }
    return args;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const plan p = plan_of(user, call->input_shapes);
    const cnn_backend_call backend = cnn__after_own(call, between_bytes(&p));
    for (int i = 0; i < p.count; i++) {
        cnn_pool2d_args args = args_of(&p, i, call);
        args.x = i == 0 ? call->inputs[0] : call->backend->workspace;
        args.y = i + 1 == p.count ? call->output : call->backend->workspace;
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_POOL2D, CNN_PASS_FORWARD, &args));
    }
    return CNN_OK;
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const plan p = plan_of(user, call->input_shapes);
    const cnn_backend_call backend = cnn__after_own(call, between_bytes(&p));
    for (int i = p.count; call->input_gradients[0] != NULL && i-- > 0;) {
        cnn_pool2d_args args = args_of(&p, i, call);
        args.dy = i + 1 == p.count ? call->output_gradient : call->backend->workspace;
        args.dx = i == 0 ? call->input_gradients[0] : call->backend->workspace;
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_POOL2D, CNN_PASS_BACKWARD, &args));
    }
    return CNN_OK;
}

/* ---- the kinds ---- */

/* A kind: its name without cnn_, that of the layer's type, its options, their fields, and what it pools. */
#define KIND(name, type_name, prefix, options_type, field_table, ...)                        \
    static cnn_status check_##name(const cnn_context *context, void *state)                  \
    {                                                                                        \
        return check(context, state, (form){__VA_ARGS__});                                   \
    }                                                                                        \
    const cnn__layer_type cnn__##name##_type = {                                             \
        .kind = {sizeof(cnn_layer_kind), type_name, prefix, infer, forward, backward, NULL}, \
        .options_size = sizeof(options_type),                                                \
        .state_size = sizeof(pool_state),                                                    \
        .fields = (field_table),                                                             \
        .check = check_##name,                                                               \
    };                                                                                       \
    cnn_layer *cnn_##name(cnn_context *context, const options_type *options)                 \
    {                                                                                        \
        return cnn__layer_create(context, &cnn__##name##_type, "cnn_" #name, options);       \
    }

KIND(max_pool1d, "MaxPooling1D", "max_pooling1d", cnn_pool1d_options, sequence_fields, 3, false, false)
KIND(average_pool1d, "AveragePooling1D", "average_pooling1d", cnn_pool1d_options, sequence_fields, 3, true, false)
KIND(max_pool3d, "MaxPooling3D", "max_pooling3d", cnn_pool3d_options, volume_fields, 5, false, false)
KIND(average_pool3d, "AveragePooling3D", "average_pooling3d", cnn_pool3d_options, volume_fields, 5, true, false)
KIND(global_max_pool1d, "GlobalMaxPooling1D", "global_max_pooling1d", cnn_named_options, NULL, 3, false, true)
KIND(global_average_pool1d, "GlobalAveragePooling1D", "global_average_pooling1d", cnn_named_options, NULL, 3, true,
     true)
KIND(global_max_pool3d, "GlobalMaxPooling3D", "global_max_pooling3d", cnn_named_options, NULL, 5, false, true)
KIND(global_average_pool3d, "GlobalAveragePooling3D", "global_average_pooling3d", cnn_named_options, NULL, 5, true,
     true)
