/* SPDX-License-Identifier: MIT */
/* Trainings that are stopped by each of their callbacks, within epochs, in validations after them and in between: what
 * the callbacks are told, and the same bits when they go on. */
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"

#define EPOCHS 4
#define BATCH 8
#define TRAIN 44 /* six batches: three steps of two */

/* Counts the calls of all callbacks, and stops with one of them. */
typedef struct watch {
    uint64_t calls, stop_at;
    uint64_t epoch; /* of the last call of on_step */
    uint64_t validations, between;
    bool in_order;
} watch;

static bool count(watch *w) { return ++w->calls == w->stop_at; }

static bool on_step(void *user, const cnn_progress *progress)
{
    watch *w = user;
    w->in_order = w->in_order && progress->epochs == EPOCHS && progress->epoch < EPOCHS && progress->epoch >= w->epoch;
    w->epoch = progress->epoch;
    w->validations += progress->step == 0;
    return count(w);
}

static bool on_evaluation(void *user, const cnn_progress *progress)
{
    watch *w = user;
    w->in_order = w->in_order && progress->epoch == w->epoch && progress->step > 0;
    w->between++;
    return count(w);
}

static bool on_epoch(void *user, const cnn_progress *progress)
{
    watch *w = user;
    w->in_order = w->in_order && progress->epoch == w->epoch;
    return count(w);
}

typedef struct setting {
    const char *rule;
    cnn_fit_options options;
    const char *schedule, *steps; /* of the learning rate; of the training images; NULL: none */
    bool balanced, teacher;
} setting;

static const setting settings[] = {
    {.rule = "momentum:learning_rate=0.02", .options = {.average = "swa:start=1", .accumulate = 2}},
    {.rule = "adamw:learning_rate=0.01+lookahead:every=2", .options = {.average = "last:count=3", .evaluate_every = 2}},
    {.rule = "muon:learning_rate=0.05",
     .options = {.average = "ema:decay=0.9", .steps_per_epoch = 4, .validation_steps = 2}},
    {.rule = "rmsprop",
     .options = {.average = "last:count=16", .steps_per_epoch = 4, .accumulate = 4, .evaluate_every = 3}},
    {.rule = "adam",
     .options = {.mixup = 0.3f, .label_smoothing = 0.1f},
     .schedule = "onecycle",
     .steps = "rand_augment,erase"},
    {.rule = "nesterov:learning_rate=0.02",
     .options = {.cutmix = 1},
     .schedule = "triangular",
     .steps = "alternating_flip",
     .balanced = true},
    {.rule = "adam",
     .options = {.mixup = 1, .cutmix = 1, .average = "ema:decay=0.9"},
     .steps = "trivial_augment",
     .teacher = true},
};

/* One call of cnn_fit(), with everything made anew; the hash of the parameters it ends with. */
static cnn_status fit(const setting *s, watch *w, const char *resume, const char *path, uint64_t *hash)
{
    cnn_context *context = NULL;
    cnn_dataset *data = NULL, *more = NULL;
    cnn_loader *train = NULL, *validation = NULL;
    cnn_model *model = NULL, *teacher = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_schedule *schedule = NULL;
    cnn_pipeline *steps = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 9), &context), CNN_OK);
    ck_assert_int_eq(cnn_pipeline_create(context, s->steps != NULL ? s->steps : "", &steps), CNN_OK);
    ck_assert(s->schedule == NULL || cnn_schedule_create(context, s->schedule, &schedule) == CNN_OK);
    ck_assert(!s->teacher || test_model(context, &teacher) == CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, TRAIN, &data), CNN_OK);
    ck_assert_int_eq(test_dataset(context, TRAIN, 20, &more), CNN_OK);
    ck_assert_int_eq(
        cnn_loader_create(context, data,
                          CNN_LOADER(.pipeline = steps, .batch = BATCH, .shuffle = 1, .balanced = s->balanced), &train),
        CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, more, CNN_LOADER(.batch = BATCH), &validation), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_create(context, s->rule, &optimizer), CNN_OK);
    cnn_fit_options options = s->options;
    options.struct_size = sizeof(options);
    options.train = train;
    options.validation = validation;
    options.optimizer = optimizer;
    options.schedule = schedule;
    options.teacher = teacher;
    options.epochs = EPOCHS;
    options.keep_last = 1;
    options.on_step = on_step;
    options.on_evaluation = on_evaluation;
    options.on_epoch = on_epoch;
    options.user = w;
    options.last_path = path;
    options.resume_path = resume;
    const cnn_status status = cnn_fit(model, &options, NULL);
    ck_assert_msg(status == CNN_OK || status == CNN_ERROR_CANCELLED, "%s", cnn_last_error(context));
    *hash = test_model_hash(model);
    cnn_optimizer_free(optimizer);
    cnn_schedule_free(schedule);
    cnn_model_free(teacher);
    cnn_model_free(model);
    cnn_loader_free(validation);
    cnn_loader_free(train);
    cnn_dataset_free(more);
    cnn_dataset_free(data);
    cnn_pipeline_free(steps);
    cnn_context_free(context);
    return status;
}

START_TEST(every_callback_can_stop_it)
{
    const setting *s = &settings[_i];
    char path[512];
    uint64_t whole = 0, hash = 0;
    watch all = {.in_order = true};
    test_path(path, sizeof(path), "stops.cnn");
    ck_assert_int_eq(fit(s, &all, NULL, path, &whole), CNN_OK);
    ck_assert(all.in_order);
    ck_assert_uint_ge(all.validations, EPOCHS * 2);
    ck_assert(s->options.evaluate_every == 0 || all.between > 0);
    for (uint64_t stop = 1; stop < all.calls; stop++) { /* the last call is that of the last epoch, which is done */
        watch first = {.in_order = true, .stop_at = stop}, rest = {.in_order = true};
        unlink(path);
        ck_assert_int_eq(fit(s, &first, NULL, path, &hash), CNN_ERROR_CANCELLED);
        ck_assert_uint_eq(first.calls, stop);
        ck_assert_int_eq(fit(s, &rest, path, path, &hash), CNN_OK);
        ck_assert(first.in_order && rest.in_order);
        ck_assert_msg(hash == whole, "setting %d, %s: stopped by call %d of %d", _i, s->rule, (int)stop,
                      (int)all.calls);
    }
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stops");
    TCase *tests = tcase_create("stops");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, every_callback_can_stop_it, 0, sizeof(settings) / sizeof(settings[0]));
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
