/* SPDX-License-Identifier: MIT */
/* Binding fields, in both directions. */
#include "onnx/field.h"

static void bind(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_slot value, cnn__onnx_field_kind kind)
{
    *slot = value;
    field->arg = slot;
    if (slot->io->arena != NULL) {
        field->funcs.decode = cnn__onnx_decoders[kind];
    } else {
        field->funcs.encode = cnn__onnx_encoders[kind];
    }
}

void cnn__onnx_bind_text(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, const char **text)
{
    if (io->arena != NULL) {
        *text = *text == NULL ? "" : *text;
    }
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = text}, CNN__ONNX_TEXT);
}

void cnn__onnx_bind_texts(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *texts)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = texts}, CNN__ONNX_TEXTS);
}

void cnn__onnx_bind_ints(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *ints)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = ints}, CNN__ONNX_INTS);
}

void cnn__onnx_bind_floats(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *floats)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = floats}, CNN__ONNX_FLOATS);
}

void cnn__onnx_bind_doubles(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *doubles)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = doubles}, CNN__ONNX_DOUBLES);
}

void cnn__onnx_bind_raw(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_tensor *tensor)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = &tensor->raw, .owner = tensor}, CNN__ONNX_RAW);
}

void cnn__onnx_bind_list(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *list,
                         cnn__onnx_message message, size_t item_size)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = list, .message = message, .item_size = item_size},
         CNN__ONNX_LIST);
}

void cnn__onnx_bind_one(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, void *item,
                        cnn__onnx_message message, size_t item_size)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = item, .message = message, .item_size = item_size},
         CNN__ONNX_ONE);
}

void cnn__onnx_bind_part(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, void *item,
                         cnn__onnx_message message)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = item, .message = message}, CNN__ONNX_PART);
}

bool cnn__onnx_pass(pb_istream_t *in, pb_ostream_t *out, const pb_msgdesc_t *fields, void *message)
{
    /* The message begins empty: numbers that are not in the file keep what was bound. */
    return in != NULL ? pb_decode_ex(in, fields, message, PB_DECODE_NOINIT) : pb_encode(out, fields, message);
}
