/* SPDX-License-Identifier: MIT */
/* The table of fusions and the pass that applies it. */
#include "session/fuse.h"

#include <string.h>

#include "layer/batch_norm.h"
#include "layer/pool2d.h"

/* When a fusion is right; flags. */
enum {
    INFERENCE = 1, /* both are settled: they run as in inference */
    GRADIENTS = 2, /* inference behaviour, with a backward */
    TRAINING = 4,
    ALWAYS = INFERENCE | GRADIENTS | TRAINING
};

typedef enum outcome {
    REFUSED, /* nothing may have changed that matters: states are put back */
    TAKEN,   /* the first operation does the work of both */
    MOVED    /* both remain, the second does some of the first's work */
} outcome;

typedef struct fusion {
    const cnn__layer_type *first, *second;
    int when;
    outcome (*fuse)(cnn__op *first, cnn__op *second, int when); /* which of them it is */
} fusion;

static cnn_epilogue *epilogue_of(const cnn__op *op) { return cnn__layer_epilogue(op->type, op->state); }

/* A rectifier's derivative is told by its output, and it never ends a model in probabilities. */
static bool is_rectifier(int32_t activation)
{
    return activation == CNN_RELU || activation == CNN_LEAKY_RELU || activation == CNN_RELU6;
}

/* ---- the functions ---- */

/* An activation in the pass that writes its input: with a backward a rectifier, without one any that is of single
 * values. Where it ends an output in probabilities its input is kept, and no fusion comes this far. */
static outcome take_activation(cnn__op *first, cnn__op *second, int when)
{
    cnn_epilogue *epilogue = epilogue_of(first);
    const cnn_activate_options *next = second->state;
    if (cnn__activation_is_over_rows(next->activation) || (when != INFERENCE && !is_rectifier(next->activation)) ||
        epilogue->pool != 0 || epilogue->activation != CNN_LINEAR) {
        return REFUSED;
    }
    epilogue->activation = next->activation;
    epilogue->alpha = next->alpha;
    return TAKEN;
}

/* With a backward relu and relu6 alone: those whose derivative follows from what goes into the affine part of a
 * normalisation. One after its pooling is the same before it. */
static outcome norm_takes_activation(cnn__op *first, cnn__op *second, int when)
{
    cnn_epilogue *epilogue = epilogue_of(first);
    const int32_t next = ((const cnn_activate_options *)second->state)->activation;
    if (when == INFERENCE) {
        return take_activation(first, second, when);
    }
    if ((next != CNN_RELU && next != CNN_RELU6) || epilogue->activation != CNN_LINEAR) {
        return REFUSED;
    }
    epilogue->activation = next;
    return TAKEN;
}

/* 2x2 maxima in the pass that writes their input. The maximum of an activation that never falls is the activation of
 * the maximum; not so where values of several channels meet, but those activations are operations of their own. */
static outcome take_pooling(cnn__op *first, cnn__op *second, int when)
{
    (void)when;
    cnn_epilogue *epilogue = epilogue_of(first);
    const cnn_epilogue *pooling = epilogue_of(second);
    if (epilogue->pool != 0 || pooling->activation != CNN_LINEAR || !cnn__pool2d_halves(second->state) ||
        first->bias_alone) {
        return REFUSED;
    }
    epilogue->pool = 2;
    return TAKEN;
}

/* The other way round: a pooling that stays applies the rectifier, to fewer values, and the input of the rectifier
 * need not be kept for its derivative. */
static outcome move_activation(cnn__op *first, cnn__op *second, int when)
{
    (void)when;
    cnn_epilogue *from = epilogue_of(first), *to = epilogue_of(second);
    if (!is_rectifier(from->activation) || (from->activation == CNN_LEAKY_RELU && from->alpha <= 0) ||
        from->pool != 0 || to->activation != CNN_LINEAR) {
        return REFUSED;
    }
    to->activation = from->activation;
    to->alpha = from->alpha;
    from->activation = CNN_LINEAR;
    return MOVED;
}

/* A normalisation by fixed statistics is one factor and one offset for each channel: other weights, another bias. */
static outcome fold_norm(cnn__op *first, cnn__op *second, int when)
{
    (void)when;
    cnn_epilogue *epilogue = epilogue_of(first);
    cnn__norm_fold *fold = cnn__layer_fold(first->type, first->state);
    if (fold->normalised || epilogue->pool != 0 || epilogue->activation != CNN_LINEAR) {
        return REFUSED;
    }
    *fold = (cnn__norm_fold){1, cnn__batch_norm_epsilon(second->state)};
    *epilogue = *epilogue_of(second);
    return TAKEN;
}

/* ---- the table: of two lines for one pair the first that fits is taken ---- */

static const fusion fusions[] = {
    {&cnn__conv2d_type, &cnn__batch_norm_type, INFERENCE, fold_norm},
    {&cnn__conv1d_type, &cnn__batch_norm_type, INFERENCE, fold_norm},
    {&cnn__conv3d_type, &cnn__batch_norm_type, INFERENCE, fold_norm},
    {&cnn__depthwise_conv2d_type, &cnn__batch_norm_type, INFERENCE, fold_norm},
    {&cnn__separable_conv2d_type, &cnn__batch_norm_type, INFERENCE, fold_norm},
    {&cnn__conv2d_transpose_type, &cnn__batch_norm_type, INFERENCE, fold_norm},
    {&cnn__dense_type, &cnn__batch_norm_type, INFERENCE, fold_norm},
    {&cnn__conv2d_type, &cnn__activate_type, ALWAYS, take_activation},
    {&cnn__conv1d_type, &cnn__activate_type, ALWAYS, take_activation},
    {&cnn__conv3d_type, &cnn__activate_type, ALWAYS, take_activation},
    {&cnn__depthwise_conv2d_type, &cnn__activate_type, ALWAYS, take_activation},
    {&cnn__separable_conv2d_type, &cnn__activate_type, ALWAYS, take_activation},
    {&cnn__conv2d_transpose_type, &cnn__activate_type, ALWAYS, take_activation},
    {&cnn__dense_type, &cnn__activate_type, ALWAYS, take_activation},
    {&cnn__add_type, &cnn__activate_type, ALWAYS, take_activation},
    {&cnn__subtract_type, &cnn__activate_type, ALWAYS, take_activation},
    {&cnn__multiply_type, &cnn__activate_type, ALWAYS, take_activation},
    {&cnn__batch_norm_type, &cnn__activate_type, ALWAYS, norm_takes_activation},
    {&cnn__conv2d_type, &cnn__max_pool2d_type, ALWAYS, take_pooling},
    {&cnn__batch_norm_type, &cnn__max_pool2d_type, GRADIENTS | TRAINING, take_pooling},
    {&cnn__conv2d_type, &cnn__max_pool2d_type, GRADIENTS | TRAINING, move_activation},
    {&cnn__batch_norm_type, &cnn__max_pool2d_type, GRADIENTS | TRAINING, move_activation},
};

/* ---- the pass ---- */

typedef struct fuser {
    const cnn_model *model;
    cnn__program *program;
    uint32_t *readers; /* value -> how many inputs of operations it is */
    uint32_t *reader;  /* value -> the last operation that reads it */
    void *before[2];   /* states of the pair at hand, to put back */
} fuser;

static size_t largest_state(const cnn__program *program)
{
    size_t size = 1;
    for (uint32_t k = 0; k < program->op_count; k++) {
        const cnn__layer_type *type = program->ops[k].type;
        size = type != NULL && type->state_size > size ? type->state_size : size;
    }
    return size;
}

static bool open_fuser(fuser *f)
{
    cnn_context *context = f->model->context;
    const size_t values = f->program->value_count, state = largest_state(f->program);
    f->readers = cnn__alloc_zero(context, values * sizeof(*f->readers));
    f->reader = cnn__alloc_array(context, values, sizeof(*f->reader));
    f->before[0] = cnn__alloc(context, state);
    f->before[1] = cnn__alloc(context, state);
    return f->readers != NULL && f->reader != NULL && f->before[0] != NULL && f->before[1] != NULL;
}

static void close_fuser(fuser *f)
{
    cnn_context *context = f->model->context;
    cnn__free(context, f->readers);
    cnn__free(context, f->reader);
    cnn__free(context, f->before[0]);
    cnn__free(context, f->before[1]);
}

static void find_readers(fuser *f)
{
    for (uint32_t k = 0; k < f->program->op_count; k++) {
        const cnn__op *op = &f->program->ops[k];
        for (uint32_t i = 0; i < op->input_count; i++) {
            f->readers[op->inputs[i]]++;
            f->reader[op->inputs[i]] = k;
        }
    }
}

/* The operation that alone reads this one's output, if nobody else sees that; NULL if there is none. */
static cnn__op *only_reader(const fuser *f, const cnn__op *op)
{
    cnn__op *reader = f->readers[op->output] == 1 ? &f->program->ops[f->reader[op->output]] : NULL;
    bool seen = f->program->values[op->output].kept ||
                (reader != NULL && f->program->values[reader->output].keeps_gradient);
    return reader == NULL || seen || reader->input_count != 1 || reader->type == NULL ? NULL : reader;
}

static int situation(const fuser *f, const cnn__op *first, const cnn__op *second)
{
    return first->settled && second->settled ? INFERENCE : f->program->training ? TRAINING : GRADIENTS;
}

/* One operation does the work of both: its output is the second's, and it reads the second's parameters too. */
static void take_over(fuser *f, cnn__op *first, cnn__op *second)
{
    cnn__value *inside = &f->program->values[first->output];
    inside->role = CNN__VALUE_GONE;
    inside->has_gradient = false;
    first->output = second->output;
    first->settled = first->settled && second->settled;
    f->program->values[first->output].producer = (uint32_t)(first - f->program->ops);
    for (uint32_t i = 0; i < second->parameter_count; i++) {
        first->parameters[first->parameter_count++] = second->parameters[i];
    }
    second->gone = true;
}

static outcome try_fusion(fuser *f, const fusion *line, cnn__op *first, cnn__op *second)
{
    if (first->parameter_count + second->parameter_count > CNN_LAYER_MAX_PARAMETERS) {
        return REFUSED;
    }
    memcpy(f->before[0], first->state, first->type->state_size);
    memcpy(f->before[1], second->state, second->type->state_size);
    outcome result = line->fuse(first, second, situation(f, first, second));
    bool infers = result == REFUSED || cnn__op_infer(f->model, f->program, first) == CNN_OK;
    if (infers && result == MOVED) {
        infers = cnn__op_infer(f->model, f->program, second) == CNN_OK;
    }
    if (result == REFUSED || !infers) {
        memcpy(first->state, f->before[0], first->type->state_size);
        memcpy(second->state, f->before[1], second->type->state_size);
        result = REFUSED;
    }
    if (result == TAKEN) {
        take_over(f, first, second);
    }
    return result;
}

/* Goes on as long as the operation can take over what follows it. */
static void fuse_op(fuser *f, cnn__op *op)
{
    bool again = op->type != NULL && !op->gone;
    while (again) {
        cnn__op *second = only_reader(f, op);
        again = false;
        for (size_t i = 0; second != NULL && i < sizeof(fusions) / sizeof(fusions[0]); i++) {
            const fusion *line = &fusions[i];
            if (line->first != op->type || line->second != second->type ||
                (line->when & situation(f, op, second)) == 0) {
                continue;
            }
            const outcome result = try_fusion(f, line, op, second);
            if (result != REFUSED) {
                again = result == TAKEN;
                break;
            }
        }
    }
}

cnn_status cnn__program_fuse(const cnn_model *model, cnn__program *program)
{
    fuser f = {.model = model, .program = program};
    const bool open = open_fuser(&f);
    if (open) {
        find_readers(&f);
        for (uint32_t k = 0; k < program->op_count; k++) {
            fuse_op(&f, &program->ops[k]);
        }
    }
    close_fuser(&f);
    return open ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}
