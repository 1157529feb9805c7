/* SPDX-License-Identifier: MIT */
/* A program: the graph as a list of operations for one batch size, with layers fused where that is possible. */
#ifndef CNN_SESSION_PROGRAM_H
#define CNN_SESSION_PROGRAM_H

#include "model/model.h"

/* What a program is for; flags. */
enum {
    CNN__PROGRAM_TRAINING = 1, /* dropout stays, gradients follow */
    CNN__PROGRAM_WHOLE = 2     /* nothing is fused or left out: every layer's output exists */
};

#define CNN__NO_NODE UINT32_MAX

typedef struct cnn__op {
    uint32_t node;
    const cnn__layer_type *type; /* NULL: a caller's kind */
    const cnn_layer_kind *kind;
    const void *user;
    void *state; /* a copy of the layer's state with fusions applied; owned. NULL: `user` is the layer's own */
    uint32_t input_count;
    uint32_t inputs[CNN_LAYER_MAX_INPUTS]; /* value numbers of the program */
    uint32_t output;
    cnn_layer_spec spec;
    cnn__preparation preparation; /* of inference; zeros in training */
    uint32_t absorbed;            /* the node whose parameters were taken over, too; CNN__NO_NODE: none */
    cnn_activation activation;    /* folded in, and to be derived before `backward` */
    float alpha;
    bool frozen;      /* none of its parameters is trained */
    bool has_trained; /* some are */
} cnn__op;

typedef struct cnn__program {
    cnn__op *ops;
    uint32_t op_count;
    cnn_shape *shapes; /* of the values, with the batch; value 0 is the input */
    uint32_t value_count;
    uint32_t *node_values; /* node -> the value that holds its output */
    uint32_t output, logits;
    bool head; /* the last op turns logits into the output */
    uint32_t flags;
} cnn__program;

/* Compiles the model's graph. Errors name the layer and the shapes. */
cnn_status cnn__program_compile(const cnn_model *model, uint32_t flags, int64_t batch, cnn__program *program);
void cnn__program_free(cnn_context *context, cnn__program *program);

#endif
