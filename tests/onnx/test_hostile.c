/* SPDX-License-Identifier: MIT */
/* Files that are wrong or unsupported: each gives its status and a message that names the node. */
#include <check.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "onnx/graphs.h"

/* Loads the file, which has to fail, and looks for a text in the message. */
static void refuse(file *f, cnn_status expected, const char *text)
{
    cnn__string bytes;
    cnn_model *model = NULL;
    encode(f, &bytes);
    const cnn_status status = cnn_model_load_onnx_memory(context, "bad.onnx", bytes.data, bytes.size, NULL, &model);
    const char *message = cnn_last_error(context);
    ck_assert_msg(status == expected, "%s: status %d: %s", text, status, status != CNN_OK ? message : "loaded");
    ck_assert_ptr_null(model);
    ck_assert_msg(strstr(message, text) != NULL && strncmp(message, "bad.onnx: ", 10) == 0, "%s: %s", text, message);
    cnn__string_free(&bytes);
}

START_TEST(test_lists_unsupported)
{
    file f = {0};
    add_node(&f, "Relu", "x", NULL, "a");
    add_node(&f, "LSTM", "a", NULL, "recurrent");
    add_node(&f, "Relu", "recurrent", NULL, "b");
    add_node(&f, "Softsign", "a", NULL, "sign");
    refuse(&f, CNN_ERROR_UNSUPPORTED, "2 of its nodes are not supported: LSTM \"recurrent\", Softsign \"sign\"");
    f = (file){0};
    add_node(&f, "Relu", "x", NULL, "a")->domain = "com.example";
    refuse(&f, CNN_ERROR_UNSUPPORTED, "Relu \"a\"");
}
END_TEST

START_TEST(test_graphs)
{
    file f = {0};
    add_node(&f, "Relu", "b", NULL, "a");
    add_node(&f, "Relu", "a", NULL, "b");
    refuse(&f, CNN_ERROR_FORMAT, "node \"a\" (Relu): its input \"b\" is not there");
    f = (file){0};
    add_node(&f, "Relu", "x", NULL, "a");
    add_node(&f, "Relu", "x", NULL, "a");
    refuse(&f, CNN_ERROR_FORMAT, "name of another tensor");
    f = (file){0};
    add_node(&f, "Relu", "x", NULL, "a");
    f.output = "elsewhere";
    refuse(&f, CNN_ERROR_FORMAT, "output \"elsewhere\" is not there");
    f = (file){.opset = 27}; /* one more than the newest that is read */
    add_node(&f, "Relu", "x", NULL, "a");
    refuse(&f, CNN_ERROR_VERSION, "operator set 27; 1 to 26 are read");
    f = (file){.opset = 26}; /* the newest one: what is refused is the operator */
    add_node(&f, "LSTM", "x", NULL, "recurrent");
    refuse(&f, CNN_ERROR_UNSUPPORTED, "LSTM \"recurrent\"");
    f = (file){0};
    add_node(&f, "Relu", "nowhere", NULL, "a");
    refuse(&f, CNN_ERROR_FORMAT, "\"nowhere\"");
}
END_TEST

START_TEST(test_numbers)
{
    int64_t zero[] = {0, 0}, huge[] = {INT64_MAX, 1}, sizes[] = {3, 3, 3}, minus[] = {-1, -1}, one[] = {1, 1};
    file f = {0};
    cnn__onnx_node *node = add_node(&f, "Conv", "x", "w", "conv");
    (void)add_tensor(&f, "w", 4, 4, 2, 3, 3);
    add_int(node, "group", 0);
    refuse(&f, CNN_ERROR_FORMAT, "node \"conv\" (Conv): its group is 0");
    node->attributes.count = 0;
    add_ints(node, "strides", zero, 2);
    refuse(&f, CNN_ERROR_FORMAT, "strides has a 0");
    node->attributes.count = 0;
    add_ints(node, "dilations", huge, 2);
    refuse(&f, CNN_ERROR_LIMIT, "dilations");
    node->attributes.count = 0;
    add_ints(node, "kernel_shape", sizes, 3);
    refuse(&f, CNN_ERROR_FORMAT, "kernel_shape has 3 numbers");
    node->attributes.count = 0;
    add_int(node, "group", 3);
    refuse(&f, CNN_ERROR_SHAPE, "in 3 groups");
    f = (file){0};
    node = add_node(&f, "MaxPool", "x", NULL, "pool");
    refuse(&f, CNN_ERROR_FORMAT, "no kernel_shape");
    add_ints(node, "kernel_shape", minus, 2);
    refuse(&f, CNN_ERROR_FORMAT, "kernel_shape has a -1");
    f = (file){0};
    node = add_node(&f, "Transpose", "x", NULL, "turned");
    add_ints(node, "perm", one, 2);
    refuse(&f, CNN_ERROR_FORMAT, "2 axes");
    f = (file){0};
    node = add_node(&f, "Softmax", "x", NULL, "rows");
    add_int(node, "axis", 7);
    refuse(&f, CNN_ERROR_FORMAT, "axis 7");
}
END_TEST

START_TEST(test_tensors)
{
    int64_t shape[] = {7, 5};
    file f = {0};
    (void)add_node(&f, "Conv", "x", "w", "conv");
    cnn__onnx_tensor *w = add_tensor(&f, "w", 4, 4, 2, 3, 3);
    w->raw.count = 8;
    refuse(&f, CNN_ERROR_FORMAT, "tensor \"w\" has 8 bytes");
    w->raw.count = sizeof(weights);
    w->type = CNN__ONNX_STRING;
    refuse(&f, CNN_ERROR_UNSUPPORTED, "tensor \"w\" is of type 8");
    w->type = CNN__ONNX_FLOAT;
    f.dims[0][0] = INT64_MAX;
    refuse(&f, CNN_ERROR_LIMIT, "overflows");
    f.dims[0][0] = -4;
    refuse(&f, CNN_ERROR_LIMIT, "overflows");
    f = (file){0};
    (void)add_node(&f, "Reshape", "x", "s", "shaped");
    cnn__onnx_tensor *s = add_tensor(&f, "s", 1, 2, 0, 0, 0);
    s->type = CNN__ONNX_INT64;
    s->raw = (cnn__onnx_list){shape, sizeof(shape), 0};
    refuse(&f, CNN_ERROR_SHAPE, "do not fill its shape");
}
END_TEST

/* Numbers of a Resize are as many as its axes, wherever they stand. */
START_TEST(test_resizings)
{
    static float scales[] = {1, 1, 2, 2};
    int64_t axes[64] = {0};
    file f = {.opset = 9};
    cnn__onnx_node *node = add_node(&f, "Upsample", "x", NULL, "large");
    refuse(&f, CNN_ERROR_FORMAT, "node \"large\" (Upsample): it has neither scales nor sizes");
    cnn__onnx_attribute *list = add_int(node, "scales", 0);
    list->type = CNN__ONNX_ATTRIBUTE_FLOATS;
    list->floats = (cnn__onnx_list){scales, 3, 0};
    refuse(&f, CNN_ERROR_FORMAT, "3 numbers for 4 axes");
    list->floats.count = 4;
    add_ints(node, "axes", axes, 64); /* more than there are scales, which would be read behind their end */
    refuse(&f, CNN_ERROR_FORMAT, "4 numbers for 64 axes");
    node->attributes.count = 0;
    f.opset = 13;
    node->type = "Resize";
    f.inputs[0][1] = "";
    f.inputs[0][2] = "s";
    node->inputs.count = 3;
    cnn__onnx_tensor *s = add_tensor(&f, "s", 1, 4, 0, 0, 0);
    s->raw = (cnn__onnx_list){scales, sizeof(scales), 0};
    add_ints(node, "axes", axes, 64);
    refuse(&f, CNN_ERROR_FORMAT, "4 numbers for 64 axes");
    node->attributes.count = 0;
    scales[2] = 0;
    refuse(&f, CNN_ERROR_FORMAT, "a size or scale of 0");
    scales[2] = 2;
}
END_TEST

/* Constants hold every int64_t, the largest too, by which exporters say that a Slice goes to the end. */
START_TEST(test_wholes)
{
    static int64_t most[] = {INT64_MAX}, one[] = {1}, last[] = {3};
    cnn_model *model = NULL;
    cnn__string bytes;
    file f = {0};
    cnn__onnx_tensor *count = add_tensor(&f, "one", 1, 1, 0, 0, 0), *axis = add_tensor(&f, "axis", 1, 1, 0, 0, 0);
    count->type = axis->type = CNN__ONNX_INT64;
    count->raw = (cnn__onnx_list){one, sizeof(one), 0};
    axis->raw = (cnn__onnx_list){last, sizeof(last), 0};
    cnn__onnx_tensor value = {.type = CNN__ONNX_INT64, .dims = {one, 1, 0}, .raw = {most, sizeof(most), 0}};
    cnn__onnx_node *node = add_node(&f, "ConstantOfShape", "one", NULL, "end");
    cnn__onnx_attribute *a = add_int(node, "value", 0);
    a->type = CNN__ONNX_ATTRIBUTE_TENSOR;
    a->t = &value;
    node = add_node(&f, "Slice", "x", "one", "right");
    f.inputs[1][2] = "end";
    f.inputs[1][3] = "axis";
    node->inputs.count = 4;
    encode(&f, &bytes);
    ck_assert_msg(cnn_model_load_onnx_memory(context, NULL, bytes.data, bytes.size, NULL, &model) == CNN_OK, "%s",
                  cnn_last_error(context));
    const cnn_shape shape = cnn_model_output_shape(model); /* 6, 4, 2: all columns but the first */
    ck_assert_int_eq(shape.dims[1], 4);
    cnn_model_free(model);
    cnn__string_free(&bytes);
}
END_TEST

/* A shape that leaves a size open beside an axis without values says nothing. */
START_TEST(test_open_and_empty)
{
    static int64_t shape[] = {0, -1};
    file f = {0};
    cnn__onnx_tensor *empty = add_tensor(&f, "empty", 2, 0, 3, 0, 0), *s = add_tensor(&f, "s", 1, 2, 0, 0, 0);
    empty->raw.count = 0;
    s->type = CNN__ONNX_INT64;
    s->raw = (cnn__onnx_list){shape, sizeof(shape), 0};
    (void)add_node(&f, "Reshape", "empty", "s", "none");
    (void)add_node(&f, "Add", "x", "none", "sum");
    refuse(&f, CNN_ERROR_SHAPE, "node \"none\" (Reshape): ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("onnx/hostile");
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_test(tests, test_lists_unsupported);
    tcase_add_test(tests, test_graphs);
    tcase_add_test(tests, test_numbers);
    tcase_add_test(tests, test_tensors);
    tcase_add_test(tests, test_resizings);
    tcase_add_test(tests, test_wholes);
    tcase_add_test(tests, test_open_and_empty);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
