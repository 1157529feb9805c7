/* SPDX-License-Identifier: MIT */
/* Transfer learning by feature extraction: the base of a trained network stays as it is, its features are computed
 * once, and a new head is trained on them.
 *     feature_extraction BASE TRAIN VALIDATION MODEL [EPOCHS] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

static bool print_epoch(void *user, const cnn_progress *progress)
{
    (void)user;
    printf("epoch %d: loss %.4f, validation accuracy %.4f, %.2f s\n", (int)progress->epoch + 1, progress->loss,
           progress->validation_score, progress->seconds);
    return false;
}

/* The base with a head of 256 units, of which the head alone is trained. */
static cnn_status open_model(cnn_context *context, const char *path, size_t classes, cnn_model **model)
{
    cnn_model *base = NULL;
    cnn_status status = cnn_model_load(context, path, &base);
    if (status == CNN_OK) {
        status = cnn_model_replace_head(
            base, CNN_HEAD(.layers = "dense=256,relu,dropout=0.5", .classes = (uint32_t)classes), model);
    }
    cnn_model_free(base); /* the new model holds on to its parameters */
    if (status == CNN_OK) {
        status = cnn_model_set_trainable(*model, "*", false);
    }
    return status == CNN_OK ? cnn_model_set_trainable(*model, "head_*", true) : status;
}

/* The model file's own preprocessing stays; a network without one gets a resize to its input. */
static cnn_status set_preprocessing(cnn_context *context, cnn_model *model)
{
    const cnn_shape input = cnn_model_input_shape(model);
    char text[64];
    cnn_pipeline *pipeline = NULL;
    if (cnn_model_pipeline(model) != NULL) {
        return CNN_OK;
    }
    snprintf(text, sizeof(text), "resize=%dx%d", (int)input.dims[0], (int)input.dims[1]);
    cnn_status status = cnn_pipeline_create(context, text, &pipeline);
    if (status == CNN_OK) {
        status = cnn_model_set_pipeline(model, pipeline);
    }
    cnn_pipeline_free(pipeline);
    return status;
}

/* A loader of what the base makes of the photos. */
static cnn_status open_features(cnn_context *context, cnn_model *model, const cnn_dataset *photos, uint32_t shuffle,
                                cnn_dataset **features, cnn_loader **loader)
{
    cnn_status status = cnn_features_create(model, CNN_FEATURES(.dataset = photos), features);
    return status == CNN_OK ? cnn_loader_create(context, *features, CNN_LOADER(.batch = 20, .shuffle = shuffle), loader)
                            : status;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: feature_extraction BASE TRAIN VALIDATION MODEL [EPOCHS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *photos = NULL, *held_out = NULL, *features = NULL, *held_out_features = NULL;
    cnn_loader *train = NULL, *validation = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *rmsprop = NULL;
    cnn_status status = cnn_context_create(NULL, &context);
    if (status == CNN_OK) {
        status = cnn_dataset_open_folders(context, argv[2], NULL, &photos);
    }
    if (status == CNN_OK) {
        status = cnn_dataset_open_folders(context, argv[3], NULL, &held_out);
    }
    if (status == CNN_OK) {
        status = open_model(context, argv[1], cnn_dataset_class_count(photos), &model);
    }
    if (status == CNN_OK) {
        status = set_preprocessing(context, model);
    }
    if (status == CNN_OK) {
        status = open_features(context, model, photos, 1, &features, &train);
    }
    if (status == CNN_OK) {
        status = open_features(context, model, held_out, 0, &held_out_features, &validation);
    }
    if (status == CNN_OK) {
        status = cnn_rmsprop_create(context, CNN_RMSPROP(.learning_rate = 1e-4f), &rmsprop);
    }
    if (status == CNN_OK) {
        printf("features of %s: %zu and %zu\n", cnn_model_frozen_layer(model), cnn_dataset_count(features),
               cnn_dataset_count(held_out_features));
        status = cnn_fit(model,
                         CNN_FIT(.train = train, .validation = validation, .optimizer = rmsprop,
                                 .epochs = argc > 5 ? (uint32_t)atoi(argv[5]) : 30, .on_epoch = print_epoch,
                                 .best_path = argv[4], .from = cnn_model_frozen_layer(model)),
                         NULL);
    }
    if (status != CNN_OK) {
        fprintf(stderr, "feature_extraction: %s\n", context != NULL ? cnn_last_error(context) : "no context");
    }
    cnn_optimizer_free(rmsprop);
    cnn_model_free(model);
    cnn_loader_free(validation);
    cnn_loader_free(train);
    cnn_dataset_free(held_out_features);
    cnn_dataset_free(features);
    cnn_dataset_free(held_out);
    cnn_dataset_free(photos);
    cnn_context_free(context);
    return status == CNN_OK ? 0 : 1;
}
