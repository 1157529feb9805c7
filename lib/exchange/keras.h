/* SPDX-License-Identifier: MIT */
/* Keras's architectures, in and out. Both are text: a config becomes the architecture of a model file, which the reader
 * of such files (format/architecture.h) checks and builds, and the other way round. So nothing here makes a layer, and
 * what a layer's options are called and which values they take is one table, keras_layers.c, for both directions. */
#ifndef CNN_EXCHANGE_KERAS_H
#define CNN_EXCHANGE_KERAS_H

#include <cnn/exchange.h>

#include "core/json.h"

/* Most models inside one another. */
#define CNN__KERAS_DEPTH 16

/* A config on its way to an architecture. */
typedef struct cnn__keras {
    cnn_context *context;
    const char *file; /* for messages */
    const cnn_weights *weights;
    cnn__json_writer layers, inputs, frozen; /* lists under construction */
    cnn__json_writer models;                 /* an object: names of models inside */
    int64_t first[CNN_MAX_RANK];             /* shape of the first input */
    size_t first_rank;
    size_t layer_count, steps;
    const int32_t *input; /* height, width, channels where the file leaves them open */
    bool channels_first;  /* images are C, H, W in this file */
    bool third;           /* it is of Keras 3 */
    bool chw;             /* and so are those that are flattened */
    char **texts;         /* names that were made on the way */
    size_t text_count, text_capacity;
} cnn__keras;

/* One layer of a config. */
typedef struct cnn__keras_layer {
    const char *class_name;
    const char *name; /* as the file has it */
    const char *path; /* with the models around it, of plain characters */
    const cnn__json *config;
} cnn__keras_layer;

/* A printed text that lives as long as the work; NULL without memory. */
const char *cnn__keras_text(cnn__keras *keras, const char *format, ...) CNN_PRINTF(2, 3);
/* Fails with "file: layer "conv1" (Conv2D): ...". */
cnn_status cnn__keras_fail(const cnn__keras *keras, const cnn__keras_layer *layer, cnn_status status,
                           const char *format, ...) CNN_PRINTF(4, 5);

/* Writes the options of a layer and gives the kind it becomes; NULL: it does nothing, its value is its input. */
cnn_status cnn__keras_options(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options,
                              const char **type);

/* Writes layers, inputs and outputs of a whole config: `outputs` gets the rest of the architecture's object. */
cnn_status cnn__keras_graph(cnn__keras *keras, const cnn__json *model, cnn__json_writer *architecture);

/* A layer of an architecture on its way out. */
typedef struct cnn__keras_out {
    const char *type, *name;
    const cnn__json *options;
    const cnn_shape *input; /* of its first value, without the batch */
    bool frozen;
} cnn__keras_out;

/* Writes a layer as Keras's class and config. CNN_ERROR_UNSUPPORTED, with a message, if Keras has none such. */
cnn_status cnn__keras_layer_out(cnn_context *context, const cnn__keras_out *layer, cnn__json_writer *config,
                                const char **class_name);
/* Copies a value of whatever kind. */
void cnn__keras_copy(cnn__json_writer *writer, const char *name, const cnn__json *value);

#endif
