/* SPDX-License-Identifier: MIT */
/* Keras's layers and ours: a table of classes, and for each the names of its options. It is read in both directions; a
 * layer that Keras and this library both have is a line with its keys. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exchange/keras.h"

/* How the value of a key becomes that of a field. */
typedef enum conversion {
    WHOLE,      /* a whole number */
    REAL,       /* a number */
    NUMBER,     /* a number of an option whose 0 is a default: 0 is CNN_ZERO there */
    PAIR,       /* n, or two numbers */
    ROWS,       /* Keras 1: the first of a pair, whose second is the next key's */
    NOT,        /* true is 0 */
    PADDING,    /* a word */
    ACTIVATION, /* a name, or an object that has one */
    SLOPE,      /* of an activation that is the layer */
    BORDERS,    /* n, two numbers, or two pairs of them: top, bottom, left, right */
    LAST_AXIS,  /* has to be that of the channels */
    FALSE_ONLY, /* anything else is not supported */
} conversion;

/* One option. `field` is NULL for what is only checked. Of several keys of one field, those of old versions come
 * last. */
typedef struct key {
    const char *name;
    conversion conversion;
    const char *field;
} key;

typedef struct keras_class {
    const char *name;
    const char *type;  /* ours; NULL: it does nothing */
    const key *keys;   /* NULL-terminated */
    const char *fixed; /* further options as JSON, by which layers of this type are told on the way out: "channels":1 */
    /* What a table cannot say; NULL: nothing. Either may leave the rest to the keys. */
    cnn_status (*in)(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options);
} keras_class;

#define END {NULL, WHOLE, NULL}

static const key no_keys[] = {END};
static const key conv2d_keys[] = {
    {"filters", WHOLE, "filters"},       {"kernel_size", PAIR, "kernel"},        {"strides", PAIR, "stride"},
    {"padding", PADDING, "padding"},     {"dilation_rate", PAIR, "dilation"},    {"groups", WHOLE, "groups"},
    {"activation", ACTIVATION, "activation"}, {"use_bias", NOT, "no_bias"},      {"nb_filter", WHOLE, "filters"},
    {"nb_row", ROWS, "kernel"},          {"nb_col", ROWS, NULL},                 {"subsample", PAIR, "stride"},
    {"border_mode", PADDING, "padding"}, {"atrous_rate", PAIR, "dilation"},      {"bias", NOT, "no_bias"}, END};
static const key depthwise_keys[] = {
    {"kernel_size", PAIR, "kernel"},     {"strides", PAIR, "stride"},         {"padding", PADDING, "padding"},
    {"dilation_rate", PAIR, "dilation"}, {"activation", ACTIVATION, "activation"}, {"use_bias", NOT, "no_bias"},
    {"depth_multiplier", WHOLE, NULL},   END};
static const key dense_keys[] = {{"units", WHOLE, "units"},
                                 {"activation", ACTIVATION, "activation"},
                                 {"use_bias", NOT, "no_bias"},
                                 {"output_dim", WHOLE, "units"},
                                 {"bias", NOT, "no_bias"},
                                 END};
static const key norm_keys[] = {{"axis", LAST_AXIS, NULL},         {"momentum", NUMBER, "keep"},
                                {"epsilon", NUMBER, "epsilon"},      {"center", NOT, "no_shift"},
                                {"scale", NOT, "no_scale"},        {"mode", FALSE_ONLY, NULL},
                                {"renorm", FALSE_ONLY, NULL},      END};
static const key pool_keys[] = {{"pool_size", PAIR, "size"},
                                {"strides", PAIR, "stride"},
                                {"padding", PADDING, "padding"},
                                {"border_mode", PADDING, "padding"},
                                END};
static const key global_keys[] = {{"keepdims", FALSE_ONLY, NULL}, END};
static const key dropout_keys[] = {{"rate", REAL, "rate"}, {"p", REAL, "rate"}, END};
static const key pad_keys[] = {{"padding", BORDERS, "pads"}, END};
static const key concatenate_keys[] = {{"axis", LAST_AXIS, NULL}, END};
static const key activation_keys[] = {{"activation", ACTIVATION, "activation"}, END};
static const key softmax_keys[] = {{"axis", LAST_AXIS, NULL}, END};
static const key leaky_keys[] = {{"alpha", SLOPE, "alpha"}, {"negative_slope", SLOPE, "alpha"}, END};
static const key relu_keys[] = {{"max_value", REAL, NULL}, {"negative_slope", REAL, NULL}, {"threshold", FALSE_ONLY, NULL},
                                END};

static cnn_status depthwise_in(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options);
static cnn_status relu_in(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options);

/* The first class of a type that fits is the one that is written. */
static const keras_class classes[] = {
    {"Conv2D", "Conv2D", conv2d_keys, NULL, NULL},
    {"DepthwiseConv2D", "Conv2D", depthwise_keys, NULL, depthwise_in},
    {"Dense", "Dense", dense_keys, NULL, NULL},
    {"BatchNormalization", "BatchNormalization", norm_keys, NULL, NULL},
    {"MaxPooling2D", "MaxPooling2D", pool_keys, NULL, NULL},
    {"AveragePooling2D", "AveragePooling2D", pool_keys, NULL, NULL},
    {"GlobalAveragePooling2D", "GlobalAveragePooling2D", global_keys, NULL, NULL},
    {"Flatten", "Flatten", no_keys, NULL, NULL},
    {"SpatialDropout2D", "Dropout", dropout_keys, "\"channels\":1", NULL},
    {"Dropout", "Dropout", dropout_keys, NULL, NULL},
    {"ZeroPadding2D", "ZeroPadding2D", pad_keys, NULL, NULL},
    {"Add", "Add", no_keys, NULL, NULL},
    {"Subtract", "Subtract", no_keys, NULL, NULL},
    {"Multiply", "Multiply", no_keys, NULL, NULL},
    {"Concatenate", "Concatenate", concatenate_keys, NULL, NULL},
    {"LeakyReLU", "Activation", leaky_keys, "\"activation\":\"leaky_relu\"", NULL},
    {"Softmax", "Activation", softmax_keys, "\"activation\":\"softmax\"", NULL},
    {"ReLU", "Activation", relu_keys, NULL, relu_in},
    {"Activation", "Activation", activation_keys, NULL, NULL},
    {"ActivityRegularization", NULL, no_keys, NULL, NULL},
    {"Identity", NULL, no_keys, NULL, NULL},
    /* Of Keras 1. */
    {"Convolution2D", "Conv2D", conv2d_keys, NULL, NULL},
    {"AtrousConvolution2D", "Conv2D", conv2d_keys, NULL, NULL},
};

#define CLASSES (sizeof(classes) / sizeof(classes[0]))

/* Options that say nothing of what a layer computes, or are read elsewhere. */
static const char *const ignored[] = {
    "name", "trainable", "dtype", "data_format", "dim_ordering", "batch_input_shape", "input_shape", "batch_shape",
    "input_dim", "input_dtype", "input_length", "init", "weights", "seed", "noise_shape", "sparse", "ragged", "fused",
    "virtual_batch_size", "synchronized", "depth_multiplier", "l1", "l2", "lora_rank", "lora_alpha", "beta_init",
    "gamma_init", "quantization_config", "implementation",
};

/* Names of activations there and here; what alpha Keras means. */
static const struct {
    const char *keras, *own;
    double alpha; /* 0: none */
} activations[] = {
    {"linear", "linear", 0},           {"relu", "relu", 0},         {"relu6", "relu6", 0},
    {"sigmoid", "sigmoid", 0},         {"tanh", "tanh", 0},         {"softmax", "softmax", 0},
    {"log_softmax", "log_softmax", 0}, {"leaky_relu", "leaky_relu", 0.2},
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

/* A list, or the items of a tuple as Keras 3 writes it. */
static const cnn__json *as_list(const cnn__json *value)
{
    const cnn__json *items = cnn__json_get(value, "items");
    return items != NULL ? items : value;
}

/* A whole number, also one that was written as 2.0. */
static bool as_whole(const cnn__json *value, int64_t *number)
{
    double real = 0;
    if (!cnn__json_to_real(value, &real) || floor(real) != real || fabs(real) > 1e9) {
        return false;
    }
    *number = (int64_t)real;
    return true;
}

/* n for all, or as many numbers as there are. */
static bool as_wholes(const cnn__json *value, int64_t *numbers, size_t count)
{
    value = as_list(value);
    const bool list = cnn__json_is(value, CNN__JSON_ARRAY);
    const cnn__json *item = list ? cnn__json_first(value) : value;
    bool good = !list || cnn__json_count(value) == count;
    for (size_t i = 0; i < count && good; i++) {
        good = as_whole(item, &numbers[i]);
        item = list && good ? cnn__json_next(value, item) : item;
    }
    return good;
}

static void put_list(cnn__json_writer *writer, const char *name, const int64_t *numbers, size_t count)
{
    cnn__json_open(writer, name, '[');
    for (size_t i = 0; i < count; i++) {
        cnn__json_put_int(writer, NULL, numbers[i]);
    }
    cnn__json_close(writer, ']');
}

static bool as_borders(const cnn__json *value, int64_t pads[4])
{
    const cnn__json *list = as_list(value);
    const cnn__json *first = cnn__json_is(list, CNN__JSON_ARRAY) ? cnn__json_first(list) : NULL;
    if (cnn__json_count(list) == 2 && cnn__json_count(as_list(first)) == 2) {
        return as_wholes(first, pads, 2) && as_wholes(cnn__json_next(list, first), pads + 2, 2);
    }
    int64_t pair[2] = {0, 0};
    const bool good = as_wholes(value, pair, 2);
    pads[0] = pads[1] = pair[0];
    pads[2] = pads[3] = pair[1];
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

/* Layers that can stand where an activation is asked for. */
static const char *layer_activation(const char *name)
{
    static const char *const layers[][2] = {
        {"ReLU", "relu"}, {"LeakyReLU", "leaky_relu"}, {"Softmax", "softmax"}};
    for (size_t i = 0; name != NULL && i < sizeof(layers) / sizeof(layers[0]); i++) {
        if (strcmp(layers[i][0], name) == 0) {
            return layers[i][1];
        }
    }
    return name;
}

static cnn_status put_activation(cnn__keras *keras, const cnn__keras_layer *layer, const cnn__json *value,
                                 const char *field, cnn__json_writer *options)
{
    const cnn__json *config = NULL;
    const char *given = activation_name(value, &config), *name = layer_activation(given);
    double slope = 0, most = 0;
    for (size_t i = 0; name != NULL && i < sizeof(activations) / sizeof(activations[0]); i++) {
        if (strcmp(activations[i].keras, name) != 0) {
            continue;
        }
        const bool layer_form = given != name;
        if (layer_form && cnn__json_to_real(cnn__json_get(config, "max_value"), &most)) {
            if (most != 6) {
                return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED, "has an activation cut at %g, not at 6",
                                       most);
            }
            cnn__json_put_string(options, field, "relu6");
            return CNN_OK;
        }
        cnn__json_put_string(options, field, activations[i].own);
        if (activations[i].alpha != 0) {
            const bool told = layer_form && (cnn__json_to_real(cnn__json_get(config, "negative_slope"), &slope) ||
                                             cnn__json_to_real(cnn__json_get(config, "alpha"), &slope));
            put_slope(options, "alpha", told ? slope : layer_form ? 0.3 : activations[i].alpha);
        }
        return CNN_OK;
    }
    char text[80];
    return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED, "has the activation \"%s\", which this library lacks",
                           cnn__printable(name != NULL ? name : "", text, sizeof(text)));
}

/* Channels are the last axis here, whatever the file's order; -1 and, of images, 3 or channels-first's 1 say so. */
static cnn_status check_axis(const cnn__keras *keras, const cnn__keras_layer *layer, const key *k,
                             const cnn__json *value)
{
    const cnn__json *list = as_list(value);
    int64_t axis = 0;
    const cnn__json *item = cnn__json_count(list) == 1 ? cnn__json_first(list) : list;
    if (!as_whole(item, &axis)) {
        return bad_value(keras, layer, k->name, "one axis");
    }
    const bool last = axis == -1 || axis == 3, only = axis == 1; /* vectors have no other axis; shapes tell */
    return (keras->channels_first ? only || axis == -3 : last || only)
               ? CNN_OK
               : cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED, "works along axis %d; only channels can be",
                                 (int)axis);
}

static cnn_status put_padding(cnn__keras *keras, const cnn__keras_layer *layer, const key *k, const cnn__json *value,
                              cnn__json_writer *options)
{
    const char *word = cnn__json_text(value);
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
static bool is_told(const keras_class *c, const key *k, const cnn__json *config)
{
    for (const key *earlier = c->keys; earlier < k && k->field != NULL; earlier++) {
        if (earlier->field != NULL && strcmp(earlier->field, k->field) == 0 &&
            cnn__json_get(config, earlier->name) != NULL) {
            return true;
        }
    }
    return false;
}

static cnn_status put_key(cnn__keras *keras, const cnn__keras_layer *layer, const key *k, const cnn__json *value,
                          cnn__json_writer *options)
{
    int64_t numbers[4] = {0};
    double real = 0;
    switch (k->conversion) {
    case WHOLE:
        if (!as_whole(value, numbers)) {
            return bad_value(keras, layer, k->name, "a whole number");
        }
        if (k->field != NULL) {
            cnn__json_put_int(options, k->field, numbers[0]);
        }
        return CNN_OK;
    case REAL:
    case NUMBER:
    case SLOPE:
        if (k->field == NULL) {
            return CNN_OK;
        }
        if (!cnn__json_to_real(value, &real)) {
            return bad_value(keras, layer, k->name, "a number");
        }
        if (k->conversion == SLOPE) {
            put_slope(options, k->field, real);
        } else {
            cnn__json_put_real(options, k->field, real == 0 && k->conversion == NUMBER ? (double)CNN_ZERO : real);
        }
        return CNN_OK;
    case PAIR:
        if (cnn__json_is(value, CNN__JSON_NULL)) {
            return CNN_OK; /* the default */
        }
        if (!as_wholes(value, numbers, 2)) {
            return bad_value(keras, layer, k->name, "one or two whole numbers");
        }
        put_list(options, k->field, numbers, 2);
        return CNN_OK;
    case ROWS:
        if (k->field == NULL) {
            return CNN_OK; /* the columns, read with the rows */
        }
        if (!as_whole(value, &numbers[0]) || !as_whole(cnn__json_get(layer->config, k[1].name), &numbers[1])) {
            return bad_value(keras, layer, k->name, "a whole number with one for the columns");
        }
        put_list(options, k->field, numbers, 2);
        return CNN_OK;
    case NOT:
        cnn__json_put_int(options, k->field, is_nothing(value));
        return CNN_OK;
    case PADDING:
        return put_padding(keras, layer, k, value, options);
    case ACTIVATION:
        return put_activation(keras, layer, value, k->field, options);
    case BORDERS:
        if (!as_borders(value, numbers)) {
            return bad_value(keras, layer, k->name, "one, two or two pairs of whole numbers");
        }
        put_list(options, k->field, numbers, 4);
        return CNN_OK;
    case LAST_AXIS:
        return check_axis(keras, layer, k, value);
    default:
        return is_nothing(value) ? CNN_OK
                                 : cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED, "sets \"%s\"", k->name);
    }
}

/* ---- layers that a table cannot describe ---- */

/* A depthwise convolution is one of as many groups as it has channels, which only its weights tell. */
static cnn_status depthwise_in(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options)
{
    int64_t multiplier = 1;
    const cnn__json *given = cnn__json_get(layer->config, "depth_multiplier");
    if (given != NULL && !as_whole(given, &multiplier)) {
        return bad_value(keras, layer, "depth_multiplier", "a whole number");
    }
    for (size_t i = 0; i < cnn_weights_count(keras->weights); i++) {
        cnn_weight weight = CNN_WEIGHT_INIT;
        if (cnn_weights_get(keras->weights, i, &weight) == CNN_OK && weight.group != NULL && weight.shape.rank == 4 &&
            strcmp(weight.group, layer->name) == 0) {
            cnn__json_put_int(options, "groups", weight.shape.dims[2]);
            cnn__json_put_int(options, "filters", weight.shape.dims[2] * weight.shape.dims[3]);
            return CNN_OK;
        }
    }
    return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED, "can be made with its weights only");
}

static cnn_status relu_in(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options)
{
    double most = 0, slope = 0;
    const bool cut = cnn__json_to_real(cnn__json_get(layer->config, "max_value"), &most);
    cnn__json_to_real(cnn__json_get(layer->config, "negative_slope"), &slope);
    if (cut && (most != 6 || slope != 0)) {
        return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED, "cuts at %g with a slope of %g; 6 without one can be",
                               most, slope);
    }
    cnn__json_put_string(options, "activation", cut ? "relu6" : slope != 0 ? "leaky_relu" : "relu");
    if (slope != 0) {
        put_slope(options, "alpha", slope);
    }
    return CNN_OK;
}

/* ---- reading ---- */

static bool ends_in(const char *text, const char *end)
{
    const size_t size = strlen(text), tail = strlen(end);
    return size >= tail && strcmp(text + size - tail, end) == 0;
}

/* Options that this library does not know must say nothing, or it would compute something else without a word. */
static cnn_status check_keys(const cnn__keras *keras, const cnn__keras_layer *layer, const keras_class *c)
{
    const cnn__json *config = layer->config;
    for (const cnn__json *k = cnn__json_first(config); k != NULL; k = cnn__json_next(config, k)) {
        bool known = is_nothing(k + 1) || ends_in(k->text, "_initializer") || ends_in(k->text, "_regularizer") ||
                     ends_in(k->text, "_constraint");
        for (const key *own = c->keys; own->name != NULL && !known; own++) {
            known = strcmp(own->name, k->text) == 0;
        }
        for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]) && !known; i++) {
            known = strcmp(ignored[i], k->text) == 0;
        }
        if (!known) {
            char text[80];
            return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED, "has the option \"%s\", which this library lacks",
                                   cnn__printable(k->text, text, sizeof(text)));
        }
    }
    return CNN_OK;
}

static const keras_class *find_class(const char *name)
{
    for (size_t i = 0; i < CLASSES; i++) {
        if (strcmp(classes[i].name, name) == 0) {
            return &classes[i];
        }
    }
    return NULL;
}

cnn_status cnn__keras_options(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options,
                              const char **type)
{
    const keras_class *c = find_class(layer->class_name);
    if (c == NULL) {
        const bool program = strcmp(layer->class_name, "Lambda") == 0;
        return cnn__keras_fail(keras, layer, program ? CNN_ERROR_DENIED : CNN_ERROR_UNSUPPORTED,
                               program ? "is a program, and no program of a file is run"
                                       : "is of a class that this library does not have");
    }
    CNN__RETURN_IF_ERROR(check_keys(keras, layer, c));
    *type = c->type;
    if (c->in != NULL) {
        CNN__RETURN_IF_ERROR(c->in(keras, layer, options));
    }
    if (c->fixed != NULL) {
        cnn__string_printf(&options->text, "%s%s", options->text.data[options->text.size - 1] == '{' ? "" : ",",
                           c->fixed);
    }
    for (const key *k = c->keys; k->name != NULL; k++) {
        const cnn__json *value = cnn__json_get(layer->config, k->name);
        if (value != NULL && !is_told(c, k, layer->config)) {
            CNN__RETURN_IF_ERROR(put_key(keras, layer, k, value, options));
        }
    }
    return CNN_OK;
}

/* ---- writing ---- */

/* Whether a layer's options have what a class fixes: "channels":1. */
static bool has_fixed(const keras_class *c, const cnn__json *options)
{
    char name[32] = "", value[32] = "";
    if (c->fixed == NULL || sscanf(c->fixed, "\"%31[^\"]\":%31s", name, value) != 2) {
        return c->fixed == NULL;
    }
    const cnn__json *given = cnn__json_get(options, name);
    const size_t quote = value[0] == '"', size = strlen(value) - 2 * quote;
    return given != NULL && given->text != NULL && strlen(given->text) >= size &&
           strncmp(given->text, value + quote, size) == 0 && (quote == 0 || given->text[size] == '\0');
}

/* A copy of a number or of a list of numbers. */
static void copy_value(cnn__json_writer *config, const char *name, const cnn__json *value)
{
    double number = 0;
    int64_t whole = 0;
    if (cnn__json_is(value, CNN__JSON_ARRAY)) {
        cnn__json_open(config, name, '[');
        for (const cnn__json *item = cnn__json_first(value); item != NULL; item = cnn__json_next(value, item)) {
            copy_value(config, NULL, item);
        }
        cnn__json_close(config, ']');
    } else if (cnn__json_to_int(value, &whole)) {
        cnn__json_put_int(config, name, whole);
    } else if (cnn__json_to_real(value, &number)) {
        cnn__json_put_real(config, name, number);
    }
}

static void put_borders(cnn__json_writer *config, const char *name, const int64_t pads[4])
{
    cnn__json_open(config, name, '[');
    put_list(config, NULL, pads, 2);
    put_list(config, NULL, pads + 2, 2);
    cnn__json_close(config, ']');
}

/* One option as Keras has it; NULL, or what Keras lacks. */
static const char *put_back(const key *k, const cnn__json *value, cnn__json_writer *config)
{
    int64_t pads[4] = {0}, flag = 0;
    double number = 0;
    switch (k->conversion) {
    case NOT:
        (void)cnn__json_to_int(value, &flag);
        cnn__string_printf(&config->text, "%s\"%s\":%s", config->text.data[config->text.size - 1] == '{' ? "" : ",",
                           k->name, flag != 0 ? "false" : "true");
        return NULL;
    case NUMBER:
        (void)cnn__json_to_real(value, &number);
        cnn__json_put_real(config, k->name, number == (double)CNN_ZERO ? 0 : number);
        return NULL;
    case PADDING: {
        const char *word = cnn__json_text(value);
        if (word == NULL || (strcmp(word, "same") != 0 && strcmp(word, "valid") != 0)) {
            return "padding of its own";
        }
        cnn__json_put_string(config, k->name, word);
        return NULL;
    }
    case ACTIVATION:
        for (size_t i = 0; i < sizeof(activations) / sizeof(activations[0]); i++) {
            if (cnn__json_text(value) != NULL && strcmp(activations[i].own, cnn__json_text(value)) == 0) {
                cnn__json_put_string(config, k->name, activations[i].keras);
                return NULL;
            }
        }
        return "an activation";
    case BORDERS:
        if (!as_wholes(value, pads, 4)) {
            return "a border";
        }
        put_borders(config, k->name, pads);
        return NULL;
    default:
        copy_value(config, k->name, value);
        return NULL;
    }
}

/* The class of a layer: of activations that are classes the one with its name. */
static const keras_class *class_of(const char *type, const cnn__json *options)
{
    const char *activation = cnn__json_text(cnn__json_get(options, "activation"));
    const bool relu6 = strcmp(type, "Activation") == 0 && activation != NULL && strcmp(activation, "relu6") == 0;
    for (size_t i = 0; i < CLASSES; i++) {
        const bool special = classes[i].in != NULL;
        if (classes[i].type != NULL && strcmp(classes[i].type, type) == 0 && has_fixed(&classes[i], options) &&
            (!special || (relu6 && classes[i].keys == relu_keys))) {
            return &classes[i];
        }
    }
    return NULL;
}

/* Options that Keras's pooling and convolutions do not have. */
static const char *find_lacking(const cnn__json *options)
{
    static const char *const lacking[] = {"ceil", "count_include_pad"};
    for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++) {
        int64_t number = 0;
        if (cnn__json_to_int(cnn__json_get(options, lacking[i]), &number) && number != 0) {
            return lacking[i];
        }
    }
    return NULL;
}

cnn_status cnn__keras_layer_out(cnn_context *context, const char *type, const char *name, const cnn__json *options,
                                cnn__json_writer *config, const char **class_name)
{
    const keras_class *c = class_of(type, options);
    const char *lacking = c != NULL ? find_lacking(options) : NULL;
    if (c == NULL) {
        return cnn__fail(context, CNN_ERROR_UNSUPPORTED, "layer \"%s\": Keras has no %s", name, type);
    }
    *class_name = c->name;
    cnn__json_put_string(config, "name", name);
    if (c->keys == relu_keys) {
        cnn__json_put_real(config, "max_value", 6);
    }
    for (const key *k = c->keys; k->name != NULL && lacking == NULL; k++) {
        const cnn__json *value = k->field != NULL ? cnn__json_get(options, k->field) : NULL;
        bool first = true;
        for (const key *earlier = c->keys; earlier < k; earlier++) {
            first = first && (earlier->field == NULL || k->field == NULL || strcmp(earlier->field, k->field) != 0);
        }
        if (value != NULL && first) {
            lacking = put_back(k, value, config);
        } else if (k->conversion == LAST_AXIS) {
            cnn__json_put_int(config, k->name, -1);
        }
    }
    return lacking == NULL ? config->text.status
                           : cnn__fail(context, CNN_ERROR_UNSUPPORTED, "layer \"%s\" (%s) has %s, which Keras lacks",
                                       name, type, lacking);
}
