/* SPDX-License-Identifier: MIT */
/* Several ranks with what looks at more than a sample: neighbours in the batch, other batches of a step, a teacher,
 * averages. Each gives the curve of one process, and with blocks the bits of any number of ranks. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/ranks.h"
#include "common/suite.h"

#define SAMPLES 41 /* batches of 8: the last one has a single sample */
#define EPOCHS 2

typedef struct plan {
    float smoothing, mixup, cutmix;
    uint32_t accumulate, blocks, batch;
    const char *average;
    bool teacher, weights, norm;
    bool skip;   /* samples 3 to 9 cannot be read: some rank has none of a batch */
    size_t bad;  /* the sample, from 1, that has no label; 0: none */
    size_t gone; /* the sample, from 1, at which rank 1 leaves without a word; 0: it stays */
    const char *last, *resume;
    /* What came of it. */
    cnn_status status[TEST_MOST_RANKS];
    uint64_t hash[TEST_MOST_RANKS];
    double loss[TEST_MOST_RANKS][EPOCHS], accuracy[TEST_MOST_RANKS][EPOCHS], val_loss[TEST_MOST_RANKS][EPOCHS];
    char message[TEST_MOST_RANKS][256];
} plan;

#define PLAN(...) ((plan){__VA_ARGS__})

typedef struct source {
    const plan *p;
    const cnn_communicator *c;
    uint8_t pixels[TEST_PIXELS];
} source;

static cnn_status read_sample(void *user, size_t index, cnn_sample *sample)
{
    source *s = user;
    if (s->p->skip && index >= 3 && index <= 9) {
        return CNN_ERROR_FORMAT;
    }
    if (index + 1 == s->p->gone && s->c->rank == 1) {
        test_leave(s->c);
    }
    test_draw(index, s->pixels);
    sample->label = index + 1 == s->p->bad ? -1 : (int32_t)(index % TEST_CLASSES);
    sample->pixels = s->pixels;
    sample->height = sample->width = TEST_SIDE;
    sample->channels = 1;
    return CNN_OK;
}

static cnn_model *make_model(cnn_context *context, uint32_t filters, bool norm)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = filters, .kernel = {3, 3}, .stride = {2, 2},
                                                        .activation = CNN_RELU, .kernel_regularizer = {0, 0.01f})));
    if (norm) {
        cnn_model_add(model, cnn_batch_norm(context, NULL));
    }
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.2f)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = TEST_CLASSES, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static void open_data(cnn_context *context, source *s, cnn_dataset **data)
{
    static const char *const classes[] = {"rows", "columns", "block"};
    const cnn_dataset_callbacks callbacks = {.struct_size = sizeof(callbacks),
                                             .count = SAMPLES,
                                             .classes = classes,
                                             .class_count = TEST_CLASSES,
                                             .shape = {3, 0, {TEST_SIDE, TEST_SIDE, 1}},
                                             .read = read_sample,
                                             .user = s};
    ck_assert_msg(cnn_dataset_create_custom(context, &callbacks, data) == CNN_OK, "%s", cnn_last_error(context));
}

static void train(void *user, const cnn_communicator *c)
{
    plan *p = user;
    const uint32_t rank = c->rank;
    static const float weights[TEST_CLASSES] = {0.5f, 2, 1};
    source s = {.p = p, .c = c};
    cnn_context *context = NULL;
    cnn_dataset *data = NULL, *checks = NULL;
    cnn_loader *loader = NULL, *validation = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_history *history = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 5), &context), CNN_OK);
    open_data(context, &s, &data);
    ck_assert_int_eq(test_dataset(context, 100, 14, &checks), CNN_OK);
    ck_assert_msg(
        cnn_loader_create(context, data,
                          CNN_LOADER(.batch = p->batch, .shuffle = 1, .shard = rank, .shards = c->size,
                                     .blocks = p->blocks, .on_error = p->skip ? CNN_ON_ERROR_SKIP : CNN_ON_ERROR_FAIL),
                          &loader) == CNN_OK,
        "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_loader_create(context, checks,
                                       CNN_LOADER(.batch = 6, .shard = rank, .shards = c->size, .blocks = p->blocks),
                                       &validation),
                     CNN_OK);
    cnn_model *model = make_model(context, 5, p->norm), *teacher = make_model(context, 7, false);
    ck_assert_int_eq(cnn_optimizer_create(context, "momentum:learning_rate=0.02", &optimizer), CNN_OK);
    p->status[rank] = cnn_fit(
        model,
        CNN_FIT(.train = loader, .validation = validation, .optimizer = optimizer, .epochs = EPOCHS, .communicator = c,
                .blocks = p->blocks, .keep_last = 1, .label_smoothing = p->smoothing, .mixup = p->mixup,
                .cutmix = p->cutmix, .accumulate = p->accumulate, .average = p->average,
                .teacher = p->teacher ? teacher : NULL, .class_weights = p->weights ? weights : NULL,
                .class_weight_count = p->weights ? TEST_CLASSES : 0, .last_path = p->last, .resume_path = p->resume),
        &history);
    snprintf(p->message[rank], sizeof(p->message[rank]), "%s", cnn_last_error(context));
    for (size_t e = 0; history != NULL && e < cnn_history_epochs(history); e++) {
        p->loss[rank][e] = cnn_history_value(history, "loss", e);
        p->accuracy[rank][e] = cnn_history_value(history, "accuracy", e);
        p->val_loss[rank][e] = cnn_history_value(history, "val_loss", e);
    }
    p->hash[rank] = test_model_hash(model);
    cnn_history_free(history);
    cnn_optimizer_free(optimizer);
    cnn_model_free(teacher);
    cnn_model_free(model);
    cnn_loader_free(validation);
    cnn_loader_free(loader);
    cnn_dataset_free(checks);
    cnn_dataset_free(data);
    cnn_context_free(context);
}

static plan run(uint32_t ranks, plan p)
{
    p.batch = p.batch > 0 ? p.batch : 8;
    test_run_ranks(ranks, ranks == 3, train, &p);
    return p;
}

static void expect_equal_ranks(const plan *p, uint32_t ranks)
{
    for (uint32_t r = 0; r < ranks; r++) {
        ck_assert_msg(p->status[r] == CNN_OK, "rank %u of %u: %d %s", r, ranks, p->status[r], p->message[r]);
        ck_assert_uint_eq(p->hash[r], p->hash[0]);
        ck_assert_mem_eq(p->loss[r], p->loss[0], sizeof(p->loss[0]));
        ck_assert_mem_eq(p->val_loss[r], p->val_loss[0], sizeof(p->loss[0]));
    }
}

static void expect_curves(const plan *p, const plan *alone)
{
    for (size_t e = 0; e < EPOCHS; e++) {
        ck_assert_double_eq_tol(p->loss[0][e], alone->loss[0][e], 2e-5);
        ck_assert_double_eq_tol(p->val_loss[0][e], alone->val_loss[0][e], 1e-4);
        ck_assert_double_eq_tol(p->accuracy[0][e], alone->accuracy[0][e], 1e-12);
    }
}

/* The options, which also have to change something. */
static const plan options[] = {
    {.smoothing = 0.2f},
    {.mixup = 0.4f},
    {.cutmix = 1},
    {.mixup = 0.4f, .cutmix = 1, .smoothing = 0.1f, .weights = true},
    {.mixup = 0.4f, .batch = 3},
    {.cutmix = 1, .skip = true, .batch = 4},
    {.teacher = true},
    {.teacher = true, .weights = true, .mixup = 0.2f},
    {.accumulate = 2},
    {.accumulate = 4, .mixup = 0.4f, .teacher = true},
    {.accumulate = 3, .skip = true, .batch = 4},
    {.average = "ema:decay=0.9"},
    {.average = "last:count=2"},
    {.average = "swa:start=0"},
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

START_TEST(curves_are_those_of_one)
{
    const plan *with = &options[_i];
    const plan alone = run(1, *with), plain = run(1, PLAN(.batch = with->batch, .skip = with->skip));
    ck_assert_msg(alone.status[0] == CNN_OK, "%s", alone.message[0]);
    ck_assert_msg(alone.loss[0][1] != plain.loss[0][1] || alone.val_loss[0][1] != plain.val_loss[0][1],
                  "the option changes nothing");
    for (uint32_t ranks = 2; ranks <= 4; ranks++) {
        const plan several = run(ranks, *with);
        expect_equal_ranks(&several, ranks);
        expect_curves(&several, &alone);
    }
}
END_TEST

START_TEST(blocks_give_the_same_bits)
{
    plan with = options[_i];
    with.blocks = 4;
    const plan alone = run(1, with);
    if (with.average != NULL && strncmp(with.average, "swa", 3) == 0) {
        ck_assert_int_eq(alone.status[0], CNN_ERROR_UNSUPPORTED);
        ck_assert_ptr_nonnull(strstr(alone.message[0], "swa with blocks"));
        return;
    }
    ck_assert_msg(alone.status[0] == CNN_OK, "%s", alone.message[0]);
    const plan unblocked = run(1, options[_i]);
    expect_curves(&alone, &unblocked);
    for (uint32_t ranks = 2; ranks <= 4; ranks++) {
        const plan several = run(ranks, with);
        expect_equal_ranks(&several, ranks);
        ck_assert_uint_eq(several.hash[0], alone.hash[0]);
        ck_assert_mem_eq(several.loss[0], alone.loss[0], sizeof(alone.loss[0]));
    }
}
END_TEST

/* The statistics of SWA's parameters are means over the ranks' shares: the same on all, and again. */
START_TEST(swa_measures_statistics_together)
{
    const plan alone = run(1, PLAN(.norm = true, .average = "swa:start=0", .batch = 32));
    for (uint32_t ranks = 2; ranks <= 4; ranks++) {
        const plan once = run(ranks, PLAN(.norm = true, .average = "swa:start=0", .batch = 32));
        const plan again = run(ranks, PLAN(.norm = true, .average = "swa:start=0", .batch = 32));
        expect_equal_ranks(&once, ranks);
        ck_assert_uint_eq(once.hash[0], again.hash[0]);
        ck_assert_double_eq_tol(once.val_loss[0][1], alone.val_loss[0][1], 0.05);
    }
}
END_TEST

/* A label that is none, of a sample whose neighbour is on another rank: its own rank tells of it. */
START_TEST(a_bad_label_is_told_by_its_rank)
{
    for (size_t bad = 1; bad <= 12; bad++) {
        const plan p = run(3, PLAN(.mixup = 0.4f, .bad = bad));
        uint32_t own = 0;
        for (uint32_t r = 0; r < 3; r++) {
            own += p.status[r] == CNN_ERROR_INVALID_ARGUMENT && strstr(p.message[r], "none of its outputs") != NULL;
            ck_assert_msg(p.status[r] == CNN_ERROR_INVALID_ARGUMENT || p.status[r] == CNN_ERROR_PEER, "%s",
                          p.message[r]);
        }
        ck_assert_uint_eq(own, 1);
    }
}
END_TEST

/* A rank that is gone between two batches of a step: the checkpoint is that of the step before, and goes on to where
 * the others would have come. */
START_TEST(a_lost_rank_takes_back_the_whole_step)
{
    char last[256];
    test_path(last, sizeof(last), "ranks_options.last.cnn");
    const plan whole = run(2, PLAN(.accumulate = 3));
    uint32_t saved = 0;
    for (size_t gone = 1; gone <= SAMPLES; gone += 4) {
        unlink(last);
        const plan lost = run(2, PLAN(.accumulate = 3, .gone = gone, .last = last));
        if (lost.status[0] == CNN_OK) {
            continue; /* another rank read it */
        }
        ck_assert_int_eq(access(last, F_OK), 0);
        saved++;
        const plan resumed = run(2, PLAN(.accumulate = 3, .resume = last));
        expect_equal_ranks(&resumed, 2);
        ck_assert_uint_eq(resumed.hash[0], whole.hash[0]);
        ck_assert_double_eq_tol(resumed.loss[0][0], whole.loss[0][0], 1e-12);
        ck_assert_double_eq_tol(resumed.loss[0][1], whole.loss[0][1], 1e-12);
    }
    ck_assert_uint_ge(saved, 3);
    unlink(last);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ranks_options");
    TCase *tests = tcase_create("ranks_options");
    tcase_set_timeout(tests, 200);
    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, curves_are_those_of_one, 0, OPTIONS);
    tcase_add_loop_test(tests, blocks_give_the_same_bits, 0, OPTIONS);
    tcase_add_test(tests, swa_measures_statistics_together);
    tcase_add_test(tests, a_bad_label_is_told_by_its_rank);
    tcase_add_test(tests, a_lost_rank_takes_back_the_whole_step);
    return cnn_test_run(suite);
}
