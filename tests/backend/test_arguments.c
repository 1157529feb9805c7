/* SPDX-License-Identifier: MIT */
/* Operations asked and run without a layer: what is prepared, and arguments that no backend should see. */
#include <cnn/backend.h>

#include "backend/choice.h"
#include "backend/entries.h"
#include "common/suite.h"

START_TEST(prepared_filters)
{
    const cnn_conv2d_shape shape = {.n = 1,
                                    .in_h = 8,
                                    .in_w = 8,
                                    .in_c = 16,
                                    .out_h = 6,
                                    .out_w = 6,
                                    .out_c = 16,
                                    .kernel_h = 3,
                                    .kernel_w = 3,
                                    .stride_h = 1,
                                    .stride_w = 1,
                                    .dilation_h = 1,
                                    .dilation_w = 1,
                                    .groups = 1};
    cnn_context *context;
    ck_assert_int_eq(choice_create(NULL, NULL, 0, &context), CNN_OK);
    cnn_conv2d_shape many = shape;
    many.n = 64;
    const cnn_op_answer one = conv2d_answer(&context->backend, &shape, 3);
    const cnn_op_answer more = conv2d_answer(&context->backend, &many, 3);
    ck_assert_uint_gt(one.prepared, 0);
    ck_assert_uint_eq(more.prepared, one.prepared);
    ck_assert_uint_eq(more.workspace[CNN_PASS_INFERENCE] + more.prepared, more.workspace[CNN_PASS_FORWARD]);
    cnn_context_free(context);
}
END_TEST

/* What no backend should see. */
START_TEST(arguments_are_checked)
{
    cnn_context *context;
    cnn_op_answer answer;
    cnn_backend_call call;
    float x[4] = {0}, y[4];
    ck_assert_int_eq(choice_create(NULL, NULL, 0, &context), CNN_OK);
    cnn__backend_call_init(&call, context, 0, NULL, 0);
    cnn_activation_args args = {.struct_size = sizeof(args), .n = 4, .x = x, .y = y};
#define REFUSED(op, pass, args) ck_assert_int_eq(cnn_backend_run(&call, op, pass, args), CNN_ERROR_INVALID_ARGUMENT)
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args), CNN_OK);
    REFUSED(CNN_OP_ACTIVATION, CNN_PASS_PREPARE, &args);
    REFUSED(CNN_OP_ACTIVATION, CNN_PASS_BACKWARD, &args); /* no gradients */
    REFUSED(CNN_OP_SOFTMAX, CNN_PASS_FORWARD, &args);     /* a struct of another size */
    REFUSED((cnn_op)1000, CNN_PASS_FORWARD, &args);
    REFUSED(CNN_OP_ACTIVATION, CNN_PASS_FORWARD, NULL);
    ck_assert_int_eq(cnn_backend_run(NULL, CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args), CNN_ERROR_INVALID_ARGUMENT);
    args.n = 0;
    REFUSED(CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args);
    args.n = SIZE_MAX;
    REFUSED(CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args);
    args.n = 4;
    args.activation = CNN_SOFTMAX;
    REFUSED(CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args);
    args.activation = CNN_RELU;
    args.x = NULL;
    REFUSED(CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args);
    const cnn_dense_args large = {.struct_size = sizeof(large), .shape = {.n = 1, .in = INT64_MAX / 2, .out = 1 << 30}};
    ck_assert_int_eq(cnn_backend_query(&context->backend, CNN_OP_DENSE, &large, 1, &answer),
                     CNN_ERROR_INVALID_ARGUMENT);
    const cnn_concat_args none = {.struct_size = sizeof(none), .rows = 1};
    REFUSED(CNN_OP_CONCAT, CNN_PASS_FORWARD, &none);
    cnn_gemm_args product = {
        .struct_size = sizeof(product), .m = 2, .n = 2, .k = 2, .a = x, .b = x, .c = y, .lda = 1, .ldb = 2, .ldc = 2};
    REFUSED(CNN_OP_GEMM, CNN_PASS_FORWARD, &product); /* rows that overlap */
#undef REFUSED
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backend arguments");
    TCase *tcase = tcase_create("arguments");
    tcase_add_checked_fixture(tcase, choice_setup, choice_setup);
    tcase_add_test(tcase, prepared_filters);
    tcase_add_test(tcase, arguments_are_checked);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
