/* SPDX-License-Identifier: MIT */
/* Compares random small networks with what PyTorch made of them: networks FILE... reads what networks.py writes. Prints
 * a line for each network that differs, and totals as Check prints them. README.md says what is compared how. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/values.h"
#include "networks.h"

/* How each network is run. Distances are parts of a norm; the default backend's Winograd passes
 * round more than plain sums. */
static const struct {
    const char *name, *backend;
    uint32_t keep_activations, threads;
    double forward, gradient;
} ways[] = {
    {"reference", "reference", 0, 1, 2e-5, 1e-3},
    {"fused", NULL, 0, 1, 2e-4, 5e-3},
    {"kept", NULL, 1, 2, 2e-4, 5e-3},
};

/* What one way of running gave, for each expectation in turn. */
typedef struct run {
    cnn_context *context;
    cnn_model *model;
    cnn_loss *loss;
    cnn_optimizer *optimizer;
    cnn_session *session;
    double losses[STEPS];
    float *images, *output; /* output: of inference */
    float *training;        /* output of the first training step */
    float **gradients;      /* parameter -> its gradient in the first step, or NULL */
    size_t outputs, parameters;
} run;

static bool ends(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);
    return size >= tail && strcmp(text + size - tail, end) == 0;
}

static void set_parameters(cnn_model *model)
{
    for (size_t number = 0; number < cnn_model_parameter_count(model); number++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        (void)cnn_model_parameter(model, number, &parameter);
        const cnn_shape *shape = &parameter.value.shape;
        size_t count = test_shape_values(*shape);
        double scale = 0.1, middle = 0;
        bool constant = !parameter.trainable && (ends(parameter.name, "/gamma") || ends(parameter.name, "/beta"));
        if (ends(parameter.name, "kernel")) {
            scale = sqrt(6.0 / (double)(count / (size_t)shape->dims[shape->rank - 1]));
        } else if (ends(parameter.name, "/alpha")) {
            scale = 0.2;
            middle = 0.25;
        } else if (ends(parameter.name, "/moving_variance") || ends(parameter.name, "/gamma")) {
            scale = ends(parameter.name, "/gamma") ? 0.25 : 0.5;
            middle = 1;
        }
        for (size_t i = 0; i < count && !constant; i++) {
            parameter.value.data[i] = (float)(middle + scale * test_number((uint32_t)number, i));
        }
    }
    cnn_model_touch(model);
}

static float *copy_of(const float *values, size_t count)
{
    float *copy = malloc((count + 1) * sizeof(float));
    return copy == NULL ? NULL : memcpy(copy, values, count * sizeof(float));
}

static bool infer(const network *n, run *r, uint32_t keep)
{
    cnn_session *session = NULL;
    bool done = cnn_session_create(r->model, CNN_SESSION(.batch = n->batch, .keep_activations = keep), &session) ==
                    CNN_OK &&
                cnn_session_forward(session, r->images, n->batch) == CNN_OK;
    r->output = done ? copy_of(cnn_session_output(session), n->batch * r->outputs) : NULL;
    cnn_session_free(session);
    return r->output != NULL;
}

static bool keep_gradients(run *r)
{
    r->gradients = calloc(r->parameters + 1, sizeof(*r->gradients));
    for (size_t i = 0; r->gradients != NULL && i < r->parameters; i++) {
        cnn_tensor gradient;
        if (cnn_session_gradient(r->session, i, &gradient) == CNN_OK) {
            r->gradients[i] = copy_of(gradient.data, test_shape_values(gradient.shape));
        }
    }
    return r->gradients != NULL;
}

static bool train_step(const network *n, run *r, int step)
{
    int32_t labels[16];
    float *values = calloc(n->batch * r->outputs, sizeof(float));
    for (size_t i = 0; values != NULL && i < n->batch; i++) {
        labels[i] = (int32_t)(i * 7 % r->outputs);
        values[i * r->outputs + (size_t)labels[i]] = 1;
    }
    bool by_class = strcmp(n->loss, "categorical_crossentropy") == 0 || strcmp(n->loss, "nll") == 0;
    cnn_target target = {.struct_size = sizeof(target)};
    target.labels = by_class ? labels : NULL;
    target.values = by_class ? NULL : values;
    bool done = values != NULL && cnn_session_forward(r->session, r->images, n->batch) == CNN_OK;
    if (done && step == 0) {
        r->training = copy_of(cnn_session_output(r->session), n->batch * r->outputs);
    }
    done = done && cnn_session_loss(r->session, r->loss, &target, &r->losses[step]) == CNN_OK &&
           cnn_session_backward(r->session, NULL) == CNN_OK && (step > 0 || keep_gradients(r)) &&
           cnn_optimizer_step(r->optimizer, r->session) == CNN_OK;
    free(values);
    return done;
}

/* Whether the network could be run; else the context has the reason. */
static bool compute(const network *n, size_t way, run *r)
{
    if (cnn_context_create(CNN_CONTEXT(.threads = ways[way].threads, .backend = ways[way].backend), &r->context) !=
            CNN_OK ||
        !network_build(n, r->context, &r->model) || !network_optimizer(n, r->context, &r->optimizer) ||
        cnn_loss_create(r->context, n->loss, &r->loss) != CNN_OK) {
        return false;
    }
    set_parameters(r->model);
    cnn_shape input = cnn_model_input_shape(r->model), output = cnn_model_output_shape(r->model);
    size_t count = n->batch * test_shape_values(input);
    r->outputs = test_shape_values(output);
    r->parameters = cnn_model_parameter_count(r->model);
    r->images = calloc(count, sizeof(float));
    for (size_t i = 0; r->images != NULL && i < count; i++) {
        r->images[i] = (float)test_number(INPUT_STREAM, i);
    }
    bool done = r->images != NULL && infer(n, r, ways[way].keep_activations) &&
                cnn_session_create(
                    r->model,
                    CNN_SESSION(.batch = n->batch, .training = 1, .keep_activations = ways[way].keep_activations),
                    &r->session) == CNN_OK;
    for (int step = 0; done && step < STEPS; step++) {
        done = train_step(n, r, step);
    }
    return done;
}

static void free_run(run *r)
{
    for (size_t i = 0; r->gradients != NULL && i < r->parameters; i++) {
        free(r->gradients[i]);
    }
    free(r->gradients);
    free(r->training);
    free(r->output);
    free(r->images);
    cnn_session_free(r->session);
    cnn_optimizer_free(r->optimizer);
    cnn_loss_free(r->loss);
    cnn_model_free(r->model);
    cnn_context_free(r->context);
}

/* The larger distance, of the norms or of the projections, as a part of the norm or of `least`. */
static double distance(const float *values, size_t count, const expectation *e, double least)
{
    double squares = 0, sum = 0;
    for (size_t i = 0; i < count; i++) {
        squares += (double)values[i] * values[i];
        sum += values[i] * test_number(PROJECTION_STREAM + e->number, i);
    }
    double scale = fmax(e->norm, least);
    double worst = fmax(fabs(sqrt(squares) - e->norm), fabs(sum - e->projection)) / scale;
    return isnan(worst) ? INFINITY : worst;
}

/* A gradient that is zero in exact arithmetic, as of a bias before a normalisation, is noise of the others. */
static double least_gradient(const network *n)
{
    double largest = 0.1;
    for (size_t i = 0; i < n->expectation_count; i++) {
        const expectation *e = &n->expectations[i];
        largest = e->what == EXPECT_GRADIENT ? fmax(largest, e->norm) : largest;
    }
    return largest / 100;
}

/* How far away the run is; `limit` receives what is allowed. */
static double compare(const network *n, const run *r, size_t way, const expectation *e, double *limit)
{
    *limit = e->what == EXPECT_OUTPUT || e->what == EXPECT_TRAINING ? ways[way].forward : ways[way].gradient;
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    if (e->what == EXPECT_OUTPUT || e->what == EXPECT_TRAINING) {
        return distance(e->what == EXPECT_OUTPUT ? r->output : r->training, n->batch * r->outputs, e, 1e-3);
    }
    if (e->what == EXPECT_LOSS) {
        return e->number < STEPS ? fabs(r->losses[e->number] - e->norm) / fmax(fabs(e->norm), 1e-3) : INFINITY;
    }
    if (cnn_model_parameter(r->model, e->number, &parameter) != CNN_OK) {
        return INFINITY;
    }
    const float *values = e->what == EXPECT_PARAMETER ? parameter.value.data : r->gradients[e->number];
    return values == NULL ? INFINITY : distance(values, test_shape_values(parameter.value.shape), e, least_gradient(n));
}

static bool check(const network *n, size_t way)
{
    static const char *const names[] = {"output", "training", "loss", "gradient", "parameter"};
    run r = {0};
    bool good = compute(n, way, &r);
    if (!good) {
        printf("network %u, %s: %s\n", n->number, ways[way].name, cnn_last_error(r.context));
    }
    for (size_t i = 0; good && i < n->expectation_count; i++) {
        const expectation *e = &n->expectations[i];
        double limit, worst = compare(n, &r, way, e, &limit);
        if (!(worst <= limit)) {
            printf("network %u, %s: %s %u is %.3g away, %.3g is allowed\n", n->number, ways[way].name, names[e->what],
                   e->number, worst, limit);
            good = false;
        }
    }
    free_run(&r);
    return good;
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        FILE *file = strcmp(argv[i], "-") == 0 ? stdin : fopen(argv[i], "r");
        network n;
        int found = -1;
        while (file != NULL && (found = network_read(file, &n)) > 0) {
            bool good = true;
            for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
                good = check(&n, way) && good;
            }
            *(good ? &passed : &failed) += 1;
            network_free(&n);
        }
        if (found < 0) {
            printf("%s: %s\n", argv[i], file == NULL ? "cannot be read" : "a line that is not understood");
            failed++;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    printf("%u%%: Checks: %u, Failures: %u, Errors: 0\n", 100 * passed / (passed + failed + !(passed + failed)),
           passed + failed, failed);
    return failed > 0 || passed == 0;
}
