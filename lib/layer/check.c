/* SPDX-License-Identifier: MIT */
/* Checks of options that many kinds of layers have, and their defaults. */
#include "layer/layer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

/* Names are parts of parameter names and of text in files: plain characters only. */
bool cnn__is_plain_name(const char *name, size_t length)
{
    bool plain = length > 0 && length < 256;
    for (size_t i = 0; plain && i < length; i++) {
        const char c = name[i];
        plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                c == '.';
    }
    return plain;
}

cnn_status cnn__check_name(const cnn_context *context, const char *what, const char *name)
{
    if (name == NULL || cnn__is_plain_name(name, strlen(name))) {
        return CNN_OK;
    }
    char text[300];
    return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                     "%s: the name \"%s\" must have 1 to 255 letters, digits, '_', '-' or '.'", what,
                     cnn__printable(name, text, sizeof(text)));
}

static cnn_status check_regularizer(const cnn_context *context, const char *type, const char *field,
                                    const cnn_regularizer *regularizer)
{
    const float factors[] = {regularizer->l1, regularizer->l2};
    for (size_t i = 0; i < 2; i++) {
        if (!isfinite(factors[i]) || factors[i] < 0) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s has the l%zu %g; expected a number from 0 on",
                             type, field, i + 1, (double)factors[i]);
        }
    }
    return CNN_OK;
}

/* Fills in defaults, and clears what its kind does not have, so that two that do the same are the same. */
static cnn_status check_constraint(const cnn_context *context, const char *type, const char *field, cnn_constraint *c)
{
    char name[80];
    snprintf(name, sizeof(name), "kind of %s", field);
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, name, c->kind, 0, CNN_CONSTRAINT_MIN_MAX_NORM));
    const bool bounded = c->kind == CNN_CONSTRAINT_MAX_NORM || c->kind == CNN_CONSTRAINT_MIN_MAX_NORM;
    const bool between = c->kind == CNN_CONSTRAINT_MIN_MAX_NORM;
    const bool normed = bounded || c->kind == CNN_CONSTRAINT_UNIT_NORM;
    c->axes = !normed ? 0 : c->axes == 0 ? 1 : c->axes;
    c->high = !bounded ? 0 : c->high != 0 ? c->high : between ? 1 : 2;
    c->low = between ? c->low : 0;
    c->rate = !between ? 0 : c->rate == 0 ? 1 : c->rate;
    snprintf(name, sizeof(name), "high of %s", field);
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, name, c->high, bounded ? 1e-30 : 0, 1e30));
    snprintf(name, sizeof(name), "low of %s", field);
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, name, c->low, 0, c->high));
    snprintf(name, sizeof(name), "rate of %s", field);
    return cnn__layer_check_range(context, type, name, c->rate, 0, 1);
}

cnn_status cnn__check_rules(const cnn_context *context, const cnn__layer_type *type, void *state)
{
    cnn_status status = CNN_OK;
    for (const cnn__field *f = type->fields; f != NULL && f->name != NULL && status == CNN_OK; f++) {
        void *place = (char *)state + f->offset;
        status = f->type == CNN__FIELD_REGULARIZER  ? check_regularizer(context, type->kind.type, f->name, place)
                 : f->type == CNN__FIELD_CONSTRAINT ? check_constraint(context, type->kind.type, f->name, place)
                                                    : CNN_OK;
    }
    return status;
}

cnn_status cnn__layer_check_range(const cnn_context *context, const char *type, const char *field, double value,
                                  double low, double high)
{
    if (value >= low && value <= high) {
        return CNN_OK;
    }
    return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s is %g, must be %g to %g", type, field, value, low,
                     high);
}

cnn_status cnn__check_activation(const cnn_context *context, const char *type, int32_t activation, float *alpha)
{
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "activation", activation, 0, CNN__LAST_ACTIVATION));
    const float standard = activation == CNN_ELU            ? 1
                           : activation == CNN_HARD_SIGMOID ? CNN__SIXTH
                           : activation == CNN_CLIPPED_RELU ? 6
                                                            : 0.01f;
    *alpha = *alpha == 0 ? standard : *alpha;
    /* With a slope below 0 the sign of the output would no longer tell that of the input. */
    return cnn__layer_check_range(context, type, "alpha", *alpha, 0, 1e6);
}

cnn_status cnn__check_initializer(const cnn_context *context, const char *type, const char *field,
                                  cnn_initializer *init, cnn_initializer_kind standard)
{
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, field, init->kind, 0, CNN_INIT_DIRAC));
    if (init->kind == CNN_INIT_DEFAULT) {
        init->kind = (int32_t)standard;
        init->value = 0;
    }
    if (!isfinite(init->value) || (init->value < 0 && init->kind != CNN_INIT_CONSTANT)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s has the value %g", type, field, init->value);
    }
    return CNN_OK;
}
