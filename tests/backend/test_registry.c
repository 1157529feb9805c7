/* SPDX-License-Identifier: MIT */
/* Choosing a backend: names, variables, and what a context is told of it. */
#include <cnn/backend.h>
#include <stdlib.h>
#include <string.h>

#include "backend/choice.h"
#include "backend/config.h"
#include "backend/entries.h"
#if CNN_HAVE_BLIS
#include "backend/blis/blis.h"
#if CNN_BLIS_IN_FOLDER
#include <blis/blis.h>
#else
#include <blis.h>
#endif
#endif
#include "common/suite.h"

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
        choice_is(cnn_backend_name(count), NULL, 0, cnn_backend_name(count));
        count++;
    }
    ck_assert_uint_ge(count, 1);
    ck_assert_str_eq(cnn_backend_name(count - 1), "reference");
    ck_assert_ptr_null(cnn_backend_name(count + 100));
    ck_assert_ptr_null(cnn_backend_name((size_t)-1));
    choice_is(NULL, NULL, 0, cnn_backend_name(0));
}
END_TEST

START_TEST(unknown_name_is_an_error)
{
    choice_fails("fast", NULL, 0, CNN_ERROR_NOT_FOUND, "\"fast\"");
    ck_assert_ptr_nonnull(strstr(choice_logged, "reference"));
    choice_fails("", NULL, 0, CNN_ERROR_NOT_FOUND, "there are");
    choice_fails("a\nb", NULL, 0, CNN_ERROR_NOT_FOUND, "\\x0");
}
END_TEST

START_TEST(variables)
{
    setenv("CNN_BACKEND", "reference", 1);
    choice_is(NULL, NULL, 0, "reference");
    choice_is(cnn_backend_name(0), NULL, 0, cnn_backend_name(0)); /* the option goes before the variable */
    setenv("CNN_BACKEND", "nonsense", 1);
    choice_fails(NULL, NULL, 0, CNN_ERROR_NOT_FOUND, "\"nonsense\"");
    setenv("CNN_BACKEND", "", 1);
    choice_is(NULL, NULL, 0, cnn_backend_name(0));
    unsetenv("CNN_BACKEND");
    setenv("CNN_CPU", "sse9", 1);
    choice_fails(NULL, NULL, 0, CNN_ERROR_INVALID_ARGUMENT, "sse9");
    setenv("CNN_CPU", "baseline", 1);
    ck_assert_str_eq(cnn_cpu_level(), "baseline");
    choice_is(NULL, NULL, 0, cnn_backend_name(0));
    setenv("CNN_CPU", "avx2", 1);
    ck_assert_str_ne(cnn_cpu_level(), "avx512");
    setenv("CNN_CPU", "avx512", 1); /* a bound from above: never more than the processor has */
    choice_is(NULL, NULL, 0, cnn_backend_name(0));
}
END_TEST

static void expect_math(uint32_t option, const char *math, const char *algorithm)
{
    cnn_context *context;
    const cnn_conv2d_shape shape = {.n = 1,
                                    .in_h = 32,
                                    .in_w = 32,
                                    .in_c = 64,
                                    .out_h = 32,
                                    .out_w = 32,
                                    .out_c = 64,
                                    .kernel_h = 3,
                                    .kernel_w = 3,
                                    .stride_h = 1,
                                    .stride_w = 1,
                                    .dilation_h = 1,
                                    .dilation_w = 1,
                                    .groups = 1,
                                    .pad_top = 1,
                                    .pad_left = 1};
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
    choice_fails(NULL, NULL, 0, CNN_ERROR_INVALID_ARGUMENT, "\"exact\", expected fast or strict");
    unsetenv("CNN_MATH");
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.math = 3, .log = choice_log), &context),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(choice_logged, "math is 3"));
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
    } later = {.known = {.struct_size = sizeof(later), .log = choice_log}, .unknown = 1};
    ck_assert_int_eq(cnn_context_create(&later.known, &context), CNN_ERROR_VERSION);
    ck_assert_str_ne(choice_logged, "");
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
    tcase_add_checked_fixture(tcase, choice_setup, choice_setup);
#if CNN_HAVE_BLIS
    tcase_add_loop_test(tcase, blis_has_its_own_product_where_it_is_faster, 0, getenv("CK_FORK") == NULL ? 2 : 1);
#endif
    tcase_add_test(tcase, names);
    tcase_add_test(tcase, unknown_name_is_an_error);
    tcase_add_test(tcase, variables);
    tcase_add_test(tcase, math);
    tcase_add_test(tcase, peak);
    tcase_add_test(tcase, context_arguments);
    tcase_add_test(tcase, every_allocation_can_fail);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
