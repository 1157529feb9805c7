/* SPDX-License-Identifier: MIT */
/** Losses. They work on logits, so that sigmoid and softmax are fused with them and stay stable. */
#ifndef CNN_LOSS_H
#define CNN_LOSS_H

#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/session.h>

CNN_BEGIN_DECLS

/** Immutable; any number of threads may use it. */
typedef struct cnn_loss cnn_loss;

/** What the outputs should be; write it with CNN_TARGET(). Exactly one of `labels` and `values` is given. */
typedef struct cnn_target {
    size_t struct_size;
    const int32_t *labels; /**< [count] class numbers; with one output 0 or 1 */
    const float *values;   /**< [count, outputs]: probabilities from 0 to 1, one-hot or not, whose sum over a sample is
                                not checked; for mean squared error any values. Labels stand for one-hot values */
    const float *weights;  /**< [count]: what each sample's loss and gradient are multiplied by, 0 or more; the mean is
                                still over the number of samples, as in Keras: the sum of weight times loss, divided
                                by `count` (PyTorch's class weights divide by the sum of the weights). NULL: all 1 */
    const char *output;    /**< of cnn_session_loss(): which output of the session it is a target of; NULL: the first */
} cnn_target;

#define CNN_TARGET(...) CNN_OPTIONS(cnn_target, __VA_ARGS__)

/**
 * Binary cross-entropy of the sigmoid of the logits, meant over samples and outputs:
 * max(z, 0) - z y + log(1 + exp(-|z|)), as TensorFlow's sigmoid_cross_entropy_with_logits.
 * Returns CNN_OK, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_binary_cross_entropy_create(cnn_context *context, cnn_loss **loss);

/** Categorical cross-entropy of the softmax of the logits, meant over samples: PyTorch's CrossEntropyLoss.
    Needs at least two outputs. Since 0.1. */
CNN_API cnn_status cnn_categorical_cross_entropy_create(cnn_context *context, cnn_loss **loss);

/**
 * Negative log likelihood, meant over samples, of outputs that are log-probabilities
 * already: PyTorch's NLLLoss. A model that ends in log-softmax gives the same as with
 * categorical cross-entropy; cnn_session_loss() refuses one that ends in sigmoid or softmax.
 * Needs at least two outputs. Since 0.1.
 */
CNN_API cnn_status cnn_negative_log_likelihood_create(cnn_context *context, cnn_loss **loss);

/** Mean squared error over samples and outputs, of the model's output: a sigmoid or softmax that ends the model is part
    of it. Since 0.1. */
CNN_API cnn_status cnn_mean_squared_error_create(cnn_context *context, cnn_loss **loss);

/** Mean absolute error over samples and outputs, of the model's output, as PyTorch's L1Loss; its slope where there is
    no error is 0. Returns as the others. Since 0.1. */
CNN_API cnn_status cnn_mean_absolute_error_create(cnn_context *context, cnn_loss **loss);

/**
 * Huber loss of the model's output, meant over samples and outputs: e^2 / 2 of an error e of at most `delta`, and
 * delta (|e| - delta / 2) of larger ones, as PyTorch's HuberLoss.
 *
 * delta  larger than 0; 0: 1.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_huber_create(cnn_context *context, float delta, cnn_loss **loss);

/** Options of the focal losses; write them with CNN_FOCAL(). A field that is CNN_ZERO means 0. */
typedef struct cnn_focal_options {
    size_t struct_size;
    float gamma; /**< how much less what is easy counts: the power of 1 - p; 0: 2 */
    float alpha; /**< binary: the weight of positives, from 0 to 1, where negatives have 1 - alpha; 0: 0.25; CNN_ZERO
                      (alpha=0 in text): both have 1. Categorical: the weight of all; 0: 1 */
} cnn_focal_options;

#define CNN_FOCAL(...) CNN_OPTIONS(cnn_focal_options, __VA_ARGS__)

/**
 * Focal loss of the sigmoid of the logits (Lin et al. 2017), meant over samples and outputs: alpha_t (1 - p_t)^gamma
 * times the binary cross-entropy, as torchvision's sigmoid_focal_loss. For uneven classes, of one label or several.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_binary_focal_create(cnn_context *context, const cnn_focal_options *options, cnn_loss **loss);

/** Focal loss of the softmax of the logits, meant over samples: the sum over classes of alpha y (1 - p)^gamma (-log p),
    as Keras's CategoricalFocalCrossentropy. Needs at least two outputs. Returns as the binary one. Since 0.1. */
CNN_API cnn_status cnn_categorical_focal_create(cnn_context *context, const cnn_focal_options *options,
                                                cnn_loss **loss);

/** A loss by its name, with options after a colon: "binary_crossentropy", "categorical_crossentropy", "nll", "mse",
    "mae", "huber:delta=1", "binary_focal:gamma=2,alpha=0.25", "categorical_focal:gamma=2,alpha=1". Returns
    CNN_ERROR_NOT_FOUND for others, CNN_ERROR_INVALID_ARGUMENT for options that it has not. Since 0.1. */
CNN_API cnn_status cnn_loss_create(cnn_context *context, const char *name, cnn_loss **loss);

/** The form of text number `index` for cnn_loss_create(), from 0. NULL after the last. Static storage. Thread-safe.
    Since 0.1. */
CNN_API const char *cnn_loss_usage(size_t index);

/** One sample, as a custom loss sees it. */
typedef struct cnn_loss_sample {
    size_t struct_size;
    size_t outputs; /**< values of the sample */
    const float *z; /**< [outputs]: logits, or the model's outputs with `on_output` */
    int32_t label;  /**< its class, where `values` is NULL; with one output 0 or 1 */
    int32_t reserved;
    const float *values; /**< [outputs]: its target; NULL: `label` is */
    float *gradient;     /**< [outputs]: receives the derivative of the loss by each of z; NULL: not wanted */
} cnn_loss_sample;

/** A custom loss: one sample's; the library weights samples and takes the mean. */
typedef struct cnn_loss_kind {
    size_t struct_size;
    const char *name;      /**< for messages and histories; static storage */
    int32_t on_output;     /**< 1: `z` is the model's output, a sigmoid or softmax at its end included; 0: the logits */
    int32_t probabilities; /**< 1: the library refuses target values outside [0, 1] */
    size_t least_outputs;  /**< values of a sample that it needs to make sense; 0: 1 */
    /** Sets *loss to the sample's, in double, and fills `gradient`. Any status but CNN_OK ends the call that asked.
        Called from any thread that uses the loss, at the same time. */
    cnn_status (*sample)(void *user, const cnn_loss_sample *sample, double *loss);
    void (*destroy)(void *user); /**< called by cnn_loss_free(); may be NULL */
} cnn_loss_kind;

/**
 * A custom loss, for cnn_fit(), cnn_evaluate() and cnn_session_loss() like the built-in ones. `kind` is copied; `user`
 * is handed to its functions and destroyed with the loss, but not if this call fails. The batch's loss is the mean over
 * its samples. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_loss_create_custom(cnn_context *context, const cnn_loss_kind *kind, void *user, cnn_loss **loss);

/** Frees the loss; NULL is allowed. Since 0.1. */
CNN_API void cnn_loss_free(cnn_loss *loss);

/** The name, as cnn_loss_create() takes it. Static storage. Since 0.1. */
CNN_API const char *cnn_loss_name(const cnn_loss *loss);

/**
 * The loss of `count` samples of `outputs` values each, summed in double and meant.
 *
 * logits    [count, outputs]; for negative log likelihood log-probabilities, for mean squared error outputs.
 * target    labels or values, and weights if there are any.
 * gradient  receives the gradient by `logits`, [count, outputs]; NULL: not wanted. Not `logits` itself.
 * value     receives the mean.
 *
 * Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT, naming a label out of range: -1 is one here, since a sample without a
 * label has no loss (cnn_evaluate() leaves such samples out); and a weight that is negative or not
 * finite. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_loss_compute(const cnn_loss *loss, const float *logits, const cnn_target *target, size_t count,
                                    size_t outputs, float *gradient, double *value);

/**
 * The loss of a session's last forward pass, of the output that the target names. In a training session the gradient of
 * that output's logits is stored for cnn_session_backward(session, NULL), which goes back from all that were stored: a
 * model with several outputs has a loss for each, `weights` saying how much it counts. In a session with penalties (see
 * cnn_session_options.penalties) those of the model's regularizers are in the value of the first of them.
 * Returns as cnn_loss_compute(); CNN_ERROR_NUMERIC if the loss is not finite; CNN_ERROR_NOT_FOUND if there is no such
 * output; CNN_ERROR_STATE before
 * the first forward pass, and for a second loss of the same logits by way of another output. Since 0.1.
 */
CNN_API cnn_status cnn_session_loss(cnn_session *session, const cnn_loss *loss, const cnn_target *target,
                                    double *value);

CNN_END_DECLS

#endif
