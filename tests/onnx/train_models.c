/* SPDX-License-Identifier: MIT */
/* Networks that torchvision_models.py wrote, read, run and trained here as PyTorch does:
 *
 *     train_models FOLDER NAME...
 *
 * A line for each with the largest differences of the outputs before training (of the largest output), of 20 losses
 * (of the first), and of the outputs afterwards; behind each of the last two by how much PyTorch in float32 is off,
 * where it was trained in float64 too: that is what a training in float32 may be off, three times over. The trained
 * model is written as NAME.trained.onnx, with NAME.trained.txt as write_cases does, to be compared with a runtime. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/models.h"

enum { MOST = 4, STEPS = 20, CLASSES = 10 };

typedef struct network {
    const char *folder, *name;
    cnn_context *context;
    cnn_model *model;
    int side, batch; /* at most MOST images */
    float rate;
    float *images, outputs[MOST * CLASSES], after[MOST * CLASSES];
    double losses[STEPS];
    double before_off, losses_off, after_off; /* largest differences */
    double losses_limit, after_limit;         /* those of PyTorch in float32 */
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

static bool read_network(network *n)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/%s.losses.txt", n->folder, n->name);
    FILE *file = fopen(path, "r");
    bool done = file != NULL && fscanf(file, "%d %d %f %lf", &n->batch, &n->side, &n->rate, &n->after_limit) == 4 &&
                n->batch <= MOST;
    for (int i = 0; i < STEPS && done; i++) {
        double single = 0;
        done = fscanf(file, "%lf %lf", &n->losses[i], &single) == 2;
        n->losses_limit = fmax(n->losses_limit, fabs(single - n->losses[i]) / n->losses[0]);
    }
    done = file != NULL && fclose(file) == 0 && done;
    done = done && read_images(n) && read_floats(n, "out", n->outputs, values_of(n)) &&
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

static bool train(network *n)
{
    static const int32_t labels[MOST] = {0, 3, 6, 9};
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *sgd = NULL;
    bool done = cnn_session_create(n->model, CNN_SESSION(.batch = (uint32_t)n->batch, .training = 1), &session) ==
                    CNN_OK &&
                cnn_categorical_cross_entropy_create(n->context, &loss) == CNN_OK &&
                cnn_sgd_create(n->context, CNN_SGD(.learning_rate = n->rate), &sgd) == CNN_OK;
    for (int i = 0; i < STEPS && done; i++) {
        double value = 0;
        done = cnn_session_forward(session, n->images, (size_t)n->batch) == CNN_OK &&
               cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value) == CNN_OK &&
               cnn_session_backward(session, NULL) == CNN_OK && cnn_optimizer_step(sgd, session) == CNN_OK;
        n->losses_off = fmax(n->losses_off, fabs(value - n->losses[i]) / n->losses[0]);
        if (getenv("CNN_ONNX_LOSSES") != NULL) {
            printf("# %2d %.7f %.7f\n", i + 1, value, n->losses[i]);
        }
    }
    cnn_optimizer_free(sgd);
    cnn_loss_free(loss);
    cnn_session_free(session);
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
    const bool good = n->before_off < 1e-4 && n->losses_off < 1e-4 + 3 * n->losses_limit &&
                      n->after_off < 1e-3 + 3 * n->after_limit;
    printf("%s %s %zu layers, outputs %.1e, losses %.1e (%.1e), outputs then %.1e (%.1e)\n", good ? "ok" : "not ok",
           n->name, cnn_model_layer_count(n->model), n->before_off, n->losses_off, n->losses_limit, n->after_off,
           n->after_limit);
    return good;
}

int main(int count, char **words)
{
    bool good = count > 2;
    for (int i = 2; i < count; i++) {
        network n = {.folder = words[1], .name = words[i]};
        if (cnn_context_create(NULL, &n.context) != CNN_OK) {
            return 2;
        }
        good = run(&n) && good;
        fflush(stdout);
        cnn_model_free(n.model);
        free(n.images);
        cnn_context_free(n.context);
    }
    return good ? 0 : 1;
}
