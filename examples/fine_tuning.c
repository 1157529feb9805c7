/* SPDX-License-Identifier: MIT */
/* Transfer learning by fine-tuning: a network whose head has been trained already, by feature_extraction.c, is trained
 * from a layer on, with small steps and images that are moved about.
 *     fine_tuning MODEL LAYER TRAIN VALIDATION TUNED [EPOCHS] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool print_epoch(void *user, const cnn_progress *progress)
{
    (void)user;
    printf("epoch %d: loss %.4f, validation accuracy %.4f, %.1f s\n", (int)progress->epoch + 1, progress->loss,
           progress->validation_score, progress->seconds);
    return false;
}

/* Random turns, shifts and mirror images, then the preprocessing that the model was trained with. */
static cnn_status open_loaders(cnn_context *context, const cnn_model *model, const cnn_dataset *photos,
                               const cnn_dataset *held_out, cnn_loader **train, cnn_loader **validation)
{
    static const char moves[] = "rotate=20,shift=0.1,flip";
    const char *own = cnn_pipeline_text(cnn_model_pipeline(model));
    const size_t size = sizeof(moves) + strlen(own) + 2;
    cnn_pipeline *pipeline = NULL;
    char *steps = malloc(size);
    if (steps == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    snprintf(steps, size, "%s,%s", moves, own);
    cnn_status status = cnn_pipeline_create(context, steps, &pipeline);
    if (status == CNN_OK) {
        status = cnn_loader_create(context, photos, CNN_LOADER(.pipeline = pipeline, .batch = 20, .shuffle = 1), train);
    }
    if (status == CNN_OK) {
        status = cnn_loader_create(context, held_out, CNN_LOADER(.pipeline = cnn_model_pipeline(model), .batch = 20),
                                   validation);
    }
    cnn_pipeline_free(pipeline);
    free(steps);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: fine_tuning MODEL LAYER TRAIN VALIDATION TUNED [EPOCHS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *photos = NULL, *held_out = NULL;
    cnn_loader *train = NULL, *validation = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *rmsprop = NULL;
    cnn_status status = cnn_context_create(NULL, &context);
    if (status == CNN_OK) {
        status = cnn_model_load(context, argv[1], &model);
    }
    if (status == CNN_OK) {
        status = cnn_model_train_from(model, argv[2]);
    }
    if (status == CNN_OK) {
        status = cnn_dataset_open_folders(context, argv[3], NULL, &photos);
    }
    if (status == CNN_OK) {
        status = cnn_dataset_open_folders(context, argv[4], NULL, &held_out);
    }
    if (status == CNN_OK) {
        status = open_loaders(context, model, photos, held_out, &train, &validation);
    }
    if (status == CNN_OK) {
        status = cnn_rmsprop_create(context, CNN_RMSPROP(.learning_rate = 1e-5f), &rmsprop);
    }
    if (status == CNN_OK) {
        printf("%llu of %llu parameters are trained, from %s on\n",
               (unsigned long long)cnn_model_trainable_values(model), (unsigned long long)cnn_model_values(model),
               argv[2]);
        status = cnn_fit(model,
                         CNN_FIT(.train = train, .validation = validation, .optimizer = rmsprop,
                                 .epochs = argc > 6 ? (uint32_t)atoi(argv[6]) : 30, .on_epoch = print_epoch,
                                 .best_path = argv[5]),
                         NULL);
    }
    if (status != CNN_OK) {
        fprintf(stderr, "fine_tuning: %s\n", context != NULL ? cnn_last_error(context) : "no context");
    }
    cnn_optimizer_free(rmsprop);
    cnn_loader_free(validation);
    cnn_loader_free(train);
    cnn_dataset_free(held_out);
    cnn_dataset_free(photos);
    cnn_model_free(model);
    cnn_context_free(context);
    return status == CNN_OK ? 0 : 1;
}
