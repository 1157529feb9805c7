/* SPDX-License-Identifier: MIT */
/* The graph, its summary, sessions of all kinds of one model, freezing. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"

static cnn_context *context;

static void open_context(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 5), &context), CNN_OK);
}

static void close_context(void) { cnn_context_free(context); }

static cnn_status append(void *user, const void *data, size_t size)
{
    strncat(user, data, size);
    return CNN_OK;
}

/* As Keras 2 prints it for this network (Chollet 2017, listing 5.6), with its truncated names. */
static const char catdog_summary[] = "Model: \"catdog\"\n"
                                     "_________________________________________________________________\n"
                                     "Layer (type)                 Output Shape              Param #   \n"
                                     "=================================================================\n"
                                     "conv2d_1 (Conv2D)            (None, 148, 148, 32)      896       \n"
                                     "_________________________________________________________________\n"
                                     "max_pooling2d_1 (MaxPooling2 (None, 74, 74, 32)        0         \n"
                                     "_________________________________________________________________\n"
                                     "conv2d_2 (Conv2D)            (None, 72, 72, 64)        18496     \n"
                                     "_________________________________________________________________\n"
                                     "max_pooling2d_2 (MaxPooling2 (None, 36, 36, 64)        0         \n"
                                     "_________________________________________________________________\n"
                                     "conv2d_3 (Conv2D)            (None, 34, 34, 128)       73856     \n"
                                     "_________________________________________________________________\n"
                                     "max_pooling2d_3 (MaxPooling2 (None, 17, 17, 128)       0         \n"
                                     "_________________________________________________________________\n"
                                     "conv2d_4 (Conv2D)            (None, 15, 15, 128)       147584    \n"
                                     "_________________________________________________________________\n"
                                     "max_pooling2d_4 (MaxPooling2 (None, 7, 7, 128)         0         \n"
                                     "_________________________________________________________________\n"
                                     "flatten_1 (Flatten)          (None, 6272)              0         \n"
                                     "_________________________________________________________________\n"
                                     "dense_1 (Dense)              (None, 512)               3211776   \n"
                                     "_________________________________________________________________\n"
                                     "dense_2 (Dense)              (None, 1)                 513       \n"
                                     "=================================================================\n"
                                     "Total params: 3,453,121\n"
                                     "Trainable params: 3,453,121\n"
                                     "Non-trainable params: 0\n"
                                     "_________________________________________________________________\n";

START_TEST(test_summary)
{
    static char text[8192];
    cnn_model *model = NULL;
    text[0] = '\0';
    ck_assert_int_eq(cnn_zoo_create(context, "catdog", NULL, &model), CNN_OK);
    ck_assert_int_eq(cnn_model_summary(model, append, text), CNN_OK);
    ck_assert_str_eq(text, catdog_summary);
    ck_assert_uint_eq(cnn_model_values(model), 3453121);
    cnn_model_free(model);
}
END_TEST

/* Keras's table of a functional model: 98 columns, the inputs last, a row for each further one. */
static const char graph_summary[] =
    "Model: \"graph\"\n"
    "__________________________________________________________________________________________________\n"
    "Layer (type)                    Output Shape         Param #     Connected to                     \n"
    "==================================================================================================\n"
    "input (InputLayer)              (None, 8, 8, 3)      0                                            \n"
    "__________________________________________________________________________________________________\n"
    "first (Conv2D)                  (None, 8, 8, 3)      84          input[0][0]                      \n"
    "__________________________________________________________________________________________________\n"
    "batch_normalization_1 (BatchNor (None, 8, 8, 3)      12          first[0][0]                      \n"
    "__________________________________________________________________________________________________\n"
    "sum (Add)                       (None, 8, 8, 3)      0           batch_normalization_1[0][0]      \n"
    "                                                                 input[0][0]                      \n"
    "                                                                 first[0][0]                      \n"
    "==================================================================================================\n"
    "Total params: 96\n"
    "Trainable params: 90\n"
    "Non-trainable params: 6\n"
    "__________________________________________________________________________________________________\n";

START_TEST(test_graph_summary)
{
    static char text[4096];
    cnn_model *model = NULL;
    text[0] = '\0';
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "graph", .input = {8, 8, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "first", .filters = 3, .padding = CNN_PADDING_SAME)));
    cnn_model_add(model, cnn_batch_norm(context, NULL));
    cnn_model_add_after(model, cnn_add(context, CNN_NAMED(.name = "sum")),
                        (const char *const[]){"batch_normalization_1", "input", "first"}, 3);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_model_summary(model, append, text), CNN_OK);
    ck_assert_str_eq(text, graph_summary);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_zoo)
{
    /* PyTorch: FashionCNN has 1,475,338 trained values, FashionDNN 235,146. */
    static const struct {
        const char *name;
        uint64_t trained;
    } cases[] = {{"fashion-cnn", 1475338}, {"fashion-dnn", 235146}, {"catdog", 3453121}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cnn_model *model = NULL;
        ck_assert_int_eq(cnn_zoo_create(context, cases[i].name, NULL, &model), CNN_OK);
        ck_assert_uint_eq(cnn_model_trainable_values(model), cases[i].trained);
        cnn_model_free(model);
    }
    cnn_model *model = NULL;
    ck_assert_int_eq(
        cnn_zoo_create(context, "catdog", CNN_ZOO(.input = {64, 48, 1}, .classes = 5, .dropout = 0.5f), &model),
        CNN_OK);
    ck_assert_int_eq(cnn_model_output_shape(model).dims[0], 5);
    ck_assert_str_eq(cnn_model_layer_type(model, 9), "Dropout");
    cnn_model_free(model);
    ck_assert_int_eq(cnn_zoo_create(context, "no-such-net", NULL, &model), CNN_ERROR_NOT_FOUND);
    ck_assert_ptr_null(model);
}
END_TEST

static cnn_model *small_model(void)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {20, 22, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "first", .filters = 8, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.name = "pool")));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "second", .filters = 16)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm")));
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "relu", .activation = CNN_RELU)));
    cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.name = "drop", .rate = 0.5f)));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "end", .units = 4, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static void fill(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)((i * 2654435761u >> 8) % 1000) / 1000.0f;
    }
}

START_TEST(test_whole_and_fused)
{
    enum { INPUT = 20 * 22 * 3 };
    static float input[3 * INPUT];
    cnn_model *model = small_model();
    cnn_session *fused = NULL, *whole = NULL;
    cnn_tensor end, relu, drop;
    fill(input, 3 * INPUT);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 3), &fused), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 3, .keep_activations = 1), &whole), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(fused, input, 3), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(whole, input, 3), CNN_OK);
    for (int i = 0; i < 12; i++) {
        ck_assert_float_eq_tol(cnn_session_output(fused)[i], cnn_session_output(whole)[i], 2e-6f);
    }
    ck_assert_int_eq(cnn_session_activation(whole, "end", &end), CNN_OK);
    ck_assert_int_eq(cnn_session_activation(whole, "relu", &relu), CNN_OK);
    ck_assert_int_eq(cnn_session_activation(whole, "drop", &drop), CNN_OK);
    ck_assert_mem_eq(end.data, cnn_session_output(whole), 12 * sizeof(float));
    ck_assert_int_eq(relu.shape.dims[1], 7);
    ck_assert_int_eq(relu.shape.dims[2], 8);
    ck_assert_mem_eq(relu.data, drop.data, 3 * 7 * 8 * 16 * sizeof(float));
    ck_assert_int_eq(cnn_session_activation(whole, "nothing", &end), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_session_activation(fused, "end", &end), CNN_OK); /* an output */
    ck_assert_ptr_eq(end.data, cnn_session_output(fused));
    ck_assert_int_eq(cnn_session_activation(fused, "relu", &end), CNN_ERROR_STATE);
    /* Fewer samples than the batch, and one by one: the same values. */
    float together[4];
    memcpy(together, cnn_session_output(fused) + 8, sizeof(together));
    ck_assert_int_eq(cnn_session_forward(fused, input + 2 * INPUT, 1), CNN_OK);
    for (int i = 0; i < 4; i++) {
        ck_assert_float_eq_tol(cnn_session_output(fused)[i], together[i], 2e-6f);
    }
    ck_assert_int_eq(cnn_session_forward(fused, input, 4), CNN_ERROR_INVALID_ARGUMENT);
    cnn_session_free(whole);
    cnn_session_free(fused);
    cnn_model_free(model);
}
END_TEST

/* Sums write over their first input where nobody else reads it, and take over the relu behind. */
START_TEST(test_sums)
{
    enum { INPUT = 8 * 8 * 4 };
    static float input[2 * INPUT];
    cnn_model *model = NULL;
    cnn_session *fused = NULL, *whole = NULL, *training = NULL;
    fill(input, 2 * INPUT);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {8, 8, 4}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "a", .filters = 4, .padding = CNN_PADDING_SAME)));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "b", .filters = 4, .padding = CNN_PADDING_SAME)));
    cnn_model_add_after(model, cnn_add(context, CNN_NAMED(.name = "s1")), (const char *[]){"b", "a"}, 2);
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "r1", .activation = CNN_RELU)));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "c", .filters = 4, .padding = CNN_PADDING_SAME)));
    cnn_model_add_after(model, cnn_add(context, CNN_NAMED(.name = "s2")), (const char *[]){"c", "r1", "c"}, 3);
    cnn_model_add_after(model, cnn_add(context, CNN_NAMED(.name = "s3")), (const char *[]){"s2", "input"}, 2);
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "r2", .activation = CNN_LEAKY_RELU)));
    cnn_model_add_after(model, cnn_add(context, CNN_NAMED(.name = "s4")), (const char *[]){"input", "input"}, 2);
    cnn_model_add_after(model, cnn_add(context, CNN_NAMED(.name = "s5")), (const char *[]){"s4", "r2"}, 2);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 2), &fused), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 2, .keep_activations = 1), &whole), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 2, .training = 1), &training), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(fused, input, 2), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(whole, input, 2), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(training, input, 2), CNN_OK);
    ck_assert_mem_eq(cnn_session_output(fused), cnn_session_output(whole), 2 * INPUT * sizeof(float));
    ck_assert_mem_eq(cnn_session_output(training), cnn_session_output(whole), 2 * INPUT * sizeof(float));
    cnn_session_free(training);
    cnn_session_free(whole);
    cnn_session_free(fused);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_memory)
{
    cnn_model *model = small_model();
    uint64_t inference = cnn_model_session_bytes(model, 8, false), training = cnn_model_session_bytes(model, 8, true);
    ck_assert_uint_gt(inference, 8 * 9 * 10 * 8 * sizeof(float));
    ck_assert_uint_gt(training, inference);
    ck_assert_uint_gt(cnn_model_session_bytes(model, 16, true), training);
    /* The plan shares memory: less than the sum of all outputs, 18*20*8 + 9*10*8 + 3*(7*8*16) + ... a sample. */
    ck_assert_uint_lt(cnn_model_session_bytes(model, 1, false),
                      (18 * 20 * 8 + 9 * 10 * 8 + 4 * 7 * 8 * 16) * sizeof(float) + (1 << 20));
    cnn_model_free(model);
}
END_TEST

/* New values by another rule: of what matches alone, the same each time, and never of running statistics. */
START_TEST(test_initializing)
{
    cnn_model *model = small_model();
    cnn_parameter kernel = CNN_PARAMETER_INIT, mean = CNN_PARAMETER_INIT, end = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_find_parameter(model, "first/kernel", &kernel), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(model, "norm/moving_mean", &mean), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(model, "end/kernel", &end), CNN_OK);
    const float before = kernel.value.data[5], other = end.value.data[3];
    mean.value.data[2] = 0.5f;
    const cnn_initializer he = {CNN_INIT_HE_NORMAL, 0}, half = {CNN_INIT_CONSTANT, 0.5f}, bad = {CNN_INIT_NORMAL, -1};
    ck_assert_int_eq(cnn_model_initialize(model, "first", &he), CNN_OK);
    const float drawn = kernel.value.data[5];
    ck_assert_float_ne(drawn, before);
    ck_assert_float_eq(end.value.data[3], other);
    ck_assert_int_eq(cnn_model_initialize(model, "*", &half), CNN_OK);
    ck_assert_float_eq(kernel.value.data[5], 0.5f);
    ck_assert_float_eq(end.value.data[3], 0.5f);
    ck_assert_float_eq(mean.value.data[2], 0.5f);
    mean.value.data[2] = 0;
    ck_assert_int_eq(cnn_model_initialize(model, "*", &he), CNN_OK);
    ck_assert_float_eq(kernel.value.data[5], drawn);
    ck_assert_float_eq(mean.value.data[2], 0);
    ck_assert_int_eq(cnn_model_initialize(model, "xyz*", &he), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_model_initialize(model, "*", &bad), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_initialize(model, "*", NULL), CNN_ERROR_INVALID_ARGUMENT);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_freezing)
{
    static float input[2 * 20 * 22 * 3];
    static const int32_t labels[] = {0, 3};
    cnn_model *model = small_model();
    cnn_parameter first = CNN_PARAMETER_INIT, mean = CNN_PARAMETER_INIT, end = CNN_PARAMETER_INIT;
    cnn_session *session = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_loss *loss = NULL;
    cnn_tensor gradient;
    double value;
    fill(input, 2 * 20 * 22 * 3);
    ck_assert_int_eq(cnn_model_set_trainable(model, "xyz*", false), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_model_set_trainable(model, "*", false), CNN_OK);
    ck_assert_uint_eq(cnn_model_trainable_values(model), 0);
    ck_assert_int_eq(cnn_model_set_trainable(model, "end*", true), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 2, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 1), &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_loss_create(context, "categorical_crossentropy", &loss), CNN_OK);
    cnn_model_find_parameter(model, "first/kernel", &first);
    cnn_model_find_parameter(model, "norm/moving_mean", &mean);
    cnn_model_find_parameter(model, "end/bias", &end);
    float before[3] = {first.value.data[5], mean.value.data[2], end.value.data[3]};
    ck_assert_int_eq(cnn_session_forward(session, input, 2), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    ck_assert_float_eq(first.value.data[5], before[0]);
    ck_assert_float_eq(mean.value.data[2], before[1]); /* frozen normalisation keeps its statistics, as Keras does */
    ck_assert_float_ne(end.value.data[3], before[2]);
    ck_assert_int_eq(cnn_session_gradient(session, 0, &gradient), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_ERROR_STATE); /* the loss was used up */
    cnn_loss_free(loss);
    cnn_optimizer_free(optimizer);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_errors)
{
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "x"), &model), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {8, 8, 1}), &model), CNN_OK);
    ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_STATE);
    /* The first error stays, whatever follows. */
    ck_assert_int_eq(cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = -1))), CNN_ERROR_INVALID_ARGUMENT);
    cnn_model_add(model, cnn_flatten(context, NULL));
    ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "filters is -1"));
    ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_ERROR_STATE);
    cnn_model_free(model);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {8, 8, 1}), &model), CNN_OK);
    cnn_model_add(model, cnn_flatten(context, CNN_NAMED(.name = "same")));
    ck_assert_int_eq(cnn_model_add(model, cnn_flatten(context, CNN_NAMED(.name = "same"))), CNN_ERROR_INVALID_ARGUMENT);
    cnn_model_free(model);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {8, 8, 1}), &model), CNN_OK);
    ck_assert_int_eq(cnn_model_add_after(model, cnn_flatten(context, NULL), (const char *[]){"who"}, 1),
                     CNN_ERROR_NOT_FOUND);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/model");
    TCase *tcase = tcase_create("model");
    tcase_add_checked_fixture(tcase, open_context, close_context);
    tcase_add_test(tcase, test_summary);
    tcase_add_test(tcase, test_graph_summary);
    tcase_add_test(tcase, test_zoo);
    tcase_add_test(tcase, test_whole_and_fused);
    tcase_add_test(tcase, test_sums);
    tcase_add_test(tcase, test_memory);
    tcase_add_test(tcase, test_initializing);
    tcase_add_test(tcase, test_freezing);
    tcase_add_test(tcase, test_errors);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
