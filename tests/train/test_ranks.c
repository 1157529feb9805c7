/* SPDX-License-Identifier: MIT */
/* Several ranks that train one model, each a thread with a context of its own: the curves of one process, for any
 * number of ranks. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/ranks.h"
#include "common/suite.h"

#define SAMPLES 41 /* the last batch of 16 has 9; of 8 it has one */
#define CHECKS 14
#define EPOCHS 3

/* What all ranks are given. */
typedef struct plan {
    uint32_t batch, blocks, threads, epochs;
    bool norm; /* a model with batch normalisation */
    bool sync;
    bool augment;
    bool skip;    /* samples 3 and 20 cannot be read, and are left out */
    bool damaged; /* they are not */
    int32_t mode;
    uint32_t stop_at; /* step in which the last rank's callback stops; 0: none */
    uint32_t failing; /* the rank, from 1, whose evaluator fails in the second epoch; 0: none */
    const char *last, *best, *resume;
    /* What came of it. */
    cnn_status status[TEST_MOST_RANKS];
    uint64_t hash[TEST_MOST_RANKS];
    double loss[TEST_MOST_RANKS][8], accuracy[TEST_MOST_RANKS][8], val_loss[TEST_MOST_RANKS][8],
        val_accuracy[TEST_MOST_RANKS][8], auc[TEST_MOST_RANKS][8];
    size_t epochs_done[TEST_MOST_RANKS];
    uint64_t skipped[TEST_MOST_RANKS];
    char message[TEST_MOST_RANKS][256];
} plan;

#define PLAN(...) ((plan){__VA_ARGS__})

static cnn_model *make_model(cnn_context *context, bool norm)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 5, .kernel = {3, 3}, .no_bias = norm,
                                                        .activation = norm ? CNN_LINEAR : CNN_RELU,
                                                        .kernel_regularizer = {0, 0.01f})));
    if (norm) {
        cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.convention = CNN_PYTORCH)));
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 6, .kernel = {3, 3}, .no_bias = 1)));
        cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.activation = CNN_RELU)));
    }
    cnn_model_add(model, cnn_max_pool2d(context, NULL));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.3f)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 7, .activation = CNN_TANH)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = TEST_CLASSES)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

/* ---- data of which some samples cannot be read ---- */

static cnn_status read_sample(void *user, size_t index, cnn_sample *sample)
{
    const bool *damaged = user;
    static _Thread_local uint8_t pixels[TEST_PIXELS];
    if (*damaged && (index == 3 || index == 20)) {
        return CNN_ERROR_FORMAT;
    }
    test_draw(index, pixels);
    sample->label = (int32_t)(index % TEST_CLASSES);
    sample->pixels = pixels;
    sample->height = sample->width = TEST_SIDE;
    sample->channels = 1;
    return CNN_OK;
}

static int32_t label_of(void *user, size_t index)
{
    (void)user;
    return (int32_t)(index % TEST_CLASSES);
}

static cnn_dataset *make_data(cnn_context *context, const bool *damaged)
{
    static const char *const classes[] = {"rows", "columns", "block"};
    cnn_dataset *dataset = NULL;
    cnn_dataset_callbacks source = {.struct_size = sizeof(source),
                                    .count = SAMPLES,
                                    .classes = classes,
                                    .class_count = TEST_CLASSES,
                                    .shape = {3, 0, {TEST_SIDE, TEST_SIDE, 1}},
                                    .read = read_sample,
                                    .label = label_of,
                                    .user = (void *)damaged};
    ck_assert_msg(cnn_dataset_create_custom(context, &source, &dataset) == CNN_OK, "%s", cnn_last_error(context));
    return dataset;
}

/* ---- an evaluator that fails ---- */

typedef struct failing {
    bool active;
    uint32_t updates;
} failing;

static void reset_failing(void *user) { (void)user; }

static cnn_status update_failing(void *user, const cnn_evaluation *batch)
{
    failing *self = user;
    (void)batch;
    return self->active && ++self->updates == 5 ? CNN_ERROR_CALLBACK : CNN_OK;
}

static double score_failing(void *user)
{
    (void)user;
    return 0;
}

/* ---- one rank ---- */

typedef struct callback {
    const plan *p;
    bool stops;
    uint64_t steps;
} callback;

static bool on_step(void *user, const cnn_progress *progress)
{
    callback *self = user;
    self->steps += progress->step > 0;
    return self->stops && self->steps == self->p->stop_at;
}

static void take_history(plan *p, uint32_t rank, const cnn_history *history)
{
    p->epochs_done[rank] = cnn_history_epochs(history);
    for (size_t e = 0; e < cnn_history_epochs(history); e++) {
        p->loss[rank][e] = cnn_history_value(history, "loss", e);
        p->accuracy[rank][e] = cnn_history_value(history, "accuracy", e);
        p->auc[rank][e] = cnn_history_value(history, "val_auc", e);
        p->val_loss[rank][e] = cnn_history_value(history, "val_loss", e);
        p->val_accuracy[rank][e] = cnn_history_value(history, "val_accuracy", e);
    }
}

static void train(void *user, const cnn_communicator *c)
{
    plan *p = user;
    const uint32_t rank = c->rank;
    cnn_context *context = NULL;
    cnn_dataset *checks = NULL;
    cnn_pipeline *steps = NULL;
    cnn_loader *loader = NULL, *validation = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_evaluator *evaluators[3] = {NULL};
    cnn_history *history = NULL;
    failing fails = {.active = rank + 1 == p->failing};
    callback calls = {.p = p, .stops = p->stop_at > 0 && rank + 1 == c->size};
    const cnn_evaluator_kind kind = {.struct_size = sizeof(kind),
                                     .name = "failing",
                                     .reset = reset_failing,
                                     .update = update_failing,
                                     .score = score_failing};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = p->threads > 0 ? p->threads : 1, .seed = 5), &context),
                     CNN_OK);
    cnn_dataset *data = make_data(context, &p->damaged);
    ck_assert_int_eq(test_dataset(context, 100, CHECKS, &checks), CNN_OK);
    ck_assert_int_eq(cnn_pipeline_create(context, p->augment ? "random_crop=12x12:pad=2,flip=0.5" : "", &steps),
                     CNN_OK);
    ck_assert_msg(cnn_loader_create(context, data,
                                    CNN_LOADER(.batch = p->batch, .shuffle = 1, .mode = p->mode, .shard = rank,
                                               .shards = c->size, .blocks = p->blocks, .pipeline = steps,
                                               .on_error = p->skip ? CNN_ON_ERROR_SKIP : CNN_ON_ERROR_FAIL),
                                    &loader) == CNN_OK,
                  "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_loader_create(context, checks,
                                       CNN_LOADER(.batch = 6, .shard = rank, .shards = c->size, .blocks = p->blocks),
                                       &validation),
                     CNN_OK);
    cnn_model *model = make_model(context, p->norm);
    ck_assert_int_eq(
        cnn_optimizer_create(context, p->sync ? "momentum:learning_rate=0.02" : "adam:learning_rate=0.01", &optimizer),
        CNN_OK);
    ck_assert_int_eq(cnn_accuracy_create(context, &evaluators[0]), CNN_OK);
    ck_assert_int_eq(cnn_auc_create(context, &evaluators[1]), CNN_OK);
    ck_assert_int_eq(cnn_evaluator_create_custom(context, &kind, &fails, &evaluators[2]), CNN_OK);
    p->status[rank] = cnn_fit(model,
                              CNN_FIT(.train = loader, .validation = validation, .optimizer = optimizer,
                                      .evaluators = evaluators, .evaluator_count = 3, .epochs = p->epochs,
                                      .communicator = c, .blocks = p->blocks, .sync_batch_norm = p->sync,
                                      .keep_last = 1, .on_step = on_step, .user = &calls, .last_path = p->last,
                                      .best_path = p->best, .resume_path = p->resume),
                              &history);
    snprintf(p->message[rank], sizeof(p->message[rank]), "%s", cnn_last_error(context));
    if (history != NULL) {
        take_history(p, rank, history);
    }
    p->skipped[rank] = cnn_loader_skipped(loader);
    p->hash[rank] = test_model_hash(model);
    cnn_history_free(history);
    for (int i = 0; i < 3; i++) {
        cnn_evaluator_free(evaluators[i]);
    }
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(validation);
    cnn_loader_free(loader);
    cnn_pipeline_free(steps);
    cnn_dataset_free(checks);
    cnn_dataset_free(data);
    cnn_context_free(context);
}

static plan run(uint32_t ranks, bool hooks, plan p)
{
    p.batch = p.batch > 0 ? p.batch : 16;
    p.epochs = EPOCHS;
    test_run_ranks(ranks, hooks, train, &p);
    return p;
}

/* All ranks have succeeded, with the same parameters and the same history to the bit. */
static void expect_equal_ranks(const plan *p, uint32_t ranks)
{
    for (uint32_t r = 0; r < ranks; r++) {
        ck_assert_msg(p->status[r] == CNN_OK, "rank %u of %u: %d %s", r, ranks, p->status[r], p->message[r]);
        ck_assert_uint_eq(p->hash[r], p->hash[0]);
        ck_assert_uint_eq(p->epochs_done[r], p->epochs_done[0]);
        ck_assert_uint_eq(p->skipped[r], p->skipped[0]);
        ck_assert_mem_eq(p->loss[r], p->loss[0], sizeof(p->loss[0]));
        ck_assert_mem_eq(p->val_loss[r], p->val_loss[0], sizeof(p->loss[0]));
        ck_assert_mem_eq(p->auc[r], p->auc[0], sizeof(p->loss[0]));
    }
}

/* The curves are those of another training, to rounding. */
static void expect_curves(const plan *p, const plan *alone)
{
    ck_assert_uint_eq(p->epochs_done[0], alone->epochs_done[0]);
    for (size_t e = 0; e < alone->epochs_done[0]; e++) {
        ck_assert_double_eq_tol(p->loss[0][e], alone->loss[0][e], 2e-5);
        ck_assert_double_eq_tol(p->val_loss[0][e], alone->val_loss[0][e], 2e-4);
        ck_assert_double_eq_tol(p->accuracy[0][e], alone->accuracy[0][e], 1e-12);
        ck_assert_double_eq_tol(p->val_accuracy[0][e], alone->val_accuracy[0][e], 1e-12);
    }
}

START_TEST(curves_are_those_of_one)
{
    static const uint32_t batches[] = {16, 8, 3, 64};
    for (size_t b = 0; b < sizeof(batches) / sizeof(batches[0]); b++) {
        const plan alone = run(1, false, PLAN(.batch = batches[b], .augment = true));
        ck_assert_msg(alone.status[0] == CNN_OK, "%s", alone.message[0]);
        for (uint32_t ranks = 2; ranks <= 4; ranks++) {
            const plan tree = run(ranks, false, PLAN(.batch = batches[b], .augment = true));
            const plan hooks = run(ranks, true, PLAN(.batch = batches[b], .augment = true));
            const plan threads = run(ranks, false, PLAN(.batch = batches[b], .augment = true, .threads = 2));
            expect_equal_ranks(&tree, ranks);
            expect_equal_ranks(&hooks, ranks);
            expect_equal_ranks(&threads, ranks);
            expect_curves(&tree, &alone);
            expect_curves(&hooks, &alone);
            ck_assert_uint_eq(threads.hash[0], tree.hash[0]);
        }
    }
}
END_TEST

START_TEST(wrapped_batches_too)
{
    const plan alone = run(1, false, PLAN(.batch = 12, .mode = CNN_BATCH_WRAP));
    for (uint32_t ranks = 2; ranks <= 4; ranks++) {
        const plan several = run(ranks, false, PLAN(.batch = 12, .mode = CNN_BATCH_WRAP));
        expect_equal_ranks(&several, ranks);
        expect_curves(&several, &alone);
    }
}
END_TEST

/* By each rank's statistics: all ranks are equal all the same, and so is the next run. */
START_TEST(running_statistics_are_averaged)
{
    for (uint32_t ranks = 2; ranks <= 4; ranks++) {
        const plan once = run(ranks, true, PLAN(.norm = true)), again = run(ranks, true, PLAN(.norm = true));
        expect_equal_ranks(&once, ranks);
        ck_assert_uint_eq(once.hash[0], again.hash[0]);
    }
}
END_TEST

/* Adam would make steps of what rounding makes of gradients of 0. */
START_TEST(shared_statistics_are_those_of_one)
{
    static const uint32_t batches[] = {16, 8};
    for (size_t b = 0; b < 2; b++) {
        const plan alone = run(1, false, PLAN(.norm = true, .sync = true, .batch = batches[b]));

        for (uint32_t ranks = 2; ranks <= 4; ranks++) {
            const plan several = run(ranks, ranks == 3, PLAN(.norm = true, .sync = true, .batch = batches[b]));
            expect_equal_ranks(&several, ranks);
            for (size_t e = 0; e < EPOCHS; e++) {
                ck_assert_double_eq_tol(several.loss[0][e], alone.loss[0][e], 2e-4);
                ck_assert_double_eq_tol(several.val_loss[0][e], alone.val_loss[0][e], 5e-4);
            }
        }
    }
}
END_TEST

START_TEST(blocks_give_the_same_bits)
{
    static const uint32_t blocks[] = {4, 6, 7};
    for (size_t b = 0; b < sizeof(blocks) / sizeof(blocks[0]); b++) {
        for (int norm = 0; norm < 2; norm++) {
            const plan alone = run(1, false, PLAN(.blocks = blocks[b], .norm = norm));
            ck_assert_msg(alone.status[0] == CNN_OK, "%s", alone.message[0]);
            for (uint32_t ranks = 2; ranks <= blocks[b] && ranks <= 7; ranks++) {
                const plan several = run(ranks, ranks % 2 == 0, PLAN(.blocks = blocks[b], .norm = norm));
                expect_equal_ranks(&several, ranks);
                ck_assert_msg(several.hash[0] == alone.hash[0], "%u blocks, %u ranks", blocks[b], ranks);
                ck_assert_mem_eq(several.loss[0], alone.loss[0], sizeof(alone.loss[0]));
                ck_assert_mem_eq(several.val_loss[0], alone.val_loss[0], sizeof(alone.loss[0]));
            }
        }
    }
}
END_TEST

/* Without normalisation by blocks, they are the training of one process to rounding. */
START_TEST(blocks_are_the_same_training)
{
    const plan alone = run(1, false, PLAN()), blocks = run(1, false, PLAN(.blocks = 5));
    expect_curves(&blocks, &alone);
}
END_TEST

START_TEST(damaged_samples_act_as_on_one)
{
    const plan alone = run(1, false, PLAN(.damaged = true, .skip = true));
    ck_assert_uint_eq(alone.skipped[0], 2 * EPOCHS);
    for (uint32_t ranks = 2; ranks <= 4; ranks++) {
        const plan several = run(ranks, false, PLAN(.damaged = true, .skip = true));
        expect_equal_ranks(&several, ranks);
        expect_curves(&several, &alone);
        ck_assert_uint_eq(several.skipped[0], alone.skipped[0]);
    }
    const plan blocks = run(1, false, PLAN(.damaged = true, .skip = true, .blocks = 4));
    const plan divided = run(3, false, PLAN(.damaged = true, .skip = true, .blocks = 4));
    expect_equal_ranks(&divided, 3);
    ck_assert_uint_eq(divided.hash[0], blocks.hash[0]);
}
END_TEST

/* One rank alone has something to tell; the others know which one. */
START_TEST(failures_end_all)
{
    const plan damaged = run(3, false, PLAN(.damaged = true));
    uint32_t own = 0;
    for (uint32_t r = 0; r < 3; r++) {
        if (damaged.status[r] == CNN_ERROR_FORMAT) {
            own++;
        } else {
            ck_assert_int_eq(damaged.status[r], CNN_ERROR_PEER);
            ck_assert_ptr_nonnull(strstr(damaged.message[r], "failed"));
        }
    }
    ck_assert_uint_ge(own, 1);
    for (uint32_t rank = 0; rank < 3; rank++) {
        const plan fails = run(3, true, PLAN(.failing = rank + 1));
        for (uint32_t r = 0; r < 3; r++) {
            ck_assert_msg(fails.status[r] == (r == rank ? CNN_ERROR_CALLBACK : CNN_ERROR_PEER), "%d: %s",
                          fails.status[r], fails.message[r]);
        }
    }
}
END_TEST

START_TEST(a_stop_is_all_ranks)
{
    char last[256];
    test_path(last, sizeof(last), "ranks.last.cnn");
    const plan whole = run(2, false, PLAN(.norm = true));
    /* In the second epoch's second step, by rank 1; then two other ranks go on, and three. */
    const plan stopped = run(2, false, PLAN(.norm = true, .stop_at = 5, .last = last));
    for (uint32_t r = 0; r < 2; r++) {
        ck_assert_int_eq(stopped.status[r], CNN_ERROR_CANCELLED);
        ck_assert_uint_eq(stopped.epochs_done[r], 1);
    }
    const plan same = run(2, false, PLAN(.norm = true, .resume = last));
    ck_assert_uint_eq(same.hash[0], whole.hash[0]);
    const plan three = run(3, false, PLAN(.norm = true, .resume = last));
    expect_equal_ranks(&three, 3);
    ck_assert_uint_eq(three.epochs_done[0], EPOCHS);
    unlink(last);
    /* Without normalisation a training that changes its number of ranks on the way has the curve of one process. */
    const plan alone = run(1, false, PLAN());
    (void)run(3, false, PLAN(.stop_at = 4, .last = last));
    const plan two = run(2, false, PLAN(.resume = last));
    expect_equal_ranks(&two, 2);
    expect_curves(&two, &alone);
    unlink(last);
}
END_TEST

START_TEST(rank_0_writes)
{
    char best[256], last[256], other[256];
    test_path(best, sizeof(best), "ranks.cnn");
    test_path(last, sizeof(last), "ranks.last.cnn");
    test_path(other, sizeof(other), "ranks_one.cnn");
    const plan several = run(3, false, PLAN(.best = best, .last = last));
    expect_equal_ranks(&several, 3);
    ck_assert_int_eq(access(best, F_OK), 0);
    ck_assert_int_eq(access(last, F_OK), 0);
    /* A file that rank 0 cannot write ends all. */
    snprintf(other, sizeof(other), "%.200s/no/such/folder.cnn", best);
    const plan fails = run(2, false, PLAN(.best = other));
    ck_assert_int_ne(fails.status[0], CNN_OK);
    ck_assert_int_ne(fails.status[0], CNN_ERROR_PEER);
    ck_assert_int_eq(fails.status[1], CNN_ERROR_PEER);
    unlink(best);
    unlink(last);
}
END_TEST

/* ---- a list of files for all ranks ---- */

static void share_list(void *user, const cnn_communicator *c)
{
    const char *folder = user;
    cnn_context *context = NULL;
    cnn_dataset *dataset = NULL, *numbers = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    if (c->rank == 0) {
        ck_assert_int_eq(cnn_dataset_open(context, folder, NULL, &dataset), CNN_OK);
    }
    ck_assert_msg(cnn_dataset_share(context, c, &dataset) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_uint_eq(cnn_dataset_count(dataset), 5);
    ck_assert_uint_eq(cnn_dataset_class_count(dataset), 2);
    ck_assert_str_eq(cnn_dataset_class_name(dataset, 1), "dog");
    for (size_t i = 0; i < 5; i++) {
        char path[512];
        snprintf(path, sizeof(path), "%.300s/%s/%zu.jpg", folder, i < 3 ? "cat" : "dog", i);
        ck_assert_str_eq(cnn_dataset_path(dataset, i), path);
        ck_assert_int_eq(cnn_dataset_label(dataset, i), i < 3 ? 0 : 1);
    }
    /* What is no list of files each rank opens itself. */
    if (c->rank == 0) {
        ck_assert_int_eq(test_dataset(context, 0, 4, &numbers), CNN_OK);
    }
    ck_assert_int_eq(cnn_dataset_share(context, c, &numbers), c->size > 1 ? CNN_ERROR_UNSUPPORTED : CNN_OK);
    cnn_dataset_free(numbers);
    cnn_dataset_free(dataset);
    cnn_context_free(context);
}

START_TEST(lists_are_shared)
{
    char folder[256], path[300];
    test_path(folder, sizeof(folder), "ranks.photos");
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof(path), "%.250s/%s", folder, i < 3 ? "cat" : "dog");
        (void)mkdir(path, 0700);
        snprintf(path, sizeof(path), "%.250s/%s/%d.jpg", folder, i < 3 ? "cat" : "dog", i);
        FILE *file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        fclose(file);
    }
    test_run_ranks(1, false, share_list, folder);
    test_run_ranks(3, false, share_list, folder);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof(path), "%.250s/%s/%d.jpg", folder, i < 3 ? "cat" : "dog", i);
        unlink(path);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%.250s/%s", folder, i == 0 ? "cat" : "dog");
        rmdir(path);
    }
    rmdir(folder);
}
END_TEST

/* What does not fit together is told before anything is sent. */
START_TEST(mismatches_are_refused)
{
    const plan p = run(1, false, PLAN(.blocks = 4, .sync = true, .norm = true));
    ck_assert_int_eq(p.status[0], CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ranks");
    TCase *tests = tcase_create("ranks");
    tcase_set_timeout(tests, 200);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, curves_are_those_of_one);
    tcase_add_test(tests, wrapped_batches_too);
    tcase_add_test(tests, running_statistics_are_averaged);
    tcase_add_test(tests, shared_statistics_are_those_of_one);
    tcase_add_test(tests, blocks_give_the_same_bits);
    tcase_add_test(tests, blocks_are_the_same_training);
    tcase_add_test(tests, damaged_samples_act_as_on_one);
    tcase_add_test(tests, failures_end_all);
    tcase_add_test(tests, a_stop_is_all_ranks);
    tcase_add_test(tests, rank_0_writes);
    tcase_add_test(tests, lists_are_shared);
    tcase_add_test(tests, mismatches_are_refused);
    return cnn_test_run(suite);
}
