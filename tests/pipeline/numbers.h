/* SPDX-License-Identifier: MIT */
/* A dataset of the caller's for the loader's tests: small images that tell their index, made slowly or not at all. */
#ifndef CNN_TESTS_BATCH_NUMBERS_H
#define CNN_TESTS_BATCH_NUMBERS_H

#include <stdatomic.h>
#include <unistd.h>

#include <cnn/loader.h>

#include "support.h"

#define NUMBERS_SIDE 8
#define NUMBERS_PIXELS (NUMBERS_SIDE * NUMBERS_SIDE)
#define NUMBERS_MOST 128

typedef struct numbers {
    uint8_t pixels[NUMBERS_MOST][NUMBERS_PIXELS];
    uint8_t colour[NUMBERS_PIXELS * 3]; /* of an odd sample */
    cnn_status statuses[NUMBERS_MOST];  /* what reading each gives */
    size_t odd;                         /* this sample has 3 channels; SIZE_MAX: none */
    size_t small;                       /* this sample has half the side; SIZE_MAX: none */
    unsigned delay;                     /* microseconds for each read */
    atomic_size_t reads, releases, destroyed, most_at_once, at_once;
} numbers;

static inline cnn_status numbers_read(void *user, size_t index, cnn_sample *sample)
{
    numbers *set = user;
    atomic_fetch_add(&set->reads, 1);
    size_t now = atomic_fetch_add(&set->at_once, 1) + 1, most = atomic_load(&set->most_at_once);
    while (now > most && !atomic_compare_exchange_weak(&set->most_at_once, &most, now)) {
    }
    if (set->delay > 0) {
        usleep(set->delay);
    }
    atomic_fetch_sub(&set->at_once, 1);
    sample->label = (int32_t)(index % 3);
    sample->height = sample->width = index == set->small ? NUMBERS_SIDE / 2 : NUMBERS_SIDE;
    sample->channels = index == set->odd ? 3 : 1;
    sample->pixels = index == set->odd ? set->colour : set->pixels[index];
    return set->statuses[index];
}

static inline void numbers_release(void *user, cnn_sample *sample)
{
    (void)sample;
    atomic_fetch_add(&((numbers *)user)->releases, 1);
}

static inline void numbers_destroy(void *user) { atomic_fetch_add(&((numbers *)user)->destroyed, 1); }

/* Fills the set and makes a dataset of its first `count` images: pixel i of image n is n + i. */
static inline cnn_dataset *new_numbers(cnn_context *context, numbers *set, size_t count)
{
    static const char *const names[3] = {"zero", "one", "two"};
    cnn_dataset *dataset = NULL;
    memset(set, 0, sizeof(*set));
    set->odd = set->small = SIZE_MAX;
    for (size_t n = 0; n < NUMBERS_MOST; n++) {
        for (size_t i = 0; i < NUMBERS_PIXELS; i++) {
            set->pixels[n][i] = (uint8_t)(n + i);
        }
    }
    cnn_status status = cnn_dataset_create_custom(context,
                                                  CNN_DATASET(.user = set, .count = count, .classes = names,
                                                              .class_count = 3, .read = numbers_read,
                                                              .release = numbers_release, .destroy = numbers_destroy),
                                                  &dataset);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    return dataset;
}

#endif
