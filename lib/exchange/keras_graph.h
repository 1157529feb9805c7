/* SPDX-License-Identifier: MIT */
/* What functional and sequential models share on their way to an architecture. */
#ifndef CNN_EXCHANGE_KERAS_GRAPH_H
#define CNN_EXCHANGE_KERAS_GRAPH_H

#include "exchange/keras.h"

/* Most values that a layer reads and a model makes. */
enum { CNN__KERAS_VALUES = 64 };

/* Values that go in and come out of a model; names of our values. */
typedef struct cnn__keras_ports {
    const char *const *inputs;
    size_t input_count;
    const char *outputs[CNN__KERAS_VALUES];
    size_t output_count;
} cnn__keras_ports;

/* A name of plain characters behind a prefix, its slashes kept; NULL without memory. */
const char *cnn__keras_path(cnn__keras *keras, const char *prefix, const char *name);
/* Work is bounded, however often models inside models are applied. */
cnn_status cnn__keras_count_step(cnn__keras *keras);
cnn_status cnn__keras_read_layer(const cnn__keras *keras, const cnn__json *json, size_t number,
                                 cnn__keras_layer *layer);
bool cnn__keras_is_model(const cnn__keras_layer *layer);
/* Writes a layer that is no model; `shares` is the name of its first application. *value is that of what it makes. */
cnn_status cnn__keras_add_layer(cnn__keras *keras, const cnn__keras_layer *layer, const char *path, const char *shares,
                                const char *const *inputs, size_t count, const char **value);
/* The sizes of one sample as Keras writes them somewhere in a layer's config; *batch: with that of the batch. */
const cnn__json *cnn__keras_find_shape(const cnn__json *config, bool *batch);
/* Writes an input of the model: height, width, channels, or n. */
cnn_status cnn__keras_add_input(cnn__keras *keras, const cnn__keras_layer *layer, const char *name,
                                const cnn__json *shape, bool batch);
/* A model inside is known by its own name, too, as the first value that it makes. */
cnn_status cnn__keras_name_model(cnn__keras *keras, const char *path, const cnn__keras_ports *p);

/* Adds a model of either kind, whose names begin with a prefix. `shares` is the prefix of its first application. */
cnn_status cnn__keras_add_model(cnn__keras *keras, const cnn__json *config, const char *prefix, const char *shares,
                                uint32_t depth, cnn__keras_ports *p);
cnn_status cnn__keras_add_functional(cnn__keras *keras, const cnn__json *config, const char *prefix, const char *shares,
                                     uint32_t depth, cnn__keras_ports *p);

#endif
