/* SPDX-License-Identifier: MIT */
/* Numbering layers as Keras 3 does: each container counts the kinds of what it holds, in order. */
#include "exchange/containers.h"

#include <stdio.h>
#include <string.h>

/* The kinds of layers with parameters, here and there. */
static const char *const kinds[][2] = {
    {"BatchNormalization", "batch_normalization"},
    {"Conv1D", "conv1d"},
    {"Conv2D", "conv2d"},
    {"Conv2DTranspose", "conv2d_transpose"},
    {"Conv3D", "conv3d"},
    {"Conv3DTranspose", "conv3d_transpose"},
    {"DepthwiseConv2D", "depthwise_conv2d"},
    {"PReLU", "p_re_lu"},
    {"SeparableConv2D", "separable_conv2d"},
    {"Dense", "dense"},
};

/* A model inside counts as "functional"; in a file it may be of one of these. */
static const char *const model_kinds[] = {"functional", "sequential", "model"};

enum { MAX_PATH = 2048 };

static const char *kind_name(const char *type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i][0], type) == 0) {
            return kinds[i][1];
        }
    }
    return NULL;
}

/* Keeps a copy of the text; NULL without memory. */
static char *keep(cnn__containers *c, const char *text)
{
    if (c->text_count == c->capacity) {
        const size_t capacity = c->capacity > 0 ? c->capacity * 2 : 64;
        char **texts = cnn__realloc(c->context, c->texts, capacity * sizeof(*texts));
        if (texts == NULL) {
            return NULL;
        }
        c->texts = texts;
        uint32_t *numbers = cnn__realloc(c->context, c->numbers, capacity * sizeof(*numbers));
        if (numbers == NULL) {
            return NULL;
        }
        c->numbers = numbers;
        c->capacity = capacity;
    }
    char *copy = cnn__strdup(c->context, text);
    if (copy != NULL) {
        c->numbers[c->text_count] = 0;
        c->texts[c->text_count++] = copy;
    }
    return copy;
}

/* Puts the next free name of that kind behind `path`: "conv2d", then "conv2d_1". False without memory or room. */
static bool append_item(cnn__containers *c, char path[MAX_PATH], const char *kind)
{
    const size_t used = strlen(path);
    if (used + strlen(kind) + 16 > MAX_PATH) {
        return false;
    }
    size_t index = 0;
    snprintf(path + used, MAX_PATH - used, "%s%s", used > 0 ? "/" : "", kind);
    if (!cnn__table_find(&c->counters, path, &index)) {
        char *key = keep(c, path);
        index = c->text_count - 1;
        if (key == NULL || cnn__table_add(&c->counters, key, index) != CNN_OK) {
            return false;
        }
    }
    if (c->numbers[index]++ > 0) {
        const size_t size = strlen(path);
        snprintf(path + size, MAX_PATH - size, "_%u", c->numbers[index] - 1);
    }
    return true;
}

/* The path of the model inside that the first `size` bytes of a layer's name are; made when it is first met. */
static bool model_path(cnn__containers *c, const char *name, size_t size, char path[MAX_PATH])
{
    char model[CNN__MAX_NAME];
    size_t index = 0;
    snprintf(model, sizeof(model), "%.*s", (int)size, name);
    if (cnn__table_find(&c->models, model, &index)) {
        snprintf(path, MAX_PATH, "%s", c->texts[index]);
        return true;
    }
    if (!append_item(c, path, model_kinds[0])) {
        return false;
    }
    char *key = keep(c, model), *value = key != NULL ? keep(c, path) : NULL;
    return value != NULL && cnn__table_add(&c->models, key, c->text_count - 1) == CNN_OK;
}

static bool add_layer(cnn__containers *c, const cnn__node *node, uint32_t number)
{
    char path[MAX_PATH] = "";
    const char *kind = kind_name(node->layer->kind.type);
    for (const char *slash = strchr(node->name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        if (!model_path(c, node->name, (size_t)(slash - node->name), path)) {
            return false;
        }
    }
    if (kind == NULL) {
        return true;
    }
    if (!append_item(c, path, kind)) {
        return false;
    }
    char *key = keep(c, path);
    return key != NULL && cnn__table_add(&c->paths, key, number) == CNN_OK;
}

cnn_status cnn__containers_fill(const cnn_model *model, cnn__containers *c)
{
    bool good = true;
    *c = (cnn__containers){.context = model->context};
    cnn__table_init(&c->paths, model->context);
    cnn__table_init(&c->models, model->context);
    cnn__table_init(&c->counters, model->context);
    for (uint32_t i = 0; i < model->node_count && good; i++) {
        good = model->nodes[i].owner != i || add_layer(c, &model->nodes[i], i);
    }
    if (!good) {
        cnn__containers_free(c);
        return cnn__fail(model->context, CNN_ERROR_OUT_OF_MEMORY, "%s: no memory for the names of its layers",
                         model->name);
    }
    return CNN_OK;
}

void cnn__containers_free(cnn__containers *c)
{
    if (c->context == NULL) {
        return;
    }
    cnn__table_free(&c->paths);
    cnn__table_free(&c->models);
    cnn__table_free(&c->counters);
    for (size_t i = 0; i < c->text_count; i++) {
        cnn__free(c->context, c->texts[i]);
    }
    cnn__free(c->context, c->texts);
    cnn__free(c->context, c->numbers);
    *c = (cnn__containers){0};
}

/* Appends an item of a container to a path, a model inside as the first of the kinds that models have. */
static bool append_found(char path[MAX_PATH], const char *item, size_t size, bool last)
{
    const size_t used = strlen(path);
    const char *kind = NULL;
    for (size_t i = 0; i < sizeof(model_kinds) / sizeof(model_kinds[0]) && !last && kind == NULL; i++) {
        const size_t length = strlen(model_kinds[i]);
        if (size >= length && memcmp(item, model_kinds[i], length) == 0) {
            kind = model_kinds[0];
            item += length;
            size -= length;
        }
    }
    if (used + size + 32 > MAX_PATH) {
        return false;
    }
    snprintf(path + used, MAX_PATH - used, "%s%s%.*s", used > 0 ? "/" : "", kind != NULL ? kind : "", (int)size, item);
    return true;
}

bool cnn__containers_find(const cnn__containers *c, const char *path, size_t size, size_t *node)
{
    char found[MAX_PATH] = "";
    const char *at = path, *end = path + size;
    while (at < end) { /* a container, such as "layers", and one of its items */
        const char *slash = memchr(at, '/', (size_t)(end - at)), *item = slash != NULL ? slash + 1 : at;
        const char *next = memchr(item, '/', (size_t)(end - item));
        const bool last = next == NULL;
        if (!append_found(found, item, (size_t)((last ? end : next) - item), last)) {
            return false;
        }
        at = last ? end : next + 1;
    }
    return cnn__table_find(&c->paths, found, node);
}
