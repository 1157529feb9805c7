/* SPDX-License-Identifier: MIT */
/* safetensors files: named float32 tensors behind a JSON header, with text metadata. */
#ifndef CNN_FORMAT_TENSORS_H
#define CNN_FORMAT_TENSORS_H

#include "format/json.h"

/* Limits of what is read. */
#define CNN__TENSORS_MAX_HEADER ((uint64_t)16 << 20)
#define CNN__TENSORS_MAX_COUNT 65536
#define CNN__TENSORS_MAX_NAME 1024
#define CNN__TENSORS_MAX_FILE ((uint64_t)16 << 30)

/* One tensor to be written; the data is borrowed. */
typedef struct cnn__tensor_source {
    const char *name;
    cnn_shape shape;
    const float *data;
} cnn__tensor_source;

/* Writes a file of these tensors, in order. `metadata` is an object of texts, to which their checksums are added. */
cnn_status cnn__tensors_write(cnn_context *context, const char *path, const cnn__tensor_source *tensors, size_t count,
                              json_t *metadata);

/* One tensor of a file; its header has been checked. */
typedef struct cnn__tensor_entry {
    const char *name;
    cnn_shape shape;
    uint64_t begin, end; /* bytes from the start of the data */
} cnn__tensor_entry;

typedef struct cnn__tensors {
    cnn_context *context;
    char *name;     /* for messages */
    int descriptor; /* of a file; -1: `memory` */
    const char *memory;
    uint64_t size; /* of file or memory */
    uint64_t data; /* where the data begins */
    json_t *header;
    json_t *metadata;           /* borrowed from the header; NULL if there is none */
    json_t *checksums;          /* NULL if there are none */
    cnn__tensor_entry *entries; /* by their place in the data */
    size_t count;
} cnn__tensors;

/* Opens a file, or takes memory that outlives the use, and checks the whole header. */
cnn_status cnn__tensors_open(cnn_context *context, const char *path, cnn__tensors *file);
cnn_status cnn__tensors_open_memory(cnn_context *context, const void *memory, size_t size, cnn__tensors *file);
void cnn__tensors_close(cnn__tensors *file);

/* The tensor of that name; NULL if there is none. */
const cnn__tensor_entry *cnn__tensors_find(const cnn__tensors *file, const char *name);
/* CNN_ERROR_MISMATCH naming the tensor and both shapes unless it is there in this shape. */
cnn_status cnn__tensors_check(const cnn__tensors *file, const char *name, const cnn_shape *shape);
/* Reads a tensor that cnn__tensors_check() found in order, and checks its checksum where there is one. */
cnn_status cnn__tensors_read(const cnn__tensors *file, const char *name, float *data);

#endif
