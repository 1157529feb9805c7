/* SPDX-License-Identifier: MIT */
/* From the options of a layer of ours to Keras's class and config. */
#include <stdio.h>
#include <string.h>

#include "exchange/keras_table.h"

/* Whether a layer's options have what a class sets. */
static bool has_fixed(const cnn__keras_class *c, const cnn__json *options)
{
    const cnn__json *given = c->fixed_name != NULL ? cnn__json_get(options, c->fixed_name) : NULL;
    return c->fixed_name == NULL ||
           (given != NULL && given->text != NULL && strncmp(given->text, c->fixed_value, strlen(c->fixed_value)) == 0);
}

void cnn__keras_copy(cnn__json_writer *config, const char *name, const cnn__json *value)
{
    double number = 0;
    int64_t whole = 0;
    const bool object = cnn__json_is(value, CNN__JSON_OBJECT);
    if (object || cnn__json_is(value, CNN__JSON_ARRAY)) {
        cnn__json_open(config, name, object ? '{' : '[');
        for (const cnn__json *item = cnn__json_first(value); item != NULL; item = cnn__json_next(value, item)) {
            cnn__keras_copy(config, object ? item->text : NULL, object ? item + 1 : item); /* as deep as an option is */
        }
        cnn__json_close(config, object ? '}' : ']');
    } else if (cnn__json_text(value) != NULL) {
        cnn__json_put_string(config, name, value->text);
    } else if (cnn__json_to_int(value, &whole)) {
        cnn__json_put_int(config, name, whole);
    } else if (cnn__json_to_real(value, &number)) {
        cnn__json_put_real(config, name, number);
    }
}

void cnn__keras_put_borders(cnn__json_writer *config, const char *name, const int64_t *pads, size_t sides)
{
    if (sides == 1) {
        cnn__keras_put_list(config, name, pads, 2);
        return;
    }
    cnn__json_open(config, name, '[');
    for (size_t i = 0; i < sides; i++) {
        cnn__keras_put_list(config, NULL, pads + 2 * i, 2);
    }
    cnn__json_close(config, ']');
}

/* A list of zeros: it stands for what is not given, as Keras's None. */
static bool is_zeros(const cnn__json *value)
{
    bool zeros = cnn__json_is(value, CNN__JSON_ARRAY);
    for (const cnn__json *item = zeros ? cnn__json_first(value) : NULL; item != NULL;
         item = cnn__json_next(value, item)) {
        int64_t number = 1;
        zeros = zeros && cnn__json_to_int(item, &number) && number == 0;
    }
    return zeros;
}

/* One option as Keras has it; NULL, or what Keras lacks. */
static const char *put_back(const cnn__keras_key *k, const cnn__json *value, const cnn__json *options,
                            cnn__json_writer *config)
{
    int64_t pads[6] = {0}, flag = 0;
    const size_t sides = cnn__keras_sides(k->conversion);
    double number = 0;
    switch (k->conversion) {
    case CNN__KERAS_NOT:
        (void)cnn__json_to_int(value, &flag);
        cnn__json_put_bool(config, k->name, flag == 0);
        return NULL;
    case CNN__KERAS_NUMBER:
        (void)cnn__json_to_real(value, &number);
        cnn__json_put_real(config, k->name, number == (double)CNN_ZERO ? 0 : number);
        return NULL;
    case CNN__KERAS_PADDING: {
        const char *word = cnn__json_text(value);
        if (word == NULL || (strcmp(word, "same") != 0 && strcmp(word, "valid") != 0)) {
            return "padding of its own";
        }
        cnn__json_put_string(config, k->name, word);
        return NULL;
    }
    case CNN__KERAS_ACTIVATION: {
        const char *own = cnn__json_text(value);
        return own != NULL ? cnn__keras_activation_out(options, k->name, own, config) : "an activation";
    }
    case CNN__KERAS_TOLD:
        return NULL;
    case CNN__KERAS_BORDERS:
    case CNN__KERAS_BORDERS1:
    case CNN__KERAS_BORDERS3:
        if (!cnn__keras_wholes(value, pads, 2 * sides)) {
            return "a border";
        }
        cnn__keras_put_borders(config, k->name, pads, sides);
        return NULL;
    default:
        if (!is_zeros(value)) {
            cnn__keras_copy(config, k->name, value);
        }
        return NULL;
    }
}

/* A class that is told by an option and by the dimensions in its name, as SpatialDropout1D, is for no others. */
static bool has_sides(const cnn__keras_class *c, const cnn_shape *input)
{
    const size_t size = strlen(c->name);
    return c->fixed_name == NULL || c->name[size - 1] != 'D' || (uint32_t)(c->name[size - 2] - '0') + 1 == input->rank;
}

/* The class of a layer: of activations that are classes the one with its name. */
static const cnn__keras_class *class_of(const char *type, const cnn__json *options, const cnn_shape *input)
{
    for (size_t i = 0; i < cnn__keras_class_count; i++) {
        const cnn__keras_class *c = &cnn__keras_classes[i];
        if (c->type != NULL && strcmp(c->type, type) == 0 && has_fixed(c, options) && has_sides(c, input)) {
            return c;
        }
    }
    return NULL;
}

/* Options that Keras's layers do not have. */
static const char *find_lacking(const cnn__json *options)
{
    static const char *const lacking[] = {"ceil", "count_include_pad", "align_corners", "rows"};
    if (cnn__json_get(options, "ceil") != NULL && cnn__json_get(options, "dilation") != NULL) {
        return "dilation"; /* of a pooling */
    }
    for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++) {
        int64_t number = 0;
        if (cnn__json_to_int(cnn__json_get(options, lacking[i]), &number) && number != 0) {
            return lacking[i];
        }
    }
    return NULL;
}

/* Whether an earlier key writes the same field. */
static bool is_written(const cnn__keras_class *c, const cnn__keras_key *k)
{
    for (const cnn__keras_key *earlier = c->keys; earlier < k; earlier++) {
        if (earlier->field != NULL && k->field != NULL && strcmp(earlier->field, k->field) == 0) {
            return true;
        }
    }
    return false;
}

cnn_status cnn__keras_layer_out(cnn_context *context, const cnn__keras_out *layer, cnn__json_writer *config,
                                const char **class_name)
{
    const cnn__keras_class *c = class_of(layer->type, layer->options, layer->input);
    const char *lacking = c != NULL ? find_lacking(layer->options) : NULL;
    if (c == NULL) {
        return cnn__fail(context, CNN_ERROR_UNSUPPORTED, "layer \"%s\": Keras has no %s", layer->name, layer->type);
    }
    *class_name = c->name;
    cnn__json_put_string(config, "name", layer->name);
    if (layer->frozen) {
        cnn__json_put_bool(config, "trainable", false);
    }
    if (c->out != NULL && lacking == NULL) {
        lacking = c->out(layer, config);
    }
    for (const cnn__keras_key *k = c->keys; k->name != NULL && lacking == NULL; k++) {
        const cnn__json *value = k->field != NULL ? cnn__json_get(layer->options, k->field) : NULL;
        if (value != NULL && !is_written(c, k)) {
            lacking = put_back(k, value, layer->options, config);
        } else if (k->conversion == CNN__KERAS_LAST_AXIS) {
            cnn__json_put_int(config, k->name, -1);
        } else if (k->conversion == CNN__KERAS_TRUE_ONLY) {
            cnn__json_put_bool(config, k->name, true);
        }
    }
    cnn__keras_rules_out(layer->type, layer->options, config);
    return lacking == NULL ? config->text.status
                           : cnn__fail(context, CNN_ERROR_UNSUPPORTED, "layer \"%s\" (%s) has %s, which Keras lacks",
                                       layer->name, layer->type, lacking);
}
