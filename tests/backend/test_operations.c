/* SPDX-License-Identifier: MIT */
/* The reference against plain double loops, every other built-in backend at every instruction set against the
 * reference, and the same bits for any number of threads. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "backend/comparison.h"
#include "common/suite.h"

START_TEST(reference_against_double)
{
    cnn_context *context = context_new("reference", NULL, 1);
    for (const operation *entry = operation_tables[_i]; entry->name != NULL; entry++) {
        compare_contexts(entry, context, NULL, "reference");
    }
    cnn_context_free(context);
}
END_TEST

START_TEST(backends_against_reference)
{
    cnn_context *reference = context_new("reference", NULL, 1);
    for (size_t backend = 0; strcmp(cnn_backend_name(backend), "reference") != 0; backend++) {
        for (size_t level = 0; cpu_level_at(level) != NULL; level++) {
            char what[64];
            cnn_context *context = context_new(cnn_backend_name(backend), cpu_level_at(level), 1);
            snprintf(what, sizeof(what), "%s %s", cnn_backend_name(backend), cpu_level_at(level));
            for (const operation *entry = operation_tables[_i]; entry->name != NULL; entry++) {
                compare_contexts(entry, context, reference, what);
            }
            cnn_context_free(context);
        }
    }
    cnn_context_free(reference);
}
END_TEST

START_TEST(epilogues_in_one_pass)
{
    for (size_t backend = 0; cnn_backend_name(backend) != NULL; backend++) {
        for (size_t level = 0; cpu_level_at(level) != NULL; level++) {
            cnn_context *context = context_new(cnn_backend_name(backend), cpu_level_at(level), 2);
            epilogue_of_convolutions(context);
            cnn_context_free(context);
        }
    }
}
END_TEST

/* Nothing past an array is read, nor does it have to be aligned: inputs are the caller's. */
START_TEST(memory_that_ends_at_a_fence)
{
    for (size_t backend = 0; cnn_backend_name(backend) != NULL; backend++) {
        for (size_t level = 0; cpu_level_at(level) != NULL; level++) {
            cnn_context *context = context_new(cnn_backend_name(backend), cpu_level_at(level), 1);
            for (const operation *entry = operation_tables[_i]; entry->name != NULL; entry++) {
                for (uint32_t variant = 0; variant < entry->variants; variant++) {
                    outcome plain = {0}, fenced = {0};
                    entry->run(context, variant, &plain);
                    arrays_at_fences(true);
                    entry->run(context, variant, &fenced);
                    arrays_at_fences(false);
                    ck_assert_msg(outcome_same_bits(&plain, &fenced), "%s under %s %s, variant %u: other bits",
                                  entry->name, cnn_backend_name(backend), cpu_level_at(level), variant);
                    outcome_free(&plain);
                    outcome_free(&fenced);
                }
            }
            cnn_context_free(context);
        }
    }
}
END_TEST

static void compare_threads(const char *backend, const operation *entry, cnn_context *const contexts[], size_t count)
{
    for (uint32_t variant = 0; variant < entry->variants; variant += 2) {
        outcome first = {0};
        entry->run(contexts[0], variant, &first);
        /* The real pool, the last one, only now and then: on a busy machine its threads wait long for each other. */
        for (size_t i = 1; i < (variant % 8 == 4 ? count : count - 1); i++) {
            outcome other = {0};
            entry->run(contexts[i], variant, &other);
            ck_assert_msg(outcome_same_bits(&first, &other), "%s under %s, variant %u: other bits with %u threads",
                          entry->name, backend, variant, cnn_context_threads(contexts[i]));
            outcome_free(&other);
        }
        outcome_free(&first);
    }
}

/* As if there were `threads` threads, the last one being the fastest. */
static void run_backwards(void *user, void (*task)(void *argument, size_t index), void *argument, size_t count)
{
    (void)user;
    while (count > 0) {
        task(argument, --count);
    }
}

static cnn_context *context_with_executor(const char *backend, uint32_t threads)
{
    cnn_context *context;
    const cnn_executor executor = {sizeof(executor), NULL, threads, run_backwards};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.backend = backend, .executor = &executor), &context), CNN_OK);
    return context;
}

START_TEST(same_bits_for_any_threads)
{
    static const uint32_t executors[] = {3, 4, 7};
    for (size_t backend = 0; cnn_backend_name(backend) != NULL; backend++) {
        const char *name = cnn_backend_name(backend);
        cnn_context *contexts[5] = {[0] = context_new(name, NULL, 1), [4] = context_new(name, NULL, 2)};
        for (size_t i = 0; i < 3; i++) {
            contexts[1 + i] = context_with_executor(name, executors[i]);
        }
        for (const operation *entry = operation_tables[_i]; entry->name != NULL; entry++) {
            compare_threads(name, entry, contexts, 5);
        }
        for (size_t i = 0; i < 5; i++) {
            cnn_context_free(contexts[i]);
        }
    }
}
END_TEST

int main(void)
{
#if defined(__GLIBC__)
    /* Memory stays with the process: fresh pages cost more than the tests. */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
    Suite *suite = suite_create("backend operations");
    TCase *tcase = tcase_create("operations");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, reference_against_double, 0, OPERATION_TABLES);
    tcase_add_loop_test(tcase, backends_against_reference, 0, OPERATION_TABLES);
    tcase_add_test(tcase, epilogues_in_one_pass);
    tcase_add_loop_test(tcase, memory_that_ends_at_a_fence, 0, OPERATION_TABLES);
    tcase_add_loop_test(tcase, same_bits_for_any_threads, 0, OPERATION_TABLES);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
