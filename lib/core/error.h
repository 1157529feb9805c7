/* SPDX-License-Identifier: MIT */
/* Failing with a message, and logging. */
#ifndef CNN_CORE_ERROR_H
#define CNN_CORE_ERROR_H

#include <cnn/context.h>

#include "core/text.h"

/* Stores the message as the calling thread's last error, logs it and returns `status`. Allocates nothing that
 * can fail visibly: without memory the message is a fixed one. `context` may be NULL: then only the status is kept. */
cnn_status cnn__fail(const cnn_context *context, cnn_status status, const char *format, ...) CNN_PRINTF(3, 4);

/* The status that the calling thread's last error had; CNN_OK if it had none. CNN_ERROR_OUT_OF_MEMORY if there was no
 * memory to remember one, of this thread or another. */
cnn_status cnn__last_status(const cnn_context *context);

void cnn__log(const cnn_context *context, cnn_log_level level, const char *format, ...) CNN_PRINTF(3, 4);

/* The one forwarding macro: returns from the caller unless `call` gave CNN_OK. */
#define CNN__RETURN_IF_ERROR(call)        \
    do {                                  \
        cnn_status cnn__status_ = (call); \
        if (cnn__status_ != CNN_OK) {     \
            return cnn__status_;          \
        }                                 \
    } while (0)

#endif
