/* SPDX-License-Identifier: MIT */
/**
 * Weights and models of other programs: PyTorch's and Keras's names, orders of
 * axes and architectures, in and out.
 *
 * Files that this library reads itself are safetensors and PyTorch's own (both
 * forms, without ever running what is in them). Of others, such as HDF5, the
 * caller lists the tensors with cnn_weights_add() and reads them when they are
 * asked for; `cnn convert` does so.
 */
#ifndef CNN_EXCHANGE_H
#define CNN_EXCHANGE_H

#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/model.h>

CNN_BEGIN_DECLS

/** Whose names and orders of axes tensors have. The numbers are frozen. */
typedef enum cnn_weights_layout {
    CNN_WEIGHTS_OWN = 0,    /**< this library's: "conv1/kernel", H, W, in, out */
    CNN_WEIGHTS_KERAS = 1,  /**< a layer, and in it "kernel:0" or "vars/0"; H, W, in, out */
    CNN_WEIGHTS_PYTORCH = 2 /**< "layer1.0.conv1.weight"; out, in, H, W, and images flattened as C, H, W */
} cnn_weights_layout;

/** Named tensors of a file, which are read when they are needed. One thread at a time uses it. */
typedef struct cnn_weights cnn_weights;

/** Reads all values of the tensor that was added with that `id` to `values`. Returns CNN_OK, or a status that the call
    in progress then returns. */
typedef cnn_status (*cnn_weights_read_function)(void *user, uint64_t id, float *values);

/** Options of cnn_weights_create(); write them with CNN_WEIGHTS(). */
typedef struct cnn_weights_options {
    size_t struct_size;
    const char *name;               /**< of the file, for messages; copied; NULL: "weights" */
    int32_t layout;                 /**< a cnn_weights_layout */
    cnn_weights_read_function read; /**< required */
    void *user;                     /**< for `read` */
} cnn_weights_options;

#define CNN_WEIGHTS(...) CNN_OPTIONS(cnn_weights_options, __VA_ARGS__)

/** One tensor. Texts are borrowed: by cnn_weights_add() during the call, from cnn_weights_get() as long as the
    weights. */
typedef struct cnn_weight {
    size_t struct_size; /**< set by the caller; CNN_WEIGHT_INIT does */
    const char *name;   /**< "layer1.0.bn1.weight", "conv1/kernel:0" */
    const char *group;  /**< the layer that a Keras file lists it under; NULL: the name says it all */
    const char *type;   /**< "F32"; NULL: not known */
    cnn_shape shape;    /**< as the file has it */
} cnn_weight;

#define CNN_WEIGHT_INIT                       \
    {                                         \
        sizeof(cnn_weight), NULL, NULL, NULL, \
        {                                     \
            0, 0, { 0, 0, 0, 0, 0, 0, 0, 0 }  \
        }                                     \
    }

/** Begins an empty list of tensors. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Since 0.1. */
CNN_API cnn_status cnn_weights_create(cnn_context *context, const cnn_weights_options *options, cnn_weights **weights);

/**
 * Adds a tensor, in the order of the file. Its values are asked for by `id`
 * when they are needed, and only if their shape is one that a model has.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_FORMAT for a name that
 * is there already, CNN_ERROR_LIMIT for more tensors or longer names than the context allows, or a shape that
 * overflows, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_weights_add(cnn_weights *weights, const cnn_weight *weight, uint64_t id);

/**
 * Opens a file of tensors, told by its content: safetensors of this library or
 * of another program, which is taken for PyTorch's; what torch.save() wrote of
 * tensors and dictionaries of them, as archive or in the form before 1.6.
 * Nothing in such a file is run: the reader knows how to build tensors and
 * dictionaries, and refuses a file that asks for anything else. The file stays
 * open until cnn_weights_free().
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND (no such file), CNN_ERROR_IO, CNN_ERROR_TRUNCATED, CNN_ERROR_FORMAT,
 * CNN_ERROR_LIMIT, CNN_ERROR_DENIED (it asks for more than tensors), CNN_ERROR_UNSUPPORTED (nothing that is known),
 * CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_weights_open(cnn_context *context, const char *path, cnn_weights **weights);

/** Frees the list and closes its file; NULL is allowed. Since 0.1. */
CNN_API void cnn_weights_free(cnn_weights *weights);

/** Number of tensors. Since 0.1. */
CNN_API size_t cnn_weights_count(const cnn_weights *weights);

/** The layout: a cnn_weights_layout. Since 0.1. */
CNN_API int32_t cnn_weights_layout_of(const cnn_weights *weights);

/** Describes tensor `index`. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT. Since 0.1. */
CNN_API cnn_status cnn_weights_get(const cnn_weights *weights, size_t index, cnn_weight *weight);

/** What became of a parameter or of a tensor. The numbers are frozen. */
typedef enum cnn_match_kind {
    CNN_MATCHED = 0,     /**< the parameter was, or is to be, filled from the tensor */
    CNN_MISSING = 1,     /**< a parameter that the file has nothing for */
    CNN_WRONG_SHAPE = 2, /**< a parameter whose tensor has another shape */
    CNN_UNUSED = 3       /**< a tensor that the model has nothing for */
} cnn_match_kind;

/** One line of the report of an import. Texts are valid during the call. */
typedef struct cnn_match {
    size_t struct_size;
    int32_t kind;          /**< a cnn_match_kind */
    int32_t by_order;      /**< 1: no name fitted, and layers were taken in order */
    const char *parameter; /**< "conv1/kernel"; NULL if there is none */
    cnn_shape shape;       /**< of the parameter */
    const char *weight;    /**< name in the file; NULL if there is none */
    const char *group;     /**< its layer there; NULL if there is none */
    cnn_shape found;       /**< of the tensor */
    const char *axes;      /**< how axes were turned, "oihw -> hwio"; NULL: as they were */
} cnn_match;

/** Takes one line of the report: first all parameters in the model's order, then what was left of the file. */
typedef void (*cnn_match_function)(void *user, const cnn_match *match);

/** Options of importing; write them with CNN_IMPORT(). */
typedef struct cnn_import_options {
    size_t struct_size;
    int32_t partial;          /**< 1: parameters that the file lacks, or has in another shape, stay as they are */
    int32_t input[3];         /**< of cnn_keras_load(): height, width, channels where the file leaves them open */
    cnn_match_function match; /**< the report; NULL: none */
    void *user;               /**< for `match` */
} cnn_import_options;

#define CNN_IMPORT(...) CNN_OPTIONS(cnn_import_options, __VA_ARGS__)

/**
 * Fills the parameters of a built model. Layers are found by their names; if
 * none is, layers with parameters of the same kind are taken in order. Axes are
 * turned, and the rows of a dense layer behind a flattened image are put into
 * this library's order where the file's is another. Everything is compared
 * before anything is read, and on failure the model is as it was.
 *
 * options  NULL: every parameter must be found.
 * report   numbers of parameters and tensors; NULL: not wanted.
 *
 * Returns CNN_OK, CNN_ERROR_STATE before building, CNN_ERROR_MISMATCH naming
 * the first parameter that does not fit, what reading gave, or
 * CNN_ERROR_OUT_OF_MEMORY. Not together with other calls on the model. Since 0.1.
 */
CNN_API cnn_status cnn_model_import(cnn_model *model, cnn_weights *weights, const cnn_import_options *options,
                                    cnn_weights_report *report);

/**
 * Makes a model of a Keras architecture: what `model_config` of an HDF5 file or
 * config.json of a .keras archive holds, of Keras 1, 2 or 3, Sequential or
 * functional, with models inside models and shared layers. Layers keep their
 * names; a single input is called "input". Regularizers and constraints are
 * those of the layers here; initializers, and rules of a kind that this library
 * lacks, are left out. Layers with `trainable` false are frozen.
 *
 * name     of the file, for messages and the model.
 * config   JSON, `size` bytes; not trusted.
 * weights  NULL: the parameters begin as this library initialises them.
 * options, report  as for cnn_model_import().
 *
 * Returns CNN_OK, CNN_ERROR_FORMAT, CNN_ERROR_LIMIT, CNN_ERROR_UNSUPPORTED naming a layer or an option of one that
 * this library does not have, CNN_ERROR_DENIED for a layer that is a program (Lambda), or as cnn_model_import().
 * Since 0.1.
 */
CNN_API cnn_status cnn_keras_load(cnn_context *context, const char *name, const char *config, size_t size,
                                  cnn_weights *weights, const cnn_import_options *options, cnn_weights_report *report,
                                  cnn_model **model);

/**
 * Writes a built model's architecture as Keras's `model_config`: functional,
 * in the form of Keras 2, which Keras 3 reads too.
 * Returns CNN_OK, CNN_ERROR_STATE before building, CNN_ERROR_UNSUPPORTED naming a layer that Keras does not have,
 * CNN_ERROR_OUT_OF_MEMORY, or what `write` returned. Since 0.1.
 */
CNN_API cnn_status cnn_keras_config(const cnn_model *model, cnn_write_function write, void *user);

/** Takes one tensor of a model in another layout; all is valid during the call. Returns CNN_OK, or a status that the
    call in progress then returns. */
typedef cnn_status (*cnn_export_function)(void *user, const cnn_weight *weight, const float *values);

/**
 * Hands out the parameters of a built model in another program's names and
 * order of axes, layer by layer.
 * Returns CNN_OK, CNN_ERROR_STATE before building, CNN_ERROR_UNSUPPORTED naming a parameter that the other program has
 * no name for, CNN_ERROR_OUT_OF_MEMORY, or what `write` returned. Since 0.1.
 */
CNN_API cnn_status cnn_model_export(const cnn_model *model, cnn_weights_layout layout, cnn_export_function write,
                                    void *user);

/**
 * Saves the parameters of a built model as a safetensors file of another
 * layout, for torch.load_state_dict() and the like; written as by
 * cnn_model_save(). Returns as cnn_model_export() and cnn_model_save(). Since 0.1.
 */
CNN_API cnn_status cnn_model_save_tensors(const cnn_model *model, cnn_weights_layout layout, const char *path);

/**
 * Hands out the content of one member of a zip archive, such as a .keras file.
 * Archives are not trusted: places, sizes, checksums and how far a member may
 * expand are checked; members must not overlap or have one name twice.
 *
 * limit  most bytes of the member as it is unpacked.
 *
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND (no such file, no such member), CNN_ERROR_IO, CNN_ERROR_TRUNCATED,
 * CNN_ERROR_FORMAT, CNN_ERROR_LIMIT, CNN_ERROR_UNSUPPORTED (encrypted, or packed otherwise than deflated),
 * CNN_ERROR_OUT_OF_MEMORY, or what `write` returned. Since 0.1.
 */
CNN_API cnn_status cnn_archive_read(cnn_context *context, const char *path, const char *member, uint64_t limit,
                                    cnn_write_function write, void *user);

CNN_END_DECLS

#endif
