/* SPDX-License-Identifier: MIT */
/* A training in its parts, as several tests of trainings open it. */
#ifndef CNN_TESTS_TRAIN_BENCH_H
#define CNN_TESTS_TRAIN_BENCH_H

#include "common/fixture.h"

typedef struct bench {
    cnn_context *context;
    cnn_dataset *data, *more;
    cnn_loader *train, *validation;
    cnn_model *model;
    cnn_optimizer *optimizer;
    cnn_schedule *schedule;
} bench;

/* What is chosen of it; 0 stands for the number behind it. Validations have batches of 8. */
typedef struct bench_setting {
    uint32_t threads;                          /* 1 */
    uint64_t seed;                             /* 6 */
    size_t samples, more;                      /* for training, 44, and for validation, 20 */
    uint32_t batch;                            /* 8 */
    cnn_model *(*model)(cnn_context *context); /* NULL: test_model() */
    const char *rule, *schedule;               /* schedule: NULL: none */
} bench_setting;

#define BENCH(...) (&(const bench_setting){__VA_ARGS__})

void bench_open(bench *b, const bench_setting *setting);
void bench_close(bench *b);

/* Enough for all parameters of the models here. */
#define MOST_VALUES 4096

/* Copies all parameters, one after the other; returns how many values they have. */
size_t bench_values(const cnn_model *model, float values[MOST_VALUES]);

/* A small convolutional network; and with a normalisation of the images and a dropout. */
cnn_model *bench_plain(cnn_context *context);
cnn_model *bench_noisy(cnn_context *context);

/* Trains with the parts of the bench. */
cnn_status bench_fit(bench *b, cnn_fit_options *options, cnn_history **history);

#endif
