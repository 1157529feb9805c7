/* SPDX-License-Identifier: MIT */
/* Muon (Jordan et al. 2024): the kernels of convolutions follow the nearest orthogonal matrix to their momentum, which
 * Newton-Schulz iterations come close to; all other parameters follow SGD. */
#include <float.h>
#include <math.h>

#include "backend/backend.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/options.h"
#include "optimizer/optimizer.h"

#define MOST_ITERATIONS 100

/* Variants of SGD in cnn_update_args. */
enum { RATE_OUTSIDE = 0, RATE_INSIDE = 1 };

/* The quintic of the published Muon: a X + b (X X^T) X + c (X X^T)^2 X. */
static const float quintic[] = {3.4445f, -4.7750f, 2.0315f};

/* A kernel [rows, cols], one column for each filter, and what is made of it. The square matrices are of the shorter
 * side. */
typedef struct matrix {
    int64_t rows, cols, side;
    size_t values, squares; /* each a multiple of 16 */
    float *x, *next;        /* [rows, cols] */
    float *square, *sum;    /* [side, side]: X X^T or X^T X, and what it is multiplied with */
    cnn_backend_call call;  /* with its workspace */
} matrix;

static size_t padded(size_t n) { return (n + 15) / 16 * 16; }

static cnn_gemm_args square_args(const matrix *m)
{
    const uint32_t tall = m->rows > m->cols;
    return (cnn_gemm_args){.struct_size = sizeof(cnn_gemm_args),
                           .m = m->side,
                           .n = m->side,
                           .k = tall ? m->rows : m->cols,
                           .a = m->x,
                           .b = m->x,
                           .c = m->square,
                           .lda = m->cols,
                           .ldb = m->cols,
                           .ldc = m->side,
                           .transpose_a = tall,
                           .transpose_b = !tall,
                           .alpha = 1};
}

static cnn_gemm_args sum_args(const matrix *m)
{
    return (cnn_gemm_args){.struct_size = sizeof(cnn_gemm_args),
                           .m = m->side,
                           .n = m->side,
                           .k = m->side,
                           .a = m->square,
                           .b = m->square,
                           .c = m->sum,
                           .lda = m->side,
                           .ldb = m->side,
                           .ldc = m->side,
                           .alpha = quintic[2]};
}

static cnn_gemm_args product_args(const matrix *m)
{
    const bool tall = m->rows > m->cols;
    return (cnn_gemm_args){.struct_size = sizeof(cnn_gemm_args),
                           .m = m->rows,
                           .n = m->cols,
                           .k = m->side,
                           .a = tall ? m->x : m->sum,
                           .b = tall ? m->sum : m->x,
                           .c = m->next,
                           .lda = tall ? m->cols : m->side,
                           .ldb = tall ? m->side : m->cols,
                           .ldc = m->cols,
                           .alpha = 1};
}

static bool matrix_of(const cnn__update_item *item, matrix *m)
{
    *m = (matrix){.rows = (int64_t)(item->n / item->filters), .cols = (int64_t)item->filters};
    m->side = m->rows < m->cols ? m->rows : m->cols;
    m->values = padded(item->n);
    m->squares = padded((size_t)m->side * (size_t)m->side);
    return item->n < SIZE_MAX / 64; /* the square of the shorter side is no larger */
}

/* Bytes of workspace that the products ask for. */
static size_t workspace_of(const cnn_backend_call *call, const matrix *m)
{
    const cnn_gemm_args products[] = {square_args(m), sum_args(m), product_args(m)};
    size_t most = 0;
    for (size_t i = 0; i < 3; i++) {
        cnn_op_answer answer;
        if (cnn_backend_query(call->backend, CNN_OP_GEMM, &products[i], call->threads, &answer) == CNN_OK) {
            most = answer.workspace[CNN_PASS_FORWARD] > most ? answer.workspace[CNN_PASS_FORWARD] : most;
        }
    }
    return most;
}

static size_t scratch(const cnn_optimizer *optimizer, const cnn_backend_call *call, const cnn__update_item *item)
{
    matrix m;
    size_t bytes;
    (void)optimizer;
    if (item->filters == 0) {
        return 0;
    }
    return matrix_of(item, &m) &&
                   cnn__add_size(2 * (m.values + m.squares) * sizeof(float), workspace_of(call, &m), &bytes)
               ? bytes
               : SIZE_MAX;
}

static cnn_status multiply(const matrix *m, cnn_gemm_args args)
{
    return cnn_backend_run(&m->call, CNN_OP_GEMM, CNN_PASS_FORWARD, &args);
}

/* y = y (1 - shrink) - rate g; g may be y */
static cnn_status descend(const matrix *m, size_t n, float *y, const float *g, float rate, float shrink)
{
    const cnn_update_args args = {.struct_size = sizeof(args),
                                  .rule = CNN_UPDATE_SGD,
                                  .n = n,
                                  .w = y,
                                  .g = g,
                                  .learning_rate = 1,
                                  .gradient_scale = rate,
                                  .weight_decay = shrink};
    return cnn_backend_run(&m->call, CNN_OP_UPDATE, CNN_PASS_FORWARD, &args);
}

static cnn_status norm_of(const matrix *m, size_t n, const float *x, double *norm)
{
    double sum = 0;
    CNN__RETURN_IF_ERROR(cnn__sum_squares(&m->call, x, n, &sum));
    *norm = sqrt(sum);
    return CNN_OK;
}

static cnn_status clear(const matrix *m, size_t n, float *y)
{
    const cnn_fill_args zeros = {.struct_size = sizeof(zeros), .n = n, .y = y};
    return cnn_backend_run(&m->call, CNN_OP_FILL, CNN_PASS_FORWARD, &zeros);
}

static void take_next(matrix *m)
{
    float *const before = m->x;
    m->x = m->next;
    m->next = before;
}

/* The direction of momentum, as SGD's step of rate -1 from 0. */
static cnn_status take_direction(const matrix *m, const cnn_update_args *args)
{
    cnn_update_args step = *args;
    CNN__RETURN_IF_ERROR(clear(m, args->n, m->x));
    step.w = m->x;
    step.learning_rate = -1;
    step.variant = RATE_OUTSIDE;
    step.weight_decay = 0;
    return cnn_backend_run(&m->call, CNN_OP_UPDATE, CNN_PASS_FORWARD, &step);
}

/* Brings the singular values of x near 1. */
static cnn_status orthogonalize(matrix *m, size_t n, uint32_t iterations)
{
    double norm = 0;
    CNN__RETURN_IF_ERROR(norm_of(m, n, m->x, &norm));
    CNN__RETURN_IF_ERROR(clear(m, n, m->next));
    CNN__RETURN_IF_ERROR(descend(m, n, m->next, m->x, (float)(-1 / (norm + 1e-7)), 0));
    take_next(m);
    for (uint32_t i = 0; i < iterations; i++) {
        CNN__RETURN_IF_ERROR(multiply(m, square_args(m)));
        CNN__RETURN_IF_ERROR(multiply(m, sum_args(m)));
        CNN__RETURN_IF_ERROR(descend(m, (size_t)(m->side * m->side), m->sum, m->square, -quintic[1], 0));
        CNN__RETURN_IF_ERROR(multiply(m, product_args(m)));
        CNN__RETURN_IF_ERROR(descend(m, n, m->next, m->x, -quintic[0], 0));
        take_next(m);
    }
    return CNN_OK;
}

static cnn_status update_filters(const cnn_optimizer *optimizer, const cnn_backend_call *call,
                                 const cnn__update_item *item, const cnn_update_args *args)
{
    matrix m;
    double norm = 0;
    (void)matrix_of(item, &m);
    float *memory = optimizer->scratch;
    m.x = memory;
    m.next = memory + m.values;
    m.square = memory + 2 * m.values;
    m.sum = m.square + m.squares;
    m.call = *call;
    m.call.workspace = m.sum + m.squares;
    m.call.workspace_size = optimizer->scratch_size - 2 * (m.values + m.squares) * sizeof(float);
    CNN__RETURN_IF_ERROR(take_direction(&m, args));
    CNN__RETURN_IF_ERROR(orthogonalize(&m, args->n, optimizer->muon.iterations));
    if (optimizer->muon.normalize) {
        CNN__RETURN_IF_ERROR(norm_of(&m, args->n, args->w, &norm));
        const double wanted = sqrt((double)m.cols);
        CNN__RETURN_IF_ERROR(norm > 0 ? descend(&m, args->n, args->w, args->w, 0, (float)(1 - wanted / norm)) : CNN_OK);
    }
    const float stretch = m.cols > m.rows && !optimizer->muon.normalize ? sqrtf((float)m.cols / (float)m.rows) : 1;
    return descend(&m, args->n, args->w, m.x, args->learning_rate * stretch, args->learning_rate * args->weight_decay);
}

static cnn_status update(const cnn_optimizer *optimizer, const cnn_backend_call *call, uint64_t step,
                         const cnn__update_item *item, const cnn_update_args *args, float *const *slots)
{
    (void)step;
    (void)slots;
    if (item->filters > 0) {
        return update_filters(optimizer, call, item, args);
    }
    cnn_update_args other = *args;
    other.learning_rate *= optimizer->muon.other_factor;
    other.momentum = optimizer->muon.other_momentum;
    return cnn_backend_run(call, CNN_OP_UPDATE, CNN_PASS_FORWARD, &other);
}

static const cnn__param params[] = {
    CNN__OPTIMIZER_NUMBER(cnn_muon_options, learning_rate),
    CNN__OPTIMIZER_SHARE(cnn_muon_options, momentum, NAN),
    CNN__OPTIMIZER_SWITCH(cnn_muon_options, plain),
    {"iterations", NULL, true, 1, MOST_ITERATIONS, 0, offsetof(cnn_muon_options, iterations), false},
    CNN__OPTIMIZER_SWITCH(cnn_muon_options, normalize),
    CNN__OPTIMIZER_DEFAULTED(cnn_muon_options, other_factor),
    CNN__OPTIMIZER_SHARE(cnn_muon_options, other_momentum, NAN),
    CNN__OPTIMIZER_NUMBER(cnn_muon_options, weight_decay),
    CNN__OPTIMIZER_SWITCH(cnn_muon_options, decay_kernels_only),
    CNN__OPTIMIZER_NUMBER(cnn_muon_options, clip_norm),
    CNN__OPTIMIZER_NUMBER(cnn_muon_options, clip_value),
    {"convention", cnn__convention_names, true, CNN_KERAS, CNN_TENSORFLOW1, CNN_KERAS,
     offsetof(cnn_muon_options, convention), false},
    {.name = NULL}};

static cnn_status create(cnn_context *context, const void *options, cnn_optimizer **optimizer)
{
    return cnn_muon_create(context, options, optimizer);
}

_Static_assert(sizeof(cnn_muon_options) <= CNN__OPTIMIZER_OPTIONS, "text is read into that much room");

const cnn__optimizer_kind cnn__optimizer_muon = {
    .name = "muon",
    .update = update,
    .scratch = scratch,
    .usage = "muon:learning_rate=X,momentum=X,plain=0|1,iterations=N,normalize=0|1,other_factor=X,other_momentum=X,"
             "weight_decay=X,decay_kernels_only=0|1,clip_norm=X,clip_value=X,"
             "convention=keras|pytorch|tensorflow1",
    .params = params,
    .options_size = sizeof(cnn_muon_options),
    .create = create,
};

static cnn_status check(const cnn_context *context, const cnn_muon_options *options)
{
    const char *name = cnn__optimizer_muon.name;
    const cnn__number_check checks[] = {
        {"momentum", options->momentum, 1},
        {"other_factor", options->other_factor, 0},
        {"other_momentum", options->other_momentum, 1},
        {"iterations", (float)options->iterations, MOST_ITERATIONS + 1},
    };
    CNN__RETURN_IF_ERROR(cnn__optimizer_check(context, name, checks, sizeof(checks) / sizeof(checks[0])));
    CNN__RETURN_IF_ERROR(cnn__optimizer_check_switch(context, name, "plain", options->plain));
    return cnn__optimizer_check_switch(context, name, "normalize", options->normalize);
}

cnn_status cnn_muon_create(cnn_context *context, const cnn_muon_options *options, cnn_optimizer **optimizer)
{
    cnn_muon_options given;
    CNN__RETURN_IF_ERROR(cnn__optimizer_begin(context, cnn__optimizer_muon.name, optimizer));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_muon_options", options, &given, sizeof(given)));
    CNN__RETURN_IF_ERROR(cnn__optimizer_check_convention(context, cnn__optimizer_muon.name, given.convention));
    given.momentum = cnn__number_or(given.momentum, 0.95f);
    given.other_factor = cnn__number_or(given.other_factor, 1);
    given.other_momentum = cnn__number_or(given.other_momentum, given.momentum);
    given.iterations = given.iterations != 0 ? given.iterations : 5;
    CNN__RETURN_IF_ERROR(check(context, &given));
    const cnn__optimizer_common common = {
        .learning_rate = given.learning_rate != 0 ? given.learning_rate : 0.02f,
        .weight_decay = given.weight_decay,
        .decay_kernels_only = given.decay_kernels_only,
        .clip_norm = given.clip_norm,
        .clip_value = given.clip_value,
    };
    CNN__RETURN_IF_ERROR(cnn__optimizer_new(context, &cnn__optimizer_muon, &common, optimizer));
    cnn_optimizer *made = *optimizer;
    made->slots = 1;
    made->args.rule = CNN_UPDATE_SGD;
    made->args.momentum = given.momentum;
    made->args.nesterov = !given.plain;
    made->args.variant = given.convention == CNN_KERAS ? RATE_INSIDE : RATE_OUTSIDE;
    made->muon = (cnn__muon){(uint32_t)given.iterations, given.other_factor, given.other_momentum,
                             given.normalize != 0};
    return CNN_OK;
}
