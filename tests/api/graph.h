/* SPDX-License-Identifier: MIT */
/* What tests of graphs share: models made in a few words, and gradients compared with finite differences. */
#ifndef CNN_TESTS_GRAPH_H
#define CNN_TESTS_GRAPH_H

#include <cnn/cnn.h>

enum { SIDE = 6, CHANNELS = 3, IMAGE = SIDE * SIDE * CHANNELS, BATCH = 2, CLASSES = 3 };

extern cnn_context *graph_context;
void graph_set_up(void);
void graph_tear_down(void);

/* Values from -1 to 1. */
void graph_fill(float *values, size_t count, uint32_t state);
/* Each checks that it succeeds. */
cnn_model *graph_model(const char *name, int32_t side, int32_t channels);
void graph_add(cnn_model *model, cnn_layer *layer);
void graph_build(cnn_model *model);
cnn_session *graph_open(cnn_model *model, const cnn_session_options *options);

/* Every kind of layer that a gradient in inference behaviour passes in a way of its own: an activation inside a layer
 * and one of its own, normalisation, dropout. Named conv1, norm, act, pool, drop, flat, hidden, scores. */
cnn_model *graph_classifier(void);

/* Compares a gradient with what changing the values changes in the weighted first output of another session. */
void graph_compare(const char *what, cnn_session *session, float *values, const float *gradient, size_t count,
                   const float *weights, size_t outputs, uint32_t samples);
/* The same for all trained parameters of the model. */
void graph_compare_parameters(cnn_session *session, cnn_session *other, const float *weights, size_t outputs);

#endif
