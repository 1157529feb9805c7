/* SPDX-License-Identifier: MIT */
/* Networks that torchvision_models.py wrote, read, run and trained here as PyTorch does:
 *
 *     train_models FOLDER NAME...
 *
 * A line for each with the largest differences of the outputs before training (of the largest output), of the gradients
 * of a training, of all losses (of the first), and of the outputs afterwards, all from PyTorch in float64. The
 * gradient of a parameter is compared as a whole: the length of the difference by that of the gradient, or by a
 * thousandth of the longest one, for some are 0 but for rounding (shifts before a normalisation). Of a network with
 * kinks (the script says which) only the part of the difference along the right gradient counts. The trained model is
 * written as NAME.trained.onnx, with NAME.trained.txt as write_cases does, to be compared with a runtime. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/values.h"
#include "onnx/models.h"

enum { MOST = 8, STEPS = 20, CLASSES = 10, FIRST = 16 };

/* A parameter of PyTorch's: its first values, by which it is found, and its gradient, in PyTorch's order. */
typedef struct known {
    int32_t count;
    const float *first, *gradient;
    bool found;
} known;

typedef struct network {
    const char *folder, *name;
    cnn_context *context;
    cnn_model *model;
    int side, batch; /* at most MOST images */
    int kinks;
    float rate;
    float *images, outputs[MOST * CLASSES], after[MOST * CLASSES];
    double losses[STEPS];
    double before_off, gradient_off, losses_off, after_off; /* largest differences */
    unsigned char *gradients;
    known *parameters;
    size_t parameter_count, next, *order; /* of them, in the order in which they are exported */
    double longest;                       /* gradient */
    char worst[128];                      /* the parameter */
} network;

static size_t values_of(const network *n) { return (size_t)n->batch * CLASSES; }

static bool read_floats(const network *n, const char *kind, float *values, size_t count)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/%s.%s.f32", n->folder, n->name, kind);
    FILE *file = fopen(path, "rb");
    const bool done = file != NULL && fread(values, sizeof(float), count, file) == count;
    return file != NULL && fclose(file) == 0 && done;
}

/* Images N, C, H, W become N, H, W, C. */
static bool read_images(network *n)
{
    const size_t positions = (size_t)(n->side * n->side), count = (size_t)n->batch * 3 * positions;
    float *there = malloc(count * sizeof(float));
    n->images = malloc(count * sizeof(float));
    const bool done = there != NULL && n->images != NULL && read_floats(n, "in", there, count);
    for (size_t i = 0; done && i < count; i++) {
        n->images[i] = there[i / (3 * positions) * 3 * positions + i % 3 * positions + i / 3 % positions];
    }
    free(there);
    return done;
}

static double length_of(const float *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)values[i] * (double)values[i];
    }
    return sqrt(sum);
}

static bool read_gradients(network *n)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/%s.gradients.f32", n->folder, n->name);
    FILE *file = fopen(path, "rb");
    const long size = file != NULL && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    n->gradients = size > 0 ? malloc((size_t)size) : NULL;
    bool done = n->gradients != NULL && fseek(file, 0, SEEK_SET) == 0 &&
                fread(n->gradients, 1, (size_t)size, file) == (size_t)size;
    done = file != NULL && fclose(file) == 0 && done;
    n->parameters = calloc(2048, sizeof(*n->parameters));
    n->order = calloc(2048, sizeof(*n->order));
    for (const float *at = (const float *)n->gradients; done && at < (const float *)(n->gradients + size);) {
        known *p = &n->parameters[n->parameter_count++];
        memcpy(&p->count, at++, sizeof(p->count));
        p->first = at;
        at += p->count < FIRST ? p->count : FIRST;
        p->gradient = at;
        at += p->count;
        n->longest = fmax(n->longest, length_of(p->gradient, (size_t)p->count));
        done = n->parameter_count < 2048;
    }
    return done && n->parameters != NULL && n->order != NULL;
}

static bool read_network(network *n)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/%s.losses.txt", n->folder, n->name);
    FILE *file = fopen(path, "r");
    bool done = file != NULL && fscanf(file, "%d %d %f %d", &n->batch, &n->side, &n->rate, &n->kinks) == 4 &&
                n->batch <= MOST;
    for (int i = 0; done && i < STEPS; i++) {
        done = fscanf(file, "%lf", &n->losses[i]) == 1;
    }
    done = file != NULL && fclose(file) == 0 && done;
    /* The rounding of transforms takes relus next to 0 to their other side: it is for the smooth networks to test. */
    done = done && cnn_context_create(CNN_CONTEXT(.math = n->kinks ? CNN_MATH_STRICT : CNN_MATH_DEFAULT),
                                      &n->context) == CNN_OK;
    done = done && read_images(n) && read_gradients(n) && read_floats(n, "out", n->outputs, values_of(n)) &&
           read_floats(n, "after", n->after, values_of(n));
    snprintf(path, sizeof(path), "%s/%s.onnx", n->folder, n->name);
    return done && cnn_model_load_onnx(n->context, path, NULL, &n->model) == CNN_OK;
}

/* Largest difference of the outputs, of the largest of them; `kept` receives what they are. */
static bool compare(const network *n, const float *expected, double *off, float *kept)
{
    cnn_session *session = NULL;
    double most = 0, worst = 0;
    const bool done = cnn_session_create(n->model, CNN_SESSION(.batch = (uint32_t)n->batch), &session) == CNN_OK &&
                      cnn_session_forward(session, n->images, (size_t)n->batch) == CNN_OK;
    for (size_t i = 0; done && i < values_of(n); i++) {
        kept[i] = cnn_session_output(session)[i];
        most = fmax(most, fabs((double)expected[i]));
        worst = fmax(worst, fabs((double)expected[i] - (double)kept[i]));
    }
    *off = worst / most;
    cnn_session_free(session);
    return done;
}

/* ---- gradients ---- */

static size_t count_of(const cnn_shape *shape)
{
    const size_t count = test_shape_values(*shape);
    return count;
}

/* Which of PyTorch's parameters a tensor is. */
static cnn_status find_parameter(void *user, const cnn_weight *weight, const float *values)
{
    network *n = user;
    const size_t count = count_of(&weight->shape);
    size_t i = 0;
    while (i < n->parameter_count &&
           (n->parameters[i].found || (size_t)n->parameters[i].count != count ||
            memcmp(n->parameters[i].first, values, (count < FIRST ? count : FIRST) * sizeof(float)) != 0)) {
        i++;
    }
    n->order[n->next++] = i;
    if (i < n->parameter_count) {
        n->parameters[i].found = true;
    }
    return CNN_OK;
}

static cnn_status compare_gradient(void *user, const cnn_weight *weight, const float *values)
{
    network *n = user;
    const size_t which = n->order[n->next++];
    const known *p = &n->parameters[which];
    double off = 0, along = 0;
    if (which == n->parameter_count) { /* statistics */
        return CNN_OK;
    }
    const double length = length_of(p->gradient, (size_t)p->count);
    const double least = fmax(length, 1e-3 * n->longest);
    for (size_t i = 0; i < (size_t)p->count; i++) {
        const double difference = (double)values[i] - (double)p->gradient[i];
        off += difference * difference;
        along += length > 0 ? difference * (double)p->gradient[i] / length : 0;
    }
    off = n->kinks ? fabs(along) / least : sqrt(off) / least;
    if (!(off <= n->gradient_off)) { /* what is no number counts, too */
        n->gradient_off = off;
        snprintf(n->worst, sizeof(n->worst), "%s", weight->name);
    }
    return CNN_OK;
}

/* Each value of a parameter and of its gradient change places. */
static bool swap_gradients(network *n, const cnn_session *session)
{
    bool done = true;
    for (size_t i = 0; done && i < cnn_model_parameter_count(n->model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        cnn_tensor gradient;
        done = cnn_model_parameter(n->model, i, &parameter) == CNN_OK;
        if (done && parameter.trainable && cnn_session_gradient(session, i, &gradient) == CNN_OK) {
            for (size_t k = 0; k < count_of(&gradient.shape); k++) {
                const float value = parameter.value.data[k];
                parameter.value.data[k] = gradient.data[k];
                gradient.data[k] = value;
            }
        }
    }
    cnn_model_touch(n->model);
    return done;
}

/* After a backward pass. By way of the export to PyTorch, which knows its order of axes. */
static bool compare_gradients(network *n, const cnn_session *session)
{
    bool done = cnn_model_export(n->model, CNN_WEIGHTS_PYTORCH, find_parameter, n) == CNN_OK;
    for (size_t i = 0; i < n->parameter_count; i++) {
        if (!n->parameters[i].found) {
            printf("# %s: parameter %zu of PyTorch's, of %d values, is not there\n", n->name, i,
                   n->parameters[i].count);
            done = false;
        }
    }
    n->next = 0;
    return done && swap_gradients(n, session) &&
           cnn_model_export(n->model, CNN_WEIGHTS_PYTORCH, compare_gradient, n) == CNN_OK && swap_gradients(n, session);
}

/* A pass there and back. */
static bool take_pass(network *n, cnn_session *session, const cnn_loss *loss, double *value)
{
    static const int32_t labels[MOST] = {0, 3, 6, 9, 1, 4, 7, 2};
    return cnn_session_forward(session, n->images, (size_t)n->batch) == CNN_OK &&
           cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), value) == CNN_OK &&
           cnn_session_backward(session, NULL) == CNN_OK;
}

static bool open_session(network *n, bool behavior, cnn_session **session)
{
    return cnn_session_create(n->model,
                              CNN_SESSION(.batch = (uint32_t)n->batch, .training = 1,
                                          .training_behavior = behavior ? CNN_YES : CNN_NO),
                              session) == CNN_OK;
}

/* Gradients of a pass in training; then all steps, with the statistics as they are if the network has kinks. */
static bool train(network *n)
{
    cnn_session *first = NULL, *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *sgd = NULL;
    double value = 0;
    bool done = open_session(n, true, &first) && open_session(n, n->kinks == 0, &session) &&
                cnn_categorical_cross_entropy_create(n->context, &loss) == CNN_OK &&
                cnn_sgd_create(n->context, CNN_SGD(.learning_rate = n->rate), &sgd) == CNN_OK &&
                take_pass(n, first, loss, &value) && compare_gradients(n, first);
    for (int i = 0; i < STEPS && done; i++) {
        done = take_pass(n, session, loss, &value) && cnn_optimizer_step(sgd, session) == CNN_OK;
        n->losses_off = fmax(n->losses_off, fabs(value - n->losses[i]) / n->losses[0]);
        if (getenv("CNN_ONNX_LOSSES") != NULL) {
            printf("# %2d %.7f %.7f\n", i + 1, value, n->losses[i]);
        }
    }
    cnn_optimizer_free(sgd);
    cnn_loss_free(loss);
    cnn_session_free(session);
    cnn_session_free(first);
    return done;
}

/* The trained model, its images as they are in the file, and what it makes of them. */
static bool write_trained(const network *n, const float *outputs)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/%s.trained.onnx", n->folder, n->name);
    bool done = cnn_model_save_onnx(n->model, path, NULL) == CNN_OK;
    snprintf(path, sizeof(path), "%s/%s.trained.f32", n->folder, n->name);
    FILE *file = fopen(path, "wb");
    done = done && file != NULL && fwrite(outputs, sizeof(float), values_of(n), file) == values_of(n);
    done = file != NULL && fclose(file) == 0 && done;
    snprintf(path, sizeof(path), "%s/%s.trained.txt", n->folder, n->name);
    file = fopen(path, "w");
    if (file != NULL) {
        fprintf(file, "in %s %s.in.f32 %d 3 %d %d\nout %s %s.trained.f32 %d %d\n", cnn_model_input_name(n->model, 0),
                n->name, n->batch, n->side, n->side, cnn_model_output_name(n->model, 0), n->name, n->batch, CLASSES);
    }
    return file != NULL && fclose(file) == 0 && done;
}

static bool run(network *n)
{
    float outputs[MOST * CLASSES];
    if (!read_network(n) || !compare(n, n->outputs, &n->before_off, outputs) || !train(n) ||
        !compare(n, n->after, &n->after_off, outputs) || !write_trained(n, outputs)) {
        printf("not ok %s %s\n", n->name, cnn_last_error(n->context));
        return false;
    }
    const bool good = n->before_off < 1e-5 && n->gradient_off < (n->kinks ? 2e-2 : 1e-4) && n->losses_off < 1e-4 &&
                      n->after_off < (n->kinks ? 1e-3 : 1e-4);
    printf("%s %s %zu layers, outputs %.1e, gradients %.1e (%s)%s, %d losses %.1e, outputs then %.1e\n",
           good ? "ok" : "not ok", n->name, cnn_model_layer_count(n->model), n->before_off, n->gradient_off, n->worst,
           n->kinks ? " along the right ones" : "", STEPS, n->losses_off, n->after_off);
    return good;
}

int main(int count, char **words)
{
    bool good = count > 2;
    for (int i = 2; i < count; i++) {
        network n = {.folder = words[1], .name = words[i]};
        good = run(&n) && good;
        fflush(stdout);
        cnn_model_free(n.model);
        free(n.images);
        free(n.gradients);
        free(n.parameters);
        free(n.order);
        cnn_context_free(n.context);
    }
    return good ? 0 : 1;
}
