/* SPDX-License-Identifier: MIT */
/* The kinds of fields, with what reads and what writes one. */
#ifndef CNN_ONNX_FIELD_H
#define CNN_ONNX_FIELD_H

#include "onnx/io.h"

typedef enum cnn__onnx_field_kind {
    CNN__ONNX_TEXT,
    CNN__ONNX_TEXTS,
    CNN__ONNX_INTS,
    CNN__ONNX_FLOATS,
    CNN__ONNX_DOUBLES,
    CNN__ONNX_RAW,  /* bytes of a tensor */
    CNN__ONNX_LIST, /* messages */
    CNN__ONNX_ONE,  /* a message that is there once or not at all */
    CNN__ONNX_PART  /* a message whose place is there already */
} cnn__onnx_field_kind;

typedef bool (*cnn__onnx_decoder)(pb_istream_t *stream, const pb_field_t *field, void **arg);
typedef bool (*cnn__onnx_encoder)(pb_ostream_t *stream, const pb_field_t *field, void *const *arg);

/* By kind; `arg` is a cnn__onnx_slot. */
extern const cnn__onnx_decoder cnn__onnx_decoders[];
extern const cnn__onnx_encoder cnn__onnx_encoders[];

/* The allocator failed, which has said so. */
static inline bool cnn__onnx_without_memory(cnn__onnx_io *io)
{
    io->status = cnn__last_status(io->context);
    return false;
}

#endif
