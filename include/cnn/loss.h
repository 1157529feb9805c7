/* SPDX-License-Identifier: MIT */
/** Losses. They work on logits, so that sigmoid and softmax are fused with them and stay stable. */
#ifndef CNN_LOSS_H
#define CNN_LOSS_H

#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/model.h>

CNN_BEGIN_DECLS

/** Immutable; any number of threads may use it. */
typedef struct cnn_loss cnn_loss;

/** What the outputs should be; write it with CNN_TARGET(). Exactly one field is given. */
typedef struct cnn_target {
    size_t struct_size;
    const int32_t *labels; /**< [count] class numbers; with one output 0 or 1 */
    const float *values;   /**< [count, outputs]: probabilities from 0 to 1, one-hot or not, whose sum over a sample is
                                not checked; for mean squared error any values. Labels stand for one-hot values */
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

/** A loss by its name: "binary_crossentropy", "categorical_crossentropy", "nll", "mse". Returns CNN_ERROR_NOT_FOUND for
    others. Since 0.1. */
CNN_API cnn_status cnn_loss_create(cnn_context *context, const char *name, cnn_loss **loss);

/** Frees the loss; NULL is allowed. Since 0.1. */
CNN_API void cnn_loss_free(cnn_loss *loss);

/** The name, as cnn_loss_create() takes it. Static storage. Since 0.1. */
CNN_API const char *cnn_loss_name(const cnn_loss *loss);

/**
 * The loss of `count` samples of `outputs` values each, summed in double and meant.
 *
 * logits    [count, outputs]; for negative log likelihood log-probabilities, for mean squared error outputs.
 * target    labels or values.
 * gradient  receives the gradient by `logits`, [count, outputs]; NULL: not wanted. Not `logits` itself.
 * value     receives the mean.
 *
 * Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT, naming a label out of range: -1 is one here, since a sample without a
 * label has no loss (cnn_evaluate() leaves such samples out). Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_loss_compute(const cnn_loss *loss, const float *logits, const cnn_target *target, size_t count,
                                    size_t outputs, float *gradient, double *value);

/**
 * The loss of a session's last forward pass. In a training session the gradient of the logits is stored for
 * cnn_session_backward(session, NULL). Returns as cnn_loss_compute(); CNN_ERROR_NUMERIC if the loss is not
 * finite; CNN_ERROR_STATE before the first forward pass. Since 0.1.
 */
CNN_API cnn_status cnn_session_loss(cnn_session *session, const cnn_loss *loss, const cnn_target *target,
                                    double *value);

CNN_END_DECLS

#endif
