/* SPDX-License-Identifier: MIT */
/* A model inside the library: a graph of layers with one contiguous array of parameters. */
#ifndef CNN_MODEL_MODEL_H
#define CNN_MODEL_MODEL_H

#include <pthread.h>
#include <stdatomic.h>

#include <cnn/model.h>

#include "core/context.h"
#include "core/table.h"
#include "layer/layer.h"

/* Most layers of a model. */
#define CNN__MAX_LAYERS 65536

/* A layer in the graph. Values are numbered: 0 is the model's input, i + 1 the output of node i. */
typedef struct cnn__node {
    cnn_layer *layer;
    char *name;
    uint32_t input_count;
    uint32_t inputs[CNN_LAYER_MAX_INPUTS]; /* value numbers */
    cnn_shape output;                      /* with a batch of 1 */
    uint32_t first_parameter, parameter_count;
} cnn__node;

/* Automatic names of one kind of layer. */
typedef struct cnn__prefix {
    const char *prefix;     /* the kind's; static */
    uint32_t layers, given; /* how many layers have it, and the largest number given to one */
} cnn__prefix;

typedef struct cnn__parameter {
    char *name; /* "conv2d_1/kernel" */
    cnn_shape shape;
    size_t offset, values; /* in cnn_model.values, and in gradients and optimizer slots alike */
    uint32_t node;
    bool trainable; /* by its kind */
    bool frozen;    /* by cnn_model_set_trainable() */
    bool decay;
    cnn_initializer init;
    int64_t fan_in, fan_out;
} cnn__parameter;

struct cnn_model {
    cnn_context *context;
    atomic_uint references;
    char *name;
    cnn_shape input; /* of one sample: rank 3, or 1 for plain vectors */
    cnn__node *nodes;
    uint32_t node_count, node_capacity;
    cnn__table names;           /* of layers -> value number */
    cnn__table parameter_names; /* of parameters -> index */
    cnn__prefix *prefixes;
    uint32_t prefix_count;
    cnn_layer *refused; /* layers that could not be added: a program that adds or frees them again does no harm */
    cnn_status status;  /* the first error of adding layers, and its message */
    char *message;
    bool built;
    cnn__parameter *parameters;
    uint32_t parameter_count, parameter_capacity;
    float *values;                /* all parameters, each at a multiple of CNN__ALIGNMENT */
    size_t value_count;           /* floats in `values`, gaps included */
    atomic_ulong version;         /* counts changes of the parameters */
    pthread_mutex_t prepare_lock; /* guards the next three, see prepared.h */
    struct cnn__prepared *prepared;
    void *prepare_scratch;
    size_t prepare_scratch_size;
    char **classes;
    size_t class_count;
    cnn_pipeline *pipeline;
};

cnn_model *cnn__model_retain(cnn_model *model);

/* The two halves of building: shapes and parameters are known, but nothing is allocated for them yet; then they are,
 * as zeros, and the model counts as built. */
cnn_status cnn__model_infer(cnn_model *model);
cnn_status cnn__model_allocate(cnn_model *model);

/* The shape of a sample with a batch in front. */
cnn_shape cnn__with_batch(const cnn_shape *sample, int64_t batch);
cnn_shape cnn__without_batch(const cnn_shape *shape);

/* Fills a parameter with its initial values: a function of the seed, the node and the parameter's number. */
void cnn__initialize(const cnn__parameter *parameter, uint64_t seed, uint32_t number, float *values);

#endif
