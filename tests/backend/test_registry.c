/* SPDX-License-Identifier: MIT */
/* Choosing a backend: names, variables, the caller's own structs and what is refused in them. */
#include <cnn/backend.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/reference/reference.h"
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
    const char *reason = NULL;
    const cnn_conv2d_shape shape = {
        .struct_size = sizeof(shape), .n = 1, .in_h = 32, .in_w = 32, .in_c = 64, .out_h = 32, .out_w = 32,
        .out_c = 64, .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1,
        .groups = 1, .pad_top = 1, .pad_left = 1};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .math = option), &context), CNN_OK);
    ck_assert_str_eq(cnn_context_math(context), math);
    bool fast = strcmp(cnn_context_backend(context), "blis") == 0;
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_FORWARD_PREPARED; pass++) {
        const char *name = context->backend.conv2d_algorithm(&context->backend, &shape, (cnn_pass)pass, &reason);
        ck_assert_ptr_nonnull(reason);
        ck_assert_msg(strncmp(name, fast ? algorithm : "im2col", 6) == 0, "pass %d: %s", pass, name);
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

static size_t own_workspace(const cnn_backend *backend, const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads)
{
    (void)backend;
    (void)shape;
    (void)pass;
    (void)threads;
    return 0;
}

static size_t own_prepared_size(const cnn_backend *backend, const cnn_conv2d_shape *shape)
{
    (void)backend;
    (void)shape;
    return 64;
}

static int own_norm_pools(const cnn_backend *backend, const cnn_norm_pool_shape *shape)
{
    (void)backend;
    (void)shape;
    return 1;
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
    const cnn_dense_shape dense = {.struct_size = sizeof(dense), .n = 1, .in = 4, .out = 4};
    const cnn_conv2d_shape convolution = {
        .struct_size = sizeof(convolution), .n = 1, .in_h = 4, .in_w = 4, .in_c = 1, .out_h = 2, .out_w = 2,
        .out_c = 2, .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1,
        .groups = 1};
    _Alignas(64) char workspace[1 << 14];
    cnn_backend_call call;
    cnn__backend_call_init(&call, context, 0, workspace, sizeof(workspace));
    ck_assert_uint_le(context->backend.conv2d_workspace(&context->backend, &convolution, CNN_PASS_FORWARD, 1),
                      sizeof(workspace));
    cnn_status status = context->backend.dense_forward(&call, &dense, ones, ones, NULL, y);
    return status != CNN_OK ? status
                            : context->backend.conv2d_forward(&call, &convolution, ones, ones, NULL, y + 4, NULL);
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
    const unsigned char *bytes = (const unsigned char *)&context->backend;
    static const unsigned char zeros[sizeof(void (*)(void))];
    for (size_t at = offsetof(cnn_backend, gemm); at < sizeof(cnn_backend); at += sizeof(zeros)) {
        ck_assert_msg(memcmp(bytes + at, zeros, sizeof(zeros)) != 0, "the entry at byte %zu is NULL", at);
    }
    cnn_context_free(context);
}
END_TEST

/* Another's prepared filters would mean nothing to a table with a convolution of its own. */
START_TEST(own_convolution_prepares_nothing)
{
    const char *reason;
    cnn_context *context;
    char name[] = "mine";
    cnn_backend backend = own_backend(name);
    const cnn_conv2d_shape shape = {
        .struct_size = sizeof(shape), .n = 1, .in_h = 8, .in_w = 8, .in_c = 16, .out_h = 6, .out_w = 6, .out_c = 16,
        .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .groups = 1};
    backend.conv2d_forward = cnn__backend_reference.conv2d_forward;
    ck_assert_int_eq(create("mine", &backend, 1, &context), CNN_OK);
    ck_assert_uint_eq(context->backend.conv2d_prepared_size(&context->backend, &shape), 0);
    ck_assert_ptr_null(context->backend.conv2d_algorithm(&context->backend, &shape, CNN_PASS_FORWARD, &reason));
    cnn_context_free(context);
    ck_assert_int_eq(create(NULL, NULL, 0, &context), CNN_OK);
    if (strcmp(cnn_context_backend(context), "blis") == 0) {
        const cnn_backend *chosen = &context->backend;
        cnn_conv2d_shape many = shape;
        many.n = 64;
        const size_t size = chosen->conv2d_prepared_size(chosen, &shape);
        ck_assert_uint_gt(size, 0);
        ck_assert_uint_eq(chosen->conv2d_prepared_size(chosen, &many), size);
        ck_assert_uint_eq(chosen->conv2d_workspace(chosen, &many, CNN_PASS_FORWARD_PREPARED, 3) + size,
                          chosen->conv2d_workspace(chosen, &many, CNN_PASS_FORWARD, 3));
    }
    cnn_context_free(context);
}
END_TEST

/* A table with a normalisation of its own is not passed over for another's that pools. */
START_TEST(own_normalisation_does_not_pool)
{
    cnn_context *context;
    char name[] = "mine";
    cnn_backend backend = own_backend(name);
    const cnn_norm_pool_shape shape = {sizeof(shape), 1, 4, 4, 8, 1e-3f, CNN_RELU};
    backend.norm_forward = cnn__backend_reference.norm_forward;
    ck_assert_int_eq(create("mine", &backend, 1, &context), CNN_OK);
    ck_assert_int_eq(context->backend.norm_pools(&context->backend, &shape), 0);
    ck_assert_int_eq(context->backend.norm_pool_forward(NULL, &shape, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                                                        NULL),
                     CNN_ERROR_UNSUPPORTED);
    ck_assert_int_eq(context->backend.norm_pool_backward(NULL, &shape, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                                                         NULL, NULL),
                     CNN_ERROR_UNSUPPORTED);
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
    backend.conv2d_workspace = own_workspace;
    expect_failure("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "conv2d_workspace");
    backend = own_backend(name);
    backend.conv2d_prepared_size = own_prepared_size;
    expect_failure("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "come together");
    backend.conv2d_forward = cnn__backend_reference.conv2d_forward;
    expect_failure("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "come together");
    backend.conv2d_prepare = cnn__backend_reference.conv2d_prepare;
    backend.conv2d_forward_prepared = cnn__backend_reference.conv2d_forward_prepared;
    expect_backend("mine", &backend, 1, "mine");
    backend.conv2d_forward = NULL;
    expect_failure("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "come together");
    backend = own_backend(name);
    backend.norm_pools = own_norm_pools;
    expect_failure("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "norm_pools, norm_pool_workspace");
    backend.norm_pool_workspace = cnn__backend_reference.norm_pool_workspace;
    backend.norm_pool_forward = cnn__backend_reference.norm_pool_forward;
    expect_failure("mine", &backend, 1, CNN_ERROR_INVALID_ARGUMENT, "norm_pools, norm_pool_workspace");
    backend.norm_pool_backward = cnn__backend_reference.norm_pool_backward;
    expect_backend("mine", &backend, 1, "mine");
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
        char bytes[offsetof(cnn_backend, conv2d_workspace)];
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
    tcase_add_test(tcase, names);
    tcase_add_test(tcase, unknown_name_is_an_error);
    tcase_add_test(tcase, variables);
    tcase_add_test(tcase, math);
    tcase_add_test(tcase, peak);
    tcase_add_test(tcase, gemm_alone_is_complete);
    tcase_add_test(tcase, own_convolution_prepares_nothing);
    tcase_add_test(tcase, own_normalisation_does_not_pool);
    tcase_add_test(tcase, failure_of_gemm_comes_back);
    tcase_add_test(tcase, own_backend_hides_the_built_in);
    tcase_add_test(tcase, refused_structs);
    tcase_add_test(tcase, structs_of_other_versions);
    tcase_add_test(tcase, context_arguments);
    tcase_add_test(tcase, every_allocation_can_fail);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
