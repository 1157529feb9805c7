/* SPDX-License-Identifier: MIT */
/* Images per second of the loader alone, as the first batch is out: read, decoded, resized, cropped, in batches. */
#include "tool_bench_data.h"
#include "tool_json.h"

#include <string.h>
#include <time.h>

typedef struct data_workload {
    const char *name, *steps, *like;
} data_workload;

/* As a training would have them: JPEGs of twice the needed size and more are decoded smaller. `like` is the same in
 * torchvision's words. */
static const data_workload workloads[] = {
    {"load-asirra", "resize=256x256,random_crop=227x227,flip", "Resize(256, 256), RandomCrop(227), flip"},
    {"load-imagenet", "random_resized_crop=224x224,flip", "RandomResizedCrop(224), flip"},
    {"load-keras", "resize=150x150:nearest", "Resize(150, 150), nearest"},
};

#define WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))
#define BATCH 32
#define WARM_UP_BATCHES 3 /* one, and two that workers have made ahead */

/* What was measured of one workload. */
typedef struct data_times {
    double seconds, cpu_seconds;
    uint64_t images, batches;
} data_times;

const char *tool_bench_data_name(const void *unused, size_t index)
{
    (void)unused;
    return index < WORKLOADS ? workloads[index].name : NULL;
}

static const data_workload *find_workload(const char *name)
{
    for (size_t i = 0; i < WORKLOADS; i++) {
        if (strcmp(workloads[i].name, name) == 0) {
            return &workloads[i];
        }
    }
    return NULL;
}

bool tool_bench_is_data(const char *name) { return find_workload(name) != NULL; }

void tool_bench_data_help(tool *run)
{
    tool_print(run, "With --data, the loader alone on these photos (all if none is named), batch %d:\n", BATCH);
    for (size_t i = 0; i < WORKLOADS; i++) {
        tool_print(run, "  %-16s %s\n", workloads[i].name, workloads[i].like);
    }
}

/* CPU time of all threads. */
static double cpu_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

/* Takes `steps` batches; the first of all starts the workers and is not counted. */
static cnn_status take_batches(tool *run, cnn_loader *loader, const char *name, uint64_t steps, data_times *times)
{
    cnn_batch batch = CNN_BATCH_INIT;
    cnn_status status = CNN_OK;
    /* What the workers have ready when the clock starts is not to count as made after it. */
    for (int i = 0; i < WARM_UP_BATCHES && status == CNN_OK; i++) {
        status = cnn_loader_next(loader, &batch);
    }
    const double begin = tool_seconds(), cpu = cpu_seconds();
    while (status == CNN_OK && times->batches < steps) {
        status = cnn_loader_next(loader, &batch);
        if (status == CNN_OK && batch.count > 0) {
            times->images += batch.count;
            times->batches++;
            tool_progress_count(run, name, times->batches, steps, begin, "batches");
        }
    }
    times->seconds = tool_seconds() - begin;
    times->cpu_seconds = cpu_seconds() - cpu;
    return status;
}

static cnn_status time_workload(tool *run, const data_workload *workload, const cnn_dataset *dataset, uint64_t steps,
                                data_times *times)
{
    cnn_pipeline *pipeline = NULL;
    cnn_loader *loader = NULL;
    cnn_status status = cnn_pipeline_create(run->context, workload->steps, &pipeline);
    if (status == CNN_OK) {
        status = cnn_loader_create(run->context, dataset,
                                   CNN_LOADER(.pipeline = pipeline, .batch = BATCH, .shuffle = 1), &loader);
    }
    if (status == CNN_OK) {
        const uint64_t epoch = cnn_loader_batches(loader);
        const uint64_t rest = epoch > WARM_UP_BATCHES ? epoch - WARM_UP_BATCHES : 1;
        status = take_batches(run, loader, workload->name, steps > 0 ? steps : rest, times);
    }
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    return status;
}

/* Prints a row or adds it to `list`. */
static void tell(tool *run, const data_workload *workload, const data_times *times, json_t *list)
{
    const double images = (double)times->images;
    const double speed = images / times->seconds, cpu = times->cpu_seconds / images * 1e3;
    const double milliseconds = times->seconds / (double)times->batches * 1e3;
    if (list == NULL) {
        tool_print(run, "%-24s %10.2f ms/batch %8.1f images/s %8.3f ms of CPU/image\n", workload->name, milliseconds,
                   speed, cpu);
        tool_flush(run);
        return;
    }
    json_t *row = json_object();
    tool_json_text(row, "name", workload->name);
    tool_json_real(row, "ms", milliseconds);
    tool_json_real(row, "images_per_s", speed);
    tool_json_real(row, "cpu_ms_per_image", cpu);
    tool_json_count(row, "images", times->images);
    json_array_append_new(list, row);
}

static int print_list(tool *run, json_t *list)
{
    json_t *object = json_object();
    if (json_array_size(list) == 1) {
        json_object_update(object, json_array_get(list, 0));
    }
    tool_json_text(object, "cpu", cnn_cpu_level());
    tool_json_count(object, "threads", cnn_context_threads(run->context));
    json_object_set_new(object, "workloads", list);
    return tool_json_print(run, object);
}

static int time_all(tool *run, const cnn_dataset *dataset, uint64_t steps, json_t *list)
{
    size_t count = run->operand_count > 0 ? run->operand_count : WORKLOADS;
    for (size_t i = 0; i < count && run->output_error == 0; i++) {
        const data_workload *workload = run->operand_count > 0 ? find_workload(run->operands[i]) : &workloads[i];
        data_times times = {0};
        cnn_status status = time_workload(run, workload, dataset, steps, &times);
        tool_progress_end(run);
        if (status != CNN_OK) {
            return tool_fail_library(run, status);
        }
        tell(run, workload, &times, list);
    }
    return TOOL_DONE;
}

int tool_bench_data(tool *run, const char *path, uint64_t steps)
{
    cnn_dataset *dataset = NULL;
    const tool_data_options options = {.part = "train", .channels = 3};
    for (size_t i = 0; i < run->operand_count; i++) {
        if (!tool_bench_is_data(run->operands[i])) {
            return tool_fail_usage(run, "with --data there are load-asirra, load-imagenet and load-keras, not \"%s\"",
                                   run->operands[i]);
        }
    }
    int result = tool_open_context(run);
    result = result == TOOL_DONE ? tool_open_data(run, path, &options, &dataset) : result;
    if (result != TOOL_DONE) {
        return result;
    }
    json_t *list = run->common->json ? json_array() : NULL;
    if (list == NULL) {
        tool_note(run, "%zu images, batch %d, kernels %s, threads %u", cnn_dataset_count(dataset), BATCH,
                  cnn_cpu_level(), (unsigned)cnn_context_threads(run->context));
    }
    result = time_all(run, dataset, steps, list);
    if (result == TOOL_DONE && list != NULL) {
        result = print_list(run, list);
        list = NULL; /* taken */
    }
    json_decref(list);
    cnn_dataset_free(dataset);
    return result;
}
