/* SPDX-License-Identifier: MIT */
/* Datasets of a pair of IDX files: images and labels. */
#include "dataset/idx.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "dataset/pixels.h"

/* As for decoded images. */
#define MAX_SIDE 32768U

/* Xiao, Rasul and Vollgraf 2017. */
static const char *const fashion_names[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                            "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
#define FASHION_COUNT (sizeof(fashion_names) / sizeof(fashion_names[0]))

/* An IDX file with the memory that its values lie in. */
typedef struct loaded {
    const char *name;
    cnn__idx idx;
    void *block;
} loaded;

static cnn_status load(cnn_context *context, const char *path, cnn__idx_kind kind, loaded *file)
{
    void *bytes;
    size_t size;
    *file = (loaded){.name = path};
    CNN__RETURN_IF_ERROR(cnn__file_read(context, path, CNN__DATA_FILE, &bytes, &size));
    cnn_status status = cnn__idx_parse(context, path, bytes, size, kind, &file->idx);
    if (status != CNN_OK || file->idx.block != NULL) {
        cnn__free(context, bytes);
        file->block = file->idx.block;
    } else {
        file->block = bytes;
    }
    return status;
}

static cnn_status check_images(const cnn_context *context, const loaded *images)
{
    const uint32_t *dims = images->idx.dims;
    if (dims[1] > MAX_SIDE || dims[2] > MAX_SIDE) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "%s: sizes at offset 8: found images of %u x %u, limit %u a side",
                         images->name, dims[1], dims[2], MAX_SIDE);
    }
    if (images->idx.rank == 4 && dims[3] != 1 && dims[3] != 3) {
        return cnn__fail(context, CNN_ERROR_MISMATCH, "%s: channels at offset 16: found %u, expected 1 or 3",
                         images->name, dims[3]);
    }
    return CNN_OK;
}

static cnn_status check_labels(const cnn_context *context, const loaded *images, const loaded *labels,
                               size_t class_count)
{
    if (images->idx.dims[0] != labels->idx.dims[0]) {
        return cnn__fail(context, CNN_ERROR_MISMATCH, "%s: %u images, but %s: %u labels", images->name,
                         images->idx.dims[0], labels->name, labels->idx.dims[0]);
    }
    for (size_t i = 0; class_count > 0 && i < labels->idx.size; i++) {
        if (labels->idx.values[i] >= class_count) {
            return cnn__fail(context, CNN_ERROR_MISMATCH, "%s: label %zu at offset %zu: found %u, expected below %zu",
                             labels->name, i, i + 8, labels->idx.values[i], class_count);
        }
    }
    return CNN_OK;
}

/* Whether the folder of the file has this name, as written or as it really is. */
static bool lies_in(const char *path, const char *folder)
{
    char real[PATH_MAX], text[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int size = slash != NULL ? (int)(slash - path) : 0;
    if (snprintf(text, sizeof(text), "%.*s", size, path) >= (int)sizeof(text)) {
        return false;
    }
    for (; size > 0 && text[size - 1] == '/'; size--) {
        text[size - 1] = '\0';
    }
    const char *last = strrchr(text, '/');
    if (strcmp(last != NULL ? last + 1 : text, folder) == 0) {
        return true;
    }
    if (realpath(size > 0 ? text : slash != NULL ? "/" : ".", real) == NULL) {
        return false;
    }
    return strcmp(strrchr(real, '/') + 1, folder) == 0;
}

/* Hands images and labels over to a dataset. */
static cnn_status make_dataset(cnn_context *context, loaded *images, loaded *labels, const cnn_files_options *options,
                               cnn_dataset **dataset)
{
    size_t count = labels->idx.size, class_count = 0;
    const char *const *classes = options->classes;
    for (size_t i = 0; i < count; i++) {
        class_count = labels->idx.values[i] >= class_count ? labels->idx.values[i] + (size_t)1 : class_count;
    }
    if (classes != NULL) {
        class_count = options->class_count;
    } else if (class_count <= FASHION_COUNT && lies_in(images->name, "fashion-mnist")) {
        classes = fashion_names;
        class_count = FASHION_COUNT;
    }
    cnn__pixels pixels = {
        .block = images->block,
        .bytes = images->idx.values,
        .label_block = labels->block,
        .byte_labels = labels->idx.values,
        .count = count,
        .height = images->idx.dims[1],
        .width = images->idx.dims[2],
        .channels = images->idx.rank == 4 ? images->idx.dims[3] : 1,
        .output_channels = options->channels,
    };
    images->block = labels->block = NULL;
    cnn__log(context, CNN_LOG_INFO, "%s: %zu images of %zu classes", images->name, count, class_count);
    return cnn__dataset_of_pixels(context, &pixels, classes, class_count, dataset);
}

cnn_status cnn_dataset_open_idx(cnn_context *context, const char *images_path, const char *labels_path,
                                const cnn_files_options *options, cnn_dataset **dataset)
{
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, images_path, "images_path", dataset));
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, labels_path, "labels_path", dataset));
    cnn_files_options copy;
    CNN__RETURN_IF_ERROR(cnn__files_options_copy(context, options, &copy));
    loaded images, labels = {.block = NULL};
    cnn_status status = load(context, images_path, CNN__IDX_IMAGES, &images);
    if (status == CNN_OK) {
        status = check_images(context, &images);
    }
    if (status == CNN_OK) {
        status = load(context, labels_path, CNN__IDX_LABELS, &labels);
    }
    if (status == CNN_OK) {
        status = check_labels(context, &images, &labels, copy.class_count);
    }
    if (status == CNN_OK) {
        status = make_dataset(context, &images, &labels, &copy, dataset);
    }
    cnn__free(context, images.block);
    cnn__free(context, labels.block);
    return status;
}
