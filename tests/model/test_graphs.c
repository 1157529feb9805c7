/* SPDX-License-Identifier: MIT */
/* Random graphs with branches, sums that read a value twice, dropout, normalisation and layers that lead nowhere. What
 * fusing, running in place and sharing memory must not change: a session that does all of that computes what one with
 * keep_activations does, which does nothing of it, and gradients are those of finite differences. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "common/values.h"
#include "model/values.h"

enum { BATCH = 3, SIDE = 8, CHANNELS = 4, CLASSES = 5, INPUT = SIDE * SIDE * CHANNELS, NODES = 14, GRAPHS = 150 };

typedef struct graph {
    cnn_context *context;
    cnn_model *model;
    uint32_t state;
    bool smooth; /* nothing with kinks, for finite differences */
    uint32_t count;
    char names[NODES + 1][16]; /* values with SIDE x SIDE x CHANNELS: "input", "n1", ... */
    bool live[NODES + 1];
    uint32_t inputs[NODES + 1][4], input_counts[NODES + 1];
} graph;

static uint32_t draw(graph *g, uint32_t below)
{
    g->state = g->state * 1664525u + 1013904223u;
    return (g->state >> 16) % below;
}

/* A value made before, mostly one of the last three. */
static uint32_t pick(graph *g)
{
    uint32_t reach = draw(g, 4) == 0 || g->count < 3 ? g->count : 3;
    return g->count - 1 - draw(g, reach);
}

static void add_node(graph *g, cnn_layer *layer, uint32_t input_count)
{
    const char *names[4];
    for (uint32_t i = 0; i < input_count; i++) {
        g->inputs[g->count][i] = pick(g);
        /* A sum or concatenation that reads its first input again. */
        if (i > 0 && draw(g, 3) == 0) {
            g->inputs[g->count][i] = g->inputs[g->count][0];
        }
        names[i] = g->names[g->inputs[g->count][i]];
    }
    g->input_counts[g->count] = input_count;
    g->count++;
    cnn_model_add_after(g->model, layer, names, input_count);
}

static cnn_layer *make_layer(graph *g, const char *name)
{
    static const int32_t kinked[] = {CNN_LINEAR, CNN_RELU, CNN_LEAKY_RELU, CNN_TANH};
    static const int32_t smooth[] = {CNN_LINEAR, CNN_SIGMOID, CNN_LINEAR, CNN_TANH};
    int32_t activation = (g->smooth ? smooth : kinked)[draw(g, 4)];
    cnn_context *c = g->context;
    switch (draw(g, 8)) {
    case 0:
    case 1:
        return cnn_conv2d(
            c, CNN_CONV2D(.name = name, .filters = CHANNELS, .padding = CNN_PADDING_SAME, .activation = activation));
    case 2:
    case 3:
        return cnn_batch_norm(c, CNN_BATCH_NORM(.name = name, .convention = 1 + (int32_t)draw(g, 2),
                                                .activation = activation == CNN_RELU ? CNN_RELU : CNN_LINEAR));
    case 4:
        return cnn_dropout(c, CNN_DROPOUT(.name = name, .rate = 0.25f, .channels = (int32_t)draw(g, 2)));
    case 5:
        return g->smooth ? cnn_average_pool2d(
                               c, CNN_POOL2D(.name = name, .size = {3}, .stride = {1}, .padding = CNN_PADDING_SAME))
                         : cnn_max_pool2d(
                               c, CNN_POOL2D(.name = name, .size = {3}, .stride = {1}, .padding = CNN_PADDING_SAME));
    default:
        return cnn_activate(c, CNN_ACTIVATE(.name = name, .activation = g->smooth ? CNN_TANH : CNN_RELU));
    }
}

/* The ways to end: with a softmax of its own or in the dense layer, without one, with a dropout behind it. */
static void add_end(graph *g)
{
    cnn_context *c = g->context;
    uint32_t kind = draw(g, 4);
    cnn_model_add_after(g->model, cnn_add(c, CNN_NAMED(.name = "sum")),
                        (const char *const[]){g->names[g->count - 1], g->names[g->count - 2], g->names[g->count - 1]},
                        3);
    cnn_model_add(g->model, cnn_flatten(c, CNN_NAMED(.name = "flatten")));
    cnn_model_add(g->model, cnn_dense(c, CNN_DENSE(.name = "dense", .units = CLASSES,
                                                   .activation = kind == 0 || kind == 3 ? CNN_SOFTMAX : CNN_LINEAR)));
    if (kind == 1) {
        cnn_model_add(g->model, cnn_activate(c, CNN_ACTIVATE(.name = "softmax", .activation = CNN_SOFTMAX)));
    } else if (kind == 3) {
        cnn_model_add(g->model, cnn_dropout(c, CNN_DROPOUT(.name = "end", .rate = 0.25f)));
    }
}

static void find_live(graph *g)
{
    g->live[g->count - 1] = g->live[g->count - 2] = true;
    for (uint32_t i = g->count; i-- > 0;) {
        for (uint32_t k = 0; g->live[i] && k < g->input_counts[i]; k++) {
            g->live[g->inputs[i][k]] = true;
        }
    }
}

static graph make_graph(cnn_context *context, uint32_t number, bool smooth)
{
    graph g = {.context = context, .state = number * 7919u + 1, .smooth = smooth, .count = 1, .names = {"input"}};
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "graph", .input = {SIDE, SIDE, CHANNELS}), &g.model),
                     CNN_OK);
    while (g.count <= NODES) {
        char *name = g.names[g.count];
        name[0] = 'n';
        name[1] = (char)('a' + g.count);
        uint32_t kind = draw(&g, 10);
        if (kind < 3) {
            add_node(&g, cnn_add(context, CNN_NAMED(.name = name)), 2 + draw(&g, 3));
        } else {
            add_node(&g, make_layer(&g, name), 1);
        }
    }
    add_end(&g);
    ck_assert_msg(cnn_model_build(g.model) == CNN_OK, "graph %u: %s", number, cnn_last_error(context));
    if (number % 4 == 3) { /* a normalisation that keeps its statistics */
        (void)cnn_model_set_trainable(g.model, "n*/gamma", false);
        (void)cnn_model_set_trainable(g.model, "n*/beta", false);
    }
    find_live(&g);
    return g;
}

static cnn_session *open_session(cnn_model *model, bool training, bool whole)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_session_create(
                         model, CNN_SESSION(.batch = BATCH, .training = training, .keep_activations = whole), &session),
                     CNN_OK);
    return session;
}

/* The difference may be a part of the largest value. */
static void expect_close(uint32_t number, const char *what, const float *found, const float *expected, size_t count,
                         float tolerance)
{
    float largest = 1e-3f;
    for (size_t i = 0; i < count; i++) {
        largest = fmaxf(largest, fabsf(expected[i]));
    }
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(fabsf(found[i] - expected[i]) <= tolerance * largest, "graph %u, %s[%zu]: %g, not %g", number,
                      what, i, found[i], expected[i]);
    }
}

/* Whether the parameter belongs to a layer that the output depends on. */
static bool is_live(const graph *g, const char *parameter)
{
    for (uint32_t i = 1; i < g->count; i++) {
        size_t size = strlen(g->names[i]);
        if (strncmp(parameter, g->names[i], size) == 0 && parameter[size] == '/') {
            return g->live[i];
        }
    }
    return true;
}

/* Values, gradients and statistics of two models that are alike, one trained with all that saves time and memory. */
static void compare_training(uint32_t number, const graph *fast, const graph *whole, const float *images)
{
    cnn_session *sessions[] = {open_session(fast->model, true, false), open_session(whole->model, true, true)};
    float *weights = test_values((size_t)BATCH * CLASSES, 5);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(cnn_session_forward(sessions[i], images, BATCH), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(sessions[i], weights), CNN_OK);
    }
    expect_close(number, "training", cnn_session_output(sessions[0]), cnn_session_output(sessions[1]),
                 (size_t)BATCH * CLASSES, 1e-4f);
    for (size_t i = 0; i < cnn_model_parameter_count(fast->model); i++) {
        cnn_parameter a = CNN_PARAMETER_INIT, b = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(fast->model, i, &a), CNN_OK);
        ck_assert_int_eq(cnn_model_parameter(whole->model, i, &b), CNN_OK);
        if (!is_live(fast, a.name)) {
            continue; /* such a layer runs only where its output can be asked for */
        }
        if (a.trainable) {
            ck_assert_int_eq(cnn_session_gradient(sessions[0], i, &a.value), CNN_OK);
            ck_assert_int_eq(cnn_session_gradient(sessions[1], i, &b.value), CNN_OK);
        }
        expect_close(number, a.name, a.value.data, b.value.data, test_shape_values(a.value.shape), 2e-3f);
    }
    free(weights);
    cnn_session_free(sessions[0]);
    cnn_session_free(sessions[1]);
}

/* The same without training, with fewer images than there is room for, and again on the same session. */
static void compare_inference(uint32_t number, const graph *g, const float *images)
{
    cnn_session *fast = open_session(g->model, false, false), *whole = open_session(g->model, false, true);
    const uint32_t counts[] = {BATCH, 1, 2, BATCH};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(cnn_session_forward(fast, images, counts[i]), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(whole, images, counts[i]), CNN_OK);
        expect_close(number, "inference", cnn_session_output(fast), cnn_session_output(whole),
                     (size_t)counts[i] * CLASSES, 1e-4f);
        expect_close(number, "logits", cnn_session_logits(fast), cnn_session_logits(whole), (size_t)counts[i] * CLASSES,
                     1e-4f);
    }
    ck_assert_uint_le(cnn_model_session_bytes(g->model, BATCH, false), cnn_model_session_bytes(g->model, BATCH, true));
    cnn_session_free(fast);
    cnn_session_free(whole);
}

START_TEST(test_fast_and_whole)
{
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3), &context), CNN_OK);
    float *images = test_values((size_t)BATCH * INPUT, 1);
    for (uint32_t number = 0; number < GRAPHS; number++) {
        graph fast = make_graph(context, number, false), whole = make_graph(context, number, false);
        compare_training(number, &fast, &whole, images);
        compare_inference(number, &fast, images);
        cnn_model_free(fast.model);
        cnn_model_free(whole.model);
    }
    free(images);
    cnn_context_free(context);
}
END_TEST

/* Moves the trained parameters along their gradients by `step`, and gives the weighted sum of the logits; dropout
 * draws by the number of passes, so that each evaluation has a session of its own. */
static double evaluate(cnn_model *model, const cnn_session *gradients, double step, const float *images,
                       const float *weights)
{
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        cnn_tensor gradient;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        if (parameter.trainable && cnn_session_gradient(gradients, i, &gradient) == CNN_OK) {
            for (size_t k = 0; k < test_shape_values(gradient.shape); k++) {
                parameter.value.data[k] += (float)(step * gradient.data[k]);
            }
        }
    }
    cnn_model_touch(model);
    cnn_session *session = open_session(model, true, false);
    double sum = 0;
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    for (size_t i = 0; i < (size_t)BATCH * CLASSES; i++) {
        sum += (double)weights[i] * cnn_session_logits(session)[i];
    }
    cnn_session_free(session);
    return sum;
}

static double gradient_norm(const cnn_session *session, size_t parameters)
{
    double squares = 0;
    cnn_tensor gradient;
    for (size_t i = 0; i < parameters; i++) {
        if (cnn_session_gradient(session, i, &gradient) == CNN_OK) {
            for (size_t k = 0; k < test_shape_values(gradient.shape); k++) {
                squares += (double)gradient.data[k] * gradient.data[k];
            }
        }
    }
    return sqrt(squares);
}

START_TEST(test_finite_differences)
{
    const double reach = 5e-4; /* of the parameters as one vector */
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 4), &context), CNN_OK);
    float *images = test_values((size_t)BATCH * INPUT, 2), *weights = test_values((size_t)BATCH * CLASSES, 6);
    for (uint32_t number = 0; number < GRAPHS; number++) {
        graph g = make_graph(context, number, true);
        cnn_session *session = open_session(g.model, true, false);
        ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, weights), CNN_OK);
        double norm = gradient_norm(session, cnn_model_parameter_count(g.model));
        /* At 2, 1, -1 and -2 steps: two slopes, which together do without the third derivative. */
        static const int moves[] = {2, -1, -2, -1};
        double sums[4];
        for (int i = 0; i < 4; i++) {
            sums[i] = evaluate(g.model, session, moves[i] * reach / norm, images, weights);
        }
        double wide = (sums[0] - sums[3]) / (4 * reach), narrow = (sums[1] - sums[2]) / (2 * reach);
        double found = (4 * narrow - wide) / 3;
        double noise = 1e-2 * norm + 1e-6 * fabs(sums[0]) / reach + 1e-2; /* of sums in float */
        ck_assert_msg(fabs(found - norm) < noise, "graph %u: slope %g along a gradient of length %g", number, found,
                      norm);
        cnn_session_free(session);
        cnn_model_free(g.model);
    }
    free(weights);
    free(images);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/graphs");
    TCase *tcase = tcase_create("random graphs");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_fast_and_whole);
    tcase_add_test(tcase, test_finite_differences);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
