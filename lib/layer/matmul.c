/* SPDX-License-Identifier: MIT */
/* Products of matrices: of the last two axes of two inputs, whose axes before these are broadcast against each other.
 * One product of the backend's for each matrix of the output; what is repeated gets the sum of its gradients, which the
 * products add up themselves, in order. */
#include <stdio.h>

#include "layer/layer.h"

#define TYPE "MatMul"

static const cnn__field fields[] = {
    {"transpose_a", offsetof(cnn_matmul_options, transpose_a), CNN__FIELD_INT, 1, NULL},
    {"transpose_b", offsetof(cnn_matmul_options, transpose_b), CNN__FIELD_INT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    const cnn_matmul_options *o = state;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "transpose_a", o->transpose_a, 0, 1));
    return cnn__layer_check_range(context, TYPE, "transpose_b", o->transpose_b, 0, 1);
}

/* ---- shapes ---- */

/* One product, and which of the inputs' matrices each of the output's is of. */
typedef struct products {
    int64_t m, n, k;
    uint32_t lead;                  /* axes before the matrices, the batch among them */
    int64_t dims[CNN_MAX_RANK];     /* of these */
    int64_t steps[2][CNN_MAX_RANK]; /* in matrices of an input, from one to the next along them; 0: repeated */
    const cnn_shape *inputs;
} products;

/* Distances in matrices along the axes that an input has, aligned at the end; false where they do not fit. */
static bool find_steps(const cnn_shape *input, products *p, int64_t *steps)
{
    const uint32_t missing = p->lead + 2 - input->rank;
    int64_t distance = 1;
    for (uint32_t i = p->lead; i-- > 0;) {
        const int64_t size = i == 0 ? input->dims[0] : i <= missing ? 1 : input->dims[i - missing];
        if (size != 1 && size != p->dims[i]) {
            return false;
        }
        steps[i] = size == 1 ? 0 : distance;
        distance *= size;
    }
    return true;
}

static bool find_products(const cnn_matmul_options *o, const cnn_shape *inputs, products *p)
{
    const cnn_shape *a = &inputs[0], *b = &inputs[1];
    const uint32_t rank = a->rank > b->rank ? a->rank : b->rank;
    *p = (products){.lead = rank - 2, .inputs = inputs};
    p->m = a->dims[a->rank - 2 + (o->transpose_a != 0)];
    p->k = a->dims[a->rank - 1 - (o->transpose_a != 0)];
    p->n = b->dims[b->rank - 1 - (o->transpose_b != 0)];
    p->dims[0] = a->dims[0];
    for (uint32_t i = 1; i < p->lead; i++) { /* the larger of both */
        const uint32_t less_a = rank - a->rank, less_b = rank - b->rank;
        const int64_t left = i <= less_a ? 1 : a->dims[i - less_a], right = i <= less_b ? 1 : b->dims[i - less_b];
        p->dims[i] = left > right ? left : right;
    }
    return a->dims[0] == b->dims[0] && p->k == b->dims[b->rank - 2 + (o->transpose_b != 0)] &&
           find_steps(a, p, p->steps[0]) && find_steps(b, p, p->steps[1]);
}

/* The number of a matrix of the output to those of the inputs; *again: one that has been used before. */
static void place_of(const products *p, int64_t number, int64_t place[2], bool again[2])
{
    place[0] = place[1] = 0;
    again[0] = again[1] = false;
    for (uint32_t i = p->lead; i-- > 0;) {
        const int64_t at = number % p->dims[i];
        number /= p->dims[i];
        for (int k = 0; k < 2; k++) {
            place[k] += at * p->steps[k][i];
            again[k] = again[k] || (at > 0 && p->steps[k][i] == 0);
        }
    }
}

static int64_t count_of(const products *p)
{
    int64_t count = 1;
    for (uint32_t i = 0; i < p->lead; i++) {
        count *= p->dims[i];
    }
    return count;
}

/* C = op(A) op(B): `m` x `n` over `k`, all matrices without gaps. */
static cnn_gemm_args gemm_args(int64_t m, int64_t n, int64_t k, bool transpose_a, bool transpose_b)
{
    return (cnn_gemm_args){.struct_size = sizeof(cnn_gemm_args),
                           .m = m,
                           .n = n,
                           .k = k,
                           .lda = transpose_a ? m : k,
                           .ldb = transpose_b ? k : n,
                           .ldc = n,
                           .transpose_a = transpose_a,
                           .transpose_b = transpose_b,
                           .alpha = 1};
}

/* Those of a pass: the output, the gradient of the first input, that of the second. */
static void all_args(const cnn_matmul_options *o, const products *p, cnn_gemm_args args[3])
{
    const bool ta = o->transpose_a != 0, tb = o->transpose_b != 0;
    args[0] = gemm_args(p->m, p->n, p->k, ta, tb);
    args[1] = ta ? gemm_args(p->k, p->m, p->n, tb, true) : gemm_args(p->m, p->k, p->n, false, !tb);
    args[2] = tb ? gemm_args(p->n, p->k, p->m, true, ta) : gemm_args(p->k, p->n, p->m, !ta, false);
}

static cnn_status check_inputs(const cnn_matmul_options *o, const cnn_shape *inputs, uint32_t input_count, products *p,
                               char *reason, size_t reason_size)
{
    if (input_count != 2 || inputs[0].rank < 3 || inputs[1].rank < 3) {
        snprintf(reason, reason_size, "needs two inputs of matrices (None, ..., rows, columns)");
        return CNN_ERROR_SHAPE;
    }
    if (!find_products(o, inputs, p)) {
        char a[128], b[128];
        cnn__shape_text(&inputs[0], "None", a, sizeof(a));
        cnn__shape_text(&inputs[1], "None", b, sizeof(b));
        snprintf(reason, reason_size, "matrices %s%s and %s%s have no product", a,
                 o->transpose_a ? ", transposed," : "", b, o->transpose_b ? ", transposed," : "");
        return CNN_ERROR_SHAPE;
    }
    return CNN_OK;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_matmul_options *o = user;
    cnn_gemm_args args[3];
    products p;
    CNN__RETURN_IF_ERROR(check_inputs(o, inputs, input_count, &p, reason, reason_size));
    spec->output = (cnn_shape){.rank = p.lead + 2};
    for (uint32_t i = 0; i < p.lead; i++) {
        spec->output.dims[i] = p.dims[i];
    }
    spec->output.dims[p.lead] = p.m;
    spec->output.dims[p.lead + 1] = p.n;
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&spec->output, "the output", reason, reason_size));
    all_args(o, &p, args);
    for (int i = 0; i < 3; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_GEMM, &args[i], threads, spec, reason, reason_size));
    }
    spec->backward_needs_input = 1;
    return CNN_OK;
}

/* ---- passes ---- */

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    cnn_gemm_args args[3];
    products p;
    (void)find_products(user, call->input_shapes, &p);
    all_args(user, &p, args);
    for (int64_t i = 0; i < count_of(&p); i++) {
        int64_t place[2];
        bool again[2];
        place_of(&p, i, place, again);
        args[0].a = call->inputs[0] + place[0] * p.m * p.k;
        args[0].b = call->inputs[1] + place[1] * p.k * p.n;
        args[0].c = call->output + i * p.m * p.n;
        CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_GEMM, CNN_PASS_FORWARD, &args[0]));
    }
    return CNN_OK;
}

/* Adds to the gradients of an input's matrix what one of the output's has; the first one is not added to anything. */
static cnn_status add_gradient(const cnn_layer_call *call, cnn_gemm_args *args, const float *a, const float *b,
                               float *c, bool again)
{
    args->a = a;
    args->b = b;
    args->c = c;
    args->beta = again ? 1.0f : 0.0f;
    return cnn_backend_run(call->backend, CNN_OP_GEMM, CNN_PASS_FORWARD, args);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn_matmul_options *o = user;
    cnn_gemm_args args[3];
    products p;
    (void)find_products(o, call->input_shapes, &p);
    all_args(o, &p, args);
    for (int64_t i = 0; i < count_of(&p); i++) {
        int64_t place[2];
        bool again[2];
        place_of(&p, i, place, again);
        const int64_t at_a = place[0] * p.m * p.k, at_b = place[1] * p.k * p.n;
        const float *a = call->inputs[0] + at_a;
        const float *b = call->inputs[1] + at_b;
        const float *dy = call->output_gradient + i * p.m * p.n;
        float *const *to = call->input_gradients;
        if (to[0] != NULL) {
            CNN__RETURN_IF_ERROR(
                add_gradient(call, &args[1], o->transpose_a ? b : dy, o->transpose_a ? dy : b, to[0] + at_a, again[0]));
        }
        if (to[1] != NULL) {
            CNN__RETURN_IF_ERROR(
                add_gradient(call, &args[2], o->transpose_b ? dy : a, o->transpose_b ? a : dy, to[1] + at_b, again[1]));
        }
    }
    return CNN_OK;
}

const cnn__layer_type cnn__matmul_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "matmul", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_matmul_options),
    .state_size = sizeof(cnn_matmul_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_matmul(cnn_context *context, const cnn_matmul_options *options)
{
    return cnn__layer_create(context, &cnn__matmul_type, "cnn_matmul", options);
}
