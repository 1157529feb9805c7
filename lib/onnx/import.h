/* SPDX-License-Identifier: MIT */
/* How an ONNX graph becomes a model.
 *
 *   decode (proto.h) -> constants (constant.h) -> node after node -> layers of a cnn_model -> shapes -> parameters
 *
 * Each tensor of the graph is a wire: a constant, or a value of the model that is being made. ONNX has channels second,
 * this library last; so a wire says in which order the axes lie in the model's value (`order`), and what shape that
 * value has there (`actual`), which may lack sizes of 1 or have axes merged: the sequence of values is what counts.
 * Transposing, squeezing and most reshaping only change what a wire says. A layer is added for it where an operator
 * asks for an order or a shape that the wire does not have (layout.c). An image that was flattened in ONNX's order
 * (C, H, W) stays as it lies (H, W, C), marked `flat`, and the dense layer behind it gets its rows in that order.
 *
 * A graph is read in one of two ways. `batched`: axis 0 of every tensor is the batch, and the model has samples of the
 * other axes; that is what networks are. Else, where an operator mixes samples or an input has no batch: tensors as a
 * whole are samples, without a batch in ONNX's shapes.
 *
 * An operator is a function of operators.h. It reads attributes and inputs by the helpers below, adds layers, and sets
 * its outputs. Parameters are noted (cnn__onnx_fill) and read into the model once its shapes are known. Nodes all of
 * whose inputs are constants are computed instead (fold.c). */
#ifndef CNN_ONNX_IMPORT_H
#define CNN_ONNX_IMPORT_H

#include <cnn/model.h>

#include "core/table.h"
#include "onnx/constant.h"
#include "onnx/external.h"
#include "onnx/operators.h"

/* Most axes of a tensor that is not constant, with the batch. */
#define CNN__ONNX_RANK (CNN_MAX_RANK - 1)

/* Where axes lie. */
typedef struct cnn__onnx_axes {
    uint32_t rank;
    int64_t dims[CNN_MAX_RANK];   /* by ONNX's axes */
    uint32_t order[CNN_MAX_RANK]; /* axis i of the value is ONNX's axis order[i] */
} cnn__onnx_axes;

typedef struct cnn__onnx_wire {
    const char *name; /* of the tensor */
    const cnn__onnx_constant *constant;
    const char *value; /* the model's; NULL: a constant, or nothing (its node is not supported) */
    cnn__onnx_axes axes;
    cnn_shape actual; /* of the model's value, with a batch of import->batch */
    bool flat;        /* rank 2: the features are those of `image`, in its order; axes.order is 0, 1 */
    cnn__onnx_axes image;
    const char *input; /* of an input: the model's, which stays while the wire moves on; NULL: it is none */
    cnn__onnx_axes input_axes;
    int32_t gate;     /* an activation that the value's product with this one is; `value` is that of the other then */
    bool unknown;     /* it comes of a node that is not supported */
    uint32_t readers; /* nodes and outputs of the graph */
} cnn__onnx_wire;

/* A parameter to be filled. */
typedef struct cnn__onnx_filling {
    const char *layer, *parameter;
    const cnn__onnx_constant *constant; /* NULL: `value` everywhere */
    float value;
    float scale;                 /* of all values; 1: as they are */
    cnn_shape from;              /* the constant's values as a shape */
    uint32_t axes[CNN_MAX_RANK]; /* axis d of the parameter is axis axes[d] of that */
    bool fixed;                  /* not trained */
    struct cnn__onnx_filling *next;
} cnn__onnx_filling;

typedef struct cnn__onnx_import {
    cnn_context *context;
    const char *file; /* for messages */
    cnn__arena *arena;
    const cnn__onnx_model *source;
    const cnn__onnx_folder *folder;
    int64_t opset;
    bool batched;         /* axis 0 is the batch */
    int64_t batch;        /* rows of the model's values: of the batch that shapes are computed with, or 1 */
    bool own;             /* this library wrote the file: images are always channels first there */
    bool channels_last;   /* what has three or five axes counts as images, too */
    bool mixed;           /* out: an operator mixes samples: to be read the other way */
    const int32_t *input; /* height, width, channels where the file leaves them open; NULL: none */
    size_t most_values;   /* of all parameters together */
    size_t most_bytes;    /* of the arena */
    cnn_model *model;
    cnn__onnx_wire *wires;
    size_t wire_count;
    cnn__table names;  /* of wires */
    cnn__table layers; /* names of layers that are given */
    cnn__onnx_filling *fillings, **last_filling;
    size_t values;           /* that parameters have so far */
    cnn__string unsupported; /* what is not, as a list */
    size_t unsupported_count;
} cnn__onnx_import;

/* ---- nodes (node.c) ---- */

/* "file: node "x" (Conv): reason". */
cnn_status cnn__onnx_fail(const cnn__onnx_import *import, const cnn__onnx_node *node, cnn_status status,
                          const char *format, ...) CNN_PRINTF(4, 5);
/* CNN_ERROR_UNSUPPORTED, for what needs the other way of reading the graph. */
cnn_status cnn__onnx_mixes(cnn__onnx_import *import, const cnn__onnx_node *node, const char *what);

const cnn__onnx_attribute *cnn__onnx_attribute_find(const cnn__onnx_node *node, const char *name);
/* Of other types than these they count as missing. */
int64_t cnn__onnx_attribute_int(const cnn__onnx_node *node, const char *name, int64_t missing);
float cnn__onnx_attribute_float(const cnn__onnx_node *node, const char *name, float missing);
const char *cnn__onnx_attribute_text(const cnn__onnx_node *node, const char *name, const char *missing);
/* Numbers of an attribute, `count` of them; NULL: it is not there. */
const int64_t *cnn__onnx_attribute_ints(const cnn__onnx_node *node, const char *name, size_t *count);

/* Input or output `index`; NULL where it is not given. */
cnn__onnx_wire *cnn__onnx_input(const cnn__onnx_import *import, const cnn__onnx_node *node, size_t index);
cnn__onnx_wire *cnn__onnx_output(const cnn__onnx_import *import, const cnn__onnx_node *node, size_t index);
/* An input that has to be a value of the model, or a constant. */
cnn_status cnn__onnx_value_input(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index,
                                 cnn__onnx_wire **wire);
cnn_status cnn__onnx_constant_input(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index,
                                    const cnn__onnx_constant **constant);
/* The same, that may be missing: *constant is NULL then. */
cnn_status cnn__onnx_optional_constant(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index,
                                       const cnn__onnx_constant **constant);
/* Whole numbers of an attribute, or of input `index` from an opset on; NULL and 0 where neither is given. */
cnn_status cnn__onnx_numbers(cnn__onnx_import *import, const cnn__onnx_node *node, const char *name, size_t index,
                             const int64_t **numbers, size_t *count);
/* From -rank .. rank - 1 to 0 .. rank - 1; CNN_ERROR_FORMAT. */
cnn_status cnn__onnx_axis(cnn__onnx_import *import, const cnn__onnx_node *node, int64_t axis, uint32_t rank,
                          uint32_t *found);
/* CNN_ERROR_UNSUPPORTED if more outputs than the first `count` are read by anyone. */
cnn_status cnn__onnx_only_outputs(cnn__onnx_import *import, const cnn__onnx_node *node, size_t count);

/* A new name of a layer for what the node does, after the module that `parameter` belongs to, or the node itself. NULL
 * with the error set. */
const char *cnn__onnx_layer_name(cnn__onnx_import *import, const cnn__onnx_node *node,
                                 const cnn__onnx_constant *parameter);
/* A new name that begins with the given text. */
const char *cnn__onnx_new_name(cnn__onnx_import *import, const char *text);
/* Adds a layer that reads these values; `layer` NULL: its constructor has failed. */
cnn_status cnn__onnx_add(cnn__onnx_import *import, const cnn__onnx_node *node, cnn_layer *layer,
                         const char *const *values, size_t count);
/* Notes what a parameter is filled from, in the order of the constant. `constant` NULL: `value`. The result may be
 * changed. NULL with the error set. */
cnn__onnx_filling *cnn__onnx_fill(cnn__onnx_import *import, const char *layer, const char *parameter,
                                  const cnn__onnx_constant *constant, float value);

/* ---- wires (layout.c) ---- */

/* Axes in ONNX's order, or with axis 1 last. */
cnn__onnx_axes cnn__onnx_plain(uint32_t rank, const int64_t *dims);
cnn__onnx_axes cnn__onnx_channels_last(uint32_t rank, const int64_t *dims);
/* The shape that a value with these axes has where nothing is merged or left out. */
cnn_shape cnn__onnx_stored(const cnn__onnx_import *import, const cnn__onnx_axes *axes);
/* Makes the wire's value lie in this order of axes (NULL: any), and have this shape (NULL: whatever it has). */
cnn_status cnn__onnx_require(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                             const uint32_t *order, const cnn_shape *shape);
/* The same with axis 1 last and no batch before ONNX's axis 0: what convolutions and poolings read. */
cnn_status cnn__onnx_require_image(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire);
/* A flattened image as plain features. */
cnn_status cnn__onnx_settle(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire);
/* Sets output `index` to a value of these axes and shape. */
cnn_status cnn__onnx_set(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index, const char *value,
                         const cnn__onnx_axes *axes, const cnn_shape *actual);
/* Sets it to the same value as `from`, as it lies there. */
cnn_status cnn__onnx_pass_on(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index,
                             const cnn__onnx_wire *from);
/* Adds a layer that changes values one by one, and sets output 0 to what it makes of `from`. */
cnn_status cnn__onnx_unary(cnn__onnx_import *import, const cnn__onnx_node *node, const char *name, cnn_layer *layer,
                           const cnn__onnx_wire *from);
/* Reshaping to known dimensions, for Reshape, Flatten and their like. */
cnn_status cnn__onnx_reshape_to(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *from,
                                uint32_t rank, const int64_t *dims);
/* Which axes are those of samples, not the batch. */
static inline uint32_t cnn__onnx_first_axis(const cnn__onnx_import *import) { return import->batched ? 1 : 0; }

/* ---- constants (fold.c) ---- */

/* Whether the operator is computed where all of its inputs are constants. */
bool cnn__onnx_folds(const char *type);
/* Computes it and sets the outputs. */
cnn_status cnn__onnx_fold(cnn__onnx_import *import, const cnn__onnx_node *node);

/* ---- constants in other orders (constant_view.c) ---- */

/* In the order of axes of a wire, with as many axes: values that are broadcast to it. */
cnn__onnx_constant *cnn__onnx_reordered(cnn__onnx_import *import, const cnn__onnx_constant *c,
                                        const cnn__onnx_axes *axes);
/* The same as many values as a sample of the wire's axes has; NULL: it does not fit, or without memory. */
cnn__onnx_constant *cnn__onnx_expanded(cnn__onnx_import *import, const cnn__onnx_constant *c,
                                       const cnn__onnx_axes *axes);

/* ---- parameters (fill.c) ---- */

/* Infers the shapes of the model, allocates its parameters and fills them. */
cnn_status cnn__onnx_fill_all(cnn__onnx_import *import);

/* ---- beside the graph (metadata.c) ---- */

/* Gives the built model the class names and the preprocessing that a file of this library has. */
cnn_status cnn__onnx_read_metadata(cnn__onnx_import *import);

/* ---- inputs and outputs (ports.c) ---- */

/* How a model's input or output lies in the graph. */
typedef struct cnn__onnx_port {
    const char *name; /* the model's, valid as long as that */
    cnn__onnx_axes axes;
} cnn__onnx_port;

typedef void (*cnn__onnx_describe)(void *user, bool input, bool batched, const cnn__onnx_port *port);

/* Finds the batch, creates the model and adds what it reads; the wires of initializers are there. */
cnn_status cnn__onnx_add_inputs(cnn__onnx_import *import);
/* After the last node. */
cnn_status cnn__onnx_set_outputs(cnn__onnx_import *import);
/* Tells how all of them lie, in the file's order; the shapes of the model are known. */
void cnn__onnx_describe_ports(cnn__onnx_import *import, cnn__onnx_describe describe, void *user);

/* ---- the whole (import.c) ---- */

/* The wire of a tensor, a new one if it has none yet. */
cnn_status cnn__onnx_add_wire(cnn__onnx_import *import, const char *name, cnn__onnx_wire **wire);

typedef struct cnn__onnx_settings {
    bool external_data;
    int32_t input[3];
    size_t most_values; /* of all parameters; 0: 2^31 */
    size_t most_bytes;  /* of what is computed on the way; 0: any number */
} cnn__onnx_settings;

/* Makes a model of a decoded file. `folder` is that of the model's file. `describe`, unless it is NULL, is told how
 * inputs and outputs lie, in the file's order. Returns as cnn_model_load_onnx(). */
cnn_status cnn__onnx_import_model(cnn_context *context, const char *file, const cnn__onnx_folder *folder,
                                  const cnn__onnx_model *source, const cnn__onnx_settings *settings,
                                  cnn__onnx_describe describe, void *user, cnn_model **model);

#endif
