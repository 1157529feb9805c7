/* SPDX-License-Identifier: MIT */
/* A file, or memory, that is read by place and size; every place is checked against the end. */
#ifndef CNN_EXCHANGE_BYTES_H
#define CNN_EXCHANGE_BYTES_H

#include "core/context.h"

typedef struct cnn__bytes {
    cnn_context *context;
    char *name;         /* for messages */
    int descriptor;     /* of a file; -1: `memory` */
    const char *memory; /* outlives the use */
    uint64_t size;
} cnn__bytes;

/* CNN_ERROR_LIMIT: the file is longer than the context's limit of models. */
cnn_status cnn__bytes_open(cnn_context *context, const char *path, cnn__bytes *bytes);
cnn_status cnn__bytes_open_memory(cnn_context *context, const char *name, const void *memory, size_t size,
                                  cnn__bytes *bytes);
void cnn__bytes_close(cnn__bytes *bytes);

/* CNN_ERROR_TRUNCATED if that is not all there. */
cnn_status cnn__bytes_read(const cnn__bytes *bytes, uint64_t offset, void *data, size_t size);

/* Numbers as files of Intel's order have them. */
static inline uint32_t cnn__little16(const uint8_t *b) { return (uint32_t)(b[0] | b[1] << 8); }
static inline uint32_t cnn__little32(const uint8_t *b) { return cnn__little16(b) | cnn__little16(b + 2) << 16; }
static inline uint64_t cnn__little64(const uint8_t *b)
{
    return cnn__little32(b) | (uint64_t)cnn__little32(b + 4) << 32;
}

#endif
