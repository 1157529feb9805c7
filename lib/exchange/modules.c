/* SPDX-License-Identifier: MIT */
/* From the name of a tensor to the module it belongs to and its role there, for the forms that names have had:
 *
 *     PyTorch        layer1.0.conv1.weight
 *     Keras 1        convolution2d_1 lists convolution2d_1_W
 *     Keras 2        conv2d_1 lists conv2d_1/kernel:0; vgg16, a model inside, lists block1_conv1/kernel:0
 *     Keras 3        conv2d_1 lists sequential/conv2d_1/kernel
 *     .weights.h5    layers/functional/layers/conv2d_1/vars/0, where layers are numbered by their kinds
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/containers.h"
#include "exchange/weights.h"
#include "model/model.h"

/* A piece of text. */
typedef struct piece {
    const char *text;
    size_t size;
} piece;

static piece whole(const char *text) { return (piece){text, strlen(text)}; }

/* What Keras 1 called things. */
static const char *const old_roles[][2] = {
    {"W", "kernel"},
    {"b", "bias"},
    {"running_mean", "moving_mean"},
    {"running_std", "moving_variance"},
    {"gamma", "gamma"},
    {"beta", "beta"},
    {"alphas", "alpha"},
};

/* What the names are looked up in. */
typedef struct known_names {
    cnn__table layers; /* of the model -> node */
    cnn__containers containers;
    const cnn_model *model;
} known_names;

/* The module is "model/layer" or one of both. */
static cnn_status set_module(cnn_context *context, cnn__weight *entry, piece model, piece layer, piece role)
{
    const bool both = model.size > 0 && layer.size > 0;
    char *text = cnn__alloc(context, model.size + layer.size + role.size + 3), *at = text;
    if (text == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    memcpy(at, model.text, model.size);
    at += model.size;
    *at = '/';
    at += both;
    memcpy(at, layer.text, layer.size);
    at[layer.size] = '\0';
    at += layer.size + 1;
    memcpy(at, role.text, role.size);
    at[role.size] = '\0';
    entry->module = text;
    entry->role = at;
    return CNN_OK;
}

/* "module<separator>role". */
static cnn_status split_at(cnn_context *context, cnn__weight *entry, char separator)
{
    const char *last = strrchr(entry->name, separator);
    const piece module = {entry->name, last != NULL ? (size_t)(last - entry->name) : 0};
    return set_module(context, entry, module, whole(""), whole(last != NULL ? last + 1 : entry->name));
}

/* "convolution2d_1_W" ends in a role of Keras 1; NULL if it does not. */
static const char *old_role(const char *name, size_t *before)
{
    const size_t size = strcspn(name, ":");
    for (size_t i = 0; i < sizeof(old_roles) / sizeof(old_roles[0]); i++) {
        const size_t tail = strlen(old_roles[i][0]);
        if (size > tail && name[size - tail - 1] == '_' && memcmp(name + size - tail, old_roles[i][0], tail) == 0) {
            *before = size - tail - 1;
            return old_roles[i][1];
        }
    }
    return NULL;
}

/* A tensor that a layer lists: its module is the layer, or one inside it if the layer is a model. */
static cnn_status split_listed(const known_names *known, cnn__weight *entry)
{
    cnn_context *context = known->model->context;
    const char *slash = strrchr(entry->name, '/');
    piece owner = {entry->name, 0}, role = whole(entry->name);
    if (slash != NULL) {
        const char *before = memrchr(entry->name, '/', (size_t)(slash - entry->name));
        owner.text = before != NULL ? before + 1 : entry->name;
        owner.size = (size_t)(slash - owner.text);
        role = (piece){slash + 1, strcspn(slash + 1, ":")}; /* ":0" is TensorFlow's */
    } else {
        const char *old = old_role(entry->name, &owner.size);
        role = old != NULL ? whole(old) : (piece){entry->name, strcspn(entry->name, ":")};
    }
    if (entry->group == NULL) {
        return set_module(context, entry, whole(""), owner, role);
    }
    const bool own = owner.size == 0 || cnn__table_find(&known->layers, entry->group, NULL);
    const bool twice = owner.size == strlen(entry->group) && memcmp(owner.text, entry->group, owner.size) == 0;
    return set_module(context, entry, whole(entry->group), own || twice ? whole("") : owner, role);
}

/* ".../vars/3"; NULL if the name does not end so. */
static const char *find_vars(const char *name)
{
    const char *slash = strrchr(name, '/');
    const size_t before = strlen("/vars");
    if (slash == NULL || (size_t)(slash - name) < before || memcmp(slash - before, "/vars", before) != 0 ||
        !isdigit((unsigned char)slash[1]) || strlen(slash + 1) > 4) {
        return NULL;
    }
    return slash - before;
}

static cnn_status split_keras(const known_names *known, cnn__weight *entry)
{
    const cnn_model *model = known->model;
    const char *vars = find_vars(entry->name);
    size_t node = 0;
    if (vars == NULL) {
        return split_listed(known, entry);
    }
    const piece role = whole(vars + strlen("/vars/")), path = {entry->name, (size_t)(vars - entry->name)};
    entry->number = (int32_t)strtol(role.text, NULL, 10);
    if (entry->group != NULL && cnn__table_find(&known->layers, entry->group, &node)) {
        return set_module(model->context, entry, whole(entry->group), whole(""), role); /* newer files have names */
    }
    return set_module(
        model->context, entry,
        cnn__containers_find(&known->containers, path.text, path.size, &node) ? whole(model->nodes[node].name) : path,
        whole(""), role);
}

cnn_status cnn__split_names(const cnn_model *model, cnn_weights *weights)
{
    known_names known = {.model = model};
    cnn__table_init(&known.layers, model->context);
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < model->node_count && status == CNN_OK; i++) {
        status = cnn__table_add(&known.layers, model->nodes[i].name, i);
    }
    if (status == CNN_OK) {
        status = cnn__containers_fill(model, &known.containers);
    }
    for (size_t i = 0; i < weights->count && status == CNN_OK; i++) {
        cnn__weight *entry = &weights->entries[i];
        cnn__free(model->context, entry->module);
        entry->module = NULL;
        entry->number = -1;
        entry->next = CNN__NONE;
        entry->used = false;
        status = weights->layout == CNN_WEIGHTS_KERAS
                     ? split_keras(&known, entry)
                     : split_at(model->context, entry, weights->layout == CNN_WEIGHTS_OWN ? '/' : '.');
    }
    cnn__containers_free(&known.containers);
    cnn__table_free(&known.layers);
    return status;
}
