/* SPDX-License-Identifier: MIT */
/* Scores of several labels, of values, and of uneven classes, against published formulas; in one batch or several, and
 * with every allocation failing. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <cnn/evaluator.h>

#include "common/fixture.h"
#include "common/suite.h"

#include "golden_scores.h"

#define SAMPLES 12
#define LABELS 4

static test_allocator memory;
static cnn_context *context;

static void setup(void)
{
    memory = (test_allocator){0};
    const cnn_allocator allocator = test_allocator_options(&memory);
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference", .allocator = &allocator), &context),
        CNN_OK);
}

static void teardown(void)
{
    cnn_context_free(context);
    ck_assert_uint_eq(memory.blocks, 0);
}

/* What a score is of. */
typedef struct batch {
    const float *outputs, *targets, *weights;
    const int32_t *labels; /* NULL: all -1 */
    size_t width;
} batch;

static const int32_t none[SAMPLES] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

static cnn_status count(cnn_evaluator *evaluator, const batch *all, size_t first, size_t samples)
{
    const int32_t *labels = all->labels != NULL ? all->labels : none;
    return cnn_evaluator_update(
        evaluator,
        CNN_EVALUATION(.count = samples, .outputs = all->width, .outputs_data = all->outputs + first * all->width,
                       .labels = labels + first, .loss = NAN,
                       .targets = all->targets != NULL ? all->targets + first * all->width : NULL,
                       .target_count = all->targets != NULL ? all->width : 0,
                       .weights = all->weights != NULL ? all->weights + first : NULL));
}

/* In pieces of each size, twice with a reset between. */
static void expect_score(const char *name, const batch *all, double expected)
{
    cnn_evaluator *evaluator = NULL;
    ck_assert_msg(cnn_evaluator_create(context, name, &evaluator) == CNN_OK, "%s", cnn_last_error(context));
    for (size_t piece = 1; piece <= SAMPLES; piece++) {
        for (size_t i = 0; i < SAMPLES; i += piece) {
            const size_t samples = SAMPLES - i < piece ? SAMPLES - i : piece;
            ck_assert_msg(count(evaluator, all, i, samples) == CNN_OK, "%s", cnn_last_error(context));
        }
        ck_assert_msg(fabs(cnn_evaluator_score(evaluator) - expected) <= 1e-10, "%s in pieces of %zu: %.17g, not %.17g",
                      name, piece, cnn_evaluator_score(evaluator), expected);
        cnn_evaluator_reset(evaluator);
    }
    cnn_evaluator_free(evaluator);
}

static const batch marks = {golden_scores, golden_marks, NULL, NULL, LABELS};

START_TEST(several_labels)
{
    expect_score("map", &marks, golden_map);
    expect_score("exact_match", &marks, golden_exact_match);
    expect_score("hamming", &marks, golden_hamming);
    expect_score("binary_accuracy", &marks, 1 - golden_hamming);
    expect_score("f1", &marks, golden_f1_macro);
}
END_TEST

START_TEST(values)
{
    const batch plain = {golden_outputs, golden_targets, NULL, NULL, 2};
    const batch weighted = {golden_outputs, golden_targets, golden_weights, NULL, 2};
    const batch perfect = {golden_targets, golden_targets, NULL, NULL, 2};
    expect_score("r2", &plain, golden_r2);
    expect_score("r2", &weighted, golden_r2_weighted);
    expect_score("r2", &perfect, 1);
    const float same[SAMPLES] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, other[SAMPLES] = {0};
    expect_score("r2", &(batch){same, same, NULL, NULL, 1}, 1);
    expect_score("r2", &(batch){other, same, NULL, NULL, 1}, 0);
}
END_TEST

START_TEST(uneven_classes)
{
    const batch classes = {golden_probabilities, NULL, NULL, golden_labels, 3};
    expect_score("balanced_accuracy", &classes, golden_balanced_accuracy);
    expect_score("mcc", &classes, golden_mcc);
    const int32_t one[SAMPLES] = {0};
    expect_score("mcc", &(batch){golden_probabilities, NULL, NULL, one, 3}, 0); /* it does not exist */
}
END_TEST

/* Two classes: average precision of the second, whether by one output or by two. */
START_TEST(average_precision_of_two_classes)
{
    const float second[SAMPLES] = {0.9f, 0.1f, 0.8f, 0.7f, 0.2f, 0.6f, 0.5f, 0.4f, 0.3f, 0.25f, 0.15f, 0.05f};
    const int32_t labels[SAMPLES] = {1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    float both[2 * SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++) {
        both[2 * i] = 1 - second[i];
        both[2 * i + 1] = second[i];
    }
    expect_score("map", &(batch){second, NULL, NULL, labels, 1}, (1.0 + 2.0 / 3) / 2);
    expect_score("map", &(batch){both, NULL, NULL, labels, 2}, (1.0 + 2.0 / 3) / 2);
    expect_score("exact_match", &(batch){both, NULL, NULL, labels, 2}, 10.0 / SAMPLES);
}
END_TEST

START_TEST(targets_are_needed_and_memory_may_lack)
{
    static const char *const names[] = {"r2", "map", "exact_match", "hamming", "balanced_accuracy", "mcc"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t k = 1;; k++) {
            cnn_evaluator *evaluator = NULL;
            memory.calls = 0;
            memory.fail_at = k;
            cnn_status status = cnn_evaluator_create(context, names[i], &evaluator);
            status = status == CNN_OK ? count(evaluator, &marks, 0, SAMPLES) : status;
            memory.fail_at = 0;
            cnn_evaluator_free(evaluator);
            if (status == CNN_OK) {
                break;
            }
            ck_assert_int_eq(status, CNN_ERROR_OUT_OF_MEMORY);
        }
    }
    cnn_evaluator *evaluator = NULL;
    ck_assert_int_eq(cnn_r2_create(context, &evaluator), CNN_OK);
    ck_assert_int_eq(count(evaluator, &(batch){golden_scores, NULL, NULL, golden_labels, LABELS}, 0, 2),
                     CNN_ERROR_INVALID_ARGUMENT);
    cnn_evaluator_free(evaluator);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evaluate/scores");
    TCase *tests = tcase_create("scores");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, several_labels);
    tcase_add_test(tests, values);
    tcase_add_test(tests, uneven_classes);
    tcase_add_test(tests, average_precision_of_two_classes);
    tcase_add_test(tests, targets_are_needed_and_memory_may_lack);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
