/* SPDX-License-Identifier: MIT */
/* Results do not depend on the number of threads, nor an image's on the images beside it: to the bit, for networks of
 * the zoo whose layers are large enough to be divided in different ways. */
#include "common/fixture.h"
#include "common/suite.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 5, LABELS = 3, STEPS = 2 };

/* Inputs are odd and small for speed; the layers are as large as they are. */
static const struct {
    const char *name;
    cnn_zoo_options options;
} networks[] = {
    {"catdog", {.struct_size = sizeof(cnn_zoo_options), .input = {94, 86, 3}, .classes = LABELS, .dropout = 0.5f}},
    {"fashion-cnn", {.struct_size = sizeof(cnn_zoo_options), .classes = LABELS}},
    {"alexnet", {.struct_size = sizeof(cnn_zoo_options), .input = {67, 71, 3}, .classes = LABELS}},
    {"resnet18", {.struct_size = sizeof(cnn_zoo_options), .input = {40, 56, 3}, .classes = LABELS}},
};

#define NETWORKS (sizeof(networks) / sizeof(networks[0]))

static const uint32_t thread_counts[] = {1, 2, 3, 4, 7};

#define THREAD_COUNTS (sizeof(thread_counts) / sizeof(thread_counts[0]))

typedef struct bits {
    uint64_t training, inference;
} bits;

static size_t sample_values(const cnn_model *model)
{
    cnn_shape input = cnn_model_input_shape(model);
    return (size_t)(input.dims[0] * input.dims[1] * input.dims[2]);
}

static float *make_images(const cnn_model *model)
{
    size_t values = BATCH * sample_values(model);
    float *images = calloc(values, sizeof(float));
    ck_assert_ptr_nonnull(images);
    uint32_t state = 1;
    for (size_t i = 0; i < values; i++) {
        state = state * 1664525u + 1013904223u;
        images[i] = (float)(state >> 8) * 0x1p-24f;
    }
    return images;
}

/* Two steps of Adam; dropout is on. */
static void train(cnn_context *context, cnn_model *model, const float *images, uint32_t threads)
{
    static const int32_t labels[BATCH] = {0, 2, 1, 1, 2};
    cnn_session *session = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_loss *loss = NULL;
    double value = 0;
    ck_assert_int_eq(
        cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1, .threads = threads), &session), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    for (int step = 0; step < STEPS; step++) {
        ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    }
    cnn_loss_free(loss);
    cnn_optimizer_free(optimizer);
    cnn_session_free(session);
}

/* The logits of all images at once. */
static uint64_t infer(cnn_model *model, const float *images, uint32_t threads)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .threads = threads), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    uint64_t hash = test_hash(cnn_session_logits(session), BATCH * LABELS * sizeof(float));
    cnn_session_free(session);
    return hash;
}

/* `session_threads` limits the session to fewer threads than its context has; 0: no limit. */
static bits run(size_t network, uint32_t context_threads, uint32_t session_threads)
{
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = context_threads, .seed = 3), &context), CNN_OK);
    ck_assert_msg(cnn_zoo_create(context, networks[network].name, &networks[network].options, &model) == CNN_OK, "%s",
                  cnn_last_error(context));
    float *images = make_images(model);
    train(context, model, images, session_threads);
    bits result = {.training = test_model_hash(model)};
    result.inference = infer(model, images, session_threads);
    free(images);
    cnn_model_free(model);
    cnn_context_free(context);
    return result;
}

START_TEST(threads_do_not_matter)
{
    const size_t network = (size_t)_i;
    bits first = run(network, 1, 0);
    for (size_t i = 1; i < THREAD_COUNTS; i++) {
        bits other = run(network, thread_counts[i], 0);
        ck_assert_msg(other.training == first.training, "%s: training with %u threads", networks[network].name,
                      thread_counts[i]);
        ck_assert_msg(other.inference == first.inference, "%s: inference with %u threads", networks[network].name,
                      thread_counts[i]);
    }
    bits limited = run(network, 4, 2);
    ck_assert_msg(limited.training == first.training && limited.inference == first.inference, "%s: 2 of 4 threads",
                  networks[network].name);
}
END_TEST

/* Alone in a session of its own, alone in one that has room for more, and as any of two to five. */
START_TEST(neighbours_do_not_matter)
{
    const size_t network = (size_t)_i;
    const size_t row = LABELS * sizeof(float);
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_session *alone = NULL, *room = NULL;
    float expected[BATCH * LABELS];
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3), &context), CNN_OK);
    ck_assert_int_eq(cnn_zoo_create(context, networks[network].name, &networks[network].options, &model), CNN_OK);
    const size_t values = sample_values(model);
    float *images = make_images(model);
    ck_assert_int_eq(cnn_session_create(model, NULL, &alone), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH), &room), CNN_OK);
    for (size_t i = 0; i < BATCH; i++) {
        ck_assert_int_eq(cnn_session_forward(alone, images + i * values, 1), CNN_OK);
        memcpy(expected + i * LABELS, cnn_session_logits(alone), row);
    }
    for (size_t count = 1; count <= BATCH; count++) {
        const size_t begin = BATCH - count;
        ck_assert_int_eq(cnn_session_forward(room, images + begin * values, count), CNN_OK);
        for (size_t i = 0; i < count; i++) {
            ck_assert_msg(memcmp(cnn_session_logits(room) + i * LABELS, expected + (begin + i) * LABELS, row) == 0,
                          "%s: image %zu of %zu", networks[network].name, i, count);
        }
    }
    cnn_session_free(alone);
    cnn_session_free(room);
    free(images);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tests = tcase_create("threads");
    tcase_set_timeout(tests, 280);
    tcase_add_loop_test(tests, threads_do_not_matter, 0, NETWORKS);
    tcase_add_loop_test(tests, neighbours_do_not_matter, 0, NETWORKS);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
