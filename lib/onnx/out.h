/* SPDX-License-Identifier: MIT */
/* A model on its way to an ONNX file.
 *
 * A graph of ONNX nodes, attributes and tensors is built layer by layer (out_*.c, by the table of out_table.c), then
 * written as a whole (export.c). Nothing in it is copied that is there already: tensors point to parameters, and are
 * put into ONNX's order of axes when they are written, one at a time.
 *
 * Here images are N, H, W, C and in ONNX N, C, H, W. No layer brings a Transpose along: each value has a form, which
 * says how its axes lie in the graph, and a layer asks for the form that it needs. Images stay channels first from the
 * input to the output; what a flatten makes of one is told apart (FLAT), so that the parameters of the layers that read
 * it are put in order instead of its values. A Transpose is made where something depends on the order of values here: a
 * reshape, a permutation, vectors side by side.
 *
 * Names: a layer's output has the layer's name, as its first node has; what lies between, and further nodes, have a
 * suffix, "conv1:linear". Tensors have the names of parameters, "conv1/kernel". No name of a layer has a colon.
 *
 * The first failure stays in `status`, and what comes later does nothing: layers need not check. */
#ifndef CNN_ONNX_OUT_H
#define CNN_ONNX_OUT_H

#include <cnn/onnx.h>

#include "exchange/weights.h"
#include "layer/layer.h"
#include "model/model.h"
#include "onnx/proto.h"

/* The set of operators that is written, and the newer one that resizing images in front of the model needs. */
enum { CNN__OUT_OPSET = 13, CNN__OUT_OPSET_RESIZE = 18 };

/* Where the values of a tensor come from. */
typedef struct cnn__out_source {
    struct cnn__out *out;
    const void *data;
    cnn__order order;   /* of floats: how they are put in order; plain: as they lie */
    uint32_t parameter; /* its number; CNN__NO_NODE: a layer made them */
} cnn__out_source;

typedef enum cnn__out_form {
    CNN__OUT_FIRST, /* channels first: N, C, H, W */
    CNN__OUT_LAST,  /* as here: N, H, W, C; all vectors are this */
    CNN__OUT_FLAT   /* a vector N, C * H * W, of an image whose values are channels first */
} cnn__out_form;

/* A value of the model in the graph. */
typedef struct cnn__out_value {
    const char *name; /* NULL: not made yet */
    cnn_shape shape;  /* of one sample, here */
    cnn_shape image;  /* of FLAT: H, W, C */
    cnn__out_form form;
    int64_t rows;      /* of the batch that a sample has */
    const char *other; /* the same in the other form, if something asked for it; of FLAT as a vector of here */
    struct cnn__out_value *same; /* the value that this one is, of a layer that does nothing; NULL: itself */
} cnn__out_value;

typedef struct cnn__out {
    cnn_context *context;
    const cnn_model *model;
    cnn_status status;
    cnn__arena arena; /* of all that is below */
    cnn__onnx_model file;
    cnn__onnx_graph graph;
    int64_t opset;
    cnn__out_value *inputs, *values; /* by the model's inputs and nodes */
    bool *seen;                      /* by the model's parameters: whether there is a tensor of it */
    const char *layer;               /* whose turn it is: what names of nodes and values begin with */
    bool named;                      /* whether a node has that name already */
    float *scratch;                  /* of the tensor that is being written */
} cnn__out;

/* What a layer becomes. */
typedef void (*cnn__out_function)(cnn__out *out, const cnn__node *node);

/* A line of the table. */
typedef struct cnn__out_layer {
    const cnn__layer_type *type;
    cnn__out_function write;
    bool reads_last; /* an input of the model that it reads stays in the order of here */
} cnn__out_layer;

extern const cnn__out_layer cnn__out_layers[];
/* The line of a kind; NULL if there is none. */
const cnn__out_layer *cnn__out_layer_find(const cnn__layer_type *type);

/* ---- export.c ---- */

/* The whole graph of a model, which refers to the model; cnn__out_free() ends it, also after a failure. */
cnn_status cnn__out_build(cnn__out *out, const cnn_model *model, const cnn_onnx_save_options *options);
void cnn__out_free(cnn__out *out);

/* ---- out.c: nodes, tensors, names ---- */

/* Zeroed memory that lives as long as `out`; NULL with the status set. */
void *cnn__out_keep(cnn__out *out, size_t count, size_t size);
/* The nodes that follow are those of a layer; `named`: further ones. */
void cnn__out_begin(cnn__out *out, const char *layer, bool named);
/* "layer:suffix", or the layer's name where the suffix is NULL. Never NULL. */
const char *cnn__out_name(cnn__out *out, const char *suffix);
/* Appends a node that makes one value, named after the layer and the suffix, and returns the value's name. `inputs` end
 * with NULL. */
const char *cnn__out_emit(cnn__out *out, const char *op, const char *suffix, const char *const *inputs);
/* Attributes of the node that was appended last. */
void cnn__out_whole(cnn__out *out, const char *name, int64_t value);
void cnn__out_real(cnn__out *out, const char *name, float value);
void cnn__out_text(cnn__out *out, const char *name, const char *text);
void cnn__out_wholes(cnn__out *out, const char *name, const int64_t *values, size_t count);
/* Constants that a layer made; copied. */
const char *cnn__out_floats(cnn__out *out, const char *suffix, const float *values, const cnn_shape *shape);
const char *cnn__out_number(cnn__out *out, const char *suffix, float value);
const char *cnn__out_indices(cnn__out *out, const char *suffix, const int64_t *values, size_t count);
/* Parameter `number` of the node, in `order` (NULL: as it lies), with `shape` (NULL: the order's). */
const char *cnn__out_parameter(cnn__out *out, const cnn__node *node, uint32_t number, const cnn__order *order,
                               const cnn_shape *shape);
/* The value of another name: what refers to `from` refers to `to`. */
void cnn__out_rename(cnn__out *out, const char *from, const char *to);
/* Appends an input or output; sizes that have a symbol are open. */
void cnn__out_port(cnn__out *out, cnn__onnx_list *list, const char *name, cnn__onnx_type type, const cnn_shape *shape,
                   const char *const *symbols);
/* Leaves out what the outputs do not depend on. */
void cnn__out_sweep(cnn__out *out);
/* Fails with a message that begins with the layer. */
void cnn__out_fail(cnn__out *out, cnn_status status, const char *format, ...) CNN_PRINTF(3, 4);

#define CNN__OUT_INPUTS(...) \
    (const char *const[]) { __VA_ARGS__, NULL }

/* ---- out_values.c: forms ---- */

cnn__out_value *cnn__out_value_of(cnn__out *out, uint32_t reference);
/* Input `number` of a node, and the name of that value in a form: made, if it has to be, by nodes that come first. */
cnn__out_value *cnn__out_input(cnn__out *out, const cnn__node *node, uint32_t number);
const char *cnn__out_first(cnn__out *out, cnn__out_value *value);
const char *cnn__out_last(cnn__out *out, cnn__out_value *value);
/* The same whatever its shape, where the values are to lie as here: for a reshape. */
const char *cnn__out_memory(cnn__out *out, cnn__out_value *value);
/* Says what the node made. */
void cnn__out_set(cnn__out *out, const cnn__node *node, const char *name, cnn__out_form form);
void cnn__out_set_like(cnn__out *out, const cnn__node *node, const char *name, const cnn__out_value *input);
void cnn__out_set_flat(cnn__out *out, const cnn__node *node, const char *name, const cnn_shape *image);
/* The node hands on its input. */
void cnn__out_set_same(cnn__out *out, const cnn__node *node, uint32_t input);
/* Whether values lie alike channels first and channels last: one position, or one channel. */
bool cnn__out_same_order(const cnn_shape *sample);
/* From a parameter's axes H, W, C to C, H, W. */
cnn__order cnn__out_channels_first(const cnn_shape *shape);
/* The shape of a sample in a form with the batch as `batch`. */
cnn_shape cnn__out_shape(const cnn_shape *sample, cnn__out_form form, int64_t batch);
/* For a vector with a value for each channel: the shape in which it meets a value in its form, [C, 1, 1]. */
cnn_shape cnn__out_channel_shape(const cnn__out_value *value, int64_t channels);

/* ---- layers ---- */

/* The activation at the end of a layer, on the value that was made as "layer:linear"; `axis` is that of its channels.
 * Without one the layer's value is made at once: `suffix` says under which name. */
const char *cnn__out_linear(int32_t activation);
const char *cnn__out_activation(cnn__out *out, const char *value, int32_t activation, float alpha, int64_t axis);

/* One node each of cnn__out_layers, by kind of layer. */
void cnn__out_conv1d(cnn__out *out, const cnn__node *node);
void cnn__out_conv2d(cnn__out *out, const cnn__node *node);
void cnn__out_conv3d(cnn__out *out, const cnn__node *node);
void cnn__out_depthwise(cnn__out *out, const cnn__node *node);
void cnn__out_separable(cnn__out *out, const cnn__node *node);
void cnn__out_transpose(cnn__out *out, const cnn__node *node);
void cnn__out_transpose3d(cnn__out *out, const cnn__node *node);
void cnn__out_dense(cnn__out *out, const cnn__node *node);
void cnn__out_graph_conv(cnn__out *out, const cnn__node *node);
void cnn__out_max_pool(cnn__out *out, const cnn__node *node);
void cnn__out_average_pool(cnn__out *out, const cnn__node *node);
void cnn__out_adaptive_average(cnn__out *out, const cnn__node *node);
void cnn__out_adaptive_max(cnn__out *out, const cnn__node *node);
void cnn__out_global_average(cnn__out *out, const cnn__node *node);
void cnn__out_global_max(cnn__out *out, const cnn__node *node);
void cnn__out_batch_norm(cnn__out *out, const cnn__node *node);
void cnn__out_lrn(cnn__out *out, const cnn__node *node);
void cnn__out_activate(cnn__out *out, const cnn__node *node);
void cnn__out_prelu(cnn__out *out, const cnn__node *node);
void cnn__out_rescale(cnn__out *out, const cnn__node *node);
void cnn__out_identity(cnn__out *out, const cnn__node *node);
void cnn__out_add(cnn__out *out, const cnn__node *node);
void cnn__out_subtract(cnn__out *out, const cnn__node *node);
void cnn__out_multiply(cnn__out *out, const cnn__node *node);
void cnn__out_concatenate(cnn__out *out, const cnn__node *node);
void cnn__out_flatten(cnn__out *out, const cnn__node *node);
void cnn__out_reshape(cnn__out *out, const cnn__node *node);
void cnn__out_permute(cnn__out *out, const cnn__node *node);
void cnn__out_shuffle(cnn__out *out, const cnn__node *node);
void cnn__out_zero_pad(cnn__out *out, const cnn__node *node);
void cnn__out_crop(cnn__out *out, const cnn__node *node);
void cnn__out_up_sampling(cnn__out *out, const cnn__node *node);
void cnn__out_elementwise(cnn__out *out, const cnn__node *node);
void cnn__out_arithmetic(cnn__out *out, const cnn__node *node);
void cnn__out_matmul(cnn__out *out, const cnn__node *node);
void cnn__out_reduce(cnn__out *out, const cnn__node *node);
void cnn__out_slice(cnn__out *out, const cnn__node *node);
void cnn__out_pad(cnn__out *out, const cnn__node *node);
void cnn__out_resize(cnn__out *out, const cnn__node *node);
void cnn__out_depth_to_space(cnn__out *out, const cnn__node *node);
void cnn__out_space_to_depth(cnn__out *out, const cnn__node *node);
void cnn__out_instance_norm(cnn__out *out, const cnn__node *node);

#endif
