/* SPDX-License-Identifier: MIT */
/* Written by tests/abi/update.sh: all public headers, without comments. */
#ifndef CNN_CNN_H
#define CNN_CNN_H 
#ifndef CNN_COMMON_H
#define CNN_COMMON_H 
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if defined(__GNUC__)
#define CNN_API __attribute__((visibility("default")))
#define CNN_PRINTF(format_index,first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#define CNN_API 
#define CNN_PRINTF(format_index,first_argument) 
#endif
#define CNN_ZERO (-1.0f)
#ifdef __cplusplus
#define CNN_BEGIN_DECLS extern "C" {
#define CNN_END_DECLS }
#else
#define CNN_BEGIN_DECLS 
#define CNN_END_DECLS 
#define CNN_OPTIONS(type,...) (&(const type){.struct_size = sizeof(type), __VA_ARGS__})
#endif
CNN_BEGIN_DECLS
#define CNN_STATUS_MAP(X) \
    X(OK, 0, "success") \
    X(ERROR_INVALID_ARGUMENT, 1, "invalid argument") \
    X(ERROR_STATE, 2, "call not possible in this state") \
    X(ERROR_UNSUPPORTED, 3, "not supported by this build") \
    X(ERROR_VERSION, 4, "made by or for another version") \
    X(ERROR_NOT_FOUND, 5, "not found") \
    X(ERROR_OUT_OF_MEMORY, 10, "out of memory") \
    X(ERROR_LIMIT, 11, "over a limit") \
    X(ERROR_THREAD, 12, "a thread could not be created") \
    X(ERROR_IO, 20, "input or output failed") \
    X(ERROR_TRUNCATED, 21, "data ends too early") \
    X(ERROR_FORMAT, 22, "data is damaged or not of the expected format") \
    X(ERROR_MISMATCH, 23, "parts do not fit together") \
    X(ERROR_DENIED, 24, "refused for safety") \
    X(ERROR_SHAPE, 30, "shapes do not fit") \
    X(ERROR_NUMERIC, 31, "a value is not finite") \
    X(ERROR_BACKEND, 32, "the backend failed") \
    X(ERROR_CANCELLED, 40, "cancelled by a callback") \
    X(ERROR_CALLBACK, 41, "a callback failed") \
    X(ERROR_PEER, 42, "another rank failed or is gone") \
    X(ERROR_INTERNAL, 50, "internal error")
typedef enum cnn_status {
#define CNN_STATUS_ENTRY(name,number,text) CNN_ ##name = number,
    CNN_STATUS_MAP(CNN_STATUS_ENTRY)
#undef CNN_STATUS_ENTRY
        CNN_STATUS_FORCE_INT_ = 0x7fffffff
} cnn_status;
CNN_API const char *cnn_status_string(cnn_status status);
#define CNN_MAX_RANK 8
typedef struct cnn_shape {
    uint32_t rank;
    uint32_t reserved;
    int64_t dims[CNN_MAX_RANK];
} cnn_shape;
typedef enum cnn_element_type { CNN_FLOAT32 = 0 } cnn_element_type;
typedef struct cnn_tensor {
    float *data;
    cnn_shape shape;
} cnn_tensor;
typedef enum cnn_convention { CNN_KERAS = 0, CNN_PYTORCH = 1, CNN_TENSORFLOW1 = 2 } cnn_convention;
typedef enum cnn_task {
    CNN_TASK_UNKNOWN = 0,
    CNN_TASK_CLASSES = 1,
    CNN_TASK_LABELS = 2,
    CNN_TASK_VALUES = 3
} cnn_task;
typedef cnn_status (*cnn_write_function)(void *user, const void *data, size_t size);
CNN_END_DECLS
#ifdef __cplusplus
#if defined(__GNUC__)
       
#endif
extern "C++" {
template <class T> static inline const T *cnn_address_of_options(const T &options) { return &options; }
}
#define CNN_OPTIONS(type,...) (cnn_address_of_options<type>(type{.struct_size = sizeof(type), __VA_ARGS__}))
#endif
#endif
#ifndef CNN_VERSION_H
#define CNN_VERSION_H 
#define CNN_VERSION_MAJOR 0
#define CNN_VERSION_MINOR 9
#define CNN_VERSION_PATCH 0
#define CNN_API_MAJOR 0
#define CNN_VERSION_NUMBER ((CNN_VERSION_MAJOR << 16) | (CNN_VERSION_MINOR << 8) | CNN_VERSION_PATCH)
CNN_BEGIN_DECLS
CNN_API uint32_t cnn_version_number(void);
CNN_API const char *cnn_version_string(void);
CNN_END_DECLS
#endif
#ifndef CNN_COMMUNICATOR_H
#define CNN_COMMUNICATOR_H 
#ifndef CNN_CONTEXT_H
#define CNN_CONTEXT_H 
CNN_BEGIN_DECLS
struct cnn_backend;
typedef struct cnn_context cnn_context;
typedef struct cnn_allocator {
    size_t struct_size;
    void *user;
    void *(*allocate)(void *user, size_t size, size_t alignment);
    void (*release)(void *user, void *memory, size_t size);
} cnn_allocator;
typedef struct cnn_executor {
    size_t struct_size;
    void *user;
    uint32_t threads;
    void (*run)(void *user, void (*task)(void *argument, size_t index), void *argument, size_t count);
} cnn_executor;
typedef enum cnn_log_level {
    CNN_LOG_ERROR = 1,
    CNN_LOG_WARNING = 2,
    CNN_LOG_INFO = 3
} cnn_log_level;
typedef void (*cnn_log_function)(void *user, cnn_log_level level, const char *message);
typedef enum cnn_math {
    CNN_MATH_DEFAULT = 0,
    CNN_MATH_FAST = 1,
    CNN_MATH_STRICT = 2
} cnn_math;
typedef struct cnn_context_options {
    size_t struct_size;
    uint32_t threads;
    uint32_t log_level;
    uint64_t seed;
    const char *backend;
    const struct cnn_backend *backends;
    size_t backend_count;
    const cnn_allocator *allocator;
    const cnn_executor *executor;
    cnn_log_function log;
    void *log_user;
    uint32_t math;
    uint32_t reserved;
    uint64_t max_pixels;
    uint64_t max_session_bytes;
} cnn_context_options;
#define CNN_CONTEXT(...) CNN_OPTIONS(cnn_context_options, __VA_ARGS__)
CNN_API cnn_status cnn_context_create(const cnn_context_options *options, cnn_context **context);
CNN_API void cnn_context_free(cnn_context *context);
CNN_API const char *cnn_last_error(const cnn_context *context);
CNN_API cnn_status cnn_context_set_limit(cnn_context *context, const char *name, uint64_t value);
CNN_API uint64_t cnn_context_limit(const cnn_context *context, const char *name);
CNN_API const char *cnn_limit_usage(size_t index);
CNN_API const char *cnn_context_backend(const cnn_context *context);
CNN_API const char *cnn_context_math(const cnn_context *context);
CNN_API uint32_t cnn_context_threads(const cnn_context *context);
CNN_API uint64_t cnn_context_seed(const cnn_context *context);
CNN_API const char *cnn_backend_name(size_t index);
CNN_API const char *cnn_cpu_level(void);
CNN_API double cnn_cpu_peak_gflops(const cnn_context *context);
CNN_END_DECLS
#endif
CNN_BEGIN_DECLS
typedef struct cnn_communicator {
    size_t struct_size;
    uint32_t rank;
    uint32_t size;
    void *user;
    cnn_status (*send)(void *user, uint32_t to, const void *bytes, size_t size);
    cnn_status (*receive)(void *user, uint32_t from, void *bytes, size_t size);
    cnn_status (*gather)(void *user, const void *own, void *all, const size_t *sizes);
    cnn_status (*sum)(void *user, double *values, size_t count);
    cnn_status (*on_gradients)(void *user, float *values, size_t count);
    cnn_status (*wait)(void *user);
    size_t block;
    cnn_status (*progress)(void *user);
} cnn_communicator;
#define CNN_COMMUNICATOR(...) CNN_OPTIONS(cnn_communicator, __VA_ARGS__)
CNN_API cnn_status cnn_communicator_broadcast(const cnn_context *context, const cnn_communicator *communicator,
                                              uint32_t root, void *bytes, size_t size);
CNN_API cnn_status cnn_communicator_gather(const cnn_context *context, const cnn_communicator *communicator,
                                           const void *own, void *all, const size_t *sizes);
CNN_API cnn_status cnn_communicator_sum(const cnn_context *context, const cnn_communicator *communicator,
                                        double *values, size_t count);
CNN_API cnn_status cnn_communicator_sum_floats(const cnn_context *context, const cnn_communicator *communicator,
                                               float *values, size_t count);
CNN_API cnn_status cnn_communicator_agree(const cnn_context *context, const cnn_communicator *communicator,
                                          cnn_status status);
CNN_END_DECLS
#endif
#ifndef CNN_IMAGE_H
#define CNN_IMAGE_H 
CNN_BEGIN_DECLS
#define CNN_MAX_CHANNELS 16
typedef struct cnn_image cnn_image;
typedef enum cnn_resize_filter {
    CNN_RESIZE_DEFAULT = 0,
    CNN_RESIZE_NEAREST = 1,
    CNN_RESIZE_BILINEAR = 2,
    CNN_RESIZE_BICUBIC = 3,
    CNN_RESIZE_AREA = 4
} cnn_resize_filter;
typedef enum cnn_image_format {
    CNN_IMAGE_UNKNOWN = 0,
    CNN_IMAGE_JPEG = 1,
    CNN_IMAGE_PNG = 2,
    CNN_IMAGE_BMP = 3,
    CNN_IMAGE_GIF = 4,
    CNN_IMAGE_WEBP = 5,
    CNN_IMAGE_TIFF = 6
} cnn_image_format;
typedef enum cnn_image_color {
    CNN_COLOR_UNKNOWN = 0,
    CNN_COLOR_GREY = 1,
    CNN_COLOR_RGB = 2,
    CNN_COLOR_YCBCR = 3,
    CNN_COLOR_CMYK = 4,
    CNN_COLOR_YCCK = 5,
    CNN_COLOR_PALETTE = 6
} cnn_image_color;
typedef struct cnn_image_info {
    size_t struct_size;
    uint32_t width;
    uint32_t height;
    uint32_t bits;
    int32_t format;
    int32_t color;
    uint32_t has_alpha;
    uint32_t orientation;
    uint32_t progressive;
} cnn_image_info;
#define CNN_IMAGE_INFO_INIT {sizeof(cnn_image_info), 0, 0, 0, 0, 0, 0, 0, 0}
typedef struct cnn_decode_options {
    size_t struct_size;
    uint32_t channels;
    uint32_t apply_orientation;
    uint32_t minimum_width;
    uint32_t minimum_height;
    uint32_t max_side;
    uint64_t max_pixels;
    uint32_t background;
    uint32_t only_over_limit;
} cnn_decode_options;
#define CNN_DECODE(...) CNN_OPTIONS(cnn_decode_options, __VA_ARGS__)
typedef struct cnn_encode_options {
    size_t struct_size;
    int32_t format;
    uint32_t quality;
} cnn_encode_options;
#define CNN_ENCODE(...) CNN_OPTIONS(cnn_encode_options, __VA_ARGS__)
CNN_API cnn_status cnn_image_create(cnn_context *context, uint32_t width, uint32_t height, uint32_t channels,
                                    cnn_image **image);
CNN_API cnn_status cnn_image_load(cnn_context *context, const char *path, const cnn_decode_options *options,
                                  cnn_image **image);
CNN_API cnn_status cnn_image_decode(cnn_context *context, const void *data, size_t size,
                                    const cnn_decode_options *options, cnn_image **image);
CNN_API cnn_status cnn_image_probe(cnn_context *context, const char *path, cnn_image_info *info);
CNN_API cnn_status cnn_image_save(const cnn_image *image, const char *path, const cnn_encode_options *options);
CNN_API cnn_status cnn_image_encode(const cnn_image *image, const cnn_encode_options *options,
                                    cnn_write_function write, void *user);
CNN_API cnn_status cnn_image_resize(const cnn_image *image, uint32_t width, uint32_t height,
                                    cnn_resize_filter filter, cnn_image **resized);
CNN_API cnn_status cnn_image_crop(const cnn_image *image, uint32_t left, uint32_t top, uint32_t width,
                                  uint32_t height, cnn_image **part);
CNN_API void cnn_image_free(cnn_image *image);
CNN_API uint32_t cnn_image_width(const cnn_image *image);
CNN_API uint32_t cnn_image_height(const cnn_image *image);
CNN_API uint32_t cnn_image_channels(const cnn_image *image);
CNN_API uint8_t *cnn_image_pixels(cnn_image *image);
CNN_API const char *cnn_image_notes(const cnn_image *image);
CNN_API const char *cnn_image_format_name(cnn_image_format format);
CNN_API bool cnn_image_format_is_read(cnn_image_format format);
CNN_API cnn_image_format cnn_image_name_format(const char *path);
CNN_END_DECLS
#endif
#ifndef CNN_PIPELINE_H
#define CNN_PIPELINE_H 
CNN_BEGIN_DECLS
typedef struct cnn_pipeline cnn_pipeline;
CNN_API cnn_status cnn_pipeline_create(cnn_context *context, const char *steps, cnn_pipeline **pipeline);
CNN_API void cnn_pipeline_free(cnn_pipeline *pipeline);
CNN_API const char *cnn_pipeline_text(const cnn_pipeline *pipeline);
CNN_API cnn_shape cnn_pipeline_output_shape(const cnn_pipeline *pipeline, uint32_t channels);
CNN_API cnn_status cnn_pipeline_for_evaluation(const cnn_pipeline *pipeline, cnn_pipeline **evaluation);
CNN_API cnn_status cnn_pipeline_apply(const cnn_pipeline *pipeline, const cnn_image *image, uint64_t key,
                                      float *values, size_t capacity, cnn_shape *shape);
CNN_END_DECLS
#endif
#ifndef CNN_DATASET_H
#define CNN_DATASET_H 
CNN_BEGIN_DECLS
typedef struct cnn_dataset cnn_dataset;
typedef enum cnn_on_error {
    CNN_ON_ERROR_FAIL = 0,
    CNN_ON_ERROR_SKIP = 1
} cnn_on_error;
typedef struct cnn_files_options {
    size_t struct_size;
    const char *const *classes;
    size_t class_count;
    uint32_t channels;
    uint32_t apply_orientation;
    const char *part;
    const char *prefix;
    int32_t on_error;
    int32_t task;
    const char *label_columns;
    const char *group_column;
} cnn_files_options;
#define CNN_FILES(...) CNN_OPTIONS(cnn_files_options, __VA_ARGS__)
CNN_API cnn_status cnn_dataset_open(cnn_context *context, const char *path, const cnn_files_options *options,
                                    cnn_dataset **dataset);
CNN_API cnn_status cnn_dataset_open_folders(cnn_context *context, const char *path, const cnn_files_options *options,
                                            cnn_dataset **dataset);
CNN_API cnn_status cnn_dataset_open_flat(cnn_context *context, const char *path, const cnn_files_options *options,
                                         cnn_dataset **dataset);
CNN_API cnn_status cnn_dataset_open_unlabelled(cnn_context *context, const char *path, const cnn_files_options *options,
                                               cnn_dataset **dataset);
CNN_API cnn_status cnn_dataset_open_idx(cnn_context *context, const char *images_path, const char *labels_path,
                                        const cnn_files_options *options, cnn_dataset **dataset);
CNN_API cnn_status cnn_dataset_open_cifar(cnn_context *context, const char *path, const cnn_files_options *options,
                                          cnn_dataset **dataset);
CNN_API cnn_status cnn_dataset_open_table(cnn_context *context, const char *path, const cnn_files_options *options,
                                          cnn_dataset **dataset);
typedef struct cnn_arrays_options {
    size_t struct_size;
    const uint8_t *bytes;
    const float *floats;
    const int32_t *labels;
    size_t count;
    uint32_t height;
    uint32_t width;
    uint32_t channels;
    uint32_t borrow;
    const char *const *classes;
    size_t class_count;
    const float *targets;
    size_t target_count;
    const float *weights;
    const int64_t *groups;
    int32_t task;
    int32_t reserved;
} cnn_arrays_options;
#define CNN_ARRAYS(...) CNN_OPTIONS(cnn_arrays_options, __VA_ARGS__)
CNN_API cnn_status cnn_dataset_create(cnn_context *context, const cnn_arrays_options *arrays, cnn_dataset **dataset);
typedef struct cnn_sample {
    size_t struct_size;
    int32_t label;
    uint32_t width;
    uint32_t height;
    uint32_t channels;
    const char *path;
    const void *encoded;
    size_t encoded_size;
    const uint8_t *pixels;
    const float *floats;
    void *token;
    const float *targets;
    float weight;
    int32_t reserved;
} cnn_sample;
typedef struct cnn_dataset_callbacks {
    size_t struct_size;
    void *user;
    size_t count;
    const char *const *classes;
    size_t class_count;
    cnn_status (*read)(void *user, size_t index, cnn_sample *sample);
    void (*release)(void *user, cnn_sample *sample);
    int32_t (*label)(void *user, size_t index);
    void (*destroy)(void *user);
    cnn_shape shape;
    size_t target_count;
    int32_t weighted;
    int32_t reserved;
    int64_t (*group)(void *user, size_t index);
    int32_t task;
    int32_t reserved2;
} cnn_dataset_callbacks;
#define CNN_DATASET(...) CNN_OPTIONS(cnn_dataset_callbacks, __VA_ARGS__)
CNN_API cnn_status cnn_dataset_create_custom(cnn_context *context, const cnn_dataset_callbacks *callbacks,
                                             cnn_dataset **dataset);
CNN_API cnn_status cnn_dataset_share(cnn_context *context, const cnn_communicator *communicator,
                                     cnn_dataset **dataset);
typedef struct cnn_fake_options {
    size_t struct_size;
    size_t count;
    uint32_t height;
    uint32_t width;
    uint32_t channels;
    uint32_t classes;
    uint64_t seed;
} cnn_fake_options;
#define CNN_FAKE(...) CNN_OPTIONS(cnn_fake_options, __VA_ARGS__)
CNN_API cnn_status cnn_dataset_create_fake(cnn_context *context, const cnn_fake_options *options,
                                           cnn_dataset **dataset);
typedef enum cnn_split_mode {
    CNN_SPLIT_RANDOM = 0,
    CNN_SPLIT_STRATIFIED = 1,
    CNN_SPLIT_KERAS = 2
} cnn_split_mode;
typedef struct cnn_split_options {
    size_t struct_size;
    int32_t mode;
    float fraction;
    uint64_t seed;
    uint32_t grouped;
    uint32_t reserved;
} cnn_split_options;
#define CNN_SPLIT(...) CNN_OPTIONS(cnn_split_options, __VA_ARGS__)
CNN_API cnn_status cnn_dataset_split(const cnn_dataset *dataset, const cnn_split_options *options, cnn_dataset **rest,
                                     cnn_dataset **part);
typedef struct cnn_folds_options {
    size_t struct_size;
    uint32_t folds;
    int32_t mode;
    uint32_t grouped;
    uint32_t reserved;
    uint64_t seed;
} cnn_folds_options;
#define CNN_FOLDS(...) CNN_OPTIONS(cnn_folds_options, __VA_ARGS__)
CNN_API cnn_status cnn_dataset_folds(const cnn_dataset *dataset, const cnn_folds_options *options, uint32_t *folds,
                                     size_t capacity);
CNN_API cnn_status cnn_dataset_fold(const cnn_dataset *dataset, const cnn_folds_options *options, uint32_t fold,
                                    cnn_dataset **rest, cnn_dataset **part);
CNN_API cnn_status cnn_dataset_subset(const cnn_dataset *dataset, const uint64_t *indices, size_t count,
                                      cnn_dataset **subset);
CNN_API cnn_status cnn_dataset_sample(const cnn_dataset *dataset, size_t count, uint64_t seed, cnn_dataset **subset);
CNN_API void cnn_dataset_free(cnn_dataset *dataset);
CNN_API size_t cnn_dataset_count(const cnn_dataset *dataset);
CNN_API size_t cnn_dataset_class_count(const cnn_dataset *dataset);
CNN_API const char *cnn_dataset_class_name(const cnn_dataset *dataset, size_t label);
CNN_API uint64_t cnn_dataset_left_out(const cnn_dataset *dataset);
CNN_API cnn_status cnn_dataset_class_counts(const cnn_dataset *dataset, uint64_t *counts, size_t capacity);
CNN_API cnn_status cnn_dataset_balanced_weights(const cnn_dataset *dataset, float *weights, size_t capacity);
CNN_API cnn_status cnn_dataset_effective_weights(const cnn_dataset *dataset, double beta, float *weights,
                                                 size_t capacity);
CNN_API int32_t cnn_dataset_label(const cnn_dataset *dataset, size_t index);
CNN_API size_t cnn_dataset_target_count(const cnn_dataset *dataset);
CNN_API cnn_task cnn_dataset_task(const cnn_dataset *dataset);
CNN_API cnn_status cnn_dataset_targets(const cnn_dataset *dataset, size_t index, float *targets, size_t capacity);
CNN_API float cnn_dataset_weight(const cnn_dataset *dataset, size_t index);
CNN_API bool cnn_dataset_has_part(const cnn_dataset *dataset, const char *part);
CNN_API bool cnn_dataset_weighted(const cnn_dataset *dataset);
CNN_API int64_t cnn_dataset_group(const cnn_dataset *dataset, size_t index);
CNN_API const char *cnn_dataset_path(const cnn_dataset *dataset, size_t index);
CNN_API cnn_status cnn_dataset_image(const cnn_dataset *dataset, size_t index, cnn_image **image);
CNN_API cnn_shape cnn_dataset_shape(const cnn_dataset *dataset);
CNN_END_DECLS
#endif
#ifndef CNN_LOADER_H
#define CNN_LOADER_H 
CNN_BEGIN_DECLS
typedef struct cnn_loader cnn_loader;
typedef enum cnn_batch_mode {
    CNN_BATCH_EPOCH = 0,
    CNN_BATCH_WRAP = 1
} cnn_batch_mode;
typedef bool (*cnn_read_function)(void *user, uint64_t done, uint64_t total);
typedef struct cnn_loader_options {
    size_t struct_size;
    const cnn_pipeline *pipeline;
    uint32_t batch;
    uint32_t shuffle;
    int32_t mode;
    int32_t on_error;
    uint32_t drop_last;
    uint32_t workers;
    uint32_t prefetch;
    uint64_t seed;
    uint32_t in_memory;
    uint32_t balanced;
    uint64_t memory_limit;
    uint32_t shard;
    uint32_t shards;
    uint32_t blocks;
    uint32_t reserved2;
    cnn_read_function on_read;
    void *user;
} cnn_loader_options;
#define CNN_LOADER(...) CNN_OPTIONS(cnn_loader_options, __VA_ARGS__)
typedef struct cnn_batch {
    size_t struct_size;
    size_t count;
    const float *images;
    const int32_t *labels;
    const uint64_t *indices;
    cnn_shape shape;
    uint64_t epoch;
    const float *targets;
    size_t target_count;
    const float *weights;
    const int64_t *groups;
    size_t whole;
    const uint32_t *places;
} cnn_batch;
#define CNN_BATCH_INIT \
    {sizeof(cnn_batch), 0, NULL, NULL, NULL, {0, 0, {0, 0, 0, 0, 0, 0, 0, 0}}, 0, NULL, 0, NULL, NULL, 0, NULL}
CNN_API cnn_status cnn_loader_create(cnn_context *context, const cnn_dataset *dataset,
                                     const cnn_loader_options *options, cnn_loader **loader);
CNN_API void cnn_loader_free(cnn_loader *loader);
CNN_API cnn_status cnn_loader_next(cnn_loader *loader, cnn_batch *batch);
CNN_API cnn_status cnn_loader_seek(cnn_loader *loader, uint64_t batches);
CNN_API uint64_t cnn_loader_position(const cnn_loader *loader);
CNN_API size_t cnn_loader_batches(const cnn_loader *loader);
CNN_API size_t cnn_loader_batch_size(const cnn_loader *loader);
CNN_API cnn_batch_mode cnn_loader_mode(const cnn_loader *loader);
CNN_API cnn_shape cnn_loader_sample_shape(const cnn_loader *loader);
CNN_API const cnn_dataset *cnn_loader_dataset(const cnn_loader *loader);
CNN_API const cnn_pipeline *cnn_loader_pipeline(const cnn_loader *loader);
CNN_API uint64_t cnn_loader_kept_bytes(const cnn_loader *loader);
CNN_API uint64_t cnn_loader_skipped(const cnn_loader *loader);
CNN_API double cnn_loader_wait_seconds(const cnn_loader *loader);
typedef struct cnn_channel_statistics {
    size_t struct_size;
    uint32_t channels;
    uint32_t reserved;
    uint64_t images;
    uint64_t skipped;
    double mean[CNN_MAX_CHANNELS];
    double deviation[CNN_MAX_CHANNELS];
    double covariance[9];
    double pca_values[3];
    double pca_vectors[9];
    double least;
    double most;
} cnn_channel_statistics;
#define CNN_CHANNEL_STATISTICS_INIT \
    {sizeof(cnn_channel_statistics), 0, 0, 0, 0, {0}, {0}, {0}, {0}, {0}, 0, 0}
CNN_API cnn_status cnn_dataset_statistics(cnn_context *context, const cnn_dataset *dataset,
                                          const cnn_loader_options *options, cnn_channel_statistics *statistics);
CNN_END_DECLS
#endif
#ifndef CNN_LAYER_H
#define CNN_LAYER_H 
#ifndef CNN_LAYER_COMMON_H
#define CNN_LAYER_COMMON_H 
#ifndef CNN_BACKEND_H
#define CNN_BACKEND_H 
CNN_BEGIN_DECLS
#define CNN_BACKEND_ABI 1
struct cnn_backend;
typedef enum cnn_activation {
    CNN_LINEAR = 0,
    CNN_RELU = 1,
    CNN_LEAKY_RELU = 2,
    CNN_SIGMOID = 3,
    CNN_TANH = 4,
    CNN_SOFTMAX = 5,
    CNN_LOG_SOFTMAX = 6,
    CNN_RELU6 = 7,
    CNN_SILU = 8,
    CNN_GELU = 9,
    CNN_GELU_TANH = 10,
    CNN_ELU = 11,
    CNN_SELU = 12,
    CNN_HARD_SIGMOID = 13,
    CNN_HARD_SWISH = 14,
    CNN_SOFTPLUS = 15,
    CNN_CLIPPED_RELU = 16
} cnn_activation;
typedef enum cnn_op {
    CNN_OP_GEMM = 0,
    CNN_OP_CONV2D = 1,
    CNN_OP_DENSE = 2,
    CNN_OP_POOL2D = 3,
    CNN_OP_NORM = 4,
    CNN_OP_LRN = 5,
    CNN_OP_ACTIVATION = 6,
    CNN_OP_SOFTMAX = 7,
    CNN_OP_DROPOUT = 8,
    CNN_OP_PAD2D = 9,
    CNN_OP_ELEMENTWISE = 10,
    CNN_OP_REDUCE = 11,
    CNN_OP_CONCAT = 12,
    CNN_OP_FILL = 13,
    CNN_OP_FOLD = 14,
    CNN_OP_UPDATE = 15,
    CNN_OP_RESAMPLE = 16,
    CNN_OP_PERMUTE = 17,
    CNN_OP_PRELU = 18,
    CNN_OP_CONV3D = 20,
    CNN_OP_ADJACENCY = 21,
    CNN_OP_CONSTRAIN = 23,
    CNN_OP_PENALTY = 24,
    CNN_OP_MAP = 25,
    CNN_OP_SAMPLE = 26
} cnn_op;
typedef enum cnn_pass {
    CNN_PASS_FORWARD = 0,
    CNN_PASS_BACKWARD_DATA = 1,
    CNN_PASS_BACKWARD_FILTER = 2,
    CNN_PASS_INFERENCE = 3,
    CNN_PASS_PREPARE = 4,
    CNN_PASS_BACKWARD = 5
} cnn_pass;
#define CNN_PASSES 8
typedef struct cnn_op_answer {
    size_t struct_size;
    const struct cnn_backend *backend;
    size_t workspace[CNN_PASSES];
    size_t prepared;
    int32_t algorithm[CNN_PASSES];
    uint32_t activations;
    uint32_t pools;
    const char *name[CNN_PASSES];
    const char *reason[CNN_PASSES];
    uint64_t reserved[4];
} cnn_op_answer;
typedef struct cnn_backend_call {
    size_t struct_size;
    const struct cnn_backend *backend;
    void *user;
    uint32_t threads;
    uint32_t reserved;
    void *workspace;
    size_t workspace_size;
    void *runner;
    void (*parallel)(const struct cnn_backend_call *call, size_t tasks,
                     void (*task)(void *argument, size_t index, uint32_t worker), void *argument);
} cnn_backend_call;
typedef struct cnn_epilogue {
    int32_t activation;
    float alpha;
    int32_t pool;
    int32_t reserved;
} cnn_epilogue;
typedef struct cnn_gemm_args {
    size_t struct_size;
    int64_t m, n, k;
    const float *a;
    const float *b;
    float *c;
    int64_t lda, ldb, ldc;
    uint32_t transpose_a, transpose_b;
    float alpha, beta;
} cnn_gemm_args;
typedef struct cnn_conv2d_shape {
    int64_t n, in_h, in_w, in_c, out_h, out_w, out_c;
    int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int32_t groups, pad_top, pad_left;
    int32_t single;
    cnn_epilogue epilogue;
} cnn_conv2d_shape;
typedef struct cnn_conv2d_args {
    size_t struct_size;
    const cnn_op_answer *answer;
    cnn_conv2d_shape shape;
    const float *x, *filters;
    const float *bias;
    float *y;
    uint8_t *argmax;
    void *prepared;
    float *dy, *dx, *d_filters;
    float *d_bias;
} cnn_conv2d_args;
typedef struct cnn_dense_shape {
    int64_t n, in, out;
    cnn_epilogue epilogue;
} cnn_dense_shape;
typedef struct cnn_dense_args {
    size_t struct_size;
    const cnn_op_answer *answer;
    cnn_dense_shape shape;
    const float *x, *weights;
    const float *bias;
    float *y;
    float *dy, *dx, *d_weights;
    float *d_bias;
} cnn_dense_args;
typedef struct cnn_pool2d_shape {
    int64_t n, in_h, in_w, c, out_h, out_w;
    int32_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right;
    int32_t average;
    int32_t count_include_pad;
    int32_t argmax_bytes;
    int32_t adaptive;
    cnn_epilogue epilogue;
    int32_t dilation_h, dilation_w;
} cnn_pool2d_shape;
typedef struct cnn_pool2d_args {
    size_t struct_size;
    const cnn_op_answer *answer;
    cnn_pool2d_shape shape;
    const float *x;
    float *y;
    void *argmax;
    float *dy, *dx;
} cnn_pool2d_args;
typedef struct cnn_norm_shape {
    int64_t n, h, w, c;
    float epsilon;
    int32_t fixed;
    cnn_epilogue epilogue;
} cnn_norm_shape;
typedef struct cnn_norm_args {
    size_t struct_size;
    const cnn_op_answer *answer;
    cnn_norm_shape shape;
    const float *x, *gamma, *beta;
    float *y;
    uint8_t *argmax;
    float *mean, *variance, *inv_std;
    float *moving_mean, *moving_variance;
    float keep, correction;
    float *dy, *dx, *d_gamma, *d_beta;
    cnn_status (*sum)(void *user, double *values, size_t count);
    void *sum_user;
} cnn_norm_args;
typedef struct cnn_lrn_shape {
    int64_t rows, c;
    int64_t before, after;
    float alpha, beta, bias;
} cnn_lrn_shape;
typedef struct cnn_lrn_args {
    size_t struct_size;
    const cnn_op_answer *answer;
    cnn_lrn_shape shape;
    const float *x, *dy;
    float *y, *dx;
} cnn_lrn_args;
typedef struct cnn_activation_args {
    size_t struct_size;
    size_t n;
    int32_t activation;
    float alpha;
    const float *x, *dy;
    float *y, *dx;
} cnn_activation_args;
typedef struct cnn_softmax_args {
    size_t struct_size;
    size_t rows, columns;
    int32_t logarithm;
    const float *x, *dy;
    float *y, *dx;
} cnn_softmax_args;
typedef struct cnn_dropout_args {
    size_t struct_size;
    int64_t n, positions, c;
    float rate;
    int32_t channels;
    uint64_t key[2];
    const float *x;
    float *y;
    uint64_t before;
} cnn_dropout_args;
typedef struct cnn_pad2d_args {
    size_t struct_size;
    int64_t n, in_h, in_w, c;
    int32_t top, bottom, left, right;
    const float *x, *dy;
    float *y, *dx;
} cnn_pad2d_args;
typedef enum cnn_resample_mode {
    CNN_RESAMPLE_NEAREST = 0,
    CNN_RESAMPLE_BILINEAR = 1
} cnn_resample_mode;
typedef struct cnn_resample_args {
    size_t struct_size;
    int64_t n, in_h, in_w, c, out_h, out_w;
    int32_t mode;
    int32_t align_corners;
    const float *x, *dy;
    float *y, *dx;
} cnn_resample_args;
typedef struct cnn_permute_args {
    size_t struct_size;
    uint32_t rank;
    uint32_t reserved;
    int64_t dims[CNN_MAX_RANK];
    int32_t order[CNN_MAX_RANK];
    const float *x, *dy;
    float *y, *dx;
} cnn_permute_args;
typedef struct cnn_prelu_args {
    size_t struct_size;
    const cnn_op_answer *answer;
    int64_t rows, c;
    const float *x, *slopes, *dy;
    float *y, *dx, *d_slopes;
} cnn_prelu_args;
typedef enum cnn_elementwise_kind {
    CNN_ELEMENTWISE_ADD = 0,
    CNN_ELEMENTWISE_SUBTRACT = 1,
    CNN_ELEMENTWISE_MULTIPLY = 2,
    CNN_ELEMENTWISE_COPY = 3
} cnn_elementwise_kind;
typedef enum cnn_broadcast {
    CNN_BROADCAST_NONE = 0,
    CNN_BROADCAST_SAMPLE = 1,
    CNN_BROADCAST_CHANNEL = 2
} cnn_broadcast;
typedef struct cnn_elementwise_args {
    size_t struct_size;
    int32_t kind;
    int32_t broadcast;
    int64_t outer, inner, c;
    cnn_epilogue epilogue;
    const float *a, *b;
    float *y;
} cnn_elementwise_args;
typedef enum cnn_reduce_kind {
    CNN_REDUCE_SUM_SQUARES = 0,
    CNN_REDUCE_SUM_INNER = 1,
    CNN_REDUCE_MAX_INNER = 2,
    CNN_REDUCE_MIN_INNER = 3
} cnn_reduce_kind;
typedef struct cnn_reduce_args {
    size_t struct_size;
    int32_t kind;
    int32_t reserved;
    int64_t outer, inner, c;
    const float *x;
    float *y;
    double *result;
} cnn_reduce_args;
typedef struct cnn_concat_args {
    size_t struct_size;
    int64_t rows;
    uint32_t count;
    uint32_t reserved;
    const int64_t *widths;
    float *const *parts;
    float *whole;
} cnn_concat_args;
typedef struct cnn_fill_args {
    size_t struct_size;
    size_t n;
    float value;
    uint32_t reserved;
    float *y;
} cnn_fill_args;
typedef struct cnn_fold_args {
    size_t struct_size;
    int64_t rows, c;
    float epsilon;
    uint32_t reserved;
    const float *weights;
    const float *bias;
    const float *gamma, *beta, *mean, *variance;
    float *folded_weights, *folded_bias;
} cnn_fold_args;
typedef struct cnn_conv3d_shape {
    int64_t n, in_d, in_h, in_w, in_c, out_d, out_h, out_w, out_c;
    int32_t kernel_d, kernel_h, kernel_w, stride_d, stride_h, stride_w, dilation_d, dilation_h, dilation_w;
    int32_t groups, pad_front, pad_top, pad_left;
    cnn_epilogue epilogue;
} cnn_conv3d_shape;
typedef struct cnn_conv3d_args {
    size_t struct_size;
    const cnn_op_answer *answer;
    cnn_conv3d_shape shape;
    const float *x, *filters;
    const float *bias;
    float *y;
    float *dy, *dx, *d_filters;
    float *d_bias;
} cnn_conv3d_args;
typedef struct cnn_adjacency_args {
    size_t struct_size;
    int64_t n, nodes;
    int32_t directed;
    int32_t reserved;
    const float *x, *dy;
    float *y, *dx;
} cnn_adjacency_args;
typedef enum cnn_update_rule { CNN_UPDATE_SGD = 0, CNN_UPDATE_RMSPROP = 1, CNN_UPDATE_ADAM = 2 } cnn_update_rule;
typedef struct cnn_update_args {
    size_t struct_size;
    int32_t rule;
    int32_t reserved;
    size_t n;
    float *w;
    const float *g;
    float *slot0, *slot1;
    float learning_rate;
    float weight_decay;
    float gradient_scale;
    float clip;
    float momentum;
    float beta1, beta2;
    float epsilon;
    int32_t nesterov;
    int32_t variant;
    double correction1, correction2;
} cnn_update_args;
typedef enum cnn_constraint_kind {
    CNN_CONSTRAINT_NONE = 0,
    CNN_CONSTRAINT_MAX_NORM = 1,
    CNN_CONSTRAINT_NON_NEGATIVE = 2,
    CNN_CONSTRAINT_UNIT_NORM = 3,
    CNN_CONSTRAINT_MIN_MAX_NORM = 4
} cnn_constraint_kind;
typedef struct cnn_constrain_args {
    size_t struct_size;
    int32_t kind;
    uint32_t axes;
    float low, high, rate;
    int32_t reserved;
    cnn_shape shape;
    float *w;
} cnn_constrain_args;
typedef struct cnn_penalty_args {
    size_t struct_size;
    size_t n;
    float l1, l2, scale;
    int32_t accumulate;
    const float *x;
    float *dx;
    double *result;
} cnn_penalty_args;
typedef enum cnn_map_function {
    CNN_MAP_COPY = 0,
    CNN_MAP_SCALE = 1,
    CNN_MAP_ABS = 2,
    CNN_MAP_EXP = 3,
    CNN_MAP_LOG = 4,
    CNN_MAP_SQRT = 5,
    CNN_MAP_POWER = 6,
    CNN_MAP_CLIP = 7,
    CNN_MAP_ERF = 8,
    CNN_MAP_ADD = 9,
    CNN_MAP_SUBTRACT = 10,
    CNN_MAP_MULTIPLY = 11,
    CNN_MAP_DIVIDE = 12,
    CNN_MAP_POW = 13,
    CNN_MAP_MIN = 14,
    CNN_MAP_MAX = 15,
    CNN_MAP_EQUAL = 16,
    CNN_MAP_LESS = 17,
    CNN_MAP_SIGN = 18,
    CNN_MAP_SQRT_GRADIENT = 19,
    CNN_MAP_POWER_GRADIENT = 20,
    CNN_MAP_CLIP_GRADIENT = 21,
    CNN_MAP_ERF_GRADIENT = 22,
    CNN_MAP_POW_BASE = 23,
    CNN_MAP_POW_EXPONENT = 24
} cnn_map_function;
typedef struct cnn_map_args {
    size_t struct_size;
    int32_t function;
    uint32_t rank;
    int64_t dims[CNN_MAX_RANK], a_steps[CNN_MAX_RANK], b_steps[CNN_MAX_RANK];
    float p, q;
    const float *a;
    const float *b;
    float *y;
} cnn_map_args;
typedef enum cnn_sample_mode {
    CNN_SAMPLE_STEP = 0,
    CNN_SAMPLE_NEAREST = 1,
    CNN_SAMPLE_LINEAR = 2,
    CNN_SAMPLE_CUBIC = 3
} cnn_sample_mode;
typedef enum cnn_border {
    CNN_BORDER_VALUE = 0,
    CNN_BORDER_REFLECT = 1,
    CNN_BORDER_EDGE = 2,
    CNN_BORDER_WRAP = 3
} cnn_border;
typedef enum cnn_sample_rounding {
    CNN_ROUND_HALF_DOWN = 0,
    CNN_ROUND_HALF_UP = 1,
    CNN_ROUND_DOWN = 2,
    CNN_ROUND_UP = 3
} cnn_sample_rounding;
typedef struct cnn_sample_args {
    size_t struct_size;
    int64_t outer, in, out, inner;
    int32_t mode;
    int32_t border;
    int32_t rounding;
    int32_t exclude;
    int32_t extrapolate;
    float cubic;
    float value;
    int32_t reserved;
    int64_t start, step;
    double shift, factor, offset;
    const float *x, *dy;
    float *y, *dx;
} cnn_sample_args;
typedef struct cnn_backend {
    size_t struct_size;
    uint32_t abi;
    uint32_t reserved;
    const char *name;
    void *user;
    cnn_status (*gemm)(const cnn_backend_call *call, const cnn_gemm_args *args);
    cnn_status (*query)(const struct cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                        cnn_op_answer *answer);
    cnn_status (*conv2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args);
    cnn_status (*dense)(const cnn_backend_call *call, cnn_pass pass, const cnn_dense_args *args);
    cnn_status (*pool2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_pool2d_args *args);
    cnn_status (*norm)(const cnn_backend_call *call, cnn_pass pass, const cnn_norm_args *args);
    cnn_status (*lrn)(const cnn_backend_call *call, cnn_pass pass, const cnn_lrn_args *args);
    cnn_status (*activation)(const cnn_backend_call *call, cnn_pass pass, const cnn_activation_args *args);
    cnn_status (*softmax)(const cnn_backend_call *call, cnn_pass pass, const cnn_softmax_args *args);
    cnn_status (*dropout)(const cnn_backend_call *call, const cnn_dropout_args *args);
    cnn_status (*pad2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_pad2d_args *args);
    cnn_status (*elementwise)(const cnn_backend_call *call, const cnn_elementwise_args *args);
    cnn_status (*reduce)(const cnn_backend_call *call, const cnn_reduce_args *args);
    cnn_status (*concat)(const cnn_backend_call *call, cnn_pass pass, const cnn_concat_args *args);
    cnn_status (*fill)(const cnn_backend_call *call, const cnn_fill_args *args);
    cnn_status (*fold)(const cnn_backend_call *call, const cnn_fold_args *args);
    cnn_status (*update)(const cnn_backend_call *call, const cnn_update_args *args);
    void *(*allocate)(const struct cnn_backend *backend, size_t size);
    void (*release)(const struct cnn_backend *backend, void *handle, size_t size);
    cnn_status (*copy_in)(const struct cnn_backend *backend, void *to, const void *from, size_t size);
    cnn_status (*copy_out)(const struct cnn_backend *backend, void *to, const void *from, size_t size);
    cnn_status (*conv3d)(const cnn_backend_call *call, cnn_pass pass, const cnn_conv3d_args *args);
    cnn_status (*adjacency)(const cnn_backend_call *call, cnn_pass pass, const cnn_adjacency_args *args);
    cnn_status (*constrain)(const cnn_backend_call *call, const cnn_constrain_args *args);
    cnn_status (*penalty)(const cnn_backend_call *call, cnn_pass pass, const cnn_penalty_args *args);
    cnn_status (*resample)(const cnn_backend_call *call, cnn_pass pass, const cnn_resample_args *args);
    cnn_status (*permute)(const cnn_backend_call *call, cnn_pass pass, const cnn_permute_args *args);
    cnn_status (*prelu)(const cnn_backend_call *call, cnn_pass pass, const cnn_prelu_args *args);
    cnn_status (*map)(const cnn_backend_call *call, const cnn_map_args *args);
    cnn_status (*sample)(const cnn_backend_call *call, cnn_pass pass, const cnn_sample_args *args);
} cnn_backend;
CNN_API cnn_status cnn_backend_query(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                                     cnn_op_answer *answer);
CNN_API cnn_status cnn_backend_run(const cnn_backend_call *call, cnn_op op, cnn_pass pass, const void *args);
CNN_END_DECLS
#endif
CNN_BEGIN_DECLS
typedef struct cnn_layer cnn_layer;
typedef enum cnn_padding {
    CNN_PADDING_DEFAULT = 0,
    CNN_PADDING_VALID = 1,
    CNN_PADDING_SAME = 2,
    CNN_PADDING_SAME_LOWER = 3,
    CNN_PADDING_EXPLICIT = 4
} cnn_padding;
typedef enum cnn_initializer_kind {
    CNN_INIT_DEFAULT = 0,
    CNN_INIT_GLOROT_UNIFORM = 1,
    CNN_INIT_GLOROT_NORMAL = 2,
    CNN_INIT_HE_UNIFORM = 3,
    CNN_INIT_HE_NORMAL = 4,
    CNN_INIT_NORMAL = 5,
    CNN_INIT_CONSTANT = 6,
    CNN_INIT_PYTORCH = 7,
    CNN_INIT_UNIFORM = 8,
    CNN_INIT_DIRAC = 9
} cnn_initializer_kind;
typedef struct cnn_initializer {
    int32_t kind;
    float value;
} cnn_initializer;
typedef struct cnn_regularizer {
    float l1, l2;
} cnn_regularizer;
typedef struct cnn_constraint {
    int32_t kind;
    uint32_t axes;
    float low;
    float high;
    float rate;
} cnn_constraint;
typedef struct cnn_named_options {
    size_t struct_size;
    const char *name;
} cnn_named_options;
#define CNN_NAMED(...) CNN_OPTIONS(cnn_named_options, __VA_ARGS__)
CNN_API void cnn_layer_free(cnn_layer *layer);
CNN_END_DECLS
#endif
#ifndef CNN_LAYER_CONV_H
#define CNN_LAYER_CONV_H 
CNN_BEGIN_DECLS
typedef struct cnn_conv2d_options {
    size_t struct_size;
    const char *name;
    int32_t filters;
    int32_t kernel[2];
    int32_t stride[2];
    int32_t dilation[2];
    int32_t groups;
    int32_t padding;
    int32_t pads[4];
    int32_t activation;
    float alpha;
    int32_t no_bias;
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer;
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_conv2d_options;
#define CNN_CONV2D(...) CNN_OPTIONS(cnn_conv2d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_conv2d(cnn_context *context, const cnn_conv2d_options *options);
typedef struct cnn_conv1d_options {
    size_t struct_size;
    const char *name;
    int32_t filters;
    int32_t kernel;
    int32_t stride;
    int32_t dilation;
    int32_t groups;
    int32_t padding;
    int32_t pads[2];
    int32_t activation;
    float alpha;
    int32_t no_bias;
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer;
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_conv1d_options;
#define CNN_CONV1D(...) CNN_OPTIONS(cnn_conv1d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_conv1d(cnn_context *context, const cnn_conv1d_options *options);
typedef struct cnn_conv3d_options {
    size_t struct_size;
    const char *name;
    int32_t filters;
    int32_t kernel[3];
    int32_t stride[3];
    int32_t dilation[3];
    int32_t groups;
    int32_t padding;
    int32_t pads[6];
    int32_t activation;
    float alpha;
    int32_t no_bias;
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer;
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_conv3d_options;
#define CNN_CONV3D(...) CNN_OPTIONS(cnn_conv3d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_conv3d(cnn_context *context, const cnn_conv3d_options *options);
typedef struct cnn_depthwise_conv2d_options {
    size_t struct_size;
    const char *name;
    int32_t multiplier;
    int32_t kernel[2];
    int32_t stride[2];
    int32_t dilation[2];
    int32_t padding;
    int32_t pads[4];
    int32_t activation;
    float alpha;
    int32_t no_bias;
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer;
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_depthwise_conv2d_options;
#define CNN_DEPTHWISE_CONV2D(...) CNN_OPTIONS(cnn_depthwise_conv2d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_depthwise_conv2d(cnn_context *context, const cnn_depthwise_conv2d_options *options);
typedef struct cnn_separable_conv2d_options {
    size_t struct_size;
    const char *name;
    int32_t filters;
    int32_t multiplier;
    int32_t kernel[2];
    int32_t stride[2];
    int32_t dilation[2];
    int32_t padding;
    int32_t pads[4];
    int32_t activation;
    float alpha;
    int32_t no_bias;
    cnn_initializer depthwise_init;
    cnn_initializer pointwise_init;
    cnn_initializer bias_init;
    cnn_regularizer depthwise_regularizer, pointwise_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer;
    cnn_constraint depthwise_constraint, pointwise_constraint, bias_constraint;
} cnn_separable_conv2d_options;
#define CNN_SEPARABLE_CONV2D(...) CNN_OPTIONS(cnn_separable_conv2d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_separable_conv2d(cnn_context *context, const cnn_separable_conv2d_options *options);
typedef struct cnn_conv2d_transpose_options {
    size_t struct_size;
    const char *name;
    int32_t filters;
    int32_t kernel[2];
    int32_t stride[2];
    int32_t dilation[2];
    int32_t output_padding[2];
    int32_t groups;
    int32_t padding;
    int32_t pads[4];
    int32_t activation;
    float alpha;
    int32_t no_bias;
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer;
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_conv2d_transpose_options;
#define CNN_CONV2D_TRANSPOSE(...) CNN_OPTIONS(cnn_conv2d_transpose_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_conv2d_transpose(cnn_context *context, const cnn_conv2d_transpose_options *options);
typedef struct cnn_conv3d_transpose_options {
    size_t struct_size;
    const char *name;
    int32_t filters;
    int32_t kernel[3];
    int32_t stride[3];
    int32_t dilation[3];
    int32_t output_padding[3];
    int32_t groups;
    int32_t padding;
    int32_t pads[6];
    int32_t activation;
    float alpha;
    int32_t no_bias;
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer;
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_conv3d_transpose_options;
#define CNN_CONV3D_TRANSPOSE(...) CNN_OPTIONS(cnn_conv3d_transpose_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_conv3d_transpose(cnn_context *context, const cnn_conv3d_transpose_options *options);
typedef struct cnn_dense_options {
    size_t struct_size;
    const char *name;
    int32_t units;
    int32_t activation;
    float alpha;
    int32_t no_bias;
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer;
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_dense_options;
#define CNN_DENSE(...) CNN_OPTIONS(cnn_dense_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_dense(cnn_context *context, const cnn_dense_options *options);
typedef enum cnn_graph_normalization {
    CNN_GRAPH_UNDIRECTED = 0,
    CNN_GRAPH_DIRECTED = 1,
    CNN_GRAPH_GIVEN = 2
} cnn_graph_normalization;
typedef struct cnn_graph_conv_options {
    size_t struct_size;
    const char *name;
    int32_t units;
    int32_t normalization;
    int32_t activation;
    float alpha;
    int32_t no_bias;
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer;
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_graph_conv_options;
#define CNN_GRAPH_CONV(...) CNN_OPTIONS(cnn_graph_conv_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_graph_conv(cnn_context *context, const cnn_graph_conv_options *options);
CNN_END_DECLS
#endif
#ifndef CNN_LAYER_CUSTOM_H
#define CNN_LAYER_CUSTOM_H 
CNN_BEGIN_DECLS
#define CNN_LAYER_MAX_PARAMETERS 8
#define CNN_LAYER_MAX_INPUTS 16
typedef struct cnn_parameter_spec {
    const char *name;
    cnn_shape shape;
    cnn_initializer init;
    int64_t fan_in, fan_out;
    int32_t trainable;
    int32_t decay;
    int32_t type;
    int32_t reserved;
} cnn_parameter_spec;
typedef struct cnn_parameter_rules {
    cnn_regularizer regularizer;
    cnn_constraint constraint;
} cnn_parameter_rules;
typedef struct cnn_layer_spec {
    size_t struct_size;
    cnn_shape output;
    uint32_t parameter_count;
    uint32_t reserved;
    cnn_parameter_spec parameters[CNN_LAYER_MAX_PARAMETERS];
    size_t saved_size;
    size_t workspace_size;
    int32_t in_place;
    int32_t backward_needs_input;
    int32_t backward_needs_output;
    int32_t changes_rows;
    cnn_op_answer answer;
    cnn_parameter_rules rules[CNN_LAYER_MAX_PARAMETERS];
    cnn_regularizer activity_regularizer;
} cnn_layer_spec;
typedef struct cnn_layer_call {
    size_t struct_size;
    const cnn_backend_call *backend;
    int32_t training;
    uint32_t input_count;
    const cnn_shape *input_shapes;
    cnn_shape output_shape;
    const float *const *inputs;
    float *output;
    float *output_gradient;
    float *const *input_gradients;
    float *const *parameters;
    float *const *parameter_gradients;
    void *saved;
    uint64_t key[2];
    int32_t frozen;
    int32_t derived;
    const cnn_op_answer *answer;
    uint64_t before;
    cnn_status (*sum)(void *user, double *values, size_t count);
    void *sum_user;
} cnn_layer_call;
typedef struct cnn_layer_kind {
    size_t struct_size;
    const char *type;
    const char *prefix;
    cnn_status (*infer)(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size);
    cnn_status (*forward)(const void *user, const cnn_layer_call *call);
    cnn_status (*backward)(const void *user, const cnn_layer_call *call);
    void (*destroy)(void *user);
} cnn_layer_kind;
CNN_API cnn_layer *cnn_custom_layer(cnn_context *context, const cnn_layer_kind *kind, void *user, const char *name);
CNN_END_DECLS
#endif
#ifndef CNN_LAYER_POOL_H
#define CNN_LAYER_POOL_H 
CNN_BEGIN_DECLS
typedef struct cnn_pool2d_options {
    size_t struct_size;
    const char *name;
    int32_t size[2];
    int32_t stride[2];
    int32_t padding;
    int32_t pads[4];
    int32_t ceil;
    int32_t count_include_pad;
    int32_t dilation[2];
} cnn_pool2d_options;
#define CNN_POOL2D(...) CNN_OPTIONS(cnn_pool2d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_max_pool2d(cnn_context *context, const cnn_pool2d_options *options);
CNN_API cnn_layer *cnn_average_pool2d(cnn_context *context, const cnn_pool2d_options *options);
typedef struct cnn_pool1d_options {
    size_t struct_size;
    const char *name;
    int32_t size;
    int32_t stride;
    int32_t padding;
    int32_t pads[2];
    int32_t ceil;
    int32_t count_include_pad;
    int32_t dilation;
} cnn_pool1d_options;
#define CNN_POOL1D(...) CNN_OPTIONS(cnn_pool1d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_max_pool1d(cnn_context *context, const cnn_pool1d_options *options);
CNN_API cnn_layer *cnn_average_pool1d(cnn_context *context, const cnn_pool1d_options *options);
typedef struct cnn_pool3d_options {
    size_t struct_size;
    const char *name;
    int32_t size[3];
    int32_t stride[3];
    int32_t padding;
    int32_t pads[6];
    int32_t ceil;
    int32_t count_include_pad;
    int32_t dilation[3];
} cnn_pool3d_options;
#define CNN_POOL3D(...) CNN_OPTIONS(cnn_pool3d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_max_pool3d(cnn_context *context, const cnn_pool3d_options *options);
CNN_API cnn_layer *cnn_average_pool3d(cnn_context *context, const cnn_pool3d_options *options);
CNN_API cnn_layer *cnn_global_average_pool2d(cnn_context *context, const cnn_named_options *options);
CNN_API cnn_layer *cnn_global_max_pool2d(cnn_context *context, const cnn_named_options *options);
typedef struct cnn_adaptive_pool2d_options {
    size_t struct_size;
    const char *name;
    int32_t size[2];
} cnn_adaptive_pool2d_options;
#define CNN_ADAPTIVE_POOL2D(...) CNN_OPTIONS(cnn_adaptive_pool2d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_adaptive_average_pool2d(cnn_context *context, const cnn_adaptive_pool2d_options *options);
CNN_API cnn_layer *cnn_adaptive_max_pool2d(cnn_context *context, const cnn_adaptive_pool2d_options *options);
CNN_API cnn_layer *cnn_global_average_pool1d(cnn_context *context, const cnn_named_options *options);
CNN_API cnn_layer *cnn_global_max_pool1d(cnn_context *context, const cnn_named_options *options);
CNN_API cnn_layer *cnn_global_average_pool3d(cnn_context *context, const cnn_named_options *options);
CNN_API cnn_layer *cnn_global_max_pool3d(cnn_context *context, const cnn_named_options *options);
CNN_END_DECLS
#endif
#ifndef CNN_LAYER_SHAPE_H
#define CNN_LAYER_SHAPE_H 
CNN_BEGIN_DECLS
typedef struct cnn_reshape_options {
    size_t struct_size;
    const char *name;
    int32_t shape[7];
    int32_t rows;
} cnn_reshape_options;
#define CNN_RESHAPE(...) CNN_OPTIONS(cnn_reshape_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_reshape(cnn_context *context, const cnn_reshape_options *options);
typedef struct cnn_permute_options {
    size_t struct_size;
    const char *name;
    int32_t order[7];
} cnn_permute_options;
#define CNN_PERMUTE(...) CNN_OPTIONS(cnn_permute_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_permute(cnn_context *context, const cnn_permute_options *options);
typedef struct cnn_channel_shuffle_options {
    size_t struct_size;
    const char *name;
    int32_t groups;
} cnn_channel_shuffle_options;
#define CNN_CHANNEL_SHUFFLE(...) CNN_OPTIONS(cnn_channel_shuffle_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_channel_shuffle(cnn_context *context, const cnn_channel_shuffle_options *options);
typedef struct cnn_up_sampling2d_options {
    size_t struct_size;
    const char *name;
    int32_t factor[2];
    int32_t interpolation;
    int32_t align_corners;
} cnn_up_sampling2d_options;
#define CNN_UP_SAMPLING2D(...) CNN_OPTIONS(cnn_up_sampling2d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_up_sampling2d(cnn_context *context, const cnn_up_sampling2d_options *options);
typedef struct cnn_cropping2d_options {
    size_t struct_size;
    const char *name;
    int32_t crops[4];
} cnn_cropping2d_options;
#define CNN_CROPPING2D(...) CNN_OPTIONS(cnn_cropping2d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_cropping2d(cnn_context *context, const cnn_cropping2d_options *options);
typedef struct cnn_slice_options {
    size_t struct_size;
    const char *name;
    int32_t start[7];
    int32_t size[7];
    int32_t step[7];
} cnn_slice_options;
#define CNN_SLICE(...) CNN_OPTIONS(cnn_slice_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_slice(cnn_context *context, const cnn_slice_options *options);
typedef struct cnn_pad_options {
    size_t struct_size;
    const char *name;
    int32_t pads[14];
    int32_t border;
    float value;
} cnn_pad_options;
#define CNN_PAD(...) CNN_OPTIONS(cnn_pad_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_pad(cnn_context *context, const cnn_pad_options *options);
typedef enum cnn_resize_places {
    CNN_PLACES_HALF_PIXEL = 0,
    CNN_PLACES_PYTORCH_HALF_PIXEL = 1,
    CNN_PLACES_ALIGN_CORNERS = 2,
    CNN_PLACES_ASYMMETRIC = 3,
    CNN_PLACES_TF_HALF_PIXEL = 4,
    CNN_PLACES_CROP = 5
} cnn_resize_places;
typedef struct cnn_resize_options {
    size_t struct_size;
    const char *name;
    int32_t size[7];
    float scale[7];
    int32_t mode;
    int32_t places;
    int32_t rounding;
    int32_t exclude;
    float cubic;
    float roi[14];
    float value;
} cnn_resize_options;
#define CNN_RESIZE(...) CNN_OPTIONS(cnn_resize_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_resize(cnn_context *context, const cnn_resize_options *options);
typedef struct cnn_depth_space_options {
    size_t struct_size;
    const char *name;
    int32_t block;
    int32_t
        channels_first;
} cnn_depth_space_options;
#define CNN_DEPTH_SPACE(...) CNN_OPTIONS(cnn_depth_space_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_depth_to_space(cnn_context *context, const cnn_depth_space_options *options);
CNN_API cnn_layer *cnn_space_to_depth(cnn_context *context, const cnn_depth_space_options *options);
CNN_API cnn_layer *cnn_flatten(cnn_context *context, const cnn_named_options *options);
typedef struct cnn_zero_pad2d_options {
    size_t struct_size;
    const char *name;
    int32_t pads[4];
} cnn_zero_pad2d_options;
#define CNN_ZERO_PAD2D(...) CNN_OPTIONS(cnn_zero_pad2d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_zero_pad2d(cnn_context *context, const cnn_zero_pad2d_options *options);
typedef struct cnn_zero_pad1d_options {
    size_t struct_size;
    const char *name;
    int32_t pads[2];
} cnn_zero_pad1d_options;
#define CNN_ZERO_PAD1D(...) CNN_OPTIONS(cnn_zero_pad1d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_zero_pad1d(cnn_context *context, const cnn_zero_pad1d_options *options);
typedef struct cnn_zero_pad3d_options {
    size_t struct_size;
    const char *name;
    int32_t pads[6];
} cnn_zero_pad3d_options;
#define CNN_ZERO_PAD3D(...) CNN_OPTIONS(cnn_zero_pad3d_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_zero_pad3d(cnn_context *context, const cnn_zero_pad3d_options *options);
CNN_API cnn_layer *cnn_concatenate(cnn_context *context, const cnn_named_options *options);
CNN_END_DECLS
#endif
#ifndef CNN_LAYER_VALUES_H
#define CNN_LAYER_VALUES_H 
CNN_BEGIN_DECLS
typedef enum cnn_prelu_slopes {
    CNN_PRELU_CHANNEL = 0,
    CNN_PRELU_ONE = 1,
    CNN_PRELU_POSITION = 2
} cnn_prelu_slopes;
typedef struct cnn_prelu_options {
    size_t struct_size;
    const char *name;
    int32_t slopes;
    cnn_initializer init;
} cnn_prelu_options;
#define CNN_PRELU(...) CNN_OPTIONS(cnn_prelu_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_prelu(cnn_context *context, const cnn_prelu_options *options);
#define CNN_RESCALE_MOST_CHANNELS 16
typedef struct cnn_rescale_options {
    size_t struct_size;
    const char *name;
    float scale[CNN_RESCALE_MOST_CHANNELS];
    float offset[CNN_RESCALE_MOST_CHANNELS];
    int32_t channels;
} cnn_rescale_options;
#define CNN_RESCALE(...) CNN_OPTIONS(cnn_rescale_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_rescale(cnn_context *context, const cnn_rescale_options *options);
typedef struct cnn_elementwise_options {
    size_t struct_size;
    const char *name;
    int32_t function;
    float p, q;
} cnn_elementwise_options;
#define CNN_ELEMENTWISE(...) CNN_OPTIONS(cnn_elementwise_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_elementwise(cnn_context *context, const cnn_elementwise_options *options);
typedef struct cnn_arithmetic_options {
    size_t struct_size;
    const char *name;
    int32_t function;
    int32_t shape[7];
    int32_t first;
    cnn_initializer init;
} cnn_arithmetic_options;
#define CNN_ARITHMETIC(...) CNN_OPTIONS(cnn_arithmetic_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_arithmetic(cnn_context *context, const cnn_arithmetic_options *options);
typedef struct cnn_matmul_options {
    size_t struct_size;
    const char *name;
    int32_t transpose_a, transpose_b;
} cnn_matmul_options;
#define CNN_MATMUL(...) CNN_OPTIONS(cnn_matmul_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_matmul(cnn_context *context, const cnn_matmul_options *options);
typedef enum cnn_reduction {
    CNN_REDUCE_TO_SUM = 0,
    CNN_REDUCE_TO_MEAN = 1,
    CNN_REDUCE_TO_MAX = 2,
    CNN_REDUCE_TO_MIN = 3
} cnn_reduction;
typedef struct cnn_reduce_options {
    size_t struct_size;
    const char *name;
    int32_t reduction;
    int32_t axes[7];
    int32_t keep;
} cnn_reduce_options;
#define CNN_REDUCE(...) CNN_OPTIONS(cnn_reduce_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_reduce(cnn_context *context, const cnn_reduce_options *options);
typedef struct cnn_instance_norm_options {
    size_t struct_size;
    const char *name;
    float epsilon;
} cnn_instance_norm_options;
#define CNN_INSTANCE_NORM(...) CNN_OPTIONS(cnn_instance_norm_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_instance_norm(cnn_context *context, const cnn_instance_norm_options *options);
typedef struct cnn_dropout_options {
    size_t struct_size;
    const char *name;
    float rate;
    int32_t channels;
} cnn_dropout_options;
#define CNN_DROPOUT(...) CNN_OPTIONS(cnn_dropout_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_dropout(cnn_context *context, const cnn_dropout_options *options);
typedef struct cnn_batch_norm_options {
    size_t struct_size;
    const char *name;
    int32_t convention;
    float keep;
    float epsilon;
    int32_t unbiased;
    int32_t no_scale;
    int32_t no_shift;
    int32_t activation;
    float alpha;
    cnn_regularizer gamma_regularizer, beta_regularizer;
    cnn_constraint gamma_constraint, beta_constraint;
} cnn_batch_norm_options;
#define CNN_BATCH_NORM(...) CNN_OPTIONS(cnn_batch_norm_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_batch_norm(cnn_context *context, const cnn_batch_norm_options *options);
typedef struct cnn_activate_options {
    size_t struct_size;
    const char *name;
    int32_t activation;
    float alpha;
} cnn_activate_options;
#define CNN_ACTIVATE(...) CNN_OPTIONS(cnn_activate_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_activate(cnn_context *context, const cnn_activate_options *options);
CNN_API cnn_layer *cnn_add(cnn_context *context, const cnn_named_options *options);
CNN_API cnn_layer *cnn_subtract(cnn_context *context, const cnn_named_options *options);
CNN_API cnn_layer *cnn_multiply(cnn_context *context, const cnn_named_options *options);
typedef struct cnn_lrn_options {
    size_t struct_size;
    const char *name;
    int32_t convention;
    int32_t size;
    int32_t radius;
    float alpha;
    float beta;
    float bias;
} cnn_lrn_options;
#define CNN_LRN(...) CNN_OPTIONS(cnn_lrn_options, __VA_ARGS__)
CNN_API cnn_layer *cnn_local_response_norm(cnn_context *context, const cnn_lrn_options *options);
CNN_END_DECLS
#endif
#endif
#ifndef CNN_FUNCTIONAL_H
#define CNN_FUNCTIONAL_H 
CNN_BEGIN_DECLS
CNN_API cnn_status cnn_functional_conv1d(cnn_context *context, const cnn_conv1d_options *options, const cnn_tensor *x,
                                         const cnn_tensor *filters, const cnn_tensor *bias, cnn_tensor *y);
CNN_API cnn_status cnn_functional_conv2d(cnn_context *context, const cnn_conv2d_options *options, const cnn_tensor *x,
                                         const cnn_tensor *filters, const cnn_tensor *bias, cnn_tensor *y);
CNN_API cnn_status cnn_functional_conv3d(cnn_context *context, const cnn_conv3d_options *options, const cnn_tensor *x,
                                         const cnn_tensor *filters, const cnn_tensor *bias, cnn_tensor *y);
CNN_API cnn_status cnn_functional_depthwise_conv2d(cnn_context *context, const cnn_depthwise_conv2d_options *options,
                                                   const cnn_tensor *x, const cnn_tensor *filters,
                                                   const cnn_tensor *bias, cnn_tensor *y);
CNN_API cnn_status cnn_functional_separable_conv2d(cnn_context *context, const cnn_separable_conv2d_options *options,
                                                   const cnn_tensor *x, const cnn_tensor *depthwise,
                                                   const cnn_tensor *pointwise, const cnn_tensor *bias, cnn_tensor *y);
CNN_API cnn_status cnn_functional_conv2d_transpose(cnn_context *context, const cnn_conv2d_transpose_options *options,
                                                   const cnn_tensor *x, const cnn_tensor *filters,
                                                   const cnn_tensor *bias, cnn_tensor *y);
CNN_API cnn_status cnn_functional_dense(cnn_context *context, const cnn_dense_options *options, const cnn_tensor *x,
                                        const cnn_tensor *weights, const cnn_tensor *bias, cnn_tensor *y);
CNN_API cnn_status cnn_functional_graph_conv(cnn_context *context, const cnn_graph_conv_options *options,
                                             const cnn_tensor *x, const cnn_tensor *adjacency,
                                             const cnn_tensor *weights, const cnn_tensor *bias, cnn_tensor *y);
CNN_API cnn_status cnn_functional_max_pool1d(cnn_context *context, const cnn_pool1d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);
CNN_API cnn_status cnn_functional_max_pool2d(cnn_context *context, const cnn_pool2d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);
CNN_API cnn_status cnn_functional_max_pool3d(cnn_context *context, const cnn_pool3d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);
CNN_API cnn_status cnn_functional_average_pool1d(cnn_context *context, const cnn_pool1d_options *options,
                                                 const cnn_tensor *x, cnn_tensor *y);
CNN_API cnn_status cnn_functional_average_pool2d(cnn_context *context, const cnn_pool2d_options *options,
                                                 const cnn_tensor *x, cnn_tensor *y);
CNN_API cnn_status cnn_functional_average_pool3d(cnn_context *context, const cnn_pool3d_options *options,
                                                 const cnn_tensor *x, cnn_tensor *y);
CNN_API cnn_status cnn_functional_activate(cnn_context *context, const cnn_activate_options *options,
                                           const cnn_tensor *x, cnn_tensor *y);
CNN_API cnn_status cnn_functional_softmax(cnn_context *context, const cnn_tensor *x, cnn_tensor *y);
CNN_API cnn_status cnn_functional_batch_norm(cnn_context *context, const cnn_batch_norm_options *options,
                                             const cnn_tensor *x, const cnn_tensor *gamma, const cnn_tensor *beta,
                                             const cnn_tensor *mean, const cnn_tensor *variance, cnn_tensor *y);
CNN_API cnn_status cnn_functional_local_response_norm(cnn_context *context, const cnn_lrn_options *options,
                                                      const cnn_tensor *x, cnn_tensor *y);
CNN_API cnn_status cnn_functional_resize(cnn_context *context, const cnn_resize_options *options, const cnn_tensor *x,
                                         cnn_tensor *y);
CNN_API cnn_status cnn_functional_zero_pad1d(cnn_context *context, const cnn_zero_pad1d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);
CNN_API cnn_status cnn_functional_zero_pad2d(cnn_context *context, const cnn_zero_pad2d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);
CNN_API cnn_status cnn_functional_zero_pad3d(cnn_context *context, const cnn_zero_pad3d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);
CNN_END_DECLS
#endif
#ifndef CNN_MODEL_H
#define CNN_MODEL_H 
CNN_BEGIN_DECLS
typedef struct cnn_model cnn_model;
typedef struct cnn_model_options {
    size_t struct_size;
    const char *name;
    int32_t input[3];
    cnn_shape shape;
    const char *input_name;
} cnn_model_options;
#define CNN_MODEL(...) CNN_OPTIONS(cnn_model_options, __VA_ARGS__)
CNN_API cnn_status cnn_model_create(cnn_context *context, const cnn_model_options *options, cnn_model **model);
CNN_API void cnn_model_free(cnn_model *model);
#define CNN_MODEL_MAX_PORTS 64
CNN_API cnn_status cnn_model_add(cnn_model *model, cnn_layer *layer);
CNN_API cnn_status cnn_model_add_after(cnn_model *model, cnn_layer *layer, const char *const *inputs,
                                       size_t input_count);
CNN_API cnn_status cnn_model_add_input(cnn_model *model, const char *name, const cnn_shape *shape);
CNN_API cnn_status cnn_model_set_outputs(cnn_model *model, const char *const *names, size_t count);
CNN_API cnn_status cnn_model_apply(cnn_model *model, const char *layer, const char *name, const char *const *inputs,
                                   size_t input_count);
CNN_API cnn_layer *cnn_model_as_layer(cnn_context *context, cnn_model *model, const char *name);
CNN_API cnn_status cnn_model_cut(cnn_model *model, const char *layer, cnn_model **part);
typedef struct cnn_head_options {
    size_t struct_size;
    const char *layers;
    const char *cut;
    uint32_t classes;
    int32_t task;
} cnn_head_options;
#define CNN_HEAD(...) CNN_OPTIONS(cnn_head_options, __VA_ARGS__)
CNN_API cnn_status cnn_model_replace_head(cnn_model *model, const cnn_head_options *options, cnn_model **made);
CNN_API cnn_status cnn_model_build(cnn_model *model);
CNN_API const char *cnn_model_name(const cnn_model *model);
CNN_API size_t cnn_model_layer_count(const cnn_model *model);
CNN_API const char *cnn_model_layer_name(const cnn_model *model, size_t layer);
CNN_API const char *cnn_model_layer_type(const cnn_model *model, size_t layer);
CNN_API const char *cnn_model_layer_reads(const cnn_model *model, size_t layer, size_t index);
CNN_API cnn_status cnn_model_layer_configuration(const cnn_model *model, size_t layer, cnn_write_function write,
                                                 void *user);
CNN_API cnn_shape cnn_model_layer_shape(const cnn_model *model, size_t layer);
CNN_API cnn_shape cnn_model_input_shape(const cnn_model *model);
CNN_API cnn_shape cnn_model_output_shape(const cnn_model *model);
CNN_API size_t cnn_model_input_count(const cnn_model *model);
CNN_API const char *cnn_model_input_name(const cnn_model *model, size_t input);
CNN_API size_t cnn_model_output_count(const cnn_model *model);
CNN_API const char *cnn_model_output_name(const cnn_model *model, size_t output);
CNN_API cnn_shape cnn_model_value_shape(const cnn_model *model, const char *name);
typedef struct cnn_parameter {
    size_t struct_size;
    const char *name;
    cnn_tensor value;
    uint32_t layer;
    int32_t trainable;
} cnn_parameter;
#define CNN_PARAMETER_INIT \
    { \
        sizeof(cnn_parameter), NULL, {NULL, {0, 0, {0, 0, 0, 0, 0, 0, 0, 0}}}, 0, 0 \
    }
CNN_API size_t cnn_model_parameter_count(const cnn_model *model);
CNN_API cnn_status cnn_model_parameter(cnn_model *model, size_t index, cnn_parameter *parameter);
CNN_API cnn_status cnn_model_find_parameter(cnn_model *model, const char *name, cnn_parameter *parameter);
CNN_API void cnn_model_touch(cnn_model *model);
CNN_API cnn_status cnn_model_set_trainable(cnn_model *model, const char *pattern, bool trainable);
CNN_API cnn_status cnn_model_train_from(cnn_model *model, const char *layer);
CNN_API cnn_status cnn_model_train_head(cnn_model *model);
typedef enum cnn_statistics {
    CNN_STATISTICS_BY_TRAINABLE = 0,
    CNN_STATISTICS_MOVE = 1,
    CNN_STATISTICS_KEEP = 2
} cnn_statistics;
CNN_API cnn_status cnn_model_set_statistics(cnn_model *model, const char *pattern, cnn_statistics statistics);
CNN_API const char *cnn_model_frozen_layer(const cnn_model *model);
CNN_API cnn_status cnn_model_initialize(cnn_model *model, const char *pattern, const cnn_initializer *initializer);
CNN_API size_t cnn_model_trainable_count(const cnn_model *model);
CNN_API uint64_t cnn_model_values(const cnn_model *model);
CNN_API uint64_t cnn_model_trainable_values(const cnn_model *model);
CNN_API cnn_status cnn_model_summary(const cnn_model *model, cnn_write_function write, void *user);
CNN_API uint64_t cnn_model_session_bytes(const cnn_model *model, uint32_t batch, bool training);
CNN_API cnn_status cnn_model_set_classes(cnn_model *model, const char *const *classes, size_t count);
CNN_API cnn_status cnn_model_set_task(cnn_model *model, cnn_task task);
CNN_API cnn_task cnn_model_task(const cnn_model *model);
typedef struct cnn_decision {
    size_t struct_size;
    float temperature;
    float slope;
    float offset;
    float reject;
    const float *thresholds;
    size_t threshold_count;
} cnn_decision;
#define CNN_DECISION(...) CNN_OPTIONS(cnn_decision, __VA_ARGS__)
CNN_API cnn_status cnn_model_set_decision(cnn_model *model, const cnn_decision *decision);
CNN_API bool cnn_model_decision(const cnn_model *model, cnn_decision *decision);
CNN_API cnn_status cnn_model_decide(const cnn_model *model, const float *outputs, size_t count, int32_t *label,
                                    uint8_t *marks);
CNN_API size_t cnn_model_class_count(const cnn_model *model);
CNN_API const char *cnn_model_class_name(const cnn_model *model, size_t label);
CNN_API cnn_status cnn_model_set_pipeline(cnn_model *model, const cnn_pipeline *pipeline);
CNN_API const cnn_pipeline *cnn_model_pipeline(const cnn_model *model);
CNN_API cnn_status cnn_model_save(const cnn_model *model, const char *path);
CNN_API cnn_status cnn_model_load(cnn_context *context, const char *path, cnn_model **model);
CNN_API cnn_status cnn_model_load_memory(cnn_context *context, const void *data, size_t size, cnn_model **model);
typedef struct cnn_weights_report {
    size_t struct_size;
    uint32_t loaded;
    uint32_t missing;
    uint32_t unused;
} cnn_weights_report;
#define CNN_WEIGHTS_REPORT_INIT \
    { \
        sizeof(cnn_weights_report), 0, 0, 0 \
    }
CNN_API cnn_status cnn_model_load_weights(cnn_model *model, const char *path, cnn_weights_report *report);
CNN_END_DECLS
#endif
#ifndef CNN_SESSION_H
#define CNN_SESSION_H 
CNN_BEGIN_DECLS
typedef struct cnn_session cnn_session;
typedef enum cnn_choice { CNN_BY_DEFAULT = 0, CNN_YES = 1, CNN_NO = 2 } cnn_choice;
typedef struct cnn_session_options {
    size_t struct_size;
    uint32_t batch;
    uint32_t training;
    uint32_t keep_activations;
    uint32_t threads;
    const char *const *outputs;
    size_t output_count;
    const char *const *keep;
    size_t keep_count;
    const char *const *gradients;
    size_t gradient_count;
    int32_t training_behavior;
    int32_t parameter_gradients;
    const cnn_shape *input_shapes;
    size_t input_shape_count;
    int32_t penalties;
    const char *from;
} cnn_session_options;
#define CNN_SESSION(...) CNN_OPTIONS(cnn_session_options, __VA_ARGS__)
CNN_API cnn_status cnn_session_create(cnn_model *model, const cnn_session_options *options, cnn_session **session);
CNN_API void cnn_session_free(cnn_session *session);
CNN_API cnn_status cnn_session_set_input(cnn_session *session, const char *name, const float *values);
CNN_API cnn_status cnn_session_forward(cnn_session *session, const float *inputs, size_t count);
CNN_API const float *cnn_session_output(const cnn_session *session);
CNN_API const float *cnn_session_logits(const cnn_session *session);
CNN_API cnn_status cnn_session_activation(const cnn_session *session, const char *name, cnn_tensor *activation);
CNN_API cnn_status cnn_session_backward(cnn_session *session, const float *logit_gradients);
typedef struct cnn_output_gradient {
    const char *output;
    const float *values;
    int32_t of_logits;
    int32_t reserved;
} cnn_output_gradient;
CNN_API cnn_status cnn_session_backward_from(cnn_session *session, const cnn_output_gradient *gradients, size_t count);
CNN_API cnn_status cnn_session_gradient(const cnn_session *session, size_t index, cnn_tensor *gradient);
CNN_API cnn_status cnn_session_value_gradient(const cnn_session *session, const char *name, cnn_tensor *gradient);
typedef enum cnn_hook_pass {
    CNN_HOOK_FORWARD = 0,
    CNN_HOOK_BACKWARD = 1
} cnn_hook_pass;
typedef cnn_status (*cnn_hook_function)(void *user, const char *name, cnn_hook_pass pass, const cnn_tensor *tensor);
CNN_API cnn_status cnn_session_set_hook(cnn_session *session, cnn_hook_function hook, void *user);
CNN_API cnn_status cnn_session_penalty(const cnn_session *session, double *penalty);
CNN_API cnn_model *cnn_session_model(const cnn_session *session);
CNN_API cnn_status cnn_session_set_communicator(cnn_session *session, const cnn_communicator *communicator);
CNN_API cnn_status cnn_session_set_share(cnn_session *session, uint64_t before, double share);
typedef struct cnn_prediction {
    int32_t label;
    float probability;
    const char *name;
} cnn_prediction;
CNN_API cnn_status cnn_session_predict_image(cnn_session *session, const cnn_image *image, cnn_prediction *predictions,
                                             size_t *count);
CNN_API cnn_status cnn_session_predict_file(cnn_session *session, const char *path, cnn_prediction *predictions,
                                            size_t *count);
CNN_API cnn_status cnn_session_predict_memory(cnn_session *session, const void *data, size_t size,
                                              cnn_prediction *predictions, size_t *count);
CNN_API cnn_status cnn_session_prepare_image(cnn_session *session, const cnn_image *image, float *values,
                                             size_t capacity);
CNN_API cnn_status cnn_session_prepare_file(cnn_session *session, const char *path, float *values, size_t capacity);
CNN_API cnn_status cnn_session_prepare_memory(cnn_session *session, const void *data, size_t size, float *values,
                                              size_t capacity);
CNN_END_DECLS
#endif
#ifndef CNN_EXCHANGE_H
#define CNN_EXCHANGE_H 
CNN_BEGIN_DECLS
typedef enum cnn_weights_layout {
    CNN_WEIGHTS_OWN = 0,
    CNN_WEIGHTS_KERAS = 1,
    CNN_WEIGHTS_PYTORCH = 2
} cnn_weights_layout;
typedef struct cnn_weights cnn_weights;
typedef cnn_status (*cnn_weights_read_function)(void *user, uint64_t id, float *values);
typedef struct cnn_weights_options {
    size_t struct_size;
    const char *name;
    int32_t layout;
    cnn_weights_read_function read;
    void *user;
} cnn_weights_options;
#define CNN_WEIGHTS(...) CNN_OPTIONS(cnn_weights_options, __VA_ARGS__)
typedef struct cnn_weight {
    size_t struct_size;
    const char *name;
    const char *group;
    const char *type;
    cnn_shape shape;
} cnn_weight;
#define CNN_WEIGHT_INIT \
    { \
        sizeof(cnn_weight), NULL, NULL, NULL, \
        { \
            0, 0, { 0, 0, 0, 0, 0, 0, 0, 0 } \
        } \
    }
CNN_API cnn_status cnn_weights_create(cnn_context *context, const cnn_weights_options *options, cnn_weights **weights);
CNN_API cnn_status cnn_weights_add(cnn_weights *weights, const cnn_weight *weight, uint64_t id);
CNN_API cnn_status cnn_weights_open(cnn_context *context, const char *path, cnn_weights **weights);
CNN_API void cnn_weights_free(cnn_weights *weights);
CNN_API size_t cnn_weights_count(const cnn_weights *weights);
CNN_API int32_t cnn_weights_layout_of(const cnn_weights *weights);
CNN_API cnn_status cnn_weights_get(const cnn_weights *weights, size_t index, cnn_weight *weight);
typedef enum cnn_match_kind {
    CNN_MATCHED = 0,
    CNN_MISSING = 1,
    CNN_WRONG_SHAPE = 2,
    CNN_UNUSED = 3
} cnn_match_kind;
typedef struct cnn_match {
    size_t struct_size;
    int32_t kind;
    int32_t by_order;
    const char *parameter;
    cnn_shape shape;
    const char *weight;
    const char *group;
    cnn_shape found;
    const char *axes;
} cnn_match;
typedef void (*cnn_match_function)(void *user, const cnn_match *match);
typedef struct cnn_import_options {
    size_t struct_size;
    int32_t partial;
    int32_t input[3];
    cnn_match_function match;
    void *user;
} cnn_import_options;
#define CNN_IMPORT(...) CNN_OPTIONS(cnn_import_options, __VA_ARGS__)
CNN_API cnn_status cnn_model_import(cnn_model *model, cnn_weights *weights, const cnn_import_options *options,
                                    cnn_weights_report *report);
CNN_API cnn_status cnn_keras_load(cnn_context *context, const char *name, const char *config, size_t size,
                                  cnn_weights *weights, const cnn_import_options *options, cnn_weights_report *report,
                                  cnn_model **model);
CNN_API cnn_status cnn_keras_config(const cnn_model *model, cnn_write_function write, void *user);
typedef cnn_status (*cnn_export_function)(void *user, const cnn_weight *weight, const float *values);
CNN_API cnn_status cnn_model_export(const cnn_model *model, cnn_weights_layout layout, cnn_export_function write,
                                    void *user);
CNN_API cnn_status cnn_model_save_tensors(const cnn_model *model, cnn_weights_layout layout, const char *path);
CNN_API cnn_status cnn_archive_read(cnn_context *context, const char *path, const char *member, uint64_t limit,
                                    cnn_write_function write, void *user);
CNN_END_DECLS
#endif
#ifndef CNN_ONNX_H
#define CNN_ONNX_H 
CNN_BEGIN_DECLS
typedef struct cnn_onnx_load_options {
    size_t struct_size;
    int32_t input[3];
    int32_t external_data;
} cnn_onnx_load_options;
#define CNN_ONNX_LOAD(...) CNN_OPTIONS(cnn_onnx_load_options, __VA_ARGS__)
CNN_API cnn_status cnn_model_load_onnx(cnn_context *context, const char *path, const cnn_onnx_load_options *options,
                                       cnn_model **model);
CNN_API cnn_status cnn_model_load_onnx_memory(cnn_context *context, const char *name, const void *data, size_t size,
                                              const cnn_onnx_load_options *options, cnn_model **model);
typedef struct cnn_onnx_save_options {
    size_t struct_size;
    int32_t preprocessing;
} cnn_onnx_save_options;
#define CNN_ONNX_SAVE(...) CNN_OPTIONS(cnn_onnx_save_options, __VA_ARGS__)
CNN_API cnn_status cnn_model_save_onnx(const cnn_model *model, const char *path, const cnn_onnx_save_options *options);
CNN_API cnn_status cnn_model_write_onnx(const cnn_model *model, const cnn_onnx_save_options *options,
                                        cnn_write_function write, void *user);
CNN_END_DECLS
#endif
#ifndef CNN_TRACE_H
#define CNN_TRACE_H 
CNN_BEGIN_DECLS
typedef enum cnn_trace_pass {
    CNN_TRACE_FORWARD = 0,
    CNN_TRACE_BACKWARD_DATA = 1,
    CNN_TRACE_BACKWARD_FILTER = 2,
    CNN_TRACE_BACKWARD = 3,
    CNN_TRACE_PREPARE = 4,
    CNN_TRACE_UPDATE = 5
} cnn_trace_pass;
typedef struct cnn_trace_record {
    size_t struct_size;
    const char *layer;
    const char *type;
    int32_t pass;
    uint32_t samples;
    double seconds;
    double flop;
    const char *algorithm;
    const char *reason;
} cnn_trace_record;
typedef void (*cnn_trace_function)(void *user, const cnn_trace_record *record);
CNN_API void cnn_session_set_trace(cnn_session *session, cnn_trace_function function, void *user);
CNN_END_DECLS
#endif
#ifndef CNN_FEATURES_H
#define CNN_FEATURES_H 
CNN_BEGIN_DECLS
typedef bool (*cnn_features_function)(void *user, uint64_t done, uint64_t total);
typedef struct cnn_features_options {
    size_t struct_size;
    const cnn_dataset *dataset;
    const cnn_pipeline *pipeline;
    const char *layer;
    const char *path;
    uint32_t views;
    uint32_t batch;
    uint64_t seed;
    int32_t on_error;
    int32_t reserved;
    cnn_features_function on_batch;
    void *user;
} cnn_features_options;
#define CNN_FEATURES(...) CNN_OPTIONS(cnn_features_options, __VA_ARGS__)
CNN_API cnn_status cnn_features_create(cnn_model *model, const cnn_features_options *options, cnn_dataset **dataset);
typedef struct cnn_centroids_options {
    size_t struct_size;
    const cnn_dataset *dataset;
    const cnn_pipeline *pipeline;
    const char *layer;
    int32_t on_error;
    uint32_t batch;
    cnn_features_function on_batch;
    void *user;
} cnn_centroids_options;
#define CNN_CENTROIDS(...) CNN_OPTIONS(cnn_centroids_options, __VA_ARGS__)
CNN_API cnn_status cnn_centroids_create(cnn_model *model, const cnn_centroids_options *options, cnn_model **made);
CNN_END_DECLS
#endif
#ifndef CNN_EVALUATOR_H
#define CNN_EVALUATOR_H 
CNN_BEGIN_DECLS
typedef struct cnn_evaluator cnn_evaluator;
typedef enum cnn_score_mode {
    CNN_SCORE_MAX = 0,
    CNN_SCORE_MIN = 1
} cnn_score_mode;
CNN_API cnn_status cnn_accuracy_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_binary_accuracy_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_top_k_create(cnn_context *context, uint32_t k, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_loss_evaluator_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_confusion_create(cnn_context *context, uint32_t classes, cnn_evaluator **evaluator);
CNN_API const uint64_t *cnn_confusion_counts(const cnn_evaluator *evaluator, uint32_t *classes);
typedef enum cnn_averaging {
    CNN_AVERAGE_MACRO = 0,
    CNN_AVERAGE_MICRO = 1,
    CNN_AVERAGE_CLASS = 2
} cnn_averaging;
typedef struct cnn_classification_options {
    size_t struct_size;
    int32_t averaging;
    uint32_t label;
} cnn_classification_options;
#define CNN_CLASSIFICATION(...) CNN_OPTIONS(cnn_classification_options, __VA_ARGS__)
CNN_API cnn_status cnn_precision_create(cnn_context *context, const cnn_classification_options *options,
                                        cnn_evaluator **evaluator);
CNN_API cnn_status cnn_recall_create(cnn_context *context, const cnn_classification_options *options,
                                     cnn_evaluator **evaluator);
CNN_API cnn_status cnn_f1_create(cnn_context *context, const cnn_classification_options *options,
                                 cnn_evaluator **evaluator);
CNN_API cnn_status cnn_auc_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_error_rate_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_false_negative_rate_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_false_positive_rate_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_log_loss_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_mae_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_rmse_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_r2_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_mean_average_precision_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_exact_match_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_hamming_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_balanced_accuracy_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_mcc_create(cnn_context *context, cnn_evaluator **evaluator);
CNN_API cnn_status cnn_evaluator_create(cnn_context *context, const char *name, cnn_evaluator **evaluator);
CNN_API const char *cnn_evaluator_usage(size_t index);
typedef struct cnn_evaluation {
    size_t struct_size;
    size_t count;
    size_t outputs;
    const float *outputs_data;
    const int32_t *labels;
    double loss;
    const float *targets;
    size_t target_count;
    const float *weights;
} cnn_evaluation;
#define CNN_EVALUATION(...) CNN_OPTIONS(cnn_evaluation, __VA_ARGS__)
typedef struct cnn_evaluator_kind {
    size_t struct_size;
    const char *name;
    int32_t mode;
    double worst_score;
    void (*reset)(void *user);
    cnn_status (*update)(void *user, const cnn_evaluation *batch);
    double (*score)(void *user);
    bool (*is_better)(void *user, double current, double best);
    void (*destroy)(void *user);
} cnn_evaluator_kind;
CNN_API cnn_status cnn_evaluator_create_custom(cnn_context *context, const cnn_evaluator_kind *kind, void *user,
                                               cnn_evaluator **evaluator);
CNN_API void cnn_evaluator_free(cnn_evaluator *evaluator);
CNN_API const char *cnn_evaluator_name(const cnn_evaluator *evaluator);
CNN_API cnn_score_mode cnn_evaluator_mode(const cnn_evaluator *evaluator);
CNN_API double cnn_evaluator_worst_score(const cnn_evaluator *evaluator);
CNN_API void cnn_evaluator_reset(cnn_evaluator *evaluator);
CNN_API cnn_status cnn_evaluator_update(cnn_evaluator *evaluator, const cnn_evaluation *batch);
CNN_API double cnn_evaluator_score(const cnn_evaluator *evaluator);
CNN_API void cnn_evaluator_set_threshold(cnn_evaluator *evaluator, double threshold);
CNN_API bool cnn_evaluator_is_better(const cnn_evaluator *evaluator, double current, double best);
CNN_API cnn_status cnn_calibrate_temperature(cnn_context *context, const float *logits, const int32_t *labels,
                                             const float *targets, size_t count, size_t outputs, float *temperature);
CNN_API cnn_status cnn_calibrate_platt(cnn_context *context, const float *logits, const int32_t *labels, size_t count,
                                       float *slope, float *offset);
typedef enum cnn_threshold_goal {
    CNN_THRESHOLD_F1 = 0,
    CNN_THRESHOLD_PRECISION = 1,
    CNN_THRESHOLD_RECALL = 2
} cnn_threshold_goal;
typedef struct cnn_threshold {
    size_t struct_size;
    float value;
    float reserved;
    double precision, recall, f1;
} cnn_threshold;
#define CNN_THRESHOLD_INIT {sizeof(cnn_threshold), 0, 0, 0, 0, 0}
CNN_API cnn_status cnn_choose_threshold(cnn_context *context, const float *scores, const uint8_t *marks, size_t count,
                                        cnn_threshold_goal goal, double wanted, cnn_threshold *threshold);
CNN_API cnn_status cnn_wilson_interval(uint64_t right, uint64_t count, double confidence, double *low, double *high);
CNN_END_DECLS
#endif
#ifndef CNN_EXPLAIN_H
#define CNN_EXPLAIN_H 
CNN_BEGIN_DECLS
typedef enum cnn_explain_method {
    CNN_GRAD_CAM = 0,
    CNN_GRAD_CAM_PLUS_PLUS = 1,
    CNN_SCORE_CAM = 2,
    CNN_GUIDED_BACKPROPAGATION = 3,
    CNN_SALIENCY = 4,
    CNN_SMOOTH_GRAD = 5,
    CNN_INTEGRATED_GRADIENTS = 6,
    CNN_OCCLUSION = 7
} cnn_explain_method;
CNN_API const char *cnn_explain_method_name(size_t method);
typedef enum cnn_explain_score {
    CNN_SCORE_LOGIT = 0,
    CNN_SCORE_OUTPUT = 1
} cnn_explain_score;
typedef struct cnn_explainer cnn_explainer;
typedef struct cnn_explainer_options {
    size_t struct_size;
    int32_t method;
    int32_t score;
    const char *layer;
    uint32_t batch;
    uint32_t threads;
    uint32_t samples;
    float noise;
    uint32_t window;
    uint32_t stride;
    const float *baseline;
} cnn_explainer_options;
#define CNN_EXPLAINER(...) CNN_OPTIONS(cnn_explainer_options, __VA_ARGS__)
CNN_API cnn_status cnn_explainer_create(cnn_model *model, const cnn_explainer_options *options,
                                        cnn_explainer **explainer);
CNN_API void cnn_explainer_free(cnn_explainer *explainer);
CNN_API const char *cnn_explainer_layer(const cnn_explainer *explainer);
CNN_API cnn_session *cnn_explainer_session(cnn_explainer *explainer);
typedef struct cnn_explanation {
    size_t struct_size;
    int32_t label;
    int32_t empty;
    cnn_tensor map;
    cnn_tensor raw;
    double score;
    double baseline_score;
    double sum;
} cnn_explanation;
#define CNN_EXPLANATION_INIT \
    { \
        sizeof(cnn_explanation), 0, 0, {NULL, {0, 0, {0}}}, {NULL, {0, 0, {0}}}, 0.0, 0.0, 0.0 \
    }
CNN_API cnn_status cnn_explainer_run(cnn_explainer *explainer, const float *input, int32_t label,
                                     cnn_explanation *explanation);
typedef struct cnn_explain_curve_options {
    size_t struct_size;
    uint32_t steps;
    uint32_t insertion;
    const float *baseline;
} cnn_explain_curve_options;
#define CNN_EXPLAIN_CURVE(...) CNN_OPTIONS(cnn_explain_curve_options, __VA_ARGS__)
CNN_API cnn_status cnn_explain_curve(cnn_session *session, const float *input, int32_t label, const cnn_tensor *map,
                                     const cnn_explain_curve_options *options, float *scores, double *area);
typedef struct cnn_explain_patterns_options {
    size_t struct_size;
    const char *layer;
    const uint32_t *channels;
    size_t count;
    int32_t size;
    uint32_t steps;
    float step;
    float low, high;
    const float *start;
    uint32_t batch;
    uint32_t threads;
} cnn_explain_patterns_options;
#define CNN_EXPLAIN_PATTERNS(...) CNN_OPTIONS(cnn_explain_patterns_options, __VA_ARGS__)
CNN_API cnn_status cnn_explain_patterns(cnn_model *model, const cnn_explain_patterns_options *options, float *patterns,
                                        float *means);
typedef enum cnn_colormap {
    CNN_VIRIDIS = 0,
    CNN_JET = 1,
    CNN_GREY = 2
} cnn_colormap;
CNN_API void cnn_colormap_color(cnn_colormap map, float value, uint8_t rgb[3]);
CNN_API cnn_status cnn_map_resize(const cnn_tensor *map, uint32_t height, uint32_t width, float *resized);
CNN_API cnn_status cnn_map_image(cnn_context *context, const cnn_tensor *map, cnn_colormap colors, uint32_t height,
                                 uint32_t width, cnn_image **image);
typedef struct cnn_map_overlay_options {
    size_t struct_size;
    float strength;
    int32_t colors;
} cnn_map_overlay_options;
#define CNN_MAP_OVERLAY(...) CNN_OPTIONS(cnn_map_overlay_options, __VA_ARGS__)
CNN_API cnn_status cnn_map_overlay(const cnn_image *photo, const cnn_tensor *map,
                                   const cnn_map_overlay_options *options, cnn_image **overlay);
typedef struct cnn_activation_image_options {
    size_t struct_size;
    const uint32_t *channels;
    size_t count;
    uint32_t columns;
    uint32_t margin;
    uint32_t scale;
    int32_t colors;
    uint32_t spread;
} cnn_activation_image_options;
#define CNN_ACTIVATION_IMAGE(...) CNN_OPTIONS(cnn_activation_image_options, __VA_ARGS__)
CNN_API cnn_status cnn_activation_image(cnn_context *context, const cnn_tensor *activation,
                                        const cnn_activation_image_options *options, cnn_image **image, size_t *dead);
CNN_API cnn_status cnn_pattern_image(cnn_context *context, const cnn_tensor *pattern, cnn_image **image);
typedef struct cnn_image_grid_options {
    size_t struct_size;
    uint32_t columns;
    uint32_t margin;
    uint32_t down;
    uint32_t background;
} cnn_image_grid_options;
#define CNN_IMAGE_GRID(...) CNN_OPTIONS(cnn_image_grid_options, __VA_ARGS__)
CNN_API cnn_status cnn_image_grid(const cnn_image *const *images, size_t count, const cnn_image_grid_options *options,
                                  cnn_image **grid);
CNN_END_DECLS
#endif
#ifndef CNN_LOSS_H
#define CNN_LOSS_H 
CNN_BEGIN_DECLS
typedef struct cnn_loss cnn_loss;
typedef struct cnn_target {
    size_t struct_size;
    const int32_t *labels;
    const float *values;
    const float *weights;
    const char *output;
} cnn_target;
#define CNN_TARGET(...) CNN_OPTIONS(cnn_target, __VA_ARGS__)
CNN_API cnn_status cnn_binary_cross_entropy_create(cnn_context *context, cnn_loss **loss);
CNN_API cnn_status cnn_categorical_cross_entropy_create(cnn_context *context, cnn_loss **loss);
CNN_API cnn_status cnn_negative_log_likelihood_create(cnn_context *context, cnn_loss **loss);
CNN_API cnn_status cnn_mean_squared_error_create(cnn_context *context, cnn_loss **loss);
CNN_API cnn_status cnn_mean_absolute_error_create(cnn_context *context, cnn_loss **loss);
CNN_API cnn_status cnn_huber_create(cnn_context *context, float delta, cnn_loss **loss);
typedef struct cnn_focal_options {
    size_t struct_size;
    float gamma;
    float alpha;
} cnn_focal_options;
#define CNN_FOCAL(...) CNN_OPTIONS(cnn_focal_options, __VA_ARGS__)
CNN_API cnn_status cnn_binary_focal_create(cnn_context *context, const cnn_focal_options *options, cnn_loss **loss);
CNN_API cnn_status cnn_categorical_focal_create(cnn_context *context, const cnn_focal_options *options,
                                                cnn_loss **loss);
CNN_API cnn_status cnn_loss_create(cnn_context *context, const char *name, cnn_loss **loss);
CNN_API const char *cnn_loss_usage(size_t index);
typedef struct cnn_loss_sample {
    size_t struct_size;
    size_t outputs;
    const float *z;
    int32_t label;
    int32_t reserved;
    const float *values;
    float *gradient;
} cnn_loss_sample;
typedef struct cnn_loss_kind {
    size_t struct_size;
    const char *name;
    int32_t on_output;
    int32_t probabilities;
    size_t least_outputs;
    cnn_status (*sample)(void *user, const cnn_loss_sample *sample, double *loss);
    void (*destroy)(void *user);
} cnn_loss_kind;
CNN_API cnn_status cnn_loss_create_custom(cnn_context *context, const cnn_loss_kind *kind, void *user, cnn_loss **loss);
CNN_API void cnn_loss_free(cnn_loss *loss);
CNN_API const char *cnn_loss_name(const cnn_loss *loss);
CNN_API cnn_status cnn_loss_compute(const cnn_loss *loss, const float *logits, const cnn_target *target, size_t count,
                                    size_t outputs, float *gradient, double *value);
CNN_API cnn_status cnn_session_loss(cnn_session *session, const cnn_loss *loss, const cnn_target *target,
                                    double *value);
CNN_END_DECLS
#endif
#ifndef CNN_OPTIMIZER_H
#define CNN_OPTIMIZER_H 
CNN_BEGIN_DECLS
typedef struct cnn_optimizer cnn_optimizer;
typedef struct cnn_sgd_options {
    size_t struct_size;
    float learning_rate;
    float momentum;
    int32_t nesterov;
    int32_t convention;
    float weight_decay;
    int32_t decay_kernels_only;
    float clip_norm;
    float clip_value;
} cnn_sgd_options;
#define CNN_SGD(...) CNN_OPTIONS(cnn_sgd_options, __VA_ARGS__)
CNN_API cnn_status cnn_sgd_create(cnn_context *context, const cnn_sgd_options *options, cnn_optimizer **optimizer);
typedef struct cnn_rmsprop_options {
    size_t struct_size;
    float learning_rate;
    int32_t convention;
    float rho;
    float epsilon;
    float momentum;
    float weight_decay;
    int32_t decay_kernels_only;
    float clip_norm;
    float clip_value;
} cnn_rmsprop_options;
#define CNN_RMSPROP(...) CNN_OPTIONS(cnn_rmsprop_options, __VA_ARGS__)
CNN_API cnn_status cnn_rmsprop_create(cnn_context *context, const cnn_rmsprop_options *options,
                                      cnn_optimizer **optimizer);
typedef struct cnn_adam_options {
    size_t struct_size;
    float learning_rate;
    int32_t convention;
    float beta1;
    float beta2;
    float epsilon;
    float weight_decay;
    int32_t decay_kernels_only;
    float clip_norm;
    float clip_value;
} cnn_adam_options;
#define CNN_ADAM(...) CNN_OPTIONS(cnn_adam_options, __VA_ARGS__)
CNN_API cnn_status cnn_adam_create(cnn_context *context, const cnn_adam_options *options, cnn_optimizer **optimizer);
CNN_API cnn_status cnn_adamw_create(cnn_context *context, const cnn_adam_options *options, cnn_optimizer **optimizer);
typedef struct cnn_muon_options {
    size_t struct_size;
    float learning_rate;
    float momentum;
    int32_t plain;
    int32_t iterations;
    int32_t normalize;
    float other_factor;
    float other_momentum;
    float weight_decay;
    int32_t decay_kernels_only;
    float clip_norm;
    float clip_value;
    int32_t convention;
} cnn_muon_options;
#define CNN_MUON(...) CNN_OPTIONS(cnn_muon_options, __VA_ARGS__)
CNN_API cnn_status cnn_muon_create(cnn_context *context, const cnn_muon_options *options, cnn_optimizer **optimizer);
typedef struct cnn_lookahead_options {
    size_t struct_size;
    uint32_t every;
    float alpha;
} cnn_lookahead_options;
#define CNN_LOOKAHEAD(...) CNN_OPTIONS(cnn_lookahead_options, __VA_ARGS__)
CNN_API cnn_status cnn_optimizer_set_lookahead(cnn_optimizer *optimizer, const cnn_lookahead_options *options);
typedef struct cnn_optimizer_kind {
    size_t struct_size;
    const char *name;
    uint32_t slots;
    float learning_rate;
    cnn_status (*update)(void *user, uint64_t step, float learning_rate, size_t n, float *weights,
                         const float *gradients, float *const *slots);
    void (*destroy)(void *user);
} cnn_optimizer_kind;
CNN_API cnn_status cnn_optimizer_create_custom(cnn_context *context, const cnn_optimizer_kind *kind, void *user,
                                               cnn_optimizer **optimizer);
CNN_API cnn_status cnn_optimizer_create(cnn_context *context, const char *text, cnn_optimizer **optimizer);
CNN_API const char *cnn_optimizer_usage(size_t index);
typedef struct cnn_group_options {
    size_t struct_size;
    const char *pattern;
    float factor;
    float weight_decay;
} cnn_group_options;
#define CNN_GROUP(...) CNN_OPTIONS(cnn_group_options, __VA_ARGS__)
CNN_API cnn_status cnn_optimizer_add_group(cnn_optimizer *optimizer, const cnn_group_options *group);
CNN_API cnn_status cnn_optimizer_add_groups(cnn_optimizer *optimizer, const char *text);
CNN_API void cnn_optimizer_free(cnn_optimizer *optimizer);
CNN_API const char *cnn_optimizer_name(const cnn_optimizer *optimizer);
CNN_API float cnn_optimizer_learning_rate(const cnn_optimizer *optimizer);
CNN_API cnn_status cnn_optimizer_set_learning_rate(cnn_optimizer *optimizer, float learning_rate);
CNN_API uint64_t cnn_optimizer_steps(const cnn_optimizer *optimizer);
CNN_API cnn_status cnn_optimizer_step(cnn_optimizer *optimizer, cnn_session *session);
CNN_API cnn_status cnn_optimizer_decay_penalty(const cnn_optimizer *optimizer, cnn_session *session, double *penalty);
CNN_END_DECLS
#endif
#ifndef CNN_SCHEDULE_H
#define CNN_SCHEDULE_H 
CNN_BEGIN_DECLS
typedef struct cnn_schedule cnn_schedule;
typedef enum cnn_schedule_pace {
    CNN_PER_EPOCH = 0,
    CNN_PER_STEP = 1
} cnn_schedule_pace;
typedef struct cnn_step_schedule_options {
    size_t struct_size;
    uint32_t every;
    double gamma;
} cnn_step_schedule_options;
#define CNN_STEP_SCHEDULE(...) CNN_OPTIONS(cnn_step_schedule_options, __VA_ARGS__)
CNN_API cnn_status cnn_step_schedule_create(cnn_context *context, const cnn_step_schedule_options *options,
                                            cnn_schedule **schedule);
typedef struct cnn_exponential_schedule_options {
    size_t struct_size;
    double gamma;
    uint32_t every;
    int32_t pace;
} cnn_exponential_schedule_options;
#define CNN_EXPONENTIAL_SCHEDULE(...) CNN_OPTIONS(cnn_exponential_schedule_options, __VA_ARGS__)
CNN_API cnn_status cnn_exponential_schedule_create(cnn_context *context,
                                                   const cnn_exponential_schedule_options *options,
                                                   cnn_schedule **schedule);
typedef struct cnn_cosine_schedule_options {
    size_t struct_size;
    uint32_t epochs;
    double minimum;
    int32_t pace;
} cnn_cosine_schedule_options;
#define CNN_COSINE_SCHEDULE(...) CNN_OPTIONS(cnn_cosine_schedule_options, __VA_ARGS__)
CNN_API cnn_status cnn_cosine_schedule_create(cnn_context *context, const cnn_cosine_schedule_options *options,
                                              cnn_schedule **schedule);
typedef struct cnn_warmup_schedule_options {
    size_t struct_size;
    uint64_t steps;
    uint32_t epochs;
    double start;
    const cnn_schedule *next;
} cnn_warmup_schedule_options;
#define CNN_WARMUP_SCHEDULE(...) CNN_OPTIONS(cnn_warmup_schedule_options, __VA_ARGS__)
CNN_API cnn_status cnn_warmup_schedule_create(cnn_context *context, const cnn_warmup_schedule_options *options,
                                              cnn_schedule **schedule);
typedef struct cnn_linear_schedule_options {
    size_t struct_size;
    uint32_t epochs;
    double end;
    int32_t pace;
} cnn_linear_schedule_options;
#define CNN_LINEAR_SCHEDULE(...) CNN_OPTIONS(cnn_linear_schedule_options, __VA_ARGS__)
CNN_API cnn_status cnn_linear_schedule_create(cnn_context *context, const cnn_linear_schedule_options *options,
                                              cnn_schedule **schedule);
typedef struct cnn_triangular_schedule_options {
    size_t struct_size;
    double peak;
    double start;
    double end;
} cnn_triangular_schedule_options;
#define CNN_TRIANGULAR_SCHEDULE(...) CNN_OPTIONS(cnn_triangular_schedule_options, __VA_ARGS__)
CNN_API cnn_status cnn_triangular_schedule_create(cnn_context *context, const cnn_triangular_schedule_options *options,
                                                  cnn_schedule **schedule);
typedef struct cnn_onecycle_schedule_options {
    size_t struct_size;
    double peak;
    double div;
    double final_div;
    int32_t linear;
} cnn_onecycle_schedule_options;
#define CNN_ONECYCLE_SCHEDULE(...) CNN_OPTIONS(cnn_onecycle_schedule_options, __VA_ARGS__)
CNN_API cnn_status cnn_onecycle_schedule_create(cnn_context *context, const cnn_onecycle_schedule_options *options,
                                                cnn_schedule **schedule);
typedef enum cnn_plateau_form {
    CNN_PLATEAU_SIMPLE = 0,
    CNN_PLATEAU_PYTORCH = 1,
    CNN_PLATEAU_KERAS = 2
} cnn_plateau_form;
typedef struct cnn_plateau_schedule_options {
    size_t struct_size;
    int32_t form;
    int32_t patience;
    double factor;
    double threshold;
    uint32_t cooldown;
    double minimum;
    double eps;
} cnn_plateau_schedule_options;
#define CNN_PLATEAU_SCHEDULE(...) CNN_OPTIONS(cnn_plateau_schedule_options, __VA_ARGS__)
CNN_API cnn_status cnn_plateau_schedule_create(cnn_context *context, const cnn_plateau_schedule_options *options,
                                               cnn_schedule **schedule);
CNN_API cnn_status cnn_schedule_create(cnn_context *context, const char *text, cnn_schedule **schedule);
#define CNN_SCHEDULE_MAX_STATE 8
typedef struct cnn_schedule_moment {
    size_t struct_size;
    double base;
    uint64_t epoch, step;
    uint64_t steps_per_epoch;
    uint64_t epochs;
    const double *state;
} cnn_schedule_moment;
typedef struct cnn_schedule_kind {
    size_t struct_size;
    const char *name;
    uint32_t states;
    uint32_t reserved;
    double (*rate)(void *user, const cnn_schedule_moment *moment);
    void (*epoch_end)(void *user, const cnn_evaluator *evaluator, uint64_t epoch, double score, double *state);
    void (*destroy)(void *user);
} cnn_schedule_kind;
CNN_API cnn_status cnn_schedule_create_custom(cnn_context *context, const cnn_schedule_kind *kind, void *user,
                                              cnn_schedule **schedule);
CNN_API void cnn_schedule_free(cnn_schedule *schedule);
CNN_API const char *cnn_schedule_text(const cnn_schedule *schedule);
CNN_API cnn_status cnn_schedule_begin(cnn_schedule *schedule, double learning_rate, uint64_t steps_per_epoch,
                                      uint64_t epochs);
CNN_API double cnn_schedule_rate(const cnn_schedule *schedule, uint64_t epoch, uint64_t step);
CNN_API cnn_status cnn_schedule_epoch_end(cnn_schedule *schedule, const cnn_evaluator *evaluator, uint64_t epoch,
                                          double score);
CNN_API const char *cnn_schedule_state(cnn_schedule *schedule);
CNN_API cnn_status cnn_schedule_set_state(cnn_schedule *schedule, const char *state);
CNN_END_DECLS
#endif
#ifndef CNN_TRAIN_H
#define CNN_TRAIN_H 
CNN_BEGIN_DECLS
typedef struct cnn_history cnn_history;
CNN_API void cnn_history_free(cnn_history *history);
CNN_API size_t cnn_history_epochs(const cnn_history *history);
CNN_API size_t cnn_history_columns(const cnn_history *history);
CNN_API const char *cnn_history_column(const cnn_history *history, size_t column);
CNN_API double cnn_history_value(const cnn_history *history, const char *column, size_t epoch);
CNN_API size_t cnn_history_best_epoch(const cnn_history *history);
CNN_API double cnn_history_best_score(const cnn_history *history);
typedef struct cnn_progress {
    size_t struct_size;
    uint64_t epoch;
    uint64_t epochs;
    uint64_t step;
    uint64_t steps;
    uint64_t total_steps;
    double loss;
    double score;
    double validation_loss;
    double validation_score;
    double best_score;
    double seconds;
    double images_per_second;
    double wait_seconds;
    double learning_rate;
    const char *score_name;
    const cnn_history *history;
    cnn_session *session;
    double step_loss;
    double step_score;
    double penalty;
    double validation_penalty;
    double decay_penalty;
} cnn_progress;
typedef bool (*cnn_progress_function)(void *user, const cnn_progress *progress);
typedef struct cnn_fit_options {
    size_t struct_size;
    cnn_loader *train;
    cnn_loader *validation;
    const cnn_loss *loss;
    cnn_optimizer *optimizer;
    cnn_evaluator *const *evaluators;
    size_t evaluator_count;
    uint32_t epochs;
    uint32_t keep_last;
    cnn_progress_function on_step;
    cnn_progress_function on_epoch;
    void *user;
    const char *best_path;
    const char *last_path;
    const char *resume_path;
    cnn_schedule *schedule;
    uint32_t patience;
    uint32_t reserved;
    const float *class_weights;
    size_t class_weight_count;
    int32_t penalties;
    int32_t reserved2;
    const char *from;
    uint32_t accumulate;
    uint32_t steps_per_epoch;
    uint32_t validation_steps;
    uint32_t evaluate_every;
    const char *average;
    cnn_progress_function on_evaluation;
    float label_smoothing;
    float mixup;
    float cutmix;
    float teacher_weight;
    cnn_model *teacher;
    float temperature;
    uint32_t reserved3;
    const cnn_communicator *communicator;
    uint32_t blocks;
    uint32_t sync_batch_norm;
    uint32_t last_batch_scores;
    int32_t validation_behavior;
    uint32_t decay_penalty;
    uint32_t reserved4;
} cnn_fit_options;
#define CNN_FIT(...) CNN_OPTIONS(cnn_fit_options, __VA_ARGS__)
CNN_API cnn_status cnn_fit(cnn_model *model, const cnn_fit_options *options, cnn_history **history);
CNN_API cnn_status cnn_model_whiten(cnn_model *model, const char *layer, cnn_loader *loader, uint64_t samples);
typedef struct cnn_rate_search_options {
    size_t struct_size;
    cnn_loader *train;
    const cnn_loss *loss;
    cnn_optimizer *optimizer;
    double low, high;
    uint32_t steps;
    uint32_t reserved;
    cnn_progress_function on_step;
    void *user;
} cnn_rate_search_options;
#define CNN_RATE_SEARCH(...) CNN_OPTIONS(cnn_rate_search_options, __VA_ARGS__)
CNN_API cnn_status cnn_find_learning_rate(cnn_model *model, const cnn_rate_search_options *options, double *rate,
                                          cnn_history **history);
CNN_API cnn_status cnn_average_check(cnn_context *context, const char *text);
CNN_API cnn_status cnn_update_statistics(cnn_model *model, cnn_loader *loader);
typedef struct cnn_evaluate_options {
    size_t struct_size;
    cnn_loader *loader;
    const cnn_loss *loss;
    cnn_evaluator *const *evaluators;
    size_t evaluator_count;
    cnn_progress_function on_step;
    void *user;
    int32_t penalties;
    int32_t training_behavior;
    const char *from;
    const cnn_communicator *communicator;
} cnn_evaluate_options;
#define CNN_EVALUATE(...) CNN_OPTIONS(cnn_evaluate_options, __VA_ARGS__)
typedef struct cnn_evaluate_result {
    size_t struct_size;
    uint64_t count;
    double loss;
    double accuracy;
    double seconds;
    double penalty;
} cnn_evaluate_result;
#define CNN_EVALUATE_RESULT_INIT \
    { \
        sizeof(cnn_evaluate_result), 0, 0, 0, 0, 0 \
    }
CNN_API cnn_status cnn_evaluate(cnn_model *model, const cnn_evaluate_options *options, cnn_evaluate_result *result);
CNN_API cnn_status cnn_predict(cnn_model *model, cnn_loader *loader, float *outputs, size_t capacity);
CNN_API cnn_status cnn_checkpoint_save(const char *path, cnn_session *session, const cnn_optimizer *optimizer,
                                       const cnn_loader *loader, const cnn_history *history);
CNN_API cnn_status cnn_checkpoint_load(const char *path, cnn_session *session, cnn_optimizer *optimizer,
                                       cnn_loader *loader, cnn_history **history);
CNN_END_DECLS
#endif
#ifndef CNN_ZOO_H
#define CNN_ZOO_H 
CNN_BEGIN_DECLS
typedef struct cnn_zoo_options {
    size_t struct_size;
    int32_t input[3];
    uint32_t classes;
    float dropout;
    cnn_shape shape;
} cnn_zoo_options;
#define CNN_ZOO(...) CNN_OPTIONS(cnn_zoo_options, __VA_ARGS__)
CNN_API cnn_status cnn_zoo_create(cnn_context *context, const char *name, const cnn_zoo_options *options,
                                  cnn_model **model);
CNN_API const char *cnn_zoo_name(size_t index);
CNN_API const char *cnn_zoo_description(size_t index);
CNN_END_DECLS
#endif
#endif
