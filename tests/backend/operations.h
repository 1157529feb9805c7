/* SPDX-License-Identifier: MIT */
/* Every entry of the backend table as an operation that can be run under any context and by a plain double loop. A
 * variant number decides shape and data. */
#ifndef CNN_TESTS_BACKEND_OPERATIONS_H
#define CNN_TESTS_BACKEND_OPERATIONS_H

#include <cnn/backend.h>
#include <cnn/context.h>

/* Arrays of results, each with a scale of its own; integers must agree exactly. */
typedef struct outcome {
    double *values;
    size_t count, capacity;
    size_t ends[8]; /* of each array */
    size_t arrays;
} outcome;

void outcome_floats(outcome *o, const float *values, size_t count);
void outcome_doubles(outcome *o, const double *values, size_t count);
void outcome_bytes(outcome *o, const uint8_t *values, size_t count);
void outcome_words(outcome *o, const uint32_t *values, size_t count);
void outcome_free(outcome *o);

/* The largest difference relative to the largest expected value of the same array; NaN where one has it alone. */
double outcome_error(const outcome *got, const outcome *expected);
bool outcome_same_bits(const outcome *a, const outcome *b);

typedef struct operation {
    const char *name;
    /* Runs the entry under this context. */
    void (*run)(cnn_context *context, uint32_t variant, outcome *o);
    /* The same by plain loops in double. */
    void (*expect)(uint32_t variant, outcome *o);
    uint32_t variants;
    double reference_bound; /* of the reference against the double loop */
    double vector_bound;    /* of any backend against the reference */
} operation;

/* Of the input, in double. */
double expect_activation(int32_t activation, double alpha, double x);

extern const operation conv2d_operations[], dense_operations[], pool_operations[], norm_operations[],
    norm_pool_operations[], elementwise_operations[], update_operations[], copy_operations[], epilogue_operations[],
    rule_operations[], conv3d_operations[], move_operations[], value_operations[];

/* --- what operations are written with --- */

typedef struct generator {
    uint64_t state;
} generator;

generator generator_of(const char *name, uint32_t variant);
uint32_t draw(generator *g, uint32_t from, uint32_t to); /* both included */
float draw_float(generator *g);                          /* in [-1, 1) */
/* An elementwise one; `derived`: whose output tells its derivative, as in calls that a backward pass follows. */
int32_t draw_activation(generator *g, uint32_t variant, bool derived);

/* Memory aligned to 64 bytes between canaries; filled with random values, or with NaN if `g` is NULL. */
float *array_new(generator *g, size_t count);
void *bytes_new(size_t size);
/* From now on memory ends at an unreadable page, and arrays begin at any multiple of 4; or no longer. */
void arrays_at_fences(bool yes);
/* Checks the canaries. */
void array_free(void *array);

/* A call with `size` bytes of workspace. */
void call_begin(cnn_backend_call *call, cnn_context *context, size_t size);
void call_end(cnn_backend_call *call);

/* A context with this backend under CNN_CPU=level (NULL: unset). */
cnn_context *context_new(const char *backend, const char *level, uint32_t threads);

/* The instruction sets that this processor has; NULL past the end. */
const char *cpu_level_at(size_t index);

#endif
