/* SPDX-License-Identifier: MIT */
/** The context: allocator, threads, backend, seed, log and the last error. */
#ifndef CNN_CONTEXT_H
#define CNN_CONTEXT_H

#include <cnn/common.h>

CNN_BEGIN_DECLS

struct cnn_backend;

/**
 * What all other handles are made from. Create it first, free it last.
 *
 * Threads. Passes, losses and optimizer steps compute in a floating-point mode
 * of their own: rounding to nearest, subnormal numbers as 0, no traps. The
 * calling thread has its own mode and flags back when the call returns; custom
 * layers, losses and optimizers run in that mode when a session calls them.
 * A thread must not be cancelled (pthread_cancel(), or a longjmp() out of a
 * custom function) within a call: locks and other threads' work would be left
 * as they are. Between calls both do no harm.
 *
 * fork(). The child has the calling thread alone. There, contexts, models and
 * sessions that no other thread was using at that moment go on working, on one
 * thread, and may be freed.
 */
typedef struct cnn_context cnn_context;

/**
 * Where the library takes its memory from. Both functions are called from any
 * thread that uses the context, at the same time. What the linked libraries
 * (JPEG, PNG, GIF, WebP, TIFF, JSON, gzip, thread pool, BLIS) need inside their own calls comes
 * from malloc.
 */
typedef struct cnn_allocator {
    size_t struct_size; /**< sizeof(cnn_allocator) */
    void *user;         /**< handed to both functions */
    /** Returns `size` bytes (never 0) aligned to `alignment` (a power of two), or NULL. */
    void *(*allocate)(void *user, size_t size, size_t alignment);
    /** Takes back what `allocate` gave for this size; never called with NULL. An arena may do nothing here. */
    void (*release)(void *user, void *memory, size_t size);
} cnn_allocator;

/**
 * Runs tasks in place of the library's own thread pool.
 * `run` calls task(argument, i) once for each i in [0, count) and returns when
 * all calls have returned; calls for different i may run at the same time.
 */
typedef struct cnn_executor {
    size_t struct_size; /**< sizeof(cnn_executor) */
    void *user;         /**< handed to `run` */
    uint32_t threads;   /**< how many tasks can run at the same time, at least 1 */
    void (*run)(void *user, void (*task)(void *argument, size_t index), void *argument, size_t count);
} cnn_executor;

typedef enum cnn_log_level {
    CNN_LOG_ERROR = 1,   /**< a call failed; the text is that of cnn_last_error() */
    CNN_LOG_WARNING = 2, /**< a call went on, but something is odd: a skipped image, a hidden folder */
    CNN_LOG_INFO = 3     /**< what was chosen: backend, algorithm */
} cnn_log_level;

/** Receives one message without a newline. May be called from any thread, at the same time. */
typedef void (*cnn_log_function)(void *user, cnn_log_level level, const char *message);

/**
 * How convolutions may be computed. Fast ones use Winograd's transforms where
 * they pay: two to three times as fast, with a rounding error of some 1e-5 of
 * the largest result, 6.5e-5 at the worst seen, where plain sums have up to
 * 2.2e-6; far below what training and prediction notice, which is why it is the default. What is not finite in
 * one place then spreads over its neighbours. Strict ones are plain sums. The
 * bits are the same for any number of threads in both. A caller's own backend
 * does as it does.
 */
typedef enum cnn_math {
    CNN_MATH_DEFAULT = 0, /**< the environment variable CNN_MATH, "fast" or "strict", if set; else fast */
    CNN_MATH_FAST = 1,
    CNN_MATH_STRICT = 2
} cnn_math;

/** Options of cnn_context_create(); write them with CNN_CONTEXT(). */
typedef struct cnn_context_options {
    size_t struct_size;
    uint32_t threads;                   /**< threads that compute, the caller's included; 1 creates none.
                                            0: as many as the process may use: its processors, or what the CPU
                                            quota of its container comes to, rounded up */
    uint32_t log_level;                 /**< least important level that is logged; 0: CNN_LOG_WARNING */
    uint64_t seed;                      /**< of every random choice made under this context */
    const char *backend;                /**< "reference", "vector", "blis" or a registered name. NULL: the environment
                                            variable CNN_BACKEND if set, else the best built in */
    const struct cnn_backend *backends; /**< custom backends, beside those built in; copied */
    size_t backend_count;               /**< how many */
    const cnn_allocator *allocator;     /**< copied; NULL: malloc */
    const cnn_executor *executor;       /**< copied; NULL: the library's own pool of `threads` */
    cnn_log_function log;               /**< NULL: nothing is logged */
    void *log_user;                     /**< handed to `log` */
    uint32_t math;                      /**< a cnn_math */
    uint32_t reserved;
    uint64_t max_pixels;                /**< most pixels of an image, as it is decoded and after each step of a
                                             pipeline; what asks for more is CNN_ERROR_LIMIT. 0: 64,000,000 */
    uint64_t max_session_bytes;        /**< largest session that cnn_session_create() makes, as
                                            cnn_model_session_bytes() counts: a model file of a few hundred bytes can
                                            describe one of any size. 0: the machine's memory */
} cnn_context_options;

#define CNN_CONTEXT(...) CNN_OPTIONS(cnn_context_options, __VA_ARGS__)

/**
 * Creates a context.
 *
 * options  NULL for all defaults.
 * context  receives the handle, or NULL on failure.
 *
 * Returns CNN_OK; CNN_ERROR_NOT_FOUND for an unknown backend name (never a
 * silent fallback); CNN_ERROR_INVALID_ARGUMENT; CNN_ERROR_VERSION;
 * CNN_ERROR_UNSUPPORTED if the processor lacks what the backend needs;
 * CNN_ERROR_OUT_OF_MEMORY; CNN_ERROR_THREAD. As there is no context yet, the
 * detail of a failure goes to `options->log`. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_context_create(const cnn_context_options *options, cnn_context **context);

/** Frees the context; every handle made from it must be freed before. NULL is allowed. Since 0.1. */
CNN_API void cnn_context_free(cnn_context *context);

/**
 * The detail of the last call under this context that failed on the calling
 * thread: file, layer, shape, reason. "" if none failed. Valid until the next
 * failing call on this thread, or the end of the context. Not changed by calls
 * that succeed. NULL, a context that could not be created, gives "".
 * Thread-safe. Since 0.1.
 */
CNN_API const char *cnn_last_error(const cnn_context *context);

/**
 * Sets one of the limits on what files may ask for, by its name, such as
 * "jpeg_scans": cnn_limit_usage() lists them. All are on by default; what is
 * over one is CNN_ERROR_LIMIT, with a message that names it. Options of a call
 * (cnn_decode_options.max_pixels) go before limits of the context.
 *
 * value   at least 1; up to what the library bears, which the message of a
 *         refusal says. Some can only be lowered.
 *
 * Returns CNN_OK; CNN_ERROR_NOT_FOUND for another name; CNN_ERROR_INVALID_ARGUMENT
 * for a value out of range. Not thread-safe: before other calls use the context.
 * Since 0.1.
 */
CNN_API cnn_status cnn_context_set_limit(cnn_context *context, const char *name, uint64_t value);

/** A limit; 0 if there is none of that name. Thread-safe, unless one is being set. Since 0.1. */
CNN_API uint64_t cnn_context_limit(const cnn_context *context, const char *name);

/** One line for each limit, "jpeg_scans: of a progressive JPEG; 100": name, meaning and default; NULL past the end.
    Static storage. Thread-safe. Since 0.1. */
CNN_API const char *cnn_limit_usage(size_t index);

/** The name of the backend in use. Valid as long as the context. Thread-safe. Since 0.1. */
CNN_API const char *cnn_context_backend(const cnn_context *context);

/** How convolutions are computed: "fast" or "strict", see cnn_math. Static storage. Thread-safe. Since 0.1. */
CNN_API const char *cnn_context_math(const cnn_context *context);

/** The number of threads that compute. Thread-safe. Since 0.1. */
CNN_API uint32_t cnn_context_threads(const cnn_context *context);

/** The seed. Thread-safe. Since 0.1. */
CNN_API uint64_t cnn_context_seed(const cnn_context *context);

/** The names of the built-in backends, best first; NULL past the end. Static storage. Thread-safe. Since 0.1. */
CNN_API const char *cnn_backend_name(size_t index);

/**
 * The instruction set that the vector kernels use on this processor:
 * "baseline", "avx2" or "avx512". The environment variable CNN_CPU names the
 * highest one to use. Static storage. Thread-safe. Since 0.1.
 */
CNN_API const char *cnn_cpu_level(void);

/**
 * Measures what the processor can do at most, in 10^9 multiplications and
 * additions a second: multiply-adds in registers, with the instruction set of
 * cnn_cpu_level() and all threads of the context, for about 0.1 seconds. What
 * the speed of a layer is compared with; a transform that saves
 * multiplications can be above it. 0 in a build without vector kernels.
 * Thread-safe. Since 0.1.
 */
CNN_API double cnn_cpu_peak_gflops(const cnn_context *context);

CNN_END_DECLS

#endif
