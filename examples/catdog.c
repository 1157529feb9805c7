/* SPDX-License-Identifier: MIT */
/* Trains the small cat/dog network of Keras's tutorials on folders of photos, one folder for each class:
 *     catdog TRAIN VALIDATION MODEL [EPOCHS] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

/* Four convolutions and two dense layers: 3,453,121 parameters. */
static cnn_status build(cnn_context *context, cnn_model **model)
{
    static const int32_t filters[] = {32, 64, 128, 128};
    cnn_status status = cnn_model_create(context, CNN_MODEL(.name = "catdog", .input = {150, 150, 3}), model);
    if (status != CNN_OK) {
        return status;
    }
    for (int i = 0; i < 4; i++) {
        cnn_model_add(*model, cnn_conv2d(context, CNN_CONV2D(.filters = filters[i], .activation = CNN_RELU)));
        cnn_model_add(*model, cnn_max_pool2d(context, NULL));
    }
    cnn_model_add(*model, cnn_flatten(context, NULL));
    cnn_model_add(*model, cnn_dense(context, CNN_DENSE(.units = 512, .activation = CNN_RELU)));
    cnn_model_add(*model, cnn_dense(context, CNN_DENSE(.units = 1, .activation = CNN_SIGMOID)));
    return cnn_model_build(*model);
}

static bool print_epoch(void *user, const cnn_progress *progress)
{
    (void)user;
    printf("epoch %d: loss %.4f, accuracy %.4f; validation loss %.4f, accuracy %.4f; %.1f s\n",
           (int)progress->epoch + 1, progress->loss, progress->score, progress->validation_loss,
           progress->validation_score, progress->seconds);
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: catdog TRAIN VALIDATION MODEL [EPOCHS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *photos = NULL, *held_out = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_loader *train = NULL, *validation = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;

    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_open_folders(context, argv[1], NULL, &photos) == CNN_OK &&
              cnn_dataset_open_folders(context, argv[2], NULL, &held_out) == CNN_OK &&
              cnn_pipeline_create(context, "resize=150x150:nearest", &pipeline) == CNN_OK &&
              cnn_loader_create(context, photos, CNN_LOADER(.pipeline = pipeline, .batch = 20, .shuffle = 1),
                                &train) == CNN_OK &&
              cnn_loader_create(context, held_out, CNN_LOADER(.pipeline = pipeline, .batch = 20), &validation) ==
                  CNN_OK &&
              build(context, &model) == CNN_OK &&
              cnn_rmsprop_create(context, CNN_RMSPROP(.learning_rate = 1e-4f), &optimizer) == CNN_OK &&
              cnn_fit(model, CNN_FIT(.train = train, .validation = validation, .optimizer = optimizer,
                                     .epochs = argc > 4 ? (uint32_t)atoi(argv[4]) : 30, .on_epoch = print_epoch),
                      NULL) == CNN_OK &&
              cnn_model_save(model, argv[3]) == CNN_OK; /* with class names and preprocessing */
    if (!ok) {
        fprintf(stderr, "catdog: %s\n", cnn_last_error(context));
    }
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(validation);
    cnn_loader_free(train);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(held_out);
    cnn_dataset_free(photos);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
