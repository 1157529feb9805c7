/* SPDX-License-Identifier: MIT */
/* Scenarios of images and of datasets in folders. */
#include "faults/scenarios.h"

#include "common/fixture.h"
#include "common/values.h"

/* ---- images ---- */

static cnn_status decode(cnn_context *context, const char *name, uint64_t *hash)
{
    cnn_image *image = NULL, *small = NULL;
    cnn_status status = cnn_image_load(context, scenario_path(name), CNN_DECODE(.apply_orientation = 1), &image);
    THEN(cnn_image_resize(image, 9, 7, CNN_RESIZE_BICUBIC, &small));
    *hash = status == CNN_OK ? scenario_hash_image(image) * 31 + scenario_hash_image(small) : 0;
    cnn_image_free(small);
    cnn_image_free(image);
    return status;
}

cnn_status scenario_decode_jpeg(cnn_context *context, uint64_t *hash) { return decode(context, "photo.jpg", hash); }

cnn_status scenario_decode_png(cnn_context *context, uint64_t *hash) { return decode(context, "photo.png", hash); }

cnn_status scenario_probe(cnn_context *context, uint64_t *hash)
{
    cnn_image_info info = CNN_IMAGE_INFO_INIT;
    cnn_status status = cnn_image_probe(context, scenario_path("photo.jpg"), &info);
    *hash = info.width * 1000u + info.height;
    return status;
}

static cnn_status encode(cnn_context *context, const char *name, uint64_t *hash)
{
    cnn_image *image = NULL;
    cnn_status status = cnn_image_create(context, 20, 16, 3, &image);
    if (status == CNN_OK) {
        for (size_t i = 0; i < (size_t)20 * 16 * 3; i++) {
            cnn_image_pixels(image)[i] = (uint8_t)(i * 7);
        }
    }
    THEN(cnn_image_save(image, scenario_path(name), NULL));
    *hash = 1;
    cnn_image_free(image);
    return status;
}

cnn_status scenario_save_jpeg(cnn_context *context, uint64_t *hash) { return encode(context, "out.jpg", hash); }

cnn_status scenario_save_png(cnn_context *context, uint64_t *hash) { return encode(context, "out.png", hash); }

/* ---- data ---- */

typedef cnn_status (*opener)(cnn_context *context, const char *path, const cnn_files_options *options,
                             cnn_dataset **dataset);

static cnn_status open_data(cnn_context *context, opener open, const char *name, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_status status = open(context, scenario_path(name), CNN_FILES(.classes = NULL), &data);
    *hash = status == CNN_OK ? cnn_dataset_count(data) * 100 + cnn_dataset_class_count(data) : 0;
    cnn_dataset_free(data);
    return status;
}

cnn_status scenario_open_any(cnn_context *context, uint64_t *hash)
{
    return open_data(context, cnn_dataset_open, "tree", hash);
}

cnn_status scenario_open_folders(cnn_context *context, uint64_t *hash)
{
    return open_data(context, cnn_dataset_open_folders, "tree", hash);
}

cnn_status scenario_open_flat(cnn_context *context, uint64_t *hash)
{
    return open_data(context, cnn_dataset_open_flat, "flat", hash);
}

cnn_status scenario_open_idx(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_status status = cnn_dataset_open_idx(context, scenario_path("images.idx"), scenario_path("labels.idx"), NULL,
                                             &data);
    *hash = cnn_dataset_count(data);
    cnn_dataset_free(data);
    return status;
}

static cnn_status read_batches(cnn_context *context, const cnn_loader_options *options, const char *steps,
                               uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    *hash = 0;
    cnn_loader_options all = *options;
    cnn_status status = cnn_dataset_open_folders(context, scenario_path("tree"), NULL, &data);
    THEN(cnn_pipeline_create(context, steps, &pipeline));
    all.pipeline = pipeline;
    THEN(cnn_loader_create(context, data, &all, &loader));
    for (int epoch = 0; epoch < 2; epoch++) {
        do {
            THEN(cnn_loader_next(loader, &batch));
            if (status == CNN_OK && batch.count > 0) {
                *hash = *hash * 31 + test_hash(batch.images, test_shape_values(batch.shape) * sizeof(float));
            }
        } while (status == CNN_OK && batch.count > 0);
    }
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(data);
    return status;
}

cnn_status scenario_batches(cnn_context *context, uint64_t *hash)
{
    return read_batches(context, CNN_LOADER(.batch = 3, .shuffle = 1, .workers = 1), "resize=12x12,flip=0.5", hash);
}

cnn_status scenario_batches_by_workers(cnn_context *context, uint64_t *hash)
{
    return read_batches(context, CNN_LOADER(.batch = 3, .shuffle = 1, .workers = 3), "random_crop=12,rotate=10", hash);
}

cnn_status scenario_batches_in_memory(cnn_context *context, uint64_t *hash)
{
    return read_batches(context, CNN_LOADER(.batch = 4, .in_memory = 1, .workers = 2), "resize=12x12,flip=0.5", hash);
}

cnn_status scenario_statistics(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
    cnn_status status = cnn_dataset_open_folders(context, scenario_path("tree"), NULL, &data);
    THEN(cnn_pipeline_create(context, "resize=8x8", &pipeline));
    THEN(cnn_dataset_statistics(context, data, CNN_LOADER(.pipeline = pipeline), &found));
    *hash = status == CNN_OK ? test_hash(found.mean, sizeof(found.mean)) : 0;
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(data);
    return status;
}

cnn_status scenario_split(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL, *rest = NULL, *part = NULL;
    cnn_status status = cnn_dataset_open_folders(context, scenario_path("tree"), NULL, &data);
    THEN(cnn_dataset_split(data, CNN_SPLIT(.fraction = 0.25f, .mode = CNN_SPLIT_STRATIFIED), &rest, &part));
    *hash = cnn_dataset_count(rest) * 100 + cnn_dataset_count(part);
    cnn_dataset_free(part);
    cnn_dataset_free(rest);
    cnn_dataset_free(data);
    return status;
}
