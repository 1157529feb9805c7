/* SPDX-License-Identifier: MIT */
/* Tensors of other programs and how they find their parameters.
 *
 * A list of tensors (weights.c) is filled by whoever knows a file: safetensors.c and torch.c their files, a
 * caller of the library any other. Each tensor is split into the module that it belongs to
 * and its role there (modules.c); modules find layers by name, or else all in order (match.c); what a role is called
 * and how its axes lie is one table (roles.c). Then all is compared, and only then values are read, one tensor at a
 * time, and put in order (permute.c). */
#ifndef CNN_EXCHANGE_WEIGHTS_H
#define CNN_EXCHANGE_WEIGHTS_H

#include <cnn/exchange.h>

#include "core/context.h"
#include "core/table.h"

/* No module, no tensor. */
#define CNN__NONE SIZE_MAX

typedef struct cnn__weight {
    char *name, *group; /* group: NULL if there is none */
    char type[16];
    cnn_shape shape;
    uint64_t id;
    bool readable; /* of a type and rank that values can be made of */
    /* modules.c */
    char *module;     /* "layer1.0.bn1", "conv1", "vgg16/block1_conv1" */
    const char *role; /* "weight", "kernel"; lies behind `module` */
    int32_t number;   /* Keras 3's "vars/0": the role is the layer's parameter of that number; -1: `role` tells */
    size_t next;      /* of the same module; CNN__NONE: the last */
    bool used;
} cnn__weight;

struct cnn_weights {
    cnn_context *context;
    char *name;
    int32_t layout;
    cnn_weights_read_function read;
    void *user;
    void (*close)(void *user); /* NULL: `user` is the caller's */
    bool sorted;               /* the file's order is that of names, not of the program */
    cnn__weight *entries;
    size_t count, capacity;
};

/* As cnn_weights_add() with what a reader knows. `readable` false: only to be reported. */
cnn_status cnn__weights_add(cnn_weights *weights, const cnn_weight *weight, uint64_t id, bool readable);

/* One parameter of a kind of layer in all layouts. Letters are axes: h, w, i(n), o(ut), m(ultiplier), c(hannels). */
typedef struct cnn__role {
    const char *type;      /* of the layer */
    const char *parameter; /* here */
    const char *axes;      /* here */
    const char *names[3];  /* by cnn_weights_layout; NULL: that program has none */
    const char *others[3]; /* their axes */
} cnn__role;

/* The first line of the table for a parameter, or the next one after `after`; NULL if there is none. */
const cnn__role *cnn__role_find(const char *type, const char *parameter, const cnn__role *after);
/* Whether any layer has a parameter of this name in a layout. */
bool cnn__role_is_known(const char *name, int32_t layout);

/* ---- permute.c ---- */

/* Values in other orders: axis d of the result is axis axes[d] of what is read. */
typedef struct cnn__order {
    cnn_shape from; /* as the values lie */
    uint32_t axes[CNN_MAX_RANK];
} cnn__order;

bool cnn__order_is_plain(const cnn__order *order);
void cnn__reorder(const cnn__order *order, const float *from, float *to);

/* ---- roles in other layouts (roles.c) ---- */

/* The order of the values of a parameter in another layout; false if it has no name there. `flat`: the image that its
 * layer reads flattened; rank 0: none. */
bool cnn__match_order(const cnn__role *role, int32_t layout, const cnn_shape *shape, const cnn_shape *flat,
                      cnn__order *order, char axes[40]);
/* The shape that the parameter's tensor has to have in another layout. */
cnn_shape cnn__foreign_shape(const cnn__role *role, int32_t layout, const cnn_shape *shape);

/* ---- match.c ---- */

/* Where a parameter comes from. */
typedef struct cnn__source {
    size_t weight;    /* CNN__NONE: nowhere */
    bool fits;        /* in shape */
    cnn_shape wanted; /* that a tensor of the file has to have */
    bool optional;    /* nothing is missed */
    cnn__order order;
    char axes[40]; /* for the report; "": as they are */
} cnn__source;

typedef struct cnn__matching {
    cnn__source *sources; /* one for each parameter of the model */
    bool by_order;
} cnn__matching;

struct cnn_model;
struct cnn__node;
struct cnn__parameter;

enum { CNN__TORCH_NAME = 32 };

/* What torchvision calls a layer where that is another name; NULL: it is not. `name`: the node's, or its end without
 * the names of the models that the layer is in. */
const char *cnn__torch_name(const struct cnn_model *model, uint32_t node, const char *name,
                            char torch[CNN__TORCH_NAME]);

/* Finds the tensors of a model whose shapes are inferred. `chw`: dense layers behind a flattened image read it in
 * channel-first order. The matching is freed by cnn__free(context, matching->sources), also after a failure. */
cnn_status cnn__match(const struct cnn_model *model, cnn_weights *weights, bool chw, cnn__matching *matching);
/* Whether a parameter is the scale or shift of a normalisation that has none; here it is there all the same. */
bool cnn__is_fixed(const struct cnn__parameter *parameter);
/* Whether a node is a convolution with a group for each of its input's channels; `kernel`: the shape of its filters. */
bool cnn__is_depthwise(const struct cnn_model *model, const struct cnn__node *node, const cnn_shape *kernel);
/* The image that each node's output is, flattened: rank 3, or rank 0. NULL without memory; freed by the caller. */
cnn_shape *cnn__flattened(const struct cnn_model *model);

/* Tells the options' function, and counts. */
void cnn__report(const struct cnn_model *model, const cnn_weights *weights, const cnn__matching *matching,
                 const cnn_import_options *options, cnn_weights_report *report);
/* CNN_ERROR_MISMATCH naming the first parameter that does not fit, unless the options are for part of them. */
cnn_status cnn__check_sources(const struct cnn_model *model, const cnn_weights *weights, const cnn__matching *matching,
                              bool partial);
/* Reads what was found to `values`, by cnn__parameter.offset; NULL: to the parameters themselves. */
cnn_status cnn__read_sources(const struct cnn_model *model, const cnn_weights *weights, const cnn__matching *matching,
                             float *values);

/* Splits the names of all tensors into module and role. */
cnn_status cnn__split_names(const struct cnn_model *model, cnn_weights *weights);

/* ---- readers of files ---- */

cnn_status cnn__weights_open_safetensors(cnn_context *context, const char *path, cnn_weights **weights);

#endif
