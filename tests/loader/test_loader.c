/* SPDX-License-Identifier: MIT */
/* Loaders: the same batches for any number of workers, places to go back to, ends of epochs, ends of loaders. */
#include "loader/loader.h"

#include "loader/sampler.h"
#include "../pipeline/numbers.h"

static cnn_context *context;
static numbers set;

static void setup(void) { context = new_context(1); }
static void teardown(void) { cnn_context_free(context); }

static cnn_loader *new_loader(const cnn_dataset *dataset, const cnn_loader_options *options)
{
    cnn_loader *loader = NULL;
    cnn_status status = cnn_loader_create(context, dataset, options, &loader);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    return loader;
}

static cnn_batch next(cnn_loader *loader)
{
    cnn_batch batch = CNN_BATCH_INIT;
    ck_assert_msg(cnn_loader_next(loader, &batch) == CNN_OK, "%s", cnn_last_error(context));
    return batch;
}

static void expect_same(const cnn_batch *a, const cnn_batch *b)
{
    ck_assert_uint_eq(a->count, b->count);
    ck_assert_uint_eq(a->epoch, b->epoch);
    ck_assert_mem_eq(&a->shape, &b->shape, sizeof(a->shape));
    if (a->count == 0) {
        ck_assert_ptr_null(a->images);
        ck_assert_ptr_null(b->images);
        return;
    }
    size_t values = (size_t)(a->shape.dims[0] * a->shape.dims[1] * a->shape.dims[2] * a->shape.dims[3]);
    ck_assert_mem_eq(a->images, b->images, values * sizeof(float));
    ck_assert_mem_eq(a->labels, b->labels, a->count * sizeof(int32_t));
    ck_assert_mem_eq(a->indices, b->indices, a->count * sizeof(uint64_t));
}

START_TEST(any_number_of_workers)
{
    const uint32_t workers[] = {1, 2, 5};
    for (int mode = 0; mode < 2; mode++) {
        cnn_dataset *dataset = new_numbers(context, &set, 37);
        cnn_pipeline *pipeline = new_pipeline(context, "random_crop=6x5,flip,vflip,brightness=0.5/1.5,grey=3");
        cnn_loader *alone = new_loader(dataset,
                                       CNN_LOADER(.pipeline = pipeline, .batch = 8, .shuffle = 1, .mode = mode));
        cnn_loader *others[3];
        for (int i = 0; i < 3; i++) {
            others[i] = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 8, .shuffle = 1, .mode = mode,
                                                       .workers = workers[i], .prefetch = (uint32_t)i + 1));
        }
        for (int number = 0; number < 20; number++) {
            cnn_batch expected = next(alone);
            for (int i = 0; i < 3; i++) {
                cnn_batch batch = next(others[i]);
                expect_same(&batch, &expected);
                ck_assert_uint_eq(cnn_loader_position(others[i]), cnn_loader_position(alone));
            }
        }
        for (int i = 0; i < 3; i++) {
            cnn_loader_free(others[i]);
        }
        cnn_loader_free(alone);
        cnn_pipeline_free(pipeline);
        cnn_dataset_free(dataset);
        ck_assert_uint_eq(atomic_load(&set.destroyed), 1);
        ck_assert_uint_eq(atomic_load(&set.reads), atomic_load(&set.releases));
    }
}
END_TEST

/* Samples, labels and random numbers are those of sampler, dataset and pipeline. */
START_TEST(batches_are_what_they_say)
{
    float values[36];
    cnn_dataset *dataset = new_numbers(context, &set, 20);
    cnn_pipeline *pipeline = new_pipeline(context, "random_crop=6x6,flip");
    cnn_loader *loader = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 6, .shuffle = 1, .workers = 2));
    for (uint64_t epoch = 0; epoch < 2; epoch++) {
        uint64_t order[20], at = 0;
        cnn__sampler_order(11, epoch, true, order, 20);
        for (cnn_batch batch = next(loader); batch.count > 0; batch = next(loader)) {
            ck_assert_uint_eq(batch.shape.rank, 4);
            ck_assert_int_eq(batch.shape.dims[0], (int64_t)batch.count);
            ck_assert_uint_eq(batch.epoch, epoch);
            for (size_t i = 0; i < batch.count; i++, at++) {
                ck_assert_uint_eq(batch.indices[i], order[at]);
                ck_assert_int_eq(batch.labels[i], (int32_t)(order[at] % 3));
                cnn_image *image = new_image(context, NUMBERS_SIDE, NUMBERS_SIDE, 1, set.pixels[order[at]]);
                uint64_t key = epoch << 40 | order[at];
                ck_assert_int_eq(cnn_pipeline_apply(pipeline, image, key, values, 36, NULL), CNN_OK);
                ck_assert_mem_eq(values, batch.images + i * 36, sizeof(values));
                cnn_image_free(image);
            }
        }
        ck_assert_uint_eq(at, 20);
    }
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(ends_of_epochs)
{
    cnn_dataset *dataset = new_numbers(context, &set, 10);
    cnn_pipeline *pipeline = new_pipeline(context, "resize=4x4:nearest");
    cnn_loader *whole = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 4));
    cnn_loader *dropped = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 4, .drop_last = 1));
    cnn_loader *large = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 4000000000u));
    ck_assert_uint_eq(cnn_loader_batches(whole), 3);
    ck_assert_uint_eq(cnn_loader_batches(dropped), 2);
    ck_assert_uint_eq(cnn_loader_batches(large), 1);
    for (int epoch = 0; epoch < 3; epoch++) {
        const size_t counts[3][4] = {{4, 4, 2, 0}, {4, 4, 0, 0}, {10, 0, 0, 0}};
        cnn_loader *loaders[3] = {whole, dropped, large};
        for (int i = 0; i < 3; i++) {
            ck_assert(cnn__loader_at_epoch_start(loaders[i]));
            for (int k = 0; k == 0 || counts[i][k - 1] > 0; k++) {
                cnn_batch batch = next(loaders[i]);
                ck_assert_uint_eq(batch.count, counts[i][k]);
                ck_assert_uint_eq(batch.epoch, (uint64_t)epoch + (batch.count == 0));
                ck_assert_int_eq(batch.shape.dims[0], (int64_t)batch.count);
                ck_assert(batch.count == 0 || batch.indices[0] == (uint64_t)k * 4);
                ck_assert(cnn__loader_at_epoch_start(loaders[i]) == (batch.count == 0));
            }
        }
    }
    cnn_loader_free(large);
    cnn_loader_free(dropped);
    cnn_loader_free(whole);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(wrap_has_no_ends)
{
    cnn_dataset *dataset = new_numbers(context, &set, 10);
    cnn_pipeline *pipeline = new_pipeline(context, "center_crop=4x4");
    cnn_loader *loader = new_loader(
        dataset, CNN_LOADER(.pipeline = pipeline, .batch = 4, .mode = CNN_BATCH_WRAP, .shuffle = 1, .workers = 2));
    size_t seen[10] = {0};
    const uint64_t epochs[5] = {0, 0, 1, 1, 1};
    ck_assert_uint_eq(cnn_loader_batches(loader), 2);
    for (int number = 0; number < 5; number++) {
        cnn_batch batch = next(loader);
        ck_assert_uint_eq(batch.count, 4);
        ck_assert_uint_eq(batch.epoch, epochs[number]);
        for (size_t i = 0; i < 4; i++) {
            seen[batch.indices[i]]++;
        }
    }
    for (int i = 0; i < 10; i++) {
        ck_assert_uint_eq(seen[i], 2);
    }
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

static cnn_batch keep(const cnn_batch *batch)
{
    cnn_batch copy = *batch;
    size_t values = (size_t)(batch->shape.dims[0] * batch->shape.dims[1] * batch->shape.dims[2] * batch->shape.dims[3]);
    if (batch->count > 0) {
        copy.images = memcpy(malloc(values * sizeof(float)), batch->images, values * sizeof(float));
        copy.labels = memcpy(malloc(batch->count * 4), batch->labels, batch->count * 4);
        copy.indices = memcpy(malloc(batch->count * 8), batch->indices, batch->count * 8);
    }
    return copy;
}

static void drop(cnn_batch *batch)
{
    free((void *)batch->images);
    free((void *)batch->labels);
    free((void *)batch->indices);
}

/* From wherever to wherever: what follows a seek is what followed there the first time. */
START_TEST(seek_is_replay)
{
    enum { BATCHES = 15, CALLS = 20 };
    for (int32_t mode = 0; mode < 2; mode++) {
        for (uint32_t workers = 0; workers < 4; workers += 3) {
            cnn_dataset *dataset = new_numbers(context, &set, 14);
            cnn_pipeline *pipeline = new_pipeline(context, "random_crop=5x5,flip");
            const cnn_loader_options *options = CNN_LOADER(.pipeline = pipeline, .batch = 4, .shuffle = 1, .mode = mode,
                                                           .workers = workers);
            cnn_loader *loader = new_loader(dataset, options);
            cnn_batch kept[CALLS];
            uint64_t before[CALLS]; /* position before each call */
            for (int call = 0; call < CALLS; call++) {
                before[call] = cnn_loader_position(loader);
                cnn_batch batch = next(loader);
                kept[call] = keep(&batch);
            }
            for (uint64_t round = 0; round < 40; round++) {
                uint64_t place = round * 7 % BATCHES;
                int call = 0;
                while (before[call] != place || kept[call].count == 0) {
                    call++;
                }
                ck_assert_int_eq(cnn_loader_seek(loader, place), CNN_OK);
                ck_assert_uint_eq(cnn_loader_position(loader), place);
                for (uint64_t k = 0; k < round % 4 && call < CALLS; k++, call++) {
                    cnn_batch batch = next(loader);
                    expect_same(&batch, &kept[call]);
                }
            }
            for (int call = 0; call < CALLS; call++) {
                drop(&kept[call]);
            }
            cnn_loader_free(loader);
            cnn_pipeline_free(pipeline);
            cnn_dataset_free(dataset);
        }
    }
}
END_TEST

/* Going where the loader already is keeps what was made ahead. */
START_TEST(seek_to_here_drops_nothing)
{
    cnn_dataset *dataset = new_numbers(context, &set, 8);
    cnn_pipeline *pipeline = new_pipeline(context, "resize=8x8");
    cnn_loader *loader = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 8));
    next(loader);
    ck_assert_int_eq(cnn_loader_seek(loader, 1), CNN_OK);
    size_t reads = atomic_load(&set.reads);
    ck_assert_uint_eq(next(loader).count, 8); /* the end of the first epoch counts as said */
    ck_assert_uint_eq(atomic_load(&set.reads), reads + 8);
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

static void wait_until(atomic_size_t *count, size_t least)
{
    for (int i = 0; i < 5000 && atomic_load(count) < least; i++) {
        usleep(1000);
    }
    ck_assert_uint_ge(atomic_load(count), least);
}

START_TEST(prefetch_is_bounded)
{
    cnn_dataset *dataset = new_numbers(context, &set, 100);
    cnn_pipeline *pipeline = new_pipeline(context, "resize=8x8");
    cnn_loader *loader = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 5, .workers = 3, .prefetch = 2));
    wait_until(&set.releases, 16); /* the probe of the first sample, and three batches */
    usleep(20000);
    ck_assert_uint_eq(atomic_load(&set.releases), 16);
    cnn_batch batch = next(loader);
    usleep(20000);
    ck_assert_uint_eq(atomic_load(&set.releases), 16);
    ck_assert(batch.images[5 * NUMBERS_PIXELS - 1] == set.pixels[4][NUMBERS_PIXELS - 1] / 255.0f);
    next(loader);
    wait_until(&set.releases, 21);
    usleep(20000);
    ck_assert_uint_eq(atomic_load(&set.releases), 21);
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

/* All workers make one batch: there is no other one to make here. */
START_TEST(workers_share_a_batch)
{
    cnn_dataset *dataset = new_numbers(context, &set, 8);
    cnn_pipeline *pipeline = new_pipeline(context, "resize=130x130,grey=3"); /* large enough to be taken singly */
    set.delay = 5000;
    cnn_loader *loader = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 8, .workers = 4, .prefetch = 1));
    next(loader);
    ck_assert_uint_ge(atomic_load(&set.most_at_once), 3);
    ck_assert(cnn_loader_wait_seconds(loader) > 0.005);
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(free_at_any_moment)
{
    for (int round = 0; round < 60; round++) {
        cnn_dataset *dataset = new_numbers(context, &set, 40);
        cnn_pipeline *pipeline = new_pipeline(context, "resize=8x8,flip");
        set.delay = round % 3 == 0 ? 0 : 300;
        cnn_loader *loader = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 4, .shuffle = 1,
                                                            .workers = 1 + (uint32_t)round % 4, .prefetch = 3));
        cnn_pipeline_free(pipeline);
        cnn_dataset_free(dataset);
        ck_assert_uint_eq(atomic_load(&set.destroyed), 0);
        for (int i = 0; i < round % 5; i++) {
            next(loader);
            ck_assert_int_eq(round % 7 != 0 ? CNN_OK : cnn_loader_seek(loader, (uint64_t)round), CNN_OK);
        }
        cnn_loader_free(loader);
        ck_assert_uint_eq(atomic_load(&set.destroyed), 1);
        ck_assert_uint_eq(atomic_load(&set.reads), atomic_load(&set.releases));
    }
}
END_TEST

START_TEST(ten_views_of_each_sample)
{
    float views[160];
    cnn_dataset *dataset = new_numbers(context, &set, 5);
    cnn_pipeline *pipeline = new_pipeline(context, "ten_crop=4x4");
    cnn_loader *loader = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 3, .workers = 2));
    ck_assert_uint_eq(cnn__loader_views(loader), 10);
    cnn_shape one = cnn_loader_sample_shape(loader);
    expect_shape("sample", &one, 4, 4, 1);
    next(loader);
    cnn_batch batch = next(loader);
    ck_assert_uint_eq(batch.count, 2);
    ck_assert_int_eq(batch.shape.dims[0], 20);
    for (size_t i = 0; i < 2; i++) {
        cnn_image *image = new_image(context, NUMBERS_SIDE, NUMBERS_SIDE, 1, set.pixels[3 + i]);
        ck_assert_int_eq(cnn_pipeline_apply(pipeline, image, 0, views, 160, NULL), CNN_OK);
        ck_assert_mem_eq(views, batch.images + i * 160, sizeof(views));
        ck_assert_uint_eq(batch.indices[i], 3 + i);
        cnn_image_free(image);
    }
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(arrays_and_defaults)
{
    float floats[3 * 12];
    uint8_t bytes[70 * 2];
    const int32_t labels[3] = {2, 0, 1};
    for (int i = 0; i < 36; i++) {
        floats[i] = (float)i / 35.0f;
    }
    for (int i = 0; i < 140; i++) {
        bytes[i] = (uint8_t)i;
    }
    cnn_dataset *dataset, *plain;
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.floats = floats, .labels = labels, .count = 3, .height = 2,
                                                   .width = 2, .channels = 3),
                                        &dataset),
                     CNN_OK);
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = bytes, .count = 70, .height = 1, .width = 2, .channels = 1),
                                        &plain),
                     CNN_OK);
    cnn_loader *loader = new_loader(dataset, NULL);
    cnn_shape one = cnn_loader_sample_shape(loader);
    expect_shape("sample", &one, 2, 2, 3);
    ck_assert_uint_eq(cnn_loader_batch_size(loader), 32);
    ck_assert_uint_eq(cnn_loader_batches(loader), 1);
    ck_assert_ptr_eq(cnn_loader_dataset(loader), dataset);
    ck_assert_ptr_null(cnn_loader_pipeline(loader));
    cnn_batch batch = next(loader);
    ck_assert_uint_eq(batch.count, 3);
    ck_assert_mem_eq(batch.images, floats, sizeof(floats));
    ck_assert_mem_eq(batch.labels, labels, sizeof(labels));
    cnn_loader_free(loader);
    loader = new_loader(plain, NULL);
    ck_assert_uint_eq(cnn_loader_batches(loader), 3);
    next(loader);
    batch = next(loader);
    ck_assert_int_eq(batch.labels[0], -1);
    expect_bytes("bytes", batch.images, bytes + 64, 64);
    cnn_loader_free(loader);
    cnn_dataset_free(plain);
    cnn_dataset_free(dataset);
}
END_TEST

/* Other seeds, other orders; the same seed in the options and in the context is the same. */
START_TEST(seeds_choose_orders)
{
    uint64_t orders[3][20];
    const uint64_t seeds[3] = {0, 11, 12};
    for (int i = 0; i < 3; i++) {
        cnn_dataset *dataset = new_numbers(context, &set, 20);
        cnn_pipeline *pipeline = new_pipeline(context, "resize=8x8");
        cnn_loader *loader = new_loader(dataset,
                                        CNN_LOADER(.pipeline = pipeline, .batch = 20, .shuffle = 1, .seed = seeds[i]));
        cnn_batch batch = next(loader);
        memcpy(orders[i], batch.indices, sizeof(orders[i]));
        cnn_loader_free(loader);
        cnn_pipeline_free(pipeline);
        cnn_dataset_free(dataset);
    }
    ck_assert_mem_eq(orders[0], orders[1], sizeof(orders[0]));
    ck_assert(memcmp(orders[0], orders[2], sizeof(orders[0])) != 0);
}
END_TEST

START_TEST(nothing_is_taken)
{
    ck_assert_int_eq(cnn_loader_next(NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_loader_seek(NULL, 0), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_uint_eq(cnn_loader_position(NULL), 0);
    ck_assert_uint_eq(cnn_loader_batches(NULL), 0);
    ck_assert_uint_eq(cnn_loader_batch_size(NULL), 0);
    ck_assert_uint_eq(cnn_loader_skipped(NULL), 0);
    ck_assert_uint_eq(cnn_loader_sample_shape(NULL).rank, 0);
    ck_assert_ptr_null(cnn_loader_dataset(NULL));
    ck_assert_ptr_null(cnn_loader_pipeline(NULL));
    cnn_loader_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader/loader");
    TCase *tcase = tcase_create("loader");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, any_number_of_workers);
    tcase_add_test(tcase, batches_are_what_they_say);
    tcase_add_test(tcase, ends_of_epochs);
    tcase_add_test(tcase, wrap_has_no_ends);
    tcase_add_test(tcase, seek_is_replay);
    tcase_add_test(tcase, seek_to_here_drops_nothing);
    tcase_add_test(tcase, prefetch_is_bounded);
    tcase_add_test(tcase, workers_share_a_batch);
    tcase_add_test(tcase, free_at_any_moment);
    tcase_add_test(tcase, ten_views_of_each_sample);
    tcase_add_test(tcase, arrays_and_defaults);
    tcase_add_test(tcase, seeds_choose_orders);
    tcase_add_test(tcase, nothing_is_taken);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
