/* SPDX-License-Identifier: MIT */
/* Loaders when something fails: samples, options, threads, memory. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#include "../pipeline/numbers.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#endif

#ifndef UNDER_TSAN
/* Thread creation fails from this call on; negative: never. */
static int threads_left = -1;

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*begin)(void *),
                   void *restrict argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (threads_left == 0) {
        return EAGAIN;
    }
    threads_left -= threads_left > 0;
    return real(thread, attributes, begin, argument);
}
#endif

static cnn_context *context;
static numbers set;
static cnn_dataset *dataset;
static cnn_pipeline *pipeline;
static atomic_size_t warnings;
static char last_warning[1024];

static void log_message(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    if (level == CNN_LOG_WARNING) {
        atomic_fetch_add(&warnings, 1);
        snprintf(last_warning, sizeof(last_warning), "%s", message);
    }
}

static void setup(void)
{
    atomic_store(&warnings, 0);
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference", .seed = 11, .log = log_message), &context),
        CNN_OK);
    dataset = new_numbers(context, &set, 20);
    pipeline = new_pipeline(context, "resize=8x8");
}

static void teardown(void)
{
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
    cnn_context_free(context);
    ck_assert_uint_eq(atomic_load(&set.destroyed), 1);
}

static cnn_loader *new_loader(const cnn_loader_options *options)
{
    cnn_loader *loader = NULL;
    cnn_status status = cnn_loader_create(context, dataset, options, &loader);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    return loader;
}

/* The failing batch is missing, those around it are whole, and the first failing sample of it is named. */
START_TEST(failures_come_in_order)
{
    for (uint32_t workers = 0; workers < 4; workers++) {
        set.statuses[6] = CNN_ERROR_FORMAT;
        set.statuses[7] = CNN_ERROR_TRUNCATED;
        set.statuses[19] = CNN_ERROR_IO;
        cnn_loader *loader = new_loader(CNN_LOADER(.pipeline = pipeline, .batch = 4, .workers = workers));
        for (int epoch = 0; epoch < 2; epoch++) {
            for (uint64_t number = 0; number < 5; number++) {
                cnn_batch batch = CNN_BATCH_INIT;
                cnn_status expected = number == 1 ? CNN_ERROR_FORMAT : number == 4 ? CNN_ERROR_IO : CNN_OK;
                ck_assert_int_eq(cnn_loader_next(loader, &batch), expected);
                ck_assert_uint_eq(cnn_loader_position(loader), (uint64_t)epoch * 5 + number + 1);
                if (expected == CNN_OK) {
                    ck_assert_uint_eq(batch.count, 4);
                    ck_assert_uint_eq(batch.indices[0], number * 4);
                } else {
                    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), number == 1 ? "sample 6" : "sample 19"));
                }
            }
            cnn_batch end = CNN_BATCH_INIT;
            ck_assert_int_eq(cnn_loader_next(loader, &end), CNN_OK);
            ck_assert_uint_eq(end.count, 0);
        }
        ck_assert_uint_eq(cnn_loader_skipped(loader), 0);
        cnn_loader_free(loader);
    }
}
END_TEST

START_TEST(failures_can_be_left_out)
{
    for (uint32_t workers = 0; workers < 4; workers++) {
        atomic_store(&warnings, 0);
        set.statuses[0] = set.statuses[5] = set.statuses[7] = CNN_ERROR_FORMAT;
        for (int i = 12; i < 16; i++) {
            set.statuses[i] = CNN_ERROR_CALLBACK; /* a whole batch */
        }
        cnn_loader *loader = new_loader(
            CNN_LOADER(.pipeline = pipeline, .batch = 4, .workers = workers, .on_error = CNN_ON_ERROR_SKIP));
        const uint64_t expected[5][4] = {{1, 2, 3}, {4, 6}, {8, 9, 10, 11}, {16, 17, 18, 19}, {0}};
        const size_t counts[5] = {3, 2, 4, 4, 0};
        for (int k = 0; k < 5; k++) {
            cnn_batch batch = CNN_BATCH_INIT;
            ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
            ck_assert_uint_eq(batch.count, counts[k]);
            ck_assert_int_eq(batch.shape.dims[0], (int64_t)counts[k]);
            for (size_t i = 0; i < counts[k]; i++) {
                uint64_t index = expected[k][i];
                ck_assert_uint_eq(batch.indices[i], index);
                ck_assert_int_eq(batch.labels[i], (int32_t)(index % 3));
                expect_bytes("kept", batch.images + i * NUMBERS_PIXELS, set.pixels[index], NUMBERS_PIXELS);
            }
        }
        ck_assert_uint_eq(cnn_loader_position(loader), 5);
        ck_assert_uint_eq(cnn_loader_skipped(loader), 7);
        ck_assert_uint_eq(atomic_load(&warnings), 3);
        ck_assert_ptr_nonnull(strstr(last_warning, "4 samples left out, the first: sample 12"));
        cnn_loader_free(loader);
    }
}
END_TEST

START_TEST(nothing_left)
{
    for (int i = 0; i < 20; i++) {
        set.statuses[i] = CNN_ERROR_FORMAT;
    }
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline), &loader), CNN_ERROR_FORMAT);
    ck_assert_ptr_null(loader);
    cnn_pipeline *grey = new_pipeline(context, "resize=8x8,grey"); /* nobody has to look at a sample */
    loader = new_loader(CNN_LOADER(.pipeline = grey, .batch = 4, .on_error = CNN_ON_ERROR_SKIP, .workers = 2));
    ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
    ck_assert_uint_eq(batch.count, 0);
    ck_assert_uint_eq(cnn_loader_skipped(loader), 20);
    cnn_loader_free(loader);
    loader = new_loader(
        CNN_LOADER(.pipeline = grey, .batch = 4, .mode = CNN_BATCH_WRAP, .on_error = CNN_ON_ERROR_SKIP, .workers = 2));
    ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "no sample of the dataset can be used"));
    cnn_loader_free(loader);
    cnn_pipeline_free(grey);
}
END_TEST

/* A caller that cancels is not a bad photo. */
START_TEST(some_failures_cannot_be_left_out)
{
    const cnn_status statuses[2] = {CNN_ERROR_CANCELLED, CNN_ERROR_OUT_OF_MEMORY};
    for (int i = 0; i < 2; i++) {
        cnn_batch batch = CNN_BATCH_INIT;
        set.statuses[3] = statuses[i];
        cnn_loader *loader = new_loader(CNN_LOADER(.pipeline = pipeline, .on_error = CNN_ON_ERROR_SKIP, .workers = 2));
        ck_assert_int_eq(cnn_loader_next(loader, &batch), statuses[i]);
        ck_assert_uint_eq(cnn_loader_skipped(loader), 0);
        cnn_loader_free(loader);
    }
}
END_TEST

/* A sample that is damaged does not hide one that was cancelled, whichever comes first and whoever finds it first. */
START_TEST(a_cancelled_sample_is_not_hidden)
{
    const cnn_status statuses[2] = {CNN_ERROR_CANCELLED, CNN_ERROR_OUT_OF_MEMORY};
    for (int i = 0; i < 2 * 2 * 3; i++) {
        const size_t at = i / 2 % 2 == 0 ? 2 : 1, damaged = 3 - at;
        cnn_batch batch = CNN_BATCH_INIT;
        set.statuses[damaged] = CNN_ERROR_FORMAT;
        set.statuses[at] = statuses[i % 2];
        set.statuses[3] = CNN_ERROR_TRUNCATED;
        cnn_loader *loader = new_loader(CNN_LOADER(.pipeline = pipeline, .batch = 4, .on_error = CNN_ON_ERROR_SKIP,
                                                   .workers = (uint32_t)(i / 4)));
        ck_assert_int_eq(cnn_loader_next(loader, &batch), statuses[i % 2]);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), at == 1 ? "sample 1" : "sample 2"));
        ck_assert_uint_eq(cnn_loader_skipped(loader), 0);
        ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
        ck_assert_uint_eq(batch.indices[0], 4);
        cnn_loader_free(loader);
        memset(set.statuses, 0, sizeof(set.statuses));
    }
    /* Nor does looking for the channels of the first samples. */
    set.statuses[0] = CNN_ERROR_FORMAT;
    set.statuses[1] = CNN_ERROR_CANCELLED;
    cnn_loader *loader = NULL;
    ck_assert_int_eq(
        cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .on_error = CNN_ON_ERROR_SKIP), &loader),
        CNN_ERROR_CANCELLED);
    ck_assert_ptr_null(loader);
}
END_TEST

START_TEST(shapes_that_differ)
{
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    ck_assert_int_eq(cnn_loader_create(context, dataset, NULL, &loader), CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "no common size"));
    set.odd = 5;
    loader = new_loader(CNN_LOADER(.pipeline = pipeline, .batch = 4, .workers = 2));
    ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
    ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_ERROR_SHAPE);
    ck_assert_msg(strstr(cnn_last_error(context), "sample 5: the pipeline gives") != NULL, "%s",
                  cnn_last_error(context));
    ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
    ck_assert_uint_eq(batch.indices[0], 8);
    cnn_loader_free(loader);
    set.odd = SIZE_MAX;
    set.small = 2;
    cnn_pipeline *crop = new_pipeline(context, "random_crop=6x6");
    loader = new_loader(CNN_LOADER(.pipeline = crop, .batch = 4));
    ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_ERROR_SHAPE);
    ck_assert_msg(strstr(cnn_last_error(context), "sample 2: random_crop=6x6 does not fit into 4x4") != NULL, "%s",
                  cnn_last_error(context));
    cnn_loader_free(loader);
    cnn_pipeline_free(crop);
}
END_TEST

START_TEST(bad_options)
{
    cnn_loader *loader = (cnn_loader *)1;
    const cnn_status invalid = CNN_ERROR_INVALID_ARGUMENT;
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .mode = 2), &loader),
                     invalid);
    ck_assert_ptr_null(loader);
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .on_error = -1), &loader),
                     invalid);
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .workers = 100000), &loader),
                     invalid);
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .prefetch = 100000), &loader),
                     invalid);
    ck_assert_int_eq(
        cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .batch = 21, .drop_last = 1), &loader),
        invalid);
    ck_assert_int_eq(cnn_loader_create(context, NULL, NULL, &loader), invalid);
    ck_assert_int_eq(cnn_loader_create(context, dataset, NULL, NULL), invalid);
    ck_assert_int_eq(cnn_loader_create(NULL, dataset, NULL, &loader), invalid);
    cnn_context *large = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .max_pixels = 1 << 30), &large), CNN_OK);
    cnn_pipeline *huge = new_pipeline(large, "resize=32768x32768,grey=3");
    ck_assert_int_eq(cnn_loader_create(context, dataset,
                                       CNN_LOADER(.pipeline = huge, .batch = 4294967295u, .mode = CNN_BATCH_WRAP),
                                       &loader),
                     CNN_ERROR_LIMIT);
    cnn_pipeline_free(huge);
    cnn_context_free(large);
    loader = new_loader(CNN_LOADER(.pipeline = pipeline));
    cnn_batch batch = {0};
    ck_assert_int_eq(cnn_loader_next(loader, &batch), invalid);
    ck_assert_int_eq(cnn_loader_next(loader, NULL), invalid);
    cnn_loader_free(loader);
}
END_TEST

/* An older caller's shorter struct is filled as far as it goes. */
START_TEST(short_batch_struct)
{
    cnn_batch batch;
    memset(&batch, 0x5A, sizeof(batch));
    batch.struct_size = offsetof(cnn_batch, epoch);
    cnn_loader *loader = new_loader(CNN_LOADER(.pipeline = pipeline));
    ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
    ck_assert_uint_eq(batch.count, 20);
    ck_assert_uint_eq(batch.struct_size, offsetof(cnn_batch, epoch));
    ck_assert_uint_eq(batch.epoch, 0x5A5A5A5A5A5A5A5Au);
    cnn_loader_free(loader);
}
END_TEST

#ifndef UNDER_TSAN
START_TEST(threads_that_cannot_be_created)
{
    for (int left = 0; left < 4; left++) {
        cnn_loader *loader = (cnn_loader *)1;
        threads_left = left;
        cnn_status status = cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .workers = 4),
                                              &loader);
        threads_left = -1;
        ck_assert_int_eq(status, CNN_ERROR_THREAD);
        ck_assert_ptr_null(loader);
        char expected[64];
        snprintf(expected, sizeof(expected), "worker thread %d of 4 could not be created", left + 1);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), expected));
    }
}
END_TEST
#endif

/* ---- memory ---- */

typedef struct counter {
    atomic_size_t calls, blocks;
    atomic_size_t fail_at; /* this allocation and all after it fail; 0: none */
} counter;

static void *count_allocate(void *user, size_t size, size_t alignment)
{
    counter *count = user;
    void *memory;
    size_t call = atomic_fetch_add(&count->calls, 1) + 1, fail_at = atomic_load(&count->fail_at);
    if ((fail_at != 0 && call >= fail_at) || posix_memalign(&memory, alignment, size) != 0) {
        return NULL;
    }
    atomic_fetch_add(&count->blocks, 1);
    return memory;
}

static void count_release(void *user, void *memory, size_t size)
{
    (void)size;
    atomic_fetch_sub(&((counter *)user)->blocks, 1);
    free(memory);
}

/* Uses a pipeline and a loader as far as memory goes; true if it went to the end. */
static bool use_loader(cnn_context *poor, const cnn_dataset *data, uint32_t workers, uint32_t in_memory)
{
    cnn_pipeline *steps = NULL;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    cnn_status status = cnn_pipeline_create(poor, "resize=9x9,rotate=10,fill=wrap,channel_shift=0.1,resize=4x4",
                                            &steps);
    if (status == CNN_OK) {
        status = cnn_loader_create(poor, data,
                                   CNN_LOADER(.pipeline = steps, .batch = 2, .workers = workers,
                                              .on_error = CNN_ON_ERROR_SKIP, .in_memory = in_memory),
                                   &loader);
    }
    for (int i = 0; status == CNN_OK && i < 4; i++) {
        status = cnn_loader_next(loader, &batch);
    }
    ck_assert_msg(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY, "status %d", status);
    cnn_loader_free(loader);
    cnn_pipeline_free(steps);
    return status == CNN_OK;
}

START_TEST(memory_that_runs_out)
{
    static const uint8_t pixels[6 * 25];
    for (uint32_t workers = 0; workers < 3; workers += 2) {
        counter count = {0};
        bool whole = false;
        for (size_t k = 1; !whole; k++) {
            const cnn_allocator allocator = {sizeof(allocator), &count, count_allocate, count_release};
            cnn_context *poor;
            cnn_dataset *data;
            atomic_store(&count.fail_at, 0);
            ck_assert_int_eq(
                cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference", .allocator = &allocator), &poor),
                CNN_OK);
            ck_assert_int_eq(
                cnn_dataset_create(
                    poor, CNN_ARRAYS(.bytes = pixels, .count = 6, .height = 5, .width = 5, .channels = 1), &data),
                CNN_OK);
            (void)cnn_loader_create(poor, NULL, NULL, NULL); /* makes this thread's place for errors */
            atomic_store(&count.fail_at, atomic_load(&count.calls) + k);
            whole = use_loader(poor, data, workers, (uint32_t)_i);
            atomic_store(&count.fail_at, 0);
            ck_assert(whole || use_loader(poor, data, workers, (uint32_t)_i));
            cnn_dataset_free(data);
            cnn_context_free(poor);
            ck_assert_uint_eq(atomic_load(&count.blocks), 0);
            ck_assert_uint_lt(k, 300);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader/loader_errors");
    TCase *tcase = tcase_create("loader_errors");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, failures_come_in_order);
    tcase_add_test(tcase, failures_can_be_left_out);
    tcase_add_test(tcase, nothing_left);
    tcase_add_test(tcase, some_failures_cannot_be_left_out);
    tcase_add_test(tcase, a_cancelled_sample_is_not_hidden);
    tcase_add_test(tcase, shapes_that_differ);
    tcase_add_test(tcase, bad_options);
    tcase_add_test(tcase, short_batch_struct);
#ifndef UNDER_TSAN
    tcase_add_test(tcase, threads_that_cannot_be_created);
#endif
    tcase_add_loop_test(tcase, memory_that_runs_out, 0, 2); /* 1: images are kept in memory */
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
