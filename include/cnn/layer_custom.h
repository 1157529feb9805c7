/* SPDX-License-Identifier: MIT */
/** A caller's own layer, by the table of functions that the library's own layers have too. */
#ifndef CNN_LAYER_CUSTOM_H
#define CNN_LAYER_CUSTOM_H

#include <cnn/layer_common.h>

CNN_BEGIN_DECLS

/** Most parameters and most inputs of one layer. */
#define CNN_LAYER_MAX_PARAMETERS 8
#define CNN_LAYER_MAX_INPUTS 16

/** One parameter of a layer. This struct is frozen, and so are the two numbers above: cnn_layer_spec holds it by
    value. */
typedef struct cnn_parameter_spec {
    const char *name;           /**< "kernel", "bias", ...; static storage */
    cnn_shape shape;
    cnn_initializer init;
    int64_t fan_in, fan_out;    /**< for the initializer */
    int32_t trainable;          /**< 0: a statistic that the layer itself updates */
    int32_t decay;              /**< 1: weight decay applies even when biases are left out of it */
    int32_t type;               /**< a cnn_element_type; only CNN_FLOAT32 so far */
    int32_t reserved;           /**< zero */
} cnn_parameter_spec;

/** What the loss and the steps of an optimizer do with a parameter beyond its gradient. This struct is frozen. */
typedef struct cnn_parameter_rules {
    cnn_regularizer regularizer;
    cnn_constraint constraint; /**< its defaults filled in: `axes` not 0, but for CNN_CONSTRAINT_NON_NEGATIVE */
} cnn_parameter_rules;

/** What a layer says when shapes are inferred. Zeroed before `infer` is called. */
typedef struct cnn_layer_spec {
    size_t struct_size;
    cnn_shape output;          /**< with the batch as dims[0] */
    uint32_t parameter_count;
    uint32_t reserved;
    cnn_parameter_spec parameters[CNN_LAYER_MAX_PARAMETERS];
    size_t saved_size;         /**< bytes kept from forward to backward */
    size_t workspace_size;     /**< bytes of scratch for a forward or backward call */
    int32_t in_place;          /**< 1: output may be the first input; never if that is a further input too */
    int32_t backward_needs_input;  /**< 1: `backward` reads the inputs */
    int32_t backward_needs_output; /**< 1: `backward` reads the output */
    int32_t changes_rows;      /**< 1: dims[0] of the output may be another multiple of the number of samples than
                                    that of the inputs; see cnn_reshape() */
    cnn_op_answer answer;      /**< cnn_backend_query()'s about the operation that the layer is, for its calls; zeros if
                                    it asked nothing */
    cnn_parameter_rules rules[CNN_LAYER_MAX_PARAMETERS]; /**< of the parameters of the same numbers, where they are
                                                              trainable */
    cnn_regularizer activity_regularizer;                /**< of the output */
} cnn_layer_spec;

/** One forward or backward call of a layer. */
typedef struct cnn_layer_call {
    size_t struct_size;
    const cnn_backend_call *backend;  /**< arithmetic, threads and workspace, for cnn_backend_run(). Arrays may be
                                           handles of a backend that owns its memory: see cnn/backend.h */
    int32_t training;                 /**< 1: training behaviour; gradients may be asked for with 0 as well */
    uint32_t input_count;
    const cnn_shape *input_shapes;    /**< with the number of samples of this call as dims[0] */
    cnn_shape output_shape;           /**< likewise */
    const float *const *inputs;
    float *output;                    /**< forward: to be written. backward: as it was written */
    float *output_gradient;           /**< backward only; may be overwritten */
    float *const *input_gradients;    /**< backward only, to be overwritten; an entry is NULL where none is needed */
    float *const *parameters;
    float *const *parameter_gradients; /**< backward only, to be overwritten; an entry is NULL where none is needed */
    void *saved;                      /**< saved_size bytes; NULL in inference without gradients */
    uint64_t key[2];                  /**< of this layer's random numbers in this step */
    int32_t frozen;                   /**< 1 if none of the layer's parameters is trained */
    int32_t derived;                  /**< backward of the library's own layers: 1 if the derivative of a folded
                                           activation is in output_gradient already; a caller's layer ignores it */
    const cnn_op_answer *answer;      /**< the spec's, for the arguments of the operation; NULL if it has none */
    uint64_t before;                  /**< samples that lie before these in the whole batch, where several processes
                                           have a part of it each: random numbers are those of the whole one */
    /** Adds values over all processes that have a part of the batch, in place, for statistics of the whole one; NULL:
        those of these samples are wanted, as always of a caller's layer. */
    cnn_status (*sum)(void *user, double *values, size_t count);
    void *sum_user;
} cnn_layer_call;

/**
 * A kind of layer: what the library's own layers are made of, and a caller's.
 * Functions may be called from several threads at the same time; `user` is
 * read only, except in `destroy`.
 */
typedef struct cnn_layer_kind {
    size_t struct_size;
    const char *type;   /**< as the summary names it, "Conv2D"; static storage */
    const char *prefix; /**< of automatic names, "conv2d"; static storage */
    /** Checks the input shapes (the batch is dims[0]) and fills `spec`. On a mismatch writes the reason to
        `reason` (`reason_size` bytes) and returns a status. `backend` and `threads` are for
        cnn_backend_query(). */
    cnn_status (*infer)(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size);
    cnn_status (*forward)(const void *user, const cnn_layer_call *call);
    cnn_status (*backward)(const void *user, const cnn_layer_call *call);
    void (*destroy)(void *user); /**< may be NULL */
} cnn_layer_kind;

/**
 * A custom layer. `kind` is copied; `user` is handed to its functions
 * and destroyed with the layer. Models that hold such a layer train and run,
 * and cnn_model_save() returns CNN_ERROR_UNSUPPORTED naming it. Since 0.1.
 */
CNN_API cnn_layer *cnn_custom_layer(cnn_context *context, const cnn_layer_kind *kind, void *user, const char *name);

CNN_END_DECLS

#endif
