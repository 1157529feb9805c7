/* SPDX-License-Identifier: MIT */
/* Results do not depend on the number of threads, to the bit; nor do an image's in inference on the images beside it,
 * to the bit where no large dense layer is in the way: that sums in another order for a few rows than for many. The
 * networks are those of the zoo, with layers large enough to be divided in different ways. */
#include "common/fixture.h"
#include "common/suite.h"
#include "common/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 5, LABELS = 3, STEPS = 2 };

/* Inputs are odd and small for speed; the layers are as large as they are. */
#define OPTIONS(...)                                        \
    {                                                       \
        .struct_size = sizeof(cnn_zoo_options), __VA_ARGS__ \
    }

static const struct {
    const char *name;
    cnn_zoo_options options;
    bool same_beside_others; /* to the bit */
} networks[] = {
    {"catdog", OPTIONS(.input = {94, 86, 3}, .classes = LABELS, .dropout = 0.5f), false},
    {"fashion-cnn", OPTIONS(.classes = LABELS), false},
    {"alexnet", OPTIONS(.input = {67, 71, 3}, .classes = LABELS), false},
    {"resnet18", OPTIONS(.input = {40, 56, 3}, .classes = LABELS), true},
    {"vgg16-notop", OPTIONS(.input = {41, 50, 3}), true}, /* not trained here */
};

#ifdef __SANITIZE_THREAD__ /* a small one: what is to be seen there does not depend on the network */
enum { FIRST = 1, TRAINED = 2, NETWORKS = 2 };
#else
enum { FIRST = 0, TRAINED = 4, NETWORKS = sizeof(networks) / sizeof(networks[0]) };
#endif

/* Threads of a context, and how many of them a session may use (0: all): 1, 3, 8, 2, 4 in all. */
static const struct {
    uint32_t context, sessions[4], count;
} settings[] = {{1, {0}, 1}, {3, {0}, 1}, {8, {0, 2, 4}, 3}};

typedef struct bits {
    uint64_t training, inference;
} bits;

static size_t sample_values(const cnn_model *model)
{
    cnn_shape input = cnn_model_input_shape(model);
    return (size_t)(input.dims[0] * input.dims[1] * input.dims[2]);
}

static float *make_images(const cnn_model *model)
{
    size_t values = BATCH * sample_values(model);
    float *images = calloc(values, sizeof(float));
    ck_assert_ptr_nonnull(images);
    uint32_t state = 1;
    for (size_t i = 0; i < values; i++) {
        state = state * 1664525u + 1013904223u;
        images[i] = (float)(state >> 8) * 0x1p-24f;
    }
    return images;
}

/* Two steps of Adam; dropout is on. */
static void train(cnn_context *context, cnn_model *model, const float *images, uint32_t threads)
{
    static const int32_t labels[BATCH] = {0, 2, 1, 1, 2};
    cnn_session *session = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_loss *loss = NULL;
    double value = 0;
    ck_assert_int_eq(
        cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1, .threads = threads), &session), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    for (int step = 0; step < STEPS; step++) {
        ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    }
    cnn_loss_free(loss);
    cnn_optimizer_free(optimizer);
    cnn_session_free(session);
}

static size_t output_values(const cnn_model *model)
{
    cnn_shape shape = cnn_model_output_shape(model);
    const size_t values = test_shape_values(shape);
    return values;
}

/* The logits of all images at once. */
static uint64_t infer(cnn_model *model, const float *images, uint32_t threads)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .threads = threads), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    uint64_t hash = test_hash(cnn_session_logits(session), BATCH * output_values(model) * sizeof(float));
    cnn_session_free(session);
    return hash;
}

/* Copies all parameters out of the model, or back into it. */
static void copy_parameters(cnn_model *model, float *values, bool back)
{
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        size_t size = test_shape_values(parameter.value.shape) * sizeof(float);
        memcpy(back ? parameter.value.data : values, back ? values : parameter.value.data, size);
        values += test_shape_values(parameter.value.shape);
    }
    cnn_model_touch(model);
}

START_TEST(threads_do_not_matter)
{
    bits first = {0};
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        cnn_context *context = NULL;
        cnn_model *model = NULL;
        ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = settings[i].context, .seed = 3), &context), CNN_OK);
        ck_assert_int_eq(cnn_zoo_create(context, networks[_i].name, &networks[_i].options, &model), CNN_OK);
        float *images = make_images(model), *start = calloc(cnn_model_values(model), sizeof(float));
        ck_assert_ptr_nonnull(start);
        copy_parameters(model, start, false);
        for (uint32_t k = 0; k < settings[i].count; k++) {
            const uint32_t threads = settings[i].sessions[k];
            copy_parameters(model, start, true);
            train(context, model, images, threads);
            bits found = {.training = test_model_hash(model), .inference = infer(model, images, threads)};
            first = i == 0 ? found : first;
            ck_assert_msg(found.training == first.training, "%s: training with %u threads, %u of them used",
                          networks[_i].name, settings[i].context, threads);
            ck_assert_msg(found.inference == first.inference, "%s: inference with %u threads, %u of them used",
                          networks[_i].name, settings[i].context, threads);
        }
        free(start);
        free(images);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

static void expect_same(const float *found, const float *expected, size_t values, bool to_the_bit, const char *network)
{
    float largest = 0;
    for (size_t i = 0; i < values; i++) {
        largest = fmaxf(largest, fabsf(expected[i]));
    }
    for (size_t i = 0; i < values; i++) {
        ck_assert_msg(to_the_bit ? memcmp(found + i, expected + i, sizeof(float)) == 0
                                 : fabsf(found[i] - expected[i]) <= 1e-5f * largest,
                      "%s: value %zu is %.9g, and alone %.9g", network, i, found[i], expected[i]);
    }
}

/* Alone in a session that has room for more, and as any of two to five there; a session of its own, for one image at a
 * time, may sum in another order. */
START_TEST(neighbours_do_not_matter)
{
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_session *alone = NULL, *room = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3), &context), CNN_OK);
    ck_assert_int_eq(cnn_zoo_create(context, networks[_i].name, &networks[_i].options, &model), CNN_OK);
    const size_t inputs = sample_values(model), outputs = output_values(model);
    float *images = make_images(model), *expected = calloc(BATCH * outputs, sizeof(float));
    ck_assert_ptr_nonnull(expected);
    ck_assert_int_eq(cnn_session_create(model, NULL, &alone), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH), &room), CNN_OK);
    for (size_t i = 0; i < BATCH; i++) {
        ck_assert_int_eq(cnn_session_forward(room, images + i * inputs, 1), CNN_OK);
        memcpy(expected + i * outputs, cnn_session_logits(room), outputs * sizeof(float));
        ck_assert_int_eq(cnn_session_forward(alone, images + i * inputs, 1), CNN_OK);
        expect_same(cnn_session_logits(alone), expected + i * outputs, outputs, false, networks[_i].name);
    }
    for (size_t count = 1; count <= BATCH; count++) {
        const size_t begin = BATCH - count;
        cnn_status status = cnn_session_forward(room, images + begin * inputs, count);
        ck_assert_msg(status == CNN_OK, "%zu of %d images: %s", count, BATCH, cnn_last_error(context));
        expect_same(cnn_session_logits(room), expected + begin * outputs, count * outputs,
                    networks[_i].same_beside_others, networks[_i].name);
    }
    cnn_session_free(alone);
    cnn_session_free(room);
    free(expected);
    free(images);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tests = tcase_create("threads");
    tcase_set_timeout(tests, 280);
    tcase_add_loop_test(tests, threads_do_not_matter, FIRST, TRAINED);
    tcase_add_loop_test(tests, neighbours_do_not_matter, FIRST, NETWORKS);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
