/* SPDX-License-Identifier: MIT */
/* The order of samples: permutations of their own for each epoch, the article's next_batch(), places to go to. */
#include "loader/sampler.h"

#include "../pipeline/support.h"
#include "golden_next_batch.h"

static size_t whole;

static cnn_context *context;

static void setup(void) { context = new_context(1); }
static void teardown(void) { cnn_context_free(context); }

static cnn__sampler new_sampler(size_t count, uint32_t batch, uint32_t shuffle, int32_t mode, uint32_t drop_last)
{
    cnn__sampler sampler;
    const cnn_loader_options options = {.batch = batch, .shuffle = shuffle, .mode = mode, .drop_last = drop_last};
    ck_assert_int_eq(cnn__sampler_create(context, &options, count, 3, &sampler), CNN_OK);
    return sampler;
}

START_TEST(orders_are_permutations)
{
    uint64_t order[50], other[50];
    for (uint64_t epoch = 0; epoch < 20; epoch++) {
        bool seen[50] = {false};
        cnn__sampler_order(9, epoch, true, order, 50);
        for (int i = 0; i < 50; i++) {
            ck_assert(order[i] < 50 && !seen[order[i]]);
            seen[order[i]] = true;
        }
        cnn__sampler_order(9, epoch, true, other, 50);
        ck_assert_mem_eq(order, other, sizeof(order));
        cnn__sampler_order(9, epoch + 1, true, other, 50);
        ck_assert(memcmp(order, other, sizeof(order)) != 0);
        cnn__sampler_order(10, epoch, true, other, 50);
        ck_assert(memcmp(order, other, sizeof(order)) != 0);
        cnn__sampler_order(9, epoch, false, other, 50);
        for (uint64_t i = 0; i < 50; i++) {
            ck_assert_uint_eq(other[i], i);
        }
    }
}
END_TEST

/* Each sample is as likely at each place. */
START_TEST(orders_are_even)
{
    int seen[6][6] = {{0}};
    uint64_t order[6];
    for (uint64_t epoch = 0; epoch < 6000; epoch++) {
        cnn__sampler_order(1, epoch, true, order, 6);
        for (int i = 0; i < 6; i++) {
            seen[i][order[i]]++;
        }
    }
    for (int i = 0; i < 36; i++) {
        ck_assert_int_ge(seen[i / 6][i % 6], 880); /* 1000 +- 4 standard deviations */
        ck_assert_int_le(seen[i / 6][i % 6], 1120);
    }
}
END_TEST

START_TEST(wrap_is_the_articles_next_batch)
{
    uint64_t order[16];
    cnn__draw draws[16];
    for (size_t i = 0; i < ARRAY_SIZE(golden_batches); i++) {
        const golden_batch *golden = &golden_batches[i];
        cnn__sampler sampler = new_sampler((size_t)golden->count, (uint32_t)golden->batch, (uint32_t)golden->shuffle,
                                           CNN_BATCH_WRAP, 0);
        size_t size = cnn__sampler_batch(&sampler, (uint64_t)golden->number, draws, &whole);
        ck_assert_uint_eq(size, (size_t)golden->size);
        for (size_t k = 0; k < size; k++) {
            cnn__sampler_order(3, (uint64_t)golden->samples[k].epoch, golden->shuffle != 0, order,
                               (size_t)golden->count);
            ck_assert_msg(draws[k].index == order[golden->samples[k].place], "%d samples, batch %d, number %d",
                          golden->count, golden->batch, golden->number);
            ck_assert(!golden->shuffle || draws[k].epoch == (uint64_t)golden->samples[k].epoch);
        }
        ck_assert_uint_eq(draws[size - 1].epoch, (uint64_t)golden->epochs_completed);
        cnn__sampler_free(&sampler);
    }
}
END_TEST

/* A batch of several whole epochs is full, where the article's would come short. */
START_TEST(wrap_over_many_epochs)
{
    cnn__draw draws[10];
    cnn__sampler sampler = new_sampler(3, 10, 1, CNN_BATCH_WRAP, 0);
    for (uint64_t number = 0; number < 6; number++) {
        ck_assert_uint_eq(cnn__sampler_batch(&sampler, number, draws, &whole), 10);
        for (uint64_t k = 0; k < 10; k++) {
            uint64_t at = number * 10 + k, order[3];
            cnn__sampler_order(3, at / 3, true, order, 3);
            ck_assert_uint_eq(draws[k].index, order[at % 3]);
            ck_assert_uint_eq(draws[k].epoch, at / 3);
        }
    }
    ck_assert_uint_eq(cnn__sampler_batches(&sampler), 1);
    ck_assert(!cnn__sampler_ends(&sampler, 1));
    cnn__sampler_free(&sampler);
}
END_TEST

START_TEST(epochs_end_with_a_short_batch)
{
    cnn__draw draws[4];
    cnn__sampler sampler = new_sampler(10, 4, 1, CNN_BATCH_EPOCH, 0);
    ck_assert_uint_eq(cnn__sampler_batches(&sampler), 3);
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        uint64_t order[10];
        cnn__sampler_order(3, epoch, true, order, 10);
        for (uint64_t number = 0; number < 3; number++) {
            size_t size = cnn__sampler_batch(&sampler, epoch * 3 + number, draws, &whole);
            ck_assert_uint_eq(size, number < 2 ? 4 : 2);
            for (size_t k = 0; k < size; k++) {
                ck_assert_uint_eq(draws[k].index, order[number * 4 + k]);
                ck_assert_uint_eq(draws[k].epoch, epoch);
            }
        }
    }
    ck_assert(!cnn__sampler_ends(&sampler, 0));
    ck_assert(!cnn__sampler_ends(&sampler, 2));
    ck_assert(cnn__sampler_ends(&sampler, 3));
    ck_assert(cnn__sampler_ends(&sampler, 6));
    cnn__sampler_free(&sampler);
}
END_TEST

START_TEST(short_batches_can_be_left_out)
{
    cnn__draw draws[4];
    cnn__sampler sampler = new_sampler(10, 4, 0, CNN_BATCH_EPOCH, 1);
    ck_assert_uint_eq(cnn__sampler_batches(&sampler), 2);
    ck_assert_uint_eq(cnn__sampler_batch(&sampler, 2, draws, &whole), 4);
    ck_assert_uint_eq(draws[0].index, 0);
    ck_assert_uint_eq(draws[0].epoch, 1);
    cnn__sampler_free(&sampler);
    const cnn_loader_options options = {.batch = 11, .drop_last = 1};
    ck_assert_int_eq(cnn__sampler_create(context, &options, 10, 3, &sampler), CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(any_place_at_once)
{
    cnn__draw forward[7], back[7];
    cnn__sampler a = new_sampler(23, 7, 1, CNN_BATCH_WRAP, 0), b = new_sampler(23, 7, 1, CNN_BATCH_WRAP, 0);
    for (uint64_t number = 0; number < 40; number++) {
        cnn__sampler_batch(&a, number, forward, &whole);
        cnn__sampler_batch(&b, 39 - number, back, &whole);
        cnn__sampler_batch(&b, number, back, &whole);
        ck_assert_mem_eq(forward, back, sizeof(forward));
    }
    /* Far beyond what counts of samples reach. */
    cnn__sampler_batch(&a, UINT64_C(1) << 40, forward, &whole);
    ck_assert_uint_eq(forward[0].epoch, (UINT64_C(1) << 40) * 7 / 23);
    cnn__sampler_free(&a);
    cnn__sampler_free(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader/sampler");
    TCase *tcase = tcase_create("sampler");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, orders_are_permutations);
    tcase_add_test(tcase, orders_are_even);
    tcase_add_test(tcase, wrap_is_the_articles_next_batch);
    tcase_add_test(tcase, wrap_over_many_epochs);
    tcase_add_test(tcase, epochs_end_with_a_short_batch);
    tcase_add_test(tcase, short_batches_can_be_left_out);
    tcase_add_test(tcase, any_place_at_once);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
