/* SPDX-License-Identifier: MIT */
/**
 * A model is a graph of layers with their parameters, class names and
 * preprocessing. Once built it can be shared: sessions run it.
 */
#ifndef CNN_MODEL_H
#define CNN_MODEL_H

#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/layer.h>
#include <cnn/pipeline.h>

CNN_BEGIN_DECLS

/**
 * Built by one thread; then read by any number of them at the same time, as
 * long as none trains it, loads into it or changes it.
 */
typedef struct cnn_model cnn_model;

/** Options of cnn_model_create(); write them with CNN_MODEL(). */
typedef struct cnn_model_options {
    size_t struct_size;
    const char *name; /**< at most 255 bytes; NULL: "model" */
    int32_t input[3]; /**< height, width, channels of an image; for plain vectors {n, 0, 0}; required, unless `shape`
                           is given */
    cnn_shape shape;  /**< the input as a shape without the batch: H, W, C as of cnn_loader_sample_shape(), L, C of a
                           sequence, D, H, W, C of a volume; used where `input` is zero */
    const char *input_name; /**< NULL: "input" */
} cnn_model_options;

#define CNN_MODEL(...) CNN_OPTIONS(cnn_model_options, __VA_ARGS__)

/** Creates a model without layers. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Since 0.1. */
CNN_API cnn_status cnn_model_create(cnn_context *context, const cnn_model_options *options, cnn_model **model);

/** Frees the model when its last session is freed too; NULL is allowed. Since 0.1. */
CNN_API void cnn_model_free(cnn_model *model);

/** Most inputs and most outputs of a model. */
#define CNN_MODEL_MAX_PORTS 64

/**
 * Adds a layer after the last one and takes it over, also on failure. With
 * NULL, the failure of its constructor on this thread is remembered. A layer is
 * added once, to a model of its own context; freeing it afterwards does nothing
 * as long as the model lives.
 * Returns CNN_OK, or the first error of this model, which cnn_model_build()
 * returns again: programs may leave this one unchecked. Since 0.1.
 */
CNN_API cnn_status cnn_model_add(cnn_model *model, cnn_layer *layer);

/**
 * Adds a layer after the named ones: layers, inputs ("input" unless it was
 * named otherwise), or models used as layers, of which the first output is
 * meant. Values must be there before a layer reads them, so that no graph has
 * a cycle. Returns as cnn_model_add(); CNN_ERROR_NOT_FOUND for a name that is
 * not there. Since 0.1.
 */
CNN_API cnn_status cnn_model_add_after(cnn_model *model, cnn_layer *layer, const char *const *inputs,
                                       size_t input_count);

/**
 * Adds a further input. cnn_model_create() has made the first.
 *
 * name   of 1 to 255 letters, digits, '_', '-' or '.'; no layer has it.
 * shape  of one sample, 1 to CNN_MAX_RANK - 1 sizes: H, W, C, {n}, L, C or D, H, W, C; copied.
 *
 * A layer that is added next without names reads it. Returns as
 * cnn_model_add(). Since 0.1.
 */
CNN_API cnn_status cnn_model_add_input(cnn_model *model, const char *name, const cnn_shape *shape);

/**
 * Says which values are the model's outputs, by the names of layers, in place
 * of the one that was added last. The first is the one that losses, class names
 * and predictions speak of. Returns as cnn_model_add(); CNN_ERROR_NOT_FOUND. Since 0.1.
 */
CNN_API cnn_status cnn_model_set_outputs(cnn_model *model, const char *const *names, size_t count);

/**
 * Applies a layer of the model to other values, with the same parameters, as
 * the two branches of a siamese network do; their gradients are added up.
 *
 * layer   its name, or that of a model used as a layer.
 * name    of what it makes here; NULL: numbered like a new layer of its kind.
 * inputs  names of what it reads here; NULL: the value added last.
 *
 * It counts as a layer without parameters of its own. Returns as
 * cnn_model_add(); CNN_ERROR_NOT_FOUND. Since 0.1.
 */
CNN_API cnn_status cnn_model_apply(cnn_model *model, const char *layer, const char *name, const char *const *inputs,
                                   size_t input_count);

/**
 * A model as a layer of another one of the same context:
 *
 *     cnn_model_add(model, cnn_model_as_layer(context, vgg, "vgg16"));
 *     cnn_model_add(model, cnn_flatten(context, NULL));
 *
 * What its outputs depend on becomes layers of the other model, whose names
 * begin with its own: "vgg16/block1_conv1", with a parameter
 * "vgg16/block1_conv1/kernel". The name alone means its first output.
 *
 * model  A built one shares its parameters with the other: training one trains
 *        both, not at the same time. One that is not built lends its layers
 *        alone. It may be freed by the caller afterwards.
 * name   NULL: the model's.
 *
 * Returns a layer for cnn_model_add() or cnn_layer_free(), NULL on failure. Since 0.1.
 */
CNN_API cnn_layer *cnn_model_as_layer(cnn_context *context, cnn_model *model, const char *name);

/**
 * Makes a new model of what a layer depends on, with the layer's output as its
 * own. It shares the parameters of `model`, and its preprocessing is copied if
 * it reads the same image. Layers may be added, such as a new head; then
 * cnn_model_build() builds it, initialising what is new. `model` may be freed
 * by the caller afterwards.
 * Returns CNN_OK, CNN_ERROR_STATE before building, CNN_ERROR_NOT_FOUND, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_model_cut(cnn_model *model, const char *layer, cnn_model **part);

/** Options of cnn_model_replace_head(); write them with CNN_HEAD(). */
typedef struct cnn_head_options {
    size_t struct_size;
    const char *layers; /**< "dense=256,relu,dropout=0.5": dense=UNITS, dropout=RATE, batchnorm, flatten, gap (global
                             average pooling) and activations by their names, in this order. NULL or "output": the
                             output alone */
    const char *cut;    /**< the layer after which the head begins; NULL: the last pooling or flatten before the dense
                             layers at the end, or the output if there are none */
    uint32_t classes;   /**< the head ends in a dense layer for them: of one output with a sigmoid for two, else with a
                             softmax; unless `layers` ends in one that fits, with or without its softmax or sigmoid. 0:
                             it ends in softmax or sigmoid */
    int32_t task;       /**< a cnn_task: of CNN_TASK_LABELS the head ends in a sigmoid for each of `classes`, of
                             CNN_TASK_VALUES in as many outputs as they are */
} cnn_head_options;

#define CNN_HEAD(...) CNN_OPTIONS(cnn_head_options, __VA_ARGS__)

/**
 * Makes a new model of the base of a built one and a head of new layers, whose
 * names begin with "head_": cnn_model_cut(), new layers, cnn_model_build().
 * Images are flattened before the first dense layer unless the text says how.
 * The base's parameters are shared with `model`, which may be freed by the
 * caller; what of them is frozen stays so. Class names are not taken over.
 *
 *     cnn_model_replace_head(vgg, CNN_HEAD(.layers = "dense=256,relu,dropout=0.5", .classes = 2), &model);
 *     cnn_model_set_trainable(model, "*", false);
 *     cnn_model_set_trainable(model, "head_*", true);
 *
 * Returns CNN_OK, CNN_ERROR_STATE before building, CNN_ERROR_NOT_FOUND for a layer `cut` that is not there,
 * CNN_ERROR_INVALID_ARGUMENT for a text that is none, or where no head can be told from the base, and the statuses of
 * cnn_model_build(). Since 0.1.
 */
CNN_API cnn_status cnn_model_replace_head(cnn_model *model, const cnn_head_options *options, cnn_model **made);

/**
 * Infers all shapes, allocates the parameters and initialises them from the
 * context's seed. A model is built once.
 * Returns CNN_OK; the first error of the layers added; CNN_ERROR_SHAPE, naming
 * the layer and the shapes; CNN_ERROR_LIMIT; CNN_ERROR_OUT_OF_MEMORY; CNN_ERROR_STATE. Since 0.1.
 */
CNN_API cnn_status cnn_model_build(cnn_model *model);

/** The name given to cnn_model_create(), as text: see cnn_model_set_classes(). Valid as long as the model.
    Since 0.1. */
CNN_API const char *cnn_model_name(const cnn_model *model);

/** Number of layers. Since 0.1. */
CNN_API size_t cnn_model_layer_count(const cnn_model *model);

/** Name of a layer; NULL past the end. Valid as long as the model. Since 0.1. */
CNN_API const char *cnn_model_layer_name(const cnn_model *model, size_t layer);

/** Kind of a layer, "Conv2D"; NULL past the end. Valid as long as the model. Since 0.1. */
CNN_API const char *cnn_model_layer_type(const cnn_model *model, size_t layer);

/** Name of the value number `index` that a layer reads: that of another layer, or of an input; NULL past the last one.
    Valid as long as the model. Since 0.9. */
CNN_API const char *cnn_model_layer_reads(const cnn_model *model, size_t layer, size_t index);

/**
 * Hands a layer's configuration to `write`: its kind and the options that are
 * not zero, with their defaults filled in, as PyTorch's print(model) does:
 * "Conv2D(inputs=3, filters=32, kernel=(3, 3), stride=(1, 1), activation=relu, ...)".
 * For people to read; model files hold the same in a form for programs.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT past the end, CNN_ERROR_OUT_OF_MEMORY, or the status of `write`.
 * Since 0.1.
 */
CNN_API cnn_status cnn_model_layer_configuration(const cnn_model *model, size_t layer, cnn_write_function write,
                                                 void *user);

/** Output of a layer for one sample, without the batch; rank 0 past the end or before building. Since 0.1. */
CNN_API cnn_shape cnn_model_layer_shape(const cnn_model *model, size_t layer);

/** The model's first input for one sample: H, W, C. Since 0.1. */
CNN_API cnn_shape cnn_model_input_shape(const cnn_model *model);

/** The model's first output for one sample; rank 0 before building. Since 0.1. */
CNN_API cnn_shape cnn_model_output_shape(const cnn_model *model);

/** Number of inputs, at least 1. Since 0.1. */
CNN_API size_t cnn_model_input_count(const cnn_model *model);

/** Name of an input; NULL past the end. Valid as long as the model. Since 0.1. */
CNN_API const char *cnn_model_input_name(const cnn_model *model, size_t input);

/** Number of outputs, at least 1. Since 0.1. */
CNN_API size_t cnn_model_output_count(const cnn_model *model);

/** Name of the layer whose output it is; NULL past the end. Valid as long as the model. Since 0.1. */
CNN_API const char *cnn_model_output_name(const cnn_model *model, size_t output);

/** Shape, for one sample, of an input or of a layer's output; rank 0 before building, or if there is none of that
    name. Since 0.1. */
CNN_API cnn_shape cnn_model_value_shape(const cnn_model *model, const char *name);

/** A parameter of a built model; filled by cnn_model_parameter(). */
typedef struct cnn_parameter {
    size_t struct_size; /**< set by the caller; CNN_PARAMETER_INIT does */
    const char *name;   /**< "conv2d_1/kernel"; valid as long as the model */
    cnn_tensor value;   /**< valid as long as the model; may be written to while nothing uses the model, followed by
                              cnn_model_touch() */
    uint32_t layer;     /**< its layer's number */
    int32_t trainable;  /**< 0 for statistics and frozen parameters */
} cnn_parameter;

#define CNN_PARAMETER_INIT                                                          \
    {                                                                               \
        sizeof(cnn_parameter), NULL, {NULL, {0, 0, {0, 0, 0, 0, 0, 0, 0, 0}}}, 0, 0 \
    }

/** Number of parameters (tensors, not values). Since 0.1. */
CNN_API size_t cnn_model_parameter_count(const cnn_model *model);

/** Describes parameter `index`. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_STATE before building.
    Since 0.1. */
CNN_API cnn_status cnn_model_parameter(cnn_model *model, size_t index, cnn_parameter *parameter);

/** Finds a parameter by its name. Returns CNN_OK, CNN_ERROR_NOT_FOUND, CNN_ERROR_STATE before building. Since 0.1. */
CNN_API cnn_status cnn_model_find_parameter(cnn_model *model, const char *name, cnn_parameter *parameter);

/** Says that parameters were written to, so that sessions prepare them anew; without it inference may go on with the
    old ones. Thread-safe. Since 0.1. */
CNN_API void cnn_model_touch(cnn_model *model);

/**
 * Sets whether the parameters whose names match `pattern` are trained; in it
 * "*" stands for any text ("conv*", "*" for all). The name of a layer means all
 * of its parameters, that of a model used as a layer all that is in it, and
 * layers in there are meant by their inner names as well: "block5_conv1" as
 * "vgg16/block5_conv1". A frozen batch normalisation
 * keeps its statistics too, as in Keras, unless cnn_model_set_statistics() says otherwise. Sessions made before do not
 * change. Returns CNN_OK, CNN_ERROR_NOT_FOUND if nothing matches, CNN_ERROR_STATE. Since 0.1.
 */
CNN_API cnn_status cnn_model_set_trainable(cnn_model *model, const char *pattern, bool trainable);

/**
 * Trains the named layer and all that were added after it, and freezes all that
 * were added before: fine-tuning "from block5_conv1 on". `layer` is the name of
 * a layer or of a model used as one, which is meant from its first layer on;
 * of layers in such models the inner name is enough, the first that has it is
 * meant. Otherwise as cnn_model_set_trainable().
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_STATE before building. Since 0.1.
 */
CNN_API cnn_status cnn_model_train_from(cnn_model *model, const char *layer);

/**
 * Trains the head alone and freezes everything before it: feature extraction.
 * The head is what the outputs make of vectors: the dense layers at the end
 * with the normalisations between them. Of a network without, or of one that
 * is nothing else, it is the last layer that can be trained. Otherwise as
 * cnn_model_set_trainable(). Returns CNN_OK, CNN_ERROR_NOT_FOUND if nothing can be trained,
 * CNN_ERROR_OUT_OF_MEMORY, CNN_ERROR_STATE before building. Since 0.1.
 */
CNN_API cnn_status cnn_model_train_head(cnn_model *model);

/** Which statistics a normalisation uses in sessions of training behaviour, and whether it moves its own. */
typedef enum cnn_statistics {
    CNN_STATISTICS_BY_TRAINABLE = 0, /**< trained: the batch's, and its own are moved; frozen: its own. As Keras */
    CNN_STATISTICS_MOVE = 1, /**< the batch's, and its own are moved, also where it is frozen: PyTorch's train() */
    CNN_STATISTICS_KEEP = 2  /**< its own, which stay, also where scale and shift are trained: PyTorch's eval() */
} cnn_statistics;

/**
 * Sets what the normalisations whose names match `pattern` do in training, apart from whether they are trained:
 * cnn_model_set_trainable(model, "*", false) and then "fc*", true, is feature extraction as Keras has it;
 * PyTorch's requires_grad = False goes on to normalise by the batch and to move the running statistics, which is
 * CNN_STATISTICS_MOVE. It holds for a caller's layers too, as cnn_layer_call.frozen. Sessions made before do not
 * change; model files hold it, as they hold what is frozen. `statistics` is a cnn_statistics.
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND if no layer that has statistics matches, CNN_ERROR_INVALID_ARGUMENT,
 * CNN_ERROR_STATE before building. Not together with other calls on the model. Since 0.1.
 */
CNN_API cnn_status cnn_model_set_statistics(cnn_model *model, const char *pattern, cnn_statistics statistics);

/**
 * The layer in which the frozen base ends: nothing up to it is trained or
 * behaves otherwise in training, as dropout does, and whatever is trained reads
 * its output alone. Such a base needs to be run once for each image:
 * cnn_features_create(). NULL if there is none: something is trained at the
 * start, or the rest reads several values of the base. Valid as long as the
 * model. Since 0.1.
 */
CNN_API const char *cnn_model_frozen_layer(const cnn_model *model);

/**
 * Gives the trained parameters whose names match `pattern` new initial values,
 * in place of those that their layers' initializers gave, as in
 *
 *     cnn_model_initialize(model, "conv*kernel", &(cnn_initializer){CNN_INIT_HE_NORMAL, 0});
 *
 * Values depend on the context's seed and the parameter alone. Running statistics
 * stay. `initializer` is copied; CNN_INIT_DEFAULT is Glorot uniform. Not together
 * with other calls on the model or its sessions.
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND if nothing matches,
 * CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_STATE before building. Since 0.1.
 */
CNN_API cnn_status cnn_model_initialize(cnn_model *model, const char *pattern, const cnn_initializer *initializer);

/** Number of trainable parameters (tensors): the length of Keras's model.trainable_weights. 0 before building.
    Since 0.1. */
CNN_API size_t cnn_model_trainable_count(const cnn_model *model);

/** Number of values in all parameters. Since 0.1. */
CNN_API uint64_t cnn_model_values(const cnn_model *model);

/** Number of values in the trainable parameters. Since 0.1. */
CNN_API uint64_t cnn_model_trainable_values(const cnn_model *model);

/**
 * Hands the layer table to `write`, as Keras prints it: name, kind, output
 * shape and parameters of each layer, and the totals. If not every layer reads
 * the one before it alone, a fourth column says what each is connected to:
 * "conv1[0][0]" is the output of conv1, "input[0][0]" the model's input.
 * Returns CNN_OK, CNN_ERROR_STATE before building, CNN_ERROR_OUT_OF_MEMORY, or
 * the status of `write`. Since 0.1.
 */
CNN_API cnn_status cnn_model_summary(const cnn_model *model, cnn_write_function write, void *user);

/**
 * Bytes that a session for this batch takes: activations, gradients and
 * workspace, and for inference what is prepared of the parameters, such as
 * transformed filters, of which all inference sessions of a model share one
 * copy. The parameters themselves are counted in neither. 0 before building or
 * if the size does not fit. Since 0.1.
 */
CNN_API uint64_t cnn_model_session_bytes(const cnn_model *model, uint32_t batch, bool training);

/**
 * Sets the class names, in label order; copied. They are kept as text: bytes
 * that are no UTF-8, and those of control characters, become "\xNN", so that
 * any file can hold them and any terminal show them. Returns CNN_OK,
 * CNN_ERROR_OUT_OF_MEMORY, or, on a built model, CNN_ERROR_MISMATCH if the count does not
 * fit the outputs (one output stands for two classes, unless the task is labels or values). Since 0.1.
 */
CNN_API cnn_status cnn_model_set_classes(cnn_model *model, const char *const *classes, size_t count);

/**
 * Sets what the outputs tell: one class of several, several labels, or values. cnn_fit() sets it by the training data
 * where nobody did; model files keep it. What is predicted, which losses and scores suit by themselves, and how
 * probabilities become decisions follow from it. Of CNN_TASK_LABELS and CNN_TASK_VALUES each output has a name of its
 * own, also if there is one. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT. Not thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_model_set_task(cnn_model *model, cnn_task task);

/** The task; CNN_TASK_UNKNOWN, which is predicted as CNN_TASK_CLASSES, if nobody set it. Since 0.1. */
CNN_API cnn_task cnn_model_task(const cnn_model *model);

/**
 * How outputs become decisions; write it with CNN_DECISION(). The first three calibrate: predictions and evaluations
 * of the model then have other probabilities, and other losses.
 */
typedef struct cnn_decision {
    size_t struct_size;
    float temperature; /**< what logits are divided by before the softmax or sigmoid (Guo et al. 2017); 0: 1 */
    float slope;       /**< of a model of one output, in place of a temperature: its probability is the sigmoid of
                            slope times logit plus offset (Platt 1999); 0: none */
    float offset;
    float reject;            /**< an image whose most probable class has less than this is of none; 0: never */
    const float *thresholds; /**< copied. Of CNN_TASK_LABELS the probability from which on each label is there; of two
                                  classes a single one, from which on it is the second; NULL: 0.5 */
    size_t threshold_count;  /**< as many as labels, or 1 for two classes; 0: none */
} cnn_decision;

#define CNN_DECISION(...) CNN_OPTIONS(cnn_decision, __VA_ARGS__)

/**
 * Sets how outputs become decisions; NULL: as without, the most probable class, and labels of more than 0.5. Model
 * files keep it. cnn_fit() takes it away, since it is of parameters that change.
 * Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT for numbers that are none, and a slope of several outputs;
 * CNN_ERROR_MISMATCH for another number of thresholds; CNN_ERROR_STATE before building; CNN_ERROR_OUT_OF_MEMORY. Not
 * thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_model_set_decision(cnn_model *model, const cnn_decision *decision);

/** Fills `decision`, whose struct_size is set, with what was set; false, and all fields 0, if nothing was. Thresholds
    are valid until the decision is set again. Since 0.1. */
CNN_API bool cnn_model_decision(const cnn_model *model, cnn_decision *decision);

/**
 * Decides one sample by its probabilities, as the model's decision says.
 *
 * outputs  the model's outputs, [count]: probabilities as sessions predict them.
 * label    receives the class; -1: none is probable enough (see cnn_decision.reject). Not for CNN_TASK_LABELS. May be
 *          NULL.
 * marks    receives 1 or 0 for each output, with CNN_TASK_LABELS. May be NULL.
 *
 * Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT for NULL or another number of outputs. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_model_decide(const cnn_model *model, const float *outputs, size_t count, int32_t *label,
                                    uint8_t *marks);

/** Number of class names; 0 if none were set. Since 0.1. */
CNN_API size_t cnn_model_class_count(const cnn_model *model);

/** Name of class `label`; NULL past the end. Valid until the names are set again. Since 0.1. */
CNN_API const char *cnn_model_class_name(const cnn_model *model, size_t label);

/** Sets the preprocessing that prediction applies to an image; copied. Returns CNN_OK, CNN_ERROR_OUT_OF_MEMORY,
    CNN_ERROR_SHAPE if it does not give the input's shape. With ten_crop in it every prediction is the mean of the ten
    views' probabilities. Since 0.1. */
CNN_API cnn_status cnn_model_set_pipeline(cnn_model *model, const cnn_pipeline *pipeline);

/** The preprocessing; NULL if none was set. Valid until it is set again. Since 0.1. */
CNN_API const cnn_pipeline *cnn_model_pipeline(const cnn_model *model);

/**
 * Saves architecture, parameters, class names and preprocessing as one
 * safetensors file: a temporary file, synced and renamed, so that `path` always
 * holds a whole model. docs/file-format.md describes it.
 * Returns CNN_OK, CNN_ERROR_STATE before building, CNN_ERROR_UNSUPPORTED (a custom layer), CNN_ERROR_IO (also
 * where something other than a file is: a folder, a device, a pipe), CNN_ERROR_NOT_FOUND (no such folder),
 * CNN_ERROR_LIMIT (nothing is written that could not be read), CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_model_save(const cnn_model *model, const char *path);

/**
 * Loads a model file or a training checkpoint and builds the model. The file is
 * not trusted: every count, offset and product is checked before memory is
 * asked for.
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND (no such file), CNN_ERROR_IO, CNN_ERROR_TRUNCATED, CNN_ERROR_FORMAT,
 * CNN_ERROR_LIMIT, CNN_ERROR_MISMATCH, CNN_ERROR_UNSUPPORTED, CNN_ERROR_VERSION, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_model_load(cnn_context *context, const char *path, cnn_model **model);

/** Loads a model that lies in memory; `data` is needed only during the call. Statuses as cnn_model_load().
    Since 0.1. */
CNN_API cnn_status cnn_model_load_memory(cnn_context *context, const void *data, size_t size, cnn_model **model);

/** What cnn_model_load_weights() did; fields that the caller's struct_size covers are filled. */
typedef struct cnn_weights_report {
    size_t struct_size; /**< set by the caller */
    uint32_t loaded;    /**< parameters taken from the file */
    uint32_t missing;   /**< parameters of the model that the file lacks or has in another shape */
    uint32_t unused;    /**< tensors of the file that the model lacks */
} cnn_weights_report;

#define CNN_WEIGHTS_REPORT_INIT             \
    {                                       \
        sizeof(cnn_weights_report), 0, 0, 0 \
    }

/**
 * Copies parameters from a model file into a built model, by name and shape; for starting from another model's
 * weights. Layers of a model that is used as a layer, here or in the file, are also found by their names inside it: a
 * network on top of "vgg16" begins with the weights of a file of that model alone, and the other way round. `report`
 * may be NULL: then every parameter must be found under its whole name. Returns as cnn_model_load();
 * CNN_ERROR_MISMATCH names the first parameter that does not fit. Since 0.1.
 */
CNN_API cnn_status cnn_model_load_weights(cnn_model *model, const char *path, cnn_weights_report *report);

CNN_END_DECLS

#endif
