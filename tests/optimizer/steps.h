/* SPDX-License-Identifier: MIT */
/* What tests of optimizers share: two parameters, of which the second has an offset of its own in the slots, and steps
 * that an optimizer takes with them. */
#ifndef CNN_TESTS_OPTIMIZER_STEPS_H
#define CNN_TESTS_OPTIMIZER_STEPS_H

#include "backend/backend.h"
#include "common/fixture.h"
#include "optimizer/optimizer.h"

typedef struct golden_run {
    const char *name;
    const cnn_sgd_options *sgd;
    const cnn_rmsprop_options *rmsprop;
    const cnn_adam_options *adam;
    const char *text;
    double weights[6][5]; /* after each step */
} golden_run;

#include "optimizer/golden_optimizer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { FIRST = 2, OFFSET = 16, SLOT_VALUES = 32 };

extern test_allocator memory;
extern cnn_context *context;
extern cnn_backend_call call;
extern float weights[SLOT_VALUES], gradients[SLOT_VALUES];

/* The context, with `memory` for its allocator; closing it, nothing may be left. */
void open_context(const char *backend);
void open_reference(void);
void close_context(void);

/* The library gets `blocks` blocks more, or as many as it likes. */
void allow(size_t blocks);
void allow_all(void);

/* The values of both parameters in an array such as `weights`: all, and one. */
void place(float *values, const float *from);
float at(const float *values, size_t i);

cnn_status step(cnn_optimizer *optimizer);

#endif
