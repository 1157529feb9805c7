/* SPDX-License-Identifier: MIT */
/* New heads: where the old one begins, what the text becomes, and what is refused. */
#include <stdio.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"

static cnn_context *context;

static void set_up(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.seed = 1, .threads = 1), &context), CNN_OK);
}

static void tear_down(void) { cnn_context_free(context); }

/* Networks with heads of several kinds. */
static cnn_model *make_base(int kind)
{
    cnn_model *model = NULL;
    cnn_model_create(context, CNN_MODEL(.input = {8, 8, 3}), &model);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "conv", .filters = 4, .activation = CNN_RELU)));
    if (kind == 4) { /* ends in a sum, as residual networks without a top */
        cnn_model_add_after(model, cnn_add(context, CNN_NAMED(.name = "sum")), (const char *const[]){"conv", "conv"},
                            2);
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "last", .activation = CNN_RELU)));
    } else if (kind != 5) {
        cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.name = "pool")));
    }
    if (kind == 0) {
        cnn_model_add(model, cnn_flatten(context, CNN_NAMED(.name = "flat")));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "fc1", .units = 6, .activation = CNN_RELU)));
        cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.5f)));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "fc2", .units = 5)));
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_SOFTMAX)));
    } else if (kind == 1) {
        cnn_model_add(model, cnn_global_average_pool2d(context, CNN_NAMED(.name = "gap")));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 5, .activation = CNN_SOFTMAX)));
    } else if (kind == 3) { /* no dense layer: a classifier of convolutions */
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "classes", .filters = 5, .kernel = {1})));
        cnn_model_add(model, cnn_global_average_pool2d(context, CNN_NAMED(.name = "gap")));
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_SOFTMAX)));
    }
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static const char *const cuts[] = {"flat", "gap", "pool", "gap", "last", "conv"};

START_TEST(the_old_head_is_found)
{
    cnn_model *base = make_base(_i), *model = NULL;
    cnn_parameter before = CNN_PARAMETER_INIT, after = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_set_trainable(base, "*", false), CNN_OK);
    const cnn_status status = cnn_model_replace_head(base, CNN_HEAD(.layers = "dense=7,relu", .classes = 4), &model);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    size_t last = 0;
    while (strncmp(cnn_model_layer_name(model, last), "head_", 5) != 0) {
        last++;
    }
    ck_assert_str_eq(cnn_model_layer_name(model, last - 1), cuts[_i]);
    ck_assert_int_eq(cnn_model_output_shape(model).dims[0], 4);
    ck_assert_str_eq(cnn_model_frozen_layer(model), _i <= 1 || _i == 3 ? cuts[_i] : "head_flatten");
    /* The base's parameters are one with those of the model that lends them. */
    ck_assert_int_eq(cnn_model_find_parameter(base, "conv/kernel", &before), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(model, "conv/kernel", &after), CNN_OK);
    ck_assert_ptr_eq(before.value.data, after.value.data);
    ck_assert_int_eq(after.trainable, 0);
    cnn_model_free(base);
    /* And once more: a head is a head. */
    cnn_model *again = NULL;
    ck_assert_int_eq(cnn_model_replace_head(model, CNN_HEAD(.classes = 9), &again), CNN_OK);
    ck_assert_int_eq(cnn_model_output_shape(again).dims[0], 9);
    ck_assert_uint_le(cnn_model_layer_count(again), cnn_model_layer_count(model));
    cnn_model_free(again);
    cnn_model_free(model);
}
END_TEST

/* Layers with their kinds, "head_dense Dense 7;" each. */
static void describe(const cnn_model *model, char *text, size_t size)
{
    *text = '\0';
    for (size_t i = 0; i < cnn_model_layer_count(model); i++) {
        if (strncmp(cnn_model_layer_name(model, i), "head_", 5) == 0) {
            const size_t used = strlen(text);
            snprintf(text + used, size - used, "%s:%lld ", cnn_model_layer_name(model, i) + 5,
                     (long long)cnn_model_layer_shape(model, i).dims[0]);
        }
    }
}

static const struct {
    const char *text;
    uint32_t classes;
    const char *made;
} texts[] = {
    {NULL, 3, "flatten:36 output:3 "},
    {"", 2, "flatten:36 output:1 "},
    {"output", 2, "flatten:36 output:1 "},
    {"dense=4,output", 3, "flatten:36 dense:4 output:3 "},
    {"dense=256,relu,dropout=0.5", 2, "flatten:36 dense:256 dropout:256 output:1 "},
    {"gap,batchnorm,dense=8,tanh,dense=8,relu", 5, "gap:4 batchnorm:4 dense:8 dense_2:8 output:5 "},
    {"flatten,dropout=0.25", 4, "flatten:36 dropout:36 output:4 "},
    {"dense=2,softmax", 2, "flatten:36 dense:2 "},
    {"dense=2", 2, "flatten:36 dense:2 activation:2 "},
    {"dense=1", 2, "flatten:36 dense:1 activation:1 "},
    {"dense=1,sigmoid", 2, "flatten:36 dense:1 "},
    {"dense=5,log_softmax", 0, "flatten:36 dense:5 "},
    {"relu,gap,dense=3", 3, "activation:3 gap:4 dense:3 activation_2:3 "},
};

START_TEST(a_text_becomes_layers)
{
    char made[256];
    cnn_model *base = make_base(2), *model = NULL;
    const cnn_status status = cnn_model_replace_head(
        base, CNN_HEAD(.layers = texts[_i].text, .classes = texts[_i].classes), &model);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    describe(model, made, sizeof(made));
    ck_assert_str_eq(made, texts[_i].made);
    cnn_model_free(model);
    cnn_model_free(base);
}
END_TEST

static const struct {
    const char *text, *cut;
    uint32_t classes;
    const char *said;
} refusals[] = {
    {"dense", NULL, 2, "need a number"},
    {"dense=", NULL, 2, "a number from 1"},
    {"dense=0", NULL, 2, "a number from 1"},
    {"dense=2.5", NULL, 2, "whole number"},
    {"dense=3x", NULL, 2, "a number from 1"},
    {"dropout=1", NULL, 2, "a share from 0"},
    {"flatten=3", NULL, 2, "only dense and dropout"},
    {"dense=8,rellu", NULL, 2,
     "there is no \"rellu\"; there are dense=X, dropout=X, batchnorm, flatten, gap, output, linear"},
    {"dense=8,,relu", NULL, 2, "there is no \"\""},
    {"output,dense=8", NULL, 2, "output is the end"},
    {"dense=8,", NULL, 2, "ends in a comma"},
    {"flatten,gap", NULL, 2, "gap is for images"},
    {"dense=3,softmax", NULL, 4, "as many as there are classes"},
    {"softmax", NULL, 4, "of no dense layer"},
    {"dense=3", NULL, 0, "how many classes"},
    {"dense=3", "nowhere", 2, "no layer \"nowhere\""},
    {"dense=3", "input", 2, "no layer \"input\""},
};

START_TEST(what_is_no_head_is_refused)
{
    cnn_model *base = make_base(2), *model = base;
    const cnn_status status = cnn_model_replace_head(
        base, CNN_HEAD(.layers = refusals[_i].text, .cut = refusals[_i].cut, .classes = refusals[_i].classes), &model);
    ck_assert_int_eq(status, refusals[_i].cut != NULL ? CNN_ERROR_NOT_FOUND : CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(model);
    ck_assert_msg(strstr(cnn_last_error(context), refusals[_i].said) != NULL, "%s", cnn_last_error(context));
    cnn_model_free(base);
}
END_TEST

/* Dense layers alone: there is no base to be told from a head. */
START_TEST(a_cut_has_to_be_said_where_none_is_found)
{
    cnn_model *base = NULL, *model = NULL;
    cnn_model_create(context, CNN_MODEL(.input = {6}), &base);
    ck_assert_int_eq(cnn_model_replace_head(base, CNN_HEAD(.classes = 2), &model), CNN_ERROR_STATE);
    cnn_model_add(base, cnn_dense(context, CNN_DENSE(.name = "a", .units = 5, .activation = CNN_RELU)));
    cnn_model_add(base, cnn_dense(context, CNN_DENSE(.name = "b", .units = 2)));
    ck_assert_int_eq(cnn_model_build(base), CNN_OK);
    ck_assert_int_eq(cnn_model_replace_head(base, CNN_HEAD(.classes = 2), &model), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_replace_head(base, CNN_HEAD(.cut = "a", .classes = 2), &model), CNN_OK);
    ck_assert_int_eq(cnn_model_output_shape(model).dims[0], 1);
    ck_assert_int_eq(cnn_model_replace_head(base, CNN_HEAD(.cut = "a", .classes = 2), NULL),
                     CNN_ERROR_INVALID_ARGUMENT);
    cnn_model_free(model);
    cnn_model_free(base);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heads");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, the_old_head_is_found, 0, 6);
    tcase_add_loop_test(cases, a_text_becomes_layers, 0, sizeof(texts) / sizeof(texts[0]));
    tcase_add_loop_test(cases, what_is_no_head_is_refused, 0, sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_test(cases, a_cut_has_to_be_said_where_none_is_found);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
