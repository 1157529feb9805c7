/* SPDX-License-Identifier: MIT */
/* Finding stretches. */
#include "session/stretch.h"

/* Bytes that the values around an operation may have: with its parameters and what comes next, a last-level cache of
 * 32 MB holds them. */
#define ROOM ((size_t)16 << 20)

/* Bytes of parameters that are read again without costing anything. */
#define SMALL ((size_t)64 << 10)

/* Operations that gain by a stretch. The last result of a part is not stored past the caches as that of a batch is,
 * which costs about what one value between operations saves. */
#define LEAST 3

/* Operations for each byte: where there are more, arithmetic takes longer than memory does (600 GFLOP/s beside 45
 * GB/s), and larger parts of a batch keep it busier. */
#define FLOP_PER_BYTE 16.0

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
    &cnn__adaptive_max_pool2d_type,
    &cnn__adaptive_average_pool2d_type,
    &cnn__zero_pad2d_type,
    &cnn__cropping2d_type,
    &cnn__up_sampling2d_type,
    &cnn__channel_shuffle_type,
    &cnn__reshape_type,
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

/* Multiplications and additions for a sample, where they are many. */
static double flop_of(const finder *f, const cnn__op *op)
{
    if (op->type->describe == NULL) {
        return 0;
    }
    const cnn_shape *input = &f->program->values[op->inputs[0]].shape;
    return op->type->describe(op->user, &op->spec.answer, CNN_PASS_FORWARD, input).flop / (double)f->batch;
}

/* What an operation is for a stretch. */
typedef enum place {
    OUTSIDE,
    ALONG,  /* it neither gains nor costs: the small layers of a squeeze and excitation, between two large ones */
    GAINING /* its values are large, and its time is that of memory */
} role;

/* *moved: bytes of a sample that it reads and writes. Parameters are read again for each part of the batch, and may
 * have no more bytes than these. */
static role place_of(const finder *f, const cnn__op *op, size_t *moved)
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
    *moved = sum;
    if (!fits || flop_of(f, op) > FLOP_PER_BYTE * (double)(sum + parameters)) {
        return OUTSIDE;
    }
    return sum > ROOM / f->batch && parameters <= sum ? GAINING : parameters <= SMALL ? ALONG : OUTSIDE;
}

/* Where the stretch from `begin` on ends, how many operations gain, and what the largest moves for a sample. What is
 * read from outside is complete only at an end. */
static uint32_t find_end(const finder *f, uint32_t begin, uint32_t *gaining, size_t *largest)
{
    uint32_t end = begin;
    bool goes_on = true;
    *gaining = 0;
    *largest = 1;
    for (uint32_t k = begin; goes_on && k < f->program->op_count; k++) {
        const cnn__op *op = &f->program->ops[k];
        size_t moved;
        const role place = place_of(f, op, &moved);
        goes_on = place == GAINING || (place == ALONG && k > begin);
        if (place == GAINING) {
            end = k + 1;
            *gaining += 1;
            *largest = moved > *largest ? moved : *largest;
        }
        goes_on = goes_on && !f->program->values[op->output].kept;
    }
    return end;
}

/* Samples at a time, in parts of nearly equal size; 0 if a batch is one. */
static uint32_t choose_samples(const finder *f, size_t largest)
{
    const size_t most = ROOM / largest > 1 ? ROOM / largest : 1, parts = (f->batch + most - 1) / most;
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
    uint32_t next;
    for (uint32_t begin = 0; begin < program->op_count; begin = next) {
        size_t largest;
        uint32_t gaining;
        const uint32_t end = find_end(&f, begin, &gaining, &largest);
        const uint32_t samples = gaining >= LEAST ? choose_samples(&f, largest) : 0;
        for (uint32_t k = begin; k < end && samples > 0; k++) {
            program->ops[k].stretch = (cnn__stretch){begin, end, samples};
        }
        if (samples > 0) {
            find_inner(&f, begin, end, samples);
        }
        next = end > begin ? end : begin + 1;
    }
}
