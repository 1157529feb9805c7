/* SPDX-License-Identifier: MIT */
/* Shapes and options at the ends of their ranges: sizes are right or refused, never wrapped. Run it under the
 * undefined-behaviour sanitizer, too. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"

enum { MODELS = 6000, MOST_LAYERS = 5, MOST_BYTES = 32 << 20 };

static uint32_t state = 1;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(state >> 4) * below >> 28);
}

/* One of the ends of [low, high], a power of two, or a number near them. */
static int32_t extreme(int32_t low, int32_t high)
{
    const int32_t near = (int32_t)draw(3);
    switch (draw(5)) {
    case 0:
        return low;
    case 1:
        return low + near <= high ? low + near : high;
    case 2:
        return high;
    case 3:
        return high - near >= low ? high - near : low;
    default:
        for (int i = 0; i < 40; i++) {
            const int32_t value = (int32_t)(1u << draw(25)) + near - 1;
            if (value >= low && value <= high) {
                return value;
            }
        }
        return low;
    }
}

static void *limited_allocate(void *user, size_t size, size_t alignment)
{
    void *memory = NULL;
    (void)user;
    return size <= MOST_BYTES && posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

static void limited_release(void *user, void *memory, size_t size)
{
    (void)user;
    (void)size;
    free(memory);
}

static void run_in_turn(void *user, void (*task)(void *argument, size_t index), void *argument, size_t count)
{
    (void)user;
    for (size_t i = 0; i < count; i++) {
        task(argument, i);
    }
}

/* With as many threads as there can be, and memory that ends early. */
static cnn_context *open_context(const char *backend, uint32_t math)
{
    const cnn_allocator allocator = {sizeof(allocator), NULL, limited_allocate, limited_release};
    const cnn_executor executor = {sizeof(executor), NULL, 1024, run_in_turn};
    cnn_context *context;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.backend = backend, .math = math, .allocator = &allocator,
                                                    .executor = &executor, .max_session_bytes = UINT64_MAX),
                                        &context),
                     CNN_OK);
    return context;
}

static cnn_layer *draw_conv(cnn_context *c)
{
    const int32_t side = draw(3) == 0 ? extreme(1, 4096) : (int32_t[]){1, 3, 5}[draw(3)];
    const bool same = draw(2) == 0;
    return cnn_conv2d(
        c, CNN_CONV2D(.filters = extreme(1, draw(2) ? 1 << 20 : 64),
                      .kernel = {side, draw(2) ? side : extreme(1, 4096)}, .stride = {draw(2) ? 1 : extreme(1, 4096)},
                      .dilation = {draw(2) ? 1 : extreme(1, 4096)}, .groups = draw(3) == 0 ? extreme(1, 1 << 20) : 1,
                      .padding = same ? CNN_PADDING_SAME : CNN_PADDING_DEFAULT,
                      .pads = {same ? 0 : extreme(0, 65536), same ? 0 : extreme(0, 65536), same ? 0 : extreme(0, 65536),
                               same ? 0 : extreme(0, 65536)}));
}

static cnn_pool2d_options draw_pool(void)
{
    const int32_t size = draw(2) ? 2 : extreme(1, 4096);
    return (cnn_pool2d_options){.struct_size = sizeof(cnn_pool2d_options),
                                .size = {size, extreme(1, 4096)},
                                .stride = {extreme(1, 4096), extreme(1, 4096)},
                                .padding = draw(2) ? CNN_PADDING_SAME : CNN_PADDING_VALID,
                                .ceil = (int32_t)draw(2)};
}

static cnn_layer *draw_layer(cnn_context *c, uint32_t *inputs)
{
    cnn_pool2d_options pool = draw_pool();
    switch (draw(11)) {
    case 0:
    case 1:
    case 2:
        return draw_conv(c);
    case 3:
        *inputs = 1 + draw(16);
        return cnn_concatenate(c, NULL);
    case 4:
    case 5:
        return cnn_zero_pad2d(
            c, CNN_ZERO_PAD2D(.pads = {extreme(0, 65536), extreme(0, 65536), extreme(0, 65536), extreme(0, 65536)}));
    case 6:
        return draw(2) ? cnn_max_pool2d(c, &pool) : cnn_average_pool2d(c, &pool);
    case 7:
        return draw(2) ? cnn_batch_norm(c, NULL) : cnn_local_response_norm(c, CNN_LRN(.size = extreme(0, 4096)));
    case 8:
        return cnn_flatten(c, NULL);
    case 9:
        return draw(2) ? cnn_global_average_pool2d(c, NULL)
                       : cnn_activate(c, CNN_ACTIVATE(.activation = (int32_t)draw(7)));
    default:
        return cnn_dense(c, CNN_DENSE(.units = extreme(1, 1 << 24)));
    }
}

static double bytes_of(const cnn_shape *shape, double batch)
{
    double bytes = 4 * batch;
    for (uint32_t i = 0; i < shape->rank; i++) {
        bytes *= (double)shape->dims[i];
    }
    return bytes;
}

/* A session holds at least the output of its last layer, and says so. */
static void check_sessions(cnn_model *model)
{
    static const uint32_t batches[] = {1, 2, 7, 1000, 1 << 20, INT32_MAX};
    const cnn_shape shape = cnn_model_output_shape(model);
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
        for (int training = 0; training < 2; training++) {
            cnn_session *session = NULL;
            const uint64_t bytes = cnn_model_session_bytes(model, batches[i], training);
            const cnn_status status = cnn_session_create(
                model, CNN_SESSION(.batch = batches[i], .training = (uint32_t)training), &session);
            ck_assert(bytes == 0 || bytes >= MOST_BYTES || (double)bytes >= bytes_of(&shape, batches[i]) ||
                      bytes_of(&shape, 1) == bytes_of(&(cnn_shape){0}, 1));
            if (bytes == 0) {
                ck_assert_int_eq(status, CNN_ERROR_LIMIT);
            } else if (bytes > UINT64_C(1) << 40) {
                ck_assert(status == CNN_ERROR_OUT_OF_MEMORY || status == CNN_ERROR_LIMIT);
            }
            cnn_session_free(session);
        }
    }
}

static bool check_model(cnn_context *context)
{
    cnn_model *model;
    const bool vector = draw(8) == 0;
    const int32_t most = draw(3) == 0 ? 1 << 24 : 1 << (draw(12) + 1);
    ck_assert_int_eq(cnn_model_create(context,
                                      CNN_MODEL(.input = {extreme(1, most), vector ? 0 : extreme(1, most),
                                                          vector ? 0 : extreme(1, draw(2) ? 1 << 24 : 8)}),
                                      &model),
                     CNN_OK);
    const uint32_t count = 1 + draw(MOST_LAYERS);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t inputs = 1;
        cnn_layer *layer = draw_layer(context, &inputs);
        const char *last = i == 0 ? "input" : cnn_model_layer_name(model, i - 1), *names[16];
        for (uint32_t k = 0; k < inputs; k++) {
            names[k] = last;
        }
        if (layer == NULL || cnn_model_add_after(model, layer, names, inputs) != CNN_OK) {
            break; /* groups that do not divide filters and the like */
        }
    }
    const cnn_status status = cnn_model_build(model);
    ck_assert_msg(status == CNN_OK || status == CNN_ERROR_LIMIT || status == CNN_ERROR_SHAPE ||
                      status == CNN_ERROR_OUT_OF_MEMORY || status == CNN_ERROR_INVALID_ARGUMENT ||
                      status == CNN_ERROR_STATE,
                  "%s", cnn_status_string(status));
    if (status == CNN_OK) {
        check_sessions(model);
    }
    cnn_model_free(model);
    return status == CNN_OK;
}

START_TEST(sizes_never_wrap)
{
    static const char *const backends[] = {NULL, NULL, "reference"};
    cnn_context *context = open_context(backends[_i], _i == 1 ? CNN_MATH_STRICT : CNN_MATH_FAST);
    size_t built = 0;
    state = 1;
    for (int i = 0; i < MODELS; i++) {
        built += check_model(context);
    }
    ck_assert_uint_gt(built, MODELS / 10);
    cnn_context_free(context);
}
END_TEST

static void build_fails(cnn_context *context, const cnn_shape *input, cnn_layer *const *layers, const uint32_t *inputs,
                        uint32_t count)
{
    cnn_model *model;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.shape = *input), &model), CNN_OK);
    for (uint32_t i = 0; i < count; i++) {
        const char *last = i == 0 ? "input" : cnn_model_layer_name(model, i - 1), *names[16];
        for (uint32_t k = 0; k < inputs[i]; k++) {
            names[k] = last;
        }
        ck_assert_int_eq(cnn_model_add_after(model, layers[i], names, inputs[i]), CNN_OK);
    }
    ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_LIMIT);
    cnn_model_free(model);
}

/* Products that are 0, or nearly, in 64 bits. */
START_TEST(known_wraps_are_refused)
{
    for (int i = 0; i < 2; i++) {
        cnn_context *c = open_context(i == 0 ? NULL : "reference", CNN_MATH_DEFAULT);
        const cnn_shape wide = {3, 0, {1, 1, 10761803}}, deep = {3, 0, {1, 1, 1 << 18}},
                        split = {3, 0, {1, 1, 1 << 24}};
        build_fails(c, &wide,
                    (cnn_layer *const[]){cnn_concatenate(c, NULL), cnn_concatenate(c, NULL),
                                         cnn_zero_pad2d(c, CNN_ZERO_PAD2D(.pads = {65536, 65242, 65536, 65531})),
                                         cnn_max_pool2d(c, NULL)},
                    (const uint32_t[]){5, 5, 1, 1}, 4);
        build_fails(c, &deep,
                    (cnn_layer *const[]){
                        cnn_conv2d(c, CNN_CONV2D(.filters = 1 << 20, .kernel = {4096}, .padding = CNN_PADDING_SAME))},
                    (const uint32_t[]){1}, 1);
        build_fails(c, &split,
                    (cnn_layer *const[]){cnn_concatenate(c, NULL),
                                         cnn_conv2d(c, CNN_CONV2D(.filters = 1 << 20, .kernel = {32, 4096},
                                                                  .padding = CNN_PADDING_SAME))},
                    (const uint32_t[]){2, 1}, 2);
        cnn_context_free(c);
    }
}
END_TEST

/* By default a session is not larger than the machine's memory; the limit is an option, and is named. */
START_TEST(a_session_has_a_limit)
{
    cnn_context *context;
    cnn_model *model;
    cnn_session *session;
    for (int i = 0; i < 3; i++) {
        const uint64_t limit = i == 0 ? 0 : i == 1 ? 1000000 : UINT64_C(1) << 50;
        ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.max_session_bytes = limit, .threads = 1), &context), CNN_OK);
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {100, 100, 3}), &model), CNN_OK);
        cnn_model_add(model, cnn_zero_pad2d(context, CNN_ZERO_PAD2D(.pads = {100, 100, 100, 100})));
        cnn_model_add(model, cnn_max_pool2d(context, NULL));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        const uint64_t bytes = cnn_model_session_bytes(model, 1, false);
        ck_assert_uint_gt(bytes, 1000000);
        ck_assert_int_eq(cnn_session_create(model, NULL, &session), i == 1 ? CNN_ERROR_LIMIT : CNN_OK);
        if (i == 1) {
            char text[32];
            snprintf(text, sizeof(text), " %llu bytes", (unsigned long long)bytes);
            ck_assert_ptr_nonnull(strstr(cnn_last_error(context), text));
            ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "1000000"));
            ck_assert_ptr_null(session);
        }
        cnn_session_free(session);
        cnn_model_free(model);
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {1 << 19, 1 << 19, 1}), &model), CNN_OK);
        cnn_model_add(model, cnn_zero_pad2d(context, NULL));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        if (i < 2) { /* a terabyte */
            ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_ERROR_LIMIT);
        }
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

/* Windows without weights, in which a tiny file could ask for days of work. */
static cnn_status overlap(cnn_context *context, int32_t side, cnn_layer *layer)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {side, side, 2}), &model), CNN_OK);
    cnn_status status = cnn_model_add(model, layer);
    status = status == CNN_OK ? cnn_model_build(model) : status;
    cnn_model_free(model);
    return status;
}

START_TEST(windows_that_overlap_too_much)
{
    cnn_context *c = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &c), CNN_OK);
    for (int i = 0; i < 2; i++) {
        cnn_layer *(*const pool)(cnn_context *, const cnn_pool2d_options *) = i == 0 ? cnn_max_pool2d
                                                                                     : cnn_average_pool2d;
        ck_assert_int_eq(overlap(c, 7000, pool(c, CNN_POOL2D(.size = {3000, 3000}, .stride = {1, 1}))),
                         CNN_ERROR_LIMIT);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(c), "each value is read 2"));
        ck_assert_ptr_nonnull(strstr(cnn_last_error(c), "times, at most 4096"));
        /* The same window once, or with a stride of its size, reads every value once. */
        ck_assert_int_eq(overlap(c, 3000, pool(c, CNN_POOL2D(.size = {3000, 3000}, .stride = {1, 1}))), CNN_OK);
        ck_assert_int_eq(overlap(c, 7000, pool(c, CNN_POOL2D(.size = {3000, 3000}))), CNN_OK);
        ck_assert_int_eq(overlap(c, 200, pool(c, CNN_POOL2D(.size = {64, 64}, .stride = {1, 1}))), CNN_OK);
    }
    ck_assert_int_eq(overlap(c, 4096, cnn_local_response_norm(c, CNN_LRN(.size = 65535))), CNN_OK); /* of 2 channels */
    cnn_context_free(c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("extreme shapes");
    TCase *cases = tcase_create("all");
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, sizes_never_wrap, 0, 3);
    tcase_add_test(cases, known_wraps_are_refused);
    tcase_add_test(cases, a_session_has_a_limit);
    tcase_add_test(cases, windows_that_overlap_too_much);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
