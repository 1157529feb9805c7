/* SPDX-License-Identifier: MIT */
/* A loop of one's own on several ranks: cnn_session_set_communicator() and cnn_session_set_share() give the training of
 * one process. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/ranks.h"
#include "common/suite.h"
#include "common/values.h"
#include "common/weak_layer.h"

#define SAMPLES 13 /* batches of 6, 6 and 1: of the last one most ranks have nothing */
#define BATCH 6
#define EPOCHS 3
#define MOST_VALUES 4096

typedef struct plan {
    bool hooks;
    uint32_t rank, backward; /* whose backward pass number `backward` fails, from 1; 0: none */
    /* What came of it. */
    uint32_t batches[TEST_MOST_RANKS], without[TEST_MOST_RANKS]; /* batches; those that a rank had no sample of */
    uint32_t failed[TEST_MOST_RANKS], told[TEST_MOST_RANKS];
    double loss[TEST_MOST_RANKS]; /* of the last batch, its share of the mean */
    uint64_t hash[TEST_MOST_RANKS];
    float values[MOST_VALUES]; /* of rank 0 */
    size_t count;
} plan;

#define PLAN(...) ((plan){__VA_ARGS__})

static cnn_model *make_model(cnn_context *context, test_weak_layer *weak)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 4, .kernel = {3, 3}, .stride = {2, 2},
                                                        .activation = CNN_TANH, .kernel_regularizer = {0, 0.01f})));
    cnn_model_add(model, test_weak(context, weak));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.3f)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = TEST_CLASSES, .bias_regularizer = {0, 0.02f})));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

/* Which samples of the batch this rank has. */
static void place(cnn_context *context, const cnn_communicator *c, cnn_session *session, size_t own)
{
    uint64_t counts[TEST_MOST_RANKS], mine = own, before = 0, all = 0;
    size_t sizes[TEST_MOST_RANKS];
    for (uint32_t r = 0; r < c->size; r++) {
        sizes[r] = sizeof(mine);
    }
    ck_assert_int_eq(cnn_communicator_gather(context, c, &mine, counts, sizes), CNN_OK);
    for (uint32_t r = 0; r < c->size; r++) {
        before += r < c->rank ? counts[r] : 0;
        all += counts[r];
    }
    ck_assert_int_eq(cnn_session_set_share(session, before, (double)own / (double)all), CNN_OK);
}

/* One batch. The ranks tell each other twice: before all go backward, and before the step. */
static cnn_status pass(cnn_context *context, const cnn_communicator *c, cnn_session *session, cnn_loss *loss,
                       const cnn_batch *batch, double *value)
{
    cnn_status status = CNN_OK;
    *value = 0;
    place(context, c, session, batch->count);
    if (batch->count > 0) {
        status = cnn_session_forward(session, batch->images, batch->count);
        status = status == CNN_OK ? cnn_session_loss(session, loss, CNN_TARGET(.labels = batch->labels), value)
                                  : status;
    }
    ck_assert_int_eq(cnn_communicator_agree(context, c, status), CNN_OK);
    return cnn_communicator_agree(context, c, cnn_session_backward(session, NULL));
}

static void take_values(plan *p, cnn_model *model)
{
    for (uint32_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        const size_t values = test_shape_values(parameter.value.shape);
        ck_assert_uint_le(p->count + values, MOST_VALUES);
        memcpy(p->values + p->count, parameter.value.data, values * sizeof(float));
        p->count += values;
    }
}

static void train(void *user, const cnn_communicator *c)
{
    plan *p = user;
    const uint32_t rank = c->rank;
    test_weak_layer weak = {0, rank == p->rank ? p->backward : 0};
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *optimizer = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 5), &context), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, SAMPLES, &data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data,
                                       CNN_LOADER(.batch = BATCH, .shuffle = 1, .shard = rank, .shards = c->size),
                                       &loader),
                     CNN_OK);
    cnn_model *model = make_model(context, &weak);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_create(context, "momentum:learning_rate=0.05", &optimizer), CNN_OK);
    ck_assert_msg(cnn_session_set_communicator(session, c) == CNN_OK, "%s", cnn_last_error(context));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        cnn_batch batch = CNN_BATCH_INIT;
        ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
        while (batch.whole > 0) {
            p->batches[rank]++;
            p->without[rank] += batch.count == 0;
            const cnn_status status = pass(context, c, session, loss, &batch, &p->loss[rank]);
            p->failed[rank] += status == CNN_ERROR_CALLBACK;
            p->told[rank] += status == CNN_ERROR_PEER;
            if (status == CNN_OK) {
                ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
            }
            ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
        }
    }
    p->hash[rank] = test_model_hash(model);
    if (rank == 0) {
        take_values(p, model);
    }
    cnn_optimizer_free(optimizer);
    cnn_loss_free(loss);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    cnn_context_free(context);
}

static plan run(uint32_t ranks, plan p)
{
    test_run_ranks(ranks, p.hooks, train, &p);
    return p;
}

static void expect_same(const plan *several, uint32_t ranks, const plan *alone)
{
    for (uint32_t r = 0; r < ranks; r++) {
        ck_assert_uint_eq(several->hash[r], several->hash[0]);
        ck_assert_uint_eq(several->batches[r], alone->batches[0]);
    }
    ck_assert_uint_eq(several->count, alone->count);
    for (size_t i = 0; i < alone->count; i++) {
        ck_assert_msg(fabsf(several->values[i] - alone->values[i]) < 2e-5f, "%u ranks, value %zu: %g and %g", ranks, i,
                      several->values[i], alone->values[i]);
    }
}

START_TEST(the_training_is_that_of_one)
{
    const plan alone = run(1, PLAN());
    ck_assert_uint_eq(alone.batches[0], 3 * EPOCHS);
    for (uint32_t ranks = 2; ranks <= 4; ranks++) {
        for (int hooks = 0; hooks < 2; hooks++) {
            const plan several = run(ranks, PLAN(.hooks = hooks));
            uint32_t without = 0;
            for (uint32_t r = 0; r < ranks; r++) {
                without += several.without[r];
            }
            ck_assert_uint_eq(without, (ranks - 1) * EPOCHS); /* else this is not tried */
            expect_same(&several, ranks, &alone);
        }
    }
}
END_TEST

/* Nobody waits for what a failed pass has not given, and the next pass begins anew. */
START_TEST(a_pass_that_fails_is_told_and_left_out)
{
    for (uint32_t ranks = 1; ranks <= 3; ranks++) {
        const plan p = run(ranks, PLAN(.rank = ranks - 1, .backward = 2, .hooks = ranks == 3));
        for (uint32_t r = 0; r < ranks; r++) {
            ck_assert_uint_eq(p.failed[r], r + 1 == ranks);
            ck_assert_uint_eq(p.told[r], r + 1 != ranks);
        }
        const plan alone = run(1, PLAN(.backward = 2));
        expect_same(&p, ranks, &alone);
    }
}
END_TEST

/* ---- what a share is, by its values ---- */

enum { BIAS = 1 }; /* the first convolution's bias: it has no regularizer */

static cnn_model *plain_model(cnn_context *context)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 4, .activation = CNN_TANH)));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.5f)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = TEST_CLASSES)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    return model;
}

typedef struct part {
    size_t first, count; /* samples */
    uint64_t before;
    double share;
    bool anew; /* a communicator, or none, after the share */
    double loss;
    float gradient[4]; /* of the bias */
} part;

/* The first pass of a session over these samples. */
static part pass_over(cnn_context *context, cnn_model *model, part p)
{
    static const int32_t labels[4] = {0, 1, 1, 0};
    static float images[4 * TEST_PIXELS];
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_tensor tensor;
    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        images[i] = (float)(i * 29 % 97) / 97;
    }
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 4, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_session_set_share(session, p.before, p.share), CNN_OK);
    if (p.anew) {
        ck_assert_int_eq(cnn_session_set_communicator(session, NULL), CNN_OK);
    }
    ck_assert_int_eq(cnn_session_forward(session, images + p.first * TEST_PIXELS, p.count), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels + p.first), &p.loss), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    ck_assert_int_eq(cnn_session_gradient(session, BIAS, &tensor), CNN_OK);
    memcpy(p.gradient, tensor.data, sizeof(p.gradient));
    cnn_loss_free(loss);
    cnn_session_free(session);
    return p;
}

#define PASS(...) pass_over(context, model, (part){__VA_ARGS__})

/* Gradients are multiplied by the share and the loss is not; random numbers are those of the place in the batch. */
START_TEST(a_share_by_its_values)
{
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 5), &context), CNN_OK);
    cnn_model *model = plain_model(context);
    const part whole = PASS(.count = 4, .share = 1);
    const part left = PASS(.count = 2, .share = 0.5);
    const part right = PASS(.first = 2, .count = 2, .before = 2, .share = 0.5);
    ck_assert_double_eq_tol((left.loss + right.loss) / 2, whole.loss, 1e-6);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_msg(fabsf(left.gradient[i] + right.gradient[i] - whole.gradient[i]) < 1e-6f, "%zu: %g and %g", i,
                      left.gradient[i], right.gradient[i]);
        ck_assert(whole.gradient[i] != 0);
    }
    const part full = PASS(.first = 2, .count = 2, .before = 2, .share = 1);
    ck_assert_double_eq(full.loss, right.loss);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_float_eq(full.gradient[i], 2 * right.gradient[i]);
    }
    const part elsewhere = PASS(.first = 2, .count = 2, .before = 1, .share = 1);
    ck_assert_double_ne(elsewhere.loss, full.loss);
    const part nothing = PASS(.first = 2, .count = 2, .share = 0);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_float_eq(nothing.gradient[i], 0);
    }
    /* A communicator, or none, begins anew. */
    const part anew = PASS(.count = 4, .before = 9, .share = 0.25, .anew = true);
    ck_assert_double_eq(anew.loss, whole.loss);
    ck_assert_mem_eq(anew.gradient, whole.gradient, sizeof(whole.gradient));
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    test_weak_layer weak = {0, 0};
    cnn_context *context = NULL;
    cnn_session *training = NULL, *inference = NULL;
    float images[TEST_PIXELS] = {0};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    cnn_model *model = make_model(context, &weak);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 1, .training = 1), &training), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 1), &inference), CNN_OK);
    const cnn_communicator one = {.struct_size = sizeof(one), .size = 1};
    const cnn_communicator outside = {.struct_size = sizeof(outside), .rank = 2, .size = 2};
    const cnn_communicator mute = {.struct_size = sizeof(mute), .size = 2};
    const cnn_communicator none = {.struct_size = sizeof(none)};
    ck_assert_int_eq(cnn_session_set_communicator(inference, &one), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_session_set_communicator(inference, NULL), CNN_OK);
    ck_assert_int_eq(cnn_session_set_communicator(training, &outside), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_session_set_communicator(training, &mute), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_session_set_communicator(training, &none), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_session_set_communicator(training, &one), CNN_OK);
    ck_assert_int_eq(cnn_session_set_communicator(training, NULL), CNN_OK);
    ck_assert_int_eq(cnn_session_set_share(training, 0, 1.5), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_session_set_share(training, 0, -0.1), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_session_set_share(training, 0, (double)NAN), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_session_set_share(training, (uint64_t)UINT32_MAX + 1, 1), CNN_ERROR_INVALID_ARGUMENT);
    /* Alone a share of 0 is no reason to go backward without samples. */
    ck_assert_int_eq(cnn_session_set_share(training, 0, 0), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(training, NULL), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_session_forward(training, images, 1), CNN_OK);
    cnn_session_free(inference);
    cnn_session_free(training);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("own_loop");
    TCase *tests = tcase_create("own_loop");
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, the_training_is_that_of_one);
    tcase_add_test(tests, a_pass_that_fails_is_told_and_left_out);
    tcase_add_test(tests, a_share_by_its_values);
    tcase_add_test(tests, what_cannot_be_is_refused);
    return cnn_test_run(suite);
}
