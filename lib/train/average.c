/* SPDX-License-Identifier: MIT */
#include "train/average.h"

#include <cnn/train.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "core/params.h"
#include "session/session.h"

enum { DECAY, START, COUNT };

/* SWA's share of the epochs before it begins, as in its paper. */
#define SWA_START 0.75

static const cnn__param ema_params[] = {
    {.name = "decay", .low = 0, .high = 1, .unset = 0.999, .offset = DECAY, .below = true},
    {.name = "start", .whole = true, .low = 0, .high = 1e9, .unset = 0, .offset = START},
    {.name = NULL},
};
static const cnn__param swa_params[] = {
    {.name = "start", .whole = true, .low = 0, .high = 1e9, .unset = NAN, .offset = START},
    {.name = NULL},
};
static const cnn__param last_params[] = {
    {.name = "count", .whole = true, .low = 1, .high = CNN__AVERAGE_MOST, .unset = 5, .offset = COUNT},
    {.name = NULL},
};

static const struct form {
    const char *name;
    cnn__average_kind kind;
    const cnn__param *params;
} forms[] = {
    {"ema", CNN__AVERAGE_EMA, ema_params},
    {"swa", CNN__AVERAGE_SWA, swa_params},
    {"last", CNN__AVERAGE_LAST, last_params},
};

#define FORMS (sizeof(forms) / sizeof(forms[0]))

/* ---- text ---- */

static cnn_status read_text(cnn__average *average, cnn_context *context, const char *text, uint64_t epochs)
{
    cnn__param_reader reader;
    char list[64] = "";
    double read[CNN__PARAMS], values[3] = {0};
    const struct form *form = NULL;
    CNN__RETURN_IF_ERROR(cnn__params_begin(context, "average", text, &reader));
    const size_t length = cnn__params_name_length(&reader);
    for (size_t i = 0; i < FORMS; i++) {
        cnn__params_append(list, sizeof(list), forms[i].name);
        form = cnn__params_same(&reader, length, forms[i].name) ? &forms[i] : form;
    }
    if (form == NULL) {
        return cnn__params_fail_name(&reader, length, list);
    }
    reader.at += length;
    CNN__RETURN_IF_ERROR(cnn__params_read(&reader, form->name, form->params, read));
    CNN__RETURN_IF_ERROR(cnn__params_end(&reader));
    for (size_t i = 0; form->params[i].name != NULL; i++) {
        const cnn__param *param = &form->params[i];
        if (!isnan(read[i])) {
            CNN__RETURN_IF_ERROR(cnn__param_check(context, "average", form->name, param, read[i]));
        }
        values[param->offset] = !isnan(read[i]) ? read[i] : param->unset;
    }
    average->kind = form->kind;
    average->decay = values[DECAY];
    average->start = isnan(values[START]) ? (uint64_t)(SWA_START * (double)epochs) : (uint64_t)values[START];
    average->count = (uint64_t)values[COUNT];
    return CNN_OK;
}

cnn_status cnn_average_check(cnn_context *context, const char *text)
{
    cnn__average average = {.text = NULL};
    return context != NULL ? read_text(&average, context, text, 1) : CNN_ERROR_INVALID_ARGUMENT;
}

static char *format_text(const cnn__average *average, cnn_context *context)
{
    const double values[] = {average->decay, (double)average->start, (double)average->count};
    const struct form *form = &forms[average->kind - 1];
    char text[96], number[32];
    int used = snprintf(text, sizeof(text), "%s", form->name);
    for (size_t i = 0; form->params[i].name != NULL; i++) {
        used += snprintf(text + used, sizeof(text) - (size_t)used, "%c%s=%s", i == 0 ? ':' : ',', form->params[i].name,
                         cnn__format_double(values[form->params[i].offset], number, sizeof(number)));
    }
    return cnn__strdup(context, text);
}

/* ---- life ---- */

cnn_status cnn__average_create(cnn__average *average, cnn_model *model, const char *text, uint64_t epochs)
{
    cnn_context *context = model->context;
    *average = (cnn__average){.text = NULL};
    if (text == NULL) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(read_text(average, context, text, epochs));
    average->text = format_text(average, context);
    average->values = cnn__alloc_zero(context, model->value_count * sizeof(float));
    average->own = cnn__alloc_zero(context, model->value_count * sizeof(float));
    bool whole = average->text != NULL && average->values != NULL && average->own != NULL;
    for (uint64_t i = 0; i < average->count && whole; i++) {
        average->last[i] = cnn__alloc_zero(context, model->value_count * sizeof(float));
        whole = average->last[i] != NULL;
    }
    return whole ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY; /* what there is the history frees */
}

void cnn__average_free(cnn__average *average, cnn_context *context)
{
    cnn__free(context, average->text);
    cnn__free(context, average->values);
    cnn__free(context, average->own);
    for (size_t i = 0; i < CNN__AVERAGE_MOST; i++) {
        cnn__free(context, average->last[i]);
    }
    *average = (cnn__average){.text = NULL};
}

/* ---- taking parameters in ---- */

/* values += share (those of the model - values) */
static void approach(float *values, const cnn_model *model, double share)
{
    const float part = (float)share;
    for (uint32_t p = 0; p < model->parameter_count; p++) {
        const cnn__parameter *parameter = &model->parameters[p];
        float *to = values + parameter->offset;
        for (size_t i = 0; i < parameter->values; i++) {
            to[i] += part * (parameter->data[i] - to[i]);
        }
    }
}

void cnn__average_step(cnn__average *average, const cnn_model *model, uint64_t epoch)
{
    if (average->kind != CNN__AVERAGE_EMA || epoch < average->start) {
        return;
    }
    /* TensorFlow's ExponentialMovingAverage with num_updates: in the beginning there is little to remember. */
    const double taken = (double)average->taken, early = (1 + taken) / (10 + taken);
    const double decay = early < average->decay ? early : average->decay;
    approach(average->values, model, average->taken == 0 ? 1 : 1 - decay);
    average->taken++;
}

/* The mean of those that are kept, after the oldest made room for the model's. */
static void take_last(cnn__average *average, const cnn_model *model)
{
    const uint64_t kept = cnn__average_kept(average);
    const uint64_t place = kept < average->count ? kept : average->count - 1;
    if (kept == average->count) {
        float *const oldest = average->last[0];
        memmove(&average->last[0], &average->last[1], (size_t)(average->count - 1) * sizeof(average->last[0]));
        average->last[average->count - 1] = oldest;
    }
    cnn__model_get_values(model, average->last[place]);
    for (size_t i = 0; i < model->value_count; i++) {
        double sum = 0;
        for (uint64_t k = 0; k <= place; k++) {
            sum += (double)average->last[k][i];
        }
        average->values[i] = (float)(sum / (double)(place + 1));
    }
    average->taken++;
}

static bool has_statistics(const cnn_model *model)
{
    bool any = false;
    for (uint32_t i = 0; i < model->parameter_count && !any; i++) {
        any = !model->parameters[i].trainable;
    }
    return any;
}

cnn_status cnn__average_epoch(cnn__average *average, cnn_model *model, uint64_t epoch, cnn_loader *loader,
                              const char *from, struct cnn__ranks *ranks)
{
    /* An epoch whose validation was stopped comes again when the training goes on. */
    if (epoch < average->start || average->taken > epoch - average->start) {
        return CNN_OK;
    }
    if (average->kind == CNN__AVERAGE_LAST) {
        take_last(average, model);
        return CNN_OK;
    }
    if (average->kind != CNN__AVERAGE_SWA) {
        return CNN_OK;
    }
    approach(average->values, model, 1 / (double)(average->taken + 1));
    average->taken++;
    if (!has_statistics(model)) {
        return CNN_OK;
    }
    cnn__average_enter(average, model);
    cnn_status status = cnn__update_statistics(model, loader, from, ranks);
    if (status == CNN_OK) {
        cnn__model_get_values(model, average->values);
    }
    cnn__average_leave(average, model);
    return status;
}

/* ---- in the model ---- */

void cnn__average_enter(cnn__average *average, cnn_model *model)
{
    if (cnn__average_any(average)) {
        cnn__model_get_values(model, average->own);
        cnn__model_set_values(model, average->values);
        cnn_model_touch(model);
    }
}

void cnn__average_leave(const cnn__average *average, cnn_model *model)
{
    if (cnn__average_any(average)) {
        cnn__model_set_values(model, average->own);
        cnn_model_touch(model);
    }
}
