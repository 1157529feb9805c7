/* SPDX-License-Identifier: MIT */
/* Training targets that are not what the data say: smoothed labels, and samples mixed with their neighbours in the
 * batch (Zhang et al. 2018; Yun et al. 2019), as torchvision's reference training does both. */
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "loss/loss.h"
#include "train/fit.h"

static cnn_status check(const cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    const struct {
        const char *name;
        float value, most;
    } numbers[] = {{"label_smoothing", options->label_smoothing, 1},
                   {"mixup", options->mixup, 1e6f},
                   {"cutmix", options->cutmix, 1e6f}};
    for (size_t i = 0; i < 3; i++) {
        if (!(numbers[i].value >= 0 && numbers[i].value <= numbers[i].most)) {
            return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                             "cnn_fit: %s is %g; expected a number from 0 to %g", numbers[i].name,
                             (double)numbers[i].value, (double)numbers[i].most);
        }
    }
    if (!options->loss->kind->probabilities) {
        return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_fit: label_smoothing, mixup and cutmix need a loss of probabilities, which %s is not",
                         cnn_loss_name(options->loss));
    }
    return CNN_OK;
}

cnn_status cnn__mix_create(cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    cnn__mix *mix = &fit->mix;
    if (options->label_smoothing == 0 && options->mixup == 0 && options->cutmix == 0) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(check(fit));
    const cnn_shape shape = cnn_loader_sample_shape(options->train);
    const size_t batch = cnn_loader_batch_size(options->train);
    size_t values = 0;
    (void)cnn__shape_values(&shape, &values); /* the loader has made as many */
    mix->active = true;
    mix->outputs = cnn__output_values(fit->model);
    mix->targets = cnn__alloc_array(fit->context, batch * mix->outputs, sizeof(float));
    mix->labels = cnn__alloc_array(fit->context, batch, sizeof(int32_t));
    bool whole = mix->targets != NULL && mix->labels != NULL;
    if (options->mixup > 0 || options->cutmix > 0) {
        mix->images = cnn__alloc_array(fit->context, batch * values, sizeof(float));
        mix->weights = cnn__alloc_array(fit->context, batch, sizeof(float));
        mix->mixed = cnn__alloc_array(fit->context, batch * mix->outputs, sizeof(float));
        whole = whole && mix->images != NULL && mix->weights != NULL && mix->mixed != NULL;
    }
    return whole ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

void cnn__mix_free(cnn__fit *fit)
{
    cnn__free(fit->context, fit->mix.targets);
    cnn__free(fit->context, fit->mix.mixed);
    cnn__free(fit->context, fit->mix.labels);
    cnn__free(fit->context, fit->mix.images);
    cnn__free(fit->context, fit->mix.weights);
    fit->mix = (cnn__mix){.active = false};
}

/* ---- targets ---- */

/* y (1 - s) + s / outputs; of outputs that are each a yes or a no, s / 2. */
static void smooth(float *values, size_t outputs, size_t classes, float smoothing)
{
    for (size_t j = 0; j < outputs; j++) {
        values[j] = values[j] * (1 - smoothing) + smoothing / (float)classes;
    }
}

static cnn_status fill_targets(const cnn__fit *fit, const cnn_batch *batch)
{
    const cnn__mix *mix = &fit->mix;
    const bool apart = fit->options.loss->kind == &cnn__loss_binary_crossentropy || mix->outputs == 1;
    for (size_t i = 0; i < batch->count; i++) {
        float *row = mix->targets + i * mix->outputs;
        const int32_t label = batch->labels[i];
        if (batch->targets != NULL) {
            memcpy(row, batch->targets + i * mix->outputs, mix->outputs * sizeof(float));
        } else if (label < 0 || (uint64_t)label >= (mix->outputs == 1 ? 2 : mix->outputs)) {
            return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                             "%s: label %d of sample %zu of the batch is none of its outputs", fit->model->name,
                             (int)label, i);
        } else {
            memset(row, 0, mix->outputs * sizeof(float));
            row[mix->outputs == 1 ? 0 : label] = mix->outputs == 1 ? (float)label : 1;
        }
        smooth(row, mix->outputs, apart ? 2 : mix->outputs, fit->options.label_smoothing);
    }
    return CNN_OK;
}

/* ---- mixing ---- */

/* to = a share + b (1 - share) */
static void blend(const float *a, const float *b, size_t n, float share, float *to)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = a[i] * share + b[i] * (1 - share);
    }
}

/* A rectangle whose part of the image is 1 - lambda before the border cuts it off; half-open. */
typedef struct part {
    int64_t top, bottom, left, right;
} part;

static part draw_part(cnn__rng *rng, int64_t height, int64_t width, double lambda)
{
    const int64_t x = (int64_t)cnn__rng_below(rng, (uint64_t)width), y = (int64_t)cnn__rng_below(rng, (uint64_t)height);
    const double ratio = 0.5 * sqrt(1 - lambda);
    const int64_t half_width = (int64_t)(ratio * (double)width), half_height = (int64_t)(ratio * (double)height);
    return (part){
        .top = y - half_height > 0 ? y - half_height : 0,
        .bottom = y + half_height < height ? y + half_height : height,
        .left = x - half_width > 0 ? x - half_width : 0,
        .right = x + half_width < width ? x + half_width : width,
    };
}

/* Puts the part of `from` into `image`, [height, width, channels] both. */
static void paste(float *image, const float *from, const part *where, int64_t width, int64_t channels)
{
    for (int64_t y = where->top; y < where->bottom; y++) {
        const int64_t at = (y * width + where->left) * channels;
        memcpy(image + at, from + at, (size_t)((where->right - where->left) * channels) * sizeof(float));
    }
}

/* Mixes the images; returns the share that each sample keeps of itself. */
static float mix_images(const cnn__fit *fit, const cnn_batch *batch, cnn__rng *rng)
{
    const cnn_fit_options *options = &fit->options;
    const int64_t height = batch->shape.dims[1], width = batch->shape.dims[2], channels = batch->shape.dims[3];
    const size_t values = (size_t)(height * width * channels);
    const bool both = options->mixup > 0 && options->cutmix > 0;
    const bool cut = both ? cnn__rng_uniform(rng) < 0.5 : options->cutmix > 0;
    const double alpha = (double)(cut ? options->cutmix : options->mixup), lambda = cnn__rng_beta(rng, alpha, alpha);
    const part where = cut ? draw_part(rng, height, width, lambda) : (part){0, 0, 0, 0};
    for (size_t i = 0; i < batch->count; i++) {
        const float *own = batch->images + i * values;
        const float *other = batch->images + (i == 0 ? batch->count - 1 : i - 1) * values;
        float *to = fit->mix.images + i * values;
        if (cut) {
            memcpy(to, own, values * sizeof(float));
            paste(to, other, &where, width, channels);
        } else {
            blend(own, other, values, (float)lambda, to);
        }
    }
    const double area = (double)((where.bottom - where.top) * (where.right - where.left));
    return (float)(cut ? 1 - area / (double)(height * width) : lambda);
}

/* The neighbour of each sample is the one before it. */
static void mix_targets(const cnn__fit *fit, const cnn_batch *batch, float share, const float *weights)
{
    const cnn__mix *mix = &fit->mix;
    for (size_t i = 0; i < batch->count; i++) {
        const size_t other = i == 0 ? batch->count - 1 : i - 1;
        blend(mix->targets + i * mix->outputs, mix->targets + other * mix->outputs, mix->outputs, share,
              mix->mixed + i * mix->outputs);
        mix->labels[i] = share >= 0.5f ? batch->labels[i] : batch->labels[other];
        if (weights != NULL) {
            mix->weights[i] = share * weights[i] + (1 - share) * weights[other];
        }
    }
}

cnn_status cnn__mix_batch(cnn__fit *fit, cnn_batch *batch, cnn_target *target)
{
    cnn__mix *mix = &fit->mix;
    if (!mix->active) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(fill_targets(fit, batch));
    target->labels = NULL;
    target->values = mix->targets;
    if (mix->images != NULL) {
        cnn__rng rng;
        cnn__rng_init(&rng, fit->context->seed, CNN__STREAM_MIX, cnn_loader_position(fit->options.train), 0);
        const float share = mix_images(fit, batch, &rng);
        mix_targets(fit, batch, share, target->weights);
        target->values = mix->mixed;
        target->weights = target->weights != NULL ? mix->weights : NULL;
        batch->images = mix->images;
        batch->labels = mix->labels;
    }
    return CNN_OK;
}
