/* SPDX-License-Identifier: MIT */
/* cnn_fit() with a backend whose memory nobody else can read: gradients that are accumulated there, the scratch of
 * Muon, the slow weights of Lookahead, averages and their statistics, a teacher, all to the bits of the reference. */
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "session/own_memory.h"

typedef struct setting {
    const char *rule;
    cnn_fit_options options;
    bool teacher;
} setting;

static const setting settings[] = {
    {"adamw:learning_rate=0.01+lookahead:every=2", {.accumulate = 2, .average = "ema:decay=0.9"}, true},
    {"muon:learning_rate=0.05,weight_decay=0.01", {.average = "swa:start=1", .evaluate_every = 2}, false},
    {"muon:normalize=1,clip_norm=1+lookahead", {.accumulate = 3, .average = "last:count=2", .mixup = 0.3f}, false},
};

typedef struct result {
    uint64_t fitted, statistics;
    double rate;
} result;

static result run(const setting *s, bool apart, const char *path)
{
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *train = NULL, *validation = NULL;
    cnn_model *model = NULL, *teacher = NULL;
    cnn_optimizer *optimizer = NULL, *other = NULL;
    result found = {0};
    const cnn_backend backend = own_memory_backend(-1);
    ck_assert_int_eq(apart ? cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 4, .backend = "apart",
                                                            .backends = &backend, .backend_count = 1),
                                                &context)
                           : cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 4, .backend = "reference"), &context),
                     CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, 20, &data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 4, .shuffle = 1), &train), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 8), &validation), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(test_model(context, &teacher), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_create(context, s->rule, &optimizer), CNN_OK);
    cnn_fit_options options = s->options;
    options.struct_size = sizeof(options);
    options.train = train;
    options.validation = validation;
    options.optimizer = optimizer;
    options.teacher = s->teacher ? teacher : NULL;
    options.keep_last = 1;
    for (uint32_t epochs = 2; epochs <= 3; epochs++) { /* the third from the checkpoint */
        options.epochs = epochs;
        options.last_path = path;
        options.resume_path = epochs == 3 ? path : NULL;
        ck_assert_msg(cnn_fit(model, &options, NULL) == CNN_OK, "%s", cnn_last_error(context));
    }
    found.fitted = test_model_hash(model);
    ck_assert_msg(cnn_update_statistics(model, train) == CNN_OK, "%s", cnn_last_error(context));
    found.statistics = test_model_hash(model);
    ck_assert_int_eq(cnn_optimizer_create(context, s->rule, &other), CNN_OK);
    ck_assert_int_eq(cnn_find_learning_rate(model, CNN_RATE_SEARCH(.train = train, .optimizer = other, .steps = 30),
                                            &found.rate, NULL),
                     CNN_OK);
    ck_assert_uint_eq(test_model_hash(model), found.statistics);
    cnn_optimizer_free(other);
    cnn_optimizer_free(optimizer);
    cnn_model_free(teacher);
    cnn_model_free(model);
    cnn_loader_free(validation);
    cnn_loader_free(train);
    cnn_dataset_free(data);
    cnn_context_free(context);
    return found;
}

START_TEST(trainings_have_the_bits_of_the_reference)
{
    char path[512];
    test_path(path, sizeof(path), "apart.cnn");
    const result apart = run(&settings[_i], true, path), reference = run(&settings[_i], false, path);
    ck_assert_uint_eq(apart.fitted, reference.fitted);
    ck_assert_uint_eq(apart.statistics, reference.statistics);
    ck_assert_mem_eq(&apart.rate, &reference.rate, sizeof(apart.rate));
    const bool swa = settings[_i].options.average != NULL && strncmp(settings[_i].options.average, "swa", 3) == 0;
    ck_assert_int_eq(apart.fitted == apart.statistics, swa); /* has just these statistics */
    ck_assert_uint_eq(own_memory_blocks(), 0);
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trainings in memory of the backend's own");
    TCase *tests = tcase_create("own memory");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, trainings_have_the_bits_of_the_reference, 0, sizeof(settings) / sizeof(settings[0]));
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
