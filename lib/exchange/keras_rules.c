/* SPDX-License-Identifier: MIT */
/* Keras's regularizers and constraints, in and out. They have the same names here, so that a layer's table of fields
 * says which it can have. They change nothing that a model computes: those that this library lacks are left out with
 * a warning. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/options.h"
#include "exchange/keras_table.h"
#include "format/fields.h"
#include "layer/layer.h"

/* Options with another name there. */
static const struct {
    const char *type; /* ours; NULL: any */
    const char *keras, *own;
} names[] = {
    {"DepthwiseConv2D", "depthwise_regularizer", "kernel_regularizer"},
    {"DepthwiseConv2D", "depthwise_constraint", "kernel_constraint"},
    /* Of Keras 1. */
    {NULL, "W_regularizer", "kernel_regularizer"},
    {NULL, "b_regularizer", "bias_regularizer"},
    {NULL, "W_constraint", "kernel_constraint"},
    {NULL, "b_constraint", "bias_constraint"},
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static bool ends_in(const char *text, const char *end)
{
    const size_t size = strlen(text), tail = strlen(end);
    return size >= tail && strcmp(text + size - tail, end) == 0;
}

bool cnn__keras_is_rule(const char *option)
{
    return ends_in(option, "_regularizer") || ends_in(option, "_constraint");
}

/* The field that an option of Keras's is, if the kind of layer has it. */
static const cnn__field *find_field(const char *type, const char *option)
{
    const cnn__layer_type *kind = type != NULL ? cnn__layer_type_find(type) : NULL;
    for (size_t i = 0; i < NAMES && kind != NULL; i++) {
        if (strcmp(names[i].keras, option) == 0 && (names[i].type == NULL || strcmp(names[i].type, type) == 0)) {
            option = names[i].own;
            break;
        }
    }
    for (const cnn__field *f = kind != NULL ? kind->fields : NULL; f != NULL && f->name != NULL; f++) {
        if (strcmp(f->name, option) == 0) {
            return f;
        }
    }
    return NULL;
}

/* ---- in ---- */

/* A rule as a name and its numbers: text alone, an object with class_name and config, or Keras 1's with all in one. */
static const char *rule_name(const cnn__json *value, const cnn__json **config)
{
    const char *name = cnn__json_text(cnn__json_get(value, "class_name"));
    const cnn__json *inner = cnn__json_get(value, "config");
    *config = inner != NULL ? inner : value;
    name = name != NULL ? name : cnn__json_text(cnn__json_get(value, "name"));
    return name != NULL ? name : cnn__json_text(value);
}

/* The kind by its name, with and without the underscores that Keras's functions have; -1: another. */
static int find_kind(const char *name, const char *const *kinds)
{
    char plain[32];
    size_t size = 0;
    for (; name != NULL && *name != '\0' && size + 1 < sizeof(plain); name++) {
        if (*name != '_') {
            plain[size++] = (char)(*name >= 'A' && *name <= 'Z' ? *name + 'a' - 'A' : *name);
        }
    }
    plain[size] = '\0';
    return cnn__name_index(kinds, plain);
}

/* A number that may be missing; false if it is none, or below 0. */
static bool read_number(const cnn__json *config, const char *key, const char *old, double *number)
{
    const cnn__json *value = cnn__json_get(config, key);
    value = value != NULL || old == NULL ? value : cnn__json_get(config, old);
    return value == NULL || (cnn__json_to_real(value, number) && *number >= 0 && *number < 1e30);
}

/* False: not what this library has. */
static bool read_regularizer(const cnn__json *value, cnn_regularizer *regularizer)
{
    static const char *const kinds[] = {"l1", "l2", "l1l2", "weightregularizer", "activityregularizer", NULL};
    const cnn__json *config = NULL;
    const int kind = find_kind(rule_name(value, &config), kinds);
    /* What a name alone stands for. */
    const bool alone = cnn__json_text(value) != NULL;
    double l1 = alone && kind != 1 ? 0.01 : 0, l2 = alone && kind != 0 ? 0.01 : 0;
    if (kind < 0 || !read_number(config, "l1", NULL, &l1) || !read_number(config, "l2", NULL, &l2)) {
        return false;
    }
    *regularizer = (cnn_regularizer){(float)l1, (float)l2};
    return true;
}

/* One axis, or a list of them, as bits. */
static bool read_axes(const cnn__json *value, uint32_t *axes)
{
    int64_t axis = 0;
    const cnn__json *list = cnn__keras_list(value);
    *axes = value == NULL ? 1 : 0;
    if (cnn__keras_whole(list, &axis)) {
        *axes = axis >= 0 && axis < CNN_MAX_RANK ? 1u << axis : 0;
        return *axes != 0;
    }
    for (const cnn__json *item = cnn__json_is(list, CNN__JSON_ARRAY) ? cnn__json_first(list) : NULL; item != NULL;
         item = cnn__json_next(list, item)) {
        if (!cnn__keras_whole(item, &axis) || axis < 0 || axis >= CNN_MAX_RANK) {
            return false;
        }
        *axes |= 1u << axis;
    }
    return *axes != 0;
}

static bool read_constraint(const cnn__json *value, cnn_constraint *constraint)
{
    static const char *const kinds[] = {"none", "maxnorm", "nonneg", "unitnorm", "minmaxnorm", NULL}; /* by number */
    const cnn__json *config = NULL;
    const int kind = find_kind(rule_name(value, &config), kinds);
    double high = kind == CNN_CONSTRAINT_MAX_NORM ? 2 : 1, low = 0, rate = 1;
    uint32_t axes = 0;
    if (kind <= 0 || !read_number(config, "max_value", kind == CNN_CONSTRAINT_MAX_NORM ? "m" : "high", &high) ||
        !read_number(config, "min_value", "low", &low) || !read_number(config, "rate", NULL, &rate) ||
        !read_axes(cnn__json_get(config, "axis"), &axes)) {
        return false;
    }
    const bool ranged = kind == CNN_CONSTRAINT_MIN_MAX_NORM;
    const bool norm = ranged || kind == CNN_CONSTRAINT_MAX_NORM;
    if ((norm && high == 0) || (ranged && rate == 0)) {
        return false; /* 0 is a default here */
    }
    *constraint = (cnn_constraint){.kind = kind,
                                   .axes = kind == CNN_CONSTRAINT_NON_NEGATIVE ? 0 : axes,
                                   .low = ranged ? (float)low : 0,
                                   .high = norm ? (float)high : 0,
                                   .rate = ranged ? (float)rate : 0};
    return true;
}

/* The kernel of a depthwise convolution has two axes there where it has other two here. */
static bool axes_differ(const char *option, const cnn_constraint *constraint)
{
    return strcmp(option, "depthwise_constraint") == 0 && (constraint->axes & ~3u) != 0;
}

void cnn__keras_put_rules(const cnn__keras *keras, const cnn__keras_layer *layer, const char *type,
                          cnn__json_writer *options)
{
    for (const cnn__json *k = cnn__json_first(layer->config); k != NULL; k = cnn__json_next(layer->config, k)) {
        if (!cnn__keras_is_rule(k->text) || cnn__json_is(k + 1, CNN__JSON_NULL)) {
            continue;
        }
        const cnn__field *field = find_field(type, k->text);
        cnn_regularizer regularizer;
        cnn_constraint constraint;
        if (field != NULL && field->type == CNN__FIELD_REGULARIZER && read_regularizer(k + 1, &regularizer)) {
            cnn__regularizer_to_json(options, field->name, &regularizer);
        } else if (field != NULL && field->type == CNN__FIELD_CONSTRAINT && read_constraint(k + 1, &constraint) &&
                   !axes_differ(k->text, &constraint)) {
            cnn__constraint_to_json(options, field->name, &constraint);
        } else {
            char name[128], option[80];
            cnn__log(keras->context, CNN_LOG_WARNING,
                     "%s: layer \"%s\": its %s is of a kind that this library lacks, and is left out", keras->file,
                     cnn__printable(layer->name, name, sizeof(name)), cnn__printable(k->text, option, sizeof(option)));
        }
    }
}

/* ---- out ---- */

static double number_of(const cnn__json *rule, const char *key)
{
    double number = 0;
    (void)cnn__json_to_real(cnn__json_get(rule, key), &number);
    return number;
}

static void put_axes(cnn__json_writer *config, const cnn__json *rule)
{
    int64_t axes = 0, list[CNN_MAX_RANK];
    size_t count = 0;
    (void)cnn__json_to_int(cnn__json_get(rule, "axes"), &axes);
    axes = axes == 0 ? 1 : axes;
    for (int64_t axis = 0; axis < CNN_MAX_RANK; axis++) {
        if ((axes >> axis & 1) != 0) {
            list[count++] = axis;
        }
    }
    if (count == 1) {
        cnn__json_put_int(config, "axis", list[0]);
    } else {
        cnn__keras_put_list(config, "axis", list, count);
    }
}

static void rule_out(const char *option, const cnn__json *rule, cnn__json_writer *config)
{
    static const char *const classes[] = {"", "MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm"};
    const char *word = cnn__json_text(cnn__json_get(rule, "kind"));
    const int kind = word != NULL ? cnn__name_index(cnn__constraint_names, word) : -1;
    cnn__json_open(config, option, '{');
    cnn__json_put_string(config, "class_name", kind > 0 ? classes[kind] : "L1L2");
    cnn__json_open(config, "config", '{');
    if (kind <= 0) {
        cnn__json_put_real(config, "l1", number_of(rule, "l1"));
        cnn__json_put_real(config, "l2", number_of(rule, "l2"));
    }
    if (kind == CNN_CONSTRAINT_MIN_MAX_NORM) {
        cnn__json_put_real(config, "min_value", number_of(rule, "low"));
        cnn__json_put_real(config, "rate", number_of(rule, "rate"));
    }
    if (kind == CNN_CONSTRAINT_MAX_NORM || kind == CNN_CONSTRAINT_MIN_MAX_NORM) {
        cnn__json_put_real(config, "max_value", number_of(rule, "high"));
    }
    if (kind > 0 && kind != CNN_CONSTRAINT_NON_NEGATIVE) {
        put_axes(config, rule);
    }
    cnn__json_close(config, '}');
    cnn__json_close(config, '}');
}

void cnn__keras_rules_out(const char *type, const cnn__json *options, cnn__json_writer *config)
{
    for (const cnn__json *k = cnn__json_first(options); k != NULL; k = cnn__json_next(options, k)) {
        const char *name = k->text;
        for (size_t i = 0; i < NAMES; i++) {
            if (names[i].type != NULL && strcmp(names[i].type, type) == 0 && strcmp(names[i].own, name) == 0) {
                name = names[i].keras;
            }
        }
        if (cnn__keras_is_rule(k->text)) {
            rule_out(name, k + 1, config);
        }
    }
}
