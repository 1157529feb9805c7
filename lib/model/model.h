/* SPDX-License-Identifier: MIT */
/* A model inside the library: a graph of layers with their parameters.
 *
 * The graph's values are its inputs and what its nodes make, and are told by a reference: the number of the node that
 * makes the value, or the number of an input with CNN__INPUT set. Inputs and nodes have names from one table, so that
 * "input", "conv2d_1" and "vgg16/block1_conv1" mean one value each. A node reads only values that were there when it
 * was added: a graph has no cycles by construction, and the order of its nodes is an order to run them in.
 *
 * A node applies a layer to values. The node that brought the layer owns the layer's parameters; further nodes that
 * apply the same layer (cnn_model_apply()) have it as their `owner` and no parameters of their own.
 *
 * Parameters lie in one array of the model, at multiples of the alignment; gradients and optimizer slots are laid out
 * alike, by `offset`. A model that was made from another built one, by cnn_model_cut() or cnn_model_as_layer(), borrows
 * that one's parameters: they have an offset here and their `data` there. The lenders are retained, and whoever writes
 * to parameters counts up the version of the model and of all its lenders, so that the sessions of each of them notice.
 */
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
/* Longest name with those of the models around it, and the NUL. */
#define CNN__MAX_NAME 1024

/* In a reference: that of an input. */
#define CNN__INPUT 0x80000000u
/* What an input is called that the caller has not named. */
#define CNN__INPUT_NAME "input"
/* No reference, no node. */
#define CNN__NO_NODE UINT32_MAX

/* An input of the graph. */
typedef struct cnn__input {
    char *name;
    cnn_shape shape; /* of one sample: rank 1 to 3 */
} cnn__input;

/* A further name of a value: that of a model used as a layer, for its first output. */
typedef struct cnn__alias {
    char *name;
    uint32_t reference;
    cnn_layer *layer;                /* owned; NULL if a file or a copy named it */
    uint32_t first_node, node_count; /* what the model became here, one after another */
} cnn__alias;

/* Automatic names of one kind of layer. */
typedef struct cnn__prefix {
    const char *prefix;     /* the kind's; static */
    uint32_t layers, given; /* how many layers have it, and the largest number given to one */
} cnn__prefix;

/* A layer applied to values. */
typedef struct cnn__node {
    cnn_layer *layer; /* shared by the nodes that apply it, in other models as well */
    char *name;
    uint32_t owner; /* the node with the layer's parameters: itself, or one before it */
    uint32_t input_count;
    uint32_t inputs[CNN_LAYER_MAX_INPUTS];     /* references */
    cnn_shape output;                          /* of one sample; with several rows these are the first dimension */
    int64_t rows;                              /* of the batch that a sample has in the output */
    cnn_regularizer activity;                  /* of the output */
    uint32_t first_parameter, parameter_count; /* of its own */
    cnn_statistics statistics;                 /* by cnn_model_set_statistics() */
    struct cnn_model *lender;                  /* where its parameters come from; NULL: they are made here */
    uint32_t lender_node;
} cnn__node;

typedef struct cnn__parameter {
    char *name; /* "conv2d_1/kernel" */
    cnn_shape shape;
    int32_t type;           /* a cnn_element_type */
    float *data;            /* in this model's array or in a lender's */
    size_t offset;          /* in gradients and optimizer slots, and in cnn_model.values where nothing is borrowed */
    size_t values, storage; /* how many; offset in cnn_model.values, SIZE_MAX: borrowed */
    uint32_t node;
    atomic_ulong *changes; /* counts those that training makes; of the model whose array `data` lies in */
    bool trainable;        /* by its kind */
    bool frozen;           /* by cnn_model_set_trainable() */
    bool decay;
    cnn_parameter_rules rules; /* zeros for statistics */
    cnn_initializer init;
    int64_t fan_in, fan_out;
} cnn__parameter;

struct cnn_model {
    cnn_context *context;
    atomic_uint references;
    char *name;
    cnn__input *inputs;
    uint32_t input_count;
    cnn__node *nodes;
    uint32_t node_count, node_capacity;
    cnn__table names; /* of inputs, nodes and models used as layers -> reference */
    cnn__alias *aliases;
    uint32_t alias_count;
    cnn__prefix *prefixes;
    uint32_t prefix_count;
    uint32_t last;     /* reference: what a layer added without inputs reads */
    uint32_t *outputs; /* references; NULL: the value added last */
    uint32_t output_count;
    cnn_layer *refused; /* layers that could not be added: a program that adds or frees them again does no harm */
    cnn_status status;  /* the first error of adding layers, and its message */
    char *message;
    bool built;
    cnn__parameter *parameters;
    uint32_t parameter_count, parameter_capacity;
    cnn__table parameter_names;
    float *values;        /* the parameters made here, each at a multiple of CNN__ALIGNMENT */
    size_t value_count;   /* floats of a gradient or slot array: all parameters, gaps included */
    size_t storage_count; /* floats in `values` */
    cnn_model **lenders;  /* retained */
    uint32_t lender_count;
    atomic_ulong version;         /* counts changes of the parameters */
    atomic_ulong touched;         /* those of them that may be of any parameter */
    atomic_ulong *changes;        /* by training, of each parameter that was made here */
    pthread_mutex_t prepare_lock; /* guards the next three, see prepared.h */
    struct cnn__prepared *prepared;
    void *prepare_scratch;
    size_t prepare_scratch_size;
    char **classes;
    size_t class_count;
    cnn_pipeline *pipeline;
    cnn_task task;
    cnn_decision decision; /* its thresholds are the model's own */
    bool decides;          /* decision is set */
};

cnn_model *cnn__model_retain(cnn_model *model);
void cnn__model_free_classes(cnn_model *model);
void cnn__model_free_decision(cnn_model *model);

/* The two halves of building: shapes and parameters are known, but nothing is allocated for them yet; then they are,
 * as zeros, and the model counts as built. */
cnn_status cnn__model_infer(cnn_model *model);
cnn_status cnn__model_allocate(cnn_model *model);
void cnn__model_forget_parameters(cnn_model *model);

static inline bool cnn__is_penalty(const cnn_regularizer *r) { return r->l1 != 0 || r->l2 != 0; }

/* Whether anything in the built model has a regularizer. */
bool cnn__model_has_penalties(const cnn_model *model);

/* The first input's shape, that of images. */
static inline const cnn_shape *cnn__model_input(const cnn_model *model) { return &model->inputs[0].shape; }

/* The value of that name; false if there is none. */
bool cnn__model_find(const cnn_model *model, const char *name, uint32_t *reference);
/* Name and shape, of one sample, of a value. */
const char *cnn__value_name(const cnn_model *model, uint32_t reference);
const cnn_shape *cnn__value_shape(const cnn_model *model, uint32_t reference);
/* Output `index` of the model. */
uint32_t cnn__model_output(const cnn_model *model, uint32_t index);
uint32_t cnn__model_outputs(const cnn_model *model);

/* Remembers the first error of building a model, with the message that the failing call left. */
cnn_status cnn__model_remember(cnn_model *model, cnn_status status);
/* Appends a node that owns nothing yet: takes over the name, also on failure, and the layer, else. */
cnn_status cnn__model_append(cnn_model *model, cnn_layer *layer, char *name, uint32_t owner, const uint32_t *inputs,
                             uint32_t input_count);
/* Adds a layer as a file has it: under a name that may be that of a layer inside another model, and if `shares` is not
 * NULL, applying the layer of that name, and `layer` is NULL. Takes the layer over, also on failure. */
cnn_status cnn__model_add_named(cnn_model *model, cnn_layer *layer, const char *name, const char *shares,
                                const char *const *inputs, size_t input_count);
/* Whether a name is of plain parts: names of layers inside other models have those models' names before them. */
bool cnn__model_is_path(const char *name);
/* Gives a value a further name, which is taken over, also on failure. */
cnn_status cnn__model_alias(cnn_model *model, char *name, uint32_t reference);
/* The layer that was added as a model of that name; NULL if there is none. */
cnn_layer *cnn__model_find_inner(const cnn_model *model, const char *name);
/* Adds the inner model of a layer that cnn_model_as_layer() made under a name, reading `inputs`; takes over a reference
 * to the layer unless it fails. The same model added again has the parameters that it has already. */
cnn_status cnn__model_expand(cnn_model *model, cnn_layer *layer, const char *name, const uint32_t *inputs,
                             uint32_t input_count);

/* All parameters to and from an array laid out like gradients. */
void cnn__model_get_values(const cnn_model *model, float *to);
void cnn__model_set_values(cnn_model *model, const float *from);
/* Counts changes of the parameters, also of those that are borrowed; cnn_model_touch() adds one. */
unsigned long cnn__model_version(const cnn_model *model);
/* A training step has changed these parameters (parameter -> whether), and no other ones. */
void cnn__model_note_changes(cnn_model *model, const bool *changed);
/* Counts changes of some parameters alone, so that what is made of frozen ones stays while others are trained. */
unsigned long cnn__model_version_of(const cnn_model *model, const uint32_t *parameters, uint32_t count);

/* Infers what a layer makes of inputs of these shapes, with the batch; writes a reason if it cannot. */
cnn_status cnn__infer_layer(const cnn_context *context, const cnn_layer_kind *kind, const void *user,
                            const cnn_shape *inputs, uint32_t input_count, cnn_layer_spec *spec, char *reason,
                            size_t reason_size);
/* The same, failing with an error that names the node and the shapes. */
cnn_status cnn__infer_node(const cnn_model *model, uint32_t node, const cnn_layer_kind *kind, const void *user,
                           const cnn_shape *inputs, uint32_t input_count, cnn_layer_spec *spec);
/* CNN_ERROR_SHAPE if a node, inferred from these inputs, does not need the parameters that the model has for it. */
cnn_status cnn__infer_same_parameters(const cnn_model *model, uint32_t index, const cnn_shape *inputs,
                                      const cnn_layer_spec *spec);

/* Whether a node that owns parameters keeps its statistics in training; *trained: whether a parameter is trained. */
bool cnn__node_is_frozen(const cnn_model *model, uint32_t node, bool *trained);
/* The node in which the frozen base ends, as cnn_model_frozen_layer(); CNN__NO_NODE: none. */
cnn_status cnn__model_frozen_node(const cnn_model *model, uint32_t *node);

/* The shape of a sample with a batch before it. */
cnn_shape cnn__with_batch(const cnn_shape *sample, int64_t batch);
cnn_shape cnn__without_batch(const cnn_shape *shape);
/* The shape of a sample from that of a batch of `batch`, where a sample may have several rows. */
cnn_shape cnn__sample_of(const cnn_shape *shape, int64_t batch);
/* Rows of the batch that a sample has in a value; 1 unless a layer has moved samples into rows. */
int64_t cnn__value_rows(const cnn_model *model, uint32_t reference);
/* CNN_ERROR_SHAPE unless a sample has one row in the value, as `what` needs. */
cnn_status cnn__check_one_row(const cnn_model *model, uint32_t reference, int64_t rows, const char *what);

/* Whether a pattern, as cnn_model_set_trainable() has them, means this parameter. */
bool cnn__parameter_matches(const cnn__parameter *parameter, const char *pattern);
/* CNN_ERROR_NOT_FOUND, and what is checked before: a built model and a pattern. */
cnn_status cnn__no_match(const cnn_model *model, const char *pattern);
cnn_status cnn__check_pattern(const cnn_model *model, const char *pattern);

/* Fills a parameter with its initial values: a function of the seed, the node and the parameter's number. */
void cnn__initialize(const cnn__parameter *parameter, uint64_t seed, uint32_t number, float *values);

#endif
