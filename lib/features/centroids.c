/* SPDX-License-Identifier: MIT */
/* Classes by the nearest mean of features. The class c of features x whose centroid is nearest has the largest
 *
 *     -s |x - m_c|^2 = 2 s m_c x - s |m_c|^2 - s |x|^2
 *
 * of which the last term is the same for all: what is left is a dense layer, whose softmax makes probabilities. */
#include <math.h>
#include <string.h>

#include <cnn/evaluator.h>
#include <cnn/features.h>
#include <cnn/loader.h>

#include "core/options.h"
#include "session/session.h"

#define HEAD "head_centroids"

typedef struct centroids {
    cnn_context *context;
    cnn_model *model;
    cnn_centroids_options options;
    const char *layer;
    cnn_dataset *features;
    size_t values, samples;
    float *rows;     /* [samples, values] */
    int32_t *labels; /* [samples]: of the dataset */
    size_t found;    /* classes of the dataset */
    double *means;   /* [found, values] */
    double *counts;  /* [found] */
    /* Of the model to be: those that it had, then those that are new. */
    size_t kept, classes;
    size_t *place;      /* [found]: the class that each of the dataset's becomes */
    const char **names; /* [classes] */
    float *old_kernel;  /* [values, kept]; borrowed */
    float *old_bias;
    double scale;
} centroids;

/* ---- the head that is there ---- */

/* The node of a head that was made here; CNN__NO_NODE if there is none. */
static uint32_t find_head(const cnn_model *model)
{
    uint32_t reference = 0;
    return cnn__model_find(model, HEAD, &reference) && (reference & CNN__INPUT) == 0 ? reference : CNN__NO_NODE;
}

/* The value that a head reads: what is before the last dense layer. */
static cnn_status find_layer(centroids *self)
{
    const cnn_model *model = self->model;
    uint32_t at = cnn__model_output(model, 0), reference = 0;
    if (self->options.layer != NULL) {
        self->layer = self->options.layer;
        return cnn__model_find(model, self->layer, &reference) && (reference & CNN__INPUT) == 0
                   ? CNN_OK
                   : cnn__fail(self->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\"", model->name,
                               self->layer);
    }
    while ((at & CNN__INPUT) == 0 && model->nodes[at].layer->type != &cnn__dense_type &&
           model->nodes[at].input_count == 1) {
        at = model->nodes[at].inputs[0];
    }
    if ((at & CNN__INPUT) != 0 || model->nodes[at].input_count != 1 || (model->nodes[at].inputs[0] & CNN__INPUT) != 0) {
        return cnn__fail(self->context, CNN_ERROR_NOT_FOUND,
                         "%s: there is no dense layer at its end whose inputs could be compared: choose a layer",
                         model->name);
    }
    self->layer = model->nodes[model->nodes[at].inputs[0]].name;
    return CNN_OK;
}

/* The scale of a head is in all of its columns: b = -s |m|^2 and w = 2 s m, so that s = -|w|^2 / (4 b). */
static cnn_status read_head(centroids *self)
{
    const uint32_t head = find_head(self->model);
    cnn_parameter kernel = CNN_PARAMETER_INIT, bias = CNN_PARAMETER_INIT;
    if (head == CNN__NO_NODE) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(cnn_model_find_parameter(self->model, HEAD "/kernel", &kernel));
    CNN__RETURN_IF_ERROR(cnn_model_find_parameter(self->model, HEAD "/bias", &bias));
    self->kept = (size_t)bias.value.shape.dims[0];
    self->old_kernel = kernel.value.data;
    self->old_bias = bias.value.data;
    const uint32_t before = self->model->nodes[head].inputs[0];
    const char *own = (before & CNN__INPUT) == 0 ? self->model->nodes[before].name : "";
    if (strcmp(own, self->layer) != 0 || cnn_model_class_count(self->model) != self->kept) {
        return cnn__fail(self->context, CNN_ERROR_MISMATCH,
                         "%s: its centroids are of \"%s\", and no classes of \"%s\" can be added", self->model->name,
                         own, self->layer);
    }
    double squares = 0;
    const size_t values = (size_t)kernel.value.shape.dims[0];
    for (size_t i = 0; i < values; i++) {
        const double w = self->old_kernel[i * self->kept];
        squares += w * w;
    }
    self->scale = self->old_bias[0] < 0 ? -squares / (4 * (double)self->old_bias[0]) : 1;
    return CNN_OK;
}

/* ---- features ---- */

static cnn_status gather(centroids *self)
{
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    size_t all;
    CNN__RETURN_IF_ERROR(cnn_features_create(
        self->model,
        CNN_FEATURES(.dataset = self->options.dataset, .pipeline = self->options.pipeline, .layer = self->layer,
                     .batch = self->options.batch, .on_error = self->options.on_error,
                     .on_batch = self->options.on_batch, .user = self->options.user),
        &self->features));
    self->samples = cnn_dataset_count(self->features);
    self->values = (size_t)cnn_dataset_shape(self->features).dims[1];
    if (!cnn__mul_size(self->samples, self->values, &all)) {
        return cnn__fail(self->context, CNN_ERROR_LIMIT, "centroids: %zu samples are too many", self->samples);
    }
    self->rows = cnn__alloc_array(self->context, all, sizeof(*self->rows));
    self->labels = cnn__alloc_array(self->context, self->samples, sizeof(*self->labels));
    if (self->rows == NULL || self->labels == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    CNN__RETURN_IF_ERROR(cnn_loader_create(self->context, self->features, CNN_LOADER(.workers = 1), &loader));
    cnn_status status = CNN_OK;
    for (size_t at = 0; (status = cnn_loader_next(loader, &batch)) == CNN_OK && batch.count > 0; at += batch.count) {
        memcpy(self->rows + at * self->values, batch.images, batch.count * self->values * sizeof(float));
        memcpy(self->labels + at, batch.labels, batch.count * sizeof(*self->labels));
    }
    cnn_loader_free(loader);
    return status;
}

static cnn_status take_means(centroids *self)
{
    size_t all;
    self->found = cnn_dataset_class_count(self->features);
    if (!cnn__mul_size(self->found, self->values, &all) || !cnn__mul_size(all, sizeof(double), &all)) {
        return cnn__fail(self->context, CNN_ERROR_LIMIT, "centroids: %zu classes are too many", self->found);
    }
    self->means = cnn__alloc_zero(self->context, all);
    self->counts = cnn__alloc_zero(self->context, (self->found + 1) * sizeof(*self->counts));
    if (self->means == NULL || self->counts == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < self->samples; i++) {
        const int32_t label = self->labels[i];
        if (label < 0) {
            continue;
        }
        self->counts[label]++;
        for (size_t v = 0; v < self->values; v++) {
            self->means[(size_t)label * self->values + v] += (double)self->rows[i * self->values + v];
        }
    }
    for (size_t c = 0; c < self->found; c++) {
        if (self->counts[c] == 0) {
            return cnn__fail(self->context, CNN_ERROR_FORMAT, "centroids: class \"%.100s\" has no image",
                             cnn_dataset_class_name(self->features, c));
        }
        for (size_t v = 0; v < self->values; v++) {
            self->means[c * self->values + v] /= self->counts[c];
        }
    }
    return CNN_OK;
}

/* ---- the classes of the new model ---- */

static cnn_status merge_classes(centroids *self)
{
    self->place = cnn__alloc_array(self->context, self->found, sizeof(*self->place));
    self->names = cnn__alloc_array(self->context, self->found + self->kept, sizeof(*self->names));
    if (self->place == NULL || self->names == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (; self->classes < self->kept; self->classes++) {
        self->names[self->classes] = cnn_model_class_name(self->model, self->classes);
    }
    for (size_t c = 0; c < self->found; c++) {
        const char *name = cnn_dataset_class_name(self->features, c);
        size_t at = 0;
        while (at < self->kept && strcmp(self->names[at], name) != 0) {
            at++;
        }
        self->place[c] = at < self->kept ? at : self->classes;
        if (at >= self->kept) {
            self->names[self->classes++] = name;
        }
    }
    return self->classes >= 2 ? CNN_OK
                              : cnn__fail(self->context, CNN_ERROR_FORMAT,
                                          "centroids: there is one class only; two or more are needed");
}

/* ---- the scale ---- */

/* The squared distance of a sample from a class; from its own, of a mean without it: (n / (n - 1))^2 as far. */
static double distance(const centroids *self, size_t sample, size_t label)
{
    const float *x = self->rows + sample * self->values;
    const double *mean = self->means + label * self->values;
    double sum = 0;
    for (size_t v = 0; v < self->values; v++) {
        const double d = x[v] - mean[v];
        sum += d * d;
    }
    const double n = self->counts[label];
    return self->labels[sample] == (int32_t)label && n > 1 ? sum * n * n / ((n - 1) * (n - 1)) : sum;
}

/* By a temperature of the distances, each image left out of its class's mean in turn. */
static cnn_status choose_scale(centroids *self)
{
    size_t all;
    float temperature = 1;
    double mean = 0;
    if (!cnn__mul_size(self->samples, self->found, &all)) {
        return cnn__fail(self->context, CNN_ERROR_LIMIT, "centroids: %zu classes are too many", self->found);
    }
    float *logits = cnn__alloc_array(self->context, all, sizeof(*logits));
    if (logits == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < self->samples; i++) {
        for (size_t c = 0; c < self->found; c++) {
            logits[i * self->found + c] = (float)-distance(self, i, c);
            mean -= (double)logits[i * self->found + c] / (double)all;
        }
    }
    for (size_t i = 0; i < all && mean > 0; i++) {
        logits[i] = (float)(logits[i] / mean * 10); /* so that the temperature is within its bounds */
    }
    cnn_status status = self->found > 1 ? cnn_calibrate_temperature(self->context, logits, self->labels, NULL,
                                                                    self->samples, self->found, &temperature)
                                        : CNN_OK;
    cnn__free(self->context, logits);
    self->scale = mean > 0 ? 10 / (mean * (double)temperature) : 1;
    return status;
}

/* ---- the new model ---- */

static void set_column(const centroids *self, size_t class_number, const double *mean, float *kernel, float *bias)
{
    double squares = 0;
    for (size_t v = 0; v < self->values; v++) {
        kernel[v * self->classes + class_number] = (float)(2 * self->scale * mean[v]);
        squares += mean[v] * mean[v];
    }
    bias[class_number] = (float)(-self->scale * squares);
}

static cnn_status fill_head(centroids *self, cnn_model *made)
{
    cnn_parameter kernel = CNN_PARAMETER_INIT, bias = CNN_PARAMETER_INIT;
    CNN__RETURN_IF_ERROR(cnn_model_find_parameter(made, HEAD "/kernel", &kernel));
    CNN__RETURN_IF_ERROR(cnn_model_find_parameter(made, HEAD "/bias", &bias));
    for (size_t c = 0; c < self->kept; c++) {
        for (size_t v = 0; v < self->values; v++) {
            kernel.value.data[v * self->classes + c] = self->old_kernel[v * self->kept + c];
        }
        bias.value.data[c] = self->old_bias[c];
    }
    for (size_t c = 0; c < self->found; c++) {
        set_column(self, self->place[c], self->means + c * self->values, kernel.value.data, bias.value.data);
    }
    cnn_model_touch(made);
    CNN__RETURN_IF_ERROR(cnn_model_set_classes(made, self->names, self->classes));
    const cnn_pipeline *pipeline = self->options.pipeline != NULL ? self->options.pipeline : self->model->pipeline;
    return pipeline != NULL ? cnn_model_set_pipeline(made, pipeline) : CNN_OK;
}

/* The base up to the layer, flattened if it is of rank 3, and the dense layer. */
static cnn_status build(centroids *self, cnn_model **made)
{
    CNN__RETURN_IF_ERROR(cnn_model_cut(self->model, self->layer, made));
    const cnn_shape shape = cnn_model_value_shape(self->model, self->layer);
    if (shape.rank > 1) {
        CNN__RETURN_IF_ERROR(cnn_model_add(*made, cnn_flatten(self->context, CNN_NAMED(.name = "head_flatten"))));
    }
    CNN__RETURN_IF_ERROR(cnn_model_add(
        *made,
        cnn_dense(self->context, CNN_DENSE(.name = HEAD, .units = (int32_t)self->classes, .activation = CNN_SOFTMAX))));
    CNN__RETURN_IF_ERROR(cnn_model_build(*made));
    return fill_head(self, *made);
}

static cnn_status run(centroids *self, cnn_model **made)
{
    const cnn_dataset *dataset = self->options.dataset;
    if (!self->model->built) {
        return cnn__fail(self->context, CNN_ERROR_STATE, "%s: is not built yet", self->model->name);
    }
    if (dataset == NULL || made == NULL || cnn_dataset_task(dataset) != CNN_TASK_CLASSES) {
        return cnn__fail(self->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_centroids_create: a dataset of images of one class each is needed, and a place for the "
                         "model");
    }
    CNN__RETURN_IF_ERROR(find_layer(self));
    CNN__RETURN_IF_ERROR(read_head(self));
    CNN__RETURN_IF_ERROR(gather(self));
    CNN__RETURN_IF_ERROR(take_means(self));
    CNN__RETURN_IF_ERROR(merge_classes(self));
    if (self->kept == 0) {
        CNN__RETURN_IF_ERROR(choose_scale(self));
    }
    return build(self, made);
}

cnn_status cnn_centroids_create(cnn_model *model, const cnn_centroids_options *options, cnn_model **made)
{
    if (made != NULL) {
        *made = NULL;
    }
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    centroids self = {.context = model->context, .model = model};
    CNN__RETURN_IF_ERROR(
        cnn__options_copy(model->context, "cnn_centroids_options", options, &self.options, sizeof(self.options)));
    cnn_status status = run(&self, made);
    cnn__free(self.context, self.rows);
    cnn__free(self.context, self.labels);
    cnn__free(self.context, self.means);
    cnn__free(self.context, self.counts);
    cnn__free(self.context, self.place);
    cnn__free(self.context, self.names);
    cnn_dataset_free(self.features);
    if (status != CNN_OK && made != NULL) {
        cnn_model_free(*made);
        *made = NULL;
    }
    return status;
}
