/* SPDX-License-Identifier: MIT */
/* Training targets that are not what the data say: smoothed labels, and samples mixed with their neighbours in the
 * batch (Zhang et al. 2018; Yun et al. 2019), as torchvision's reference training does both. */
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "loader/loader.h"
#include "loss/loss.h"
#include "train/fit.h"

/* A sample that goes from one rank to the next. */
typedef struct cnn__edge {
    int32_t label;
    float weight;
    float values[]; /* the image, then its targets */
} cnn__edge;

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

/* For mixed samples, and for what goes from rank to rank. */
static bool make_room(cnn__fit *fit, size_t most)
{
    cnn__mix *mix = &fit->mix;
    const cnn_loader *train = fit->options.train;
    const cnn_shape shape = cnn_loader_sample_shape(train);
    const size_t targets = cnn_dataset_target_count(cnn_loader_dataset(train));
    size_t values = 0;
    (void)cnn__shape_values(&shape, &values); /* the loader has made as many */
    mix->edge_size = sizeof(*mix->own) + (values + targets) * sizeof(float);
    mix->images = cnn__alloc_array(fit->context, most * values, sizeof(float));
    mix->weights = cnn__alloc_array(fit->context, most, sizeof(float));
    mix->mixed = cnn__alloc_array(fit->context, most * mix->outputs, sizeof(float));
    mix->own = cnn__alloc_zero(fit->context, mix->edge_size);
    mix->before = cnn__alloc_zero(fit->context, mix->edge_size);
    return mix->images != NULL && mix->weights != NULL && mix->mixed != NULL && mix->own != NULL && mix->before != NULL;
}

cnn_status cnn__mix_create(cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    cnn__mix *mix = &fit->mix;
    if (options->label_smoothing == 0 && options->mixup == 0 && options->cutmix == 0) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(check(fit));
    const size_t most = cnn__loader_share(options->train);
    mix->active = true;
    mix->outputs = cnn__output_values(fit->model);
    mix->targets = cnn__alloc_array(fit->context, (most + 1) * mix->outputs, sizeof(float));
    mix->labels = cnn__alloc_array(fit->context, most, sizeof(int32_t));
    const bool whole = mix->targets != NULL && mix->labels != NULL;
    return whole && (options->mixup == 0 && options->cutmix == 0 ? true : make_room(fit, most))
               ? CNN_OK
               : CNN_ERROR_OUT_OF_MEMORY;
}

void cnn__mix_free(cnn__fit *fit)
{
    cnn__free(fit->context, fit->mix.targets);
    cnn__free(fit->context, fit->mix.mixed);
    cnn__free(fit->context, fit->mix.labels);
    cnn__free(fit->context, fit->mix.images);
    cnn__free(fit->context, fit->mix.weights);
    cnn__free(fit->context, fit->mix.own);
    cnn__free(fit->context, fit->mix.before);
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

/* The row of a sample with this label, or these values; false: the label is none of the outputs. */
static bool fill_row(const cnn__fit *fit, int32_t label, const float *values, float *row)
{
    const size_t outputs = fit->mix.outputs;
    const bool apart = fit->options.loss->kind == &cnn__loss_binary_crossentropy || outputs == 1;
    if (values != NULL) {
        memcpy(row, values, outputs * sizeof(float));
    } else if (label < 0 || (uint64_t)label >= (outputs == 1 ? 2 : outputs)) {
        return false;
    } else {
        memset(row, 0, outputs * sizeof(float));
        row[outputs == 1 ? 0 : label] = outputs == 1 ? (float)label : 1;
    }
    smooth(row, outputs, apart ? 2 : outputs, fit->options.label_smoothing);
    return true;
}

static cnn_status fill_targets(const cnn__fit *fit, const cnn_batch *batch)
{
    const cnn__mix *mix = &fit->mix;
    for (size_t i = 0; i < batch->count; i++) {
        const float *values = batch->targets != NULL ? batch->targets + i * mix->outputs : NULL;
        if (!fill_row(fit, batch->labels[i], values, mix->targets + i * mix->outputs)) {
            return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                             "%s: label %d of sample %zu of the batch is none of its outputs", fit->model->name,
                             (int)batch->labels[i], i);
        }
    }
    return CNN_OK;
}

/* ---- the sample before the first ---- */

/* Takes it from the rank that has it, and gives the next one this rank's last. */
static cnn_status take_before(cnn__fit *fit, const cnn__passed *passed, size_t values)
{
    cnn__mix *mix = &fit->mix;
    const cnn_batch *batch = &passed->batch;
    if (batch->count == 0) {
        return CNN_OK;
    }
    const size_t last = batch->count - 1;
    mix->own->label = batch->labels[last];
    mix->own->weight = passed->target.weights != NULL ? passed->target.weights[last] : 1;
    memcpy(mix->own->values, batch->images + last * values, values * sizeof(float));
    if (batch->targets != NULL) {
        memcpy(mix->own->values + values, batch->targets + last * batch->target_count,
               batch->target_count * sizeof(float));
    }
    return cnn__ranks_pass_on(&fit->ranks, mix->own, mix->before, mix->edge_size);
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
        const float *other = i == 0 ? fit->mix.before->values : own - values;
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
    const size_t edge = batch->count; /* the row of the sample before the first */
    for (size_t i = 0; i < batch->count; i++) {
        const size_t other = i == 0 ? edge : i - 1;
        blend(mix->targets + i * mix->outputs, mix->targets + other * mix->outputs, mix->outputs, share,
              mix->mixed + i * mix->outputs);
        const int32_t label = i == 0 ? mix->before->label : batch->labels[other];
        mix->labels[i] = share >= 0.5f ? batch->labels[i] : label;
        if (weights != NULL) {
            mix->weights[i] = share * weights[i] + (1 - share) * (i == 0 ? mix->before->weight : weights[other]);
        }
    }
}

static void mix_batch(cnn__fit *fit, cnn__passed *passed, size_t values)
{
    cnn__rng rng;
    cnn__mix *mix = &fit->mix;
    cnn_batch *batch = &passed->batch;
    const float *targets = batch->targets != NULL ? mix->before->values + values : NULL;
    float *edge = mix->targets + batch->count * mix->outputs;
    if (!fill_row(fit, mix->before->label, targets, edge)) { /* then its rank fails */
        memset(edge, 0, mix->outputs * sizeof(float));
    }
    cnn__rng_init(&rng, fit->context->seed, CNN__STREAM_MIX, cnn_loader_position(fit->options.train), 0);
    const float share = mix_images(fit, batch, &rng);
    mix_targets(fit, batch, share, passed->target.weights);
    passed->target.values = mix->mixed;
    passed->target.weights = passed->target.weights != NULL ? mix->weights : NULL;
    batch->images = mix->images;
    batch->labels = mix->labels;
}

cnn_status cnn__mix_batch(cnn__fit *fit, cnn__passed *passed)
{
    cnn__mix *mix = &fit->mix;
    if (!mix->active) {
        return CNN_OK;
    }
    size_t values = 0;
    const cnn_shape shape = cnn_loader_sample_shape(fit->options.train);
    (void)cnn__shape_values(&shape, &values);
    CNN__RETURN_IF_ERROR(mix->images != NULL ? take_before(fit, passed, values) : CNN_OK);
    CNN__RETURN_IF_ERROR(fill_targets(fit, &passed->batch));
    passed->target.labels = NULL;
    passed->target.values = mix->targets;
    passed->target_count = mix->outputs;
    if (mix->images != NULL && passed->batch.count > 0) {
        mix_batch(fit, passed, values);
    }
    return CNN_OK;
}
