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
    cnn__keras_put_list(config, NULL, pads, 2);
    cnn__keras_put_list(config, NULL, pads + 2, 2);
    cnn__json_close(config, ']');
}

/* One option as Keras has it; NULL, or what Keras lacks. */
static const char *put_back(const cnn__keras_key *k, const cnn__json *value, cnn__json_writer *config)
{
    int64_t pads[4] = {0}, flag = 0;
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
    case CNN__KERAS_ACTIVATION:
        for (size_t i = 0; i < cnn__keras_activation_count; i++) {
            if (cnn__json_text(value) != NULL && strcmp(cnn__keras_activations[i].own, cnn__json_text(value)) == 0) {
                cnn__json_put_string(config, k->name, cnn__keras_activations[i].keras);
                return NULL;
            }
        }
        return "an activation";
    case CNN__KERAS_BORDERS:
        if (!cnn__keras_wholes(value, pads, 4)) {
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
static const cnn__keras_class *class_of(const char *type, const cnn__json *options)
{
    const char *activation = cnn__json_text(cnn__json_get(options, "activation"));
    const bool relu6 = strcmp(type, "Activation") == 0 && activation != NULL && strcmp(activation, "relu6") == 0;
    for (size_t i = 0; i < cnn__keras_class_count; i++) {
        const bool special = cnn__keras_classes[i].in != NULL;
        if (cnn__keras_classes[i].type != NULL && strcmp(cnn__keras_classes[i].type, type) == 0 &&
            has_fixed(&cnn__keras_classes[i], options) &&
            (!special || (relu6 && cnn__keras_classes[i].in == cnn__keras_relu))) {
            return &cnn__keras_classes[i];
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
    const cnn__keras_class *c = class_of(type, options);
    const char *lacking = c != NULL ? find_lacking(options) : NULL;
    if (c == NULL) {
        return cnn__fail(context, CNN_ERROR_UNSUPPORTED, "layer \"%s\": Keras has no %s", name, type);
    }
    *class_name = c->name;
    cnn__json_put_string(config, "name", name);
    if (c->in == cnn__keras_relu) {
        cnn__json_put_real(config, "max_value", 6);
    }
    for (const cnn__keras_key *k = c->keys; k->name != NULL && lacking == NULL; k++) {
        const cnn__json *value = k->field != NULL ? cnn__json_get(options, k->field) : NULL;
        bool first = true;
        for (const cnn__keras_key *earlier = c->keys; earlier < k; earlier++) {
            first = first && (earlier->field == NULL || k->field == NULL || strcmp(earlier->field, k->field) != 0);
        }
        if (value != NULL && first) {
            lacking = put_back(k, value, config);
        } else if (k->conversion == CNN__KERAS_LAST_AXIS) {
            cnn__json_put_int(config, k->name, -1);
        }
    }
    return lacking == NULL ? config->text.status
                           : cnn__fail(context, CNN_ERROR_UNSUPPORTED, "layer \"%s\" (%s) has %s, which Keras lacks",
                                       name, type, lacking);
}
