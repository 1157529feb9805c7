/* SPDX-License-Identifier: MIT */
/* Padding that Keras has no option for: written as a layer in front where that is the same, refused where not; what is
 * read again computes the same. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "common/values.h"

enum { SIDE = 11, CHANNELS = 2, BATCH = 2 };

static cnn_context *context;

static void set_up(void) { ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK); }

static void tear_down(void) { cnn_context_free(context); }

/* ---- out and in ---- */

/* A text, and tensors with their values. */
typedef struct written {
    char *text;
    size_t size, count;
    char names[32][64], groups[32][64];
    cnn_shape shapes[32];
    float *values[32];
} written;

static cnn_status append(void *user, const void *data, size_t size)
{
    written *w = user;
    w->text = realloc(w->text, w->size + size + 1);
    memcpy(w->text + w->size, data, size);
    w->size += size;
    w->text[w->size] = '\0';
    return CNN_OK;
}

static cnn_status keep(void *user, const cnn_weight *weight, const float *values)
{
    written *w = user;
    const size_t size = test_shape_values(weight->shape) * sizeof(float);
    ck_assert_uint_lt(w->count, 32);
    snprintf(w->names[w->count], 64, "%s", weight->name);
    snprintf(w->groups[w->count], 64, "%s", weight->group);
    w->shapes[w->count] = weight->shape;
    w->values[w->count] = malloc(size);
    memcpy(w->values[w->count++], values, size);
    return CNN_OK;
}

static cnn_status give(void *user, uint64_t id, float *values)
{
    const written *w = user;
    memcpy(values, w->values[id], test_shape_values(w->shapes[id]) * sizeof(float));
    return CNN_OK;
}

static cnn_model *read_again(written *w)
{
    cnn_model *model = NULL;
    cnn_weights *weights = NULL;
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    ck_assert_int_eq(
        cnn_weights_create(context, CNN_WEIGHTS(.layout = CNN_WEIGHTS_KERAS, .read = give, .user = w), &weights),
        CNN_OK);
    for (size_t i = 0; i < w->count; i++) {
        const cnn_weight weight = {sizeof(weight), w->names[i], w->groups[i], "F32", w->shapes[i]};
        ck_assert_int_eq(cnn_weights_add(weights, &weight, i), CNN_OK);
    }
    ck_assert_msg(cnn_keras_load(context, "again", w->text, w->size, weights, NULL, &report, &model) == CNN_OK,
                  "%s: %s", cnn_last_error(context), w->text);
    ck_assert_uint_eq(report.missing + report.unused, 0);
    cnn_weights_free(weights);
    return model;
}

static void run(cnn_model *model, const float *input, float *output, size_t room)
{
    cnn_session *session = NULL;
    const size_t count = BATCH * test_shape_values(cnn_model_output_shape(model));
    ck_assert_uint_le(count, room);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, input, BATCH), CNN_OK);
    memcpy(output, cnn_session_output(session), count * sizeof(float));
    cnn_session_free(session);
}

static void expect_same(cnn_model *model, cnn_model *again)
{
    enum { ROOM = BATCH * 64 * SIDE * SIDE };
    static float input[BATCH * SIDE * SIDE * CHANNELS], first[ROOM], second[ROOM];
    for (size_t i = 0; i < sizeof(input) / sizeof(input[0]); i++) {
        input[i] = (float)test_number(1, i);
    }
    const cnn_shape one = cnn_model_output_shape(model), other = cnn_model_output_shape(again);
    ck_assert(one.rank == other.rank && memcmp(one.dims, other.dims, one.rank * sizeof(one.dims[0])) == 0);
    run(model, input, first, ROOM);
    run(again, input, second, ROOM);
    for (size_t i = 0; i < BATCH * test_shape_values(one); i++) {
        ck_assert_float_eq_tol(first[i], second[i], 1e-6F);
    }
}

/* ---- networks ---- */

/* What a case has behind its input: a layer, and before it an activation or none. */
typedef struct border_case {
    int32_t activation; /* 0: none */
    int32_t kind;
    cnn_pool2d_options pool;
    int borders;         /* layers ZeroPadding2D */
    const char *refused; /* what the message says; NULL: it is written */
} border_case;

enum { MAXIMUM, MEAN, CONVOLUTION, TRANSPOSED, ONE_PLACE, LARGEST };

static const border_case cases[] = {
    {0, MAXIMUM, {.size = {2}, .padding = CNN_PADDING_EXPLICIT}, 0, NULL},
    {0, MAXIMUM, {.size = {3}, .stride = {2}, .pads = {1, 1, 1, 1}}, 0, "that may be negative"},
    {CNN_RELU, MAXIMUM, {.size = {3}, .stride = {2}, .pads = {1, 1, 1, 1}}, 1, NULL},
    {CNN_RELU, MAXIMUM, {.size = {3}, .stride = {4}, .pads = {2, 0, 1, 2}}, 1, NULL},
    {CNN_SIGMOID, MAXIMUM, {.size = {3}, .stride = {3}, .ceil = 1}, 1, NULL},
    {CNN_TANH, MAXIMUM, {.size = {3}, .stride = {3}, .ceil = 1}, 1, "that may be negative"},
    {0, MAXIMUM, {.size = {3}, .stride = {2}, .ceil = 1}, 0, NULL}, /* (11 - 3) / 2 is whole */
    {CNN_RELU, MAXIMUM, {.size = {3}, .stride = {1}, .dilation = {2}}, 0, "dilation"},
    {0, MEAN, {.size = {3}, .stride = {2}, .pads = {1, 1, 1, 1}, .count_include_pad = 1}, 1, NULL},
    {0, MEAN, {.size = {3}, .stride = {2}, .pads = {1, 1, 1, 1}}, 0, "mean leaves out"},
    {0, MEAN, {.size = {3}, .stride = {3}, .ceil = 1, .count_include_pad = 1}, 0, "mean leaves out"},
    {0, MEAN, {.size = {2}, .count_include_pad = 1}, 0, NULL},
    {0, CONVOLUTION, {.size = {3}, .stride = {2}, .pads = {1, 0, 2, 1}}, 1, NULL},
    {0, CONVOLUTION, {.size = {1}, .padding = CNN_PADDING_EXPLICIT}, 0, NULL},
    {0, TRANSPOSED, {.size = {3}, .stride = {2}}, 0, NULL},
    {0, TRANSPOSED, {.size = {3}, .stride = {2}, .padding = CNN_PADDING_SAME}, 0, NULL},
    {0, TRANSPOSED, {.size = {2}, .stride = {3}, .padding = CNN_PADDING_VALID}, 0, NULL},
    {0, TRANSPOSED, {.size = {2}, .stride = {3}}, 0, "padding of its own"}, /* Keras has a row and a column more */
    {0, TRANSPOSED, {.size = {3}, .stride = {2}, .pads = {1, 1, 1, 1}}, 0, "padding of its own"},
    {0, ONE_PLACE, {.size = {1}}, 0, NULL},
    {0, LARGEST, {.size = {1, 1}}, 0, NULL},
    {0, ONE_PLACE, {.size = {2}}, 0, "a size other than 1 x 1"},
};

static cnn_layer *make_layer(const border_case *c)
{
    const cnn_pool2d_options *p = &c->pool;
    cnn_pool2d_options pool = *p;
    pool.struct_size = sizeof(pool);
    switch (c->kind) {
    case MAXIMUM:
        return cnn_max_pool2d(context, &pool);
    case MEAN:
        return cnn_average_pool2d(context, &pool);
    case CONVOLUTION:
        return cnn_conv2d(context,
                          CNN_CONV2D(.filters = 3, .kernel = {p->size[0]}, .stride = {p->stride[0]},
                                     .padding = p->padding, .pads = {p->pads[0], p->pads[1], p->pads[2], p->pads[3]}));
    case TRANSPOSED:
        return cnn_conv2d_transpose(context,
                                    CNN_CONV2D_TRANSPOSE(.filters = 3, .kernel = {p->size[0]}, .stride = {p->stride[0]},
                                                         .padding = p->padding,
                                                         .pads = {p->pads[0], p->pads[1], p->pads[2], p->pads[3]}));
    case ONE_PLACE:
        return cnn_adaptive_average_pool2d(context, CNN_ADAPTIVE_POOL2D(.size = {p->size[0], p->size[0]}));
    default:
        return cnn_adaptive_max_pool2d(context, CNN_ADAPTIVE_POOL2D(.size = {p->size[0], p->size[0]}));
    }
}

static int count_text(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static void expect_written(cnn_model *model, int borders)
{
    written *w = calloc(1, sizeof(*w));
    ck_assert_msg(cnn_keras_config(model, append, w) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_model_export(model, CNN_WEIGHTS_KERAS, keep, w), CNN_OK);
    ck_assert_int_eq(count_text(w->text, "\"class_name\":\"ZeroPadding"), borders);
    ck_assert_ptr_null(strstr(w->text, "output_padding")); /* (0, 0) is not what None is to Keras */
    cnn_model *again = read_again(w);
    expect_same(model, again);
    cnn_model_free(again);
    for (size_t i = 0; i < w->count; i++) {
        free(w->values[i]);
    }
    free(w->text);
    free(w);
}

START_TEST(test_border)
{
    const border_case *c = &cases[_i];
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
    if (c->activation != 0) {
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = c->activation)));
    }
    cnn_model_add(model, make_layer(c));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    if (c->refused == NULL) {
        expect_written(model, c->borders);
    } else {
        written w = {0};
        ck_assert_int_eq(cnn_keras_config(model, append, &w), CNN_ERROR_UNSUPPORTED);
        ck_assert_msg(strstr(cnn_last_error(context), c->refused) != NULL, "%s", cnn_last_error(context));
        free(w.text);
    }
    cnn_model_free(model);
}
END_TEST

/* A layer that is applied to several values has its border in front of each. */
START_TEST(test_shared)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "same", .filters = CHANNELS, .pads = {1, 1, 1, 1},
                                                        .activation = CNN_RELU)));
    cnn_model_apply(model, "same", "twice", (const char *[]){"same"}, 1);
    cnn_model_apply(model, "same", "thrice", (const char *[]){"twice"}, 1);
    cnn_model_add(
        model, cnn_max_pool2d(context, CNN_POOL2D(.name = "pool", .size = {3}, .stride = {1}, .pads = {1, 1, 1, 1})));
    cnn_model_apply(model, "pool", "again", (const char *[]){"same"}, 1);
    cnn_model_add_after(model, cnn_add(context, NULL), (const char *[]){"pool", "again"}, 2);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    expect_written(model, 2);
    cnn_model_free(model);
}
END_TEST

/* A border has a name that no layer has. */
START_TEST(test_names)
{
    cnn_model *model = NULL;
    written w = {0};
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "conv_pad", .activation = CNN_RELU)));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "conv", .filters = 3, .pads = {1, 0, 2, 1})));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    expect_written(model, 1);
    ck_assert_int_eq(cnn_keras_config(model, append, &w), CNN_OK);
    ck_assert_msg(strstr(w.text, "\"name\":\"conv_pad_2\"") != NULL, "%s", w.text);
    free(w.text);
    cnn_model_free(model);
}
END_TEST

/* ---- sequences and volumes ---- */

static void expect_layers(const cnn_shape *input, cnn_layer *const *layers, size_t count, int borders, const char *says)
{
    cnn_model *model = NULL;
    written w = {0};
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.shape = *input), &model), CNN_OK);
    for (size_t i = 0; i < count; i++) {
        cnn_model_add(model, layers[i]);
    }
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    expect_written(model, borders);
    ck_assert_int_eq(cnn_keras_config(model, append, &w), CNN_OK);
    ck_assert_msg(strstr(w.text, says) != NULL, "%s", w.text);
    free(w.text);
    cnn_model_free(model);
}

START_TEST(test_sequence)
{
    cnn_layer *const layers[] = {
        cnn_zero_pad1d(context, CNN_ZERO_PAD1D(.pads = {2, 3})),
        cnn_conv1d(context,
                   CNN_CONV1D(.filters = 3, .kernel = 2, .dilation = 2, .pads = {2, 0}, .activation = CNN_RELU)),
        cnn_max_pool1d(context, CNN_POOL1D(.size = 3, .stride = 2, .pads = {1, 1})),
        cnn_dropout(context, CNN_DROPOUT(.rate = 0.5F, .channels = 1)),
        cnn_average_pool1d(context, CNN_POOL1D(.size = 3, .stride = 2, .pads = {1, 0}, .count_include_pad = 1)),
    };
    expect_layers(&(cnn_shape){2, 0, {SIDE * SIDE, CHANNELS}}, layers, 5, 4, "\"padding\":[2,3]");
}
END_TEST

START_TEST(test_volume)
{
    cnn_layer *const layers[] = {
        cnn_zero_pad3d(context, CNN_ZERO_PAD3D(.pads = {1, 0, 0, 2, 1, 1})),
        cnn_conv3d(context,
                   CNN_CONV3D(.filters = 3, .kernel = {1, 2, 3}, .pads = {0, 0, 1, 0, 1, 1}, .activation = CNN_RELU)),
        cnn_dropout(context, CNN_DROPOUT(.rate = 0.5F, .channels = 1)),
        cnn_max_pool3d(context, CNN_POOL3D(.size = {2}, .stride = {2}, .ceil = 1)),
    };
    expect_layers(&(cnn_shape){4, 0, {1, SIDE, SIDE, CHANNELS}}, layers, 4, 3, "\"padding\":[[1,0],[0,2],[1,1]]");
}
END_TEST

/* Spatial dropout has another name for each number of dimensions, and is plain dropout of vectors. */
START_TEST(test_dropout)
{
    static const cnn_shape shapes[] = {
        {1, 0, {SIDE}}, {2, 0, {SIDE, SIDE}}, {3, 0, {SIDE, SIDE, CHANNELS}}, {4, 0, {1, SIDE, SIDE, CHANNELS}}};
    static const char *const names[] = {"\"Dropout\"", "\"SpatialDropout1D\"", "\"SpatialDropout2D\"",
                                        "\"SpatialDropout3D\""};
    cnn_layer *const layer = cnn_dropout(context, CNN_DROPOUT(.rate = 0.5F, .channels = 1));
    expect_layers(&shapes[_i], &layer, 1, 0, names[_i]);
}
END_TEST

/* What Keras writes: numbers alone, for each side, or for both ends of it; and padding of the past. */
START_TEST(test_keras_forms)
{
    static const struct {
        const char *layer;
        int64_t shape[4], output[3];
    } forms[] = {
        {"\"ZeroPadding1D\",\"config\":{\"name\":\"z\",\"padding\":2", {5, 2}, {9, 2}},
        {"\"ZeroPadding1D\",\"config\":{\"name\":\"z\",\"padding\":[0,3]", {5, 2}, {8, 2}},
        {"\"ZeroPadding3D\",\"config\":{\"name\":\"z\",\"padding\":1", {1, 2, 3, 1}, {3, 4, 5}},
        {"\"ZeroPadding3D\",\"config\":{\"name\":\"z\",\"padding\":[0,1,2]", {1, 2, 3, 1}, {1, 4, 7}},
        {"\"ZeroPadding3D\",\"config\":{\"name\":\"z\",\"padding\":[[0,1],[1,0],[2,2]]", {1, 2, 3, 1}, {2, 3, 7}},
        {"\"Conv1D\",\"config\":{\"name\":\"z\",\"filters\":4,\"kernel_size\":[3],\"dilation_rate\":[2],\"padding\":"
         "\"causal\"",
         {5, 2},
         {5, 4}},
        {"\"Conv1D\",\"config\":{\"name\":\"z\",\"filters\":4,\"kernel_size\":3,\"strides\":2,\"padding\":\"causal\"",
         {5, 2},
         {3, 4}},
    };
    char text[600], shape[64];
    cnn_model *model = NULL;
    const int64_t *d = forms[_i].shape;
    snprintf(shape, sizeof(shape), d[2] > 0 ? "[null,%d,%d,%d,%d]" : "[null,%d,%d]", (int)d[0], (int)d[1], (int)d[2],
             (int)d[3]);
    snprintf(text, sizeof(text),
             "{\"class_name\":\"Sequential\",\"config\":{\"layers\":[{\"class_name\":\"InputLayer\",\"config\":{"
             "\"name\":\"i\",\"batch_input_shape\":%s}},{\"class_name\":%s}}]}}",
             shape, forms[_i].layer);
    ck_assert_msg(cnn_keras_load(context, "forms", text, strlen(text), NULL, NULL, NULL, &model) == CNN_OK, "%s: %s",
                  cnn_last_error(context), text);
    const cnn_shape output = cnn_model_output_shape(model);
    for (uint32_t i = 0; i < (d[2] > 0 ? 3U : 2U); i++) {
        ck_assert_int_eq(output.dims[i], forms[_i].output[i]);
    }
    cnn_model_free(model);
}
END_TEST

/* Where values may be negative for one of the applications, or windows reach beyond by another number. */
START_TEST(test_shared_otherwise)
{
    const bool sizes = _i == 1;
    cnn_model *model = NULL;
    written w = {0};
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "relu", .activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.name = "pool", .size = {3}, .stride = {3}, .ceil = 1)));
    cnn_model_apply(model, "pool", "again", (const char *[]){sizes ? "pool" : "input"}, 1);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_keras_config(model, append, &w), CNN_ERROR_UNSUPPORTED);
    ck_assert_msg(strstr(cnn_last_error(context), sizes ? "another padding for each" : "that may be negative") != NULL,
                  "%s", cnn_last_error(context));
    free(w.text);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exchange/keras_borders");
    TCase *tcase = tcase_create("keras_borders");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_border, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_test(tcase, test_shared);
    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_sequence);
    tcase_add_test(tcase, test_volume);
    tcase_add_loop_test(tcase, test_dropout, 0, 4);
    tcase_add_loop_test(tcase, test_keras_forms, 0, 7);
    tcase_add_loop_test(tcase, test_shared_otherwise, 0, 2);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
