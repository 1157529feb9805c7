/* SPDX-License-Identifier: MIT */
/* What tests of the public API share: an allocator that counts and fails, a small data set, a small model. */
#ifndef CNN_TESTS_FIXTURE_H
#define CNN_TESTS_FIXTURE_H

#include <cnn/cnn.h>

#include <stdatomic.h>

/* Goes on with `call` if all was well so far. */
#define THEN(call) status = status == CNN_OK ? (call) : status

/* Counts blocks, and fails the allocation numbered `fail_at` (from 1; 0: none), with `persistent` all later ones
 * too. */
typedef struct test_allocator {
    atomic_size_t calls;
    atomic_size_t blocks; /* alive */
    atomic_size_t bytes;  /* alive */
    atomic_size_t wrong_releases; /* of another size than was asked for */
    size_t fail_at;
    bool persistent;
} test_allocator;

/* The options to hand to cnn_context_options.allocator. */
cnn_allocator test_allocator_options(test_allocator *allocator);

#define TEST_SIDE 12
#define TEST_CLASSES 3
#define TEST_PIXELS (TEST_SIDE * TEST_SIDE)

/* Image `index` of TEST_SIDE x TEST_SIDE grey pixels with noise: horizontal bars, vertical bars or a block, by
 * index % TEST_CLASSES, which is its label. */
void test_draw(size_t index, uint8_t *pixels);

/* A dataset of images `first` to first + count - 1. */
cnn_status test_dataset(cnn_context *context, size_t first, size_t count, cnn_dataset **dataset);

/* Convolution, batch normalisation, pooling, convolution, dropout, dense: a layer of each kind that learns or keeps
 * something. Ends in logits for TEST_CLASSES classes. */
cnn_status test_model(cnn_context *context, cnn_model **model);

/* FNV-1a over all parameter values: equal for equal bits. */
uint64_t test_model_hash(cnn_model *model);
uint64_t test_hash(const void *data, size_t size);

/* Writes to `path` (of `size` bytes) a new name in the folder for temporary files. */
void test_path(char *path, size_t size, const char *name);

#endif
