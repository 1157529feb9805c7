/* SPDX-License-Identifier: MIT */
/* Fields of messages by nanopb, in both directions: schema.c says once for each message which field lies where, and
 * field_decode.c or field_encode.c reads or writes it. */
#ifndef CNN_ONNX_IO_H
#define CNN_ONNX_IO_H

#include <pb_decode.h>
#include <pb_encode.h>

#include "onnx/proto.h"

/* A file that is being decoded or encoded. */
typedef struct cnn__onnx_io {
    cnn_context *context;
    const char *file;
    cnn__arena *arena;               /* decoding; NULL: encoding */
    const unsigned char *bytes, *at; /* decoding: the file, and how far it was read */
    cnn_write_function write;        /* encoding */
    void *user;
    cnn_status status; /* the first failure that is not nanopb's */
} cnn__onnx_io;

struct cnn__onnx_slot;
/* Reads or writes one message, whose place in memory is `item`. */
typedef bool (*cnn__onnx_message)(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item);

/* Where a field lies. */
typedef struct cnn__onnx_slot {
    cnn__onnx_io *io;
    void *target;
    cnn__onnx_message message; /* of fields that are messages */
    size_t item_size;          /* of messages, in a list or alone */
    cnn__onnx_tensor *owner;   /* of raw data */
} cnn__onnx_slot;

/* Each makes nanopb's field call the functions for a target of its kind, by way of the slot. */
void cnn__onnx_bind_text(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, const char **text);
void cnn__onnx_bind_texts(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *texts);
void cnn__onnx_bind_ints(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *ints);
void cnn__onnx_bind_floats(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *floats);
void cnn__onnx_bind_doubles(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *doubles);
void cnn__onnx_bind_raw(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_tensor *tensor);
void cnn__onnx_bind_list(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *list,
                         cnn__onnx_message message, size_t item_size);
/* A message that is there once or not at all: `item` is a pointer to a pointer to it. */
void cnn__onnx_bind_one(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, void *item,
                        cnn__onnx_message message, size_t item_size);
/* A message whose place is there already. */
void cnn__onnx_bind_part(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, void *item,
                         cnn__onnx_message message);

/* Reads or writes the message itself, once its fields are bound. */
bool cnn__onnx_pass(pb_istream_t *in, pb_ostream_t *out, const pb_msgdesc_t *fields, void *message);

bool cnn__onnx_model_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item);
bool cnn__onnx_tensor_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item);

#endif
