/* SPDX-License-Identifier: MIT */
/* Loaders in a child process, which has none of their workers; and places beyond all counting. */
#include <sys/wait.h>

#include <signal.h>

#include "../pipeline/numbers.h"

/* The sanitizers' own locks do not survive a fork while other threads allocate: there, workers sleep when it comes. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ThreadSanitizer knows no threads that the child of a program with threads starts. */
#if defined(__SANITIZE_THREAD__)
#define CHILD_WORKERS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHILD_WORKERS 0
#endif
#endif
#ifndef CHILD_WORKERS
#define CHILD_WORKERS 2
#endif

static cnn_context *context;
static numbers set;
static cnn_dataset *dataset;
static cnn_pipeline *pipeline;

static void setup(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context), CNN_OK);
    dataset = new_numbers(context, &set, 40);
    pipeline = new_pipeline(context, "resize=8x8");
}

static void teardown(void)
{
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
    cnn_context_free(context);
}

static cnn_loader *new_loader(uint32_t workers)
{
    cnn_loader *loader = NULL;
    ck_assert_int_eq(
        cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .batch = 4, .workers = workers), &loader),
        CNN_OK);
    return loader;
}

/* 0, or the number of what is wrong: a child of a test does not report in any other way. */
static int use_in_child(cnn_loader *loader, uint32_t workers)
{
    cnn_batch batch = CNN_BATCH_INIT;
    signal(SIGALRM, SIG_DFL); /* a call that hangs ends the child, and not the test */
    alarm(20);
    for (int again = 0; again < 2 && workers > 0; again++) {
        if (cnn_loader_next(loader, &batch) != CNN_ERROR_STATE || cnn_loader_seek(loader, 3) != CNN_ERROR_STATE) {
            return 1;
        }
        if (strstr(cnn_last_error(context), "fork()") == NULL) {
            return 2;
        }
    }
    if (workers == 0 && (cnn_loader_next(loader, &batch) != CNN_OK || batch.indices[0] != 4)) {
        return 3;
    }
    cnn_loader_free(loader);
    cnn_loader *own = NULL;
    if (cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .batch = 4, .workers = CHILD_WORKERS),
                          &own) != CNN_OK) {
        return 4;
    }
    for (int i = 0; i < 10; i++) {
        if (cnn_loader_next(own, &batch) != CNN_OK || batch.count != 4) {
            return 5;
        }
    }
    cnn_loader_free(own);
    return 0;
}

START_TEST(a_child_frees_and_makes_its_own)
{
    for (uint32_t workers = 0; workers < 4; workers++) {
        for (int round = 0; round < 10; round++) {
            set.delay = round % 2 == 0 ? 0 : 200; /* workers asleep, and at work */
            cnn_batch batch = CNN_BATCH_INIT;
            cnn_loader *loader = new_loader(workers);
            ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
            (void)cnn_loader_next(NULL, NULL);
            if (SANITIZED) {
                usleep(20000);
            }
            pid_t child = fork();
            ck_assert_int_ge(child, 0);
            if (child == 0) {
                _exit(use_in_child(loader, workers));
            }
            int result = -1;
            ck_assert_int_eq(waitpid(child, &result, 0), child);
            ck_assert_msg(result == 0, "%u workers: the child ended with 0x%x", workers, result);
            for (uint64_t number = 1; number < 10; number++) { /* the parent goes on */
                ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
                ck_assert_uint_eq(batch.indices[0], number * 4);
            }
            cnn_loader_free(loader);
        }
    }
}
END_TEST

/* Positions that counting on from would wrap. */
START_TEST(far_positions_are_refused)
{
    static const uint64_t far[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX / 2, (UINT64_C(1) << 53) + 1};
    for (uint32_t workers = 0; workers < 3; workers++) {
        cnn_loader *loader = new_loader(workers);
        cnn_batch batch = CNN_BATCH_INIT;
        ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
        for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
            ck_assert_int_eq(cnn_loader_seek(loader, far[i]), CNN_ERROR_LIMIT);
            ck_assert_uint_eq(cnn_loader_position(loader), 1);
        }
        ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
        ck_assert_uint_eq(batch.indices[0], 4);
        ck_assert_int_eq(cnn_loader_seek(loader, UINT64_C(1) << 53), CNN_OK);
        for (int i = 0; i < 25; i++) {
            ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
        }
        cnn_loader_free(loader);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader/fork");
    TCase *tcase = tcase_create("fork");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_child_frees_and_makes_its_own);
    tcase_add_test(tcase, far_positions_are_refused);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
