/* SPDX-License-Identifier: MIT */
/* The networks by name. */
#include "zoo/zoo.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/options.h"

static const cnn__zoo_entry *const entries[] = {
    &cnn__zoo_alexnet,     &cnn__zoo_alexnet_paper, &cnn__zoo_catdog, &cnn__zoo_fashion_cnn,
    &cnn__zoo_fashion_dnn, &cnn__zoo_resnet18,      &cnn__zoo_vgg16,  &cnn__zoo_vgg16_notop,
};

#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

const char *cnn_zoo_name(size_t index) { return index < ENTRIES ? entries[index]->name : NULL; }

const char *cnn_zoo_description(size_t index) { return index < ENTRIES ? entries[index]->description : NULL; }

/* The network that the first `length` characters name. */
static const cnn__zoo_entry *find(const char *name, size_t length)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        if (strlen(entries[i]->name) == length && memcmp(entries[i]->name, name, length) == 0) {
            return entries[i];
        }
    }
    return NULL;
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* The index of a word; -1 if it is not there. */
static int find_word(const char *const *words, const char *text, size_t length)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (is_word(text, length, words[i])) {
            return i;
        }
    }
    return -1;
}

/* "OPTION=WORD" of `length` characters. */
static bool read_choice(const cnn__zoo_entry *entry, const char *text, size_t length, int *choices)
{
    const char *equals = memchr(text, '=', length);
    for (size_t i = 0; equals != NULL && entry->params != NULL && entry->params[i].name != NULL; i++) {
        if (is_word(text, (size_t)(equals - text), entry->params[i].name)) {
            choices[i] = find_word(entry->params[i].words, equals + 1, length - (size_t)(equals + 1 - text));
            return choices[i] >= 0;
        }
    }
    return false;
}

/* "fc8=fc7 or drop7", for a message. */
static void list_params(const cnn__zoo_entry *entry, char *list, size_t size)
{
    size_t used = (size_t)snprintf(list, size, entry->params == NULL ? "no options" : "");
    for (size_t i = 0; entry->params != NULL && entry->params[i].name != NULL; i++) {
        used += (size_t)snprintf(list + used, size - used, "%s%s=", i > 0 ? ", " : "", entry->params[i].name);
        for (size_t k = 0; entry->params[i].words[k] != NULL; k++) {
            used += (size_t)snprintf(list + used, size - used, "%s%s", k > 0 ? " or " : "", entry->params[i].words[k]);
        }
    }
}

/* The text after the name: nothing, or ":" and choices with commas between them. */
static cnn_status read_choices(cnn_context *context, const cnn__zoo_entry *entry, const char *text, int *choices)
{
    for (char before = ':'; *text == before; before = ',') {
        size_t length = strcspn(++text, ",");
        if (!read_choice(entry, text, length, choices)) {
            char found[64], copy[32], list[128];
            snprintf(copy, sizeof(copy), "%.*s", (int)(length < sizeof(copy) ? length : sizeof(copy) - 1), text);
            list_params(entry, list, sizeof(list));
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: \"%s\" is none of its options; it has %s",
                             entry->name, cnn__printable(copy, found, sizeof(found)), list);
        }
        text += length;
    }
    return CNN_OK;
}

cnn_initializer cnn__zoo_fan_out(int32_t kernel, int32_t filters)
{
    return (cnn_initializer){CNN_INIT_NORMAL, (float)sqrt(2.0 / ((double)kernel * kernel * filters))};
}

static cnn__zoo_request complete(const cnn__zoo_entry *entry, const cnn_zoo_options *options)
{
    cnn__zoo_request request = {
        .input = {3, 0, {entry->input[0], entry->input[1], entry->input[2]}},
        .classes = options->classes != 0 ? (int32_t)options->classes : entry->classes,
        .dropout = options->dropout < 0   ? 0
                   : options->dropout > 0 ? options->dropout
                                          : entry->dropout,
    };
    if (options->input[0] == 0 && options->shape.rank == 3) {
        request.input = options->shape;
    }
    for (int i = 0; i < 3; i++) {
        request.input.dims[i] = options->input[i] != 0 ? options->input[i] : request.input.dims[i];
    }
    return request;
}

cnn_status cnn_zoo_create(cnn_context *context, const char *name, const cnn_zoo_options *given, cnn_model **model)
{
    cnn_zoo_options options;
    if (context == NULL || name == NULL || model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    *model = NULL;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_zoo_create", given, &options, sizeof(options)));
    if (name == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_zoo_create: no name given");
    }
    const size_t length = strcspn(name, ":");
    const cnn__zoo_entry *entry = find(name, length);
    if (entry == NULL) {
        char text[64];
        return cnn__fail(context, CNN_ERROR_NOT_FOUND, "there is no network \"%s\" in the zoo",
                         cnn__printable(name, text, sizeof(text)));
    }
    if (entry->classes == 0 && options.classes != 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s has no classes, only features", entry->name);
    }
    cnn__zoo_request request = complete(entry, &options);
    CNN__RETURN_IF_ERROR(read_choices(context, entry, name + length, request.choices));
    CNN__RETURN_IF_ERROR(cnn_model_create(context, CNN_MODEL(.name = entry->name, .shape = request.input), model));
    entry->add_layers(context, &request, *model);
    cnn_status status = cnn_model_build(*model);
    if (status != CNN_OK) {
        cnn_model_free(*model);
        *model = NULL;
    }
    return status;
}
