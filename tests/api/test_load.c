/* SPDX-License-Identifier: MIT */
/* Much of the same: 10,000 models made and freed, forks while the pool is busy, and, in the suite nightly (LOAD=all), a
 * minute of predictions by sixteen threads and one of training. Memory stays flat, and bits the same. */
#include "common/fixture.h"
#include "common/suite.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Pages that a process may have grown by. */
#define MOST_PAGES 512
#define THREADS 16

static bool all;

static long resident(void)
{
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &pages), 2);
    fclose(file);
    return pages;
}

/* A sanitizer's allocator keeps what is freed. */
static void check_flat(const char *what, long begin)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    ck_assert_msg(resident() - begin <= MOST_PAGES, "%s: %ld pages more", what, resident() - begin);
#else
    (void)what;
    (void)begin;
#endif
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void fill(float *input, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        input[i] = (float)(i * 37 % 101) / 101;
    }
}

START_TEST(ten_thousand_models)
{
    test_allocator counts = {0};
    const cnn_allocator allocator = test_allocator_options(&counts);
    cnn_context *context = NULL;
    static float input[TEST_PIXELS];
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .allocator = &allocator), &context), CNN_OK);
    const size_t blocks = counts.blocks;
    long begin = 0;
    for (int i = 0; i < 10000; i++) {
        cnn_model *model = NULL;
        cnn_session *session = NULL;
        ck_assert_int_eq(test_model(context, &model), CNN_OK);
        if (i % 10 == 0) {
            ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_OK);
            ck_assert_int_eq(cnn_session_forward(session, input, 1), CNN_OK);
        }
        cnn_session_free(session);
        cnn_model_free(model);
        begin = i == 1000 ? resident() : begin;
        ck_assert_uint_eq(counts.blocks, blocks);
    }
    check_flat("10,000 models", begin);
    cnn_context_free(context);
    ck_assert_uint_eq(counts.blocks, 0);
}
END_TEST

/* ---- forks ---- */

typedef struct worker {
    pthread_t thread;
    cnn_model *model;
    uint64_t expected;
    atomic_bool *stop;
    atomic_size_t *passes;
    bool right;
} worker;

/* 0 on failure. Check is not called here: it has a lock of its own, which a child may find taken for ever. */
static uint64_t predict(cnn_session *session)
{
    static const size_t values = 8 * TEST_PIXELS;
    float *input = malloc(values * sizeof(*input));
    bool done = input != NULL;
    if (done) {
        fill(input, values);
        done = cnn_session_forward(session, input, 8) == CNN_OK;
    }
    free(input);
    return done ? test_hash(cnn_session_output(session), 8 * TEST_CLASSES * sizeof(float)) : 0;
}

static void *work(void *argument)
{
    worker *w = argument;
    cnn_session *session = NULL;
    w->right = cnn_session_create(w->model, CNN_SESSION(.batch = 8), &session) == CNN_OK;
    while (w->right && !atomic_load(w->stop)) {
        w->right = predict(session) == w->expected;
        atomic_fetch_add(w->passes, 1);
    }
    cnn_session_free(session);
    return NULL;
}

/* In the child: a session made before, one of its own, and a context of its own, each with the same bits. */
static int child(cnn_model *model, cnn_session *session, uint64_t expected)
{
    cnn_session *own = NULL;
    cnn_context *context = NULL;
    cnn_model *made = NULL;
    alarm(20);
    if (predict(session) != expected) {
        return 2;
    }
    if (cnn_session_create(model, CNN_SESSION(.batch = 8), &own) != CNN_OK || predict(own) != expected) {
        return 3;
    }
    cnn_session_free(own);
    if (cnn_context_create(CNN_CONTEXT(.threads = 4), &context) != CNN_OK || test_model(context, &made) != CNN_OK) {
        return 4;
    }
    cnn_model_free(made);
    cnn_context_free(context);
    return 0;
}

START_TEST(forks_while_the_pool_is_busy)
{
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    worker workers[2];
    atomic_bool stop = false;
    atomic_size_t passes = 0;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 4), &context), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 8), &session), CNN_OK);
    const uint64_t expected = predict(session);
    ck_assert_uint_ne(expected, 0);
    for (int i = 0; i < 2; i++) {
        workers[i] = (worker){.model = model, .expected = expected, .stop = &stop, .passes = &passes};
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    const int forks = all ? 1000 : 60;
    for (int i = 0; i < forks; i++) {
        int status = 0;
        const pid_t made = fork();
        if (made == 0) {
            _exit(child(model, session, expected));
        }
        ck_assert_int_ge(made, 0);
        ck_assert_int_eq(waitpid(made, &status, 0), made);
        ck_assert_msg(WIFEXITED(status), "fork %d: signal %d", i, WTERMSIG(status));
        ck_assert_msg(WEXITSTATUS(status) == 0, "fork %d: status %d", i, WEXITSTATUS(status));
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert(workers[i].right);
    }
    ck_assert_uint_gt(passes, 0);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

/* ---- a minute ---- */

START_TEST(sixteen_threads)
{
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    worker workers[THREADS];
    atomic_bool stop = false;
    atomic_size_t passes = 0;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2), &context), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 8, .threads = 1), &session), CNN_OK);
    const uint64_t expected = predict(session);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.model = model, .expected = expected, .stop = &stop, .passes = &passes};
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    sleep(all ? 5 : 1);
    const long begin = resident();
    sleep(all ? 55 : 1);
    check_flat("sixteen threads", begin);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert(workers[i].right);
    }
    if (all) {
        fprintf(stderr, "# %zu passes of 8 by 16 threads in 60 s\n", (size_t)passes);
    }
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

typedef struct soak {
    double until;
    long begin;
    double begins;
} soak;

static bool soaked(void *user, const cnn_progress *progress)
{
    soak *s = user;
    (void)progress;
    if (s->begin == 0 && seconds() > s->begins) {
        s->begin = resident();
    }
    return seconds() > s->until;
}

START_TEST(training)
{
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL, *validation = NULL;
    cnn_optimizer *optimizer = NULL;
    soak s = {.begins = seconds() + (all ? 10 : 1), .until = seconds() + (all ? 60 : 3)};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2), &context), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, 64, &data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 8, .shuffle = 1), &loader), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 8), &validation), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(context, CNN_ADAM(.learning_rate = 1e-6f), &optimizer), CNN_OK);
    /* The history grows by a row for each epoch, and by nothing else. */
    ck_assert_int_eq(cnn_fit(model,
                             CNN_FIT(.train = loader, .validation = validation, .optimizer = optimizer,
                                     .epochs = 1000000, .on_step = soaked, .user = &s),
                             NULL),
                     CNN_ERROR_CANCELLED);
    ck_assert_int_gt(s.begin, 0);
    check_flat("a training", s.begin);
    cnn_optimizer_free(optimizer);
    cnn_loader_free(validation);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    all = getenv("LOAD") != NULL;
    Suite *suite = suite_create("load");
    TCase *tests = tcase_create("load");
    tcase_set_timeout(tests, 1200);
    tcase_add_test(tests, ten_thousand_models);
    tcase_add_test(tests, forks_while_the_pool_is_busy);
    tcase_add_test(tests, sixteen_threads);
    tcase_add_test(tests, training);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
