/* SPDX-License-Identifier: MIT */
/* `cnn train` on the base of a trained network: a new head for it, and its features computed once. */
#include "tool_train.h"

#include <stdlib.h>
#include <string.h>

/* Features take at most so much memory if nobody asked for them. */
#define MOST_MEMORY ((uint64_t)1 << 30)

int tool_train_set_head(train_run *train)
{
    const train_settings *settings = train->settings;
    tool *run = train->run;
    cnn_model *made = NULL;
    const cnn_task task = tool_train_task(train);
    /* A model by name is one for classes: of labels and values its last layer gives way to one for them. */
    const bool ours = settings->head == NULL && task > CNN_TASK_CLASSES && tool_is_zoo(run->operands[0]);
    if (settings->head == NULL && !ours) {
        return TOOL_DONE;
    }
    const char *cut = ours ? tool_before_dense(train->model) : settings->cut;
    const cnn_status status = cnn_model_replace_head(train->model,
                                                     CNN_HEAD(.layers = settings->head, .cut = cut,
                                                              .classes = (uint32_t)cnn_dataset_class_count(train->data),
                                                              .task = task > CNN_TASK_CLASSES ? (int32_t)task : 0),
                                                     &made);
    if (status != CNN_OK && ours) {
        return tool_fail_library(run, status);
    }
    if (status == CNN_ERROR_INVALID_ARGUMENT && settings->cut == NULL) {
        return tool_fail_usage(run, "--head: %s (--cut LAYER says where; `cnn summary` lists the layers)",
                               cnn_last_error(run->context));
    }
    if (status == CNN_ERROR_INVALID_ARGUMENT || status == CNN_ERROR_NOT_FOUND) {
        return tool_fail_usage(run, "--head: %s", cnn_last_error(run->context));
    }
    if (status != CNN_OK) {
        return tool_fail_library(run, status);
    }
    cnn_model_free(train->model);
    train->model = made;
    size_t first = 0;
    while (strncmp(cnn_model_layer_name(made, first), "head_", strlen("head_")) != 0) {
        first++;
    }
    tool_note(run, "head        %s after %s", cnn_model_layer_name(made, first),
              first > 0 ? cnn_model_layer_name(made, first - 1) : "the input");
    return TOOL_DONE;
}

/* By the images of one process: the first rank reads all, and training begins with its parameters. */
static cnn_status whiten(train_run *train, const char *layer)
{
    cnn_loader *all = NULL;
    if (train->run->ranks.size == 1 || !tool_ranks_first(&train->run->ranks)) {
        return cnn_model_whiten(train->model, layer, train->loader, 0);
    }
    cnn_status status = tool_train_open_shard(train, train->data, train->training_steps, true, 0, 1, &all);
    status = status == CNN_OK ? cnn_model_whiten(train->model, layer, all, 0) : status;
    cnn_loader_free(all);
    return status;
}

int tool_train_whiten(train_run *train)
{
    const train_settings *settings = train->settings;
    tool *run = train->run;
    const char *layer = settings->whiten != NULL ? settings->whiten : train->recipe->whiten;
    if (layer == NULL || strcmp(layer, "none") == 0) {
        return TOOL_DONE;
    }
    /* Weights of a file were trained behind the kernel they came with. */
    const bool anew = settings->resume == NULL && (settings->init_from == NULL || settings->whiten != NULL);
    char *kernel = tool_format("%s/kernel", layer);
    cnn_status status = kernel != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK && anew) {
        status = whiten(train, layer);
    }
    if (status == CNN_OK) {
        status = cnn_model_set_trainable(train->model, kernel, false);
    }
    free(kernel);
    if (status == CNN_ERROR_NOT_FOUND || status == CNN_ERROR_SHAPE) {
        return tool_fail_usage(run, "--whiten: %s", cnn_last_error(run->context));
    }
    if (status != CNN_OK) {
        return tool_fail_library(run, status);
    }
    tool_note(run, "whitened    %s, whose kernel %s", layer, anew ? "stays" : "stays as it is in the file");
    return TOOL_DONE;
}

/* ---- features ---- */

/* Whether every epoch sees other images. */
static bool is_random(const train_run *train)
{
    cnn_pipeline *steady = NULL;
    bool random = cnn_pipeline_for_evaluation(train->training_steps, &steady) == CNN_OK &&
                  strcmp(cnn_pipeline_text(steady), cnn_pipeline_text(train->training_steps)) != 0;
    cnn_pipeline_free(steady);
    return random;
}

/* Values that the layer makes of an image. */
static uint64_t layer_values(const train_run *train, const char *layer)
{
    const cnn_shape shape = cnn_model_value_shape(train->model, layer);
    uint64_t values = 1;
    for (uint32_t i = 0; i < shape.rank; i++) {
        values *= (uint64_t)shape.dims[i];
    }
    return values;
}

static uint64_t feature_bytes(const train_run *train, const char *layer)
{
    const uint64_t views = train->settings->views > 0 ? train->settings->views : 1;
    uint64_t images = cnn_dataset_count(train->data) * views;
    images += train->validation_data != NULL ? cnn_dataset_count(train->validation_data) : 0;
    return images * layer_values(train, layer) * sizeof(float);
}

/* Why features are not computed once, though they were asked for; NULL: they can be. */
static const char *obstacle(const train_run *train, const char *layer)
{
    if (layer == NULL) {
        return "no part of the model before one layer is frozen: see --freeze";
    }
    if (tool_has_views(train->evaluation)) {
        return "validation by several views takes the images each time";
    }
    return is_random(train) && train->settings->views == 0
               ? "the augmentation gives other images in each epoch: --views N takes N of each, or --augment none"
               : NULL;
}

/* Decides whether and where; *layer is NULL for no features. */
static int choose(train_run *train, const char **layer, const char **path)
{
    tool *run = train->run;
    const char *where = train->settings->cache_features;
    const bool several = train->run->ranks.size > 1;
    const bool asked = (where != NULL && strcmp(where, "none") != 0) || train->settings->views > 0;
    char text[24];
    *layer = where != NULL && strcmp(where, "none") == 0 ? NULL : cnn_model_frozen_layer(train->model);
    *path = where != NULL && strcmp(where, "memory") != 0 ? where : NULL;
    const char *fault = obstacle(train, *layer);
    if (asked && fault != NULL) {
        return tool_fail_usage(run, "--%s: %s", where != NULL ? "cache-features" : "views", fault);
    }
    if (fault != NULL || several || (!asked && train->epochs == 1)) {
        *layer = NULL;
    } else if (!asked && feature_bytes(train, *layer) > MOST_MEMORY) {
        tool_note(run, "features    of %s would take %s: --cache-features FILE computes them once", *layer,
                  tool_bytes(feature_bytes(train, *layer), text));
        *layer = NULL;
    }
    return TOOL_DONE;
}

typedef struct feature_run {
    train_run *train;
    const char *head;
    double begin;
    bool computed;
} feature_run;

static bool on_batch(void *user, uint64_t done, uint64_t total)
{
    feature_run *features = user;
    features->computed = true;
    tool_progress_count(features->train->run, features->head, done, total, features->begin, "images");
    return tool_signal() != 0;
}

/* Those of one dataset, and a loader of them in place of that of images. */
static int open_features(train_run *train, const cnn_dataset *data, const char *layer, const char *path,
                         cnn_loader **loader)
{
    const bool training = data == train->data;
    const cnn_pipeline *steps = training ? train->training_steps : train->evaluation;
    tool *run = train->run;
    feature_run features = {train, training ? "features" : "of validation", tool_seconds(), false};
    cnn_dataset **made = training ? &train->features : &train->validation_features;
    char text[24], duration[24];
    cnn_status status = cnn_features_create(
        train->model,
        CNN_FEATURES(.dataset = data, .pipeline = steps, .layer = layer, .path = path,
                     .views = training ? (uint32_t)train->settings->views : 0,
                     .on_error = tool_on_error(train->settings->on_error), .on_batch = on_batch, .user = &features),
        made);
    tool_progress_end(run);
    if (status == CNN_ERROR_CANCELLED) {
        return tool_fail(run, "stopped by a signal before the first step; nothing was changed");
    }
    if (status == CNN_OK) {
        cnn_loader_free(*loader);
        *loader = NULL;
        status = tool_train_open_loader(train, *made, NULL, training, loader);
    }
    if (status != CNN_OK) {
        return tool_fail_library(run, status);
    }
    tool_note(run, "features    of %s, %zu %s, %s %s%s: %s", layer, cnn_dataset_count(*made),
              training ? "for training" : "for validation",
              tool_bytes(cnn_dataset_count(*made) * layer_values(train, layer) * sizeof(float), text),
              path != NULL ? "in " : "in memory", path != NULL ? path : "",
              features.computed ? tool_duration(tool_seconds() - features.begin, duration) : "found there");
    return TOOL_DONE;
}

int tool_train_cache_features(train_run *train)
{
    const char *path = NULL;
    int result = choose(train, &train->from, &path);
    if (result != TOOL_DONE || train->from == NULL) {
        return result;
    }
    result = open_features(train, train->data, train->from, path, &train->loader);
    if (result == TOOL_DONE && train->validation_data != NULL) {
        char *validation = path != NULL ? tool_name_with(path, "val") : NULL;
        result = path != NULL && validation == NULL
                     ? tool_fail_memory(train->run)
                     : open_features(train, train->validation_data, train->from, validation, &train->validation_loader);
        free(validation);
    }
    return result;
}
