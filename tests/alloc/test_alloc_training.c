/* SPDX-License-Identifier: MIT */
/* Trainings of all kinds, in which every allocation fails in turn: what optimizers, averages, accumulated gradients,
 * mixed images, a teacher and a resumed checkpoint take; the search for a learning rate, statistics and whitening. */
#include "alloc/survive.h"
#include "common/fixture.h"

typedef struct setting {
    const char *rule, *schedule;
    cnn_fit_options options;
    bool teacher, resume;
} setting;

typedef struct bench {
    cnn_dataset *data;
    cnn_loader *train, *validation;
    cnn_model *model, *teacher;
    cnn_optimizer *optimizer;
    cnn_schedule *schedule;
} bench;

static cnn_status open_bench(cnn_context *context, const setting *s, bench *b)
{
    *b = (bench){.data = NULL};
    cnn_status status = test_dataset(context, 0, 12, &b->data);
    THEN(cnn_loader_create(context, b->data, CNN_LOADER(.batch = 4, .shuffle = 1), &b->train));
    THEN(cnn_loader_create(context, b->data, CNN_LOADER(.batch = 6), &b->validation));
    THEN(test_model(context, &b->model));
    status = status == CNN_OK && s->teacher ? test_model(context, &b->teacher) : status;
    THEN(cnn_optimizer_create(context, s->rule, &b->optimizer));
    if (status == CNN_OK && s->schedule != NULL) {
        status = cnn_schedule_create(context, s->schedule, &b->schedule);
    }
    return status;
}

static void close_bench(bench *b)
{
    cnn_schedule_free(b->schedule);
    cnn_optimizer_free(b->optimizer);
    cnn_model_free(b->teacher);
    cnn_model_free(b->model);
    cnn_loader_free(b->validation);
    cnn_loader_free(b->train);
    cnn_dataset_free(b->data);
}

/* Up to this epoch; `resume` is a checkpoint's path or NULL. */
static cnn_status fit_once(cnn_context *context, const setting *s, uint32_t epochs, const char *resume, uint64_t *hash)
{
    bench b;
    cnn_fit_options options = s->options;
    cnn_status status = open_bench(context, s, &b);
    options.struct_size = sizeof(options);
    options.train = b.train;
    options.validation = b.validation;
    options.optimizer = b.optimizer;
    options.schedule = b.schedule;
    options.teacher = b.teacher;
    options.epochs = epochs;
    options.last_path = survive_path;
    options.resume_path = resume;
    THEN(cnn_fit(b.model, &options, NULL));
    *hash = status == CNN_OK ? test_model_hash(b.model) : 0;
    close_bench(&b);
    return status;
}

static cnn_status fit(cnn_context *context, const setting *s, uint64_t *hash)
{
    const cnn_status status = fit_once(context, s, s->resume ? 1 : 2, NULL, hash);
    return status == CNN_OK && s->resume ? fit_once(context, s, 2, survive_path, hash) : status;
}

/* The best epoch's parameters are kept where epochs are several, the averages in the checkpoint. */
static cnn_status fit_mixed(cnn_context *context, uint64_t *hash)
{
    static const float weights[TEST_CLASSES] = {1, 2, 0.5f};
    static const setting s = {"adamw:learning_rate=0.01+lookahead:every=2",
                              "triangular",
                              {.accumulate = 2,
                               .average = "ema:decay=0.9",
                               .mixup = 0.3f,
                               .cutmix = 0.3f,
                               .label_smoothing = 0.1f,
                               .class_weights = weights,
                               .class_weight_count = TEST_CLASSES},
                              true,
                              false};
    return fit(context, &s, hash);
}

/* SWA has a session of its own for statistics. */
static cnn_status fit_orthogonal(cnn_context *context, uint64_t *hash)
{
    static const setting s = {"muon:learning_rate=0.05,weight_decay=0.01",
                              "onecycle",
                              {.average = "swa:start=0", .steps_per_epoch = 2, .evaluate_every = 1},
                              false,
                              false};
    return fit(context, &s, hash);
}

static cnn_status fit_resumed(cnn_context *context, uint64_t *hash)
{
    static const setting s = {
        "muon:clip_norm=1+lookahead:every=3", "linear", {.average = "last:count=3", .accumulate = 3}, false, true};
    return fit(context, &s, hash);
}

static cnn_status search(cnn_context *context, uint64_t *hash)
{
    static const setting s = {"adamw+lookahead", NULL, {0}, false, false};
    bench b;
    cnn_history *history = NULL;
    double rate = 0;
    cnn_status status = open_bench(context, &s, &b);
    THEN(cnn_find_learning_rate(b.model,
                                CNN_RATE_SEARCH(.train = b.train, .optimizer = b.optimizer, .high = 0.1, .steps = 20),
                                &rate, &history));
    THEN(cnn_update_statistics(b.model, b.train));
    *hash = status == CNN_OK ? test_model_hash(b.model) + test_hash(&rate, sizeof(rate)) : 0;
    cnn_history_free(history);
    close_bench(&b);
    return status;
}

static cnn_status whiten(cnn_context *context, uint64_t *hash)
{
    static const setting s = {"sgd", NULL, {0}, false, false};
    bench b;
    cnn_status status = open_bench(context, &s, &b);
    THEN(cnn_model_whiten(b.model, cnn_model_layer_name(b.model, 0), b.train, 10));
    *hash = status == CNN_OK ? test_model_hash(b.model) : 0;
    close_bench(&b);
    return status;
}

int main(void)
{
    static const survivor survivors[] = {
        {"mixed", fit_mixed}, {"orthogonal", fit_orthogonal}, {"resumed", fit_resumed}, {"search", search},
        {"whiten", whiten},
    };
    return survive_run("allocation failure in training", survivors, sizeof(survivors) / sizeof(survivors[0]));
}
