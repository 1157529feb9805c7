/* SPDX-License-Identifier: MIT */
/* exp, tanh and the logistic function of the vector kernels over the whole range of float, in units of the last
 * place, at every instruction set. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/entries.h"
#include "backend/operations.h"
#include "common/suite.h"

#define BATCH 8192

/* Distance from the exact value in units of the last place of float; of denormals, in units of the smallest. */
static double ulps(float got, double exact)
{
    if (isnan(exact) || isnan(got)) {
        return isnan(exact) && isnan(got) ? 0 : INFINITY;
    }
    if (isinf(got) || fabs(exact) > 0x1.ffffffp127) {
        return isinf(got) && fabs(exact) > 0x1.fffffep127 && (got > 0) == (exact > 0) ? 0 : INFINITY;
    }
    int exponent;
    frexp(exact, &exponent);
    return fabs((double)got - exact) / ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

typedef struct function {
    const char *name;
    void (*run)(cnn_context *context, const float *x, float *y);
    double (*exact)(double x);
    double bound; /* ulps */
} function;

static void run_activation(cnn_context *context, cnn_activation activation, const float *x, float *y)
{
    cnn_backend_call call;
    cnn__backend_call_init(&call, context, 0, NULL, 0);
    ck_assert_int_eq(run_activation_forward(&call, activation, 1, BATCH, x, y), CNN_OK);
}

static void run_tanh(cnn_context *context, const float *x, float *y) { run_activation(context, CNN_TANH, x, y); }
static void run_sigmoid(cnn_context *context, const float *x, float *y) { run_activation(context, CNN_SIGMOID, x, y); }

/* The gradient of log-softmax is dy - e^y sum(dy): with dy = (-1, 0, 0, ...) it is e^y behind the first. */
static void run_exp(cnn_context *context, const float *x, float *y)
{
    static float dy[BATCH] = {-1};
    cnn_backend_call call;
    cnn__backend_call_init(&call, context, 0, NULL, 0);
    ck_assert_int_eq(run_softmax_backward(&call, 1, 1, BATCH, x, dy, y), CNN_OK);
    y[0] = expf(x[0]);
}

static double exact_sigmoid(double x) { return 1 / (1 + exp(-x)); }

static void run_elu(cnn_context *context, const float *x, float *y) { run_activation(context, CNN_ELU, x, y); }
static double exact_elu(double x) { return x > 0 ? x : expm1(x); }
static void run_softplus(cnn_context *context, const float *x, float *y)
{
    run_activation(context, CNN_SOFTPLUS, x, y);
}
static double exact_softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))) + (isnan(x) ? x : 0); }

static const function functions[] = {
    {"exp", run_exp, exp, 2},
    {"tanh", run_tanh, tanh, 2},
    {"sigmoid", run_sigmoid, exact_sigmoid, 3},
    {"elu", run_elu, exact_elu, 3},
    {"softplus", run_softplus, exact_softplus, 3},
};

/* Every `step`th of all 2^32 floats, infinities, NaN and denormals among them. */
static void check_function(const function *f, cnn_context *context, const char *what, uint32_t step)
{
    _Alignas(64) static float x[BATCH], y[BATCH];
    double worst = 0;
    uint64_t pattern = 0;
    while (pattern < (uint64_t)1 << 32) {
        for (int i = 0; i < BATCH; i++, pattern += step) {
            uint32_t bits = (uint32_t)(pattern < (uint64_t)1 << 32 ? pattern : 0x7f800000);
            memcpy(&x[i], &bits, sizeof(bits));
        }
        f->run(context, x, y);
        for (int i = 0; i < BATCH; i++) {
            double error = ulps(y[i], f->exact(x[i]));
            if (!(error <= f->bound)) {
                ck_abort_msg("%s, %s: at %a got %a, %g ulp off", f->name, what, x[i], y[i], error);
            }
            worst = error > worst ? error : worst;
        }
    }
    if (getenv("CNN_TEST_VERBOSE") != NULL) {
        printf("%-8s %-10s worst %.3f ulp, bound %g\n", f->name, what, worst, f->bound);
    }
}

START_TEST(whole_range)
{
    for (size_t level = 0; cpu_level_at(level) != NULL; level++) {
        cnn_context *context = context_new(cnn_backend_name(0), cpu_level_at(level), 1);
        check_function(&functions[_i], context, cpu_level_at(level), 4999);
        cnn_context_free(context);
    }
}
END_TEST

START_TEST(special_values)
{
    for (size_t level = 0; cpu_level_at(level) != NULL; level++) {
        _Alignas(64) static float x[BATCH], y[BATCH];
        cnn_context *context = context_new(cnn_backend_name(0), cpu_level_at(level), 1);
        const float values[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 88.72283f, 88.72285f, -103.9f, -104.1f, -87.4f};
        memcpy(x + 1, values, sizeof(values));
        run_exp(context, x, y);
        ck_assert_float_eq(y[1], 1);
        ck_assert_float_eq(y[2], 1);
        ck_assert(isinf(y[3]) && y[3] > 0);
        ck_assert_float_eq(y[4], 0);
        ck_assert(isnan(y[5]));
        ck_assert(isfinite(y[6]) && isinf(y[7]));
        ck_assert_float_eq(y[8], 0x1p-149f);
        ck_assert_float_eq(y[9], 0);
        ck_assert(y[10] > 0 && y[10] < 0x1p-126f); /* denormal, not flushed */
        run_tanh(context, x, y);
        ck_assert(y[1] == 0 && !signbit(y[1]) && y[2] == 0 && signbit(y[2]));
        ck_assert_float_eq(y[3], 1);
        ck_assert_float_eq(y[4], -1);
        cnn_context_free(context);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backend functions");
    TCase *tcase = tcase_create("functions");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, whole_range, 0, sizeof(functions) / sizeof(functions[0]));
    tcase_add_test(tcase, special_values);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
