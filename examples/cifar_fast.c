/* SPDX-License-Identifier: MIT */
/* CIFAR-10 in minutes: the network and the training of the 94 % recipes, from calls that are each of use alone. `cnn
 * train cifar-fast` does the same.
 *
 *     cifar_fast TRAIN TEST MODEL [EPOCHS]       two folders with one folder for each class, or of CIFAR binaries
 */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

#define BATCH 1024

typedef struct program {
    cnn_context *context;
    cnn_dataset *train_data, *test_data;
    cnn_pipeline *training, *evaluation;
    cnn_loader *train, *test;
    cnn_model *model;
    cnn_optimizer *optimizer;
    cnn_schedule *schedule;
} program;

static bool on_epoch(void *user, const cnn_progress *progress)
{
    (void)user;
    printf("epoch %d: loss %.4f, test accuracy %.4f, %.0f images/s\n", (int)progress->epoch + 1, progress->loss,
           progress->validation_score, progress->images_per_second);
    return false;
}

static cnn_status open_images(program *p, const char *train, const char *test)
{
    static const char values[] = "normalize=mean=0.4914/0.4822/0.4465:std=0.247/0.2435/0.2616";
    char steps[256];
    /* Mirrored in every other epoch, and parts that are up to two pixels off, with the border mirrored. */
    snprintf(steps, sizeof(steps), "resize=32x32,alternating_flip,random_crop=32x32:pad=2:reflect,%s", values);
    cnn_status status = cnn_pipeline_create(p->context, steps, &p->training);
    /* Six views of a test image: where it is, a pixel down and right, a pixel up and left, and their mirror images. */
    snprintf(steps, sizeof(steps), "resize=32x32,views=0/0/1/1/-1/-1,%s", values);
    status = status == CNN_OK ? cnn_pipeline_create(p->context, steps, &p->evaluation) : status;
    status = status == CNN_OK ? cnn_dataset_open(p->context, train, NULL, &p->train_data) : status;
    status = status == CNN_OK ? cnn_dataset_open(p->context, test, NULL, &p->test_data) : status;
    const uint32_t batch = cnn_dataset_count(p->train_data) < BATCH ? 32 : BATCH;
    status = status == CNN_OK ? cnn_loader_create(p->context, p->train_data,
                                                  CNN_LOADER(.pipeline = p->training, .batch = batch, .shuffle = 1,
                                                             .drop_last = 1, .in_memory = 1),
                                                  &p->train)
                              : status;
    return status == CNN_OK ? cnn_loader_create(p->context, p->test_data,
                                                CNN_LOADER(.pipeline = p->evaluation, .batch = 250), &p->test)
                            : status;
}

/* The first layer's filters are a whitening of the images' patches, and stay so. */
static cnn_status open_model(program *p)
{
    cnn_status status = cnn_zoo_create(p->context, "cifar-fast",
                                       CNN_ZOO(.classes = (uint32_t)cnn_dataset_class_count(p->train_data)), &p->model);
    status = status == CNN_OK ? cnn_model_set_pipeline(p->model, p->evaluation) : status;
    status = status == CNN_OK ? cnn_model_whiten(p->model, "whiten", p->train, 0) : status;
    return status == CNN_OK ? cnn_model_set_trainable(p->model, "whiten/kernel", false) : status;
}

/* Shifts of normalisations learn 64 times as fast, and hardly decay. */
static cnn_status open_rule(program *p)
{
    const float rate = 1.5f * (float)cnn_loader_batch_size(p->train) / BATCH;
    cnn_status status = cnn_sgd_create(p->context,
                                       CNN_SGD(.learning_rate = rate, .momentum = 0.85f, .nesterov = 1,
                                               .convention = CNN_PYTORCH, .weight_decay = 1.33e-3f),
                                       &p->optimizer);
    status = status == CNN_OK ? cnn_optimizer_add_groups(p->optimizer, "*/beta:factor=64,weight_decay=2.08e-5")
                              : status;
    return status == CNN_OK ? cnn_schedule_create(p->context, "triangular:peak=0.23,start=0.2,end=0.07", &p->schedule)
                            : status;
}

static cnn_status run(program *p, int count, char **words)
{
    cnn_status status = cnn_context_create(CNN_CONTEXT(.seed = 1), &p->context);
    status = status == CNN_OK ? open_images(p, words[1], words[2]) : status;
    status = status == CNN_OK ? open_model(p) : status;
    status = status == CNN_OK ? open_rule(p) : status;
    if (status != CNN_OK) {
        return status;
    }
    return cnn_fit(p->model,
                   CNN_FIT(.train = p->train, .validation = p->test, .optimizer = p->optimizer, .schedule = p->schedule,
                           .epochs = count > 4 ? (uint32_t)atoi(words[4]) : 10, .label_smoothing = 0.2f,
                           .best_path = words[3], .on_epoch = on_epoch),
                   NULL);
}

int main(int count, char **words)
{
    program p = {0};
    if (count < 4) {
        fprintf(stderr, "usage: cifar_fast TRAIN TEST MODEL [EPOCHS]\n");
        return 2;
    }
    const cnn_status status = run(&p, count, words);
    if (status != CNN_OK) {
        fprintf(stderr, "%s: %s\n", cnn_status_string(status), p.context != NULL ? cnn_last_error(p.context) : "");
    }
    cnn_schedule_free(p.schedule);
    cnn_optimizer_free(p.optimizer);
    cnn_model_free(p.model);
    cnn_loader_free(p.test);
    cnn_loader_free(p.train);
    cnn_dataset_free(p.test_data);
    cnn_dataset_free(p.train_data);
    cnn_pipeline_free(p.evaluation);
    cnn_pipeline_free(p.training);
    cnn_context_free(p.context);
    return status == CNN_OK ? 0 : 1;
}
