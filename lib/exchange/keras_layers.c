/* SPDX-License-Identifier: MIT */
/* From a layer's config in Keras to the options of ours. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exchange/keras_table.h"
#include "layer/layer.h"

/* Options that say nothing of what a layer computes, or are read elsewhere. */
static const char *const ignored[] = {
    "name",
    "trainable",
    "dtype",
    "data_format",
    "dim_ordering",
    "batch_input_shape",
    "input_shape",
    "batch_shape",
    "input_dim",
    "input_dtype",
    "input_length",
    "init",
    "weights",
    "seed",
    "noise_shape",
    "sparse",
    "ragged",
    "fused",
    "virtual_batch_size",
    "synchronized",
    "depth_multiplier",
    "l1",
    "l2",
    "lora_rank",
    "lora_alpha",
    "beta_init",
    "gamma_init",
    "quantization_config",
    "implementation",
};

cnn_status cnn__keras_fail(const cnn__keras *keras, const cnn__keras_layer *layer, cnn_status status,
                           const char *format, ...)
{
    char reason[400], name[128], class_name[80];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    return cnn__fail(keras->context, status, "%s: layer \"%s\" (%s) %s", keras->file,
                     cnn__printable(layer->name, name, sizeof(name)),
                     cnn__printable(layer->class_name, class_name, sizeof(class_name)), reason);
}

static cnn_status bad_value(const cnn__keras *keras, const cnn__keras_layer *layer, const char *name,
                            const char *expected)
{
    char text[80];
    return cnn__keras_fail(keras, layer, CNN_ERROR_FORMAT, "has a \"%s\" that is not %s",
                           cnn__printable(name, text, sizeof(text)), expected);
}

/* ---- values ---- */

const cnn__json *cnn__keras_list(const cnn__json *value)
{
    const cnn__json *items = cnn__json_get(value, "items");
    return items != NULL ? items : value;
}

bool cnn__keras_whole(const cnn__json *value, int64_t *number)
{
    double real = 0;
    if (!cnn__json_to_real(value, &real) || floor(real) != real || fabs(real) > 1e9) {
        return false;
    }
    *number = (int64_t)real;
    return true;
}

bool cnn__keras_wholes(const cnn__json *value, int64_t *numbers, size_t count)
{
    value = cnn__keras_list(value);
    const bool list = cnn__json_is(value, CNN__JSON_ARRAY);
    const cnn__json *item = list ? cnn__json_first(value) : value;
    bool good = !list || cnn__json_count(value) == count;
    for (size_t i = 0; i < count && good; i++) {
        good = cnn__keras_whole(item, &numbers[i]);
        item = list && good ? cnn__json_next(value, item) : item;
    }
    return good;
}

void cnn__keras_put_list(cnn__json_writer *writer, const char *name, const int64_t *numbers, size_t count)
{
    cnn__json_open(writer, name, '[');
    for (size_t i = 0; i < count; i++) {
        cnn__json_put_int(writer, NULL, numbers[i]);
    }
    cnn__json_close(writer, ']');
}

/* n for all, or for each side a number or two, before and after; of one side these stand alone. */
static bool as_borders(const cnn__json *value, size_t sides, int64_t *pads)
{
    const cnn__json *list = cnn__keras_list(value);
    const bool each = sides > 1 && cnn__json_is(list, CNN__JSON_ARRAY);
    const cnn__json *item = each ? cnn__json_first(list) : list;
    bool good = !each || cnn__json_count(list) == sides;
    for (size_t i = 0; i < sides && good; i++) {
        good = cnn__keras_wholes(item, pads + 2 * i, 2);
        item = each && good ? cnn__json_next(list, item) : item;
    }
    return good;
}

/* A leaky relu without slope, whose 0 is a default here, is one with the least there is. */
static void put_slope(cnn__json_writer *writer, const char *name, double value)
{
    cnn__json_put_real(writer, name, value == 0 ? 1e-30 : value);
}

/* The name of an activation: text, or Keras 3's object of a function or layer. */
static const char *activation_name(const cnn__json *value, const cnn__json **config)
{
    const char *text = cnn__json_text(value);
    if (text != NULL || value == NULL || cnn__json_is(value, CNN__JSON_NULL)) {
        return text != NULL ? text : "linear";
    }
    const cnn__json *inner = cnn__json_get(value, "config");
    text = cnn__json_text(inner);
    *config = inner;
    return text != NULL ? text : cnn__json_text(cnn__json_get(value, "class_name"));
}

/* Layers that can stand where an activation is asked for, and the slope that they have if none is said. */
static const struct {
    const char *layer, *activation;
    double slope;
} layer_activations[] = {
    {"ReLU", "relu", 0}, {"LeakyReLU", "leaky_relu", 0.3}, {"ELU", "elu", 1}, {"Softmax", "softmax", 0}};

/* An activation that is given as a layer; NULL: another. */
static const char *find_layer_activation(const char *name, double *slope)
{
    for (size_t i = 0; name != NULL && i < sizeof(layer_activations) / sizeof(layer_activations[0]); i++) {
        if (strcmp(layer_activations[i].layer, name) == 0) {
            *slope = layer_activations[i].slope;
            return layer_activations[i].activation;
        }
    }
    return NULL;
}

static cnn_status put_layer_activation(const cnn__keras *keras, const cnn__keras_layer *layer, const char *name,
                                       double slope, const cnn__json *config, const char *field,
                                       cnn__json_writer *options)
{
    if (strcmp(name, "relu") == 0 && !cnn__keras_rectifier(config, &name, &slope)) {
        return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED,
                               "has a ReLU that is cut off at 0, or with a threshold, or with a slope and a largest "
                               "value: neither can be");
    }
    cnn__json_put_string(options, field, name);
    if (strcmp(name, "leaky_relu") == 0 || strcmp(name, "elu") == 0) {
        if (!cnn__json_to_real(cnn__json_get(config, "negative_slope"), &slope)) {
            (void)cnn__json_to_real(cnn__json_get(config, "alpha"), &slope);
        }
        put_slope(options, "alpha", slope);
    } else if (strcmp(name, "clipped_relu") == 0) {
        cnn__json_put_real(options, "alpha", slope);
    }
    return CNN_OK;
}

static cnn_status put_activation(cnn__keras *keras, const cnn__keras_layer *layer, const cnn__json *value,
                                 const char *field, cnn__json_writer *options)
{
    const cnn__json *config = NULL;
    double slope = 0;
    const char *name = activation_name(value, &config), *as_layer = find_layer_activation(name, &slope);
    if (as_layer != NULL) {
        return put_layer_activation(keras, layer, as_layer, slope, config, field, options);
    }
    for (size_t i = 0; name != NULL && i < cnn__keras_activation_count; i++) {
        if (strcmp(cnn__keras_activations[i].keras, name) != 0) {
            continue;
        }
        cnn__json_put_string(options, field, cnn__keras_activations[i].own);
        /* Keras 3 took PyTorch's slope. */
        const bool old = strcmp(name, "hard_sigmoid") == 0 && !keras->third;
        const double alpha = old ? 0.2 : cnn__keras_activations[i].alpha;
        if (alpha != 0) {
            put_slope(options, "alpha", alpha);
        }
        return CNN_OK;
    }
    char text[80];
    return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED, "has the activation \"%s\", which this library lacks",
                           cnn__printable(name != NULL ? name : "", text, sizeof(text)));
}

/* Channels are the last axis here, whatever the file's order; -1 and, of images, 3 or channels-first's 1 say so. */
static cnn_status check_axis(const cnn__keras *keras, const cnn__keras_layer *layer, const cnn__keras_key *k,
                             const cnn__json *value)
{
    const cnn__json *list = cnn__keras_list(value);
    int64_t axis = 0;
    const cnn__json *item = cnn__json_count(list) == 1 ? cnn__json_first(list) : list;
    if (!cnn__keras_whole(item, &axis)) {
        return bad_value(keras, layer, k->name, "one axis");
    }
    const bool last = axis == -1 || axis == 3, only = axis == 1; /* vectors have no other axis; shapes tell */
    return (keras->channels_first ? only || axis == -3 : last || only)
               ? CNN_OK
               : cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED, "works along axis %d; only channels can be",
                                 (int)axis);
}

static cnn_status put_padding(cnn__keras *keras, const cnn__keras_layer *layer, const cnn__keras_key *k,
                              const cnn__json *value, cnn__json_writer *options)
{
    const char *word = cnn__json_text(value);
    int64_t pads[2] = {1, 0}, steps = 1;
    if (word != NULL && strcmp(word, "causal") == 0 && strcmp(layer->class_name, "Conv1D") == 0 &&
        cnn__keras_wholes(cnn__json_get(layer->config, "kernel_size"), pads, 1) && pads[0] > 0) {
        (void)cnn__keras_wholes(cnn__json_get(layer->config, "dilation_rate"), &steps, 1);
        pads[0] = (pads[0] - 1) * steps; /* so that no step sees one after it */
        cnn__json_put_string(options, k->field, "explicit");
        cnn__keras_put_list(options, "pads", pads, 2);
        return CNN_OK;
    }
    if (word == NULL || (strcmp(word, "same") != 0 && strcmp(word, "valid") != 0)) {
        return bad_value(keras, layer, k->name, "\"same\" or \"valid\"");
    }
    cnn__json_put_string(options, k->field, word);
    return CNN_OK;
}

static bool is_nothing(const cnn__json *value)
{
    double number = 1;
    return value == NULL || cnn__json_is(value, CNN__JSON_NULL) || cnn__json_is(value, CNN__JSON_FALSE) ||
           (cnn__json_to_real(value, &number) && number == 0);
}

/* Whether an earlier key of the same field is there, so that this one is not read. */
static bool is_told(const cnn__keras_class *c, const cnn__keras_key *k, const cnn__json *config)
{
    for (const cnn__keras_key *earlier = c->keys; earlier < k && k->field != NULL; earlier++) {
        if (earlier->field != NULL && strcmp(earlier->field, k->field) == 0 &&
            cnn__json_get(config, earlier->name) != NULL) {
            return true;
        }
    }
    return false;
}

/* A number. */
static cnn_status put_number(cnn__keras *keras, const cnn__keras_layer *layer, const cnn__keras_key *k,
                             const cnn__json *value, cnn__json_writer *options)
{
    int64_t whole = 0;
    double real = 0;
    if (k->conversion == CNN__KERAS_WHOLE) {
        if (!cnn__keras_whole(value, &whole)) {
            return bad_value(keras, layer, k->name, "a whole number");
        }
        if (k->field != NULL) {
            cnn__json_put_int(options, k->field, whole);
        }
        return CNN_OK;
    }
    if (k->field == NULL) {
        return CNN_OK; /* read elsewhere */
    }
    if (!cnn__json_to_real(value, &real)) {
        return bad_value(keras, layer, k->name, "a number");
    }
    if (k->conversion == CNN__KERAS_SLOPE) {
        put_slope(options, k->field, real);
    } else {
        const bool zero = real == 0 && k->conversion == CNN__KERAS_NUMBER;
        cnn__json_put_real(options, k->field, zero ? (double)CNN_ZERO : real);
    }
    return CNN_OK;
}

/* Several numbers. */
static cnn_status put_numbers(cnn__keras *keras, const cnn__keras_layer *layer, const cnn__keras_key *k,
                              const cnn__json *value, cnn__json_writer *options)
{
    int64_t numbers[6] = {0};
    const size_t sides = cnn__keras_sides(k->conversion);
    switch (k->conversion) {
    case CNN__KERAS_SINGLE:
    case CNN__KERAS_TRIPLE:
    case CNN__KERAS_PAIR: {
        const size_t count = k->conversion == CNN__KERAS_SINGLE ? 1 : k->conversion == CNN__KERAS_PAIR ? 2 : 3;
        if (cnn__json_is(value, CNN__JSON_NULL)) {
            return CNN_OK; /* the default */
        }
        if (!cnn__keras_wholes(value, numbers, count)) {
            return bad_value(keras, layer, k->name, "as many whole numbers as it needs");
        }
        if (count == 1) {
            cnn__json_put_int(options, k->field, numbers[0]);
        } else {
            cnn__keras_put_list(options, k->field, numbers, count);
        }
        return CNN_OK;
    }
    case CNN__KERAS_ROWS:
        if (k->field == NULL) {
            return CNN_OK; /* the columns, read with the rows */
        }
        if (!cnn__keras_whole(value, &numbers[0]) ||
            !cnn__keras_whole(cnn__json_get(layer->config, k[1].name), &numbers[1])) {
            return bad_value(keras, layer, k->name, "a whole number with one for the columns");
        }
        cnn__keras_put_list(options, k->field, numbers, 2);
        return CNN_OK;
    default:
        if (!as_borders(value, sides, numbers)) {
            return bad_value(keras, layer, k->name, "one whole number, or one or two for each side");
        }
        cnn__keras_put_list(options, k->field, numbers, 2 * sides);
        return CNN_OK;
    }
}

static cnn_status put_key(cnn__keras *keras, const cnn__keras_layer *layer, const cnn__keras_key *k,
                          const cnn__json *value, cnn__json_writer *options)
{
    switch (k->conversion) {
    case CNN__KERAS_WHOLE:
    case CNN__KERAS_REAL:
    case CNN__KERAS_NUMBER:
    case CNN__KERAS_SLOPE:
        return put_number(keras, layer, k, value, options);
    case CNN__KERAS_SINGLE:
    case CNN__KERAS_PAIR:
    case CNN__KERAS_TRIPLE:
    case CNN__KERAS_ROWS:
    case CNN__KERAS_BORDERS:
    case CNN__KERAS_BORDERS1:
    case CNN__KERAS_BORDERS3:
        return put_numbers(keras, layer, k, value, options);
    case CNN__KERAS_NOT:
        cnn__json_put_int(options, k->field, is_nothing(value));
        return CNN_OK;
    case CNN__KERAS_PADDING:
        return put_padding(keras, layer, k, value, options);
    case CNN__KERAS_ACTIVATION:
        return put_activation(keras, layer, value, k->field, options);
    case CNN__KERAS_LAST_AXIS:
        return check_axis(keras, layer, k, value);
    case CNN__KERAS_TOLD:
    case CNN__KERAS_TRUE_ONLY:
        return CNN_OK;
    default:
        return is_nothing(value) ? CNN_OK
                                 : cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED, "sets \"%s\"", k->name);
    }
}

/* ---- reading ---- */

/* Options that this library does not know must say nothing, or it would compute something else without a word. */
static cnn_status check_keys(const cnn__keras *keras, const cnn__keras_layer *layer, const cnn__keras_class *c)
{
    const cnn__json *config = layer->config;
    for (const cnn__json *k = cnn__json_first(config); k != NULL; k = cnn__json_next(config, k)) {
        const char *end = strrchr(k->text, '_');
        bool known = is_nothing(k + 1) || cnn__keras_is_rule(k->text) ||
                     (end != NULL && strcmp(end, "_initializer") == 0);
        for (const cnn__keras_key *own = c->keys; own->name != NULL && !known; own++) {
            known = strcmp(own->name, k->text) == 0;
        }
        for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]) && !known; i++) {
            known = strcmp(ignored[i], k->text) == 0;
        }
        if (!known) {
            char text[80];
            return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED,
                                   "has the option \"%s\", which this library lacks",
                                   cnn__printable(k->text, text, sizeof(text)));
        }
    }
    return CNN_OK;
}

/* Whether a line is for such options: one of several of a class may be told by a flag. */
static bool is_meant(const cnn__keras_class *c, const cnn__json *config)
{
    bool meant = c->type == NULL || cnn__layer_type_find(c->type) != NULL;
    for (const cnn__keras_key *k = c->keys; k->name != NULL && meant; k++) {
        const cnn__json *value = cnn__json_get(config, k->name);
        const bool says = value != NULL && !is_nothing(value);
        meant = k->conversion == CNN__KERAS_FALSE_ONLY ? !says : k->conversion == CNN__KERAS_TRUE_ONLY ? says : true;
    }
    return meant;
}

/* The first line of a class that is meant, else its last. */
static const cnn__keras_class *find_class(const cnn__keras_layer *layer)
{
    const cnn__keras_class *found = NULL;
    for (size_t i = 0; i < cnn__keras_class_count; i++) {
        const cnn__keras_class *c = &cnn__keras_classes[i];
        const bool better = found == NULL || !is_meant(found, layer->config);
        found = strcmp(c->name, layer->class_name) == 0 && better ? c : found;
    }
    return found;
}

cnn_status cnn__keras_options(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options,
                              const char **type)
{
    const cnn__keras_class *c = find_class(layer);
    if (c == NULL) {
        const bool program = strcmp(layer->class_name, "Lambda") == 0;
        return cnn__keras_fail(keras, layer, program ? CNN_ERROR_DENIED : CNN_ERROR_UNSUPPORTED,
                               program ? "is a program, and no program of a file is run"
                                       : "is of a class that this library does not have");
    }
    CNN__RETURN_IF_ERROR(check_keys(keras, layer, c));
    *type = c->type;
    cnn__keras_put_rules(keras, layer, c->type, options);
    if (c->in != NULL) {
        CNN__RETURN_IF_ERROR(c->in(keras, layer, options));
    } else if (c->fixed_name != NULL && strcmp(c->fixed_value, "1") == 0) {
        cnn__json_put_int(options, c->fixed_name, 1);
    } else if (c->fixed_name != NULL) {
        cnn__json_put_string(options, c->fixed_name, c->fixed_value);
    }
    for (const cnn__keras_key *k = c->keys; k->name != NULL; k++) {
        const cnn__json *value = cnn__json_get(layer->config, k->name);
        if (value != NULL && !is_told(c, k, layer->config)) {
            CNN__RETURN_IF_ERROR(put_key(keras, layer, k, value, options));
        }
    }
    return CNN_OK;
}
