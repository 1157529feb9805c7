/* SPDX-License-Identifier: MIT */
/* A layer's configuration as text, as PyTorch's print(model) shows it: the kind, and the options that are set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "core/options.h"
#include "model/model.h"

/* The decimal number of fewest digits that is this float: 0.9, not 0.89999998. */
static double shortest(float value)
{
    const int exponent = (int)floor(log10(fabs((double)value)));
    for (int digits = 1; digits <= 9; digits++) {
        const int shift = digits - 1 - exponent;
        const double unit = pow(10, abs(shift)), whole = rint(shift >= 0 ? value * unit : value / unit);
        const double candidate = shift >= 0 ? whole / unit : whole * unit;
        if ((float)candidate == value) {
            return candidate;
        }
    }
    return (double)value;
}

static void append_exactly(cnn__string *text, float value)
{
    char number[40];
    const double shown = value == 0 || !isfinite(value) ? 0 : shortest(value);
    cnn__string_printf(text, "%s", cnn__format_double(shown, number, sizeof(number)));
}

static void append_number(cnn__string *text, float value) { append_exactly(text, value == CNN_ZERO ? 0 : value); }

static void append_ints(cnn__string *text, const int32_t *values, uint32_t count)
{
    cnn__string_printf(text, "%s", count > 1 ? "(" : "");
    for (uint32_t i = 0; i < count; i++) {
        cnn__string_printf(text, "%s%d", i > 0 ? ", " : "", (int)values[i]);
    }
    cnn__string_printf(text, "%s", count > 1 ? ")" : "");
}

static void append_initializer(cnn__string *text, const cnn_initializer *init)
{
    const bool valued = init->kind == CNN_INIT_NORMAL || init->kind == CNN_INIT_CONSTANT ||
                        init->kind == CNN_INIT_UNIFORM;
    cnn__string_printf(text, "%s%s", cnn__initializer_names[init->kind], valued ? "(" : "");
    if (valued) {
        append_number(text, init->value);
        cnn__string_printf(text, ")");
    }
}

static void append_regularizer(cnn__string *text, const cnn_regularizer *regularizer)
{
    const bool both = regularizer->l1 != 0 && regularizer->l2 != 0;
    cnn__string_printf(text, "%s(", both ? "L1L2" : regularizer->l1 != 0 ? "L1" : "L2");
    append_number(text, regularizer->l1 != 0 ? regularizer->l1 : regularizer->l2);
    if (both) {
        cnn__string_printf(text, ", ");
        append_number(text, regularizer->l2);
    }
    cnn__string_printf(text, ")");
}

static void append_constraint(cnn__string *text, const cnn_constraint *constraint)
{
    cnn__string_printf(text, "%s(", cnn__constraint_names[constraint->kind]);
    if (constraint->kind == CNN_CONSTRAINT_MIN_MAX_NORM) {
        append_number(text, constraint->low);
        cnn__string_printf(text, " to ");
    }
    if (constraint->high != 0) {
        append_number(text, constraint->high);
        cnn__string_printf(text, ", ");
    }
    for (uint32_t i = 0; i < CNN_MAX_RANK && constraint->axes != 0; i++) {
        if ((constraint->axes >> i & 1u) != 0) {
            cnn__string_printf(text, "%s%u", (constraint->axes & ((1u << i) - 1)) != 0 ? "+" : "axis ", (unsigned)i);
        }
    }
    cnn__string_printf(text, ")");
}

static bool has_values(const cnn__field *field, const void *place)
{
    /* Of these 1 is nothing. */
    const int32_t none = strcmp(field->name, "dilation") == 0 || strcmp(field->name, "groups") == 0;
    bool set = false;
    for (uint32_t i = 0; i < field->count; i++) {
        set = set || ((const int32_t *)place)[i] != none;
    }
    return set;
}

static bool has_numbers(const cnn__field *field, const void *place)
{
    const uint32_t count = field->type == CNN__FIELD_FLOATS ? field->count : 1;
    bool set = false;
    for (uint32_t i = 0; i < count; i++) {
        set = set || ((const float *)place)[i] != 0;
    }
    return set;
}

/* Whether a field says anything: zeros are what was not asked for. The slope of activations that have none is filled in
 * all the same. */
static bool is_set(const cnn__field *field, const void *place, int32_t activation)
{
    const bool sloped = activation < 0 || activation == CNN_LEAKY_RELU || activation > CNN_RELU6;
    switch (field->type) {
    case CNN__FIELD_INT:
    case CNN__FIELD_MORE_INTS:
        return has_values(field, place);
    case CNN__FIELD_FLOAT:
    case CNN__FIELD_FLOATS:
        return has_numbers(field, place) && (sloped || strcmp(field->name, "alpha") != 0);
    case CNN__FIELD_ENUM:
        return *(const int32_t *)place != 0;
    case CNN__FIELD_REGULARIZER:
        return cnn__is_penalty(place);
    case CNN__FIELD_CONSTRAINT:
        return ((const cnn_constraint *)place)->kind != CNN_CONSTRAINT_NONE;
    default:
        return true;
    }
}

/* A list up to its last number that is not 0; -1 is no 0 there. */
static void append_numbers(cnn__string *text, const float *values, uint32_t count)
{
    while (count > 1 && values[count - 1] == 0) {
        count--;
    }
    cnn__string_printf(text, "%s", count > 1 ? "(" : "");
    for (uint32_t i = 0; i < count; i++) {
        cnn__string_printf(text, "%s", i > 0 ? ", " : "");
        append_exactly(text, values[i]);
    }
    cnn__string_printf(text, "%s", count > 1 ? ")" : "");
}

static void append_value(cnn__string *text, const cnn__field *field, const void *place)
{
    switch (field->type) {
    case CNN__FIELD_INT:
    case CNN__FIELD_MORE_INTS:
        append_ints(text, place, field->count);
        break;
    case CNN__FIELD_FLOAT:
        append_number(text, *(const float *)place);
        break;
    case CNN__FIELD_FLOATS:
        append_numbers(text, place, field->count);
        break;
    case CNN__FIELD_ENUM:
        cnn__string_printf(text, "%s", field->names[*(const int32_t *)place]);
        break;
    case CNN__FIELD_REGULARIZER:
        append_regularizer(text, place);
        break;
    case CNN__FIELD_CONSTRAINT:
        append_constraint(text, place);
        break;
    default:
        append_initializer(text, place);
    }
}

/* A layer's option of one number, such as its activation; -1 if its kind has none. */
static int32_t option_of(const cnn__layer_type *type, const char *state, const char *name)
{
    for (const cnn__field *field = type->fields; field != NULL && field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0) {
            return *(const int32_t *)(state + field->offset);
        }
    }
    return -1;
}

/* How a bias that is not there begins is not said. */
static bool is_shown(const cnn__layer_type *type, const void *state, const cnn__field *field)
{
    const bool bias = strncmp(field->name, "bias_", 5) == 0 && option_of(type, state, "no_bias") == 1;
    return !bias && is_set(field, (const char *)state + field->offset, option_of(type, state, "activation"));
}

/* The channels that products sum over, PyTorch's in_features and in_channels: no option, but what one wants to see
 * beside units and filters. 0 of other layers, and before the model is built. */
static int64_t inputs_of(const cnn_model *model, const cnn__node *node)
{
    const cnn__layer_type *type = node->layer->type;
    const bool product = type != NULL && (option_of(type, node->layer->user, "units") > 0 ||
                                          option_of(type, node->layer->user, "filters") > 0);
    const cnn_shape *input = product && node->input_count > 0 ? cnn__value_shape(model, node->inputs[0]) : NULL;
    return input != NULL && input->rank > 0 ? input->dims[input->rank - 1] : 0;
}

cnn_status cnn_model_layer_configuration(const cnn_model *model, size_t layer, cnn_write_function write, void *user)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (write == NULL || layer >= model->node_count) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT,
                         write == NULL ? "%s: no function to write to" : "%s: layer %zu of %u", model->name, layer,
                         model->node_count);
    }
    const cnn_layer *shown = model->nodes[layer].layer;
    cnn__string text = {.context = model->context};
    const int64_t inputs = inputs_of(model, &model->nodes[layer]);
    bool any = inputs > 0;
    cnn__string_printf(&text, "%s(", shown->kind.type);
    if (any) {
        cnn__string_printf(&text, "inputs=%lld", (long long)inputs);
    }
    for (const cnn__field *f = shown->type != NULL ? shown->type->fields : NULL; f != NULL && f->name != NULL; f++) {
        const void *place = (const char *)shown->user + f->offset;
        if (is_shown(shown->type, shown->user, f)) {
            cnn__string_printf(&text, "%s%s=", any ? ", " : "", f->name);
            append_value(&text, f, place);
            any = true;
        }
    }
    cnn__string_printf(&text, ")");
    cnn_status status = text.status != CNN_OK ? text.status : write(user, text.data, text.size);
    cnn__string_free(&text);
    return status;
}
