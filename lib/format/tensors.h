/* SPDX-License-Identifier: MIT */
/* safetensors files: named tensors after a JSON header, with text metadata.
 *
 *     8 bytes   size of the header, little-endian
 *     header    {"__metadata__": {key: text, ...}, name: {"dtype", "shape", "data_offsets": [begin, end]}, ...}
 *     data      the tensors, one after another
 *
 * Model files and checkpoints are both such files: whoever reads the format can read the weights, and what only this
 * library knows (the architecture, the pipeline, where a training stands) is text in the metadata. One key there holds
 * a checksum of each tensor. Files of others have none of this, and are read as well.
 *
 * Reading trusts nothing. Opening checks the whole header before a byte of data is read: its size against the file's,
 * sizes whose product fits, places that cover the data without hole or overlap. Tensors are then read one by one,
 * straight to where they belong, so that little more memory is used than the header's and the destination's. Names are
 * found by a hash table, as a hostile file may have very many.
 *
 * Reading is two steps, check and read, so that a caller can refuse a file before it changes anything: all tensors are
 * checked against the model, then all are read.
 *
 * Writing goes to a file of another name, which takes the place of the old one when it is complete
 * (core/file_write.c). */
#ifndef CNN_FORMAT_TENSORS_H
#define CNN_FORMAT_TENSORS_H

#include "core/json.h"
#include "core/table.h"

/* How the metadata's "format" begins in this library's files. */
#define CNN__TENSORS_FORMAT "libcnn"

/* The largest file, so that nothing is written that cannot be read. */
#define CNN__TENSORS_MAX_FILE ((uint64_t)1 << 40)

typedef enum cnn__tensor_type {
    CNN__TENSOR_F32 = 0,
    CNN__TENSOR_F16,
    CNN__TENSOR_BF16,
    CNN__TENSOR_F64,
    CNN__TENSOR_U8,
    CNN__TENSOR_OTHER, /* of a file alone: nothing that is read */
} cnn__tensor_type;

/* The type of that name; CNN__TENSOR_OTHER if it is none that is known. */
cnn__tensor_type cnn__tensor_type_find(const char *name);
/* Bytes of a value; 0 of CNN__TENSOR_OTHER. */
uint64_t cnn__tensor_type_size(cnn__tensor_type type);
/* Values of a type of floating point, as files have them, as float32. */
void cnn__tensor_convert(cnn__tensor_type type, const unsigned char *bytes, size_t count, float *data);

/* One tensor to be written; the data is borrowed. */
typedef struct cnn__tensor_source {
    const char *name;
    cnn_shape shape;
    const void *data;
    cnn__tensor_type type;
} cnn__tensor_source;

/* Metadata under construction: an object of texts, open until cnn__tensors_write() closes it. */
void cnn__metadata_begin(cnn_context *context, cnn__json_writer *metadata);
/* Puts what `object` holds into it as text, and frees `object`. Failures stay in the status of metadata->text. */
void cnn__metadata_set(cnn__json_writer *metadata, const char *key, cnn__json_writer *object);

/* Writes a file of these tensors, in order, with their checksums in the metadata. CNN_ERROR_LIMIT, with nothing
 * touched, if it could not be read again. */
cnn_status cnn__tensors_write(cnn_context *context, const char *path, const cnn__tensor_source *tensors, size_t count,
                              cnn__json_writer *metadata);

/* One tensor of a file; its header has been checked. */
typedef struct cnn__tensor_entry {
    const char *name;
    const char *type_name;
    cnn__tensor_type type;
    bool readable; /* false: of another type, or of more than CNN_MAX_RANK dimensions; the shape is empty then */
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
    cnn__json_document header, checksums;
    const cnn__json *metadata;  /* NULL if there is none */
    cnn__tensor_entry *entries; /* by their place in the data */
    size_t count;
    cnn__table names; /* indices of entries */
    cnn__table sums;  /* values of the checksums' document; empty if there are none */
} cnn__tensors;

/* Opens a file, or takes memory that outlives the use, and checks the whole header. */
cnn_status cnn__tensors_open(cnn_context *context, const char *path, cnn__tensors *file);
cnn_status cnn__tensors_open_memory(cnn_context *context, const void *memory, size_t size, cnn__tensors *file);
void cnn__tensors_close(cnn__tensors *file);

/* Reads `size` bytes at `offset` of file or memory, both known to lie inside. */
cnn_status cnn__tensors_read_at(const cnn__tensors *file, uint64_t offset, void *data, size_t size);

/* Whether the metadata says that this library wrote the file. */
bool cnn__tensors_ours(const cnn__tensors *file);

/* The tensor of that name; NULL if there is none. */
const cnn__tensor_entry *cnn__tensors_find(const cnn__tensors *file, const char *name);
/* CNN_ERROR_MISMATCH naming the tensor and both shapes unless it is there in this shape; CNN_ERROR_UNSUPPORTED naming
 * its type if values cannot be made of it. */
cnn_status cnn__tensors_check(const cnn__tensors *file, const char *name, const cnn_shape *shape);
/* Reads a tensor that cnn__tensors_check() found in order as float32, and checks its checksum where there is one. */
cnn_status cnn__tensors_read(const cnn__tensors *file, const char *name, float *data);
/* Reads the bytes of an entry as they are, and checks their checksum where there is one. */
cnn_status cnn__tensors_read_bytes(const cnn__tensors *file, const cnn__tensor_entry *entry, void *data);

#endif
