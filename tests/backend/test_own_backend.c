/* SPDX-License-Identifier: MIT */
/* The caller's own backends: what they take over, what is refused in their structs, and those of other versions. */
#include <cnn/backend.h>
#include <string.h>

#include "backend/choice.h"
#include "backend/entries.h"
#include "backend/reference/reference.h"
#include "common/suite.h"

static int calls;

static cnn_status own_gemm(const cnn_backend_call *call, const cnn_gemm_args *args)
{
    int *count = call->user;
    (*count)++;
    for (int64_t i = 0; i < args->m * args->n; i++) {
        args->c[i / args->n * args->ldc + i % args->n] = 7;
    }
    return CNN_OK;
}

static cnn_status failing_gemm(const cnn_backend_call *call, const cnn_gemm_args *args)
{
    (void)call;
    (void)args;
    return CNN_ERROR_UNSUPPORTED;
}

static cnn_status own_activation(const cnn_backend_call *call, cnn_pass pass, const cnn_activation_args *args)
{
    (void)pass;
    *(int *)call->user += 1000;
    args->y[0] = 5;
    return CNN_OK;
}

static void *own_allocate(const cnn_backend *backend, size_t size)
{
    (void)backend;
    (void)size;
    return NULL;
}

/* Refuses more than four values. */
static cnn_status own_query(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                            cnn_op_answer *answer)
{
    (void)backend;
    (void)threads;
    answer->workspace[CNN_PASS_FORWARD] = 123;
    return op == CNN_OP_ACTIVATION && ((const cnn_activation_args *)args)->n > 4 ? CNN_ERROR_UNSUPPORTED : CNN_OK;
}

static cnn_backend own_backend(char *name)
{
    const cnn_backend backend = {
        .struct_size = sizeof(cnn_backend), .abi = CNN_BACKEND_ABI, .name = name, .user = &calls, .gemm = own_gemm};
    return backend;
}

/* A dense layer and a convolution under `context`. */
static cnn_status run_layers(cnn_context *context, float *y)
{
    static const float ones[64] = {1, 1, 1, 1, 1, 1, 1, 1};
    const cnn_dense_shape dense = {.n = 1, .in = 4, .out = 4};
    const cnn_conv2d_shape convolution = {.n = 1,
                                          .in_h = 4,
                                          .in_w = 4,
                                          .in_c = 1,
                                          .out_h = 2,
                                          .out_w = 2,
                                          .out_c = 2,
                                          .kernel_h = 3,
                                          .kernel_w = 3,
                                          .stride_h = 1,
                                          .stride_w = 1,
                                          .dilation_h = 1,
                                          .dilation_w = 1,
                                          .groups = 1};
    _Alignas(64) char workspace[1 << 14];
    cnn_backend_call call;
    cnn__backend_call_init(&call, context, 0, workspace, sizeof(workspace));
    ck_assert_uint_le(conv2d_workspace(&context->backend, &convolution, CNN_PASS_FORWARD, 1), sizeof(workspace));
    cnn_status status = run_dense_forward(&call, &dense, ones, ones, NULL, y);
    return status != CNN_OK ? status : run_conv2d_forward(&call, &convolution, ones, ones, NULL, y + 4, NULL);
}

START_TEST(gemm_alone_is_complete)
{
    cnn_context *context;
    char name[] = "mine";
    float y[12] = {0};
    cnn_backend backend = own_backend(name);
    calls = 0;
    ck_assert_int_eq(choice_create("mine", &backend, 1, &context), CNN_OK);
    memset(name, 'x', sizeof(name) - 1); /* struct and name are copied */
    memset(&backend, 0, sizeof(backend));
    ck_assert_str_eq(cnn_context_backend(context), "mine");
    ck_assert_int_eq(run_layers(context, y), CNN_OK);
    ck_assert_int_ge(calls, 2);
    for (int i = 0; i < 12; i++) {
        ck_assert_float_eq(y[i], 7);
    }
    cnn_context_free(context);
}
END_TEST

/* A table is asked first, for each operation and shape, and then the reference. */
START_TEST(refusals_go_to_the_reference)
{
    cnn_context *context;
    char name[] = "mine";
    float x[8] = {-1, 2, 3, 4, 5, 6, 7, 8}, y[8];
    cnn_backend backend = own_backend(name);
    backend.activation = own_activation;
    backend.query = own_query;
    calls = 0;
    ck_assert_int_eq(choice_create("mine", &backend, 1, &context), CNN_OK);
    cnn_backend_call call;
    cnn__backend_call_init(&call, context, 0, NULL, 0);
    cnn_activation_args args = {.struct_size = sizeof(args), .n = 4, .activation = CNN_RELU, .x = x, .y = y};
    cnn_op_answer answer = answer_to(&context->backend, CNN_OP_ACTIVATION, &args, 1);
    ck_assert_ptr_eq(answer.backend, &context->backend);
    ck_assert_uint_eq(answer.workspace[CNN_PASS_FORWARD], 123);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args), CNN_OK);
    ck_assert_int_eq(calls, 1000);
    ck_assert_float_eq(y[0], 5);
    args.n = 8;
    answer = answer_to(&context->backend, CNN_OP_ACTIVATION, &args, 1);
    ck_assert_ptr_eq(answer.backend, &cnn__backend_reference);
    ck_assert_uint_eq(answer.workspace[CNN_PASS_FORWARD], 0); /* nothing is left of the refused answer */
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args), CNN_OK);
    ck_assert_int_eq(calls, 1000);
    ck_assert_float_eq(y[0], 0);
    ck_assert_float_eq(y[7], 8);
    cnn_context_free(context);
}
END_TEST

/* Without a question a table runs every shape without pooling, and prepares nothing. */
START_TEST(tables_without_a_question)
{
    cnn_context *context;
    char name[] = "mine";
    cnn_backend backend = own_backend(name);
    cnn_conv2d_args args = {.struct_size = sizeof(args),
                            .shape = {.n = 1,
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
                                      .groups = 1}};
    backend.conv2d = cnn__backend_reference.conv2d;
    ck_assert_int_eq(choice_create("mine", &backend, 1, &context), CNN_OK);
    cnn_op_answer answer = answer_to(&context->backend, CNN_OP_CONV2D, &args, 1);
    ck_assert_ptr_eq(answer.backend, &context->backend);
    ck_assert_uint_eq(answer.prepared, 0);
    ck_assert_ptr_null(answer.name[CNN_PASS_FORWARD]);
    args.shape.epilogue.pool = 2;
    ck_assert_int_eq(cnn_backend_query(&context->backend, CNN_OP_CONV2D, &args, 1, &answer), CNN_ERROR_UNSUPPORTED);
    cnn_context_free(context);
}
END_TEST

START_TEST(failure_of_gemm_comes_back)
{
    cnn_context *context;
    float y[12];
    char name[] = "failing";
    cnn_backend backend = own_backend(name);
    backend.gemm = failing_gemm;
    ck_assert_int_eq(choice_create("failing", &backend, 1, &context), CNN_OK);
    ck_assert_int_eq(run_layers(context, y), CNN_ERROR_UNSUPPORTED);
    cnn_context_free(context);
}
END_TEST

START_TEST(own_backend_hides_the_built_in)
{
    cnn_context *context;
    char name[] = "reference";
    cnn_backend backend = own_backend(name);
    ck_assert_int_eq(choice_create("reference", &backend, 1, &context), CNN_OK);
    ck_assert_ptr_eq(context->backend.user, &calls);
    cnn_context_free(context);
    choice_is(NULL, &backend, 1, cnn_backend_name(0)); /* being there is not being chosen */
    choice_fails("none", &backend, 1, CNN_ERROR_NOT_FOUND, "reference, ");
}
END_TEST

START_TEST(refused_structs)
{
    char name[] = "mine", empty[] = "";
    cnn_backend backend = own_backend(name);
    backend.abi = CNN_BACKEND_ABI + 6;
    choice_fails("mine", &backend, 1, CNN_ERROR_VERSION, "ABI 7, this library has 1");
    choice_fails("reference", &backend, 1, CNN_ERROR_VERSION, "ABI 7"); /* also when another is chosen */
    backend = own_backend(empty);
    choice_fails("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "no name");
    backend = own_backend(NULL);
    choice_fails("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "no name");
    backend = own_backend(name);
    backend.struct_size = 16;
    choice_fails("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "struct_size is 16");
    backend = own_backend(name);
    backend.allocate = own_allocate;
    choice_fails("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "allocate, release, copy_in and copy_out");
    choice_fails("mine", NULL, 1, CNN_ERROR_INVALID_ARGUMENT, "backends is NULL");
    const cnn_backend twice[2] = {own_backend(name), own_backend(name)};
    choice_fails("mine", twice, 2, CNN_ERROR_INVALID_ARGUMENT, "both named \"mine\"");
}
END_TEST

/* A struct of a later header: eight bytes longer. */
typedef struct later_backend {
    cnn_backend known;
    void (*unknown)(void);
} later_backend;

START_TEST(structs_of_other_versions)
{
    char first[] = "first", second[] = "second";
    later_backend later[2] = {{.known = own_backend(first)}, {.known = own_backend(second)}};
    later[0].known.struct_size = later[1].known.struct_size = sizeof(later_backend);
    choice_is("second", &later[0].known, 2, "second");
    later[1].unknown = (void (*)(void))choice_setup;
    choice_fails("first", &later[0].known, 2, CNN_ERROR_VERSION, "");

    /* One of an earlier header ends behind gemm; what lies behind it is not read. */
    struct {
        char bytes[offsetof(cnn_backend, query)];
        char garbage[64];
    } earlier;
    cnn_backend whole = own_backend(first);
    whole.struct_size = sizeof(earlier.bytes);
    memcpy(&earlier, &whole, sizeof(earlier.bytes));
    memset(earlier.garbage, 0xFF, sizeof(earlier.garbage));
    choice_is("first", (const cnn_backend *)&earlier, 1, "first");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("own backend");
    TCase *tcase = tcase_create("backend");
    tcase_add_checked_fixture(tcase, choice_setup, choice_setup);
    tcase_add_test(tcase, gemm_alone_is_complete);
    tcase_add_test(tcase, refusals_go_to_the_reference);
    tcase_add_test(tcase, tables_without_a_question);
    tcase_add_test(tcase, failure_of_gemm_comes_back);
    tcase_add_test(tcase, own_backend_hides_the_built_in);
    tcase_add_test(tcase, refused_structs);
    tcase_add_test(tcase, structs_of_other_versions);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
