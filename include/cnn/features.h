/* SPDX-License-Identifier: MIT */
/**
 * The features of a frozen base, computed once. What a layer makes of each
 * image does not change while only layers after it are trained: run the base
 * over a dataset once, and train the rest on what came out:
 *
 *     cnn_features_create(model, CNN_FEATURES(.dataset = photos), &features);
 *     cnn_loader_create(context, features, CNN_LOADER(.shuffle = 1), &loader);
 *     cnn_fit(model, CNN_FIT(.train = loader, .from = cnn_model_frozen_layer(model), ...), NULL);
 *
 * The model stays whole: base and head are in its files, and it is evaluated on
 * images as before.
 */
#ifndef CNN_FEATURES_H
#define CNN_FEATURES_H

#include <cnn/common.h>
#include <cnn/dataset.h>
#include <cnn/model.h>
#include <cnn/pipeline.h>

CNN_BEGIN_DECLS

/** Called after each batch of images: how many of all are done. True stops. */
typedef bool (*cnn_features_function)(void *user, uint64_t done, uint64_t total);

/** Options of cnn_features_create(); write them with CNN_FEATURES(). */
typedef struct cnn_features_options {
    size_t struct_size;
    const cnn_dataset *dataset;   /**< the images; required. Needed during the call alone */
    const cnn_pipeline *pipeline; /**< what they go through; with random steps every view is another one. NULL: the
                                       model's preprocessing */
    const char *layer;            /**< whose outputs the features are; NULL: cnn_model_frozen_layer() */
    const char *path;             /**< a file that keeps them: read if it is there and of the same model, images,
                                       pipeline and views, else computed and written anew. Samples are then read from
                                       it as they are asked for. NULL: they are kept in memory */
    uint32_t views;               /**< views of each image, for pipelines with random steps; 0: 1 */
    uint32_t batch;               /**< images at a time; 0: 32 */
    uint64_t seed;                /**< of the random steps; 0: the context's */
    int32_t on_error;             /**< a cnn_on_error, of images that cannot be read */
    int32_t reserved;             /**< zero */
    cnn_features_function on_batch; /**< NULL: none */
    void *user;
} cnn_features_options;

#define CNN_FEATURES(...) CNN_OPTIONS(cnn_features_options, __VA_ARGS__)

/**
 * Makes a dataset of what a layer of a built model makes of images. Its samples
 * are float vectors of one row, as many values as the layer's output has, with
 * the labels, targets, weights and groups of the images, and their class names;
 * with several views, all images of the first view come first.
 *
 * A loader takes it without a pipeline; CNN_FIT(.from = layer) and
 * CNN_EVALUATE(.from = layer) run what follows the layer. Its values are those
 * of inference, of one backend and processor: another may differ in rounding,
 * which the file does not tell.
 *
 * A file belongs to what it was computed from: the layers and parameters up to
 * the layer, the images (of files their paths, sizes and times), the pipeline,
 * views and seed. If any of it has changed, or the file is damaged, features
 * are computed anew, and the log says why. Each sample is checked when it is
 * read. Whatever else lies at `path` is left alone.
 *
 * dataset  receives the features; to be freed.
 *
 * Returns CNN_OK; CNN_ERROR_STATE if the model is not built, or neither a
 * pipeline nor preprocessing is there; CNN_ERROR_NOT_FOUND for a layer that is
 * not there, or if no layer was given and none is frozen; CNN_ERROR_SHAPE if
 * the images are not what the model reads; CNN_ERROR_FORMAT if something else
 * lies at `path`, or no image could be read; CNN_ERROR_UNSUPPORTED for a file
 * of a model with custom layers, which cannot be told apart;
 * CNN_ERROR_CANCELLED if `on_batch` stopped it; CNN_ERROR_INVALID_ARGUMENT;
 * CNN_ERROR_LIMIT; CNN_ERROR_IO; CNN_ERROR_OUT_OF_MEMORY; and the statuses of
 * loaders and sessions. Then no file was changed. Samples are read by any
 * number of threads; not together with calls that change the model. Since 0.1.
 */
CNN_API cnn_status cnn_features_create(cnn_model *model, const cnn_features_options *options, cnn_dataset **dataset);

/** Options of cnn_centroids_create(); write them with CNN_CENTROIDS(). */
typedef struct cnn_centroids_options {
    size_t struct_size;
    const cnn_dataset *dataset;     /**< images of one class each, ten of each are enough; required */
    const cnn_pipeline *pipeline;   /**< NULL: the model's preprocessing */
    const char *layer;              /**< whose outputs are compared; NULL: that before the last dense layer */
    int32_t on_error;               /**< a cnn_on_error, of images that cannot be read */
    uint32_t batch;                 /**< images at a time; 0: 32 */
    cnn_features_function on_batch; /**< NULL: none */
    void *user;
} cnn_centroids_options;

#define CNN_CENTROIDS(...) CNN_OPTIONS(cnn_centroids_options, __VA_ARGS__)

/**
 * Makes a model that tells classes by the nearest centroid: the class whose images' mean features are nearest to those
 * of an image. Nothing is trained. The head is a dense layer with a softmax over -s |x - c|^2, less what all classes
 * share, named "head_centroids"; s is chosen by leaving each image out in turn, so that probabilities mean something.
 *
 * Of a model that was made so, the classes stay, with their centroids and s, and those of the dataset come in: new ones
 * are added after them, those of a known name are replaced. That is how it learns a new class of a few photos.
 *
 * made  receives the new model with preprocessing and class names, to be freed; the base's parameters are shared with
 *       `model`.
 *
 * Returns CNN_OK; CNN_ERROR_STATE before building; CNN_ERROR_NOT_FOUND for a layer that is not there or if there is no
 * dense layer; CNN_ERROR_FORMAT if a class has no image, or there would be one class alone; CNN_ERROR_MISMATCH if
 * classes cannot be added since `layer` is another; the statuses of cnn_features_create(). Not thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_centroids_create(cnn_model *model, const cnn_centroids_options *options, cnn_model **made);

CNN_END_DECLS

#endif
