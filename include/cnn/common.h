/* SPDX-License-Identifier: MIT */
/**
 * What every header of libcnn shares: linkage, the option-struct convention,
 * status codes and shapes.
 *
 * Ownership, said once for the whole API:
 *  - A handle from a `_create`, `_load`, `_open` or `_decode` call belongs to
 *    the caller and ends with the matching `_free`, which takes NULL.
 *  - A layer belongs to the caller until it is added to a model; from then on
 *    it belongs to the model, also when adding fails.
 *  - A handle keeps what it was made from alive where it needs it (a subset its
 *    dataset, a loader its dataset and pipeline, a session its model): handles
 *    may be freed in any order, except that the context is freed last.
 *  - A `const char *` or `const float *` that a call returns is borrowed; its
 *    comment says until when it is valid.
 *
 * Options, said once: an option struct begins with `struct_size`, and zero in
 * any other field means its default. Write it through its macro:
 *
 *     cnn_conv2d(context, CNN_CONV2D(.filters = 32, .activation = CNN_RELU))
 *
 * Where a field's default is another number, CNN_ZERO says that 0 itself is meant; its comment says so.
 *
 * NULL in place of an option struct means all defaults. A struct from a newer
 * header is accepted as long as the fields this library does not know are zero;
 * otherwise the call returns CNN_ERROR_VERSION.
 */
#ifndef CNN_COMMON_H
#define CNN_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CNN_API __attribute__((visibility("default")))
#define CNN_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#define CNN_API
#define CNN_PRINTF(format_index, first_argument)
#endif

/** 0 itself, in an option whose 0 stands for another default. */
#define CNN_ZERO (-1.0f)

#ifdef __cplusplus
#define CNN_BEGIN_DECLS extern "C" {
#define CNN_END_DECLS }
#else
#define CNN_BEGIN_DECLS
#define CNN_END_DECLS
/** A pointer to a `type` with `struct_size` set and the given fields; lives to the end of the enclosing block. */
#define CNN_OPTIONS(type, ...) (&(const type){.struct_size = sizeof(type), __VA_ARGS__})
#endif

CNN_BEGIN_DECLS

/**
 * Every status that a call can return, with its frozen number and its text.
 * Numbers are grouped by decade and never reused.
 */
#define CNN_STATUS_MAP(X)                                                \
    X(OK, 0, "success")                                                  \
    X(ERROR_INVALID_ARGUMENT, 1, "invalid argument")                     \
    X(ERROR_STATE, 2, "call not possible in this state")                 \
    X(ERROR_UNSUPPORTED, 3, "not supported by this build")               \
    X(ERROR_VERSION, 4, "made by or for another version")                \
    X(ERROR_NOT_FOUND, 5, "not found")                                   \
    X(ERROR_OUT_OF_MEMORY, 10, "out of memory")                          \
    X(ERROR_LIMIT, 11, "over a limit")                                   \
    X(ERROR_THREAD, 12, "a thread could not be created")                 \
    X(ERROR_IO, 20, "input or output failed")                            \
    X(ERROR_TRUNCATED, 21, "data ends too early")                        \
    X(ERROR_FORMAT, 22, "data is damaged or not of the expected format") \
    X(ERROR_MISMATCH, 23, "parts do not fit together")                   \
    X(ERROR_DENIED, 24, "refused for safety")                            \
    X(ERROR_SHAPE, 30, "shapes do not fit")                              \
    X(ERROR_NUMERIC, 31, "a value is not finite")                        \
    X(ERROR_BACKEND, 32, "the backend failed")                           \
    X(ERROR_CANCELLED, 40, "cancelled by a callback")                    \
    X(ERROR_CALLBACK, 41, "a callback failed")                           \
    X(ERROR_PEER, 42, "another rank failed or is gone")                  \
    X(ERROR_INTERNAL, 50, "internal error")

/** What a call that can fail returns: CNN_OK (zero) or one of the CNN_ERROR_ numbers. */
typedef enum cnn_status {
#define CNN_STATUS_ENTRY(name, number, text) CNN_##name = number,
    CNN_STATUS_MAP(CNN_STATUS_ENTRY)
#undef CNN_STATUS_ENTRY
        CNN_STATUS_FORCE_INT_ = 0x7fffffff
} cnn_status;

/**
 * The text of a status, for example "out of memory"; "unknown status" for a
 * number that is none. Static storage. Thread-safe. Since 0.1.
 */
CNN_API const char *cnn_status_string(cnn_status status);

/** Most dimensions that a tensor has. */
#define CNN_MAX_RANK 8

/**
 * The shape of a tensor. Images and activations are N, H, W, C; filters are
 * H, W, input channels, output channels. This struct is frozen.
 */
typedef struct cnn_shape {
    uint32_t rank;              /**< number of dimensions in use, 0 to CNN_MAX_RANK */
    uint32_t reserved;          /**< zero */
    int64_t dims[CNN_MAX_RANK]; /**< sizes, outermost first */
} cnn_shape;

/** Types of the elements of a tensor. The numbers are frozen. All arithmetic is float32 so far. */
typedef enum cnn_element_type { CNN_FLOAT32 = 0 } cnn_element_type;

/**
 * A view of float32 values, row-major and without gaps. The data is borrowed;
 * the call that fills the view says until when. This struct is frozen.
 */
typedef struct cnn_tensor {
    float *data;     /**< first value */
    cnn_shape shape; /**< sizes */
} cnn_tensor;

/** Whose definition is meant where frameworks differ; each option struct says what follows from it. */
typedef enum cnn_convention { CNN_KERAS = 0, CNN_PYTORCH = 1, CNN_TENSORFLOW1 = 2 } cnn_convention;

/** What is to be told of an image, by a dataset and by a model that learns from it. The numbers are frozen. */
typedef enum cnn_task {
    CNN_TASK_UNKNOWN = 0, /**< not said */
    CNN_TASK_CLASSES = 1, /**< one class of several: a label */
    CNN_TASK_LABELS = 2,  /**< any number of several labels: a target of 0 or 1 for each, and an output between them */
    CNN_TASK_VALUES = 3   /**< numbers, as in regression: class names are the names of the numbers */
} cnn_task;

/** Receives bytes from a call that writes; returns CNN_OK, or a status that the call then returns. */
typedef cnn_status (*cnn_write_function)(void *user, const void *data, size_t size);

CNN_END_DECLS

#ifdef __cplusplus
#if defined(__GNUC__)
#pragma GCC system_header /* so that -Wextra says nothing of the fields that CNN_OPTIONS leaves to be zero */
#endif
extern "C++" {
/** Address of an option struct that lives to the end of the full expression. */
template <class T> static inline const T *cnn_address_of_options(const T &options) { return &options; }
}
#define CNN_OPTIONS(type, ...) (cnn_address_of_options<type>(type{.struct_size = sizeof(type), __VA_ARGS__}))
#endif

#endif
