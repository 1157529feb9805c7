/* SPDX-License-Identifier: MIT */
/* Which program wrote a file, by its first bytes. */
#include "tool_foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Most bytes of a .keras file's config and of its weights. */
#define MOST_CONFIG ((uint64_t)64 << 20)
#define MOST_WEIGHTS ((uint64_t)8 << 30)

static const char hdf5_magic[] = "\x89HDF\r\n\x1a\n", zip_magic[] = "PK\x03\x04";

/* A text or file that grows. */
typedef struct buffer {
    char *data;
    size_t size, capacity;
} buffer;

static cnn_status append(void *user, const void *data, size_t size)
{
    buffer *b = user;
    if (size > b->capacity - b->size) {
        size_t capacity = b->capacity > 0 ? b->capacity : 65536;
        while (capacity - b->size < size) {
            capacity *= 2;
        }
        char *longer = realloc(b->data, capacity);
        if (longer == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        b->data = longer;
        b->capacity = capacity;
    }
    memcpy(b->data + b->size, data, size);
    b->size += size;
    return CNN_OK;
}

static void read_magic(const char *path, char magic[8])
{
    memset(magic, 0, 8);
    int file = tool_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (file >= 0) {
        if (read(file, magic, 8) < 0) {
            memset(magic, 0, 8);
        }
        close(file);
    }
}

bool tool_is_onnx(const char *path)
{
    const size_t size = strlen(path);
    return size > 5 && strcmp(path + size - 5, ".onnx") == 0;
}

bool tool_is_foreign(const char *path)
{
    char magic[8];
    read_magic(path, magic);
    return tool_is_onnx(path) || memcmp(magic, hdf5_magic, 8) == 0 || memcmp(magic, zip_magic, 4) == 0;
}

/* A .keras file: its config and, within it, an HDF5 file of weights. *is false, and nothing done, if it is none. */
static int open_keras(tool *run, const char *path, tool_foreign *foreign, bool *is)
{
    buffer config = {0}, weights = {0};
    cnn_status status = cnn_archive_read(run->context, path, "config.json", MOST_CONFIG, append, &config);
    *is = status != CNN_ERROR_NOT_FOUND;
    if (!*is) {
        return TOOL_DONE;
    }
    if (status == CNN_OK) {
        status = cnn_archive_read(run->context, path, "model.weights.h5", MOST_WEIGHTS, append, &weights);
    }
    int result = status == CNN_OK                    ? TOOL_DONE
                 : status == CNN_ERROR_OUT_OF_MEMORY ? tool_fail_memory(run)
                                                     : tool_fail_library(run, status);
    foreign->config = config.data;
    foreign->config_size = config.size;
    if (result == TOOL_DONE) {
        result = tool_hdf5_open(run, path, weights.data, weights.size, foreign);
    }
    free(weights.data);
    return result;
}

int tool_foreign_open(tool *run, const char *path, tool_foreign *foreign)
{
    static const char *const programs[] = {"libcnn", "Keras", "PyTorch"};
    char magic[8];
    bool keras = false;
    *foreign = (tool_foreign){0};
    read_magic(path, magic);
    int result = TOOL_DONE;
    if (memcmp(magic, hdf5_magic, 8) == 0) {
        keras = true;
        result = tool_hdf5_open(run, path, NULL, 0, foreign);
    } else if (memcmp(magic, zip_magic, 4) == 0) {
        result = open_keras(run, path, foreign, &keras);
    }
    if (result == TOOL_DONE && !keras) {
        cnn_status status = cnn_weights_open(run->context, path, &foreign->weights);
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
        foreign->program = programs[cnn_weights_layout_of(foreign->weights)];
    }
    if (result != TOOL_DONE) {
        tool_foreign_close(foreign);
    }
    return result;
}

void tool_foreign_close(tool_foreign *foreign)
{
    cnn_weights_free(foreign->weights);
    tool_hdf5_close(foreign->hdf5);
    free(foreign->config);
    *foreign = (tool_foreign){0};
}

int tool_foreign_load(tool *run, const char *path, cnn_model **model)
{
    tool_foreign foreign;
    if (tool_is_onnx(path)) {
        const cnn_status status = cnn_model_load_onnx(run->context, path, NULL, model);
        return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    int result = tool_foreign_open(run, path, &foreign);
    if (result != TOOL_DONE) {
        return result;
    }
    if (foreign.config == NULL) {
        result = tool_fail(run, "%s: holds weights without a network; `cnn convert --model NAME` puts them into one",
                           path);
    } else {
        cnn_status status = cnn_keras_load(run->context, path, foreign.config, foreign.config_size, foreign.weights,
                                           NULL, NULL, model);
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    tool_foreign_close(&foreign);
    return result;
}

/* Values of a model's parameter. */
static cnn_status read_parameter(void *user, uint64_t id, float *values)
{
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    size_t count = 1;
    const cnn_status status = cnn_model_parameter(user, (size_t)id, &parameter);
    for (uint32_t i = 0; status == CNN_OK && i < parameter.value.shape.rank; i++) {
        count *= (size_t)parameter.value.shape.dims[i];
    }
    if (status == CNN_OK) {
        memcpy(values, parameter.value.data, count * sizeof(*values));
    }
    return status;
}

/* The parameters of the model that an ONNX file is. */
static cnn_status fill_from_onnx(tool *run, const char *path, cnn_model *model, cnn_weights_report *report)
{
    cnn_model *source = NULL;
    cnn_weights *weights = NULL;
    cnn_status status = cnn_model_load_onnx(run->context, path, NULL, &source);
    if (status == CNN_OK) {
        status = cnn_weights_create(run->context, CNN_WEIGHTS(.name = path, .read = read_parameter, .user = source),
                                    &weights);
    }
    for (size_t i = 0; status == CNN_OK && i < cnn_model_parameter_count(source); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        cnn_weight weight = CNN_WEIGHT_INIT;
        status = cnn_model_parameter(source, i, &parameter);
        weight.name = parameter.name;
        weight.shape = parameter.value.shape;
        status = status == CNN_OK ? cnn_weights_add(weights, &weight, i) : status;
    }
    if (status == CNN_OK) {
        status = cnn_model_import(model, weights, CNN_IMPORT(.partial = 1), report);
    }
    cnn_weights_free(weights);
    cnn_model_free(source);
    return status;
}

static void note_order(void *by_order, const cnn_match *match)
{
    if (match->by_order != 0) {
        *(bool *)by_order = true;
    }
}

int tool_foreign_fill(tool *run, const char *path, cnn_model *model, cnn_weights_report *report)
{
    tool_foreign foreign;
    if (tool_is_onnx(path)) {
        const cnn_status status = fill_from_onnx(run, path, model, report);
        return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    int result = tool_foreign_open(run, path, &foreign);
    if (result == TOOL_DONE) {
        bool by_order = false;
        cnn_status status = cnn_model_import(model, foreign.weights,
                                             CNN_IMPORT(.partial = 1, .match = note_order, .user = &by_order), report);
        if (status == CNN_OK && by_order && report->loaded > 0) {
            tool_note(run, "names       none is the model's: layers were taken in order");
        }
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
        tool_foreign_close(&foreign);
    }
    return result;
}
