/* SPDX-License-Identifier: MIT */
/* Choosing a backend: names, variables, the caller's own structs and what is refused in them. */
#include <cnn/backend.h>
#include <stdlib.h>
#include <string.h>

#include "backend/config.h"
#include "backend/entries.h"
#include "backend/reference/reference.h"
#if CNN_HAVE_BLIS
#include "backend/blis/blis.h"
#if CNN_BLIS_IN_FOLDER
#include <blis/blis.h>
#else
#include <blis.h>
#endif
#endif
#include "common/suite.h"

static char logged[2048];

static void keep_log(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    if (level == CNN_LOG_ERROR) {
        strncpy(logged, message, sizeof(logged) - 1);
    }
}

static void setup(void)
{
    unsetenv("CNN_BACKEND");
    unsetenv("CNN_CPU");
    unsetenv("CNN_MATH");
    logged[0] = '\0';
}

static cnn_status create(const char *name, const cnn_backend *backends, size_t count, cnn_context **context)
{
    return cnn_context_create(
        CNN_CONTEXT(.threads = 1, .backend = name, .backends = backends, .backend_count = count, .log = keep_log),
        context);
}

static void expect_failure(const char *name, const cnn_backend *backends, size_t count, cnn_status status,
                           const char *text)
{
    cnn_context *context = (cnn_context *)1;
    ck_assert_int_eq(create(name, backends, count, &context), status);
    ck_assert_ptr_null(context);
    ck_assert_msg(strstr(logged, text) != NULL, "\"%s\" is not in \"%s\"", text, logged);
}

static void expect_backend(const char *name, const cnn_backend *backends, size_t count, const char *chosen)
{
    cnn_context *context;
    ck_assert_int_eq(create(name, backends, count, &context), CNN_OK);
    ck_assert_str_eq(cnn_context_backend(context), chosen);
    cnn_context_free(context);
}

#if CNN_HAVE_BLIS
/* The product is BLIS's where it has kernels for the processor; plain ones of its own would be slower than ours. A loop
 * test: what BLIS makes of a processor is settled once in a process. */
START_TEST(blis_has_its_own_product_where_it_is_faster)
{
    cnn_backend with, without;
    cnn__cpu_level level;
    char number[16];
    if (_i > 0) {
        snprintf(number, sizeof(number), "%d", BLIS_ARCH_GENERIC);
        setenv("BLIS_ARCH_TYPE", number, 1);
    }
    ck_assert(cnn__cpu_detect(&level));
    cnn__blis_fill(level, false, &with);
    cnn__vector_fill(level, false, &without);
    ck_assert(without.gemm != cnn__blis_gemm);
    ck_assert(with.gemm == (cnn__blis_knows_processor() ? cnn__blis_gemm : without.gemm));
    ck_assert(_i == 0 || !cnn__blis_knows_processor());
}
END_TEST
#endif

START_TEST(names)
{
    size_t count = 0;
    while (cnn_backend_name(count) != NULL) {
        expect_backend(cnn_backend_name(count), NULL, 0, cnn_backend_name(count));
        count++;
    }
    ck_assert_uint_ge(count, 1);
    ck_assert_str_eq(cnn_backend_name(count - 1), "reference");
    ck_assert_ptr_null(cnn_backend_name(count + 100));
    ck_assert_ptr_null(cnn_backend_name((size_t)-1));
    expect_backend(NULL, NULL, 0, cnn_backend_name(0));
}
END_TEST

START_TEST(unknown_name_is_an_error)
{
    expect_failure("fast", NULL, 0, CNN_ERROR_NOT_FOUND, "\"fast\"");
    ck_assert_ptr_nonnull(strstr(logged, "reference"));
    expect_failure("", NULL, 0, CNN_ERROR_NOT_FOUND, "there are");
    expect_failure("a\nb", NULL, 0, CNN_ERROR_NOT_FOUND, "\\x0");
}
END_TEST

START_TEST(variables)
{
    setenv("CNN_BACKEND", "reference", 1);
    expect_backend(NULL, NULL, 0, "reference");
    expect_backend(cnn_backend_name(0), NULL, 0, cnn_backend_name(0)); /* the option goes before the variable */
    setenv("CNN_BACKEND", "nonsense", 1);
    expect_failure(NULL, NULL, 0, CNN_ERROR_NOT_FOUND, "\"nonsense\"");
    setenv("CNN_BACKEND", "", 1);
    expect_backend(NULL, NULL, 0, cnn_backend_name(0));
    unsetenv("CNN_BACKEND");
    setenv("CNN_CPU", "sse9", 1);
    expect_failure(NULL, NULL, 0, CNN_ERROR_INVALID_ARGUMENT, "sse9");
    setenv("CNN_CPU", "baseline", 1);
    ck_assert_str_eq(cnn_cpu_level(), "baseline");
    expect_backend(NULL, NULL, 0, cnn_backend_name(0));
    setenv("CNN_CPU", "avx2", 1);
    ck_assert_str_ne(cnn_cpu_level(), "avx512");
    setenv("CNN_CPU", "avx512", 1); /* a bound from above: never more than the processor has */
    expect_backend(NULL, NULL, 0, cnn_backend_name(0));
}
END_TEST

static void expect_math(uint32_t option, const char *math, const char *algorithm)
{
    cnn_context *context;
    const cnn_conv2d_shape shape = {
        .n = 1, .in_h = 32, .in_w = 32, .in_c = 64, .out_h = 32, .out_w = 32,
        .out_c = 64, .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1,
        .groups = 1, .pad_top = 1, .pad_left = 1};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .math = option), &context), CNN_OK);
    ck_assert_str_eq(cnn_context_math(context), math);
    const cnn_op_answer answer = conv2d_answer(&context->backend, &shape, 1);
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_INFERENCE; pass++) {
        ck_assert_ptr_nonnull(answer.reason[pass]);
        ck_assert_msg(strncmp(answer.name[pass], algorithm, 6) == 0, "pass %d: %s", pass, answer.name[pass]);
    }
    cnn_context_free(context);
}

START_TEST(math)
{
    cnn_context *context;
    expect_math(CNN_MATH_DEFAULT, "fast", "winograd");
    expect_math(CNN_MATH_STRICT, "strict", "direct");
    setenv("CNN_MATH", "strict", 1);
    expect_math(CNN_MATH_DEFAULT, "strict", "direct");
    expect_math(CNN_MATH_FAST, "fast", "winograd"); /* the option goes before the variable */
    setenv("CNN_MATH", "fast", 1);
    expect_math(CNN_MATH_DEFAULT, "fast", "winograd");
    setenv("CNN_MATH", "", 1);
    expect_math(CNN_MATH_DEFAULT, "fast", "winograd");
    setenv("CNN_MATH", "exact", 1);
    expect_failure(NULL, NULL, 0, CNN_ERROR_INVALID_ARGUMENT, "\"exact\", expected fast or strict");
    unsetenv("CNN_MATH");
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.math = 3, .log = keep_log), &context),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(logged, "math is 3"));
}
END_TEST

START_TEST(peak)
{
    cnn_context *context;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2), &context), CNN_OK);
    double speed = cnn_cpu_peak_gflops(context);
    ck_assert(speed >= 0 && speed < 1e5);
    ck_assert(speed > 0.1 || strcmp(cnn_backend_name(0), "reference") == 0);
    cnn_context_free(context);
}
END_TEST

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
    const cnn_conv2d_shape convolution = {
        .n = 1, .in_h = 4, .in_w = 4, .in_c = 1, .out_h = 2, .out_w = 2,
        .out_c = 2, .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1,
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
    ck_assert_int_eq(create("mine", &backend, 1, &context), CNN_OK);
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
    ck_assert_int_eq(create("mine", &backend, 1, &context), CNN_OK);
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
    cnn_conv2d_args args = {
        .struct_size = sizeof(args),
        .shape = {.n = 1, .in_h = 8, .in_w = 8, .in_c = 16, .out_h = 6, .out_w = 6, .out_c = 16, .kernel_h = 3,
                  .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .groups = 1}};
    backend.conv2d = cnn__backend_reference.conv2d;
    ck_assert_int_eq(create("mine", &backend, 1, &context), CNN_OK);
    cnn_op_answer answer = answer_to(&context->backend, CNN_OP_CONV2D, &args, 1);
    ck_assert_ptr_eq(answer.backend, &context->backend);
    ck_assert_uint_eq(answer.prepared, 0);
    ck_assert_ptr_null(answer.name[CNN_PASS_FORWARD]);
    args.shape.epilogue.pool = 2;
    ck_assert_int_eq(cnn_backend_query(&context->backend, CNN_OP_CONV2D, &args, 1, &answer), CNN_ERROR_UNSUPPORTED);
    cnn_context_free(context);
}
END_TEST

START_TEST(prepared_filters)
{
    const cnn_conv2d_shape shape = {.n = 1, .in_h = 8, .in_w = 8, .in_c = 16, .out_h = 6, .out_w = 6, .out_c = 16,
                                    .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
                                    .dilation_w = 1, .groups = 1};
    cnn_context *context;
    ck_assert_int_eq(create(NULL, NULL, 0, &context), CNN_OK);
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
    ck_assert_int_eq(create(NULL, NULL, 0, &context), CNN_OK);
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
    cnn_gemm_args product = {.struct_size = sizeof(product), .m = 2, .n = 2, .k = 2, .a = x, .b = x, .c = y, .lda = 1,
                             .ldb = 2, .ldc = 2};
    REFUSED(CNN_OP_GEMM, CNN_PASS_FORWARD, &product); /* rows that overlap */
#undef REFUSED
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
    ck_assert_int_eq(create("failing", &backend, 1, &context), CNN_OK);
    ck_assert_int_eq(run_layers(context, y), CNN_ERROR_UNSUPPORTED);
    cnn_context_free(context);
}
END_TEST

START_TEST(own_backend_hides_the_built_in)
{
    cnn_context *context;
    char name[] = "reference";
    cnn_backend backend = own_backend(name);
    ck_assert_int_eq(create("reference", &backend, 1, &context), CNN_OK);
    ck_assert_ptr_eq(context->backend.user, &calls);
    cnn_context_free(context);
    expect_backend(NULL, &backend, 1, cnn_backend_name(0)); /* being there is not being chosen */
    expect_failure("none", &backend, 1, CNN_ERROR_NOT_FOUND, "reference, ");
}
END_TEST

START_TEST(refused_structs)
{
    char name[] = "mine", empty[] = "";
    cnn_backend backend = own_backend(name);
    backend.abi = CNN_BACKEND_ABI + 6;
    expect_failure("mine", &backend, 1, CNN_ERROR_VERSION, "ABI 7, this library has 1");
    expect_failure("reference", &backend, 1, CNN_ERROR_VERSION, "ABI 7"); /* also when another is chosen */
    backend = own_backend(empty);
    expect_failure("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "no name");
    backend = own_backend(NULL);
    expect_failure("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "no name");
    backend = own_backend(name);
    backend.struct_size = 16;
    expect_failure("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "struct_size is 16");
    backend = own_backend(name);
    backend.allocate = own_allocate;
    expect_failure("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "allocate, release, copy_in and copy_out");
    expect_failure("mine", NULL, 1, CNN_ERROR_INVALID_ARGUMENT, "backends is NULL");
    const cnn_backend twice[2] = {own_backend(name), own_backend(name)};
    expect_failure("mine", twice, 2, CNN_ERROR_INVALID_ARGUMENT, "both named \"mine\"");
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
    expect_backend("second", &later[0].known, 2, "second");
    later[1].unknown = (void (*)(void))setup;
    expect_failure("first", &later[0].known, 2, CNN_ERROR_VERSION, "");

    /* One of an earlier header ends behind gemm; what lies behind it is not read. */
    struct {
        char bytes[offsetof(cnn_backend, query)];
        char garbage[64];
    } earlier;
    cnn_backend whole = own_backend(first);
    whole.struct_size = sizeof(earlier.bytes);
    memcpy(&earlier, &whole, sizeof(earlier.bytes));
    memset(earlier.garbage, 0xFF, sizeof(earlier.garbage));
    expect_backend("first", (const cnn_backend *)&earlier, 1, "first");
}
END_TEST

START_TEST(context_arguments)
{
    cnn_context *context = (cnn_context *)1;
    ck_assert_int_eq(cnn_context_create(NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    cnn_context_options options = {.struct_size = 1};
    ck_assert_int_eq(cnn_context_create(&options, &context), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(context);
    struct {
        cnn_context_options known;
        int unknown;
    } later = {.known = {.struct_size = sizeof(later), .log = keep_log}, .unknown = 1};
    ck_assert_int_eq(cnn_context_create(&later.known, &context), CNN_ERROR_VERSION);
    ck_assert_str_ne(logged, "");
    later.unknown = 0;
    ck_assert_int_eq(cnn_context_create(&later.known, &context), CNN_OK);
    cnn_context_free(context);
    cnn_context_free(NULL);
}
END_TEST

static size_t allocations_left;

static void *limited_allocate(void *user, size_t size, size_t alignment)
{
    (void)user;
    return allocations_left > 0 && allocations_left-- > 0 ? aligned_alloc(alignment, (size + 63) / 64 * 64) : NULL;
}

static void limited_release(void *user, void *memory, size_t size)
{
    (void)user;
    (void)size;
    free(memory);
}

START_TEST(every_allocation_can_fail)
{
    const cnn_allocator allocator = {sizeof(allocator), NULL, limited_allocate, limited_release};
    cnn_context *context;
    size_t allowed = 0;
    cnn_status status;
    do {
        allocations_left = allowed++;
        status = cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &allocator), &context);
        ck_assert(status == CNN_OK || (status == CNN_ERROR_OUT_OF_MEMORY && context == NULL));
    } while (status != CNN_OK);
    ck_assert_uint_ge(allowed, 4);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backend registry");
    TCase *tcase = tcase_create("registry");
    tcase_add_checked_fixture(tcase, setup, setup);
#if CNN_HAVE_BLIS
    tcase_add_loop_test(tcase, blis_has_its_own_product_where_it_is_faster, 0, getenv("CK_FORK") == NULL ? 2 : 1);
#endif
    tcase_add_test(tcase, names);
    tcase_add_test(tcase, unknown_name_is_an_error);
    tcase_add_test(tcase, variables);
    tcase_add_test(tcase, math);
    tcase_add_test(tcase, peak);
    tcase_add_test(tcase, gemm_alone_is_complete);
    tcase_add_test(tcase, refusals_go_to_the_reference);
    tcase_add_test(tcase, tables_without_a_question);
    tcase_add_test(tcase, prepared_filters);
    tcase_add_test(tcase, arguments_are_checked);
    tcase_add_test(tcase, failure_of_gemm_comes_back);
    tcase_add_test(tcase, own_backend_hides_the_built_in);
    tcase_add_test(tcase, refused_structs);
    tcase_add_test(tcase, structs_of_other_versions);
    tcase_add_test(tcase, context_arguments);
    tcase_add_test(tcase, every_allocation_can_fail);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
