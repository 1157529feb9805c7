/* SPDX-License-Identifier: MIT */
/* Zero padding of sequences and of volumes, by the operation for images: a sequence is an image of one row, and a
 * volume is padded by depth as an image of one column, whose pictures are its pixels, and then picture by picture. */
#include "layer/layer.h"

typedef struct pad_state {
    union {
        cnn_named_options named;
        cnn_zero_pad1d_options sequence;
        cnn_zero_pad3d_options volume;
    } options;
    int32_t pads[6]; /* front, back, top, bottom, left, right */
    bool volumes;
} pad_state;

static const cnn__field sequence_fields[] = {
    {"pads", offsetof(cnn_zero_pad1d_options, pads), CNN__FIELD_INT, 2, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static const cnn__field volume_fields[] = {
    {"pads", offsetof(cnn_zero_pad3d_options, pads), CNN__FIELD_INT, 6, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, const char *type, pad_state *state)
{
    for (int i = 0; i < 6; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "a value of pads", state->pads[i], 0, 65536));
    }
    return CNN_OK;
}

static cnn_status check_sequence(const cnn_context *context, void *state)
{
    pad_state *pad = state;
    pad->pads[4] = pad->options.sequence.pads[0];
    pad->pads[5] = pad->options.sequence.pads[1];
    return check(context, "ZeroPadding1D", pad);
}

static cnn_status check_volume(const cnn_context *context, void *state)
{
    pad_state *pad = state;
    pad->volumes = true;
    for (int i = 0; i < 6; i++) {
        pad->pads[i] = pad->options.volume.pads[i];
    }
    return check(context, "ZeroPadding3D", pad);
}

/* The paddings of images that it is made of, one after the other. */
typedef struct plan {
    cnn_pad2d_args passes[2];
    int count;
    cnn_shape output;
} plan;

static plan plan_of(const pad_state *state, const cnn_shape *input)
{
    const int32_t *pads = state->pads;
    const int64_t *d = input->dims;
    cnn_pad2d_args last = {
        .struct_size = sizeof(last), .top = pads[2], .bottom = pads[3], .left = pads[4], .right = pads[5]};
    if (!state->volumes) {
        last.n = d[0];
        last.in_h = 1;
        last.in_w = d[1];
        last.c = d[2];
        return (plan){{last}, 1, cnn__shape3(d[0], d[1] + pads[4] + pads[5], d[2])};
    }
    const cnn_pad2d_args first = {.struct_size = sizeof(first),
                                  .n = d[0],
                                  .in_h = d[1],
                                  .in_w = 1,
                                  .c = d[2] * d[3] * d[4],
                                  .top = pads[0],
                                  .bottom = pads[1]};
    const int64_t depth = d[1] + pads[0] + pads[1];
    last.n = d[0] * depth;
    last.in_h = d[2];
    last.in_w = d[3];
    last.c = d[4];
    return (plan){{first, last}, 2, {5, 0, {d[0], depth, d[2] + pads[2] + pads[3], d[3] + pads[4] + pads[5], d[4]}}};
}

static size_t between_bytes(const plan *p)
{
    const cnn_pad2d_args *s = &p->passes[p->count - 1];
    return p->count == 1 ? 0 : cnn__align_size((size_t)(s->n * s->in_h * s->in_w * s->c) * sizeof(float));
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const pad_state *state = user;
    (void)input_count;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, state->volumes ? 5 : 3,
                                         state->volumes ? "volumes (None, depth, height, width, channels)"
                                                        : "sequences (None, steps, channels)",
                                         reason, reason_size));
    const plan p = plan_of(state, inputs);
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&p.output, "the output", reason, reason_size));
    for (int i = 0; i < p.count; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_PAD2D, &p.passes[i], threads, spec, reason, reason_size));
    }
    spec->workspace_size += between_bytes(&p);
    spec->output = p.output;
    return CNN_OK;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    plan p = plan_of(user, call->input_shapes);
    const cnn_backend_call backend = cnn__after_own(call, between_bytes(&p));
    for (int i = 0; i < p.count; i++) {
        p.passes[i].x = i == 0 ? call->inputs[0] : call->backend->workspace;
        p.passes[i].y = i + 1 == p.count ? call->output : call->backend->workspace;
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_PAD2D, CNN_PASS_FORWARD, &p.passes[i]));
    }
    return CNN_OK;
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    plan p = plan_of(user, call->input_shapes);
    const cnn_backend_call backend = cnn__after_own(call, between_bytes(&p));
    for (int i = p.count; call->input_gradients[0] != NULL && i-- > 0;) {
        p.passes[i].dy = i + 1 == p.count ? call->output_gradient : call->backend->workspace;
        p.passes[i].dx = i == 0 ? call->input_gradients[0] : call->backend->workspace;
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_PAD2D, CNN_PASS_BACKWARD, &p.passes[i]));
    }
    return CNN_OK;
}

const cnn__layer_type cnn__zero_pad1d_type = {
    .kind = {sizeof(cnn_layer_kind), "ZeroPadding1D", "zero_padding1d", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_zero_pad1d_options),
    .state_size = sizeof(pad_state),
    .fields = sequence_fields,
    .check = check_sequence,
};

const cnn__layer_type cnn__zero_pad3d_type = {
    .kind = {sizeof(cnn_layer_kind), "ZeroPadding3D", "zero_padding3d", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_zero_pad3d_options),
    .state_size = sizeof(pad_state),
    .fields = volume_fields,
    .check = check_volume,
};

cnn_layer *cnn_zero_pad1d(cnn_context *context, const cnn_zero_pad1d_options *options)
{
    return cnn__layer_create(context, &cnn__zero_pad1d_type, "cnn_zero_pad1d", options);
}

cnn_layer *cnn_zero_pad3d(cnn_context *context, const cnn_zero_pad3d_options *options)
{
    return cnn__layer_create(context, &cnn__zero_pad3d_type, "cnn_zero_pad3d", options);
}
