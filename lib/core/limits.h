/* SPDX-License-Identifier: MIT */
/* What files of strangers may ask for. Each limit is a line in the table of limits.c, on by default, and set by its
 * name: cnn_context_set_limit(). */
#ifndef CNN_CORE_LIMITS_H
#define CNN_CORE_LIMITS_H

#include "core/context.h"

/* Under this context. */
static inline uint64_t cnn__limit(const cnn_context *context, cnn__limit_name limit) { return context->limits[limit]; }

/* The end of a message that refuses: which limit it is, and how it is raised. */
#define CNN__LIMIT_TEXT(name) "the limit " name " (--allow " name "=N raises it)"

/* Its name. */
const char *cnn__limit_word(cnn__limit_name limit);

/* Whether a file may have so many tensors, and one of that name; `file` is its name as messages have it. */
cnn_status cnn__limit_tensors(cnn_context *context, const char *file, size_t count);
cnn_status cnn__limit_tensor_name(cnn_context *context, const char *file, const char *name);

/* Sets all to their defaults. */
void cnn__limits_init(cnn_context *context);

#endif
