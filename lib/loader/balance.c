/* SPDX-License-Identifier: MIT */
/* Epochs that have as many samples of each class. */
#include "loader/balance.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/rng.h"
#include "dataset/dataset.h"

/* Sorts the samples by class, by counting; classes without any are left out. */
static cnn_status list_members(cnn__balance *self, const cnn_dataset *dataset, uint64_t *counts)
{
    const size_t classes = cnn_dataset_class_count(dataset), count = cnn_dataset_count(dataset);
    CNN__RETURN_IF_ERROR(cnn_dataset_class_counts(dataset, counts, classes));
    size_t begin = 0, most = 0;
    for (size_t c = 0; c < classes; c++) {
        const size_t samples = (size_t)counts[c];
        most = samples > most ? samples : most;
        counts[c] = begin;
        begin += samples;
        if (samples > 0) {
            self->first[++self->classes] = begin;
        }
    }
    for (size_t i = 0; i < count; i++) {
        self->members[counts[cnn_dataset_label(dataset, i)]++] = i;
    }
    self->shuffled = cnn__alloc_array(self->context, most, sizeof(*self->shuffled));
    return self->shuffled != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

cnn_status cnn__balance_create(cnn_context *context, const cnn_dataset *dataset, cnn__balance *balance)
{
    const size_t classes = cnn_dataset_class_count(dataset), count = cnn_dataset_count(dataset);
    *balance = (cnn__balance){.context = context};
    if (cnn_dataset_target_count(dataset) > 0 || classes == 0) {
        return cnn__fail(context, CNN_ERROR_UNSUPPORTED,
                         "loader: balanced is for samples of one class each; these have %s",
                         classes == 0 ? "no classes" : "target values");
    }
    uint64_t *counts = cnn__alloc_array(context, classes, sizeof(*counts));
    balance->members = cnn__alloc_array(context, count, sizeof(*balance->members));
    balance->turns = cnn__alloc_array(context, count, sizeof(*balance->turns));
    balance->first = cnn__alloc_zero(context, (classes + 1) * sizeof(*balance->first));
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    if (counts != NULL && balance->members != NULL && balance->turns != NULL && balance->first != NULL) {
        status = list_members(balance, dataset, counts);
    }
    cnn__free(context, counts);
    if (status != CNN_OK) {
        cnn__balance_free(balance);
    }
    return status;
}

void cnn__balance_free(cnn__balance *balance)
{
    if (balance->context != NULL) {
        cnn__free(balance->context, balance->members);
        cnn__free(balance->context, balance->first);
        cnn__free(balance->context, balance->shuffled);
        cnn__free(balance->context, balance->turns);
    }
    *balance = (cnn__balance){.context = NULL};
}

/* Draws `wanted` samples of a class; those of the epochs before were as many each. */
static void draw_class(cnn__balance *self, uint64_t seed, size_t class_number, uint64_t begin, size_t wanted,
                       uint64_t *order, uint64_t *turns)
{
    const uint64_t *members = self->members + self->first[class_number];
    const size_t count = self->first[class_number + 1] - self->first[class_number];
    uint64_t turn = UINT64_MAX;
    for (size_t i = 0; i < wanted; i++) {
        const uint64_t place = begin + i;
        if (place / count != turn) {
            cnn__rng rng;
            turn = place / count;
            for (size_t k = 0; k < count; k++) {
                self->shuffled[k] = members[k];
            }
            cnn__rng_init(&rng, seed, CNN__STREAM_BALANCE, turn, class_number);
            cnn__rng_shuffle(&rng, self->shuffled, count);
        }
        order[i] = self->shuffled[place % count];
        turns[i] = turn;
    }
}

void cnn__balance_order(cnn__balance *balance, uint64_t seed, uint64_t epoch, uint64_t *order, size_t count)
{
    size_t at = 0;
    cnn__rng rng;
    for (size_t c = 0; c < balance->classes; c++) {
        const size_t wanted = count / balance->classes + (c < count % balance->classes);
        draw_class(balance, seed, c, epoch * wanted, wanted, order + at, balance->turns + at);
        at += wanted;
    }
    cnn__rng_init(&rng, seed, CNN__STREAM_SHUFFLE, epoch, 0);
    for (size_t i = count; i > 1; i--) {
        const size_t k = (size_t)cnn__rng_below(&rng, i);
        const uint64_t sample = order[i - 1], turn = balance->turns[i - 1];
        order[i - 1] = order[k];
        order[k] = sample;
        balance->turns[i - 1] = balance->turns[k];
        balance->turns[k] = turn;
    }
}
