/* SPDX-License-Identifier: MIT */
/** Optimizers: how parameters follow their gradients. */
#ifndef CNN_OPTIMIZER_H
#define CNN_OPTIMIZER_H

#include <cnn/backend.h>
#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/model.h>
#include <cnn/session.h>

CNN_BEGIN_DECLS

/** Holds its slots (velocities, moments) for one model, from its first step on. One thread at a time uses it. */
typedef struct cnn_optimizer cnn_optimizer;

/** Options of cnn_sgd_create(); write them with CNN_SGD(). */
typedef struct cnn_sgd_options {
    size_t struct_size;
    float learning_rate; /**< 0: 0.01 */
    float momentum;      /**< 0: none */
    int32_t nesterov;    /**< 1: Nesterov's form */
    int32_t convention;  /**< CNN_PYTORCH, CNN_TENSORFLOW1: v = m v + g, w -= lr v. CNN_KERAS: v = m v - lr g,
                              w += v. They differ once the learning rate changes */
    float weight_decay;  /**< adds weight_decay * w to the gradient, after clipping (TensorFlow's l2_loss times it;
                              Keras's l2(d) is 2d) */
    int32_t decay_kernels_only; /**< 1: weight decay leaves biases and normalisation alone; 0: all, as PyTorch */
    float clip_norm;     /**< scales the whole gradient of the loss down to this L2 norm; 0: not. Clipping comes before
                              weight decay, by norm before by value */
    float clip_value;    /**< clips each gradient value to [-clip_value, clip_value]; 0: not */
} cnn_sgd_options;

#define CNN_SGD(...) CNN_OPTIONS(cnn_sgd_options, __VA_ARGS__)

/** Stochastic gradient descent with momentum. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY.
    Since 0.1. */
CNN_API cnn_status cnn_sgd_create(cnn_context *context, const cnn_sgd_options *options, cnn_optimizer **optimizer);

/** Options of cnn_rmsprop_create(); write them with CNN_RMSPROP(). */
typedef struct cnn_rmsprop_options {
    size_t struct_size;
    float learning_rate; /**< 0: 0.001 (Keras, TensorFlow 1), 0.01 (PyTorch) */
    int32_t convention;  /**< CNN_KERAS: rho 0.9, w -= lr g / (sqrt(v) + 1e-7). CNN_PYTORCH: alpha 0.99, epsilon 1e-8
                              outside the root. CNN_TENSORFLOW1: decay 0.9, epsilon 1e-10 inside the root, v begins
                              at 1 */
    float rho;           /**< decay of the square average; 0: by convention; CNN_ZERO: 0 */
    float epsilon;       /**< 0: by convention; CNN_ZERO: 0 */
    float momentum;      /**< 0: none. CNN_PYTORCH: b = m b + g / (sqrt(v) + epsilon), w -= lr b. CNN_KERAS and
                              CNN_TENSORFLOW1: b = m b + lr g / sqrt(v + epsilon), w -= b: with momentum Keras's
                              epsilon is inside the root too. They differ once the learning rate changes */
    float weight_decay;  /**< as in cnn_sgd_options */
    int32_t decay_kernels_only; /**< as in cnn_sgd_options */
    float clip_norm;     /**< as in cnn_sgd_options */
    float clip_value;    /**< as in cnn_sgd_options */
} cnn_rmsprop_options;

#define CNN_RMSPROP(...) CNN_OPTIONS(cnn_rmsprop_options, __VA_ARGS__)

/** RMSprop (Tieleman and Hinton 2012). Statuses as cnn_sgd_create(). Since 0.1. */
CNN_API cnn_status cnn_rmsprop_create(cnn_context *context, const cnn_rmsprop_options *options,
                                      cnn_optimizer **optimizer);

/** Options of cnn_adam_create(); write them with CNN_ADAM(). */
typedef struct cnn_adam_options {
    size_t struct_size;
    float learning_rate; /**< 0: 0.001 */
    int32_t convention;  /**< CNN_PYTORCH: Algorithm 1 of the paper, epsilon 1e-8. CNN_KERAS, CNN_TENSORFLOW1: the form
                              before section 2.1 with epsilon-hat, 1e-7 and 1e-8 */
    float beta1;         /**< 0: 0.9; CNN_ZERO: 0 */
    float beta2;         /**< 0: 0.999; CNN_ZERO: 0 */
    float epsilon;       /**< 0: by convention; CNN_ZERO: 0 */
    float weight_decay;  /**< as in cnn_sgd_options */
    int32_t decay_kernels_only; /**< as in cnn_sgd_options */
    float clip_norm;     /**< as in cnn_sgd_options */
    float clip_value;    /**< as in cnn_sgd_options */
} cnn_adam_options;

#define CNN_ADAM(...) CNN_OPTIONS(cnn_adam_options, __VA_ARGS__)

/** Adam (Kingma and Ba 2015). Statuses as cnn_sgd_create(). Since 0.1. */
CNN_API cnn_status cnn_adam_create(cnn_context *context, const cnn_adam_options *options, cnn_optimizer **optimizer);

/**
 * AdamW (Loshchilov and Hutter 2019): the options of Adam, but the weight decay is no part of the gradient: each step
 * first multiplies the weights by 1 - learning_rate weight_decay, as PyTorch's and Keras's AdamW. A weight_decay of 0
 * is 0.01; CNN_ZERO: none. Statuses as cnn_sgd_create(). Since 0.1.
 */
CNN_API cnn_status cnn_adamw_create(cnn_context *context, const cnn_adam_options *options, cnn_optimizer **optimizer);

/** Options of cnn_muon_create(); write them with CNN_MUON(). */
typedef struct cnn_muon_options {
    size_t struct_size;
    float learning_rate;  /**< 0: 0.02 */
    float momentum;       /**< of kernels of convolutions; 0: 0.95; CNN_ZERO: none */
    int32_t plain;        /**< 1: the momentum itself; 0: Nesterov's form of it, as published */
    int32_t iterations;   /**< Newton-Schulz iterations, up to 100; 0: 5 */
    int32_t normalize;    /**< 1: before each step a kernel is scaled to the norm sqrt(filters), as the 94 % recipes of
                               CIFAR-10 do, and the step is not stretched; 0: not */
    float other_factor;   /**< of the learning rate, for all other parameters; 0: 1; CNN_ZERO: 0 */
    float other_momentum; /**< theirs; 0: `momentum`; CNN_ZERO: none */
    float weight_decay;   /**< of kernels decoupled, as AdamW's; of the others as in cnn_sgd_options; 0: none */
    int32_t decay_kernels_only; /**< as in cnn_sgd_options */
    float clip_norm;      /**< as in cnn_sgd_options */
    float clip_value;     /**< as in cnn_sgd_options */
    int32_t convention;   /**< of the other parameters, as in cnn_sgd_options */
} cnn_muon_options;

#define CNN_MUON(...) CNN_OPTIONS(cnn_muon_options, __VA_ARGS__)

/**
 * Muon (Jordan et al. 2024) for kernels of convolutions: w -= rate s O, where O is near the orthogonal matrix that is
 * nearest to the momentum, a matrix with one row for each filter, by Newton-Schulz iterations with the published
 * quintic, and s = sqrt(max(1, filters / values of a filter)), as PyTorch's Muon. All other parameters (dense layers,
 * biases, normalisations) follow SGD with momentum in the same form. Statuses as cnn_sgd_create(). Since 0.1.
 */
CNN_API cnn_status cnn_muon_create(cnn_context *context, const cnn_muon_options *options, cnn_optimizer **optimizer);

/** Options of cnn_optimizer_set_lookahead(); write them with CNN_LOOKAHEAD(). */
typedef struct cnn_lookahead_options {
    size_t struct_size;
    uint32_t every; /**< steps from one step of the slow weights to the next; 0: 5 */
    float alpha;    /**< how far these go, up to 1; 0: 0.5 */
} cnn_lookahead_options;

#define CNN_LOOKAHEAD(...) CNN_OPTIONS(cnn_lookahead_options, __VA_ARGS__)

/**
 * Lookahead (Zhang et al. 2019) around an optimizer of any rule: after every `every` steps the weights become
 * slow + alpha (weights - slow), where slow is what they were before these steps. Moments and velocities stay. It costs
 * a slot, which checkpoints hold. To be chosen before the first step, once.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_STATE. Since 0.1.
 */
CNN_API cnn_status cnn_optimizer_set_lookahead(cnn_optimizer *optimizer, const cnn_lookahead_options *options);

/** A custom rule. */
typedef struct cnn_optimizer_kind {
    size_t struct_size;
    const char *name;    /**< static storage */
    uint32_t slots;      /**< arrays of the weights' size that the rule keeps, 0 to 4; they begin at 0 */
    float learning_rate; /**< to begin with; 0 is 0 here, since a custom rule has no default: set one later */
    /** Updates n weights in place; `step` counts from 1. Called once for each parameter and step. */
    cnn_status (*update)(void *user, uint64_t step, float learning_rate, size_t n, float *weights,
                         const float *gradients, float *const *slots);
    void (*destroy)(void *user); /**< may be NULL */
} cnn_optimizer_kind;

/** A custom optimizer; `kind` is copied. Statuses as cnn_sgd_create(). Since 0.1. */
CNN_API cnn_status cnn_optimizer_create_custom(cnn_context *context, const cnn_optimizer_kind *kind, void *user,
                                               cnn_optimizer **optimizer);

/**
 * A built-in optimizer by name with options, "adam:learning_rate=0.001,beta1=0.5,convention=pytorch": the fields of the
 * option struct, those not given at their defaults. A 0 that is written is 0. "+lookahead:every=5,alpha=0.5" may
 * follow, with its options or without. `optimizer` receives the handle, NULL on
 * failure; free it with cnn_optimizer_free(). Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT with the place in the text or
 * the option that is out of range, CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_optimizer_create(cnn_context *context, const char *text, cnn_optimizer **optimizer);

/** The form of text number `index` for cnn_optimizer_create(), from 0: the name and all options. NULL after the last.
    Static storage. Thread-safe. Since 0.1. */
CNN_API const char *cnn_optimizer_usage(size_t index);

/** A group of parameters; write it with CNN_GROUP(). */
typedef struct cnn_group_options {
    size_t struct_size;
    const char *pattern; /**< of names, as cnn_model_set_trainable() has them: "fc*", "bn*"; required; copied */
    float factor;        /**< of the learning rate, whatever a schedule makes of that; 0: as it is; CNN_ZERO: 0 */
    float weight_decay;  /**< in place of the optimizer's, also where that leaves biases alone; 0: the optimizer's;
                              CNN_ZERO: none */
} cnn_group_options;

#define CNN_GROUP(...) CNN_OPTIONS(cnn_group_options, __VA_ARGS__)

/**
 * Gives the parameters that a pattern means another learning rate, or another
 * weight decay: a tenth of the rate for what was trained before, no decay for
 * biases and normalisations,
 *
 *     cnn_optimizer_add_group(optimizer, CNN_GROUP(.pattern = "layer*", .factor = 0.1f));
 *     cnn_optimizer_add_group(optimizer, CNN_GROUP(.pattern = "bn*", .weight_decay = CNN_ZERO));
 *
 * Where several groups mean a parameter, what a later one says counts, number
 * by number. It holds from the next step on, which refuses a pattern that means
 * no parameter of the model (CNN_ERROR_NOT_FOUND). Checkpoints hold the groups,
 * and are loaded with the same ones only.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_UNSUPPORTED for a weight decay with a custom rule,
 * CNN_ERROR_LIMIT (1024 groups), CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_optimizer_add_group(cnn_optimizer *optimizer, const cnn_group_options *group);

/** The same from text, groups joined by '+': "layer*:factor=0.1+bn*:weight_decay=0". On failure no group is added.
    Returns as cnn_optimizer_add_group(), CNN_ERROR_INVALID_ARGUMENT with the place in the text. Since 0.1. */
CNN_API cnn_status cnn_optimizer_add_groups(cnn_optimizer *optimizer, const char *text);

/** Frees the optimizer; NULL is allowed. Since 0.1. */
CNN_API void cnn_optimizer_free(cnn_optimizer *optimizer);

/** The rule's name: "sgd", "rmsprop", "adam", "adamw", "muon" or the custom one's. Valid as long as the optimizer.
    Since 0.1. */
CNN_API const char *cnn_optimizer_name(const cnn_optimizer *optimizer);

/** The learning rate. Since 0.1. */
CNN_API float cnn_optimizer_learning_rate(const cnn_optimizer *optimizer);

/** Sets the learning rate from the next step on; 0 is allowed. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT if negative
    or not finite. Since 0.1. */
CNN_API cnn_status cnn_optimizer_set_learning_rate(cnn_optimizer *optimizer, float learning_rate);

/** Steps taken. Since 0.1. */
CNN_API uint64_t cnn_optimizer_steps(const cnn_optimizer *optimizer);

/**
 * Updates the trainable parameters of the session's model from its gradients,
 * and holds them to the constraints of their layers.
 * The first step allocates the slots; later ones allocate nothing. The gradients
 * are those of the last cnn_session_backward(): without a new one a further step
 * goes on with the same, and before the first they are 0.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT (NULL), CNN_ERROR_STATE (no training session, or another model's
 * optimizer), CNN_ERROR_NOT_FOUND (a group means no parameter), CNN_ERROR_NUMERIC (clipping found a gradient that is
 * not finite; nothing was changed), CNN_ERROR_OUT_OF_MEMORY, CNN_ERROR_BACKEND, CNN_ERROR_UNSUPPORTED (constraints on a
 * backend that owns its memory and has none), or what the `update` of a custom rule returned: the parameters before
 * the one that failed are then updated already, and the step is not counted. Since 0.1.
 */
CNN_API cnn_status cnn_optimizer_step(cnn_optimizer *optimizer, cnn_session *session);

/**
 * What weight decay would be as a part of the loss: the sum over all trained
 * parameters of weight_decay / 2 times the squares of their values, with the
 * decay that groups give them; TensorFlow's l2_loss of all variables times the
 * factor. cnn_session_loss() leaves it out: the optimizer adds its gradient by
 * itself. A custom rule has none.
 *
 * penalty  receives it, for the parameters as they are now.
 *
 * The first call for a session may allocate, later ones do not. One thread at a time, as for steps of the session.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT (NULL), CNN_ERROR_STATE and CNN_ERROR_NOT_FOUND as cnn_optimizer_step(),
 * CNN_ERROR_OUT_OF_MEMORY, CNN_ERROR_BACKEND. Since 0.1.
 */
CNN_API cnn_status cnn_optimizer_decay_penalty(const cnn_optimizer *optimizer, cnn_session *session, double *penalty);

CNN_END_DECLS

#endif
