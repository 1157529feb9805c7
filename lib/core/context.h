/* SPDX-License-Identifier: MIT */
/* What a context holds, and its life without a backend. */
#ifndef CNN_CORE_CONTEXT_H
#define CNN_CORE_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include <cnn/backend.h>
#include <cnn/context.h>

#include "core/cpu.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/threads.h"

/* Most pixels of a decoded image, unless options of the context or of the decoding say otherwise; and of what a
 * pipeline makes of one. */
#define CNN__DEFAULT_MAX_PIXELS UINT64_C(64000000)

/* Longest message, its NUL included; longer ones are cut. */
#define CNN__MESSAGE_SIZE 1024

/* The last error of one thread. */
typedef struct cnn__error_slot {
    struct cnn__error_slot *next;
    pthread_t thread;
    cnn_status status;
    char message[CNN__MESSAGE_SIZE];
} cnn__error_slot;

/* Limits: see limits.c, whose table has a line for each. */
typedef enum cnn__limit_name {
    CNN__LIMIT_PIXELS,
    CNN__LIMIT_IMAGE_SIDE,
    CNN__LIMIT_IMAGE_BYTES,
    CNN__LIMIT_JPEG_SCANS,
    CNN__LIMIT_PNG_CHUNKS,
    CNN__LIMIT_DATA_BYTES,
    CNN__LIMIT_TABLE_BYTES,
    CNN__LIMIT_MODEL_BYTES,
    CNN__LIMIT_ONNX_BYTES,
    CNN__LIMIT_HEADER_BYTES,
    CNN__LIMIT_JSON_VALUES,
    CNN__LIMIT_JSON_DEPTH,
    CNN__LIMIT_TENSORS,
    CNN__LIMIT_NAME_BYTES,
    CNN__LIMIT_EXPANDED_BYTES,
    CNN__LIMIT_SESSION_BYTES,
    CNN__LIMITS
} cnn__limit_name;

struct cnn_context {
    cnn_allocator allocator;
    cnn_log_function log;
    void *log_user;
    cnn_log_level log_level;
    uint64_t seed;
    uint64_t limits[CNN__LIMITS];
    cnn__cpu_level cpu;  /* looked at once: asking the processor is slow on virtual machines */
    cnn_math math; /* fast or strict. Set by backend/registry.c */
    cnn__pool *pool;
    cnn_backend backend; /* complete: no entry is NULL. Filled by backend/registry.c */
    pthread_key_t error_key;                  /* of the calling thread's slot */
    bool has_error_key;
    _Atomic(struct cnn__error_slot *) errors; /* entries stay until the end */
    cnn__error_slot no_memory;                /* what a thread gets for which no slot could be allocated; constant */
    atomic_bool lost_errors;                  /* there was such a thread */
};

/* Allocates and fills a context from checked options: everything but the backend. */
cnn_status cnn__context_init(const cnn_context_options *options, cnn_context **context);
void cnn__context_destroy(cnn_context *context);

/* Most pixels of a decoded image where the options of decoding do not say, and of what a pipeline makes of one. */
static inline uint64_t cnn__context_max_pixels(const cnn_context *context)
{
    return context->limits[CNN__LIMIT_PIXELS];
}

#endif
