/* SPDX-License-Identifier: MIT */
/**
 * A session runs a model: forward, backward, and on single images.
 */
#ifndef CNN_SESSION_H
#define CNN_SESSION_H

#include <cnn/common.h>
#include <cnn/communicator.h>
#include <cnn/image.h>
#include <cnn/model.h>

CNN_BEGIN_DECLS

/**
 * A model compiled for what is asked of it, with the memory to run: which
 * outputs there are, what can be read beside them, whether layers behave as in
 * training, and which gradients are computed. One thread at a time uses a
 * session; many sessions may run one model at the same time, also under one
 * context. In inference a sample has the same bits in any place of a batch;
 * dense layers take up to four samples by another way than more, so that a few
 * alone may differ in the last bits.
 *
 * Values are told by name: "conv1" is what the layer conv1 makes, "input" an
 * input (that of a model with one, also where it has another name), "vgg16" the
 * first output of a model used as a layer. "conv1:linear"
 * is the value before the activation that is an option of conv1, so that both
 * can be read and asked gradients of.
 */
typedef struct cnn_session cnn_session;

/** Whether something is wanted of a session; 0: as `training` says. */
typedef enum cnn_choice { CNN_BY_DEFAULT = 0, CNN_YES = 1, CNN_NO = 2 } cnn_choice;

/**
 * Options of cnn_session_create(); write them with CNN_SESSION(). Names are read
 * during the call. The gradient of one class's score by the last convolution's
 * output and by the image, in inference behaviour:
 *
 *     const char *by[] = {"block5_conv3", "input"};
 *     cnn_session_create(model, CNN_SESSION(.gradients = by, .gradient_count = 2), &session);
 */
typedef struct cnn_session_options {
    size_t struct_size;
    uint32_t batch;    /**< most samples in a call; 0: 1 */
    uint32_t training; /**< 1: training behaviour and gradients of the parameters, unless said otherwise below */
    uint32_t keep_activations;  /**< 1: every layer's output can be read after a forward pass */
    uint32_t threads;           /**< most threads to use; 0: all of the context's; 1: none but the caller's */
    const char *const *outputs; /**< values to compute; nothing runs that they do not depend on. NULL: the model's */
    size_t output_count;
    const char *const *keep; /**< values that can be read after a forward pass, beside outputs and inputs */
    size_t keep_count;
    const char *const *gradients; /**< values of which a backward pass gives the gradient; they can be read, too */
    size_t gradient_count;
    int32_t training_behavior;   /**< a cnn_choice: dropout is active, normalisations use the batch's statistics */
    int32_t parameter_gradients; /**< a cnn_choice: a backward pass gives the gradients of trained parameters */
    const cnn_shape *input_shapes; /**< [input_shape_count] shapes of a sample of each input, in the model's order, of
                                        another size than the model was built for; rank 0, or not listed: the model's.
                                        Convolutions and poolings take any size; parameters are shared, so no layer may
                                        need others: dense layers need a global pooling before them. Read during the
                                        call. cnn_session_activation() tells the shape of an output */
    size_t input_shape_count;
    int32_t penalties; /**< a cnn_choice: what regularizers say is a part of cnn_session_loss(), and of the gradients
                            that a backward pass gives; if not said, in sessions with gradients of parameters */
    const char *from; /**< a layer whose output is given in place of the first input: nothing before it runs, and
                           nothing there is trained. What was computed once, such as the features of a frozen base,
                           is then the input. NULL: the model's inputs. Since 0.1 */
} cnn_session_options;

#define CNN_SESSION(...) CNN_OPTIONS(cnn_session_options, __VA_ARGS__)

/** Creates a session of a built model. It allocates all that its calls need. Returns CNN_OK, CNN_ERROR_STATE,
    CNN_ERROR_NOT_FOUND for a name that is not there, CNN_ERROR_INVALID_ARGUMENT for a gradient that no output
    depends on, CNN_ERROR_SHAPE for input shapes that a layer cannot take, naming it, CNN_ERROR_LIMIT if it would be
    larger than cnn_context_options.max_session_bytes, CNN_ERROR_OUT_OF_MEMORY. Since 0.1. */
CNN_API cnn_status cnn_session_create(cnn_model *model, const cnn_session_options *options, cnn_session **session);

/** Frees the session; NULL is allowed. Since 0.1. */
CNN_API void cnn_session_free(cnn_session *session);

/**
 * Says where the samples of an input lie: [count, ...] of its shape, for the
 * forward passes that follow, until it is said anew. They must stay valid until
 * those passes, and the backward passes after them, are done.
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND, CNN_ERROR_INVALID_ARGUMENT. Since 0.1.
 */
CNN_API cnn_status cnn_session_set_input(cnn_session *session, const char *name, const float *values);

/**
 * Runs the model forward on `count` samples (1 to batch).
 *
 * inputs  samples of the first input (with the option `from`, outputs of
 *         that layer), as by cnn_session_set_input(), which says where those
 *         of the others lie; NULL: all were said before.
 *
 * If gradients are computed they must stay valid until the backward pass is
 * done. In inference convolutions read filters that are prepared by the first
 * pass after parameters changed, and with a batch normalisation after them
 * folded in, unless activations are kept. Allocates nothing.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, naming an input without samples, CNN_ERROR_BACKEND, or what a caller's
 * layer returned. Since 0.1.
 */
CNN_API cnn_status cnn_session_forward(cnn_session *session, const float *inputs, size_t count);

/** The first output of the last forward pass, [count, ...]: probabilities if the model ends in sigmoid or softmax.
    Valid until the next call on the session. Since 0.1. */
CNN_API const float *cnn_session_output(const cnn_session *session);

/** The logits: the first output before a sigmoid, softmax or log-softmax that ends the model, else the output. Valid as
    cnn_session_output(). Since 0.1. */
CNN_API const float *cnn_session_logits(const cnn_session *session);

/** A value after a forward pass: an output, an input, or what `keep`, `gradients` or keep_activations keep. Valid as
    cnn_session_output(). Returns CNN_OK, CNN_ERROR_NOT_FOUND, CNN_ERROR_STATE if it is not kept or nothing ran yet.
    Since 0.1. */
CNN_API cnn_status cnn_session_activation(const cnn_session *session, const char *name, cnn_tensor *activation);

/**
 * Runs the model backward from the gradient of the first output's logits,
 * [count, ...], after a forward pass of a session with gradients;
 * cnn_session_loss() gives that gradient. NULL: what cnn_session_loss() stored.
 * Gradients are overwritten. A session that lists values in `gradients` can go
 * back several times after one forward pass, from one class after another; in
 * others gradients take the place of what the pass left. Returns CNN_OK, CNN_ERROR_STATE, CNN_ERROR_BACKEND. Since 0.1.
 */
CNN_API cnn_status cnn_session_backward(cnn_session *session, const float *logit_gradients);

/** Where a backward pass begins. This struct is frozen. */
typedef struct cnn_output_gradient {
    const char *output;  /**< name of an output of the session; NULL: the first */
    const float *values; /**< [count, ...], as the output; read during the call */
    int32_t of_logits;   /**< 0: the gradient of the output, 1: of its logits */
    int32_t reserved;    /**< zero */
} cnn_output_gradient;

/**
 * Runs the model backward from gradients of any of its outputs, which are added
 * up: of the first class's probability, {.values = {1, 0, ...}} for each sample.
 * Otherwise as cnn_session_backward(). Returns CNN_OK, CNN_ERROR_NOT_FOUND, CNN_ERROR_INVALID_ARGUMENT,
 * CNN_ERROR_STATE, CNN_ERROR_BACKEND. Since 0.1.
 */
CNN_API cnn_status cnn_session_backward_from(cnn_session *session, const cnn_output_gradient *gradients, size_t count);

/** The gradient of parameter `index` after a backward pass. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT,
    CNN_ERROR_STATE if it is not trained. Valid as long as the session. Since 0.1. */
CNN_API cnn_status cnn_session_gradient(const cnn_session *session, size_t index, cnn_tensor *gradient);

/** The gradient of a value that was listed in `gradients`, after a backward pass. Valid until the next call on the
    session. Returns CNN_OK, CNN_ERROR_NOT_FOUND, CNN_ERROR_STATE if it was not listed or no backward pass was done.
    Since 0.1. */
CNN_API cnn_status cnn_session_value_gradient(const cnn_session *session, const char *name, cnn_tensor *gradient);

/** When a hook is called. The numbers are frozen. */
typedef enum cnn_hook_pass {
    CNN_HOOK_FORWARD = 0, /**< the value has just been computed */
    CNN_HOOK_BACKWARD = 1 /**< its gradient is complete, and nothing before it has read that yet */
} cnn_hook_pass;

/**
 * Receives a value on its way, on the thread that runs the session.
 *
 * name    of the value as the session's options have it: "conv1", "conv1:linear", "input". Valid during the call.
 * tensor  the value, or its gradient, [count, ...]; may be written to: what runs afterwards reads what is there then.
 *
 * It must not call the session. Another status than CNN_OK ends the pass, which returns it.
 */
typedef cnn_status (*cnn_hook_function)(void *user, const char *name, cnn_hook_pass pass, const cnn_tensor *tensor);

/**
 * Calls `hook` in the session's later passes: in a forward pass for each layer's
 * value that can be read (outputs, `keep`, `gradients`, keep_activations), in
 * their order; in a backward pass for each value whose gradient can be read
 * (`gradients`), from the last to the first, inputs at the end. So a program
 * sees and changes what layers hand on, as hooks of PyTorch do. NULL ends that.
 * Costs nothing when not set. Not thread-safe: as all calls of a session.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_UNSUPPORTED with a backend whose memory is its own.
 * Since 0.1.
 */
CNN_API cnn_status cnn_session_set_hook(cnn_session *session, cnn_hook_function hook, void *user);

/**
 * What the regularizers of the model add to the loss: penalties of all parameters as they are now, frozen ones
 * included, and, in a session with penalties, of what layers gave in the last forward pass. See cnn_regularizer.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_STATE before a forward pass, CNN_ERROR_UNSUPPORTED if the
 * backend owns its memory and has no penalties. One thread at a time, as for all calls on a session. Since 0.1.
 */
CNN_API cnn_status cnn_session_penalty(const cnn_session *session, double *penalty);

/** The model of a session. Since 0.1. */
CNN_API cnn_model *cnn_session_model(const cnn_session *session);

/* ---- one of several ranks ---- */

/**
 * Makes the session one rank's of several that train together: cnn_session_backward() hands the gradients of the
 * parameters to the communicator, block by block as they are finished, and returns when the sums over all ranks are in
 * their place; cnn_session_set_share() says what a rank's samples count. All ranks make the same passes; penalties of
 * parameters are added once. A rank without samples of a batch sets a share of 0 and calls cnn_session_backward()
 * alone, without a forward pass. One whose backward pass fails gives zeros for what it has not given yet, so that no
 * rank waits; cnn_communicator_agree() tells the others, as it does, before all go backward, of one that failed
 * earlier. cnn_fit() does all this by itself. NULL, or a communicator of size 1: alone. Shares begin anew, with all of
 * a batch.
 *
 * Returns CNN_OK, CNN_ERROR_STATE if the session has no gradients of parameters, CNN_ERROR_INVALID_ARGUMENT,
 * CNN_ERROR_OUT_OF_MEMORY. Not thread-safe for one session. Since 0.1.
 */
CNN_API cnn_status cnn_session_set_communicator(cnn_session *session, const cnn_communicator *communicator);

/**
 * Says which part of a batch the next passes are of, where several ranks have a part each.
 *
 * before  samples of the batch that lie before these: random numbers are those of the whole batch.
 * share   these samples' number divided by that of the whole batch, 0 to 1: what cnn_session_loss() multiplies
 *         gradients by, so that their sum over all ranks is that of the mean over the batch. It does not change the
 *         loss, which is that of these samples.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT. Not thread-safe for one session. Since 0.1.
 */
CNN_API cnn_status cnn_session_set_share(cnn_session *session, uint64_t before, double share);

/* ---- prediction of single images ---- */

/** One class of a prediction; of CNN_TASK_LABELS one label, of CNN_TASK_VALUES one number. This struct is frozen. */
typedef struct cnn_prediction {
    int32_t label;     /**< class number */
    float probability; /**< softmax or sigmoid of the logits, calibrated where the model has a decision that does so;
                            of CNN_TASK_VALUES the value */
    const char *name;  /**< class name, NULL if the model has none; valid as long as the model */
} cnn_prediction;

/**
 * Predicts the class of an image with the model's own preprocessing. A grey
 * image is taken as RGB by a model that reads RGB, and the reverse. The image is
 * decoded already: which way up it is and on which background is the caller's
 * to choose (steps orient and background of the preprocessing, which
 * cnn_session_predict_file() and _memory() follow).
 *
 * predictions  receives the most probable classes, best first; of two classes the one that the model's decision is for
 *              comes first. Labels as classes; values in the order of the outputs.
 * count        in: room; out: classes written, at most the number of classes.
 *
 * Returns CNN_OK, CNN_ERROR_STATE (no preprocessing set), CNN_ERROR_SHAPE, CNN_ERROR_INVALID_ARGUMENT,
 * CNN_ERROR_NUMERIC if an output is not a finite number, so that no class is the best, and the statuses of
 * cnn_session_forward(). The session's batch is at least 1. Since 0.1.
 */
CNN_API cnn_status cnn_session_predict_image(cnn_session *session, const cnn_image *image, cnn_prediction *predictions,
                                             size_t *count);

/**
 * Decodes an image file exactly as loaders do with the model's
 * preprocessing, a large JPEG at a reduced size included, and predicts it.
 * Returns as cnn_image_load() and cnn_session_predict_image(). Since 0.1.
 */
CNN_API cnn_status cnn_session_predict_file(cnn_session *session, const char *path, cnn_prediction *predictions,
                                            size_t *count);

/** The same for an image file that lies in memory; `data` is needed only during the call. Since 0.1. */
CNN_API cnn_status cnn_session_predict_memory(cnn_session *session, const void *data, size_t size,
                                              cnn_prediction *predictions, size_t *count);

/**
 * The values that cnn_session_predict_image() runs the model on: the image
 * after the model's own preprocessing.
 *
 * values    receives one sample of the model's first input.
 * capacity  how many values there is room for.
 *
 * Returns CNN_OK; CNN_ERROR_STATE (no preprocessing set); CNN_ERROR_UNSUPPORTED if the preprocessing makes several
 * views of an image; CNN_ERROR_LIMIT if capacity is too small; CNN_ERROR_SHAPE; CNN_ERROR_INVALID_ARGUMENT;
 * CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_session_prepare_image(cnn_session *session, const cnn_image *image, float *values,
                                             size_t capacity);

/** The same for an image file, decoded as cnn_session_predict_file() does. Returns as cnn_image_load() and
    cnn_session_prepare_image(). Since 0.1. */
CNN_API cnn_status cnn_session_prepare_file(cnn_session *session, const char *path, float *values, size_t capacity);

/** The same for an image file that lies in memory; `data` is needed only during the call. Since 0.1. */
CNN_API cnn_status cnn_session_prepare_memory(cnn_session *session, const void *data, size_t size, float *values,
                                              size_t capacity);

CNN_END_DECLS

#endif
