/* SPDX-License-Identifier: MIT */
/* The numbers by which torchvision names the modules of VGG, at each of its depths: written, and read back; other
 * networks with layers of such names keep these. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"

#include <cnn/cnn.h>

static cnn_context *context;

/* Configurations A, B, D and E, and what their convolutions are in torchvision's vgg11, vgg13, vgg16 and vgg19. */
static const struct {
    int depths[5], numbers[16];
} networks[] = {
    {{1, 1, 2, 2, 2}, {0, 3, 6, 8, 11, 13, 16, 18}},
    {{2, 2, 2, 2, 2}, {0, 2, 5, 7, 10, 12, 15, 17, 20, 22}},
    {{2, 2, 3, 3, 3}, {0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28}},
    {{2, 2, 4, 4, 4}, {0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34}},
};

/* A VGG of one filter everywhere; `convolutions` false: its dense layers alone. */
static cnn_model *make_vgg(const int depths[5], bool convolutions)
{
    static const char *const names[] = {"fc1", "fc2", "predictions"};
    cnn_model *model = NULL;
    char name[32];
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "vgg", .input = {32, 32, 1}), &model), CNN_OK);
    for (int block = 0; block < 5 && convolutions; block++) {
        for (int i = 0; i < depths[block]; i++) {
            snprintf(name, sizeof(name), "block%d_conv%d", block + 1, i + 1);
            cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = name, .filters = 1, .padding = CNN_PADDING_SAME,
                                                                .bias_init = {CNN_INIT_NORMAL, 1})));
        }
        cnn_model_add(model, cnn_max_pool2d(context, NULL));
    }
    cnn_model_add(model, cnn_flatten(context, NULL));
    for (int i = 0; i < 3; i++) {
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = names[i], .units = 1)));
    }
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    return model;
}

/* What was written: names, and values in turn. */
typedef struct written {
    char names[64][64];
    float values[64][1024];
    size_t count;
} written;

static cnn_status note(void *user, const cnn_weight *weight, const float *values)
{
    written *w = user;
    size_t count = 1;
    for (uint32_t d = 0; d < weight->shape.rank; d++) {
        count *= (size_t)weight->shape.dims[d];
    }
    ck_assert(w->count < 64 && count <= 1024);
    snprintf(w->names[w->count], sizeof(w->names[0]), "%s", weight->name);
    memcpy(w->values[w->count++], values, count * sizeof(float));
    return CNN_OK;
}

static cnn_status give(void *user, uint64_t id, float *values)
{
    const written *w = user;
    memcpy(values, w->values[id], (strstr(w->names[id], "features") != NULL ? 9 : 1) * sizeof(float));
    return CNN_OK;
}

static void expect_names(const written *w, const int *numbers, int convolutions)
{
    char name[64];
    ck_assert_uint_eq(w->count, (size_t)(2 * (convolutions + 3)));
    for (int i = 0; i < convolutions + 3; i++) {
        const bool dense = i >= convolutions;
        snprintf(name, sizeof(name), "%s.%d.weight", dense ? "classifier" : "features",
                 dense ? 3 * (i - convolutions) : numbers[i]);
        ck_assert_str_eq(w->names[2 * i], name);
    }
}

/* The tensors, last ones first, fill a fresh network; `outer`: one that has it as a layer. */
static void expect_read(cnn_model *source, written *w, bool outer, const int depths[5])
{
    cnn_model *model = make_vgg(depths, true), *whole = NULL;
    cnn_weights *weights = NULL;
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    if (outer) {
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {32, 32, 1}), &whole), CNN_OK);
        cnn_model_add(whole, cnn_model_as_layer(context, model, "inner"));
        ck_assert_int_eq(cnn_model_build(whole), CNN_OK);
    }
    ck_assert_int_eq(
        cnn_weights_create(context, CNN_WEIGHTS(.name = "vgg", .layout = CNN_WEIGHTS_PYTORCH, .read = give, .user = w),
                           &weights),
        CNN_OK);
    for (size_t i = w->count; i-- > 0;) {
        cnn_weight weight = {.struct_size = sizeof(weight), .name = w->names[i], .type = "F32"};
        const bool kernel = strstr(w->names[i], ".weight") != NULL;
        const bool dense = strstr(w->names[i], "classifier") != NULL;
        weight.shape = !kernel ? (cnn_shape){.rank = 1, .dims = {1}}
                       : dense ? (cnn_shape){.rank = 2, .dims = {1, 1}}
                               : (cnn_shape){.rank = 4, .dims = {1, 1, 3, 3}};
        ck_assert_int_eq(cnn_weights_add(weights, &weight, i), CNN_OK);
    }
    ck_assert_msg(cnn_model_import(outer ? whole : model, weights, NULL, &report) == CNN_OK, "%s",
                  cnn_last_error(context));
    ck_assert_uint_eq(report.loaded, w->count);
    for (size_t i = 0; i < w->count; i++) {
        cnn_parameter from = CNN_PARAMETER_INIT, to = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(source, i, &from), CNN_OK);
        ck_assert_int_eq(cnn_model_parameter(model, i, &to), CNN_OK);
        ck_assert_mem_eq(from.value.data, to.value.data, (from.value.shape.rank == 4 ? 9 : 1) * sizeof(float));
    }
    cnn_weights_free(weights);
    cnn_model_free(whole);
    cnn_model_free(model);
}

START_TEST(test_vgg)
{
    written *w = calloc(1, sizeof(*w));
    int convolutions = 0;
    for (int block = 0; block < 5; block++) {
        convolutions += networks[_i].depths[block];
    }
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    cnn_model *model = make_vgg(networks[_i].depths, true);
    ck_assert_int_eq(cnn_model_export(model, CNN_WEIGHTS_PYTORCH, note, w), CNN_OK);
    expect_names(w, networks[_i].numbers, convolutions);
    expect_read(model, w, false, networks[_i].depths);
    expect_read(model, w, true, networks[_i].depths);
    cnn_model_free(model);
    cnn_context_free(context);
    free(w);
}
END_TEST

/* A layer "predictions" or "fc1" of another network is no module of VGG. */
START_TEST(test_others)
{
    static const char *const names[] = {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "predictions.weight"};
    written *w = calloc(1, sizeof(*w));
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    cnn_model *model = make_vgg(NULL, false);
    ck_assert_int_eq(cnn_model_export(model, CNN_WEIGHTS_PYTORCH, note, w), CNN_OK);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_str_eq(w->names[i], names[i]);
    }
    cnn_model_free(model);
    cnn_context_free(context);
    free(w);
}
END_TEST

/* Tensors that are no parameters of any layer do not take a layer's place where layers are taken in order. */
START_TEST(test_strangers)
{
    static const char *const names[] = {"anchors", "0.weight", "0.bias",   "mask.table", "1.weight",
                                        "1.bias",  "steps",    "2.weight", "2.bias"};
    written *w = calloc(1, sizeof(*w));
    cnn_weights *weights = NULL;
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    cnn_model *model = make_vgg(NULL, false);
    ck_assert_int_eq(
        cnn_weights_create(context, CNN_WEIGHTS(.layout = CNN_WEIGHTS_PYTORCH, .read = give, .user = w), &weights),
        CNN_OK);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const bool vector = strstr(names[i], "bias") != NULL;
        const int64_t inputs = strcmp(names[i], "0.weight") == 0 ? 1024 : 1;
        const cnn_weight weight = {
            sizeof(weight), names[i], NULL, "F32", {vector ? 1 : 2, 0, {1, vector ? 0 : inputs}}};
        ck_assert_int_eq(cnn_weights_add(weights, &weight, i), CNN_OK);
    }
    ck_assert_msg(cnn_model_import(model, weights, NULL, &report) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_uint_eq(report.loaded, 6);
    ck_assert_uint_eq(report.unused, 3);
    cnn_weights_free(weights);
    cnn_model_free(model);
    cnn_context_free(context);
    free(w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exchange/torch_names");
    TCase *tcase = tcase_create("torch_names");
    tcase_add_loop_test(tcase, test_vgg, 0, (int)(sizeof(networks) / sizeof(networks[0])));
    tcase_add_test(tcase, test_others);
    tcase_add_test(tcase, test_strangers);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
