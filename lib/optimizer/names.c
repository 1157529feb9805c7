/* SPDX-License-Identifier: MIT */
/* Optimizers by name. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "optimizer/optimizer.h"

static const cnn__optimizer_kind *const table[] = {
    &cnn__optimizer_sgd,  &cnn__optimizer_momentum, &cnn__optimizer_nesterov, &cnn__optimizer_rmsprop,
    &cnn__optimizer_adam, &cnn__optimizer_adamw,    &cnn__optimizer_muon,
};

#define COUNT (sizeof(table) / sizeof(table[0]))

const char *cnn_optimizer_usage(size_t index) { return index < COUNT ? table[index]->usage : NULL; }

/* Writes a value into its field. A 0 that is written is meant, also where a field's 0 stands for another number. */
static cnn_status set_field(const cnn_context *context, const char *name, const cnn__param *param, double value,
                            unsigned char *options)
{
    CNN__RETURN_IF_ERROR(cnn__param_check(context, "optimizer", name, param, value));
    if (param->whole) {
        const int32_t number = (int32_t)value;
        memcpy(options + param->offset, &number, sizeof(number));
    } else {
        const float number = (float)value == 0 && isnan(param->unset) ? CNN_ZERO : (float)value;
        memcpy(options + param->offset, &number, sizeof(number));
    }
    return CNN_OK;
}

/* Whether the text gives a learning rate, and it is 0. */
static bool zero_rate(const cnn__optimizer_kind *kind, const double *values)
{
    size_t i = 0;
    while (kind->params[i].name != NULL && strcmp(kind->params[i].name, "learning_rate") != 0) {
        i++;
    }
    return kind->params[i].name != NULL && (float)values[i] == 0;
}

cnn_status cnn_optimizer_create(cnn_context *context, const char *text, cnn_optimizer **optimizer)
{
    cnn__param_reader reader;
    const cnn__optimizer_kind *kind = NULL;
    char list[256] = "";
    double values[CNN__PARAMS];
    _Alignas(max_align_t) unsigned char options[CNN__OPTIMIZER_OPTIONS] = {0};
    CNN__RETURN_IF_ERROR(cnn__optimizer_begin(context, "optimizer", optimizer));
    CNN__RETURN_IF_ERROR(cnn__params_begin(context, "optimizer", text, &reader));
    const size_t length = cnn__params_name_length(&reader);
    for (size_t i = 0; i < COUNT; i++) {
        cnn__params_append(list, sizeof(list), table[i]->name);
        kind = cnn__params_same(&reader, length, table[i]->name) ? table[i] : kind;
    }
    if (kind == NULL) {
        return cnn__params_fail_name(&reader, length, list);
    }
    reader.at += length;
    CNN__RETURN_IF_ERROR(cnn__params_read(&reader, kind->name, kind->params, values));
    memcpy(options, &kind->options_size, sizeof(kind->options_size));
    for (size_t i = 0; kind->params[i].name != NULL; i++) {
        if (!isnan(values[i])) {
            CNN__RETURN_IF_ERROR(set_field(context, kind->name, &kind->params[i], values[i], options));
        }
    }
    CNN__RETURN_IF_ERROR(kind->create(context, options, optimizer));
    /* The struct has no word for a learning rate of 0. */
    cnn_status status = zero_rate(kind, values) ? cnn_optimizer_set_learning_rate(*optimizer, 0) : CNN_OK;
    status = status == CNN_OK ? cnn__lookahead_read(*optimizer, &reader) : status;
    status = status == CNN_OK ? cnn__params_end(&reader) : status;
    if (status != CNN_OK) {
        cnn_optimizer_free(*optimizer);
        *optimizer = NULL;
    }
    return status;
}
