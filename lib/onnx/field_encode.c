/* SPDX-License-Identifier: MIT */
/* Writing fields. */
#include <string.h>

#include "onnx/field.h"

static bool put_text(pb_ostream_t *stream, const pb_field_t *field, const char *text)
{
    return pb_encode_tag_for_field(stream, field) && pb_encode_string(stream, (const pb_byte_t *)text, strlen(text));
}

static bool encode_text(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const char *const *text = ((const cnn__onnx_slot *)*arg)->target;
    return *text == NULL || **text == '\0' || put_text(stream, field, *text);
}

static bool encode_texts(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_list *texts = ((const cnn__onnx_slot *)*arg)->target;
    const char *const *items = texts->items;
    bool done = true;
    for (size_t i = 0; i < texts->count && done; i++) {
        done = put_text(stream, field, items[i] != NULL ? items[i] : "");
    }
    return done;
}

static bool encode_ints(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_list *ints = ((const cnn__onnx_slot *)*arg)->target;
    const int64_t *items = ints->items;
    pb_ostream_t sizing = PB_OSTREAM_SIZING;
    bool done = true;
    if (ints->count == 0) {
        return true;
    }
    for (size_t i = 0; i < ints->count; i++) {
        (void)pb_encode_varint(&sizing, (uint64_t)items[i]);
    }
    done = pb_encode_tag(stream, PB_WT_STRING, field->tag) && pb_encode_varint(stream, sizing.bytes_written);
    for (size_t i = 0; i < ints->count && done; i++) {
        done = pb_encode_varint(stream, (uint64_t)items[i]);
    }
    return done;
}

static bool put_bytes(pb_ostream_t *stream, const pb_field_t *field, const void *bytes, size_t size)
{
    return pb_encode_tag(stream, PB_WT_STRING, field->tag) && pb_encode_varint(stream, size) &&
           pb_write(stream, bytes, size);
}

static bool encode_floats(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_list *floats = ((const cnn__onnx_slot *)*arg)->target;
    return floats->count == 0 || put_bytes(stream, field, floats->items, floats->count * sizeof(float));
}

static bool encode_doubles(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_list *doubles = ((const cnn__onnx_slot *)*arg)->target;
    return doubles->count == 0 || put_bytes(stream, field, doubles->items, doubles->count * sizeof(double));
}

/* While a size is found (a stream without a callback) nobody is asked for values. */
static bool encode_raw(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_slot *slot = *arg;
    const cnn__onnx_list *raw = slot->target;
    const void *values = raw->items;
    if (raw->count == 0 && raw->items == NULL) {
        return true;
    }
    if (slot->owner->values != NULL && stream->callback != NULL) {
        values = slot->owner->values(slot->owner->user, slot->owner);
        if (values == NULL) {
            return cnn__onnx_without_memory(slot->io);
        }
    }
    return put_bytes(stream, field, values, raw->count);
}

/* A message with its length in front. */
static bool put_message(pb_ostream_t *stream, const pb_field_t *field, const cnn__onnx_slot *slot, void *item)
{
    pb_ostream_t sizing = PB_OSTREAM_SIZING;
    if (!slot->message(slot->io, NULL, &sizing, item) || !pb_encode_tag(stream, PB_WT_STRING, field->tag) ||
        !pb_encode_varint(stream, sizing.bytes_written)) {
        return false;
    }
    return stream->callback == NULL ? pb_write(stream, NULL, sizing.bytes_written)
                                    : slot->message(slot->io, NULL, stream, item);
}

static bool encode_list(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_slot *slot = *arg;
    const cnn__onnx_list *list = slot->target;
    bool done = true;
    for (size_t i = 0; i < list->count && done; i++) {
        done = put_message(stream, field, slot, (char *)list->items + i * slot->item_size);
    }
    return done;
}

static bool encode_part(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_slot *slot = *arg;
    return put_message(stream, field, slot, slot->target);
}

static bool encode_one(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_slot *slot = *arg;
    void *item = NULL;
    memcpy(&item, slot->target, sizeof(item));
    return item == NULL || put_message(stream, field, slot, item);
}

const cnn__onnx_encoder cnn__onnx_encoders[] = {
    [CNN__ONNX_TEXT] = encode_text,     [CNN__ONNX_TEXTS] = encode_texts,     [CNN__ONNX_INTS] = encode_ints,
    [CNN__ONNX_FLOATS] = encode_floats, [CNN__ONNX_DOUBLES] = encode_doubles, [CNN__ONNX_RAW] = encode_raw,
    [CNN__ONNX_LIST] = encode_list,     [CNN__ONNX_ONE] = encode_one,         [CNN__ONNX_PART] = encode_part,
};

/* ---- whole files ---- */

static bool hand_out(pb_ostream_t *stream, const pb_byte_t *bytes, size_t size)
{
    cnn__onnx_io *io = stream->state;
    io->status = io->write(io->user, bytes, size);
    return io->status == CNN_OK;
}

cnn_status cnn__onnx_encode(cnn_context *context, const cnn__onnx_model *model, cnn_write_function write, void *user)
{
    cnn__onnx_io io = {.context = context, .write = write, .user = user};
    cnn__onnx_model copy = *model;
    pb_ostream_t stream = {.callback = hand_out, .state = &io, .max_size = INT32_MAX};
    pb_ostream_t sizing = PB_OSTREAM_SIZING;
    if (!cnn__onnx_model_message(&io, NULL, &sizing, &copy) || sizing.bytes_written > INT32_MAX) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "the model does not fit into the 2 GiB of an ONNX file");
    }
    if (cnn__onnx_model_message(&io, NULL, &stream, &copy)) {
        return CNN_OK;
    }
    return io.status != CNN_OK
               ? io.status
               : cnn__fail(context, CNN_ERROR_LIMIT, "the model cannot be written as ONNX: %s", PB_GET_ERROR(&stream));
}
