/* SPDX-License-Identifier: MIT */
/** Where a session's time goes: a report after each of its operations. */
#ifndef CNN_TRACE_H
#define CNN_TRACE_H

#include <cnn/common.h>
#include <cnn/session.h>

CNN_BEGIN_DECLS

/** What was done. The numbers of the first three are those of cnn_pass. */
typedef enum cnn_trace_pass {
    CNN_TRACE_FORWARD = 0,
    CNN_TRACE_BACKWARD_DATA = 1,   /**< convolution and dense: the gradient of the input */
    CNN_TRACE_BACKWARD_FILTER = 2, /**< convolution and dense: the gradients of the parameters */
    CNN_TRACE_BACKWARD = 3,        /**< other layers: all gradients. The derivative of a convolution's or dense layer's
                                        activation is part of its first record of the two above */
    CNN_TRACE_PREPARE = 4,         /**< inference: parameters had changed and were prepared anew */
    CNN_TRACE_UPDATE = 5           /**< cnn_optimizer_step(), once for all parameters */
} cnn_trace_pass;

/** One operation. It may stand for several layers: a pooling, normalisation or activation that is done in the same
    pass goes by the first layer's name. */
typedef struct cnn_trace_record {
    size_t struct_size;    /**< of the library's struct: fields may be appended */
    const char *layer;     /**< name; NULL for CNN_TRACE_UPDATE. Valid as long as the model */
    const char *type;      /**< its kind, "Conv2D"; the optimizer's name for CNN_TRACE_UPDATE */
    int32_t pass;          /**< a cnn_trace_pass */
    uint32_t samples;      /**< of the last forward pass */
    double seconds;        /**< by a monotonic clock */
    double flop;           /**< convolution and dense: multiplications and additions by the plain formula, also where
                                the algorithm needs fewer; else 0 */
    const char *algorithm; /**< "direct", "winograd-4x4-3x3"; NULL where there is no choice, or not known. Static */
    const char *reason;    /**< why that one; NULL if not known. Static */
} cnn_trace_record;

/** Receives a record, on the thread that runs the session. It must not call the session. */
typedef void (*cnn_trace_function)(void *user, const cnn_trace_record *record);

/**
 * Calls `function` after each operation of the session's later passes, and
 * after each step of an optimizer in it; NULL ends that. While it is set, a
 * convolution's and a dense layer's two gradients are computed one after the
 * other and reported apart; results are the same to the bit. Operations that
 * take a batch in parts are reported once each, with all samples, after the
 * last part. Costs nothing when not set. Not thread-safe: as all calls of a
 * session. Since 0.1.
 */
CNN_API void cnn_session_set_trace(cnn_session *session, cnn_trace_function function, void *user);

CNN_END_DECLS

#endif
