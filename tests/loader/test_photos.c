/* SPDX-License-Identifier: MIT */
/* Loaders over real photos, found in a folder of class folders or of label.N.jpg at CNN_TEST_DATA/asirra. */
#include <cnn/loader.h>

#include "../pipeline/support.h"

#define BATCH 16

static cnn_context *context;

/* Bytes that the library holds, and the most it held. */
typedef struct meter {
    atomic_size_t now, most;
} meter;

static void *meter_allocate(void *user, size_t size, size_t alignment)
{
    meter *held = user;
    void *memory;
    if (posix_memalign(&memory, alignment, size) != 0) {
        return NULL;
    }
    size_t now = atomic_fetch_add(&held->now, size) + size, most = atomic_load(&held->most);
    while (now > most && !atomic_compare_exchange_weak(&held->most, &most, now)) {
    }
    return memory;
}

static void meter_release(void *user, void *memory, size_t size)
{
    atomic_fetch_sub(&((meter *)user)->now, size);
    free(memory);
}

static meter held;

static void setup(void)
{
    const cnn_allocator allocator = {sizeof(allocator), &held, meter_allocate, meter_release};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 11, .allocator = &allocator), &context),
                     CNN_OK);
}

static void teardown(void)
{
    cnn_context_free(context);
    ck_assert_uint_eq(atomic_load(&held.now), 0);
}

/* Photos, at most `count` of them; NULL if there are none here. */
static cnn_dataset *open_photos(size_t count)
{
    char path[1024];
    cnn_dataset *all, *some = NULL;
    snprintf(path, sizeof(path), "%s/asirra", getenv("CNN_TEST_DATA"));
    if (cnn_dataset_open(context, path, NULL, &all) != CNN_OK) {
        return NULL;
    }
    ck_assert_int_eq(cnn_dataset_sample(all, count, 5, &some), CNN_OK);
    cnn_dataset_free(all);
    return some;
}

START_TEST(workers_do_not_matter)
{
    cnn_dataset *photos = open_photos(64);
    if (photos == NULL) {
        return;
    }
    const char *const steps[] = {"resize=256x256,random_crop=227x227,flip", "random_resized_crop=224x224,flip",
                                 "resize_short=64:fast,center_crop=64,rotate=20,normalize=0.5:0.5"};
    for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
        cnn_pipeline *pipeline = new_pipeline(context, steps[k]);
        cnn_loader *loaders[2];
        for (uint32_t i = 0; i < 2; i++) {
            const cnn_loader_options *options = CNN_LOADER(.pipeline = pipeline, .batch = BATCH, .shuffle = 1,
                                                           .workers = 3 * i);
            ck_assert_int_eq(cnn_loader_create(context, photos, options, &loaders[i]), CNN_OK);
        }
        for (int number = 0; number < 5; number++) {
            cnn_batch a = CNN_BATCH_INIT, b = CNN_BATCH_INIT;
            ck_assert_msg(cnn_loader_next(loaders[0], &a) == CNN_OK, "%s", cnn_last_error(context));
            ck_assert_int_eq(cnn_loader_next(loaders[1], &b), CNN_OK);
            ck_assert_uint_eq(a.count, b.count);
            size_t values = (size_t)(a.shape.dims[0] * a.shape.dims[1] * a.shape.dims[2] * a.shape.dims[3]);
            ck_assert(values == 0 || memcmp(a.images, b.images, values * sizeof(float)) == 0);
        }
        cnn_loader_free(loaders[1]);
        cnn_loader_free(loaders[0]);
        cnn_pipeline_free(pipeline);
    }
    cnn_dataset_free(photos);
}
END_TEST

/* The most memory held while reading all of `count` photos. */
static size_t most_memory(size_t count)
{
    cnn_dataset *photos = open_photos(count);
    if (photos == NULL) {
        return 0;
    }
    cnn_pipeline *pipeline = new_pipeline(context, "resize=64x64:fast");
    cnn_loader *loader;
    cnn_batch batch = CNN_BATCH_INIT;
    atomic_store(&held.most, atomic_load(&held.now));
    ck_assert_int_eq(
        cnn_loader_create(context, photos, CNN_LOADER(.pipeline = pipeline, .batch = BATCH, .workers = 2), &loader),
        CNN_OK);
    do {
        ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
    } while (batch.count > 0);
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(photos);
    return atomic_load(&held.most);
}

START_TEST(memory_does_not_grow_with_the_dataset)
{
    size_t few = most_memory(100), many = most_memory(800);
    ck_assert_msg(many <= few + few / 4 + 65536, "100 photos: %zu bytes, 800: %zu", few, many);
}
END_TEST

int main(void)
{
    if (getenv("CNN_TEST_DATA") == NULL) {
        printf("CNN_TEST_DATA is not set: tests on photos are skipped\n");
        return 77; /* meson: skipped */
    }
    Suite *suite = suite_create("loader/photos");
    TCase *tcase = tcase_create("photos");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, workers_do_not_matter);
    tcase_add_test(tcase, memory_does_not_grow_with_the_dataset);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
