/* SPDX-License-Identifier: MIT */
/* Options of contexts, datasets and images, and what a caller gives to them. */
#include "api/structs.h"

#include <stdlib.h>

OBJECT(dataset_create, cnn_dataset, cnn_dataset_free)
OBJECT(dataset_create_custom, cnn_dataset, cnn_dataset_free)
OBJECT(dataset_create_fake, cnn_dataset, cnn_dataset_free)

static cnn_status call_context(const void *given)
{
    cnn_context *made = NULL;
    cnn_status status = cnn_context_create(given, &made);
    cnn_context_free(made);
    return status;
}

static cnn_status call_open(const void *given)
{
    cnn_dataset *made = NULL;
    cnn_status status = cnn_dataset_open_folders(structs_context, structs_folder, given, &made);
    cnn_dataset_free(made);
    return status;
}

static cnn_status call_split(const void *given)
{
    cnn_dataset *rest = NULL, *part = NULL;
    cnn_status status = cnn_dataset_split(structs_data, given, &rest, &part);
    cnn_dataset_free(rest);
    cnn_dataset_free(part);
    return status;
}

static cnn_status call_loader(const void *given)
{
    cnn_loader *made = NULL;
    cnn_status status = cnn_loader_create(structs_context, structs_data, given, &made);
    cnn_loader_free(made);
    return status;
}

static cnn_status call_load(const void *given)
{
    cnn_image *made = NULL;
    cnn_status status = cnn_image_load(structs_context, structs_photo, given, &made);
    cnn_image_free(made);
    return status;
}

static cnn_status call_save(const void *given) { return cnn_image_save(structs_image, structs_photo, given); }

static cnn_status call_folds(const void *given)
{
    uint32_t folds[12];
    return cnn_dataset_folds(structs_data, given, folds, 12);
}

static cnn_status call_overlay(const void *given)
{
    static float values[4];
    const cnn_tensor map = {values, {.rank = 2, .dims = {2, 2}}};
    cnn_image *made = NULL;
    cnn_status status = cnn_map_overlay(structs_image, &map, given, &made);
    cnn_image_free(made);
    return status;
}

static cnn_status call_activation_image(const void *given)
{
    static float values[8];
    const cnn_tensor map = {values, {.rank = 3, .dims = {2, 2, 2}}};
    cnn_image *made = NULL;
    cnn_status status = cnn_activation_image(structs_context, &map, given, &made, NULL);
    cnn_image_free(made);
    return status;
}

static cnn_status call_grid(const void *given)
{
    const cnn_image *images[2] = {structs_image, structs_image};
    cnn_image *made = NULL;
    cnn_status status = cnn_image_grid(images, 2, given, &made);
    cnn_image_free(made);
    return status;
}

/* A backend, an allocator and an executor, in a context's options. */
static cnn_status call_backend(const void *given)
{
    return call_context(CNN_CONTEXT(.threads = 1, .backends = given, .backend_count = 1, .backend = "own"));
}

static cnn_status call_allocator(const void *given)
{
    return call_context(CNN_CONTEXT(.threads = 1, .allocator = given));
}

static cnn_status call_executor(const void *given) { return call_context(CNN_CONTEXT(.executor = given)); }

/* ---- what the structs point to ---- */

static cnn_status read_sample(void *user, size_t index, cnn_sample *sample)
{
    (void)user;
    (void)index;
    (void)sample;
    return CNN_OK;
}

static cnn_status multiply(const cnn_backend_call *call, const cnn_gemm_args *args)
{
    (void)call;
    (void)args;
    return CNN_OK;
}

static void *allocate(void *user, size_t size, size_t alignment)
{
    void *memory = NULL;
    (void)user;
    return posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) == 0 ? memory : NULL;
}

static void release(void *user, void *memory, size_t size)
{
    (void)user;
    (void)size;
    free(memory);
}

static void run(void *user, void (*task)(void *argument, size_t index), void *argument, size_t tasks)
{
    (void)user;
    for (size_t i = 0; i < tasks; i++) {
        task(argument, i);
    }
}

START_TEST(data_and_images)
{
    static const uint8_t bytes[4] = {1, 2, 3, 4};
    static const char *const names[] = {"cat", "dog"};
    const row rows[] = {
        ROW(context, cnn_context_options, threads, .threads = 1),
        ROW(open, cnn_files_options, channels, .channels = 1),
        ROW(dataset_create, cnn_arrays_options, class_count, .bytes = bytes, .count = 1, .height = 2, .width = 2,
            .channels = 1, .class_count = 2),
        ROW(dataset_create_custom, cnn_dataset_callbacks, read, .count = 2, .classes = names, .class_count = 2,
            .read = read_sample),
        ROW(dataset_create_fake, cnn_fake_options, width, .count = 4, .height = 8, .width = 8),
        ROW(split, cnn_split_options, fraction, .fraction = 0.5f),
        ROW(loader, cnn_loader_options, batch, .batch = 2),
        ROW(load, cnn_decode_options, channels, .channels = 1),
        ROW(save, cnn_encode_options, format, .format = CNN_IMAGE_PNG),
        ROW(overlay, cnn_map_overlay_options, strength, .strength = 0.5f),
        ROW(activation_image, cnn_activation_image_options, count, .count = 0),
        ROW(grid, cnn_image_grid_options, columns, .columns = 1),
        ROW(backend, cnn_backend, gemm, .abi = CNN_BACKEND_ABI, .name = "own", .gemm = multiply),
        ROW(allocator, cnn_allocator, release, .allocate = allocate, .release = release),
        ROW(executor, cnn_executor, run, .threads = 1, .run = run),
        ROW(folds, cnn_folds_options, folds, .folds = 3),
    };
    TRY(rows);
}
END_TEST

void structs_add_data(TCase *tests) { tcase_add_test(tests, data_and_images); }
