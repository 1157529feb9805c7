/* SPDX-License-Identifier: MIT */
/* The first convolution as a whitening of patches: its filters are the eigenvectors of what patches of the training
 * images have in common, each scaled to the same strength, and their negatives (Page 2019; Jordan 2024). */
#include <cnn/train.h>

#include <math.h>
#include <string.h>

#include "loader/loader.h"
#include "model/model.h"
#include "train/train.h"

/* Added to the eigenvalues, so that directions that hardly occur do not become noise. */
#define LEAST_VALUE 5e-4
/* Most values of a patch: the time goes with the cube. */
#define MOST_VALUES 256
#define DEFAULT_SAMPLES 5000
#define SWEEPS 60

typedef struct patches {
    cnn_context *context;
    const cnn__parameter *kernel;      /* [rows, cols, channels, filters] */
    size_t rows, cols, channels, size; /* size: values of a patch */
    double *matrix, *vectors;          /* [size, size]; vectors are columns */
    double *patch;
    uint64_t count;
} patches;

static void add_patch(patches *p, const float *image, size_t width)
{
    const size_t line = p->cols * p->channels;
    for (size_t r = 0; r < p->rows; r++) {
        for (size_t i = 0; i < line; i++) {
            p->patch[r * line + i] = (double)image[r * width * p->channels + i];
        }
    }
    for (size_t i = 0; i < p->size; i++) {
        for (size_t k = i; k < p->size; k++) {
            p->matrix[i * p->size + k] += p->patch[i] * p->patch[k];
        }
    }
    p->count++;
}

static void add_image(patches *p, const float *image, size_t height, size_t width)
{
    for (size_t y = 0; y + p->rows <= height; y++) {
        for (size_t x = 0; x + p->cols <= width; x++) {
            add_patch(p, image + (y * width + x) * p->channels, width);
        }
    }
}

static cnn_status add_images(patches *p, cnn_loader *loader, uint64_t samples)
{
    const cnn_shape shape = cnn_loader_sample_shape(loader);
    const size_t height = (size_t)shape.dims[0], width = (size_t)shape.dims[1], values = height * width * p->channels;
    cnn_batch batch = CNN_BATCH_INIT;
    const uint64_t position = cnn_loader_position(loader);
    cnn_status status = cnn_loader_seek(loader, 0);
    for (uint64_t done = 0; done < samples && status == CNN_OK;) {
        status = cnn__loader_next(p->context, loader, &batch);
        if (status != CNN_OK || batch.count == 0) {
            break;
        }
        for (size_t i = 0; i < batch.count && done < samples; i++, done++) {
            add_image(p, batch.images + i * values, height, width);
        }
    }
    const cnn_status back = cnn_loader_seek(loader, position);
    return status == CNN_OK ? back : status;
}

/* Makes element (a, b) of the symmetric matrix zero by a rotation of the two axes. */
static void rotate(const patches *p, size_t a, size_t b)
{
    const size_t n = p->size;
    double *m = p->matrix;
    const double off = m[a * n + b];
    if (off == 0) {
        return;
    }
    const double theta = (m[b * n + b] - m[a * n + a]) / (2 * off);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double c = 1 / sqrt(t * t + 1), s = t * c;
    for (size_t k = 0; k < n; k++) {
        const double ka = m[k * n + a], kb = m[k * n + b];
        m[k * n + a] = c * ka - s * kb;
        m[k * n + b] = s * ka + c * kb;
    }
    for (size_t k = 0; k < n; k++) {
        const double ak = m[a * n + k], bk = m[b * n + k];
        m[a * n + k] = c * ak - s * bk;
        m[b * n + k] = s * ak + c * bk;
        const double va = p->vectors[k * n + a], vb = p->vectors[k * n + b];
        p->vectors[k * n + a] = c * va - s * vb;
        p->vectors[k * n + b] = s * va + c * vb;
    }
    m[a * n + b] = m[b * n + a] = 0;
}

static double off_diagonal(const patches *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->size * p->size; i++) {
        sum += i % (p->size + 1) != 0 ? p->matrix[i] * p->matrix[i] : 0;
    }
    return sum;
}

/* Jacobi's method. */
static void find_vectors(const patches *p)
{
    const size_t n = p->size;
    double trace = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            p->matrix[i * n + k] = i <= k ? p->matrix[i * n + k] / (double)p->count : p->matrix[k * n + i];
            p->vectors[i * n + k] = i == k;
        }
        trace += p->matrix[i * n + i];
    }
    for (int sweep = 0; sweep < SWEEPS && off_diagonal(p) > 1e-28 * trace * trace; sweep++) {
        for (size_t a = 0; a + 1 < n; a++) {
            for (size_t b = a + 1; b < n; b++) {
                rotate(p, a, b);
            }
        }
    }
}

/* The column of the largest eigenvalue that was not taken yet; it is then marked as taken. */
static size_t take_largest(const patches *p, double *value)
{
    size_t found = 0;
    *value = -1;
    for (size_t i = 0; i < p->size; i++) {
        if (p->matrix[i * p->size + i] > *value) {
            *value = p->matrix[i * p->size + i];
            found = i;
        }
    }
    p->matrix[found * p->size + found] = -2;
    return found;
}

/* The sign of an eigenvector is arbitrary; one rule gives the same filters everywhere. */
static double sign_of(const patches *p, size_t column)
{
    size_t largest = 0;
    for (size_t i = 1; i < p->size; i++) {
        largest = fabs(p->vectors[i * p->size + column]) > fabs(p->vectors[largest * p->size + column]) ? i : largest;
    }
    return p->vectors[largest * p->size + column] < 0 ? -1 : 1;
}

static void write_filters(const patches *p)
{
    const size_t filters = (size_t)p->kernel->shape.dims[3], half = filters / 2;
    for (size_t f = 0; f < half; f++) {
        double value = 0;
        const size_t column = take_largest(p, &value);
        const double scale = sign_of(p, column) / sqrt((value > 0 ? value : 0) + LEAST_VALUE);
        for (size_t i = 0; i < p->size; i++) {
            const float weight = (float)(p->vectors[i * p->size + column] * scale);
            p->kernel->data[i * filters + f] = weight;
            p->kernel->data[i * filters + half + f] = -weight;
        }
    }
}

static cnn_status find_kernel(patches *p, const cnn_model *model, const char *layer, const cnn_loader *loader)
{
    const cnn_shape sample = cnn_loader_sample_shape(loader);
    const size_t length = strlen(layer);
    for (uint32_t i = 0; i < model->parameter_count && p->kernel == NULL; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        const bool named = strncmp(parameter->name, layer, length) == 0 &&
                           strcmp(parameter->name + length, "/kernel") == 0;
        p->kernel = named ? parameter : NULL;
    }
    if (p->kernel == NULL) {
        return cnn__fail(p->context, CNN_ERROR_NOT_FOUND, "%s: there is no parameter \"%s/kernel\"", model->name,
                         layer);
    }
    const int64_t *dims = p->kernel->shape.dims;
    if (p->kernel->shape.rank != 4 || sample.rank != 3 || dims[2] != sample.dims[2] || dims[0] > sample.dims[0] ||
        dims[1] > sample.dims[1]) {
        return cnn__fail(p->context, CNN_ERROR_SHAPE, "%s: \"%s\" is no convolution of the images", model->name, layer);
    }
    p->rows = (size_t)dims[0];
    p->cols = (size_t)dims[1];
    p->channels = (size_t)dims[2];
    p->size = p->rows * p->cols * p->channels;
    if (p->size > MOST_VALUES || dims[3] % 2 != 0 || (size_t)dims[3] > 2 * p->size) {
        return cnn__fail(p->context, CNN_ERROR_SHAPE,
                         "%s: \"%s\" has %lld filters of %zu values; whitening makes an even number of them, up to two "
                         "for each value, of up to %d values",
                         model->name, layer, (long long)dims[3], p->size, MOST_VALUES);
    }
    return CNN_OK;
}

cnn_status cnn_model_whiten(cnn_model *model, const char *layer, cnn_loader *loader, uint64_t samples)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (layer == NULL || loader == NULL || !model->built) {
        return cnn__fail(model->context, model->built ? CNN_ERROR_INVALID_ARGUMENT : CNN_ERROR_STATE, "%s: %s",
                         model->name, model->built ? "whitening needs a layer and a loader" : "is not built yet");
    }
    patches p = {.context = model->context};
    CNN__RETURN_IF_ERROR(find_kernel(&p, model, layer, loader));
    p.matrix = cnn__alloc_zero(p.context, p.size * p.size * sizeof(double));
    p.vectors = cnn__alloc_zero(p.context, p.size * p.size * sizeof(double));
    p.patch = cnn__alloc_zero(p.context, p.size * sizeof(double));
    cnn_status status = p.matrix != NULL && p.vectors != NULL && p.patch != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        status = add_images(&p, loader, samples != 0 ? samples : DEFAULT_SAMPLES);
    }
    if (status == CNN_OK && p.count == 0) {
        status = cnn__fail(p.context, CNN_ERROR_FORMAT, "%s: none of the samples can be used", model->name);
    }
    if (status == CNN_OK) {
        find_vectors(&p);
        write_filters(&p);
        cnn_model_touch(model);
    }
    cnn__free(p.context, p.matrix);
    cnn__free(p.context, p.vectors);
    cnn__free(p.context, p.patch);
    return status;
}
