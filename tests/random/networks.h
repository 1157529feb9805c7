/* SPDX-License-Identifier: MIT */
/* A network as networks.py writes it, and the model that it describes. */
#ifndef CNN_TESTS_RANDOM_NETWORKS_H
#define CNN_TESTS_RANDOM_NETWORKS_H

#include <cnn/cnn.h>

#include <stdio.h>

enum { INPUT_STREAM = 1000, PROJECTION_STREAM = 500, STEPS = 3, MAX_LAYERS = 64, MAX_WORDS = 24 };

/* The words "key=value" of a line; they point into its text. */
typedef struct words {
    char *text;
    size_t count;
    const char *keys[MAX_WORDS], *values[MAX_WORDS];
} words;

typedef enum expected_kind {
    EXPECT_OUTPUT,
    EXPECT_TRAINING,
    EXPECT_LOSS,
    EXPECT_GRADIENT,
    EXPECT_PARAMETER
} expected_kind;

typedef struct expectation {
    expected_kind what;
    uint32_t number;         /* of the parameter or step */
    double norm, projection; /* a loss: the value, and 0 */
} expectation;

typedef struct network {
    uint32_t number, batch;
    char loss[32];
    words head, optimizer, layers[MAX_LAYERS];
    char optimizer_kind[16], kinds[MAX_LAYERS][32];
    size_t layer_count, expectation_count, expectation_capacity;
    expectation *expectations;
} network;

/* Reads the next network: 1, or 0 at the end of the file, or -1 at a line that is not understood. */
int network_read(FILE *file, network *n);
void network_free(network *n);

/* Builds the model; on failure false, and the context's last error says why. */
bool network_build(const network *n, cnn_context *context, cnn_model **model);
bool network_optimizer(const network *n, cnn_context *context, cnn_optimizer **optimizer);

#endif
