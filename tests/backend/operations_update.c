/* SPDX-License-Identifier: MIT */
/* The optimizers' updates, three steps each, in every variant. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/context.h"
#include "backend/entries.h"
#include "backend/operations.h"

#define STEPS 3

typedef struct update {
    cnn_update_args args;
    float *w, *g[STEPS], *slot0, *slot1;
} update;

static update update_of(const char *name, uint32_t variant)
{
    generator d = generator_of(name, variant);
    update u = {.args = {.struct_size = sizeof(cnn_update_args)}};
    u.args.n = variant < 40 ? variant + 1 : 50000;
    u.w = array_new(&d, u.args.n);
    u.slot0 = array_new(&d, u.args.n);
    u.slot1 = array_new(&d, u.args.n);
    for (size_t i = 0; i < u.args.n; i++) {
        u.slot0[i] = 0;
        u.slot1[i] = 0;
    }
    for (int step = 0; step < STEPS; step++) {
        u.g[step] = array_new(&d, u.args.n);
    }
    u.args.learning_rate = 0.05f;
    u.args.weight_decay = draw(&d, 0, 1) ? 0.01f : 0;
    u.args.gradient_scale = draw(&d, 0, 1) ? 0.5f : 1;
    u.args.clip = draw(&d, 0, 1) ? 0.3f : 0;
    u.args.momentum = 0.9f;
    u.args.beta1 = 0.9f;
    u.args.beta2 = 0.99f;
    u.args.epsilon = 1e-3f;
    u.args.nesterov = (int32_t)draw(&d, 0, 1);
    u.args.variant = (int32_t)draw(&d, 0, 1);
    if (strcmp(name, "adam") == 0) {
        u.args.rule = CNN_UPDATE_ADAM;
        u.args.variant += 2 * (int32_t)draw(&d, 0, 1);
    }
    return u;
}

/* The learning rate changes at each step: it matters whether it is inside the velocity. */
static void set_step(update *u, int step)
{
    u->args.g = u->g[step];
    u->args.learning_rate = 0.05f / (float)(step + 1);
    u->args.correction1 = 1 - pow(0.9, step + 1);
    u->args.correction2 = 1 - pow(0.99, step + 1);
}

static void update_free(update *u)
{
    array_free(u->w);
    array_free(u->slot0);
    array_free(u->slot1);
    for (int step = 0; step < STEPS; step++) {
        array_free(u->g[step]);
    }
}

static void run(cnn_context *context, const char *name, cnn_update_rule rule, bool slot0, bool slot1,
                uint32_t variant, outcome *o)
{
    update u = update_of(name, variant);
    cnn_backend_call call;
    u.args.rule = (int32_t)rule;
    u.args.w = u.w;
    u.args.slot0 = slot0 ? u.slot0 : NULL;
    u.args.slot1 = slot1 ? u.slot1 : NULL;
    call_begin(&call, context, 0);
    for (int step = 0; step < STEPS; step++) {
        set_step(&u, step);
        ck_assert_int_eq(run_update(&call, &u.args), CNN_OK);
    }
    call_end(&call);
    outcome_floats(o, u.w, u.args.n);
    outcome_floats(o, u.slot0, u.args.n);
    outcome_floats(o, u.slot1, u.args.n);
    update_free(&u);
}

/* Whether the decay is Adam's decoupled one. */
static bool is_decoupled(const cnn_update_args *a) { return a->rule == CNN_UPDATE_ADAM && a->variant >= 2; }

/* One weight's step by the formulas as published. */
typedef void (*formula)(const cnn_update_args *a, double g, double *w, double *slot0, double *slot1);

static void expect(const char *name, formula step_of, uint32_t variant, outcome *o)
{
    update u = update_of(name, variant);
    size_t n = u.args.n;
    double *state = calloc(3 * n, sizeof(double));
    for (size_t i = 0; i < n; i++) {
        state[i] = u.w[i];
    }
    for (int step = 0; step < STEPS; step++) {
        set_step(&u, step);
        for (size_t i = 0; i < n; i++) {
            double g = (double)u.args.g[i] * u.args.gradient_scale;
            g = u.args.clip > 0 ? fmin(fmax(g, -u.args.clip), u.args.clip) : g;
            const double decay = u.args.weight_decay;
            state[i] *= is_decoupled(&u.args) ? 1 - (double)u.args.learning_rate * decay : 1;
            step_of(&u.args, g + (is_decoupled(&u.args) ? 0 : decay) * state[i], &state[i], &state[n + i],
                    &state[2 * n + i]);
        }
    }
    outcome_doubles(o, state, n);
    outcome_doubles(o, state + n, n);
    outcome_doubles(o, state + 2 * n, n);
    free(state);
    update_free(&u);
}

static void plain_rule(const cnn_update_args *a, double g, double *w, double *slot0, double *slot1)
{
    (void)slot0;
    (void)slot1;
    *w -= a->learning_rate * g;
}

static void momentum_rule(const cnn_update_args *a, double g, double *w, double *slot0, double *slot1)
{
    (void)slot1;
    double before = *slot0, lr = a->learning_rate, m = a->momentum;
    if (a->variant == 1) {
        *slot0 = m * before + lr * g;
        *w -= a->nesterov ? (1 + m) * *slot0 - m * before : *slot0;
    } else {
        *slot0 = m * before + g;
        *w -= lr * (a->nesterov ? g + m * *slot0 : *slot0);
    }
}

static double rmsprop_step(const cnn_update_args *a, double g, double *slot0)
{
    *slot0 = a->beta2 * *slot0 + (1 - (double)a->beta2) * g * g;
    return g / (a->variant == 1 ? sqrt(*slot0 + a->epsilon) : sqrt(*slot0) + a->epsilon);
}

static void rmsprop_rule(const cnn_update_args *a, double g, double *w, double *slot0, double *slot1)
{
    (void)slot1;
    *w -= a->learning_rate * rmsprop_step(a, g, slot0);
}

static void rmsprop_momentum_rule(const cnn_update_args *a, double g, double *w, double *slot0, double *slot1)
{
    double step = rmsprop_step(a, g, slot0);
    *slot1 = a->momentum * *slot1 + (a->variant == 1 ? a->learning_rate * step : step);
    *w -= a->variant == 1 ? *slot1 : a->learning_rate * *slot1;
}

static void adam_rule(const cnn_update_args *a, double g, double *w, double *slot0, double *slot1)
{
    *slot0 = a->beta1 * *slot0 + (1 - (double)a->beta1) * g;
    *slot1 = a->beta2 * *slot1 + (1 - (double)a->beta2) * g * g;
    if ((a->variant & 1) != 0) {
        *w -= a->learning_rate * sqrt(a->correction2) / a->correction1 * *slot0 / (sqrt(*slot1) + a->epsilon);
    } else {
        *w -= a->learning_rate * (*slot0 / a->correction1) / (sqrt(*slot1 / a->correction2) + a->epsilon);
    }
}

static void plain_run(cnn_context *context, uint32_t variant, outcome *o)
{
    run(context, "sgd", CNN_UPDATE_SGD, false, false, variant, o);
}

static void momentum_run(cnn_context *context, uint32_t variant, outcome *o)
{
    run(context, "momentum", CNN_UPDATE_SGD, true, false, variant, o);
}

static void rmsprop_run(cnn_context *context, uint32_t variant, outcome *o)
{
    run(context, "rmsprop", CNN_UPDATE_RMSPROP, true, false, variant, o);
}

static void rmsprop_momentum_run(cnn_context *context, uint32_t variant, outcome *o)
{
    run(context, "rmsprop momentum", CNN_UPDATE_RMSPROP, true, true, variant, o);
}

static void adam_run(cnn_context *context, uint32_t variant, outcome *o)
{
    run(context, "adam", CNN_UPDATE_ADAM, true, true, variant, o);
}

static void plain_expect(uint32_t variant, outcome *o) { expect("sgd", plain_rule, variant, o); }
static void momentum_expect(uint32_t variant, outcome *o) { expect("momentum", momentum_rule, variant, o); }
static void rmsprop_expect(uint32_t variant, outcome *o) { expect("rmsprop", rmsprop_rule, variant, o); }

static void rmsprop_momentum_expect(uint32_t variant, outcome *o)
{
    expect("rmsprop momentum", rmsprop_momentum_rule, variant, o);
}

static void adam_expect(uint32_t variant, outcome *o) { expect("adam", adam_rule, variant, o); }

/* Plain SGD of variant 1 has no velocity to put the rate into: both are w -= lr g. */
const operation update_operations[] = {
    {"sgd", plain_run, plain_expect, 42, 1e-6, 1e-6},
    {"sgd momentum", momentum_run, momentum_expect, 42, 1e-6, 1e-6},
    {"rmsprop", rmsprop_run, rmsprop_expect, 42, 3e-6, 2e-6},
    {"rmsprop momentum", rmsprop_momentum_run, rmsprop_momentum_expect, 42, 3e-6, 2e-6},
    {"adam", adam_run, adam_expect, 42, 3e-6, 2e-6},
    {.name = NULL},
};
