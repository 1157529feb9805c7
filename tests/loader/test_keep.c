/* SPDX-License-Identifier: MIT */
/* Images in memory: the bits of streaming, read once, and memory that is told and limited. */
#include "loader/loader.h"

#include "../pipeline/numbers.h"

#define COUNT 29
#define EPOCHS 3

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

static void expect_next_same(cnn_loader *kept, cnn_loader *streamed, const char *what)
{
    cnn_batch a = CNN_BATCH_INIT, b = CNN_BATCH_INIT;
    ck_assert_msg(cnn_loader_next(kept, &a) == CNN_OK, "%s: %s", what, cnn_last_error(context));
    ck_assert_msg(cnn_loader_next(streamed, &b) == CNN_OK, "%s: %s", what, cnn_last_error(context));
    ck_assert_uint_eq(a.count, b.count);
    ck_assert_uint_eq(a.epoch, b.epoch);
    if (a.count > 0) {
        size_t values = (size_t)(a.shape.dims[0] * a.shape.dims[1] * a.shape.dims[2] * a.shape.dims[3]);
        ck_assert_msg(memcmp(a.images, b.images, values * sizeof(float)) == 0, "%s: other values", what);
        ck_assert_mem_eq(a.labels, b.labels, a.count * sizeof(int32_t));
        ck_assert_mem_eq(a.indices, b.indices, a.count * sizeof(uint64_t));
    }
}

static const char *const pipelines[] = {
    "resize=10x7,random_crop=6x5,flip,vflip,brightness=0.5/1.5,grey=3",
    "resize=9x9:nearest,rotate=30,zoom=0.2,fill=wrap,scale=2",
    "resize=16x16,center_crop=12x11,subtract=0.5",
    "resize=12x12,grey=3,channel_shift=0.1,bgr,normalize=mean=0.5:std=0.25",
    "resize=12x12:area,ten_crop=8x8,scale=3",
    "resize=7x9:bicubic",
    "resize=16x16,random_resized_crop=6x6,flip",
    "resize=12x12,grey=3,pca_color,resize=5x5", /* a resize of floats behind it */
    "resize=20x20,flip,resize=11x11",           /* one of kept bytes */
};

/* Every kind of step before and behind what is kept, with any number of workers. */
START_TEST(the_bits_of_streaming)
{
    for (uint32_t workers = 0; workers < 4; workers += 3) {
        for (int mode = 0; mode < 2; mode++) {
            cnn_dataset *dataset = new_numbers(context, &set, COUNT);
            cnn_pipeline *pipeline = new_pipeline(context, pipelines[_i]);
            cnn_loader *kept = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 8, .shuffle = 1,
                                                              .mode = mode, .workers = workers, .in_memory = 1));
            cnn_loader *streamed =
                new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 8, .shuffle = 1, .mode = mode));
            for (int number = 0; number < 5 * EPOCHS; number++) {
                expect_next_same(kept, streamed, pipelines[_i]);
            }
            cnn_loader_free(streamed);
            const size_t reads = atomic_load(&set.reads);
            ck_assert_int_eq(cnn_loader_seek(kept, 0), CNN_OK);
            for (int number = 0; number < 5; number++) {
                cnn_batch batch = CNN_BATCH_INIT;
                ck_assert_int_eq(cnn_loader_next(kept, &batch), CNN_OK);
            }
            ck_assert_uint_eq(atomic_load(&set.reads), reads); /* all of them are there */
            cnn_loader_free(kept);
            cnn_pipeline_free(pipeline);
            cnn_dataset_free(dataset);
            ck_assert_uint_eq(atomic_load(&set.reads), atomic_load(&set.releases));
        }
    }
}
END_TEST

/* Float samples of a dataset with a known size are kept as floats, also where nothing comes before what is random. */
START_TEST(floats)
{
    static const char *const steps[] = {"random_crop=5x4,flip", "center_crop=7x7,rotate=20", "resize=9x5,flip,scale=2"};
    static float values[12 * 8 * 8 * 3];
    cnn_dataset *dataset = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        values[i] = (float)((i * 2654435761u) >> 8 & 0xffff) / 65535.0f;
    }
    ck_assert_int_eq(cnn_dataset_create(context, CNN_ARRAYS(.floats = values, .count = 12, .height = 8, .width = 8,
                                                            .channels = 3), &dataset), CNN_OK);
    cnn_pipeline *pipeline = new_pipeline(context, steps[_i]);
    cnn_loader *kept = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 5, .workers = 2, .in_memory = 1));
    cnn_loader *streamed = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 5));
    const size_t sides[] = {8 * 8, 7 * 7, 9 * 5};
    ck_assert_uint_eq(cnn_loader_kept_bytes(kept), 12 * (sides[_i] * 3 * sizeof(float) + 4 + 1));
    for (int number = 0; number < 4 * EPOCHS; number++) {
        expect_next_same(kept, streamed, steps[_i]);
    }
    cnn_loader_free(streamed);
    cnn_loader_free(kept);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

/* What cannot be read, or comes out in another shape, is not kept and fails again. */
START_TEST(odd_samples)
{
    cnn_dataset *dataset = new_numbers(context, &set, COUNT);
    set.statuses[3] = CNN_ERROR_FORMAT;
    set.odd = 5;
    set.small = 7;
    cnn_pipeline *pipeline = new_pipeline(context, "resize=9x9,flip");
    cnn_loader *kept = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 8, .workers = 2, .in_memory = 1,
                                                      .on_error = CNN_ON_ERROR_SKIP));
    cnn_loader *streamed =
        new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .batch = 8, .on_error = CNN_ON_ERROR_SKIP));
    for (int number = 0; number < 5 * EPOCHS; number++) {
        expect_next_same(kept, streamed, "odd samples");
    }
    ck_assert_uint_eq(cnn_loader_skipped(kept), cnn_loader_skipped(streamed));
    ck_assert_uint_eq(cnn_loader_skipped(kept), 2 * EPOCHS);
    set.statuses[3] = CNN_OK; /* it can be read now */
    ck_assert_int_eq(cnn_loader_seek(kept, 0), CNN_OK); /* drops what was prepared before */
    ck_assert_int_eq(cnn_loader_seek(streamed, 0), CNN_OK);
    expect_next_same(kept, streamed, "a sample that came back");
    cnn_loader_free(streamed);
    cnn_loader_free(kept);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(memory_is_told_and_limited)
{
    cnn_dataset *dataset = new_numbers(context, &set, COUNT);
    cnn_pipeline *pipeline = new_pipeline(context, "resize=9x10,flip");
    const uint64_t bytes = COUNT * (9 * 10 + 4 + 1);
    cnn_loader *loader = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .in_memory = 1, .memory_limit = bytes));
    ck_assert_uint_eq(cnn_loader_kept_bytes(loader), bytes);
    cnn_loader_free(loader);
    loader = new_loader(dataset, CNN_LOADER(.pipeline = pipeline, .memory_limit = 1));
    ck_assert_uint_eq(cnn_loader_kept_bytes(loader), 0);
    cnn_loader_free(loader);
    ck_assert_uint_eq(cnn_loader_kept_bytes(NULL), 0);
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .in_memory = 1,
                                                                    .memory_limit = bytes - 1), &loader),
                     CNN_ERROR_LIMIT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "29 images of 9x10x1 in memory"));
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .in_memory = 2), &loader),
                     CNN_ERROR_INVALID_ARGUMENT);
    cnn_pipeline_free(pipeline);
    /* The size comes only behind what is random. */
    pipeline = new_pipeline(context, "flip,resize=4x4");
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .in_memory = 1), &loader),
                     CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "before the first random step"));
    for (size_t i = 0; i < COUNT; i++) {
        set.statuses[i] = CNN_ERROR_IO; /* none can be looked at */
    }
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .in_memory = 1), &loader),
                     CNN_ERROR_IO);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader/keep");
    TCase *tcase = tcase_create("keep");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, the_bits_of_streaming, 0, (int)ARRAY_SIZE(pipelines));
    tcase_add_loop_test(tcase, floats, 0, 3);
    tcase_add_test(tcase, odd_samples);
    tcase_add_test(tcase, memory_is_told_and_limited);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
