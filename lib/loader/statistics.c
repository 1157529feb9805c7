/* SPDX-License-Identifier: MIT */
/* Mean and deviation of each channel over a whole dataset, and how the channels vary together. */
#include <math.h>
#include <string.h>

#include <cnn/loader.h>

#include "core/context.h"
#include "core/options.h"
#include "loader/eigen.h"

typedef struct sums {
    double value[CNN_MAX_CHANNELS], square[CNN_MAX_CHANNELS];
    double product[3]; /* of three channels: 0 and 1, 0 and 2, 1 and 2 */
    float least, most;
} sums;

#define NO_SUMS ((sums){.least = INFINITY, .most = -INFINITY})

/* An image is summed by itself first: its share is then added to a total that is at most as many times larger as
 * there are images, and nothing is lost. */
static void add_image(const float *pixels, size_t count, size_t channels, sums *total)
{
    sums image = NO_SUMS;
    for (size_t i = 0; i < count && channels == 3; i++) {
        const double red = pixels[3 * i], green = pixels[3 * i + 1], blue = pixels[3 * i + 2];
        image.product[0] += red * green;
        image.product[1] += red * blue;
        image.product[2] += green * blue;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < channels; c++) {
            double value = pixels[i * channels + c];
            image.value[c] += value;
            image.square[c] += value * value;
            image.least = pixels[i * channels + c] < image.least ? pixels[i * channels + c] : image.least;
            image.most = pixels[i * channels + c] > image.most ? pixels[i * channels + c] : image.most;
        }
    }
    total->least = image.least < total->least ? image.least : total->least;
    total->most = image.most > total->most ? image.most : total->most;
    for (size_t c = 0; c < channels; c++) {
        total->value[c] += image.value[c];
        total->square[c] += image.square[c];
    }
    for (size_t i = 0; i < 3; i++) {
        total->product[i] += image.product[i];
    }
}

/* The covariance of three channels and its principal components. */
static void find_components(const sums *total, double count, cnn_channel_statistics *found)
{
    for (size_t a = 0; a < 3; a++) {
        for (size_t b = 0; b < 3; b++) {
            const double product = a == b ? total->square[a] : total->product[a + b - 1];
            const double value = product / count - found->mean[a] * found->mean[b];
            found->covariance[3 * a + b] = a == b && value < 0 ? 0 : value;
        }
    }
    cnn__eigen3(found->covariance, found->pca_values, found->pca_vectors);
}

/* Whether the caller, who is told how far the reading is, wants to stop. */
static bool is_stopped(const cnn_loader_options *options, const cnn_loader *loader, uint64_t images)
{
    const uint64_t done = images + cnn_loader_skipped(loader);
    return options->on_read != NULL &&
           options->on_read(options->user, done, cnn_dataset_count(cnn_loader_dataset(loader)));
}

static cnn_status read_all(cnn_context *context, cnn_loader *loader, const cnn_loader_options *options,
                           cnn_channel_statistics *found)
{
    const cnn_shape shape = cnn_loader_sample_shape(loader);
    const size_t pixels = (size_t)shape.dims[0] * (size_t)shape.dims[1], channels = (size_t)shape.dims[2];
    cnn_batch batch = CNN_BATCH_INIT;
    sums total = NO_SUMS;
    double count = 0;
    for (;;) {
        CNN__RETURN_IF_ERROR(cnn_loader_next(loader, &batch));
        if (batch.count == 0) {
            break;
        }
        const size_t views = (size_t)batch.shape.dims[0];
        for (size_t i = 0; i < views; i++) {
            add_image(batch.images + i * pixels * channels, pixels, channels, &total);
        }
        count += (double)views * (double)pixels;
        found->images += batch.count;
        if (is_stopped(options, loader, found->images)) {
            return cnn__fail(context, CNN_ERROR_CANCELLED, "cnn_dataset_statistics: stopped by a callback");
        }
    }
    found->skipped = cnn_loader_skipped(loader);
    found->channels = (uint32_t)channels;
    for (size_t c = 0; c < channels && count > 0; c++) {
        double mean = total.value[c] / count, variance = total.square[c] / count - mean * mean;
        found->mean[c] = mean;
        found->deviation[c] = variance > 0 ? sqrt(variance) : 0;
    }
    found->least = count > 0 ? (double)total.least : 0;
    found->most = count > 0 ? (double)total.most : 0;
    if (channels == 3 && count > 0) {
        find_components(&total, count, found);
    }
    return CNN_OK;
}

cnn_status cnn_dataset_statistics(cnn_context *context, const cnn_dataset *dataset, const cnn_loader_options *given,
                                  cnn_channel_statistics *statistics)
{
    cnn_loader_options options;
    cnn_channel_statistics found = {.struct_size = sizeof(found)};
    cnn_loader *loader = NULL;
    if (statistics == NULL || statistics->struct_size < sizeof(size_t)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_dataset_statistics: statistics is NULL, or not set to CNN_CHANNEL_STATISTICS_INIT");
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_loader_options", given, &options, sizeof(options)));
    options.shuffle = 0;
    options.mode = CNN_BATCH_EPOCH;
    options.drop_last = 0;
    options.in_memory = 0; /* each image is read once */
    CNN__RETURN_IF_ERROR(cnn_loader_create(context, dataset, &options, &loader));
    cnn_status status = read_all(context, loader, &options, &found);
    cnn_loader_free(loader);
    if (status == CNN_OK && found.images == 0) {
        status = cnn__fail(context, CNN_ERROR_FORMAT, "cnn_dataset_statistics: none of %zu images could be read",
                           cnn_dataset_count(dataset));
    }
    if (status == CNN_OK) {
        size_t size = statistics->struct_size < sizeof(found) ? statistics->struct_size : sizeof(found);
        memcpy((char *)statistics + sizeof(size_t), (char *)&found + sizeof(size_t), size - sizeof(size_t));
    }
    return status;
}
