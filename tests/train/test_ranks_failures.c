/* SPDX-License-Identifier: MIT */
/* What fails on one rank, wherever that is: all ranks end, and the others know which one it was. A rank that left
 * without a word would be told apart: what its peers then have is not its report but a broken connection. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/ranks.h"
#include "common/suite.h"
#include "common/weak_layer.h"

#define RANKS 3
#define SAMPLES 13 /* batches of 6, 6 and 1: two ranks have nothing of the last one */

typedef struct plan {
    bool sync, evaluate;
    bool mix;      /* samples with those of other ranks, in steps of two batches */
    uint32_t rank; /* that fails */
    /* A layer in the middle of the model fails: in its call `forward` or `backward`, from 1; 0: never. */
    uint32_t forward, backward;
    size_t allocation; /* since cnn_fit() or cnn_evaluate() began; 0: none */
    bool persistent;
    bool no_loader;
    /* What came of it. */
    cnn_status status[RANKS];
    char message[RANKS][256];
    size_t allocations, blocks[RANKS];
    uint64_t hash[RANKS];
} plan;

#define PLAN(...) ((plan){__VA_ARGS__})

/* Normalisation before and after it: statistics that were given, and such that were not. */
static cnn_model *make_model(cnn_context *context, test_weak_layer *weak)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &model), CNN_OK);
    for (int i = 0; i < 2; i++) {
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 4, .kernel = {3, 3}, .stride = {2, 2},
                                                            .kernel_regularizer = {0, 0.01f})));
        cnn_model_add(model, cnn_batch_norm(context, NULL));
        if (i == 0) {
            cnn_model_add(model, test_weak(context, weak));
        }
    }
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = TEST_CLASSES)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static void work(void *user, const cnn_communicator *c)
{
    plan *p = user;
    const uint32_t rank = c->rank;
    const bool fails = rank == p->rank;
    test_weak_layer weak = {fails ? p->forward : 0, fails ? p->backward : 0};
    test_allocator counts = {0};
    cnn_allocator allocator = test_allocator_options(&counts);
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL, *validation = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 5, .allocator = &allocator), &context),
                     CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, SAMPLES, &data), CNN_OK);
    ck_assert_int_eq(
        cnn_loader_create(context, data, CNN_LOADER(.batch = 6, .shard = rank, .shards = c->size), &loader), CNN_OK);
    ck_assert_int_eq(
        cnn_loader_create(context, data, CNN_LOADER(.batch = 4, .shard = rank, .shards = c->size), &validation),
        CNN_OK);
    cnn_model *model = make_model(context, &weak);
    ck_assert_int_eq(cnn_optimizer_create(context, "momentum:learning_rate=0.02", &optimizer), CNN_OK);
    const size_t before = counts.calls;
    if (fails && p->allocation > 0) {
        counts.fail_at = before + p->allocation;
        counts.persistent = p->persistent;
    }
    cnn_loader *given = fails && p->no_loader ? NULL : loader;
    p->status[rank] = p->evaluate ? cnn_evaluate(model, CNN_EVALUATE(.loader = given, .communicator = c), &result)
                                  : cnn_fit(model,
                                            CNN_FIT(.train = given, .validation = validation, .optimizer = optimizer,
                                                    .epochs = 2, .communicator = c, .sync_batch_norm = p->sync,
                                                    .mixup = p->mix ? 0.4f : 0, .accumulate = p->mix ? 2 : 0),
                                            NULL);
    snprintf(p->message[rank], sizeof(p->message[rank]), "%s", cnn_last_error(context));
    if (fails) {
        p->allocations = counts.calls - before;
    }
    counts.fail_at = 0;
    counts.persistent = false;
    p->hash[rank] = test_model_hash(model);
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(validation);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    cnn_context_free(context);
    p->blocks[rank] = counts.blocks;
}

static plan run(bool hooks, plan p)
{
    test_run_ranks(RANKS, hooks, work, &p);
    return p;
}

/* The rank has failed with `wanted`, and told the others. */
static void expect_told(const plan *p, cnn_status wanted)
{
    for (uint32_t r = 0; r < RANKS; r++) {
        char told[64];
        snprintf(told, sizeof(told), "rank %u of %u failed: ", (unsigned)p->rank, (unsigned)RANKS);
        ck_assert_msg(p->status[r] == (r == p->rank ? wanted : CNN_ERROR_PEER),
                      "rank %u of %u, where %u fails (allocation %zu%s, forward %u, backward %u): %d %s", r, RANKS,
                      p->rank, p->allocation, p->persistent ? " and later" : "", p->forward, p->backward, p->status[r],
                      p->message[r]);
        ck_assert_msg(r == p->rank || strncmp(p->message[r], told, strlen(told)) == 0,
                      "rank %u was not told (allocation %zu%s, forward %u, backward %u): %s", r, p->allocation,
                      p->persistent ? " and later" : "", p->forward, p->backward, p->message[r]);
        ck_assert_uint_eq(p->blocks[r], 0);
    }
}

START_TEST(a_layer_fails_amid_the_statistics)
{
    for (int way = 0; way < 4; way++) {
        const bool sync = way % 2 == 1, mix = way / 2 == 1;
        for (int hooks = 0; hooks < 2; hooks++) {
            const plan sound = run(hooks, PLAN(.sync = sync, .mix = mix));
            for (uint32_t rank = 0; rank < RANKS; rank++) {
                ck_assert_msg(sound.status[rank] == CNN_OK, "%s", sound.message[rank]);
                ck_assert_uint_eq(sound.hash[rank], sound.hash[0]);
                for (uint32_t call = 1; call <= 3; call += 2) {
                    const plan forward = run(hooks, PLAN(.sync = sync, .mix = mix, .rank = rank, .forward = call));
                    const plan backward = run(hooks, PLAN(.sync = sync, .mix = mix, .rank = rank, .backward = call));
                    expect_told(&forward, CNN_ERROR_CALLBACK);
                    expect_told(&backward, CNN_ERROR_CALLBACK);
                }
            }
        }
    }
}
END_TEST

/* Each allocation of one rank, once and for good. */
static void fail_each_allocation(bool evaluate, uint32_t rank)
{
    const size_t count =
        run(false, PLAN(.sync = true, .mix = !evaluate, .rank = rank, .evaluate = evaluate)).allocations;
    size_t told = 0;
    ck_assert_uint_gt(count, 10);
    for (size_t k = 1; k <= count; k++) {
        for (int persistent = 0; persistent < 2; persistent++) {
            const plan p = run(k % 2 == 0, PLAN(.sync = true, .mix = !evaluate, .rank = rank, .evaluate = evaluate,
                                                .allocation = k, .persistent = persistent));
            if (p.status[rank] != CNN_OK) {
                expect_told(&p, CNN_ERROR_OUT_OF_MEMORY);
                told++;
            } else {
                ck_assert_msg(p.status[(rank + 1) % RANKS] == CNN_OK, "%s", p.message[(rank + 1) % RANKS]);
            }
        }
    }
    ck_assert_uint_gt(told, count);
}

START_TEST(memory_fails_while_training)
{
    fail_each_allocation(false, 0);
    fail_each_allocation(false, 2);
}
END_TEST

START_TEST(memory_fails_while_evaluating)
{
    fail_each_allocation(true, 0);
    fail_each_allocation(true, 1);
}
END_TEST

/* What is wrong before anything is prepared, on one rank alone. */
START_TEST(arguments_of_one_rank)
{
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        const plan fit = run(false, PLAN(.rank = rank, .no_loader = true));
        const plan evaluation = run(false, PLAN(.rank = rank, .no_loader = true, .evaluate = true));
        expect_told(&fit, CNN_ERROR_INVALID_ARGUMENT);
        expect_told(&evaluation, CNN_ERROR_INVALID_ARGUMENT);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ranks_failures");
    TCase *tests = tcase_create("ranks_failures");
    tcase_set_timeout(tests, 100);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, a_layer_fails_amid_the_statistics);
    tcase_add_test(tests, memory_fails_while_training);
    tcase_add_test(tests, memory_fails_while_evaluating);
    tcase_add_test(tests, arguments_of_one_rank);
    return cnn_test_run(suite);
}
