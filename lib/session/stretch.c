/* SPDX-License-Identifier: MIT */
/* Finding stretches. */
#include "session/stretch.h"

/* Bytes that the values around an operation may have: with its parameters and what comes next, a last-level cache of
 * 32 MB holds them. */
#define ROOM ((size_t)16 << 20)

/* Operations for each byte: where there are more, arithmetic takes longer than memory does (600 GFLOP/s beside 45
 * GB/s), and larger parts of a batch keep it busier. */
#define FLOP_PER_BYTE 9.0

/* Kinds that compute each sample by itself, whatever their options are. */
static const cnn__layer_type *const apart[] = {
    &cnn__conv2d_type,
    &cnn__depthwise_conv2d_type,
    &cnn__separable_conv2d_type,
    &cnn__conv2d_transpose_type,
    &cnn__max_pool2d_type,
    &cnn__average_pool2d_type,
    &cnn__global_max_pool2d_type,
    &cnn__global_average_pool2d_type,
    &cnn__zero_pad2d_type,
    &cnn__cropping2d_type,
    &cnn__up_sampling2d_type,
    &cnn__channel_shuffle_type,
    &cnn__concatenate_type,
    &cnn__batch_norm_type,
    &cnn__lrn_type,
    &cnn__rescale_type,
    &cnn__activate_type,
    &cnn__prelu_type,
    &cnn__add_type,
    &cnn__subtract_type,
    &cnn__multiply_type,
};

typedef struct finder {
    const cnn_model *model;
    cnn__program *program;
    size_t batch;
} finder;

static bool is_apart(const cnn__op *op)
{
    bool found = false;
    for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
        found = found || op->type == apart[i];
    }
    return found && op->settled;
}

/* Bytes of a sample, or 0 where a sample is not one row of the value. */
static size_t sample_bytes(const finder *f, uint32_t v)
{
    const cnn__value *value = &f->program->values[v];
    return value->shape.dims[0] == (int64_t)f->batch ? value->values / f->batch * sizeof(float) : 0;
}

/* Bytes of a sample that an operation reads and writes; 0 if it cannot be part of a stretch, or gains nothing there:
 * its values fit as they are, or its parameters, which are read again for each part of the batch, have more bytes. */
static size_t moved_bytes(const finder *f, const cnn__op *op)
{
    size_t sum = sample_bytes(f, op->output), parameters = 0;
    bool fits = is_apart(op) && sum > 0;
    for (uint32_t i = 0; i < op->input_count; i++) {
        const size_t bytes = sample_bytes(f, op->inputs[i]);
        fits = fits && bytes > 0;
        sum += bytes;
    }
    for (uint32_t i = 0; i < op->parameter_count; i++) {
        parameters += f->model->parameters[op->parameters[i]].values * sizeof(float);
    }
    return fits && sum > ROOM / f->batch && parameters <= sum ? sum : 0;
}

/* Multiplications and additions for a sample, where they are many. */
static double flop_of(const finder *f, const cnn__op *op)
{
    if (op->type->describe == NULL) {
        return 0;
    }
    const cnn_shape *input = &f->program->values[op->inputs[0]].shape;
    return op->type->describe(op->user, &op->spec.answer, CNN_PASS_FORWARD, input).flop / (double)f->batch;
}

/* A stretch from `begin` to `end`, and the bytes of a sample that its operations move. */
typedef struct extent {
    uint32_t begin, end;
    size_t largest, bytes; /* one operation, all of them */
    double flop;
} extent;

/* What is read from outside is complete only at an end. */
static extent find_extent(const finder *f, uint32_t begin)
{
    extent e = {.begin = begin, .end = begin};
    bool goes_on = true;
    while (goes_on && e.end < f->program->op_count) {
        const cnn__op *op = &f->program->ops[e.end];
        const size_t bytes = moved_bytes(f, op);
        goes_on = bytes > 0;
        if (goes_on) {
            e.largest = bytes > e.largest ? bytes : e.largest;
            e.bytes += bytes;
            e.flop += flop_of(f, op);
            e.end++;
            goes_on = !f->program->values[op->output].kept;
        }
    }
    return e;
}

/* Samples at a time, in parts of nearly equal size; 0 where a stretch does not pay. */
static uint32_t choose_samples(const finder *f, const extent *e)
{
    if (e->end < e->begin + 2 || e->flop > FLOP_PER_BYTE * (double)e->bytes) {
        return 0; /* nothing lies between the operations of one */
    }
    const size_t most = ROOM / e->largest > 1 ? ROOM / e->largest : 1, parts = (f->batch + most - 1) / most;
    return parts > 1 ? (uint32_t)((f->batch + parts - 1) / parts) : 0;
}

/* Values that the operations of a stretch alone read have room for its samples alone. */
static void find_inner(const finder *f, uint32_t begin, uint32_t end, uint32_t samples)
{
    cnn__program *program = f->program;
    for (uint32_t k = begin; k < end; k++) {
        cnn__value *value = &program->values[program->ops[k].output];
        value->part = value->kept ? 0 : samples;
    }
    for (uint32_t k = 0; k < program->op_count; k++) {
        const cnn__op *op = &program->ops[k];
        for (uint32_t i = 0; i < op->input_count && (k < begin || k >= end); i++) {
            cnn__value *value = &program->values[op->inputs[i]];
            const bool made_here = value->producer != CNN__NO_OP && value->producer >= begin && value->producer < end;
            value->part = made_here ? 0 : value->part;
        }
    }
}

void cnn__program_find_stretches(const cnn_model *model, cnn__program *program)
{
    const finder f = {model, program, program->batch};
    for (uint32_t k = 0; k < program->op_count;) {
        const extent e = find_extent(&f, k);
        const uint32_t samples = choose_samples(&f, &e);
        for (uint32_t i = e.begin; i < e.end && samples > 0; i++) {
            program->ops[i].stretch = (cnn__stretch){e.begin, e.end, samples};
        }
        if (samples > 0) {
            find_inner(&f, e.begin, e.end, samples);
        }
        k = e.end > k ? e.end : k + 1;
    }
}
