/* SPDX-License-Identifier: MIT */
/* Epochs that have as many samples of each class: a function of seed and epoch alone, as all orders are. */
#ifndef CNN_LOADER_BALANCE_H
#define CNN_LOADER_BALANCE_H

#include <cnn/dataset.h>

typedef struct cnn__balance {
    cnn_context *context;
    uint64_t *members;  /* the samples of the first class, then those of the second, ... */
    size_t *first;      /* [classes + 1]: where those of each begin */
    size_t classes;     /* that have any */
    uint64_t *shuffled; /* room for the members of the largest class */
    uint64_t *turns;    /* [samples], of the order: how many times the sample was drawn before, in all epochs */
} cnn__balance;

/* CNN_ERROR_UNSUPPORTED if the label of a sample is not known. On failure nothing is left. */
cnn_status cnn__balance_create(cnn_context *context, const cnn_dataset *dataset, cnn__balance *balance);
void cnn__balance_free(cnn__balance *balance);

/* Fills `order`, as long as the dataset, and the turns. Each class goes through its samples in one random order after
 * the other, from epoch to epoch without a gap: none is drawn again before all others were. */
void cnn__balance_order(cnn__balance *balance, uint64_t seed, uint64_t epoch, uint64_t *order, size_t count);

#endif
