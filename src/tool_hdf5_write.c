/* SPDX-License-Identifier: MIT */
/* A model as Keras 2 saves it: the config as an attribute, and a group for each layer that lists its weights. */
#include "tool_foreign.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file under construction. */
typedef struct writing {
    hid_t file, root, group; /* the group of the layer that is written; -1: none */
    char *layer;             /* its name in the file; NULL: none */
    tool_list layers, weights;
    bool memory; /* the failure was one of memory */
} writing;

/* A text that grows. */
typedef struct text {
    char *data;
    size_t size;
} text;

static cnn_status append(void *user, const void *data, size_t size)
{
    text *t = user;
    char *longer = realloc(t->data, t->size + size + 1);
    if (longer == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    memcpy(longer + t->size, data, size);
    t->data = longer;
    t->size += size;
    longer[t->size] = '\0';
    return CNN_OK;
}

/* An attribute of one string, or of a list of them; they lie outside the attribute, which so may be long. */
static bool put_strings(hid_t object, const char *name, const char *const *strings, const size_t *count)
{
    const hsize_t size = count != NULL ? *count : 1;
    hid_t type = H5Tcopy(H5T_C_S1);
    hid_t space = count != NULL ? H5Screate_simple(1, &size, NULL) : H5Screate(H5S_SCALAR);
    bool good = H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0;
    hid_t attribute = good ? H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT) : -1;
    good = attribute >= 0 && (size == 0 || H5Awrite(attribute, type, strings) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    return good;
}

/* An attribute holds 64 KiB: of a long list Keras makes NAME0, NAME1, ... */
static bool put_names(hid_t object, const char *name, const tool_list *list)
{
    enum { MOST = 3000 };
    const char *const *items = (const char *const *)list->items;
    if (list->count <= MOST) {
        return put_strings(object, name, items, &list->count);
    }
    for (size_t at = 0, part = 0; at < list->count; at += MOST, part++) {
        char numbered[64];
        const size_t count = list->count - at < MOST ? list->count - at : MOST;
        snprintf(numbered, sizeof(numbered), "%s%zu", name, part);
        if (!put_strings(object, numbered, items + at, &count)) {
            return false;
        }
    }
    return true;
}

static char *plain_name(const char *name)
{
    char *plain = strdup(name);
    for (char *at = plain; at != NULL && *at != '\0'; at++) {
        *at = *at == '/' ? '_' : *at;
    }
    return plain;
}

/* Ends the layer that was written last. */
static bool close_layer(writing *w)
{
    bool good = w->group < 0 || put_names(w->group, "weight_names", &w->weights);
    if (w->group >= 0) {
        H5Gclose(w->group);
    }
    w->group = -1;
    tool_list_free(&w->weights);
    w->weights = (tool_list){0};
    free(w->layer);
    w->layer = NULL;
    return good;
}

static bool open_layer(writing *w, const char *name)
{
    w->layer = plain_name(name);
    w->group = w->layer != NULL ? H5Gcreate2(w->root, w->layer, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT) : -1;
    w->memory = w->layer == NULL;
    return w->group >= 0;
}

static bool put_values(const writing *w, const char *name, const cnn_shape *shape, const float *values)
{
    hsize_t dims[CNN_MAX_RANK];
    for (uint32_t d = 0; d < shape->rank; d++) {
        dims[d] = (hsize_t)shape->dims[d];
    }
    hid_t space = shape->rank > 0 ? H5Screate_simple((int)shape->rank, dims, NULL) : H5Screate(H5S_SCALAR);
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t dataset = H5Dcreate2(w->group, name, H5T_IEEE_F32LE, space, links, H5P_DEFAULT, H5P_DEFAULT);
    const bool good = dataset >= 0 && H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    H5Dclose(dataset);
    H5Pclose(links);
    H5Sclose(space);
    return good;
}

/* Tensors come layer by layer. */
static cnn_status put_weight(void *user, const cnn_weight *weight, const float *values)
{
    writing *w = user;
    char *layer = plain_name(weight->group);
    const char *role = strrchr(weight->name, '/');
    char *name = layer != NULL ? tool_format("%s%s", layer, role != NULL ? role : weight->name) : NULL;
    bool good = name != NULL;
    if (good && (w->layer == NULL || strcmp(w->layer, layer) != 0)) {
        good = close_layer(w) && open_layer(w, weight->group);
    }
    good = good && put_values(w, name, &weight->shape, values);
    if (good && !tool_list_add(&w->weights, strdup(name))) {
        w->memory = true;
        good = false;
    }
    w->memory = w->memory || name == NULL;
    free(name);
    free(layer);
    return good ? CNN_OK : w->memory ? CNN_ERROR_OUT_OF_MEMORY : CNN_ERROR_IO;
}

/* Layers without weights have groups, too, and the list has all in the model's order. */
static bool list_layers(writing *w, const cnn_model *model)
{
    for (size_t i = 0; i < cnn_model_input_count(model); i++) {
        if (!tool_list_add(&w->layers, plain_name(cnn_model_input_name(model, i)))) {
            return false;
        }
    }
    for (size_t i = 0; i < cnn_model_layer_count(model); i++) {
        if (!tool_list_add(&w->layers, plain_name(cnn_model_layer_name(model, i)))) {
            return false;
        }
    }
    const tool_list none = {0};
    for (size_t i = 0; i < w->layers.count; i++) {
        if (H5Lexists(w->root, w->layers.items[i], H5P_DEFAULT) > 0) {
            continue;
        }
        hid_t group = H5Gcreate2(w->root, w->layers.items[i], H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        const bool good = group >= 0 && put_names(group, "weight_names", &none);
        H5Gclose(group);
        if (!good) {
            return false;
        }
    }
    return put_names(w->root, "layer_names", &w->layers);
}

static cnn_status write_all(writing *w, const cnn_model *model)
{
    text config = {0};
    const char *version = "2.12.0", *backend = "tensorflow";
    cnn_status status = cnn_keras_config(model, append, &config);
    if (status == CNN_OK) {
        const char *string = config.data;
        w->root = H5Gcreate2(w->file, "model_weights", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        const bool good = w->root >= 0 && put_strings(w->file, "model_config", &string, NULL) &&
                          put_strings(w->file, "keras_version", &version, NULL) &&
                          put_strings(w->file, "backend", &backend, NULL) &&
                          put_strings(w->root, "keras_version", &version, NULL) &&
                          put_strings(w->root, "backend", &backend, NULL);
        status = good ? CNN_OK : CNN_ERROR_IO;
    }
    if (status == CNN_OK) {
        status = cnn_model_export(model, CNN_WEIGHTS_KERAS, put_weight, w);
    }
    if (status == CNN_OK && !(close_layer(w) && list_layers(w, model))) {
        status = CNN_ERROR_IO;
    }
    free(config.data);
    return status;
}

/* libhdf5 makes a file under another name beside the one that is wanted, which it then becomes. */
int tool_hdf5_save(tool *run, const cnn_model *model, const char *path)
{
    writing w = {.group = -1, .root = -1};
    char *temporary = tool_format("%s.partial-%ld", path, (long)getpid()), *printable = tool_printable(path);
    if (temporary == NULL || printable == NULL) {
        free(temporary);
        free(printable);
        return tool_fail_memory(run);
    }
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    w.file = H5Fcreate(temporary, H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
    cnn_status status = w.file >= 0 ? write_all(&w, model) : CNN_ERROR_IO;
    close_layer(&w);
    tool_list_free(&w.layers);
    bool good = status == CNN_OK;
    if (w.root >= 0) {
        H5Gclose(w.root);
    }
    if (w.file >= 0) {
        good = H5Fclose(w.file) >= 0 && good && rename(temporary, path) == 0;
    }
    if (w.file >= 0 && !good) {
        unlink(temporary);
    }
    int result = good                                         ? TOOL_DONE
                 : w.memory                                   ? tool_fail_memory(run)
                 : status == CNN_OK || status == CNN_ERROR_IO ? tool_fail(run, "%s: cannot be written", printable)
                                                              : tool_fail_library(run, status);
    free(temporary);
    free(printable);
    return result;
}
