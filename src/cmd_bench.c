/* SPDX-License-Identifier: MIT */
/* cnn bench: the time of a training step and of inference, on made-up data. */
#include "tool.h"
#include "tool_bench_data.h"
#include "tool_json.h"
#include "tool_layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Optimizers as the workloads need them. */
typedef enum bench_rule { BENCH_INFER, BENCH_PREDICT, BENCH_RMSPROP, BENCH_ADAM, BENCH_MOMENTUM } bench_rule;

/* A workload: a training step is forward, loss, backward and update; inference is forward alone; a prediction is one
 * image after another through preprocessing, inference and the choice of the best class. */
typedef struct bench_workload {
    const char *name, *model;
    float dropout; /* as cnn_zoo_options has it */
    uint32_t batch;
    bench_rule rule;
    uint64_t steps;
    uint32_t classes;    /* 0: the model's own */
    int32_t size[3];     /* of images, 0: the model's own */
    const char *trained; /* what is trained beside a head of 256 units and one output; NULL: the model as it is */
} bench_workload;

static const bench_workload workloads[] = {
    {"catdog-train", "catdog", 0.5f, 20, BENCH_RMSPROP, 7, 0, {0}, NULL},
    {"alexnet-train", "alexnet:fc8=drop7", 0.5f, 64, BENCH_MOMENTUM, 4, 0, {0}, NULL},
    {"fashion-train", "fashion-cnn", 0, 100, BENCH_ADAM, 15, 0, {0}, NULL},
    {"resnet18-train", "resnet18", 0, 16, BENCH_ADAM, 4, 2, {0}, NULL},
    {"vgg16-finetune-20", "vgg16-notop", 0, 20, BENCH_RMSPROP, 4, 0, {0}, "block5_*"},
    {"catdog-infer-20", "catdog", 0, 20, BENCH_INFER, 9, 0, {0}, NULL},
    {"catdog-infer-1", "catdog", 0, 1, BENCH_INFER, 25, 0, {0}, NULL},
    {"alexnet-infer-64", "alexnet:fc8=drop7", 0.5f, 64, BENCH_INFER, 4, 0, {0}, NULL},
    {"alexnet-infer-1", "alexnet:fc8=drop7", 0.5f, 1, BENCH_INFER, 15, 0, {0}, NULL},
    {"vgg16-notop-infer-20", "vgg16-notop", 0, 20, BENCH_INFER, 3, 0, {0}, NULL},
    {"vgg16-notop-infer-1", "vgg16-notop", 0, 1, BENCH_INFER, 9, 0, {0}, NULL},
    {"resnet18-infer-8", "resnet18", 0, 8, BENCH_INFER, 5, 2, {0}, NULL},
    {"resnet18-infer-1", "resnet18", 0, 1, BENCH_INFER, 15, 2, {0}, NULL},
    {"resnet50-train-16", "resnet50", 0, 16, BENCH_MOMENTUM, 3, 0, {0}, NULL},
    {"resnet50-infer-8", "resnet50", 0, 8, BENCH_INFER, 5, 0, {0}, NULL},
    {"resnet50-infer-1", "resnet50", 0, 1, BENCH_INFER, 15, 0, {0}, NULL},
    {"mobilenet-v2-train-32", "mobilenet-v2", 0, 32, BENCH_MOMENTUM, 4, 0, {0}, NULL},
    {"mobilenet-v2-infer-16", "mobilenet-v2", 0, 16, BENCH_INFER, 9, 0, {0}, NULL},
    {"mobilenet-v2-infer-1", "mobilenet-v2", 0, 1, BENCH_INFER, 25, 0, {0}, NULL},
    {"resnet18-predict-1", "resnet18", 0, 1, BENCH_PREDICT, 15, 1000, {0}, NULL},
};

#define WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))
#define WARM_UP_STEPS 2

typedef struct bench_settings {
    tool_common common;
    uint64_t steps;
    uint64_t batch; /* 0: the workload's */
    int32_t size[3];
    const char *data;
    bool layers;
} bench_settings;

/* What one workload runs on. */
typedef struct bench_run {
    const bench_workload *workload;
    cnn_model *model;
    cnn_session *session;
    cnn_optimizer *optimizer;
    cnn_loss *loss;
    float *images;
    int32_t *labels;
    cnn_image *photo; /* of a prediction */
} bench_run;

static void close_bench(bench_run *bench)
{
    cnn_loss_free(bench->loss);
    cnn_optimizer_free(bench->optimizer);
    cnn_image_free(bench->photo);
    cnn_session_free(bench->session);
    cnn_model_free(bench->model);
    free(bench->images);
    free(bench->labels);
}

/* Fixed numbers that look random; their values do not matter to the time. */
static cnn_status make_data(bench_run *bench)
{
    cnn_shape input = cnn_model_input_shape(bench->model);
    size_t values = bench->workload->batch;
    for (uint32_t i = 0; i < input.rank; i++) {
        values *= (size_t)input.dims[i];
    }
    bench->images = malloc(values * sizeof(float));
    bench->labels = malloc(bench->workload->batch * sizeof(int32_t));
    if (bench->images == NULL || bench->labels == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    uint32_t state = 1;
    for (size_t i = 0; i < values; i++) {
        state = state * 1664525u + 1013904223u;
        bench->images[i] = (float)(state >> 8) * 0x1p-24f;
    }
    for (uint32_t i = 0; i < bench->workload->batch; i++) {
        bench->labels[i] = (int32_t)(i % tool_model_labels(bench->model));
    }
    return CNN_OK;
}

/* A photo of a quarter more on each side, and the preprocessing of ImageNet's networks. */
static cnn_status make_photo(cnn_context *context, bench_run *bench)
{
    const cnn_shape input = cnn_model_input_shape(bench->model);
    const uint32_t height = (uint32_t)input.dims[0] * 5 / 4, width = (uint32_t)input.dims[1] * 5 / 3;
    const uint32_t channels = (uint32_t)input.dims[2];
    cnn_pipeline *pipeline = NULL;
    char *steps = tool_format(
        "resize_short=%u,center_crop=%ux%u,normalize=mean=0.485/0.456/0.406:std=0.229/0.224/0.225", height * 8 / 9,
        (unsigned)input.dims[0], (unsigned)input.dims[1]);
    cnn_status status = steps != NULL ? cnn_pipeline_create(context, steps, &pipeline) : CNN_ERROR_OUT_OF_MEMORY;
    free(steps);
    if (status == CNN_OK) {
        status = cnn_model_set_pipeline(bench->model, pipeline);
    }
    cnn_pipeline_free(pipeline);
    if (status == CNN_OK) {
        status = cnn_image_create(context, width, height, channels, &bench->photo);
    }
    uint32_t state = 1;
    for (size_t i = 0; status == CNN_OK && i < (size_t)width * height * channels; i++) {
        state = state * 1664525u + 1013904223u;
        cnn_image_pixels(bench->photo)[i] = (uint8_t)(state >> 24);
    }
    return status;
}

/* The network as the base of fine-tuning: article and Keras's examples train its last block and such a head. */
static cnn_status finetune(bench_run *bench)
{
    cnn_model *base = bench->model;
    bench->model = NULL;
    cnn_status status = cnn_model_replace_head(base, CNN_HEAD(.layers = "dense=256,relu", .classes = 2), &bench->model);
    cnn_model_free(base);
    if (status == CNN_OK) {
        status = cnn_model_set_trainable(bench->model, "*", false);
    }
    if (status == CNN_OK) {
        status = cnn_model_set_trainable(bench->model, bench->workload->trained, true);
    }
    return status == CNN_OK ? cnn_model_set_trainable(bench->model, "head_*", true) : status;
}

static cnn_status open_bench(cnn_context *context, const bench_workload *workload, bench_run *bench)
{
    *bench = (bench_run){.workload = workload};
    bool predicts = workload->rule == BENCH_PREDICT, train = workload->rule != BENCH_INFER && !predicts;
    cnn_status status = cnn_zoo_create(context, workload->model,
                                       CNN_ZOO(.input = {workload->size[0], workload->size[1], workload->size[2]},
                                               .classes = workload->classes, .dropout = workload->dropout),
                                       &bench->model);
    if (status == CNN_OK && workload->trained != NULL) {
        status = finetune(bench);
    }
    if (status == CNN_OK) {
        status = cnn_session_create(
            bench->model, CNN_SESSION(.batch = predicts ? 1 : workload->batch, .training = train), &bench->session);
    }
    if (status == CNN_OK && workload->rule == BENCH_RMSPROP) {
        status = cnn_rmsprop_create(context, CNN_RMSPROP(.learning_rate = 1e-4f), &bench->optimizer);
    }
    if (status == CNN_OK && workload->rule == BENCH_ADAM) {
        status = cnn_adam_create(context, CNN_ADAM(.convention = CNN_PYTORCH), &bench->optimizer);
    }
    if (status == CNN_OK && workload->rule == BENCH_MOMENTUM) {
        status = cnn_sgd_create(
            context,
            CNN_SGD(.learning_rate = 0.01f, .momentum = 0.9f, .convention = CNN_PYTORCH, .weight_decay = 5e-4f),
            &bench->optimizer);
    }
    if (status == CNN_OK && train) {
        bool binary = cnn_model_output_shape(bench->model).dims[0] == 1;
        status = binary ? cnn_binary_cross_entropy_create(context, &bench->loss)
                        : cnn_categorical_cross_entropy_create(context, &bench->loss);
    }
    if (status == CNN_OK) {
        status = predicts ? make_photo(context, bench) : make_data(bench);
    }
    return status;
}

static cnn_status predict(bench_run *bench)
{
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < bench->workload->batch && status == CNN_OK; i++) {
        cnn_prediction best[5];
        size_t count = 5;
        status = cnn_session_predict_image(bench->session, bench->photo, best, &count);
    }
    return status;
}

static cnn_status run_step(bench_run *bench)
{
    if (bench->workload->rule == BENCH_PREDICT) {
        return predict(bench);
    }
    cnn_status status = cnn_session_forward(bench->session, bench->images, bench->workload->batch);
    if (status == CNN_OK && bench->workload->rule != BENCH_INFER) {
        double loss = 0;
        status = cnn_session_loss(bench->session, bench->loss, CNN_TARGET(.labels = bench->labels), &loss);
        if (status == CNN_OK) {
            status = cnn_session_backward(bench->session, NULL);
        }
        if (status == CNN_OK) {
            status = cnn_optimizer_step(bench->optimizer, bench->session);
        }
    }
    return status;
}

/* Milliseconds of a step. */
typedef struct bench_times {
    double median, least, most;
} bench_times;

/* Times `steps` steps after a warm-up; unless `layers` is NULL, their parts, too. */
static cnn_status time_steps(tool *run, bench_run *bench, uint64_t steps, tool_layers *layers, bench_times *result)
{
    double *times = calloc(steps, sizeof(double));
    if (times == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = CNN_OK;
    double begin = tool_seconds();
    for (uint64_t i = 0; i < WARM_UP_STEPS + steps && status == CNN_OK; i++) {
        if (i == WARM_UP_STEPS && layers != NULL) {
            cnn_session_set_trace(bench->session, tool_layers_add, layers);
        }
        double before = tool_seconds();
        status = run_step(bench);
        if (i >= WARM_UP_STEPS) {
            times[i - WARM_UP_STEPS] = (tool_seconds() - before) * 1e3;
        }
        tool_progress_count(run, bench->workload->name, i + 1, WARM_UP_STEPS + steps, begin, "steps");
    }
    result->median = tool_median(times, steps);
    result->least = times[0];
    result->most = times[steps - 1];
    free(times);
    return status;
}

static const char *workload_name(const void *unused, size_t index)
{
    (void)unused;
    return index < WORKLOADS ? workloads[index].name : NULL;
}

static const bench_workload *find_workload(const char *name)
{
    for (size_t i = 0; i < WORKLOADS; i++) {
        if (strcmp(workloads[i].name, name) == 0) {
            return &workloads[i];
        }
    }
    return NULL;
}

/* Prints a workload's times or adds them to `list`; `layers` may be NULL. */
static int report(tool *run, const bench_workload *workload, const bench_times *times, tool_layers *layers, double peak,
                  json_t *list)
{
    double speed = workload->batch / times->median * 1e3;
    if (list == NULL) {
        tool_print(run, "%-24s %10.2f ms/step %9.1f images/s\n", workload->name, times->median, speed);
        tool_flush(run);
        return layers != NULL ? tool_layers_print(run, layers, peak) : TOOL_DONE;
    }
    json_t *row = json_object();
    tool_json_text(row, "name", workload->name);
    tool_json_real(row, "ms", times->median);
    tool_json_real(row, "ms_min", times->least);
    tool_json_real(row, "ms_max", times->most);
    tool_json_real(row, "images_per_s", speed);
    json_t *parts = layers != NULL ? tool_layers_json(layers, peak) : NULL;
    if (parts != NULL) {
        json_object_set_new(row, "layers", parts);
    }
    json_array_append_new(list, row);
    return layers != NULL && parts == NULL ? tool_fail_memory(run) : TOOL_DONE;
}

/* Times one workload and reports it: with its layers, if `peak` is not negative. */
static int run_workload(tool *run, const bench_workload *workload, uint64_t steps, double peak, json_t *list)
{
    bench_run bench;
    bench_times times = {0};
    steps = steps > 0 ? steps : workload->steps;
    tool_layers *layers = peak >= 0 ? tool_layers_new(steps) : NULL;
    if (peak >= 0 && layers == NULL) {
        return tool_fail_memory(run);
    }
    cnn_status status = open_bench(run->context, workload, &bench);
    if (status == CNN_OK) {
        status = time_steps(run, &bench, steps, layers, &times);
    }
    int result = TOOL_DONE;
    if (status == CNN_OK) {
        tool_progress_end(run);
        result = report(run, workload, &times, layers, peak, list); /* the layers' names are the model's */
    }
    close_bench(&bench);
    tool_layers_free(layers);
    return status == CNN_OK ? result : tool_fail_library(run, status);
}

static int print_list(tool *run, double peak, json_t *list)
{
    json_t *object = json_object();
    if (json_array_size(list) == 1) {
        json_object_update(object, json_array_get(list, 0));
    }
    tool_json_text(object, "backend", cnn_context_backend(run->context));
    tool_json_text(object, "cpu", cnn_cpu_level());
    tool_json_text(object, "math", cnn_context_math(run->context));
    if (peak >= 0) {
        tool_json_real(object, "peak_gflops", peak > 0 ? peak : NAN);
    }
    tool_json_count(object, "threads", cnn_context_threads(run->context));
    json_object_set(object, "workloads", list);
    return tool_json_print(run, object);
}

static bool has_size(const bench_settings *settings) { return settings->size[0] > 0; }

/* The workload with another batch or image size, if one was given. */
static bench_workload altered(const bench_workload *workload, const bench_settings *settings)
{
    bench_workload other = *workload;
    other.batch = settings->batch > 0 ? (uint32_t)settings->batch : workload->batch;
    if (has_size(settings)) {
        memcpy(other.size, settings->size, sizeof(other.size));
    }
    return other;
}

static int check_operands(tool *run)
{
    for (size_t i = 0; i < run->operand_count; i++) {
        if (tool_bench_is_data(run->operands[i])) {
            return tool_fail_usage(run, "%s reads photos: give --data PATH", run->operands[i]);
        }
        if (find_workload(run->operands[i]) == NULL) {
            const char *nearest = tool_nearest(run->operands[i], workload_name, NULL);
            return tool_fail_usage(run, "there is no workload \"%s\"%s%s%s", run->operands[i],
                                   nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                                   nearest != NULL ? "?" : "");
        }
    }
    return TOOL_DONE;
}

static int run_bench(tool *run, const void *given)
{
    const bench_settings *settings = given;
    if (settings->data != NULL && (settings->layers || settings->batch > 0 || has_size(settings))) {
        return tool_fail_usage(run, "--layers, --batch and --size are for models, not for --data");
    }
    if (settings->data != NULL) {
        return tool_bench_data(run, settings->data, settings->steps);
    }
    int result = check_operands(run);
    if (result == TOOL_DONE) {
        result = tool_open_context(run);
    }
    json_t *list = run->common->json ? json_array() : NULL;
    if (result == TOOL_DONE && list == NULL) {
        tool_note(run, "backend %s, kernels %s, math %s, threads %u", cnn_context_backend(run->context),
                  cnn_cpu_level(), cnn_context_math(run->context), (unsigned)cnn_context_threads(run->context));
    }
    const double peak = result == TOOL_DONE && settings->layers ? cnn_cpu_peak_gflops(run->context) : -1;
    size_t count = run->operand_count > 0 ? run->operand_count : WORKLOADS;
    for (size_t i = 0; i < count && result == TOOL_DONE && run->output_error == 0; i++) {
        const bench_workload *workload = run->operand_count > 0 ? find_workload(run->operands[i]) : &workloads[i];
        const bench_workload now = altered(workload, settings);
        result = run_workload(run, &now, settings->steps, peak, list);
    }
    if (result == TOOL_DONE && list != NULL) {
        result = print_list(run, peak, list);
    }
    json_decref(list);
    return result;
}

static void more_bench_help(tool *run)
{
    tool_print(run, "Workloads (all of them if none is named):\n");
    for (size_t i = 0; i < WORKLOADS; i++) {
        const char *what = workloads[i].rule == BENCH_INFER     ? "inference"
                           : workloads[i].rule == BENCH_PREDICT ? "prediction of an image"
                                                                : "training step";
        tool_print(run, "  %-21s %s, %s, batch %u\n", workloads[i].name, workloads[i].model, what,
                   (unsigned)workloads[i].batch);
    }
    tool_bench_data_help(run);
}

static const tool_option bench_options[] = {
    {"steps", "N", "steps that are timed; their median is printed", TOOL_COUNT, offsetof(bench_settings, steps), 1,
     1000000, NULL},
    {"batch", "N", "images in a step, if not the workload's", TOOL_COUNT, offsetof(bench_settings, batch), 1, 65536,
     NULL},
    {"size", "HxW", "size of images, if not the model's", TOOL_SIZE, offsetof(bench_settings, size), 1, 2, NULL},
    {"layers", NULL,
     "a table of each layer's passes: algorithm, median time, speed, share of the machine's measured peak, and why "
     "that algorithm",
     TOOL_FLAG, offsetof(bench_settings, layers), 0, 0, NULL},
    {"data", "PATH",
     "times the data pipeline instead: the loader alone on these photos, load-asirra, load-imagenet and load-keras, in "
     "batches of 32; the first three are not counted, and without --steps one epoch is read",
     TOOL_TEXT, offsetof(bench_settings, data), 0, 0, NULL},
    {0},
};

const tool_command tool_command_bench = {
    .name = "bench",
    .synopsis = "[NAME...]",
    .purpose = "Times training steps and inference: the median in milliseconds per step, and images per second.",
    .details = "The data is made up and lies in memory; reading and decoding are not part of the time. With --json one "
               "object: workloads, a list of name, ms, ms_min, ms_max, images_per_s and layers; of a single workload "
               "these stand at the top too.",
    .options = bench_options,
    .settings_size = sizeof(bench_settings),
    .most_operands = SIZE_MAX,
    .more_help = more_bench_help,
    .run = run_bench,
};
