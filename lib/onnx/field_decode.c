/* SPDX-License-Identifier: MIT */
/* Reading fields. Bytes of a tensor are not copied: where they lie is noted. */
#include <string.h>

#include "onnx/field.h"

/* Advances in the bytes; nanopb has looked whether there are as many. */
static bool take(pb_istream_t *stream, pb_byte_t *to, size_t count)
{
    cnn__onnx_io *io = stream->state;
    if (to != NULL) {
        memcpy(to, io->at, count);
    }
    io->at += count;
    return true;
}

/* The rest of a field that has a length, where it lies. NULL: nanopb has read it already, for it is a single number. */
static const unsigned char *rest(pb_istream_t *stream, size_t *size)
{
    if (stream->callback != take) {
        return NULL;
    }
    cnn__onnx_io *io = stream->state;
    const unsigned char *at = io->at;
    *size = stream->bytes_left;
    io->at += stream->bytes_left;
    stream->bytes_left = 0;
    return at;
}

static bool fail(cnn__onnx_io *io, cnn_status status, const char *reason)
{
    io->status = cnn__fail(io->context, status, "%s: at byte %zu: %s", io->file, (size_t)(io->at - io->bytes), reason);
    return false;
}

void *cnn__onnx_append(cnn__arena *arena, cnn__onnx_list *list, size_t item_size)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity > 0 ? list->capacity * 2 : 4;
        void *items = cnn__arena_array(arena, capacity, item_size);
        if (items == NULL) {
            return NULL;
        }
        if (list->count > 0) {
            memcpy(items, list->items, list->count * item_size);
        }
        list->items = items;
        list->capacity = capacity;
    }
    return (char *)list->items + list->count++ * item_size;
}

/* As above, within bounds. */
static void *append(cnn__onnx_io *io, cnn__onnx_list *list, size_t item_size)
{
    if (list->count >= CNN__ONNX_MOST_ITEMS) {
        (void)fail(io, CNN_ERROR_LIMIT, "a list is longer than 65536");
        return NULL;
    }
    void *item = cnn__onnx_append(io->arena, list, item_size);
    if (item == NULL) {
        (void)cnn__onnx_without_memory(io);
    }
    return item;
}

static bool read_name(cnn__onnx_io *io, pb_istream_t *stream, const char **text)
{
    size_t size = 0;
    const unsigned char *at = rest(stream, &size);
    if (at == NULL || size > CNN__ONNX_MOST_TEXT || memchr(at, 0, size) != NULL) {
        return fail(io, at != NULL && size > CNN__ONNX_MOST_TEXT ? CNN_ERROR_LIMIT : CNN_ERROR_FORMAT,
                    "a text is longer than 1 MiB, or not a text");
    }
    *text = cnn__arena_text(io->arena, at, size);
    return *text != NULL || cnn__onnx_without_memory(io);
}

static bool decode_text(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    (void)field;
    return read_name(slot->io, stream, slot->target);
}

static bool decode_texts(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    (void)field;
    const char **text = append(slot->io, slot->target, sizeof(*text));
    return text != NULL && read_name(slot->io, stream, text);
}

/* One number, or all of a packed field. */
static bool decode_ints(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    (void)field;
    while (stream->bytes_left > 0) {
        uint64_t number = 0;
        if (!pb_decode_varint(stream, &number)) {
            return false;
        }
        int64_t *item = cnn__onnx_append(slot->io->arena, slot->target, sizeof(*item));
        if (item == NULL) {
            return cnn__onnx_without_memory(slot->io);
        }
        *item = (int64_t)number;
    }
    return true;
}

/* Numbers of a fixed size: those of a packed field stay where they lie, unless there are several. */
static bool decode_fixed(pb_istream_t *stream, cnn__onnx_slot *slot, size_t item_size)
{
    cnn__onnx_list *list = slot->target;
    pb_byte_t single[8];
    size_t size = item_size;
    const unsigned char *at = rest(stream, &size);
    if (at == NULL) {
        at = single;
        if (!pb_read(stream, single, item_size)) {
            return false;
        }
    }
    if (size % item_size != 0) {
        return fail(slot->io, CNN_ERROR_FORMAT, "numbers end within one");
    }
    if (at != single && list->count == 0) {
        *list = (cnn__onnx_list){(void *)(uintptr_t)at, size / item_size, 0};
        return true;
    }
    for (size_t i = 0; i < size / item_size; i++) {
        if (list->capacity == 0 && list->count > 0) { /* into memory of its own */
            cnn__onnx_list own = {NULL, list->count, list->count};
            own.items = cnn__arena_array(slot->io->arena, own.count, item_size);
            if (own.items == NULL) {
                return cnn__onnx_without_memory(slot->io);
            }
            memcpy(own.items, list->items, own.count * item_size);
            *list = own;
        }
        void *item = cnn__onnx_append(slot->io->arena, list, item_size);
        if (item == NULL) {
            return cnn__onnx_without_memory(slot->io);
        }
        memcpy(item, at + i * item_size, item_size);
    }
    return true;
}

static bool decode_floats(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    (void)field;
    return decode_fixed(stream, *arg, sizeof(float));
}

static bool decode_doubles(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    (void)field;
    return decode_fixed(stream, *arg, sizeof(double));
}

static bool decode_raw(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    cnn__onnx_list *raw = slot->target;
    (void)field;
    raw->items = (void *)(uintptr_t)rest(stream, &raw->count);
    return raw->items != NULL || fail(slot->io, CNN_ERROR_FORMAT, "raw data are not bytes");
}

static bool decode_list(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    (void)field;
    void *item = append(slot->io, slot->target, slot->item_size);
    return item != NULL && slot->message(slot->io, stream, NULL, item);
}

/* A part that comes twice adds to what there is, as the format says. */
static bool decode_part(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    (void)field;
    return slot->message(slot->io, stream, NULL, slot->target);
}

static bool decode_one(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    void *item = NULL;
    (void)field;
    memcpy(&item, slot->target, sizeof(item));
    if (item == NULL) {
        item = cnn__arena_alloc(slot->io->arena, slot->item_size);
        if (item == NULL) {
            return cnn__onnx_without_memory(slot->io);
        }
        memcpy(slot->target, &item, sizeof(item));
    }
    return slot->message(slot->io, stream, NULL, item);
}

const cnn__onnx_decoder cnn__onnx_decoders[] = {
    [CNN__ONNX_TEXT] = decode_text,     [CNN__ONNX_TEXTS] = decode_texts,     [CNN__ONNX_INTS] = decode_ints,
    [CNN__ONNX_FLOATS] = decode_floats, [CNN__ONNX_DOUBLES] = decode_doubles, [CNN__ONNX_RAW] = decode_raw,
    [CNN__ONNX_LIST] = decode_list,     [CNN__ONNX_ONE] = decode_one,         [CNN__ONNX_PART] = decode_part,
};

/* ---- whole files ---- */

static cnn_status decode(cnn__arena *arena, const char *file, const void *bytes, size_t size, cnn__onnx_message message,
                         void *item)
{
    cnn__onnx_io io = {.context = arena->context, .file = file, .arena = arena, .bytes = bytes, .at = bytes};
    pb_istream_t stream = {.callback = take, .state = &io, .bytes_left = size};
    if (message(&io, &stream, NULL, item)) {
        return CNN_OK;
    }
    if (io.status != CNN_OK) {
        return io.status;
    }
    const char *reason = PB_GET_ERROR(&stream);
    const bool cut = strcmp(reason, "end-of-stream") == 0 || strcmp(reason, "parent stream too short") == 0;
    return cnn__fail(arena->context, cut ? CNN_ERROR_TRUNCATED : CNN_ERROR_FORMAT,
                     "%s: at byte %zu of %zu: not an ONNX file: %s", file, (size_t)(io.at - io.bytes), size, reason);
}

cnn_status cnn__onnx_decode(cnn__arena *arena, const char *file, const void *bytes, size_t size, cnn__onnx_model *model)
{
    *model = (cnn__onnx_model){0};
    return decode(arena, file, bytes, size, cnn__onnx_model_message, model);
}

cnn_status cnn__onnx_decode_tensor(cnn__arena *arena, const char *file, const void *bytes, size_t size,
                                   cnn__onnx_tensor *tensor)
{
    *tensor = (cnn__onnx_tensor){0};
    return decode(arena, file, bytes, size, cnn__onnx_tensor_message, tensor);
}
