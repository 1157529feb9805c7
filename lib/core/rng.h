/* SPDX-License-Identifier: MIT */
/* Philox 4x32-10 (Salmon et al. 2011): random numbers as a function of a key and a counter, so that every use
 * has a stream of its own and any number of threads draws the same numbers. */
#ifndef CNN_CORE_RNG_H
#define CNN_CORE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* One stream per use. The numbers are part of the reproducibility promise: append only. */
typedef enum cnn__stream {
    CNN__STREAM_INIT = 1,    /* a: layer, b: parameter */
    CNN__STREAM_SHUFFLE = 2, /* a: epoch */
    CNN__STREAM_AUGMENT = 3, /* a: epoch, b: sample */
    CNN__STREAM_DROPOUT = 4, /* a: step, b: layer */
    CNN__STREAM_SPLIT = 5,   /* a: class */
    CNN__STREAM_SAMPLE = 6,
    CNN__STREAM_FAKE = 7,     /* a: sample */
    CNN__STREAM_MIX = 8,      /* a: batch */
    CNN__STREAM_FLIP = 9,     /* b: sample */
    CNN__STREAM_EXPLAIN = 16, /* a: 0, b: noisy copy; or a: 1, b: channel of a pattern */
    CNN__STREAM_BALANCE = 24, /* a: turn, b: class */
    CNN__STREAM_FOLDS = 25    /* a: class */
} cnn__stream;

typedef struct cnn__rng {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    uint32_t used; /* words of block used up */
} cnn__rng;

/* One block of four words; the kernels' dropout uses it with counter = block number and a 128-bit key folded in. */
void cnn__philox(const uint32_t key[2], const uint32_t counter[4], uint32_t block[4]);

/* Mixes seed, stream and two numbers into a key; used for dropout too. */
void cnn__rng_key(uint64_t seed, cnn__stream stream, uint64_t a, uint64_t b, uint64_t key[2]);

void cnn__rng_init(cnn__rng *rng, uint64_t seed, cnn__stream stream, uint64_t a, uint64_t b);
uint32_t cnn__rng_u32(cnn__rng *rng);
/* Uniform in [0, 1), 32 bits. */
double cnn__rng_uniform(cnn__rng *rng);
/* Standard normal, by Box and Muller's method. */
double cnn__rng_normal(cnn__rng *rng);
/* Beta distributed, both parameters above 0. */
double cnn__rng_beta(cnn__rng *rng, double a, double b);
/* Uniform in [0, bound), without bias; bound at least 1. */
uint64_t cnn__rng_below(cnn__rng *rng, uint64_t bound);
/* Fisher-Yates. */
void cnn__rng_shuffle(cnn__rng *rng, uint64_t *values, size_t count);

#endif
