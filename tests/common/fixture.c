/* SPDX-License-Identifier: MIT */
/* What tests of the public API share. */
#include "common/fixture.h"
#include "common/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In front of each block lies its size, one alignment away. The library asks for blocks aligned to 64 bytes at most. */
#define FRONT 64

static void *allocate(void *user, size_t size, size_t alignment)
{
    test_allocator *allocator = user;
    size_t call = atomic_fetch_add(&allocator->calls, 1) + 1;
    bool fails = allocator->persistent ? call >= allocator->fail_at : call == allocator->fail_at;
    unsigned char *block = NULL;
    if ((allocator->fail_at != 0 && fails) || alignment > FRONT || size > SIZE_MAX - FRONT ||
        posix_memalign((void **)&block, FRONT, FRONT + size) != 0) {
        return NULL;
    }
    memcpy(block, &size, sizeof(size));
    memset(block + FRONT, 0xA5, size); /* not zero: nobody may count on it */
    atomic_fetch_add(&allocator->blocks, 1);
    atomic_fetch_add(&allocator->bytes, size);
    return block + FRONT;
}

static void release(void *user, void *memory, size_t size)
{
    test_allocator *allocator = user;
    unsigned char *block = (unsigned char *)memory - FRONT;
    size_t asked;
    memcpy(&asked, block, sizeof(asked));
    if (asked != size) {
        atomic_fetch_add(&allocator->wrong_releases, 1);
    }
    atomic_fetch_sub(&allocator->blocks, 1);
    atomic_fetch_sub(&allocator->bytes, asked);
    free(block);
}

cnn_allocator test_allocator_options(test_allocator *allocator)
{
    return (cnn_allocator){sizeof(cnn_allocator), allocator, allocate, release};
}

void test_draw(size_t index, uint8_t *pixels)
{
    uint32_t random = (uint32_t)index * 2654435761u + 12345u;
    int kind = (int)(index % TEST_CLASSES), phase = (int)(random >> 8) % 4;
    for (int y = 0; y < TEST_SIDE; y++) {
        for (int x = 0; x < TEST_SIDE; x++) {
            bool bars = kind == 0 ? (y + phase) % 4 < 2 : (x + phase) % 4 < 2;
            bool block = x >= phase && x < phase + 8 && y >= phase && y < phase + 8;
            random = random * 1664525u + 1013904223u;
            pixels[y * TEST_SIDE + x] = (uint8_t)((kind == 2 ? block : bars) * 150 + (random >> 26));
        }
    }
}

cnn_status test_dataset(cnn_context *context, size_t first, size_t count, cnn_dataset **dataset)
{
    static const char *const names[TEST_CLASSES] = {"rows", "columns", "block"};
    /* Without memory of its own where that is made to fail. */
    static _Thread_local uint8_t few_pixels[64 * TEST_PIXELS];
    static _Thread_local int32_t few_labels[64];
    const bool few = count <= 64;
    uint8_t *pixels = few ? few_pixels : malloc(count * TEST_PIXELS);
    int32_t *labels = few ? few_labels : malloc(count * sizeof(*labels));
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    if (pixels != NULL && labels != NULL) {
        for (size_t i = 0; i < count; i++) {
            test_draw(first + i, pixels + i * TEST_PIXELS);
            labels[i] = (int32_t)((first + i) % TEST_CLASSES);
        }
        status = cnn_dataset_create(context,
                                    CNN_ARRAYS(.bytes = pixels, .labels = labels, .count = count, .height = TEST_SIDE,
                                               .width = TEST_SIDE, .channels = 1, .classes = names,
                                               .class_count = TEST_CLASSES),
                                    dataset);
    }
    if (!few) {
        free(labels);
        free(pixels);
    }
    return status;
}

cnn_status test_model(cnn_context *context, cnn_model **model)
{
    cnn_status status = cnn_model_create(context, CNN_MODEL(.name = "small", .input = {TEST_SIDE, TEST_SIDE, 1}),
                                         model);
    if (status != CNN_OK) {
        return status;
    }
    cnn_model_add(*model, cnn_conv2d(context, CNN_CONV2D(.filters = 6)));
    cnn_model_add(*model, cnn_batch_norm(context, CNN_BATCH_NORM(.convention = CNN_PYTORCH, .activation = CNN_RELU)));
    cnn_model_add(*model, cnn_max_pool2d(context, NULL));
    cnn_model_add(*model, cnn_conv2d(context, CNN_CONV2D(.filters = 8, .activation = CNN_RELU)));
    cnn_model_add(*model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.1f)));
    cnn_model_add(*model, cnn_flatten(context, NULL));
    cnn_model_add(*model, cnn_dense(context, CNN_DENSE(.units = TEST_CLASSES)));
    status = cnn_model_build(*model);
    if (status != CNN_OK) {
        cnn_model_free(*model);
        *model = NULL;
    }
    return status;
}

uint64_t test_hash(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 1099511628211u;
    }
    return hash;
}

uint64_t test_model_hash(cnn_model *model)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        if (cnn_model_parameter(model, i, &parameter) != CNN_OK) {
            return 0;
        }
        const size_t values = test_shape_values(parameter.value.shape);
        hash = hash * 31 + test_hash(parameter.value.data, values * sizeof(float));
    }
    return hash;
}

void test_path(char *path, size_t size, const char *name)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, size, "%s/cnn-test-%ld-%s", folder != NULL ? folder : "/tmp", (long)getpid(), name);
}
