/* SPDX-License-Identifier: MIT */
/* Every public struct that a caller writes, by a table: an older, shorter one and a newer, longer one are taken, a
 * field that this library does not know is refused, and what lies behind the stated size is not read.
 * tests/rules/exports.sh finds structs that the table lacks. */
#include "common/fixture.h"
#include "common/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ROOM 2048

static cnn_context *context;
static cnn_model *model;
static cnn_dataset *data;
static cnn_image *image;
static cnn_session *session;
static char folder[512], tensors[600], photo[600], onnx[600];

typedef struct row {
    const char *name;
    cnn_status (*call)(const void *given);
    const void *given;
    size_t size;
    size_t needed; /* bytes up to the last field that is required, or set in `given` */
} row;

/* ---- calls ---- */

#define LAYER(function)                                                                      \
    static cnn_status call_##function(const void *given)                                     \
    {                                                                                        \
        cnn_layer *layer = cnn_##function(context, given);                                   \
        cnn_model *made = NULL;                                                              \
        cnn_status status = cnn_model_create(context, CNN_MODEL(.input = {8, 8, 4}), &made); \
        status = status == CNN_OK ? cnn_model_add(made, layer) : status;                     \
        cnn_model_free(made);                                                                \
        return status;                                                                       \
    }

LAYER(conv2d)
LAYER(conv1d)
LAYER(conv3d)
LAYER(depthwise_conv2d)
LAYER(separable_conv2d)
LAYER(conv2d_transpose)
LAYER(dense)
LAYER(max_pool2d)
LAYER(average_pool1d)
LAYER(max_pool3d)
LAYER(flatten)
LAYER(adaptive_max_pool2d)
LAYER(reshape)
LAYER(permute)
LAYER(channel_shuffle)
LAYER(up_sampling2d)
LAYER(prelu)
LAYER(rescale)
LAYER(cropping2d)
LAYER(dropout)
LAYER(batch_norm)
LAYER(activate)
LAYER(zero_pad1d)
LAYER(zero_pad2d)
LAYER(zero_pad3d)
LAYER(local_response_norm)
LAYER(graph_conv)
LAYER(arithmetic)
LAYER(conv3d_transpose)
LAYER(matmul)
LAYER(depth_to_space)
LAYER(elementwise)
LAYER(instance_norm)
LAYER(pad)
LAYER(reduce)
LAYER(resize)
LAYER(slice)
LAYER(space_to_depth)

/* Objects made from a context and options. */
#define OBJECT(function, type, release)                            \
    static cnn_status call_##function(const void *given)           \
    {                                                              \
        type *made = NULL;                                         \
        cnn_status status = cnn_##function(context, given, &made); \
        release(made);                                             \
        return status;                                             \
    }

OBJECT(model_create, cnn_model, cnn_model_free)
OBJECT(dataset_create, cnn_dataset, cnn_dataset_free)
OBJECT(dataset_create_custom, cnn_dataset, cnn_dataset_free)
OBJECT(dataset_create_fake, cnn_dataset, cnn_dataset_free)
OBJECT(sgd_create, cnn_optimizer, cnn_optimizer_free)
OBJECT(rmsprop_create, cnn_optimizer, cnn_optimizer_free)
OBJECT(adam_create, cnn_optimizer, cnn_optimizer_free)
OBJECT(step_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(exponential_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(cosine_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(plateau_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(linear_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(triangular_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(onecycle_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(muon_create, cnn_optimizer, cnn_optimizer_free)
OBJECT(precision_create, cnn_evaluator, cnn_evaluator_free)
OBJECT(weights_create, cnn_weights, cnn_weights_free)
OBJECT(binary_focal_create, cnn_loss, cnn_loss_free)
OBJECT(categorical_focal_create, cnn_loss, cnn_loss_free)

/* Kinds: a caller's own parts. */
#define KIND(function, type, release)                                    \
    static cnn_status call_##function(const void *given)                 \
    {                                                                    \
        type *made = NULL;                                               \
        cnn_status status = cnn_##function(context, given, NULL, &made); \
        release(made);                                                   \
        return status;                                                   \
    }

KIND(loss_create_custom, cnn_loss, cnn_loss_free)
KIND(optimizer_create_custom, cnn_optimizer, cnn_optimizer_free)
KIND(schedule_create_custom, cnn_schedule, cnn_schedule_free)
KIND(evaluator_create_custom, cnn_evaluator, cnn_evaluator_free)

static cnn_status call_custom_layer(const void *given)
{
    cnn_layer *layer = cnn_custom_layer(context, given, NULL, "own");
    cnn_model *made = NULL;
    cnn_status status = cnn_model_create(context, CNN_MODEL(.input = {8, 8, 4}), &made);
    status = status == CNN_OK ? cnn_model_add(made, layer) : status;
    cnn_model_free(made);
    return status;
}

static cnn_status call_communicator(const void *given)
{
    double value = 1;
    return cnn_communicator_sum(context, given, &value, 1);
}

static cnn_status call_context(const void *given)
{
    cnn_context *made = NULL;
    cnn_status status = cnn_context_create(given, &made);
    cnn_context_free(made);
    return status;
}

static cnn_status call_open(const void *given)
{
    cnn_dataset *made = NULL;
    cnn_status status = cnn_dataset_open_folders(context, folder, given, &made);
    cnn_dataset_free(made);
    return status;
}

static cnn_status call_split(const void *given)
{
    cnn_dataset *rest = NULL, *part = NULL;
    cnn_status status = cnn_dataset_split(data, given, &rest, &part);
    cnn_dataset_free(rest);
    cnn_dataset_free(part);
    return status;
}

static cnn_status call_loader(const void *given)
{
    cnn_loader *made = NULL;
    cnn_status status = cnn_loader_create(context, data, given, &made);
    cnn_loader_free(made);
    return status;
}

static cnn_status call_load(const void *given)
{
    cnn_image *made = NULL;
    cnn_status status = cnn_image_load(context, photo, given, &made);
    cnn_image_free(made);
    return status;
}

static cnn_status call_save(const void *given) { return cnn_image_save(image, photo, given); }

static cnn_status call_session(const void *given)
{
    cnn_session *made = NULL;
    cnn_status status = cnn_session_create(model, given, &made);
    cnn_session_free(made);
    return status;
}

static cnn_status call_head(const void *given)
{
    cnn_model *made = NULL;
    cnn_status status = cnn_model_replace_head(model, given, &made);
    cnn_model_free(made);
    return status;
}

static cnn_status call_group(const void *given)
{
    cnn_optimizer *optimizer = NULL;
    cnn_status status = cnn_sgd_create(context, NULL, &optimizer);
    status = status == CNN_OK ? cnn_optimizer_add_group(optimizer, given) : status;
    cnn_optimizer_free(optimizer);
    return status;
}

static cnn_status call_search(const void *given)
{
    cnn_rate_search_options options;
    unsigned char *room = malloc(ROOM);
    cnn_loader *loader = NULL;
    cnn_optimizer *optimizer = NULL;
    double found;
    ck_assert_ptr_nonnull(room);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 4), &loader), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context, NULL, &optimizer), CNN_OK);
    memcpy(room, given, ROOM);
    memcpy(&options, room, sizeof(options));
    options.train = loader;
    options.optimizer = optimizer;
    memcpy(room, &options, sizeof(options));
    const cnn_status status = cnn_find_learning_rate(model, (const void *)room, &found, NULL);
    cnn_optimizer_free(optimizer);
    cnn_loader_free(loader);
    free(room);
    return status == CNN_ERROR_NUMERIC || status == CNN_ERROR_NOT_FOUND ? CNN_OK : status; /* no rate is the best */
}

static cnn_status call_lookahead(const void *given)
{
    cnn_optimizer *optimizer = NULL;
    cnn_status status = cnn_sgd_create(context, NULL, &optimizer);
    status = status == CNN_OK ? cnn_optimizer_set_lookahead(optimizer, given) : status;
    cnn_optimizer_free(optimizer);
    return status;
}

static cnn_status call_warmup(const void *given)
{
    cnn_schedule *made = NULL;
    cnn_status status = cnn_warmup_schedule_create(context, given, &made);
    cnn_schedule_free(made);
    return status;
}

static cnn_status call_zoo(const void *given)
{
    cnn_model *made = NULL;
    cnn_status status = cnn_zoo_create(context, "fashion-dnn", given, &made);
    cnn_model_free(made);
    return status;
}

static cnn_status call_features(const void *given)
{
    cnn_features_options *options = malloc(ROOM);
    cnn_dataset *made = NULL;
    memcpy(options, given, ROOM); /* the dataset is made at run time */
    options->dataset = data;
    cnn_status status = cnn_features_create(model, options, &made);
    cnn_dataset_free(made);
    free(options);
    return status;
}

static cnn_status call_explainer(const void *given)
{
    cnn_explainer *made = NULL;
    cnn_status status = cnn_explainer_create(model, given, &made);
    cnn_explainer_free(made);
    return status;
}

static cnn_status call_curve(const void *given)
{
    static float input[TEST_PIXELS], scores[3], values[TEST_PIXELS];
    const cnn_tensor map = {values, {.rank = 2, .dims = {TEST_SIDE, TEST_SIDE}}};
    double area;
    return cnn_explain_curve(session, input, 0, &map, given, scores, &area);
}

static cnn_status call_patterns(const void *given)
{
    static float pattern[TEST_PIXELS];
    float mean;
    return cnn_explain_patterns(model, given, pattern, &mean);
}

static cnn_status call_overlay(const void *given)
{
    static float values[4];
    const cnn_tensor map = {values, {.rank = 2, .dims = {2, 2}}};
    cnn_image *made = NULL;
    cnn_status status = cnn_map_overlay(image, &map, given, &made);
    cnn_image_free(made);
    return status;
}

static cnn_status call_activation_image(const void *given)
{
    static float values[8];
    const cnn_tensor map = {values, {.rank = 3, .dims = {2, 2, 2}}};
    cnn_image *made = NULL;
    cnn_status status = cnn_activation_image(context, &map, given, &made, NULL);
    cnn_image_free(made);
    return status;
}

static cnn_status call_grid(const void *given)
{
    const cnn_image *images[2] = {image, image};
    cnn_image *made = NULL;
    cnn_status status = cnn_image_grid(images, 2, given, &made);
    cnn_image_free(made);
    return status;
}

static cnn_status call_import(const void *given)
{
    cnn_weights *weights = NULL;
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    cnn_status status = cnn_weights_open(context, tensors, &weights);
    status = status == CNN_OK ? cnn_model_import(model, weights, given, &report) : status;
    cnn_weights_free(weights);
    return status;
}

static cnn_status call_folds(const void *given)
{
    uint32_t folds[12];
    return cnn_dataset_folds(data, given, folds, 12);
}

static cnn_status call_centroids(const void *given)
{
    cnn_centroids_options options;
    unsigned char *room = malloc(ROOM);
    cnn_model *made = NULL;
    ck_assert_ptr_nonnull(room);
    memcpy(room, given, ROOM);
    memcpy(&options, room, sizeof(options));
    options.dataset = data;
    memcpy(room, &options, sizeof(options));
    const cnn_status status = cnn_centroids_create(model, (const void *)room, &made);
    cnn_model_free(made);
    free(room);
    return status;
}

static cnn_status call_decision(const void *given)
{
    cnn_model *made = NULL;
    cnn_status status = test_model(context, &made);
    status = status == CNN_OK ? cnn_model_set_decision(made, given) : status;
    cnn_model_free(made);
    return status;
}

static cnn_status keep_nothing(void *user, const void *bytes, size_t size)
{
    (void)user;
    (void)bytes;
    (void)size;
    return CNN_OK;
}

static cnn_status call_save_onnx(const void *given) { return cnn_model_write_onnx(model, given, keep_nothing, NULL); }

static cnn_status call_load_onnx(const void *given)
{
    cnn_model *made = NULL;
    const cnn_status status = cnn_model_load_onnx(context, onnx, given, &made);
    cnn_model_free(made);
    return status;
}

static cnn_status call_target(const void *given)
{
    static const float logits[TEST_CLASSES] = {0.5f};
    cnn_loss *loss = NULL;
    double mean;
    float gradient[TEST_CLASSES];
    cnn_status status = cnn_loss_create(context, "categorical_crossentropy", &loss);
    status = status == CNN_OK ? cnn_loss_compute(loss, logits, given, 1, TEST_CLASSES, gradient, &mean) : status;
    cnn_loss_free(loss);
    return status;
}

static cnn_status call_evaluation(const void *given)
{
    cnn_evaluator *evaluator = NULL;
    cnn_status status = cnn_accuracy_create(context, &evaluator);
    status = status == CNN_OK ? cnn_evaluator_update(evaluator, given) : status;
    cnn_evaluator_free(evaluator);
    return status;
}

static cnn_status read_values(void *user, uint64_t id, float *values)
{
    (void)user;
    (void)id;
    (void)values;
    return CNN_OK;
}

static cnn_status call_weight(const void *given)
{
    cnn_weights *weights = NULL;
    cnn_status status = cnn_weights_create(context, CNN_WEIGHTS(.read = read_values), &weights);
    status = status == CNN_OK ? cnn_weights_add(weights, given, 99) : status;
    cnn_weights_free(weights);
    return status;
}

static cnn_status call_fit(const void *given)
{
    cnn_fit_options options;
    unsigned char *room = malloc(ROOM);
    cnn_loader *loader = NULL;
    cnn_optimizer *optimizer = NULL;
    ck_assert_ptr_nonnull(room);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 4), &loader), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context, NULL, &optimizer), CNN_OK);
    memcpy(room, given, ROOM);
    memcpy(&options, room, sizeof(options));
    options.train = loader;
    options.optimizer = optimizer;
    memcpy(room, &options, sizeof(options));
    cnn_status status = cnn_fit(model, (const void *)room, NULL);
    cnn_optimizer_free(optimizer);
    cnn_loader_free(loader);
    free(room);
    return status;
}

static cnn_status call_evaluate(const void *given)
{
    cnn_evaluate_options options;
    unsigned char *room = malloc(ROOM);
    cnn_loader *loader = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_ptr_nonnull(room);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 4), &loader), CNN_OK);
    memcpy(room, given, ROOM);
    memcpy(&options, room, sizeof(options));
    options.loader = loader;
    memcpy(room, &options, sizeof(options));
    cnn_status status = cnn_evaluate(model, (const void *)room, &result);
    cnn_loader_free(loader);
    free(room);
    return status;
}

/* A backend, an allocator and an executor, in a context's options. */
static cnn_status call_backend(const void *given)
{
    return call_context(CNN_CONTEXT(.threads = 1, .backends = given, .backend_count = 1, .backend = "own"));
}

static cnn_status call_allocator(const void *given)
{
    return call_context(CNN_CONTEXT(.threads = 1, .allocator = given));
}

static cnn_status call_executor(const void *given) { return call_context(CNN_CONTEXT(.executor = given)); }

/* ---- what the structs point to ---- */

static cnn_status read_sample(void *user, size_t index, cnn_sample *sample)
{
    (void)user;
    (void)index;
    (void)sample;
    return CNN_OK;
}

static cnn_status sample_loss(void *user, const cnn_loss_sample *sample, double *loss)
{
    (void)user;
    (void)sample;
    *loss = 0;
    return CNN_OK;
}

static cnn_status update(void *user, uint64_t step, float rate, size_t n, float *weights, const float *gradients,
                         float *const *slots)
{
    (void)user;
    (void)step;
    (void)rate;
    (void)n;
    (void)weights;
    (void)gradients;
    (void)slots;
    return CNN_OK;
}

static double rate(void *user, const cnn_schedule_moment *moment)
{
    (void)user;
    (void)moment;
    return 0.1;
}

static void reset(void *user) { (void)user; }

static cnn_status count(void *user, const cnn_evaluation *batch)
{
    (void)user;
    (void)batch;
    return CNN_OK;
}

static double score(void *user)
{
    (void)user;
    return 1;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)user;
    (void)backend;
    (void)threads;
    (void)input_count;
    (void)reason;
    (void)reason_size;
    spec->output = inputs[0];
    return CNN_OK;
}

static cnn_status pass(const void *user, const cnn_layer_call *call)
{
    (void)user;
    (void)call;
    return CNN_OK;
}

static cnn_status multiply(const cnn_backend_call *call, const cnn_gemm_args *args)
{
    (void)call;
    (void)args;
    return CNN_OK;
}

static void *allocate(void *user, size_t size, size_t alignment)
{
    void *memory = NULL;
    (void)user;
    return posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) == 0 ? memory : NULL;
}

static void release(void *user, void *memory, size_t size)
{
    (void)user;
    (void)size;
    free(memory);
}

static void run(void *user, void (*task)(void *argument, size_t index), void *argument, size_t tasks)
{
    (void)user;
    for (size_t i = 0; i < tasks; i++) {
        task(argument, i);
    }
}

/* ---- the table ---- */

#define UP_TO(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))
#define ROW(function, type, last, ...)                                                                           \
    {                                                                                                            \
#type " of " #function, call_##function, CNN_OPTIONS(type, __VA_ARGS__), sizeof(type), UP_TO(type, last) \
    }

static void try_row(const row *r)
{
    unsigned char *room = calloc(1, ROOM);
    ck_assert_ptr_nonnull(room);
    ck_assert_uint_lt(r->size + 64, ROOM);
    memcpy(room, r->given, r->size);
    const size_t sizes[] = {r->size, r->needed, r->size + sizeof(void *), ROOM};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        memcpy(room, &sizes[i], sizeof(size_t));
        const cnn_status status = r->call(room);
        ck_assert_msg(status == CNN_OK, "%s with struct_size %zu: %s (%s)", r->name, sizes[i],
                      cnn_status_string(status), cnn_last_error(context));
    }
    const size_t unknown[] = {r->size, ROOM - 1}; /* a field that this library does not know */
    for (size_t i = 0; i < 2; i++) {
        room[unknown[i]] = 1;
        const cnn_status status = r->call(room);
        ck_assert_msg(status == CNN_ERROR_VERSION, "%s, byte %zu set: %s", r->name, unknown[i],
                      cnn_status_string(status));
        room[unknown[i]] = 0;
    }
    for (size_t small = 0; small < sizeof(size_t); small += 4) {
        memcpy(room, &small, sizeof(size_t));
        const cnn_status status = r->call(room);
        ck_assert_msg(status == CNN_ERROR_INVALID_ARGUMENT, "%s with struct_size %zu: %s", r->name, small,
                      cnn_status_string(status));
    }
    /* What lies behind an older struct is not the library's to read. */
    memset(room + r->needed, 0xFF, ROOM - r->needed);
    memcpy(room, &r->needed, sizeof(size_t));
    const cnn_status status = r->call(room);
    ck_assert_msg(status == CNN_OK, "%s was read behind struct_size %zu: %s (%s)", r->name, r->needed,
                  cnn_status_string(status), cnn_last_error(context));
    free(room);
}

static void try_all(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        try_row(&rows[i]);
    }
}

#define TRY(rows) try_all(rows, sizeof(rows) / sizeof(*(rows)))

START_TEST(layers)
{
    const row rows[] = {
        ROW(conv2d, cnn_conv2d_options, filters, .filters = 2),
        ROW(conv1d, cnn_conv1d_options, filters, .filters = 2),
        ROW(conv3d, cnn_conv3d_options, filters, .filters = 2),
        ROW(depthwise_conv2d, cnn_depthwise_conv2d_options, name, .name = "d"),
        ROW(separable_conv2d, cnn_separable_conv2d_options, filters, .filters = 2),
        ROW(conv2d_transpose, cnn_conv2d_transpose_options, filters, .filters = 2),
        ROW(dense, cnn_dense_options, units, .units = 2),
        ROW(max_pool2d, cnn_pool2d_options, size, .size = {2, 2}),
        ROW(average_pool1d, cnn_pool1d_options, name, .name = "p"),
        ROW(max_pool3d, cnn_pool3d_options, name, .name = "p"),
        ROW(flatten, cnn_named_options, name, .name = "f"),
        ROW(adaptive_max_pool2d, cnn_adaptive_pool2d_options, size, .size = {2, 2}),
        ROW(reshape, cnn_reshape_options, shape, .shape = {256}),
        ROW(permute, cnn_permute_options, order, .order = {2, 1, 3}),
        ROW(channel_shuffle, cnn_channel_shuffle_options, groups, .groups = 2),
        ROW(up_sampling2d, cnn_up_sampling2d_options, name, .name = "u"),
        ROW(prelu, cnn_prelu_options, name, .name = "p"),
        ROW(rescale, cnn_rescale_options, scale, .scale = {0.5f}),
        ROW(cropping2d, cnn_cropping2d_options, name, .name = "c"),
        ROW(dropout, cnn_dropout_options, rate, .rate = 0.5f),
        ROW(batch_norm, cnn_batch_norm_options, convention, .convention = CNN_PYTORCH),
        ROW(activate, cnn_activate_options, activation, .activation = CNN_TANH),
        ROW(zero_pad1d, cnn_zero_pad1d_options, pads, .pads = {1, 1}),
        ROW(zero_pad2d, cnn_zero_pad2d_options, pads, .pads = {1, 1, 1, 1}),
        ROW(zero_pad3d, cnn_zero_pad3d_options, pads, .pads = {1, 1, 1, 1, 1, 1}),
        ROW(local_response_norm, cnn_lrn_options, name, .name = "l"),
        ROW(graph_conv, cnn_graph_conv_options, units, .units = 2),
        ROW(arithmetic, cnn_arithmetic_options, function, .function = CNN_MAP_ADD),
        ROW(conv3d_transpose, cnn_conv3d_transpose_options, filters, .filters = 2),
        ROW(matmul, cnn_matmul_options, name, .name = "m"),
        ROW(depth_to_space, cnn_depth_space_options, block, .block = 2),
        ROW(space_to_depth, cnn_depth_space_options, block, .block = 2),
        ROW(elementwise, cnn_elementwise_options, function, .function = CNN_MAP_ABS),
        ROW(instance_norm, cnn_instance_norm_options, name, .name = "i"),
        ROW(pad, cnn_pad_options, pads, .pads = {1, 1}),
        ROW(reduce, cnn_reduce_options, name, .name = "r"),
        ROW(resize, cnn_resize_options, size, .size = {4, 4, 4}),
        ROW(slice, cnn_slice_options, start, .start = {1}),
        ROW(communicator, cnn_communicator, size, .size = 1),
        ROW(custom_layer, cnn_layer_kind, backward, .type = "Own", .prefix = "own", .infer = infer, .forward = pass,
            .backward = pass),
    };
    TRY(rows);
}
END_TEST

START_TEST(data_and_images)
{
    static const uint8_t bytes[4] = {1, 2, 3, 4};
    static const char *const names[] = {"cat", "dog"};
    const row rows[] = {
        ROW(context, cnn_context_options, threads, .threads = 1),
        ROW(open, cnn_files_options, channels, .channels = 1),
        ROW(dataset_create, cnn_arrays_options, class_count, .bytes = bytes, .count = 1, .height = 2, .width = 2,
            .channels = 1, .class_count = 2),
        ROW(dataset_create_custom, cnn_dataset_callbacks, read, .count = 2, .classes = names, .class_count = 2,
            .read = read_sample),
        ROW(dataset_create_fake, cnn_fake_options, width, .count = 4, .height = 8, .width = 8),
        ROW(split, cnn_split_options, fraction, .fraction = 0.5f),
        ROW(loader, cnn_loader_options, batch, .batch = 2),
        ROW(load, cnn_decode_options, channels, .channels = 1),
        ROW(save, cnn_encode_options, format, .format = CNN_IMAGE_PNG),
        ROW(overlay, cnn_map_overlay_options, strength, .strength = 0.5f),
        ROW(activation_image, cnn_activation_image_options, count, .count = 0),
        ROW(grid, cnn_image_grid_options, columns, .columns = 1),
        ROW(backend, cnn_backend, gemm, .abi = CNN_BACKEND_ABI, .name = "own", .gemm = multiply),
        ROW(allocator, cnn_allocator, release, .allocate = allocate, .release = release),
        ROW(executor, cnn_executor, run, .threads = 1, .run = run),
    };
    TRY(rows);
}
END_TEST

START_TEST(models_and_training)
{
    static const int32_t labels[1] = {1};
    static const float outputs[3] = {0.25f, 0.5f, 0.25f};
    static const cnn_shape shape = {.rank = 1, .dims = {3}};
    const row rows[] = {
        ROW(model_create, cnn_model_options, input, .input = {8, 8, 1}),
        ROW(session, cnn_session_options, batch, .batch = 2),
        ROW(head, cnn_head_options, classes, .classes = 4),
        ROW(zoo, cnn_zoo_options, input, .input = {8, 8, 1}),
        ROW(features, cnn_features_options, layer, .layer = "flatten_1"),
        ROW(explainer, cnn_explainer_options, method, .method = CNN_SALIENCY),
        ROW(curve, cnn_explain_curve_options, steps, .steps = 2),
        ROW(patterns, cnn_explain_patterns_options, steps, .layer = "conv2d_1", .size = TEST_SIDE, .steps = 1),
        ROW(import, cnn_import_options, partial, .partial = 1),
        ROW(weight, cnn_weight, shape, .name = "more", .shape = shape),
        ROW(weights_create, cnn_weights_options, read, .read = read_values),
        ROW(target, cnn_target, labels, .labels = labels),
        ROW(evaluation, cnn_evaluation, labels, .count = 1, .outputs = 3, .outputs_data = outputs, .labels = labels),
        ROW(precision_create, cnn_classification_options, averaging, .averaging = 0),
        ROW(sgd_create, cnn_sgd_options, learning_rate, .learning_rate = 0.1f),
        ROW(rmsprop_create, cnn_rmsprop_options, learning_rate, .learning_rate = 0.1f),
        ROW(adam_create, cnn_adam_options, learning_rate, .learning_rate = 0.1f),
        ROW(group, cnn_group_options, pattern, .pattern = "conv*"),
        ROW(step_schedule_create, cnn_step_schedule_options, every, .every = 2),
        ROW(exponential_schedule_create, cnn_exponential_schedule_options, gamma, .gamma = 0.5),
        ROW(cosine_schedule_create, cnn_cosine_schedule_options, epochs, .epochs = 2),
        ROW(search, cnn_rate_search_options, steps, .low = 1e-6, .high = 1e-3, .steps = 40),
        ROW(triangular_schedule_create, cnn_triangular_schedule_options, peak, .peak = 0.5),
        ROW(lookahead, cnn_lookahead_options, every, .every = 2),
        ROW(muon_create, cnn_muon_options, learning_rate, .learning_rate = 0.1f),
        ROW(linear_schedule_create, cnn_linear_schedule_options, epochs, .epochs = 2),
        ROW(onecycle_schedule_create, cnn_onecycle_schedule_options, peak, .peak = 0.5),
        ROW(warmup, cnn_warmup_schedule_options, steps, .steps = 2),
        ROW(plateau_schedule_create, cnn_plateau_schedule_options, factor, .factor = 0.5f),
        ROW(loss_create_custom, cnn_loss_kind, sample, .name = "own", .sample = sample_loss),
        ROW(optimizer_create_custom, cnn_optimizer_kind, update, .name = "own", .update = update),
        ROW(schedule_create_custom, cnn_schedule_kind, rate, .name = "own", .rate = rate),
        ROW(evaluator_create_custom, cnn_evaluator_kind, score, .name = "own", .reset = reset, .update = count,
            .score = score),
        ROW(binary_focal_create, cnn_focal_options, gamma, .gamma = 1),
        ROW(categorical_focal_create, cnn_focal_options, gamma, .gamma = 1),
        ROW(folds, cnn_folds_options, folds, .folds = 3),
        ROW(centroids, cnn_centroids_options, layer, .layer = "flatten_1"),
        ROW(decision, cnn_decision, temperature, .temperature = 2),
        ROW(fit, cnn_fit_options, optimizer, .epochs = 0),
        ROW(evaluate, cnn_evaluate_options, loader, .loader = NULL),
    };
    const row onnx_rows[] = {
        ROW(save_onnx, cnn_onnx_save_options, preprocessing, .preprocessing = 0),
        ROW(load_onnx, cnn_onnx_load_options, input, .input = {0}),
    };
    TRY(rows);
    if (TEST_ONNX) {
        TRY(onnx_rows);
    }
}
END_TEST

/* Structs that the library fills are written no further than their size; those of a newer header are zero behind what
 * this library knows. */
#define FILLED(type, call)                                                                                       \
    for (size_t size = sizeof(size_t); size <= sizeof(type) + 64; size += 8) {                                   \
        union {                                                                                                  \
            type filled;                                                                                         \
            unsigned char bytes[sizeof(type) + 128];                                                             \
        } room;                                                                                                  \
        memset(&room, 0xAA, sizeof(room));                                                                       \
        room.filled.struct_size = size;                                                                          \
        type *to = &room.filled;                                                                                 \
        const cnn_status status = call;                                                                          \
        ck_assert_msg(status == CNN_OK || status == CNN_ERROR_INVALID_ARGUMENT, #type " of %zu bytes: %s", size, \
                      cnn_status_string(status));                                                                \
        ck_assert_msg(size < sizeof(type) || status == CNN_OK, #type " of %zu bytes is refused", size);          \
        ck_assert_uint_eq(room.filled.struct_size, size);                                                        \
        for (size_t i = size; i < sizeof(room); i++) {                                                           \
            ck_assert_msg(room.bytes[i] == 0xAA, #type " of %zu bytes: byte %zu was written", size, i);          \
        }                                                                                                        \
    }

START_TEST(filled)
{
    static float input[TEST_PIXELS];
    cnn_loader *loader = NULL;
    cnn_explainer *explainer = NULL;
    cnn_weights *weights = NULL;
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 2), &loader), CNN_OK);
    ck_assert_int_eq(cnn_explainer_create(model, CNN_EXPLAINER(.method = CNN_SALIENCY), &explainer), CNN_OK);
    ck_assert_int_eq(cnn_weights_open(context, tensors, &weights), CNN_OK);
    FILLED(cnn_image_info, cnn_image_probe(context, photo, to))
    FILLED(cnn_parameter, cnn_model_parameter(model, 0, to))
    FILLED(cnn_evaluate_result, cnn_evaluate(model, CNN_EVALUATE(.loader = loader), to))
    FILLED(cnn_channel_statistics, cnn_dataset_statistics(context, data, NULL, to))
    FILLED(cnn_explanation, cnn_explainer_run(explainer, input, 0, to))
    FILLED(cnn_weight, cnn_weights_get(weights, 0, to))
    FILLED(cnn_weights_report, cnn_model_import(model, weights, NULL, to))
    static const float scores[4] = {0.1f, 0.4f, 0.6f, 0.9f};
    static const uint8_t marks[4] = {0, 1, 0, 1};
    FILLED(cnn_threshold, cnn_choose_threshold(context, scores, marks, 4, CNN_THRESHOLD_F1, 0, to))
    FILLED(cnn_batch, cnn_loader_next(loader, to))
    cnn_weights_free(weights);
    cnn_explainer_free(explainer);
    cnn_loader_free(loader);
}
END_TEST

static void set_up(void)
{
    char path[1200];
    test_path(folder, sizeof(folder), "structs");
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    snprintf(tensors, sizeof(tensors), "%s/tensors.safetensors", folder);
    snprintf(onnx, sizeof(onnx), "%s/model.onnx", folder);
    snprintf(photo, sizeof(photo), "%s/photo.png", folder);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    ck_assert_int_eq(cnn_image_create(context, 5, 4, 3, &image), CNN_OK);
    ck_assert_int_eq(cnn_image_save(image, photo, NULL), CNN_OK);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, i == 0 ? "cat" : "dog");
        ck_assert_int_eq(mkdir(path, 0700), 0);
        strcat(path, "/a.png");
        ck_assert_int_eq(cnn_image_save(image, path, NULL), CNN_OK);
    }
    ck_assert_int_eq(test_dataset(context, 0, 12, &data), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_OK);
    ck_assert_int_eq(cnn_model_save_tensors(model, CNN_WEIGHTS_PYTORCH, tensors), CNN_OK);
    ck_assert_int_eq(cnn_model_save_onnx(model, onnx, NULL), TEST_ONNX ? CNN_OK : CNN_ERROR_UNSUPPORTED);
}

static void tear_down(void)
{
    char command[600];
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_dataset_free(data);
    cnn_image_free(image);
    cnn_context_free(context);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

int main(void)
{
    Suite *suite = suite_create("structs");
    TCase *tests = tcase_create("structs");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, layers);
    tcase_add_test(tests, data_and_images);
    tcase_add_test(tests, models_and_training);
    tcase_add_test(tests, filled);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
