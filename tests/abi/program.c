/* SPDX-License-Identifier: MIT */
/* An older program: compiled with the baseline's header, run with the newest library. It trains with a layer, a
 * loss, an optimizer, a schedule, an evaluator, a dataset and a backend of its own, saves, loads and predicts. The
 * first argument is a folder to write into. It prints what failed, and ends with 1 then. */
#include <cnn/cnn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 8
#define PIXELS (SIDE * SIDE)
#define SAMPLES 24

#define MUST(what) must((what) ? CNN_OK : CNN_ERROR_STATE, __LINE__)
#define OK(call) must((call), __LINE__)

static cnn_context *context;

static void must(cnn_status status, int line)
{
    if (status != CNN_OK) {
        printf("program.c:%d: %s (%s)\n", line, cnn_status_string(status), cnn_last_error(context));
        exit(1);
    }
}

/* ---- parts of its own ---- */

static size_t allocations;

static void *allocate(void *user, size_t size, size_t alignment)
{
    (void)user;
    void *block = NULL;
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return posix_memalign(&block, alignment > sizeof(void *) ? alignment : sizeof(void *), size) == 0 ? block : NULL;
}

static void release(void *user, void *block, size_t size)
{
    (void)user;
    (void)size;
    free(block);
}

static size_t products;

static cnn_status multiply(const cnn_backend_call *call, const cnn_gemm_args *g)
{
    __atomic_add_fetch((size_t *)call->user, 1, __ATOMIC_RELAXED);
    for (int64_t i = 0; i < g->m; i++) {
        for (int64_t j = 0; j < g->n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < g->k; k++) {
                const double a = g->transpose_a ? g->a[k * g->lda + i] : g->a[i * g->lda + k];
                const double b = g->transpose_b ? g->b[j * g->ldb + k] : g->b[k * g->ldb + j];
                sum += a * b;
            }
            float *c = g->c + i * g->ldc + j;
            *c = (float)(g->alpha * sum + (g->beta != 0 ? g->beta * *c : 0));
        }
    }
    return CNN_OK;
}

static cnn_status read_sample(void *user, size_t index, cnn_sample *sample)
{
    uint8_t *pixels = (uint8_t *)user + index * PIXELS;
    sample->height = SIDE;
    sample->width = SIDE;
    sample->channels = 1;
    sample->pixels = pixels;
    sample->label = (int32_t)(index % 2);
    return CNN_OK;
}

static cnn_status infer_double(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                               uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)user;
    (void)backend;
    (void)threads;
    (void)input_count;
    (void)reason;
    (void)reason_size;
    spec->output = inputs[0];
    return CNN_OK;
}

static size_t values_of(const cnn_shape *shape)
{
    size_t values = 1;
    for (uint32_t i = 0; i < shape->rank; i++) {
        values *= (size_t)shape->dims[i];
    }
    return values;
}

static cnn_status forward_double(const void *user, const cnn_layer_call *call)
{
    (void)user;
    for (size_t i = 0; i < values_of(&call->output_shape); i++) {
        call->output[i] = 2 * call->inputs[0][i];
    }
    return CNN_OK;
}

static cnn_status backward_double(const void *user, const cnn_layer_call *call)
{
    (void)user;
    for (size_t i = 0; call->input_gradients[0] != NULL && i < values_of(&call->output_shape); i++) {
        call->input_gradients[0][i] = 2 * call->output_gradient[i];
    }
    return CNN_OK;
}

static cnn_status plain_step(void *user, uint64_t step, float rate, size_t n, float *weights, const float *gradients,
                             float *const *slots)
{
    (void)user;
    (void)step;
    (void)slots;
    for (size_t i = 0; i < n; i++) {
        weights[i] -= rate * gradients[i];
    }
    return CNN_OK;
}

static double half_rate(void *user, const cnn_schedule_moment *moment)
{
    (void)user;
    (void)moment;
    return 0.01;
}

static size_t batches, steps;

static void reset_count(void *user) { *(size_t *)user = 0; }

static cnn_status count_batch(void *user, const cnn_evaluation *batch)
{
    *(size_t *)user += batch->count;
    return CNN_OK;
}

static double counted(void *user) { return (double)*(size_t *)user; }

static bool on_step(void *user, const cnn_progress *progress)
{
    (void)user;
    MUST(isfinite(progress->loss));
    steps++;
    return false;
}

/* ---- the program ---- */

static cnn_model *make_model(void)
{
    static const cnn_layer_kind doubles = {.struct_size = sizeof(doubles),
                                           .type = "Double",
                                           .prefix = "double",
                                           .infer = infer_double,
                                           .forward = forward_double,
                                           .backward = backward_double};
    cnn_model *model;
    OK(cnn_model_create(context, CNN_MODEL(.name = "old", .input = {SIDE, SIDE, 1}), &model));
    OK(cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 4, .activation = CNN_RELU))));
    OK(cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.size = {2, 2}))));
    OK(cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.convention = CNN_PYTORCH))));
    OK(cnn_model_add(model, cnn_custom_layer(context, &doubles, NULL, NULL)));
    OK(cnn_model_add(model, cnn_flatten(context, NULL)));
    OK(cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 2, .activation = CNN_SOFTMAX))));
    OK(cnn_model_build(model));
    return model;
}

static void train(cnn_model *model, cnn_dataset *dataset)
{
    static const cnn_optimizer_kind plain = {
        .struct_size = sizeof(plain), .name = "plain", .learning_rate = 0.01f, .update = plain_step};
    static const cnn_schedule_kind half = {.struct_size = sizeof(half), .name = "half", .rate = half_rate};
    static const cnn_evaluator_kind count = {
        .struct_size = sizeof(count), .name = "count", .reset = reset_count, .update = count_batch, .score = counted};
    cnn_loader *loader;
    cnn_optimizer *optimizer;
    cnn_schedule *schedule;
    cnn_evaluator *evaluator;
    cnn_history *history = NULL;
    OK(cnn_loader_create(context, dataset, CNN_LOADER(.batch = 4, .shuffle = 1), &loader));
    OK(cnn_optimizer_create_custom(context, &plain, NULL, &optimizer));
    OK(cnn_schedule_create_custom(context, &half, NULL, &schedule));
    OK(cnn_evaluator_create_custom(context, &count, &batches, &evaluator));
    OK(cnn_fit(model,
               CNN_FIT(.train = loader, .optimizer = optimizer, .schedule = schedule, .evaluators = &evaluator,
                       .evaluator_count = 1, .epochs = 2, .on_step = on_step),
               &history));
    MUST(steps == 2 * SAMPLES / 4 && batches == SAMPLES);
    cnn_history_free(history);
    cnn_evaluator_free(evaluator);
    cnn_schedule_free(schedule);
    cnn_optimizer_free(optimizer);
    cnn_loader_free(loader);
}

static void predict(cnn_model *model, const uint8_t *pixels)
{
    float input[PIXELS];
    cnn_session *session;
    for (size_t i = 0; i < PIXELS; i++) {
        input[i] = pixels[i] / 255.0f;
    }
    OK(cnn_session_create(model, CNN_SESSION(.batch = 1), &session));
    OK(cnn_session_forward(session, input, 1));
    const float *output = cnn_session_output(session);
    MUST(fabsf(output[0] + output[1] - 1) < 1e-5f);
    cnn_session_free(session);
}

/* A model of layers that files can hold: written, read, and the same. */
static void save_and_load(const char *path)
{
    cnn_model *model, *loaded;
    cnn_parameter one = CNN_PARAMETER_INIT, two = CNN_PARAMETER_INIT;
    OK(cnn_zoo_create(context, "fashion-dnn", CNN_ZOO(.input = {SIDE, SIDE, 1}, .classes = 2), &model));
    OK(cnn_model_save(model, path));
    OK(cnn_model_load(context, path, &loaded));
    OK(cnn_model_parameter(model, 0, &one));
    OK(cnn_model_parameter(loaded, 0, &two));
    MUST(values_of(&one.value.shape) == values_of(&two.value.shape));
    MUST(memcmp(one.value.data, two.value.data, values_of(&one.value.shape) * sizeof(float)) == 0);
    cnn_model_free(loaded);
    cnn_model_free(model);
}

int main(int argc, char **argv)
{
    static uint8_t pixels[SAMPLES * PIXELS];
    static const char *const classes[] = {"dark", "bright"};
    const cnn_allocator allocator = {.struct_size = sizeof(allocator), .allocate = allocate, .release = release};
    const cnn_backend backend = {
        .struct_size = sizeof(backend), .abi = CNN_BACKEND_ABI, .name = "old", .user = &products, .gemm = multiply};
    char path[1024];
    cnn_dataset *dataset;
    if (argc != 2) {
        return 2;
    }
    for (size_t i = 0; i < sizeof(pixels); i++) {
        pixels[i] = (uint8_t)(i / PIXELS % 2 * 128 + i * 37 % 100);
    }
    OK(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3, .allocator = &allocator, .backends = &backend,
                                      .backend_count = 1, .backend = "old"),
                          &context));
    MUST(strcmp(cnn_context_backend(context), "old") == 0);
    OK(cnn_dataset_create_custom(context,
                                 CNN_DATASET(.user = pixels, .count = SAMPLES, .classes = classes, .class_count = 2,
                                             .read = read_sample, .shape = {.rank = 3, .dims = {SIDE, SIDE, 1}}),
                                 &dataset));
    cnn_model *model = make_model();
    train(model, dataset);
    predict(model, pixels);
    snprintf(path, sizeof(path), "%s/old.cnn", argv[1]);
    save_and_load(path);
    MUST(products > 0 && allocations > 0);
    cnn_model_free(model);
    cnn_dataset_free(dataset);
    cnn_context_free(context);
    return 0;
}
