/* SPDX-License-Identifier: MIT */
/* Reading bytes in memory in order, decompressed where they are gzip data. */
#ifndef CNN_DATASET_INFLATE_H
#define CNN_DATASET_INFLATE_H

#include <zlib.h>

#include <cnn/context.h>

typedef struct cnn__inflater {
    cnn_context *context;
    const char *name; /* of the file, for messages */
    const uint8_t *bytes;
    size_t size;
    size_t position; /* in the bytes as they are in the file */
    bool gzip;
    bool ended; /* no more data: a member's checksum was right, and none follows */
    z_stream stream;
} cnn__inflater;

/* `bytes` and `name` stay the caller's and must outlive the inflater. On failure nothing is left to free. */
cnn_status cnn__inflater_init(cnn_context *context, const char *name, const uint8_t *bytes, size_t size,
                              cnn__inflater *inflater);
void cnn__inflater_free(cnn__inflater *inflater);

/* Reads up to `size` bytes; *got is less only where the data ends (then `ended` is set) or is cut off. Damaged gzip
 * data is CNN_ERROR_FORMAT. */
cnn_status cnn__inflater_read(cnn__inflater *inflater, void *data, size_t size, size_t *got);

/* Most bytes that can still come out: what deflate can make of the rest at best. */
size_t cnn__inflater_bound(const cnn__inflater *inflater);

#endif
