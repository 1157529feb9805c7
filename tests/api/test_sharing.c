/* SPDX-License-Identifier: MIT */
/* One model shared by many threads, and contexts that do not know of each other. */
#include "common/fixture.h"
#include "common/suite.h"

#include <pthread.h>
#include <string.h>

#define THREADS 16
#define IMAGES 24
#define ROUNDS 20

typedef struct client {
    pthread_t thread;
    cnn_context *context;
    cnn_model *model;
    const float *images;
    const float *expected; /* IMAGES x TEST_CLASSES */
    uint32_t threads;
    unsigned first, wrong;
    cnn_status status;
} client;

/* Every thread asks for the images in another order and compares bits. */
static void *ask(void *argument)
{
    client *c = argument;
    cnn_session *session = NULL;
    c->status = cnn_session_create(c->model, CNN_SESSION(.threads = c->threads), &session);
    for (unsigned round = 0; c->status == CNN_OK && round < ROUNDS; round++) {
        for (unsigned i = 0; c->status == CNN_OK && i < IMAGES; i++) {
            unsigned image = (c->first + i * 5) % IMAGES;
            c->status = cnn_session_forward(session, c->images + image * TEST_PIXELS, 1);
            c->wrong += c->status == CNN_OK && memcmp(cnn_session_output(session), c->expected + image * TEST_CLASSES,
                                                      TEST_CLASSES * sizeof(float)) != 0;
        }
    }
    cnn_session_free(session);
    return NULL;
}

static void draw_all(float *images)
{
    uint8_t pixels[TEST_PIXELS];
    for (size_t i = 0; i < IMAGES; i++) {
        test_draw(i, pixels);
        for (size_t p = 0; p < TEST_PIXELS; p++) {
            images[i * TEST_PIXELS + p] = (float)pixels[p] / 255;
        }
    }
}

static void share(uint32_t context_threads, uint32_t session_threads)
{
    static float images[IMAGES * TEST_PIXELS], expected[IMAGES * TEST_CLASSES];
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    client clients[THREADS];
    draw_all(images);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = context_threads), &context), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_OK);
    for (unsigned i = 0; i < IMAGES; i++) {
        ck_assert_int_eq(cnn_session_forward(session, images + i * TEST_PIXELS, 1), CNN_OK);
        memcpy(expected + i * TEST_CLASSES, cnn_session_output(session), TEST_CLASSES * sizeof(float));
    }
    cnn_session_free(session);
    for (unsigned i = 0; i < THREADS; i++) {
        clients[i] = (client){.context = context, .model = model, .images = images, .expected = expected,
                              .threads = session_threads, .first = i};
        ck_assert_int_eq(pthread_create(&clients[i].thread, NULL, ask, &clients[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(clients[i].thread, NULL);
        ck_assert_int_eq(clients[i].status, CNN_OK);
        ck_assert_uint_eq(clients[i].wrong, 0);
    }
    cnn_model_free(model);
    cnn_context_free(context);
}

START_TEST(sixteen_threads_share_a_model)
{
    share(1, 1);
}
END_TEST

START_TEST(sixteen_threads_share_a_model_and_a_pool)
{
    share(3, 0);
}
END_TEST

/* A training with everything of its own; the last loss goes to `loss`. */
typedef struct training {
    pthread_t thread;
    uint64_t hash;
    cnn_status status;
} training;

static void *train(void *argument)
{
    training *t = argument;
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;
    bool ok = (t->status = cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 7), &context)) == CNN_OK &&
              (t->status = test_dataset(context, 0, 48, &data)) == CNN_OK &&
              (t->status = cnn_loader_create(context, data, CNN_LOADER(.batch = 8, .shuffle = 1), &loader)) == CNN_OK &&
              (t->status = test_model(context, &model)) == CNN_OK &&
              (t->status = cnn_adam_create(context, NULL, &optimizer)) == CNN_OK &&
              (t->status = cnn_fit(model, CNN_FIT(.train = loader, .optimizer = optimizer, .epochs = 2), NULL)) ==
                  CNN_OK;
    t->hash = ok ? test_model_hash(model) : 0;
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    cnn_context_free(context);
    return NULL;
}

START_TEST(contexts_do_not_disturb_each_other)
{
    training trainings[6];
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(pthread_create(&trainings[i].thread, NULL, train, &trainings[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(trainings[i].thread, NULL);
        ck_assert_int_eq(trainings[i].status, CNN_OK);
        ck_assert_uint_ne(trainings[i].hash, 0);
        ck_assert_uint_eq(trainings[i].hash, trainings[0].hash);
    }
}
END_TEST

typedef struct reader {
    pthread_t thread;
    cnn_context *context;
    const cnn_dataset *data;
    uint64_t hash;
    cnn_status status;
} reader;

static void *read_all(void *argument)
{
    reader *r = argument;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    r->hash = 0;
    r->status = cnn_loader_create(r->context, r->data, CNN_LOADER(.batch = 7, .shuffle = 1, .workers = 2), &loader);
    while (r->status == CNN_OK && (r->status = cnn_loader_next(loader, &batch)) == CNN_OK && batch.count > 0) {
        r->hash = r->hash * 31 + test_hash(batch.images, batch.count * TEST_PIXELS * sizeof(float));
    }
    cnn_loader_free(loader);
    return NULL;
}

START_TEST(loaders_share_a_dataset)
{
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    reader readers[6];
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2), &context), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, 100, &data), CNN_OK);
    for (int i = 0; i < 6; i++) {
        readers[i] = (reader){.context = context, .data = data};
        ck_assert_int_eq(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(readers[i].thread, NULL);
        ck_assert_int_eq(readers[i].status, CNN_OK);
        ck_assert_uint_ne(readers[i].hash, 0);
        ck_assert_uint_eq(readers[i].hash, readers[0].hash);
    }
    cnn_dataset_free(data);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sharing");
    TCase *tests = tcase_create("sharing");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, sixteen_threads_share_a_model);
    tcase_add_test(tests, sixteen_threads_share_a_model_and_a_pool);
    tcase_add_test(tests, contexts_do_not_disturb_each_other);
    tcase_add_test(tests, loaders_share_a_dataset);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
