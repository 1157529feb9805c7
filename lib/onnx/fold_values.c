/* SPDX-License-Identifier: MIT */
/* Arithmetic on constants. Whole numbers stay whole, and wrap. */
#include <math.h>
#include <string.h>

#include "onnx/fold.h"

#define WRAP(op, a, b) ((int64_t)((uint64_t)(a)op(uint64_t)(b)))

static double add_reals(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += v[i];
    }
    return sum;
}

static int64_t add_wholes(const int64_t *v, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum = WRAP(+, sum, v[i]);
    }
    return sum;
}

static double mean_reals(const double *v, size_t n) { return add_reals(v, n) / (double)n; }

static double subtract_reals(const double *v, size_t n) { return n == 2 ? v[0] - v[1] : NAN; }
static int64_t subtract_wholes(const int64_t *v, size_t n) { return n == 2 ? WRAP(-, v[0], v[1]) : 0; }

static double multiply_reals(const double *v, size_t n)
{
    double product = 1;
    for (size_t i = 0; i < n; i++) {
        product *= v[i];
    }
    return product;
}

static int64_t multiply_wholes(const int64_t *v, size_t n)
{
    int64_t product = 1;
    for (size_t i = 0; i < n; i++) {
        product = WRAP(*, product, v[i]);
    }
    return product;
}

static double divide_reals(const double *v, size_t n) { return n == 2 ? v[0] / v[1] : NAN; }
static int64_t divide_wholes(const int64_t *v, size_t n)
{
    return n != 2 || v[1] == 0 ? 0 : v[1] == -1 ? WRAP(-, 0, v[0]) : v[0] / v[1];
}

static double modulo_reals(const double *v, size_t n) { return n == 2 ? v[0] - v[1] * floor(v[0] / v[1]) : NAN; }
static int64_t modulo_wholes(const int64_t *v, size_t n)
{
    if (n != 2 || v[1] == 0 || v[1] == -1) {
        return 0;
    }
    const int64_t rest = v[0] % v[1];
    return rest != 0 && (rest < 0) != (v[1] < 0) ? rest + v[1] : rest;
}

static double power_reals(const double *v, size_t n) { return n == 2 ? pow(v[0], v[1]) : NAN; }

static double least_reals(const double *v, size_t n)
{
    double least = v[0];
    for (size_t i = 1; i < n; i++) {
        least = v[i] < least ? v[i] : least;
    }
    return least;
}

static double most_reals(const double *v, size_t n)
{
    double most = v[0];
    for (size_t i = 1; i < n; i++) {
        most = v[i] > most ? v[i] : most;
    }
    return most;
}

static int64_t least_wholes(const int64_t *v, size_t n)
{
    int64_t least = v[0];
    for (size_t i = 1; i < n; i++) {
        least = v[i] < least ? v[i] : least;
    }
    return least;
}

static int64_t most_wholes(const int64_t *v, size_t n)
{
    int64_t most = v[0];
    for (size_t i = 1; i < n; i++) {
        most = v[i] > most ? v[i] : most;
    }
    return most;
}

static double negative_real(const double *v, size_t n) { return n == 1 ? -v[0] : NAN; }
static int64_t negative_whole(const int64_t *v, size_t n) { return n == 1 ? WRAP(-, 0, v[0]) : 0; }
static double absolute(const double *v, size_t n) { return n == 1 ? fabs(v[0]) : NAN; }
static double root(const double *v, size_t n) { return n == 1 ? sqrt(v[0]) : NAN; }
static double exponential(const double *v, size_t n) { return n == 1 ? exp(v[0]) : NAN; }
static double logarithm(const double *v, size_t n) { return n == 1 ? log(v[0]) : NAN; }
static double round_down(const double *v, size_t n) { return n == 1 ? floor(v[0]) : NAN; }
static double round_up(const double *v, size_t n) { return n == 1 ? ceil(v[0]) : NAN; }
static double round_near(const double *v, size_t n) { return n == 1 ? nearbyint(v[0]) : NAN; }
static double reciprocal(const double *v, size_t n) { return n == 1 ? 1 / v[0] : NAN; }
static double not(const double *v, size_t n) { return n == 1 && v[0] == 0; }
static double and (const double *v, size_t n) { return n == 2 && v[0] != 0 && v[1] != 0; }
static double or (const double *v, size_t n) { return n == 2 && (v[0] != 0 || v[1] != 0); }
static double equal_reals(const double *v, size_t n) { return n == 2 && v[0] == v[1]; }
static int64_t equal_wholes(const int64_t *v, size_t n) { return n == 2 && v[0] == v[1]; }
static double less_reals(const double *v, size_t n) { return n == 2 && v[0] < v[1]; }
static int64_t less_wholes(const int64_t *v, size_t n) { return n == 2 && v[0] < v[1]; }
static double greater_reals(const double *v, size_t n) { return n == 2 && v[0] > v[1]; }
static int64_t greater_wholes(const int64_t *v, size_t n) { return n == 2 && v[0] > v[1]; }
static double choose_reals(const double *v, size_t n) { return n == 3 ? (v[0] != 0 ? v[1] : v[2]) : NAN; }
static int64_t choose_wholes(const int64_t *v, size_t n) { return n == 3 ? (v[0] != 0 ? v[1] : v[2]) : 0; }

typedef struct function {
    const char *type;
    int32_t result; /* 0: as the first input, -1: as the second */
    double (*reals)(const double *, size_t);
    int64_t (*wholes)(const int64_t *, size_t);
} function;

static const function functions[] = {
    {"Abs", 0, absolute, NULL},
    {"Add", 0, add_reals, add_wholes},
    {"And", CNN__ONNX_BOOL, and, NULL},
    {"Ceil", 0, round_up, NULL},
    {"Div", 0, divide_reals, divide_wholes},
    {"Equal", CNN__ONNX_BOOL, equal_reals, equal_wholes},
    {"Exp", 0, exponential, NULL},
    {"Floor", 0, round_down, NULL},
    {"Greater", CNN__ONNX_BOOL, greater_reals, greater_wholes},
    {"Less", CNN__ONNX_BOOL, less_reals, less_wholes},
    {"Log", 0, logarithm, NULL},
    {"Max", 0, most_reals, most_wholes},
    {"Mean", 0, mean_reals, NULL},
    {"Min", 0, least_reals, least_wholes},
    {"Mod", 0, modulo_reals, modulo_wholes},
    {"Mul", 0, multiply_reals, multiply_wholes},
    {"Neg", 0, negative_real, negative_whole},
    {"Not", CNN__ONNX_BOOL, not, NULL},
    {"Or", CNN__ONNX_BOOL, or, NULL},
    {"Pow", 0, power_reals, NULL},
    {"Reciprocal", 0, reciprocal, NULL},
    {"Round", 0, round_near, NULL},
    {"Sqrt", 0, root, NULL},
    {"Sub", 0, subtract_reals, subtract_wholes},
    {"Sum", 0, add_reals, add_wholes},
    {"Where", -1, choose_reals, choose_wholes},
};

/* Reductions of constants: what shapes are computed with. */
static const function reductions[] = {
    {"ReduceMax", 0, most_reals, most_wholes},   {"ReduceMean", 0, mean_reals, NULL},
    {"ReduceMin", 0, least_reals, least_wholes}, {"ReduceProd", 0, multiply_reals, multiply_wholes},
    {"ReduceSum", 0, add_reals, add_wholes},
};

static const function *find(const function *list, size_t count, const char *type)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].type, type) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

#define FIND(list, type) find(list, sizeof(list) / sizeof((list)[0]), type)

bool cnn__onnx_folds_values(const char *type)
{
    return FIND(functions, type) != NULL || FIND(reductions, type) != NULL;
}

/* All values of a constant to one. */
static cnn_status reduce(cnn__onnx_import *import, const cnn__onnx_node *node, const function *f)
{
    const cnn__onnx_constant *c = NULL;
    const int64_t *axes = NULL;
    int64_t dims[CNN_MAX_RANK];
    size_t count = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 0, &c));
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "axes", 1, &axes, &count));
    if ((count != 0 && count != c->rank) || c->count == 0 || c->count > 1 << 16 || c->rank > 1) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "it reduces a constant other than a list");
    }
    double *reals = cnn__arena_array(import->arena, c->count, sizeof(*reals));
    int64_t *wholes = cnn__arena_array(import->arena, c->count, sizeof(*wholes));
    const bool keep = c->rank == 1 && cnn__onnx_attribute_int(node, "keepdims", 1) != 0;
    dims[0] = 1;
    cnn__onnx_constant *made = cnn__onnx_constant_new(import->arena, c->type, keep, dims);
    if (reals == NULL || wholes == NULL || made == NULL) {
        return cnn__onnx_set_constant(import, node, 0, NULL);
    }
    for (size_t i = 0; i < c->count; i++) {
        reals[i] = cnn__onnx_number(c, i);
        wholes[i] = cnn__onnx_int(c, i);
    }
    if (made->floats != NULL) {
        cnn__onnx_floats(made)[0] = (float)f->reals(reals, c->count);
    } else {
        cnn__onnx_ints(made)[0] = f->wholes != NULL ? f->wholes(wholes, c->count)
                                                    : cnn__onnx_whole(f->reals(reals, c->count));
    }
    return cnn__onnx_set_constant(import, node, 0, made);
}

/* Constants that are broadcast against each other. */
typedef struct operands {
    const cnn__onnx_constant *parts[CNN__ONNX_MOST_PARTS];
    int64_t steps[CNN__ONNX_MOST_PARTS][CNN_MAX_RANK];
    size_t count;
    uint32_t rank;
    int64_t dims[CNN_MAX_RANK];
    bool same; /* each of them is one value alone */
} operands;

static cnn_status read_operands(cnn__onnx_import *import, const cnn__onnx_node *node, operands *o)
{
    int64_t dims[CNN_MAX_RANK];
    *o = (operands){.count = node->inputs.count, .same = true};
    if (o->count == 0 || o->count > CNN__ONNX_MOST_PARTS) {
        return cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "it has %zu inputs", o->count);
    }
    for (size_t i = 0; i < o->count; i++) {
        CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, i, &o->parts[i]));
        o->rank = o->parts[i]->rank > o->rank ? o->parts[i]->rank : o->rank;
        o->same = o->same && (o->parts[i]->same || o->parts[i]->count == 1);
    }
    for (size_t i = 0; i < o->count; i++) {
        cnn__onnx_align(o->parts[i], o->rank, dims, o->steps[i]);
        for (uint32_t d = 0; d < o->rank; d++) {
            if (i > 0 && dims[d] != 1 && o->dims[d] != 1 && o->dims[d] != dims[d]) {
                return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its inputs are of shapes that do not fit");
            }
            o->dims[d] = i == 0 || o->dims[d] == 1 ? dims[d] : o->dims[d];
        }
    }
    return CNN_OK;
}

/* From the places of the operands' values at one place of the whole to those at the next. */
static void next_places(const operands *o, int64_t *at, int64_t *places)
{
    for (uint32_t d = o->rank; d-- > 0;) {
        const bool more = ++at[d] < o->dims[d];
        for (size_t k = 0; k < o->count; k++) {
            places[k] += more ? o->steps[k][d] : -o->steps[k][d] * (o->dims[d] - 1);
        }
        if (more) {
            return;
        }
        at[d] = 0;
    }
}

/* Constants value by value. `type` of the result; 0: as the first. */
static cnn_status fold_values(cnn__onnx_import *import, const cnn__onnx_node *node, int32_t type,
                              double (*reals)(const double *, size_t), int64_t (*wholes)(const int64_t *, size_t))
{
    int64_t places[CNN__ONNX_MOST_PARTS] = {0}, at[CNN_MAX_RANK] = {0}, whole[CNN__ONNX_MOST_PARTS];
    double real[CNN__ONNX_MOST_PARTS];
    operands o;
    CNN__RETURN_IF_ERROR(read_operands(import, node, &o));
    const int32_t made = type != 0 ? type : o.parts[0]->type;
    const bool by_reals = o.parts[o.count - 1]->floats != NULL || wholes == NULL;
    cnn__onnx_constant *c = o.same ? cnn__onnx_constant_same(import->arena, made, o.rank, o.dims, 0)
                                   : cnn__onnx_constant_new(import->arena, made, o.rank, o.dims);
    for (size_t i = 0; c != NULL && i < (o.same ? 1 : c->count); i++) {
        for (size_t k = 0; k < o.count; k++) {
            real[k] = cnn__onnx_number(o.parts[k], (size_t)places[k]);
            whole[k] = cnn__onnx_int(o.parts[k], (size_t)places[k]);
        }
        if (c->floats != NULL) {
            cnn__onnx_floats(c)[i] = (float)reals(real, o.count);
        } else {
            cnn__onnx_ints(c)[i] = by_reals ? cnn__onnx_whole(reals(real, o.count)) : wholes(whole, o.count);
        }
        next_places(&o, at, places);
    }
    return cnn__onnx_set_constant(import, node, 0, c);
}

cnn_status cnn__onnx_fold_by_value(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const function *f = FIND(functions, node->type);
    const cnn__onnx_constant *second = NULL;
    if (f == NULL) {
        return reduce(import, node, FIND(reductions, node->type));
    }
    if (f->result == -1) {
        CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 1, &second));
    }
    return fold_values(import, node, second != NULL ? second->type : f->result, f->reals, f->wholes);
}
