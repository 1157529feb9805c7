/* SPDX-License-Identifier: MIT */
/* The rules of option structs: what a struct from an older or a newer header means, for every call that takes one;
 * and that structs to be filled are written no further than their size. */
#include "common/fixture.h"
#include "common/suite.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Structs are tried at the end of this much room, what lies behind them being a newer header's fields. */
#define ROOM 1024

static cnn_context *context;
static cnn_dataset *data;
static cnn_loader *loader;
static cnn_model *model;
static cnn_optimizer *optimizer;

static void set_up(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, 12, &data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 4), &loader), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context, NULL, &optimizer), CNN_OK);
}

static void tear_down(void)
{
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    cnn_context_free(context);
}

/* ---- one function for each call: tries it with these options ---- */

static cnn_status try_context(const void *options)
{
    cnn_context *made = NULL;
    cnn_status status = cnn_context_create(options, &made);
    cnn_context_free(made);
    return status;
}

static cnn_status try_split(const void *options)
{
    cnn_dataset *rest = NULL, *part = NULL;
    cnn_status status = cnn_dataset_split(data, options, &rest, &part);
    cnn_dataset_free(rest);
    cnn_dataset_free(part);
    return status;
}

static cnn_status try_arrays(const void *options)
{
    cnn_dataset *made = NULL;
    cnn_status status = cnn_dataset_create(context, options, &made);
    cnn_dataset_free(made);
    return status;
}

static cnn_status try_fake(const void *options)
{
    cnn_dataset *made = NULL;
    cnn_status status = cnn_dataset_create_fake(context, options, &made);
    cnn_dataset_free(made);
    return status;
}

static cnn_status try_loader(const void *options)
{
    cnn_loader *made = NULL;
    cnn_status status = cnn_loader_create(context, data, options, &made);
    cnn_loader_free(made);
    return status;
}

static cnn_status try_model(const void *options)
{
    cnn_model *made = NULL;
    cnn_status status = cnn_model_create(context, options, &made);
    cnn_model_free(made);
    return status;
}

static cnn_status try_session(const void *options)
{
    cnn_session *made = NULL;
    cnn_status status = cnn_session_create(model, options, &made);
    cnn_session_free(made);
    return status;
}

static cnn_status try_adam(const void *options)
{
    cnn_optimizer *made = NULL;
    cnn_status status = cnn_adam_create(context, options, &made);
    cnn_optimizer_free(made);
    return status;
}

static cnn_status try_zoo(const void *options)
{
    cnn_model *made = NULL;
    cnn_status status = cnn_zoo_create(context, "fashion-dnn", options, &made);
    cnn_model_free(made);
    return status;
}

static cnn_status try_evaluate(const void *options)
{
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    return cnn_evaluate(model, options, &result);
}

static cnn_status try_fit(const void *options)
{
    return cnn_fit(model, options, NULL);
}

/* A failed layer constructor gives NULL, and building gives its status. */
static cnn_status build_with(cnn_layer *layer)
{
    cnn_model *made = NULL;
    cnn_status status = cnn_model_create(context, CNN_MODEL(.input = {8, 8, 1}), &made);
    cnn_model_add(made, layer);
    status = status == CNN_OK ? cnn_model_build(made) : status;
    cnn_model_free(made);
    return status;
}

static cnn_status try_conv2d(const void *options) { return build_with(cnn_conv2d(context, options)); }
static cnn_status try_max_pool(const void *options) { return build_with(cnn_max_pool2d(context, options)); }
static cnn_status try_average_pool(const void *options) { return build_with(cnn_average_pool2d(context, options)); }
static cnn_status try_flatten(const void *options) { return build_with(cnn_flatten(context, options)); }
static cnn_status try_dropout(const void *options) { return build_with(cnn_dropout(context, options)); }
static cnn_status try_batch_norm(const void *options) { return build_with(cnn_batch_norm(context, options)); }
static cnn_status try_activate(const void *options) { return build_with(cnn_activate(context, options)); }
static cnn_status try_zero_pad(const void *options) { return build_with(cnn_zero_pad2d(context, options)); }
static cnn_status try_global_pool(const void *options)
{
    return build_with(cnn_global_average_pool2d(context, options));
}

/* ---- the rules ---- */

/* Tries struct sizes around `size`. `needed`: the size that covers all required fields. */
static void check_rules(const char *name, cnn_status (*try_call)(const void *), const void *options, size_t size,
                        size_t needed)
{
    unsigned char *room = calloc(1, ROOM);
    ck_assert_ptr_nonnull(room);
    memcpy(room, options, size);
    size_t sizes[] = {size, needed, size + sizeof(void *), ROOM};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        memcpy(room, &sizes[i], sizeof(size_t));
        cnn_status status = try_call(room);
        ck_assert_msg(status == CNN_OK, "%s with struct_size %zu: %s (%s)", name, sizes[i], cnn_status_string(status),
                      cnn_last_error(context));
    }
    room[ROOM - 1] = 1; /* a field that this library does not know */
    cnn_status status = try_call(room);
    ck_assert_msg(status == CNN_ERROR_VERSION, "%s with a non-zero tail: %s", name, cnn_status_string(status));
    room[ROOM - 1] = 0;
    room[size] = 1;
    status = try_call(room);
    ck_assert_msg(status == CNN_ERROR_VERSION, "%s with a non-zero tail: %s", name, cnn_status_string(status));
    for (size_t small = 0; small < sizeof(size_t); small += 4) {
        memcpy(room, &small, sizeof(size_t));
        status = try_call(room);
        ck_assert_msg(status == CNN_ERROR_INVALID_ARGUMENT, "%s with struct_size %zu: %s", name, small,
                      cnn_status_string(status));
    }
    /* What lies behind a smaller struct is not the library's to read. */
    memset(room + needed, 0xFF, ROOM - needed);
    memcpy(room, &needed, sizeof(size_t));
    status = try_call(room);
    ck_assert_msg(status == CNN_OK, "%s read behind struct_size %zu: %s (%s)", name, needed,
                  cnn_status_string(status), cnn_last_error(context));
    free(room);
}

#define UP_TO(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))
#define CHECK(call, type, options, last_required) \
    check_rules(#call, call, options, sizeof(type), UP_TO(type, last_required))

START_TEST(option_structs_follow_the_rules)
{
    static const uint8_t pixels[4] = {1, 2, 3, 4};
    CHECK(try_context, cnn_context_options, CNN_CONTEXT(.threads = 1), threads);
    CHECK(try_split, cnn_split_options, CNN_SPLIT(.fraction = 0.5f), fraction);
    CHECK(try_arrays, cnn_arrays_options,
          CNN_ARRAYS(.bytes = pixels, .count = 1, .height = 2, .width = 2, .channels = 1, .class_count = 2), channels);
    CHECK(try_fake, cnn_fake_options, CNN_FAKE(.count = 4, .height = 8, .width = 8), width);
    CHECK(try_loader, cnn_loader_options, CNN_LOADER(.batch = 2), batch);
    CHECK(try_model, cnn_model_options, CNN_MODEL(.input = {8, 8, 1}), input);
    CHECK(try_session, cnn_session_options, CNN_SESSION(.batch = 2), batch);
    CHECK(try_adam, cnn_adam_options, CNN_ADAM(.learning_rate = 0.1f), learning_rate);
    CHECK(try_zoo, cnn_zoo_options, CNN_ZOO(.input = {8, 8, 1}), input);
}
END_TEST

START_TEST(layer_structs_follow_the_rules)
{
    CHECK(try_conv2d, cnn_conv2d_options, CNN_CONV2D(.filters = 2), filters);
    CHECK(try_max_pool, cnn_pool2d_options, CNN_POOL2D(.size = {2, 2}), size);
    CHECK(try_average_pool, cnn_pool2d_options, CNN_POOL2D(.size = {2, 2}), size);
    CHECK(try_flatten, cnn_named_options, CNN_NAMED(.name = "f"), name);
    CHECK(try_global_pool, cnn_named_options, CNN_NAMED(.name = "g"), name);
    CHECK(try_dropout, cnn_dropout_options, CNN_DROPOUT(.rate = 0.5f), rate);
    CHECK(try_batch_norm, cnn_batch_norm_options, CNN_BATCH_NORM(.convention = CNN_PYTORCH), convention);
    CHECK(try_activate, cnn_activate_options, CNN_ACTIVATE(.activation = CNN_TANH), activation);
    CHECK(try_zero_pad, cnn_zero_pad2d_options, CNN_ZERO_PAD2D(.pads = {1, 1, 1, 1}), pads);
}
END_TEST

START_TEST(training_structs_follow_the_rules)
{
    CHECK(try_evaluate, cnn_evaluate_options, CNN_EVALUATE(.loader = loader), loader);
    CHECK(try_fit, cnn_fit_options, CNN_FIT(.train = loader, .optimizer = optimizer), optimizer);
}
END_TEST

START_TEST(filled_structs_are_written_no_further)
{
    union {
        cnn_evaluate_result result;
        cnn_parameter parameter;
        cnn_batch batch;
        unsigned char bytes[256];
    } room;

    memset(&room, 0xAA, sizeof(room));
    room.result.struct_size = UP_TO(cnn_evaluate_result, count);
    ck_assert_int_eq(cnn_evaluate(model, CNN_EVALUATE(.loader = loader), &room.result), CNN_OK);
    ck_assert_uint_eq(room.result.count, 12);
    ck_assert_uint_eq(room.bytes[UP_TO(cnn_evaluate_result, count)], 0xAA);

    memset(&room, 0xAA, sizeof(room));
    room.parameter.struct_size = UP_TO(cnn_parameter, name);
    ck_assert_int_eq(cnn_model_parameter(model, 0, &room.parameter), CNN_OK);
    ck_assert_str_eq(room.parameter.name, "conv2d_1/kernel");
    ck_assert_uint_eq(room.bytes[UP_TO(cnn_parameter, name)], 0xAA);

    memset(&room, 0xAA, sizeof(room));
    room.batch.struct_size = UP_TO(cnn_batch, shape);
    ck_assert_int_eq(cnn_loader_next(loader, &room.batch), CNN_OK);
    ck_assert_uint_eq(room.batch.count, 4);
    ck_assert_uint_eq(room.bytes[UP_TO(cnn_batch, shape)], 0xAA);
    room.batch.struct_size = sizeof(size_t); /* too little for a batch to be of use */
    ck_assert_int_eq(cnn_loader_next(loader, &room.batch), CNN_ERROR_INVALID_ARGUMENT);

    /* A newer and larger struct: what this library does not know becomes or stays zero. */
    memset(&room, 0, sizeof(room));
    room.batch.struct_size = sizeof(room);
    ck_assert_int_eq(cnn_loader_next(loader, &room.batch), CNN_OK);
    ck_assert_uint_eq(room.batch.count, 4);
    ck_assert_uint_eq(room.bytes[sizeof(cnn_batch)], 0);
}
END_TEST

START_TEST(probe_writes_no_further)
{
    char path[512];
    test_path(path, sizeof(path), "probe.png");
    cnn_image *image = NULL;
    ck_assert_int_eq(cnn_image_create(context, 5, 4, 3, &image), CNN_OK);
    ck_assert_int_eq(cnn_image_save(image, path, NULL), CNN_OK);
    cnn_image_free(image);
    union {
        cnn_image_info info;
        unsigned char bytes[sizeof(cnn_image_info)];
    } room;
    memset(&room, 0xAA, sizeof(room));
    room.info.struct_size = UP_TO(cnn_image_info, height);
    ck_assert_int_eq(cnn_image_probe(context, path, &room.info), CNN_OK);
    ck_assert_uint_eq(room.info.width, 5);
    ck_assert_uint_eq(room.info.height, 4);
    ck_assert_uint_eq(room.bytes[UP_TO(cnn_image_info, height)], 0xAA);
    unlink(path);
}
END_TEST

START_TEST(null_means_all_defaults)
{
    ck_assert_int_eq(try_context(NULL), CNN_OK);
    ck_assert_int_eq(try_split(NULL), CNN_OK);
    ck_assert_int_eq(try_loader(NULL), CNN_OK);
    ck_assert_int_eq(try_session(NULL), CNN_OK);
    ck_assert_int_eq(try_adam(NULL), CNN_OK);
    ck_assert_int_eq(try_zoo(NULL), CNN_OK);
    ck_assert_int_eq(try_max_pool(NULL), CNN_OK);
    ck_assert_int_eq(try_batch_norm(NULL), CNN_OK);
    /* Where something is required, its absence is named. */
    ck_assert_int_eq(try_arrays(NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(try_model(NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(try_conv2d(NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "filters"));
    ck_assert_int_eq(try_fit(NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(try_evaluate(NULL), CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(first_error_of_a_model_stays)
{
    cnn_model *made = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {8, 8, 1}), &made), CNN_OK);
    ck_assert_int_eq(cnn_model_add(made, cnn_conv2d(context, CNN_CONV2D(.filters = 4))), CNN_OK);
    ck_assert_int_eq(cnn_model_add(made, cnn_dropout(context, CNN_DROPOUT(.rate = 1.5f))), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_add(made, cnn_flatten(context, NULL)), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_build(made), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "rate"));
    cnn_model_free(made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("options");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, option_structs_follow_the_rules);
    tcase_add_test(tests, layer_structs_follow_the_rules);
    tcase_add_test(tests, training_structs_follow_the_rules);
    tcase_add_test(tests, filled_structs_are_written_no_further);
    tcase_add_test(tests, probe_writes_no_further);
    tcase_add_test(tests, null_means_all_defaults);
    tcase_add_test(tests, first_error_of_a_model_stays);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
