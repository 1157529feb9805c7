/* SPDX-License-Identifier: MIT */
/* Losses as handles, the checks of their targets, and the one loop over a batch. */
#include "loss/loss.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/options.h"

/* How far a target may lie outside [0, 1]: mixing one-hot rows in float32 rounds a little over 1. */
#define TARGET_SLACK 1e-5f

/* A label that cnn__loss_compute() can leave out. */
#define NO_LABEL (-1)

static const cnn__loss_kind *const kinds[] = {
    &cnn__loss_binary_crossentropy,
    &cnn__loss_categorical_crossentropy,
    &cnn__loss_nll,
    &cnn__loss_mse,
    &cnn__loss_mae,
    &cnn__loss_huber,
    &cnn__loss_binary_focal,
    &cnn__loss_categorical_focal,
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *cnn_loss_usage(size_t index) { return index < KINDS ? kinds[index]->usage : NULL; }

const cnn__loss_kind *cnn__loss_find(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

/* `values`, by kind->params, may hold NaN for what is not given; NULL: nothing is. */
static cnn_status create(cnn_context *context, const cnn__loss_kind *kind, const double *values, cnn_loss **loss)
{
    if (loss == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: no place for the handle", kind->name);
    }
    *loss = NULL;
    if (context == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_loss *made = cnn__alloc(context, sizeof(*made));
    if (made == NULL) {
        return cnn__last_status(context);
    }
    *made = (cnn_loss){.context = context, .kind = kind};
    for (size_t i = 0; kind->params != NULL && kind->params[i].name != NULL; i++) {
        const bool given = values != NULL && !isnan(values[i]);
        const double value = given ? values[i] : kind->params[i].unset;
        cnn_status status = cnn__param_check(context, "loss", kind->name, &kind->params[i], value);
        if (status != CNN_OK) {
            cnn__free(context, made);
            return status;
        }
        made->params[i] = value;
    }
    *loss = made;
    return CNN_OK;
}

cnn_status cnn_binary_cross_entropy_create(cnn_context *context, cnn_loss **loss)
{
    return create(context, &cnn__loss_binary_crossentropy, NULL, loss);
}

cnn_status cnn_categorical_cross_entropy_create(cnn_context *context, cnn_loss **loss)
{
    return create(context, &cnn__loss_categorical_crossentropy, NULL, loss);
}

cnn_status cnn_negative_log_likelihood_create(cnn_context *context, cnn_loss **loss)
{
    return create(context, &cnn__loss_nll, NULL, loss);
}

cnn_status cnn_mean_squared_error_create(cnn_context *context, cnn_loss **loss)
{
    return create(context, &cnn__loss_mse, NULL, loss);
}

cnn_status cnn_mean_absolute_error_create(cnn_context *context, cnn_loss **loss)
{
    return create(context, &cnn__loss_mae, NULL, loss);
}

cnn_status cnn_huber_create(cnn_context *context, float delta, cnn_loss **loss)
{
    const double values[] = {delta == 0 ? (double)NAN : (double)delta};
    return create(context, &cnn__loss_huber, isnan(delta) ? (const double[]){-1} : values, loss);
}

/* A field as the parameter that it stands for: 0 is what is not given, CNN_ZERO is 0. */
static double field(float value) { return value == 0 ? (double)NAN : value == CNN_ZERO ? 0.0 : (double)value; }

static cnn_status create_focal(cnn_context *context, const cnn__loss_kind *kind, const cnn_focal_options *options,
                               cnn_loss **loss)
{
    cnn_focal_options given;
    if (loss != NULL) {
        *loss = NULL;
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_focal_options", options, &given, sizeof(given)));
    if (isnan(given.gamma) || isnan(given.alpha)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: gamma or alpha is no number", kind->name);
    }
    return create(context, kind, (const double[]){field(given.gamma), field(given.alpha)}, loss);
}

cnn_status cnn_binary_focal_create(cnn_context *context, const cnn_focal_options *options, cnn_loss **loss)
{
    return create_focal(context, &cnn__loss_binary_focal, options, loss);
}

cnn_status cnn_categorical_focal_create(cnn_context *context, const cnn_focal_options *options, cnn_loss **loss)
{
    return create_focal(context, &cnn__loss_categorical_focal, options, loss);
}

static cnn_status create_by_text(cnn_context *context, const char *text, cnn_loss **loss)
{
    cnn__param_reader reader;
    double values[CNN__PARAMS];
    char name[64];
    CNN__RETURN_IF_ERROR(cnn__params_begin(context, "loss", text, &reader));
    const size_t length = cnn__params_name_length(&reader);
    snprintf(name, sizeof(name), "%.*s", (int)(length < sizeof(name) ? length : sizeof(name) - 1), text);
    const cnn__loss_kind *kind = cnn__loss_find(name);
    if (kind == NULL) {
        char printable[64];
        return cnn__fail(context, CNN_ERROR_NOT_FOUND, "loss: there is no \"%s\"",
                         cnn__printable(name, printable, sizeof(printable)));
    }
    reader.at += length;
    CNN__RETURN_IF_ERROR(cnn__params_read(&reader, kind->name, kind->params, values));
    CNN__RETURN_IF_ERROR(cnn__params_end(&reader));
    return create(context, kind, values, loss);
}

cnn_status cnn_loss_create(cnn_context *context, const char *name, cnn_loss **loss)
{
    if (loss != NULL) {
        *loss = NULL;
    }
    if (name == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "loss: no name given");
    }
    return create_by_text(context, name, loss);
}

void cnn_loss_free(cnn_loss *loss)
{
    if (loss != NULL) {
        if (loss->custom.destroy != NULL) {
            loss->custom.destroy(loss->user);
        }
        cnn__free(loss->context, loss);
    }
}

const char *cnn_loss_name(const cnn_loss *loss) { return loss != NULL ? loss->kind->name : NULL; }

static cnn_status check_labels(const cnn_context *context, const cnn__loss_kind *kind, const int32_t *labels,
                               size_t count, size_t outputs, bool skip)
{
    const uint64_t classes = outputs == 1 ? 2 : outputs;
    for (size_t i = 0; i < count; i++) {
        bool inside = labels[i] >= 0 && (uint64_t)labels[i] < classes;
        if (!inside && !(skip && labels[i] == NO_LABEL)) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                             "%s: label %d of sample %zu is out of range: %zu output%s can tell the labels 0 to %llu",
                             kind->name, (int)labels[i], i, outputs, outputs == 1 ? "" : "s",
                             (unsigned long long)(classes - 1));
        }
    }
    return CNN_OK;
}

static cnn_status check_values(const cnn_context *context, const cnn__loss_kind *kind, const float *values,
                               size_t count, size_t outputs)
{
    for (size_t i = 0; kind->probabilities && i < count * outputs; i++) {
        if (!(values[i] >= -TARGET_SLACK && values[i] <= 1 + TARGET_SLACK)) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                             "%s: target %g of sample %zu, output %zu is not a probability", kind->name,
                             (double)values[i], i / outputs, i % outputs);
        }
    }
    return CNN_OK;
}

static cnn_status check_weights(const cnn_context *context, const cnn__loss_kind *kind, const float *weights,
                                size_t count)
{
    for (size_t i = 0; weights != NULL && i < count; i++) {
        if (!(weights[i] >= 0) || !isfinite(weights[i])) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                             "%s: weight %g of sample %zu: expected a finite number of 0 or more", kind->name,
                             (double)weights[i], i);
        }
    }
    return CNN_OK;
}

static cnn_status check_target(const cnn_context *context, const cnn__loss_kind *kind, const cnn_target *target,
                               size_t count, size_t outputs, bool skip)
{
    size_t values;
    if (count == 0 || outputs == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %zu samples of %zu outputs have no mean", kind->name,
                         count, outputs);
    }
    if (!cnn__mul_size(count, outputs, &values) || !cnn__mul_size(values, sizeof(float), &values)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %zu samples of %zu outputs fit in no memory",
                         kind->name, count, outputs);
    }
    if (outputs < kind->least_outputs) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "%s: needs an output for each class, at least %zu, not %zu; with one output use %s",
                         kind->name, kind->least_outputs, outputs, cnn__loss_binary_crossentropy.name);
    }
    if ((target->labels == NULL) == (target->values == NULL)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: the target needs labels or values, and not both",
                         kind->name);
    }
    CNN__RETURN_IF_ERROR(check_weights(context, kind, target->weights, count));
    return target->labels != NULL ? check_labels(context, kind, target->labels, count, outputs, skip)
                                  : check_values(context, kind, target->values, count, outputs);
}

static size_t labelled(const cnn_target *target, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += target->labels == NULL || target->labels[i] != NO_LABEL;
    }
    return n;
}

cnn_status cnn__loss_compute(cnn_context *context, const cnn_loss *loss, const float *z, const cnn_target *target,
                             size_t count, size_t outputs, float *gradient, double *value, size_t *counted)
{
    cnn_target wanted;
    const cnn__loss_kind *kind = loss->kind;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_target", target, &wanted, sizeof(wanted)));
    CNN__RETURN_IF_ERROR(check_target(context, kind, &wanted, count, outputs, counted != NULL));

    const size_t samples = labelled(&wanted, count);
    const double scale = 1 / ((double)samples * (kind->mean_over_outputs ? (double)outputs : 1.0));
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        cnn__loss_row row = {.outputs = outputs, .z = z + i * outputs, .scale = scale, .loss = loss};
        row.gradient = gradient != NULL ? gradient + i * outputs : NULL;
        row.values = wanted.values != NULL ? wanted.values + i * outputs : NULL;
        row.label = wanted.labels != NULL ? wanted.labels[i] : 0;
        const double weight = wanted.weights != NULL ? wanted.weights[i] : 1.0;
        row.scale *= weight;
        if (row.label != NO_LABEL && weight > 0) {
            sum += weight * kind->row(&row);
        } else if (row.gradient != NULL) { /* a weight of 0 silences even what is infinite */
            memset(row.gradient, 0, outputs * sizeof(float));
        }
        if (row.status != CNN_OK) {
            return cnn__fail(context, row.status, "%s: sample %zu of the batch: %s", kind->name, i,
                             cnn_status_string(row.status));
        }
    }
    *value = samples > 0 ? sum * scale : NAN;
    if (counted != NULL) {
        *counted = samples;
    }
    return CNN_OK;
}

cnn_status cnn_loss_compute(const cnn_loss *loss, const float *logits, const cnn_target *target, size_t count,
                            size_t outputs, float *gradient, double *value)
{
    if (loss == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (logits == NULL || value == NULL || gradient == logits) {
        return cnn__fail(loss->context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s", loss->kind->name,
                         logits == NULL  ? "no logits given"
                         : value == NULL ? "no place for the value"
                                         : "the gradient cannot take the place of the logits");
    }
    return cnn__loss_compute(loss->context, loss, logits, target, count, outputs, gradient, value, NULL);
}
