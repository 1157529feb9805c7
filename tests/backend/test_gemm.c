/* SPDX-License-Identifier: MIT */
/* Products of every small size: operands that end at an unreadable page, and NaN times 0. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/operations.h"
#include "common/suite.h"
#include "core/context.h"

/* Sub-configurations of BLIS by the numbers they have in 0.9: its own choice, skx, haswell, zen3, zen. */
static const char *const configurations[] = {NULL, "0", "3", "6", "8"};
enum { CONFIGURATIONS = sizeof(configurations) / sizeof(configurations[0]) };

enum { MOST_ROWS = 20, MOST_COLUMNS = 34, MOST_DEPTH = 300, ROOM = 65536 };

/* The end of ROOM bytes, after which nothing can be read. */
static char *fence_new(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *block = mmap(NULL, ROOM + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(block != MAP_FAILED && mprotect(block + ROOM, page, PROT_NONE) == 0);
    return block + ROOM;
}

static float *before(char *fence, int64_t count, float value)
{
    float *array = (float *)(fence - (size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++) {
        array[i] = value;
    }
    return array;
}

static void multiply(cnn_context *context, char *const fences[3], int64_t m, int64_t n, int64_t k, uint32_t kind)
{
    cnn_gemm_args args = {.struct_size = sizeof(args), .m = m, .n = n, .k = k, .ldc = n, .alpha = 1};
    cnn_backend_call call;
    args.transpose_a = kind & 1;
    args.transpose_b = kind >> 1 & 1;
    args.beta = (float)(kind >> 2 & 1);
    args.lda = args.transpose_a ? m : k;
    args.ldb = args.transpose_b ? k : n;
    args.a = before(fences[0], m * k, 0.5f);
    args.b = before(fences[1], k * n, 0.25f);
    args.c = before(fences[2], m * n, args.beta == 0 ? NAN : 2.0f);
    call_begin(&call, context, 0);
    ck_assert_int_eq(context->backend.gemm(&call, &args), CNN_OK);
    call_end(&call);
    const float expected = (float)k * 0.125f + 2 * args.beta;
    bool right = true;
    for (int64_t i = 0; i < m * n; i++) {
        right = right && args.c[i] == expected;
    }
    ck_assert_msg(right, "%d x %d x %d, kind %u", (int)m, (int)n, (int)k, kind);
}

/* Whether BLIS runs with that configuration on this processor, which a child finds out. */
static bool configure(int number)
{
    const char *configuration = configurations[number];
    if (configuration == NULL) {
        return true;
    }
    const bool wide = strcmp(configuration, "0") == 0;
    if (!(wide ? __builtin_cpu_supports("avx512f") : __builtin_cpu_supports("avx2"))) {
        return false;
    }
    setenv("BLIS_ARCH_TYPE", configuration, 1);
    pid_t child = fork();
    if (child == 0) {
        char *fences[3] = {fence_new(), fence_new(), fence_new()};
        for (int i = 0; i < 3; i++) {
            fences[i] -= 4096;
        }
        freopen("/dev/null", "w", stderr);
        multiply(context_new(NULL, NULL, 1), fences, 4, 4, 4, 0);
        _exit(0);
    }
    int result = 0;
    return waitpid(child, &result, 0) == child && WIFEXITED(result);
}

START_TEST(operands_end_at_a_fence)
{
    if (!configure(_i % CONFIGURATIONS)) {
        return;
    }
    static const int64_t depths[] = {1, 2, 3, 4, 7, 16, 31, 272, MOST_DEPTH};
    char *fences[3] = {fence_new(), fence_new(), fence_new()};
    for (size_t level = 0; cpu_level_at(level) != NULL; level++) {
        cnn_context *context = context_new(cnn_backend_name((size_t)(_i / CONFIGURATIONS)), cpu_level_at(level), 1);
        for (int64_t m = 1; m <= MOST_ROWS; m++) {
            for (int64_t n = 1; n <= MOST_COLUMNS; n++) {
                for (size_t d = 0; d < sizeof(depths) / sizeof(depths[0]); d++) {
                    for (uint32_t kind = 0; kind < 8; kind++) {
                        multiply(context, fences, m, n, depths[d], kind);
                    }
                }
            }
        }
        cnn_context_free(context);
    }
}
END_TEST

/* One NaN in A meets zeros in B, and the other way round: the sums are NaN, not 0. */
static void multiply_nan(cnn_context *context, char *const fences[3], int64_t m, int64_t n, int64_t k, uint32_t kind)
{
    cnn_gemm_args args = {.struct_size = sizeof(args), .m = m, .n = n, .k = k, .ldc = n, .alpha = 1};
    cnn_backend_call call;
    args.transpose_a = kind & 1;
    args.transpose_b = kind >> 1 & 1;
    args.beta = (float)(kind >> 2 & 1);
    args.lda = args.transpose_a ? m : k;
    args.ldb = args.transpose_b ? k : n;
    const bool in_a = kind >> 3 != 0;
    args.a = before(fences[0], m * k, in_a ? NAN : 0);
    args.b = before(fences[1], k * n, in_a ? 0 : NAN);
    args.c = before(fences[2], m * n, 2);
    call_begin(&call, context, 0);
    ck_assert_int_eq(context->backend.gemm(&call, &args), CNN_OK);
    call_end(&call);
    bool right = true;
    for (int64_t i = 0; i < m * n; i++) {
        right = right && isnan(args.c[i]);
    }
    ck_assert_msg(right, "%d x %d x %d, kind %u", (int)m, (int)n, (int)k, kind);
}

START_TEST(nan_times_zero_is_nan)
{
    if (!configure(_i % CONFIGURATIONS)) {
        return;
    }
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 33};
    const size_t count = sizeof(sizes) / sizeof(sizes[0]);
    char *fences[3] = {fence_new(), fence_new(), fence_new()};
    for (size_t level = 0; cpu_level_at(level) != NULL; level++) {
        cnn_context *context = context_new(cnn_backend_name((size_t)(_i / CONFIGURATIONS)), cpu_level_at(level), 1);
        for (size_t i = 0; i < count * count * count; i++) {
            for (uint32_t kind = 0; kind < 16; kind++) {
                multiply_nan(context, fences, sizes[i % count], sizes[i / count % count], sizes[i / count / count],
                             kind);
            }
        }
        cnn_context_free(context);
    }
}
END_TEST

/* Of all backends but `reference`, the last one, which runs once. */
static int runs(void)
{
    int backends = 0;
    while (cnn_backend_name((size_t)backends) != NULL) {
        backends++;
    }
    return (backends - 1) * CONFIGURATIONS + 1;
}

int main(void)
{
    Suite *suite = suite_create("products");
    TCase *cases = tcase_create("gemm");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, operands_end_at_a_fence, 0, runs());
    tcase_add_loop_test(cases, nan_times_zero_is_nan, 0, runs());
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
